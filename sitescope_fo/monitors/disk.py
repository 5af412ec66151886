"""disk: free space and inodes of a file system of this node's host, by statvfs(3)."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.units import show

SPEC = TypeSpec(
    name="disk",
    title="Disk space",
    help="Free space of a file system on the host this node runs on.",
    settings=(SettingSpec(name="path", kind="text", help="Any path on the file system.", default="/"),),
    values=(
        ValueSpec(name="disk_free", kind="number", unit="%", help="Space free for ordinary programs."),
        ValueSpec(name="disk_free_bytes", kind="number", unit="bytes", help="The same in bytes."),
        ValueSpec(name="disk_used", kind="number", unit="%", help="100% less disk_free."),
        ValueSpec(name="inodes_free", kind="number", unit="%", help="Free inodes; absent where there is no limit."),
    ),
    error_if=("disk_free < 5%", "inodes_free < 2%"),
    warning_if=("disk_free < 10%", "inodes_free < 5%"),
    default_timeout_s=10.0,
    measures_self=True,
)


class Settings(msgspec.Struct, frozen=True):
    """Prepared settings of a disk check."""

    path: str


def problems(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    """A relative path."""
    path = settings.get("path", "/")
    return () if isinstance(path, str) and path.startswith("/") else (("path", "'path' must start with /"),)


async def run(settings: Mapping[str, Setting], context: CheckContext) -> CheckResult:
    """Asks the file system; one that hangs (NFS) ends at the monitor's time-out and is not asked again meanwhile."""
    wanted = msgspec.convert(settings, Settings)
    values = measure(await context.disks.call(wanted.path, os.statvfs, wanted.path))
    free = f"{show(values['disk_free'], '%')} free ({show(values['disk_free_bytes'], 'bytes')})"
    return CheckResult(values=values, summary=f"{wanted.path}: {free}")


def measure(found: os.statvfs_result) -> dict[str, Value]:
    """As df(1) counts: blocks kept for root are neither used nor free."""
    used = found.f_blocks - found.f_bfree
    usable = used + found.f_bavail
    free = round(100 * found.f_bavail / usable, 1) if usable else 0.0
    values: dict[str, Value] = {
        "disk_free": free,
        "disk_free_bytes": found.f_bavail * found.f_frsize,
        "disk_used": round(100 - free, 1),
    }
    if found.f_files:
        values["inodes_free"] = round(100 * found.f_favail / found.f_files, 1)
    return values
