"""file: files of this node's host by path or pattern: are they there, how old, how large, how many, and what ends they have."""

from __future__ import annotations

import glob
import os
import pwd
import stat
from collections.abc import Callable, Mapping
from itertools import islice

import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.matching import match_problem, matcher
from sitescope_fo.monitors.units import show

MOST_FILES = 10_000
"""Files looked at in one check; more are counted up to here."""
MOST_TAIL = 1024 * 1024
_KINDS = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISCHR, "device"),
)

SPEC = TypeSpec(
    name="file",
    title="File",
    other_words=("directory", "folder", "log"),
    help="Files on the host this node runs on, by path or pattern. With several, the newest one gives mode, owner and content.",
    settings=(
        SettingSpec(
            name="path",
            kind="text",
            help="Full path; * ? and [abc] stand for names in a folder, ** is not known.",
            required=True,
        ),
        SettingSpec(
            name="match", kind="text", help="Text, or /regular expression/, that the last part of the newest file must hold."
        ),
        SettingSpec(
            name="tail_bytes",
            kind="integer",
            help="How much of its end is read for `match`.",
            default=64 * 1024,
            least=1,
            most=MOST_TAIL,
        ),
    ),
    values=(
        ValueSpec(name="exists", kind="text", help="'yes' or 'no'."),
        ValueSpec(name="count", kind="number", unit="count", help=f"Files found, {MOST_FILES} at most."),
        ValueSpec(name="age", kind="number", unit="s", help="Since the newest one was changed."),
        ValueSpec(name="oldest_age", kind="number", unit="s", help="Since the oldest one was changed."),
        ValueSpec(name="size", kind="number", unit="bytes", help="Of all of them together."),
        ValueSpec(name="largest", kind="number", unit="bytes", help="Of the largest one."),
        ValueSpec(name="smallest", kind="number", unit="bytes", help="Of the smallest one."),
        ValueSpec(name="newest", kind="text", help="Path of the newest one."),
        ValueSpec(name="oldest", kind="text", help="Path of the oldest one."),
        ValueSpec(name="kind", kind="text", help="Of the newest: file, folder, pipe, socket, device, other. Links are followed."),
        ValueSpec(name="mode", kind="text", help="Permissions of the newest one, four octal digits such as '0644'."),
        ValueSpec(name="owner", kind="text", help="User that owns the newest one."),
        ValueSpec(
            name="content_match",
            kind="text",
            help="'yes' or 'no': whether the newest file has what `match` asks for.",
        ),
    ),
    error_if=("exists == 'no'", "content_match == 'no'"),
    default_timeout_s=10.0,
    measures_self=True,
)


class Found(msgspec.Struct, frozen=True):
    """One file as stat(2) shows it."""

    path: str
    size: int
    changed: float
    mode: int
    user: int


class Look(msgspec.Struct, frozen=True):
    """What one look at the file system gave: the files, the newest one's owner, and its end when that was asked for."""

    files: tuple[Found, ...]
    owner: str = ""
    tail: bytes | None = None


class Wanted(msgspec.Struct, frozen=True):
    """A check as far as it is the same each time."""

    path: str
    matches: Callable[[str], bool] | None
    tail_bytes: int


def problems(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    """A relative path, a pattern over a whole tree, a bad regular expression."""
    path = settings.get("path")
    found: list[tuple[str, str]] = []
    if isinstance(path, str):
        if not path.startswith("/") or "\0" in path:
            found.append(("path", "'path' must start with /"))
        elif "**" in path:
            found.append(("path", "'**' would search a whole tree; name the folders"))
    if problem := match_problem(settings.get("match", "")):
        found.append(("match", problem))
    return tuple(found)


def prepared(settings: Mapping[str, Setting]) -> Wanted:
    """What `run` is given, made once a monitor. Raises Usage for what `problems` tells."""
    match = str(settings.get("match", ""))
    tail = settings["tail_bytes"]
    return Wanted(str(settings["path"]), matcher(match) if match else None, msgspec.convert(tail, int))


async def run(wanted: Wanted, context: CheckContext) -> CheckResult:
    """Looks in a thread: a file system that hangs (NFS) ends at the time-out and is not asked again meanwhile."""
    tail = wanted.tail_bytes if wanted.matches else 0
    look = await context.disks.call(("file", wanted.path, tail), look_at, wanted.path, tail)
    values = measure(look, context.clock.wall(), wanted.matches)
    return CheckResult(values=values, summary=_summary(wanted.path, values))


def look_at(path: str, tail_bytes: int) -> Look:
    """The files of a path or pattern. Blocking. Raises OSError when one cannot be looked at or read."""
    files: list[Found] = []
    for name in islice(glob.iglob(path), MOST_FILES) if glob.has_magic(path) else (path,):  # noqa: PTH207  # a full path
        try:
            seen = os.stat(name)  # noqa: PTH116  # thousands a check
        except (FileNotFoundError, NotADirectoryError):
            continue  # gone meanwhile, or a link that leads nowhere
        files.append(Found(name, seen.st_size, seen.st_mtime, seen.st_mode, seen.st_uid))
    if not files:
        return Look(())
    newest = max(files, key=_changed)
    tail = _read_end(newest.path, tail_bytes) if tail_bytes and stat.S_ISREG(newest.mode) else None
    return Look(tuple(files), _user_name(newest.user), tail)


def _changed(found: Found) -> float:
    return found.changed


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _read_end(path: str, most: int) -> bytes:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # it may have become a pipe by now
    try:
        os.lseek(opened, max(0, os.fstat(opened).st_size - most), os.SEEK_SET)
        data = b""
        while len(data) < most and (more := os.read(opened, most - len(data))):
            data += more
        return data
    finally:
        os.close(opened)


def measure(look: Look, now: float, matches: Callable[[str], bool] | None) -> dict[str, Value]:
    """All values; ages by the wall clock, never negative. What is no regular file has no content that could match."""
    values: dict[str, Value] = {"exists": "yes" if look.files else "no", "count": len(look.files)}
    if not look.files:
        return values
    newest, oldest = max(look.files, key=_changed), min(look.files, key=_changed)
    sizes = [found.size for found in look.files]
    values |= {
        "age": round(max(0.0, now - newest.changed), 2),
        "oldest_age": round(max(0.0, now - oldest.changed), 2),
        "size": sum(sizes),
        "largest": max(sizes),
        "smallest": min(sizes),
        "newest": newest.path,
        "oldest": oldest.path,
        "kind": next((word for test, word in _KINDS if test(newest.mode)), "other"),
        "mode": f"{stat.S_IMODE(newest.mode):04o}",
        "owner": look.owner,
    }
    if matches is not None:
        values["content_match"] = "yes" if look.tail is not None and matches(look.tail.decode(errors="replace")) else "no"
    return values


def _summary(path: str, values: Mapping[str, Value]) -> str:
    if values["exists"] == "no":
        return f"{path}: not there"
    count = f"{values['count']} files, " if values["count"] != 1 else ""
    told = f"{path}: {count}{show(values['size'], 'bytes')}, changed {show(values['age'], 's')} ago"
    if "content_match" in values:
        told += ", content matches" if values["content_match"] == "yes" else ", content does not match"
    return told
