"""script: runs a file from the home's scripts/ folder, or a monitoring plugin, and reads exit code, output and performance data.

Exit codes follow the Monitoring Plugins Guidelines: 0 good, 1 warning, 2 error, 3 unknown, which is nodata here; all others are
errors. A process that a signal ends has 128 + the signal's number, as in a shell.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.commands import Finished
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.perfdata import read_output

PLUGIN_FOLDERS = tuple(
    Path(folder)
    for folder in (
        "/usr/lib/nagios/plugins",
        "/usr/lib64/nagios/plugins",
        "/usr/lib/monitoring-plugins",
        "/usr/local/lib/monitoring-plugins",
        "/usr/local/nagios/libexec",
    )
)
"""Where distributions put monitoring plugins."""
UNKNOWN = 3
LONGEST_SUMMARY = 300

SPEC = TypeSpec(
    name="script",
    title="Script",
    other_words=("command", "exec", "nagios"),
    help="Runs a file from the scripts folder or a monitoring plugin (Nagios, Icinga).",
    settings=(
        SettingSpec(
            name="script",
            kind="text",
            help="File under scripts/, or the full path of a monitoring plugin.",
            required=True,
        ),
        SettingSpec(name="args", kind="list", help="Arguments, one text each; no shell reads them.", default=[]),
    ),
    values=(
        ValueSpec(name="exit_code", kind="number", help="Exit code of the script."),
        ValueSpec(name="output", kind="text", help="What it printed, without performance data, at most 64 KiB."),
        ValueSpec(name="duration", kind="number", unit="s", help="How long it ran."),
    ),
    error_if=("exit_code == 2", "exit_code > 3"),
    warning_if=("exit_code == 1",),
    default_timeout_s=30.0,
    open_ended=True,
)


class Settings(msgspec.Struct, frozen=True):
    """Prepared settings of a script."""

    script: str
    args: tuple[str, ...] = ()


def problems(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    """A path that leaves the scripts folder, or arguments no process can take."""
    found: list[tuple[str, str]] = []
    script, args = settings.get("script"), settings.get("args", [])
    if isinstance(script, str) and ("\0" in script or ".." in PurePosixPath(script).parts):
        found.append(("script", f"'{script}' leaves the scripts folder"))
    if isinstance(args, list) and any("\0" in str(argument) for argument in args):
        found.append(("args", "'args' holds a zero byte"))
    return tuple(found)


def prepared(settings: Mapping[str, Setting]) -> Settings:
    """What `run` is given, made once a monitor."""
    return msgspec.convert(settings, Settings)


async def run(wanted: Settings, context: CheckContext) -> CheckResult:
    """Runs it in a process group of its own, which ends with the check."""
    path = locate(wanted.script, f"{context.home}/scripts", context.plugin_folders)
    finished = await context.commands.run((path, *wanted.args), folder=path.rpartition("/")[0], clock=context.clock)
    return _result(finished)


def locate(script: str, folder: str, plugin_folders: tuple[Path, ...]) -> str:
    """The file to start. Raises PermissionError when it may not be started, FileNotFoundError when it is not there.

    Nothing under `folder` may be a symlink: the mirror does not copy them, and one could lead anywhere. Plugins may (check_ftp is
    a link to check_tcp), as long as they stay in the plugin folders. (Texts, as pathlib would take a third of the node's share.)
    """
    if script.startswith("/"):
        return _plugin(script, plugin_folders)
    path = folder
    parts = [part for part in script.split("/") if part not in {"", "."}]
    if not parts or ".." in parts:
        raise PermissionError(errno.EPERM, "leaves the scripts folder", script)
    for part in parts[:-1]:
        path = f"{path}/{part}"
        _refuse_link(path, os.lstat(path))
    path = f"{path}/{parts[-1]}"
    found = os.lstat(path)
    _refuse_link(path, found)
    return _checked(path, found)


def _plugin(script: str, folders: tuple[Path, ...]) -> str:
    found = os.lstat(script)
    if not stat.S_ISREG(found.st_mode) or not any(script.rpartition("/")[0] == os.fspath(folder) for folder in folders):
        path = Path(script).resolve()
        if not any(path.is_relative_to(folder.resolve()) for folder in folders):
            raise PermissionError(errno.EPERM, "not in a folder for monitoring plugins; put it into scripts/", script)
        found = path.stat()
    return _checked(script, found)


def _refuse_link(path: str, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise PermissionError(errno.EPERM, "symlinks in scripts/ are not followed", path)


def _checked(path: str, found: os.stat_result) -> str:
    if not stat.S_ISREG(found.st_mode):
        raise PermissionError(errno.EPERM, "is no regular file", path)
    if not os.access(path, os.X_OK):
        raise PermissionError(errno.EACCES, "is not executable (chmod +x)", path)
    return path


def _result(finished: Finished) -> CheckResult:
    read = read_output(finished.output)
    exit_code = finished.exit_code
    values: dict[str, Value] = {
        **read.values,
        "exit_code": exit_code,
        "output": read.text,
        "duration": finished.duration_s,
    }
    line = next(iter((read.text or finished.errors).strip().splitlines()), f"exit code {exit_code}")
    failure = "nodata" if exit_code == UNKNOWN else ""
    return CheckResult(values=values, summary=line[:LONGEST_SUMMARY], failure=failure)
