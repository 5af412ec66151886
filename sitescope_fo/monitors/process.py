"""process: how many processes of a kind the host of this node runs, and what they use, from /proc (proc(5))."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.matching import match_problem, matcher
from sitescope_fo.monitors.units import show

PROC = Path("/proc")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

SPEC = TypeSpec(
    name="process",
    title="Process",
    other_words=("proc",),
    help="Processes on the host this node runs on, chosen by name, command line and user; at least one of them is needed.",
    settings=(
        SettingSpec(name="name", kind="text", help="Name of the program, such as nginx."),
        SettingSpec(name="command", kind="text", help="Text, or /regular expression/, that the whole command line must contain."),
        SettingSpec(name="user", kind="text", help="User, or number of the user, that it runs as."),
        SettingSpec(
            name="interval", kind="duration", help="How long processor time is counted.", default="1s", least=0.1, most=60
        ),
    ),
    values=(
        ValueSpec(name="count", kind="number", unit="count", help="Processes found, without those that ended (zombies)."),
        ValueSpec(name="cpu_used", kind="number", unit="%", help="Processor time of all of them; 100% is one processor."),
        ValueSpec(name="memory", kind="number", unit="bytes", help="Resident memory of all; shared pages count for each."),
        ValueSpec(name="memory_largest", kind="number", unit="bytes", help="Resident memory of the largest one."),
        ValueSpec(name="oldest_age", kind="number", unit="s", help="Since the start of the oldest; absent when there is none."),
        ValueSpec(name="youngest_age", kind="number", unit="s", help="Since the start of the youngest: small after a restart."),
        ValueSpec(name="zombies", kind="number", unit="count", help="Processes that ended and were not reaped by their parent."),
    ),
    error_if=("count == 0",),
    default_timeout_s=10.0,
    measures_self=True,
)


class Process(msgspec.Struct, frozen=True):
    """One process as /proc shows it. `ticks` is the processor time used, `started_s` is on the clock of /proc/uptime."""

    pid: int
    name: str
    command: str
    user: int
    state: str
    ticks: int
    started_s: float
    memory: int


class Wanted(msgspec.Struct, frozen=True):
    """A check as far as it is the same each time."""

    name: str
    command: Callable[[str], bool] | None
    user: str
    interval: float


def problems(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    """Nothing to choose by, or a bad regular expression."""
    if not any(settings.get(name) for name in ("name", "command", "user")):
        return (("name", "one of 'name', 'command' and 'user' is needed"),)
    problem = match_problem(settings.get("command", ""))
    return (("command", problem),) if problem else ()


def prepared(settings: Mapping[str, Setting]) -> Wanted:
    """What `run` is given, made once a monitor. Raises Usage for what `problems` tells."""
    command = str(settings.get("command", ""))
    return Wanted(
        name=str(settings.get("name", "")),
        command=matcher(command) if command else None,
        user=str(settings.get("user", "")),
        interval=msgspec.convert(settings["interval"], float),
    )


async def run(wanted: Wanted, context: CheckContext) -> CheckResult:
    """Reads all processes, and after `interval` those that were chosen again. Checks at the same time share one reading."""
    user = await context.lookups.call(("user", wanted.user), user_number, wanted.user) if wanted.user else None
    everything = await context.disks.call("processes", read_all, PROC)
    chosen = choose(everything, wanted, user)
    started = context.clock.mono()
    later: tuple[Process, ...] = ()
    if chosen:
        await anyio.sleep(wanted.interval)
        pids = tuple(process.pid for process in chosen)
        later = await context.disks.call(("processes", pids), read_some, PROC, pids)
    uptime = float((PROC / "uptime").read_text("ascii").split()[0])
    values = measure(chosen, later, context.clock.mono() - started, uptime)
    used = f", {show(values['cpu_used'], '%')} CPU, {show(values['memory'], 'bytes')}" if values["count"] else ""
    return CheckResult(values=values, summary=f"{values['count']} running{used}")


def user_number(user: str) -> int:
    """The number of a user of this machine. Raises FileNotFoundError when it has none."""
    if user.isdecimal():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError as error:
        raise FileNotFoundError(2, "no such user", user) from error


def choose(processes: tuple[Process, ...], wanted: Wanted, user: int | None) -> tuple[Process, ...]:
    """Those that everything set fits. A kernel cuts names at 15 characters, so the program in the command line counts too."""
    return tuple(
        process
        for process in processes
        if (not wanted.name or wanted.name in {process.name, _program(process.command)})
        and (wanted.command is None or (bool(process.command) and wanted.command(process.command)))
        and (user is None or process.user == user)
    )


def _program(command: str) -> str:
    return command.partition(" ")[0].rpartition("/")[2]


def measure(before: tuple[Process, ...], after: tuple[Process, ...], seconds: float, uptime: float) -> dict[str, Value]:
    """All values; processor time is of those seen both times, the rest of the first look."""
    living = [process for process in before if process.state != "Z"]
    used = {(process.pid, process.started_s): process.ticks for process in before}
    ticks = sum(max(0, process.ticks - used[key]) for process in after if (key := (process.pid, process.started_s)) in used)
    values: dict[str, Value] = {
        "count": len(living),
        "zombies": len(before) - len(living),
        "cpu_used": round(100 * ticks * _TICK_S / seconds, 1) if seconds > 0 else 0.0,
        "memory": sum(process.memory for process in living),
        "memory_largest": max((process.memory for process in living), default=0),
    }
    if living:
        values["oldest_age"] = round(max(0.0, uptime - min(process.started_s for process in living)), 2)
        values["youngest_age"] = round(max(0.0, uptime - max(process.started_s for process in living)), 2)
    return values


def read_all(proc: Path) -> tuple[Process, ...]:
    """Every process that is visible. Blocking."""
    return read_some(proc, tuple(int(name) for name in os.listdir(proc) if name.isdecimal()))  # noqa: PTH208  # 3x faster


def read_some(proc: Path, pids: tuple[int, ...]) -> tuple[Process, ...]:
    """These processes without those that are gone by now. Blocking."""
    return tuple(process for pid in pids if (process := _read(f"{proc}/{pid}")) is not None)


def _read(folder: str) -> Process | None:
    try:
        user = os.stat(folder).st_uid  # noqa: PTH116  # thousands a check
        stat = _content(f"{folder}/stat")
        command = _content(f"{folder}/cmdline")
    except OSError:
        return None  # it ended meanwhile (ENOENT, ESRCH), or is hidden (hidepid)
    return parse(stat, command, user)


def _content(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        return file.read()


def parse(stat: bytes, command: bytes, user: int) -> Process:
    """From the texts of /proc/PID/stat and /proc/PID/cmdline; a name may hold spaces and parentheses."""
    head, _, rest = stat.rpartition(b")")
    pid, _, name = head.partition(b" (")
    fields = rest.split()
    return Process(
        pid=int(pid),
        name=name.decode(errors="replace"),
        command=command.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace"),
        user=user,
        state=fields[0].decode(),
        ticks=int(fields[11]) + int(fields[12]),
        started_s=int(fields[19]) * _TICK_S,
        memory=int(fields[21]) * _PAGE_BYTES,
    )
