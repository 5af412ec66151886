"""cpu: how busy the processors of this node's host are, from /proc/stat (proc(5))."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import anyio
import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.context import CheckContext

STAT = Path("/proc/stat")
LOAD = Path("/proc/loadavg")

SPEC = TypeSpec(
    name="cpu",
    title="CPU",
    other_words=("load",),
    help="Share of processor time in use on the host this node runs on.",
    settings=(
        SettingSpec(
            name="interval", kind="duration", help="How long processor time is counted.", default="1s", least=0.1, most=60
        ),
    ),
    values=(
        ValueSpec(name="cpu_used", kind="number", unit="%", help="Processor time in use, all processors together."),
        ValueSpec(name="cpu_wait", kind="number", unit="%", help="Processor time waiting for disks."),
        ValueSpec(name="load", kind="number", help="Load average of the last minute."),
    ),
    error_if=("cpu_used > 98%",),
    warning_if=("cpu_used > 90%",),
    default_timeout_s=10.0,
    measures_self=True,
)


class Settings(msgspec.Struct, frozen=True):
    """Prepared settings of a CPU check."""

    interval: float


class Ticks(msgspec.Struct, frozen=True):
    """Counters since boot, in clock ticks."""

    total: int
    idle: int
    waiting: int


async def run(settings: Mapping[str, Setting], _context: CheckContext) -> CheckResult:
    """Counts twice, `interval` apart."""
    wanted = msgspec.convert(settings, Settings)
    before = _now()
    await anyio.sleep(wanted.interval)
    used, waiting = shares(before, _now())
    load = _load()
    return CheckResult(values={"cpu_used": used, "cpu_wait": waiting, "load": load}, summary=f"{used:g}% used, load {load:g}")


def _now() -> Ticks:
    return ticks(STAT.read_text("ascii"))


def _load() -> float:
    return float(LOAD.read_text("ascii").split()[0])


def ticks(stat: str) -> Ticks:
    """The line `cpu` of /proc/stat: user nice system idle iowait irq softirq steal (guest time is part of user)."""
    counters = [int(word) for word in stat.partition("\n")[0].split()[1:9]]
    idle, waiting = counters[3], counters[4]
    return Ticks(total=sum(counters), idle=idle, waiting=waiting)


def shares(before: Ticks, after: Ticks) -> tuple[float, float]:
    """(used, waiting for disks) in percent; (0, 0) when no tick has passed."""
    total = after.total - before.total
    if total <= 0:
        return 0.0, 0.0
    idle, waiting = after.idle - before.idle, after.waiting - before.waiting

    def percent(part: int) -> float:
        return round(min(100.0, max(0.0, 100 * part / total)), 1)  # iowait may run back (proc(5))

    return percent(total - idle - waiting), percent(waiting)
