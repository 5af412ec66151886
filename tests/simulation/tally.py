"""What a whole test run simulated, over all xdist workers: node-days, pairs, and that everything that should come up did.

The worlds count while they run; each process hands its counters to the one that collects; that one fails the run when all seeds
of a level ran and something never came up.
"""

import os
import sys
from collections import Counter

import pytest

PAIRS = pytest.StashKey[Counter]()
DAY_S = 86400.0
_OUTPUT = "simulation"
_NAME = "simulation-tally"
LEVELS = ("decision", "whole nodes", "full HTTP")


class Tally:
    """A plug-in, registered once in each process of a run."""

    def __init__(self, config):
        self._config = config
        self.hits, self.spent, self.pairs = Counter(), Counter(), Counter()
        self.batches = {}
        self._missing = []

    # --- in the process that runs tests -------------------------------------------------------------------------------

    def ran(self, level, batch, of):
        """One of the batches of a level's fixed seeds is done and fine."""
        self.batches.setdefault(level, {"done": set(), "of": of})["done"].add(batch)

    def _gather(self):
        """What the worlds of this process counted; nothing is imported that was not used."""
        if (rules := sys.modules.get("tests.failover.rules")) is not None:
            self.hits.update(rules.HITS)
            self.spent["decision"] += rules.SPENT["seconds"]
            self.spent["under faults"] += rules.SPENT["stormy"]
        if (watch := sys.modules.get("tests.simulation.watch")) is not None:
            self.hits.update({f"node {name}": count for name, count in watch.COVERED.items()})
            self.spent["whole nodes"] += watch.DAYS["seconds"]
            self.spent["full HTTP"] += watch.DAYS["http"]
        self.pairs.update(self._config.stash.get(PAIRS, Counter()))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        self._gather()
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput[_OUTPUT] = {
                "hits": dict(self.hits), "spent": dict(self.spent), "pairs": dict(self.pairs),
                "batches": {level: [sorted(found["done"]), found["of"]] for level, found in self.batches.items()},
            }  # fmt: skip
            return
        self._missing = self.missing()
        if self._missing and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    # --- in the process that collects ---------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        del error  # a worker that crashed fails the run by itself
        told = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if told is None:
            return
        self.hits.update(told["hits"])
        self.spent.update(told["spent"])
        self.pairs.update(told["pairs"])
        for level, (done, of) in told["batches"].items():
            self.batches.setdefault(level, {"done": set(), "of": of})["done"].update(done)

    def complete(self, level):
        """Whether every batch of a level ran."""
        found = self.batches.get(level)
        return found is not None and len(found["done"]) == found["of"]

    def missing(self):
        """What should have come up and did not, in words."""
        from tests.failover.wanted import wanted  # reads sources: only when it is needed

        found = []
        if self.complete("decision"):
            found += [f"never came up: {name}" for name in wanted() if not self.hits[name]]
            found += self._too_little("decision", 100)
        if self.complete("full HTTP"):
            found += self._too_little("full HTTP", 2)
        return found

    def _too_little(self, level, days):
        had = self.spent[level] / DAY_S
        return [f"only {had:.2f} node-days at level {level}, not {days}"] if had < days else []

    def pytest_terminal_summary(self, terminalreporter):
        if not any(self.spent[level] for level in LEVELS):
            return
        from tests.failover.wanted import wanted

        days = ", ".join(f"{level} {self.spent[level] / DAY_S:.1f}" for level in LEVELS)
        total = len(wanted())
        hit = sum(bool(self.hits[name]) for name in wanted())
        met, every = self.pairs["met"], self.pairs["all"]
        share = f"{100 * met / every:.0f} % of {every}" if every else "not enumerated"
        terminalreporter.write_line("")
        terminalreporter.write_line(f"node-days: {days}; pairs {share}; counters {hit} of {total}")
        stormy = self.spent["under faults"] / DAY_S
        terminalreporter.write_line(f"of the decision level {stormy:.1f} node-days under faults; {os.cpu_count()} cores")
        if self._missing:
            terminalreporter.write_line("the simulations are incomplete:", red=True)
            for one in self._missing:
                terminalreporter.write_line(f"  {one}", red=True)


def register(config):
    """Once, from the top conftest."""
    config.pluginmanager.register(Tally(config), _NAME)


def of(config):
    """The tally of this process."""
    return config.pluginmanager.get_plugin(_NAME)
