"""`make soak`, its first half: as many seeds as it takes for 10,000 node-days of decisions and 100 through the HTTP stack.

    python -m tests.simulation.soak [decision | http] [SEED]

A run goes on where the last one ended or was stopped (Ctrl-C, SIGTERM): `build/soak.json` keeps the next seed of each level.
SOAK_FRESH=1 begins anew. SOAK_FROM and SOAK_TO run just these seeds (the last one excluded; without SOAK_TO until the days are
reached) and leave that file alone. SOAK_DECISION_DAYS and SOAK_HTTP_DAYS are the days, SOAK_WORKERS the processes (one a core).
With SEED one world is run again and told whole. Exit code 1 when a seed failed, 130 when it was stopped.
"""

import os
import signal
import sys
import time
from multiprocessing import TimeoutError as NotYet
from multiprocessing import get_context
from pathlib import Path

import anyio
import msgspec

from tests.failover.rules import SPENT
from tests.failover.swarm import Swarm
from tests.simulation.clock import JumpClock
from tests.simulation.test_full_http import hours
from tests.simulation.watch import DAYS

DAY_S = 86400.0
FIRST = 100_000
"""Far from the seeds of every run."""
SAY_EVERY_S, SAVE_EVERY_S, LOOK_S = 15.0, 2.0, 0.5
KEPT = Path(__file__).parents[2] / "build" / "soak.json"
STOPPED = 130


def decision(seed):
    """One world of the decision level; node-seconds of it."""
    before = SPENT["seconds"]
    Swarm(seed).run()
    return SPENT["seconds"] - before


def full_http(seed):
    """One world through the HTTP stack; node-seconds of it."""
    before = DAYS["http"]
    anyio.run(hours, seed, backend="trio", backend_options={"clock": JumpClock()})
    return DAYS["http"] - before


LEVELS = {"decision": (decision, "SOAK_DECISION_DAYS", 10_000.0), "full HTTP": (full_http, "SOAK_HTTP_DAYS", 100.0)}


def attempt(job):
    """(seed, node-seconds, CPU-seconds, what broke with its timeline or "")."""
    level, seed = job
    began = time.process_time()
    try:
        seconds, broken = LEVELS[level][0](seed), ""
    except Exception as error:  # noqa: BLE001  # told, counted and kept; the other seeds go on
        seconds, broken = 0.0, "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
    return seed, seconds, time.process_time() - began, broken


class Progress(msgspec.Struct):
    """One level so far. All seeds before `next` are done."""

    first: int = FIRST
    next: int = FIRST
    seconds: float = 0.0
    """Simulated, of both nodes."""
    cpu_s: float = 0.0
    failed: list[int] = []


class Kept:
    """The progress of all levels on disk."""

    def __init__(self, path):
        self._path = path

    def read(self):
        """Level -> progress."""
        return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Progress]) if self._path.exists() else {}

    def write(self, level, progress):
        self._path.parent.mkdir(exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(self.read() | {level: progress})))
        fresh.replace(self._path)


class Soak:
    """One level, from its next seed until its days are reached or its last seed is done. `stop` may be set at any time."""

    def __init__(self, level, days, progress, *, end=None, kept=None, workers=1):
        self.level, self.days, self.progress, self.workers = level, days, progress, workers
        self._end, self._kept = end, kept
        self.stop = False
        self._said = self._saved = time.monotonic()

    @property
    def over(self):
        """Whether all that was asked for is done."""
        if self._end is not None:
            return self.progress.next >= self._end
        return self.progress.seconds >= self.days * DAY_S

    def run(self):
        """Runs until it is over or stopped, and says how far it came."""
        if not self.over:
            with get_context("spawn").Pool(self.workers, initializer=_leave_to_parent, maxtasksperchild=200) as pool:
                self._collect(pool.imap(attempt, self._jobs()))
        self._save()
        self._say()

    def _collect(self, results):
        while not (self.stop or self.over):
            try:
                self._take(*results.next(LOOK_S))
            except NotYet:
                pass
            except StopIteration:
                return
            now = time.monotonic()
            if now > self._saved + SAVE_EVERY_S:
                self._saved = now
                self._save()
            if now > self._said + SAY_EVERY_S:
                self._said = now
                self._say()

    def _take(self, seed, seconds, cpu_s, broken):
        done = self.progress
        done.next, done.seconds, done.cpu_s = seed + 1, done.seconds + seconds, done.cpu_s + cpu_s
        if broken:
            done.failed.append(seed)
            self._save()
            print(f"{self.level}: seed {seed} FAILED: {broken.splitlines()[0]}", flush=True)

    def _jobs(self):
        """Seeds as they are wanted, asked for by a thread of the pool: it would take all of them at once."""
        seed = self.progress.next
        while not (self.stop or self.over) and (self._end is None or seed < self._end):
            if seed - self.progress.next <= 2 * self.workers:
                yield self.level, seed
                seed += 1
            else:
                time.sleep(0.01)

    def _save(self):
        if self._kept is not None:
            self._kept.write(self.level, self.progress)

    def _say(self):
        done = self.progress
        days, minutes = done.seconds / DAY_S, done.cpu_s / 60
        aim = f"{days:.1f} node-days" if self._end is not None else f"{days:.1f} of {self.days:g} node-days"
        rate = f"{minutes:.1f} CPU-min, {days / minutes:.1f} node-days each" if minutes else "nothing run"
        seeds = f"seeds {done.first} to {done.next - 1}" if done.next > done.first else "no seed yet"
        print(f"{self.level}: {seeds}, {aim}, {len(done.failed)} failed, {rate}", flush=True)


def _leave_to_parent():
    """Ctrl-C reaches the whole group; the parent ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def soaks(levels, environ, path=KEPT):
    """What is to be run, by the environment."""
    workers = int(environ.get("SOAK_WORKERS") or os.cpu_count() or 1)
    ranged = environ.get("SOAK_FROM") or environ.get("SOAK_TO")
    kept = None if ranged else Kept(path)
    if kept is not None and environ.get("SOAK_FRESH", "0") not in ("", "0"):
        path.unlink(missing_ok=True)
    known = kept.read() if kept is not None else {}
    first = int(environ.get("SOAK_FROM") or FIRST)
    end = int(environ["SOAK_TO"]) if environ.get("SOAK_TO") else None
    for level in levels:
        _, name, days = LEVELS[level]
        progress = known.get(level) or Progress(first=first, next=first)
        yield Soak(level, float(environ.get(name) or days), progress, end=end, kept=kept, workers=workers)


def main(arguments):
    """Runs what was asked for; the exit code."""
    wanted = [level for level in LEVELS if not arguments or arguments[0] in level.lower()]
    if len(arguments) > 1:
        _, seconds, cpu_s, broken = attempt((wanted[0], int(arguments[1])))
        print(broken or f"seed {arguments[1]}: {seconds / DAY_S:.2f} node-days in {cpu_s:.1f} CPU-s, no rule broken")
        return bool(broken)
    failed = False
    for soak in soaks(wanted, os.environ):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_, soak=soak: setattr(soak, "stop", True))
        soak.run()
        failed |= bool(soak.progress.failed)
        for seed in soak.progress.failed:
            print(f"  rerun: python -m tests.simulation.soak {soak.level.split()[-1].lower()} {seed}")
        if soak.stop and not soak.over:
            how = "the same command goes on there" if soak._kept is not None else f"go on with SOAK_FROM={soak.progress.next}"
            print(f"{soak.level}: stopped before seed {soak.progress.next}; {how}", flush=True)
            return STOPPED
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
