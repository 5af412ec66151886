"""The check that does nothing: it passes through queue, runner and writer like every other, so its age shows their progress."""

from __future__ import annotations

from collections.abc import Mapping

from sitescope_fo.model.monitor import CheckResult, Setting
from sitescope_fo.model.monitor_type import TypeSpec
from sitescope_fo.monitors.context import CheckContext

SPEC = TypeSpec(
    name="noop",
    title="No operation",
    help="Measures nothing. The node runs one every second to know that its scheduler makes progress.",
    settings=(),
    values=(),
    default_frequency_s=1.0,
    default_timeout_s=1.0,
    measures_self=True,
    hidden=True,
)


async def run(_settings: Mapping[str, Setting], _context: CheckContext) -> CheckResult:
    """Nothing, successfully."""
    return CheckResult(summary="ran")
