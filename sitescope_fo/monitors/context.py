"""What a monitor type gets beside its settings, and what a type is."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sitescope_fo.model.monitor import CheckResult
from sitescope_fo.model.monitor_type import TypeSpec
from sitescope_fo.model.ports import Clock
from sitescope_fo.monitors.aside import Aside
from sitescope_fo.monitors.commands import Commands
from sitescope_fo.monitors.icmp import Echo


@dataclass(frozen=True, slots=True)
class CheckContext:
    """Shared by all checks of a node, but for `home`: the tree whose scripts/ this check may use."""

    home: Path
    clock: Clock
    lookups: Aside
    """For name resolution, which may hang."""
    disks: Aside
    """For file systems, which may hang."""
    echo: Echo
    commands: Commands
    tls: Callable[[bool], ssl.SSLContext]
    """The client context that verifies certificates (True) or takes any (False)."""
    plugin_folders: tuple[Path, ...]
    """Where `script` monitors may start commands outside the home's scripts/."""


class MonitorType(Protocol):
    """One monitor type: a module or object with these two names.

    It may also have `problems(settings)`, which tells what `SPEC.settings` cannot say, as (setting name, what is wrong) pairs.
    With `prepared(settings)`, called once a monitor, `run` is given what that returned in place of the settings.
    """

    @property
    def SPEC(self) -> TypeSpec:  # noqa: N802  # a constant of the module
        """What the type is called, takes and measures."""
        ...

    async def run(self, settings: Any, context: CheckContext, /) -> CheckResult:  # noqa: ANN401  # each type prepares its own
        """One check over its settings, as a mapping with defaults filled in and durations in seconds, or as it prepared them.

        It is cancelled at its time-out; OSErrors may pass, they become failures.
        """
        ...
