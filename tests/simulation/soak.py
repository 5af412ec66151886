"""`make soak`, its first half: as many seeds as it takes for 10,000 node-days of decisions and 100 through the HTTP stack.

    python -m tests.simulation.soak [decision | http] [SEED]

SOAK_FROM is the first seed (100,000, far from those of every run), SOAK_TO the one after the last ("" = until the days are
reached), SOAK_DECISION_DAYS and SOAK_HTTP_DAYS the days, SOAK_WORKERS the processes (one a core). With SEED one world is run
again and told whole. A run that was stopped says where it was: go on there with SOAK_FROM. Exit code 1 when a seed failed.
"""

import os
import sys
import time
from multiprocessing import get_context

import anyio

from tests.failover.rules import SPENT
from tests.failover.swarm import Swarm
from tests.simulation.clock import JumpClock
from tests.simulation.test_full_http import hours
from tests.simulation.watch import DAYS

DAY_S = 86400.0
FIRST = 100_000
SAY_EVERY_S = 15.0


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


LEVELS = {"decision": decision, "full HTTP": full_http}


def attempt(job):
    """(seed, node-seconds, what broke with its timeline or "")."""
    level, seed = job
    try:
        return seed, LEVELS[level](seed), ""
    except AssertionError as broken:
        return seed, 0.0, "\n".join([str(broken), *getattr(broken, "__notes__", ())])


class Soak:
    """One level, from its first seed until its days are reached or its last seed is done."""

    def __init__(self, level, days, first, end, workers):
        self.level, self.days, self.first, self.end, self.workers = level, days, first, end, workers
        self.done, self.seconds, self.failed = 0, 0.0, []
        self.began = self.said = time.monotonic()

    def _seeds(self):
        seed = self.first
        while self.seconds < self.days * DAY_S if self.end is None else seed < self.end:
            yield self.level, seed
            seed += 1

    def run(self):
        with get_context("spawn").Pool(self.workers, maxtasksperchild=500) as pool:
            for seed, seconds, broken in pool.imap(attempt, self._bounded(), chunksize=1):
                self.done += 1
                self.seconds += seconds
                if broken:
                    self.failed.append(seed)
                    print(f"\n{self.level}: seed {seed} FAILED: {broken.splitlines()[0]}", flush=True)
                if time.monotonic() > self.said + SAY_EVERY_S:
                    self.said = time.monotonic()
                    self._say()
        self._say()
        return not self.failed

    def _bounded(self):
        """Seeds as they are wanted: the pool would take all of them at once."""
        ahead = self.workers + 2
        for number, job in enumerate(self._seeds()):
            while number - self.done > ahead:
                time.sleep(0.01)
            yield job

    def _say(self):
        minutes = (time.monotonic() - self.began) / 60
        after = self.first + self.done
        had = f"{self.seconds / DAY_S:.1f} of {self.days:g} node-days, {len(self.failed)} failed, {minutes:.1f} min"
        print(f"{self.level}: seeds {self.first} to {after - 1}, {had}; go on with SOAK_FROM={after}", flush=True)


def main(arguments):
    """Runs what was asked for. True when no seed failed."""
    wanted = [level for level in LEVELS if not arguments or arguments[0] in level.lower()]
    if len(arguments) > 1:
        _, seconds, broken = attempt((wanted[0], int(arguments[1])))
        print(broken or f"seed {arguments[1]}: {seconds / DAY_S:.2f} node-days, no rule broken")
        return not broken
    environ = os.environ
    first = int(environ.get("SOAK_FROM", FIRST))
    end = int(environ["SOAK_TO"]) if environ.get("SOAK_TO") else None
    days = {
        "decision": float(environ.get("SOAK_DECISION_DAYS", "10000")),
        "full HTTP": float(environ.get("SOAK_HTTP_DAYS", "100")),
    }
    workers = int(environ.get("SOAK_WORKERS", os.cpu_count() or 1))
    results = [Soak(level, days[level], first, end, workers).run() for level in wanted]
    return all(results)


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
