"""One node of the demo: its home, its daemon as a process, and what its own log says happened."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from subprocess import DEVNULL, PIPE

import anyio
import msgspec
from anyio.abc import Process

from sitescope_fo.model.errors import Bad
from sitescope_fo.model.snapshot import MonitorRow, StatusReport
from sitescope_fo.store.home import Home
from sitescope_fo.store.textlog import TextLog

COMMAND_S = 30.0
START_S = 30.0
STOP_S = 8.0
LOOK_EVERY_S = 0.1
"""How often a log is looked at."""
ASK_EVERY_S = 0.5
"""How often a node is asked for its status: a command costs about 0.3 s of CPU time."""
TAIL_LINES = 15

_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
_MOVE = re.compile(r"(\w+) -> (\w+): (.*)", re.DOTALL)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of high_availability.log. `wall` is what the node wrote, in POSIX seconds."""

    wall: float
    level: str
    event: str
    what: str
    term: int = 0

    @property
    def move(self) -> tuple[str, str]:
        """(from, to) of a change of role, ("", "") of anything else."""
        found = _MOVE.match(self.what) if self.event == "role_changed" else None
        return (found[1], found[2]) if found else ("", "")

    @property
    def why(self) -> str:
        """The reason of a change of role, without the evidence; else the whole sentence."""
        found = _MOVE.match(self.what)
        return (found[3] if found else self.what).split("; seen: ")[0]


def read_event(line: str) -> Event:
    """The event in a line of high_availability.log."""
    stamp, level, rest = line.split(" ", 2)
    fields = {key: _plain(value) for key, value in _FIELD.findall(rest)}
    return Event(
        wall=datetime.fromisoformat(stamp).timestamp(),
        level=level,
        event=fields.get("event", ""),
        what=fields.get("what", ""),
        term=int(fields.get("term", "0")),
    )


def _plain(value: str) -> str:
    return value[1:-1].replace('\\"', '"').replace("\\\\", "\\") if value.startswith('"') else value


def program(home: Path, *words: str) -> list[str]:
    """The real command line, as a user would type it."""
    return [sys.executable, "-m", "sitescope_fo", "--home", str(home), *words]


def surroundings() -> dict[str, str]:
    """This process's environment without what would lead to another home or another service manager."""
    return {k: v for k, v in os.environ.items() if not k.startswith("SITESCOPE_") and k not in {"NOTIFY_SOCKET", "WATCHDOG_USEC"}}


class DemoNode:
    """A home under the demo's folder. Every change goes through the command line, so the demo proves the product."""

    def __init__(self, name: str, home: Path, port: int) -> None:
        self.name, self.home, self.port = name, home, port
        self.events: list[Event] = []
        self._log = TextLog(Home(home).event_log)
        self._offset = 0
        self._process: Process | None = None
        self._output = home.parent / "output.txt"

    # --- commands ---------------------------------------------------------------------------------------------------

    async def run(self, *words: str, stdin: str = "") -> str:
        """The output of one command. Raises Bad (`demo_command_failed`) when it fails."""
        with anyio.fail_after(COMMAND_S):
            done = await anyio.run_process(
                program(self.home, *words), input=stdin.encode(), stderr=PIPE, check=False, env=surroundings()
            )
        if done.returncode:
            what = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
            raise Bad(
                f"A command of the demo failed: {what}", where=f"{self.name}: {' '.join(words)}", code="demo_command_failed"
            )
        return done.stdout.decode("utf-8", "replace")

    async def status(self) -> StatusReport:
        """`status --json`."""
        return msgspec.json.decode(await self.run("status", "--json"), type=StatusReport)

    async def monitors(self) -> list[MonitorRow]:
        """`monitor list --json`."""
        return msgspec.json.decode(await self.run("monitor", "list", "--json"), type=list[MonitorRow])

    # --- the daemon -------------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """The daemon's process id; 0 when it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def start(self) -> None:
        """Starts the daemon and returns when it answers commands. Raises Bad (`demo_late`, `demo_ended`)."""
        with self._output.open("ab") as output:
            # A session of its own: Ctrl-C reaches the demo, which then stops its nodes in order.
            self._process = await anyio.open_process(
                program(self.home, "--daemon"),
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                env=surroundings(),
                start_new_session=True,
            )
        await self.until(self._answers, START_S, "the daemon to answer", every_s=ASK_EVERY_S)

    async def _answers(self) -> bool:
        try:
            await self.status()
        except Bad:
            return False
        return True

    def kill(self) -> None:
        """`kill -9` of the daemon, by its process id."""
        if self._process is not None and self.pid:
            self._process.kill()

    async def gone(self) -> None:
        """Returns when the daemon's process has ended."""
        if self._process is not None:
            await self._process.wait()
            self._process = None

    async def stop(self) -> None:
        """Ends the daemon as a service manager would; after STOP_S it is killed."""
        if self._process is None or not self.pid:
            return
        self._process.terminate()
        with anyio.move_on_after(STOP_S):
            await self._process.wait()
        self.kill()
        await self._process.wait()

    # --- what happened ----------------------------------------------------------------------------------------------

    def look(self) -> list[Event]:
        """All events so far, after reading what is new in the log."""
        chunk = self._log.read(self._offset)
        self._offset = chunk.next
        self.events += [read_event(line) for line in chunk.lines]
        return self.events

    async def event(self, wanted: Callable[[Event], bool], within_s: float, what: str, since: float = 0.0) -> Event:
        """The first event from wall time `since` on that is wanted. Raises Bad (`demo_late`) when it does not come in time."""
        found: list[Event] = []

        async def there() -> bool:
            found[:] = [event for event in self.look() if event.wall >= since and wanted(event)][:1]
            return bool(found)

        await self.until(there, within_s, what)
        return found[0]

    async def until(
        self, holds: Callable[[], Awaitable[bool]], within_s: float, what: str, *, every_s: float = LOOK_EVERY_S
    ) -> None:
        """Returns when `holds` gives True. Raises Bad: `demo_late`, or `demo_ended` when the daemon is gone."""
        with anyio.move_on_after(within_s):
            while not await holds():
                if self._process is not None and self._process.returncode is not None:
                    ended = f"The {self.name} ended with exit code {self._process.returncode}"
                    raise Bad(ended, where=f"waiting for {what}", code="demo_ended")
                await anyio.sleep(every_s)
            return
        raise Bad(f"The demo waited {within_s:g} s in vain for {what}", where=self.name, code="demo_late")

    def tail(self) -> list[str]:
        """The end of everything the node wrote, for whoever has to find out why the demo failed."""
        files = (Home(self.home).event_log, Home(self.home).error_log, Home(self.home).run_log, self._output)
        lines = []
        for path in files:
            found = TextLog(path).tail(TAIL_LINES).lines
            lines += [f"--- {self.name}: {path.name}", *found] if found else []
        return lines
