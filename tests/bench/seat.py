"""An operator's seat for benchmarks: a terminal with a console on it, whose cost and haste are measured from outside."""

import os
import re
import signal
import threading
import time
from contextlib import contextmanager
from typing import NamedTuple

from tests.bench.record import FOLDER
from tests.console.pty import Terminal, children, cpu_s

COMPILED = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(FOLDER.parent / "pycache")}
"""Installed programs find their modules compiled, so what is measured does."""
LATE_S = 60
TYPING_S = 0.1
"""Between two keys."""
_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)Z")
_DAY_S = 86_400
_DOWN = "\x1b[B"


class Steady(NamedTuple):
    """A stretch of time: shares of a core, and bytes a second to the terminal."""

    console: float
    main: float
    """Of the console's main thread alone."""
    node: float
    """Of the process given, 0 when none was."""
    bytes_s: float


class Seat:
    """A program on a terminal of `size`. `waiter` says that a child of it does the work: then both are counted."""

    def __init__(self, words, folder, size=(80, 24), *, waiter=False):
        self.began = time.perf_counter()
        self.terminal = Terminal(words, size=size, XDG_CONFIG_HOME=str(folder), **COMPILED)
        self._waiter = waiter

    def pids(self):
        """The program, and its child."""
        program = self.terminal.program()
        return [program, *(children(program) if self._waiter else ())]

    def pids_now(self):
        """Those of them that run."""
        return [pid for one in children(self.terminal.shell) for pid in (one, *children(one))]

    def cpu_s(self):
        """Seconds of processor time since the start."""
        return sum(map(cpu_s, self.pids()))

    def until(self, text, within_s=LATE_S, start=0):
        """Processor time at the moment when `text` stands on the terminal."""
        self.terminal.shows(text, within_s, start)
        return self.cpu_s()

    def keys(self, *strokes, gap_s=TYPING_S):
        """Milliseconds from each key to its effect; a stroke is (key, text that it brings)."""
        found = []
        for key, text in strokes:
            start, began = len(self.terminal.output), time.perf_counter()
            self.terminal.type(key)
            self.terminal.shows(text, LATE_S, start)
            found.append((time.perf_counter() - began) * 1000)
            time.sleep(gap_s)
        return found

    def steady(self, seconds, node=0):
        """What it costs while nobody touches it."""
        work = self.pids()[-1]
        before = self.cpu_s(), thread_s(work), cpu_s(node) if node else 0.0, len(self.terminal.output), time.perf_counter()
        time.sleep(seconds)
        after = self.cpu_s(), thread_s(work), cpu_s(node) if node else 0.0, len(self.terminal.output), time.perf_counter()
        *used, took = (late - early for early, late in zip(before, after, strict=True))
        return Steady(*(one / took for one in used))

    @contextmanager
    def stalled(self):
        """The terminal reads nothing while the block runs, and somebody pages through the list all the same."""
        over = threading.Event()

        def page():
            while not over.wait(0.25):
                self.terminal.type("\x1b[6~")

        typing = threading.Thread(target=page)
        self.terminal.stall()
        typing.start()
        try:
            yield
        finally:
            over.set()
            typing.join()

    def right_again(self, keys="Quit"):
        """Seconds from the moment the terminal reads again until it shows the present: the clock of now above, the keys below."""
        start, wall, began = len(self.terminal.output), time.time(), time.perf_counter()
        self.terminal.resume()
        self.terminal.sees(lambda text: _is_present(text, wall, keys), LATE_S, start, "present screen")
        return time.perf_counter() - began

    def end(self):
        """Ends what still runs, however it stands."""
        if self.terminal.shell:
            for pid in reversed(self.pids_now()):
                os.kill(pid, signal.SIGKILL)
            self.terminal.end()

    def leave(self, *, stop=False):
        """Ends the console; with `stop` its engine, too."""
        self.terminal.type("q")
        if stop:
            self.terminal.shows("Detach:")
            self.terminal.type(_DOWN + "\r")
        self.terminal.exit_code(LATE_S)
        self.terminal.end()


def thread_s(pid):
    """Processor time of the main thread of a process."""
    return cpu_s(f"{pid}/task/{pid}")


def _is_present(text, wall, keys):
    """The bar of keys comes last on a screen that is painted anew."""
    second = int(wall % _DAY_S) - 1
    for clock in _CLOCK.finditer(text):
        hours, minutes, seconds = map(int, clock.groups())
        if (hours * 3600 + minutes * 60 + seconds - second) % _DAY_S < _DAY_S // 2:
            return keys in text[clock.start() :]
    return False
