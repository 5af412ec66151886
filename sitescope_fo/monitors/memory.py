"""memory: how much memory and swap the host of this node has in use, from /proc/meminfo (proc(5))."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import TypeSpec, ValueSpec
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.units import show

MEMINFO = Path("/proc/meminfo")

SPEC = TypeSpec(
    name="memory",
    title="Memory",
    other_words=("ram",),
    help="Memory and swap in use on the host this node runs on.",
    settings=(),
    values=(
        ValueSpec(name="memory_used", kind="number", unit="%", help="Memory that programs could not get without swapping."),
        ValueSpec(name="memory_free", kind="number", unit="bytes", help="Memory that programs can get without swapping."),
        ValueSpec(name="swap_used", kind="number", unit="%", help="Swap space in use, 0 without swap."),
    ),
    error_if=("memory_used > 95%",),
    warning_if=("memory_used > 90%", "swap_used > 50%"),
    default_timeout_s=10.0,
    measures_self=True,
)


async def run(_settings: Mapping[str, Setting], _context: CheckContext) -> CheckResult:
    """Reads the kernel's figures."""
    values = measure(_meminfo())
    summary = f"{show(values['memory_used'], '%')} used, {show(values['memory_free'], 'bytes')} free"
    return CheckResult(values=values, summary=summary)


def _meminfo() -> str:
    return MEMINFO.read_text("ascii")


def measure(meminfo: str) -> dict[str, Value]:
    """The three values from the text of /proc/meminfo, whose figures are KiB."""
    size = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in meminfo.splitlines())}
    swap = size["SwapTotal"]
    return {
        "memory_used": _percent(size["MemTotal"] - size["MemAvailable"], size["MemTotal"]),
        "memory_free": size["MemAvailable"],
        "swap_used": _percent(swap - size["SwapFree"], swap),
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0
