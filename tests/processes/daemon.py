"""A real node: a home, `sitescope-fo --daemon` on it as a process, and what its own records say."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sitescope_fo.client.local import LocalClient
from sitescope_fo.model.command import CommandRequest
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.node.demo_node import read_event
from sitescope_fo.store.home import Home
from sitescope_fo.store.results import ResultLog
from sitescope_fo.store.textlog import TextLog

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = [sys.executable, "-m", "sitescope_fo"]
COMMAND_S = 60
LOOK_EVERY_S = 0.05


class Late(AssertionError):
    """Something did not happen in time."""


def until(look, within_s, what):
    """The first true value of `look()`. Raises Late; the deadline is only there to end a test that has failed."""
    end = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() >= end:
            raise Late(f"waited {within_s:g} s in vain for {what}")
        time.sleep(LOOK_EVERY_S)
    return found


@dataclass(frozen=True)
class Check:
    """One recorded run of a monitor; `started` in POSIX seconds."""

    path: str
    monitor: str
    started: float
    status: str
    term: int
    values: dict


def environment(**more):
    """What daemons and commands of these tests see: this checkout, nothing of the caller's own nodes."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SITESCOPE_") and k != "NOTIFY_SOCKET"}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1", **more}


class Daemon:
    """One node of a pair. `start`, `kill`, `pause`, `resume` and `stop` act on its process only.

    `inside` is what its daemon and commands are run by: words that put a program into a network namespace and become it.
    """

    def __init__(self, name, home, port, inside=()):
        self.name, self.home, self.port = name, home, port
        self.inside = tuple(inside)
        self.client = LocalClient(home)
        self.process = None
        self._log = TextLog(Home(home).event_log)
        self._events, self._offset = [], 0

    # --- the process ---

    def start(self, *, wait=True, **env):
        """Starts the daemon; with `wait`, returns when it answers on its socket."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*self.inside, *PROGRAM, "--home", str(self.home), "--daemon"],
                cwd=self.home.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment(**env),
                start_new_session=True,
            )
        if wait:
            until(self.answers, 30, f"the {self.name} to answer")
        return self

    @property
    def output(self):
        return self.home.parent / "output.txt"

    @property
    def runs(self):
        return self.process is not None and self.process.poll() is None

    def answers(self):
        """Whether the daemon answers; fails at once when its process has ended."""
        if not self.runs:
            raise AssertionError(f"the {self.name} ended with {self.process.returncode}: {self.tail()}")
        try:
            return bool(self.status())
        except SiteScopeError:
            return False

    def kill(self):
        """kill -9; gives the wall time just before it."""
        at = time.time()
        self.process.kill()
        self.process.wait()
        return at

    def pause(self):
        """SIGSTOP; gives the wall time just before it."""
        at = time.time()
        self.process.send_signal(signal.SIGSTOP)
        return at

    def resume(self):
        """SIGCONT; gives the wall time just before it."""
        at = time.time()
        self.process.send_signal(signal.SIGCONT)
        return at

    def stop(self, within_s=20):
        """SIGTERM; gives the seconds it took and the exit code."""
        began = time.monotonic()
        self.process.terminate()
        code = self.process.wait(within_s)
        return time.monotonic() - began, code

    def end(self):
        """Ends the process whatever state it is in."""
        if self.runs:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    # --- asking ---

    def cli(self, *words, stdin="", code=0):
        """One real command; its exit code must be `code`."""
        done = subprocess.run(
            [*self.inside, *PROGRAM, "--home", str(self.home), *words],
            cwd=self.home.parent,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            env=environment(),
            check=False,
        )
        assert done.returncode == code, f"{self.name}: {' '.join(words)} -> {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def json(self, *words, code=0):
        return json.loads(self.cli(*words, "--json", code=code))

    def status(self):
        """`status --json`, over the socket."""
        return self.client.query("status", timeout_s=5)

    def begin(self, body):
        """Submits a command and does not wait for its end."""

        def submit():
            with suppress(SiteScopeError):
                self.client.command(CommandRequest(id=uuid.uuid4().hex, body=body))

        threading.Thread(target=submit, daemon=True).start()

    def monitors(self):
        """`monitor list --json`, over the socket."""
        return self.client.query("monitors", timeout_s=5)

    # --- its records ---

    def events(self, since=0.0):
        """The events of high_availability.log from wall time `since` on."""
        chunk = self._log.read(self._offset, 100_000)
        self._offset = chunk.next
        self._events += map(read_event, chunk.lines)
        return [event for event in self._events if event.wall >= since]

    def moves(self, since=0.0):
        """The changes of role: (from, to)."""
        return [event.move for event in self.events(since) if event.event == "role_changed"]

    def event(self, wanted, within_s, what, since=0.0):
        """The first event from `since` on for which `wanted(event)` holds."""
        try:
            return until(lambda: next((e for e in self.events(since) if wanted(e)), None), within_s, what)
        except Late as late:
            raise Late(f"{late}; {self.tail()}") from None

    def reached(self, position, within_s, since=0.0):
        """The event of the change to `position`."""
        return self.event(lambda e: e.move[1] == position, within_s, f"{position} on the {self.name}", since)

    def checks(self, since=0.0, before=float("inf")):
        """Every recorded run that started in between, in order of start."""
        log = ResultLog(Home(self.home).daily)
        found = [
            Check(row.path, row.monitor_id, row.wall - row.duration_s, row.status.value, row.term, row.values)
            for day in log.days()
            for row in log.rows(day)
        ]
        return sorted((one for one in found if since <= one.started < before), key=lambda one: one.started)

    def tail(self, lines=25):
        """The end of all its logs, for the message of a failed test."""
        home = Home(self.home)
        parts = []
        for path in (home.event_log, home.error_log, home.run_log, self.output):
            found = TextLog(path).tail(lines).lines
            parts += [f"--- {self.name}: {path.name}", *found] if found else []
        return "\n".join(["", *parts])
