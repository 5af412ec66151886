"""What people should know of the running of checks, for run.log: at most one line a minute of a kind, with what to do."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from sitescope_fo.engine.cells import Decision
from sitescope_fo.engine.effects import RunNote
from sitescope_fo.engine.plan import HOST_FULL, LAST_RUN, NODE_FULL, Plan
from sitescope_fo.engine.ramp import Pause
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.fact import ChecksHang, Fact, RunsMissed, RunsSkipped

EVERY_S = 60.0
NAMED = 3
"""How many monitors and hosts a line names."""
_REMEDIES = {
    LAST_RUN: "checks that take longer than their frequency: a shorter time-out or a lower frequency",
    HOST_FULL: "raise checks.max_per_host in config.toml, or lower the frequency of what asks that host",
    NODE_FULL: "raise checks.max in config.toml, or lower frequencies",
}


class RunNotes:
    """Collects what went wrong with running checks and tells the bus of it in facts, now and then."""

    def __init__(self, plan: Plan, submit: Callable[[Fact], None]) -> None:
        self._plan, self._submit = plan, submit
        self._given_up: list[str] = []
        self._told_skips = dict(plan.skips)
        self._next_hang = self._next_skip = -math.inf

    def given_up(self, path: str) -> None:
        """The check of a monitor ignored its time-out."""
        self._given_up.append(path)

    def look(self, now: float, hanging: Collection[object]) -> None:
        """Tells what is new; `hanging`: the checks that were given up and have not ended."""
        if self._given_up and now >= self._next_hang:
            self._next_hang = now + EVERY_S
            self._submit(ChecksHang(given_up=len(self._given_up), hanging=len(hanging), paths=tuple(self._given_up[:NAMED])))
            self._given_up.clear()
        if self._plan.skips != self._told_skips and now >= self._next_skip:
            self._next_skip = now + EVERY_S
            new = {why: count - self._told_skips.get(why, 0) for why, count in self._plan.skips.items()}
            self._told_skips = dict(self._plan.skips)
            hosts = tuple(f"{line.host} ({line.waiting} wait)" for line in self._plan.crowded(NAMED))
            self._submit(RunsSkipped(runs={why: count for why, count in new.items() if count}, hosts=hosts))

    def paused(self, pause: Pause) -> None:
        """The engine was away."""
        self._submit(RunsMissed(gap_s=pause.gap_s, monitors=pause.monitors, runs=pause.runs))


def on_note(fact: ChecksHang | RunsSkipped | RunsMissed) -> Decision:
    """The line for run.log. Pure."""
    what, hint = _told(fact)
    return Decision(effects=(RunNote(what=what, hint=hint),))


def _told(fact: ChecksHang | RunsSkipped | RunsMissed) -> tuple[str, str]:
    match fact:
        case ChecksHang():
            names = ", ".join(fact.paths) + (" …" if fact.given_up > len(fact.paths) else "")
            what = f"{fact.given_up} checks ignored their time-out and were given up ({names}); {fact.hanging} still hang"
            return what, "Look at what they wait for: a stuck file system, a script that ignores signals"
        case RunsSkipped():
            reasons = ", ".join(f"{count} {why}" for why, count in sorted(fact.runs.items()))
            what = f"{sum(fact.runs.values())} runs skipped: {reasons}"
            what += f"; hosts with most waiting: {', '.join(fact.hosts)}" if fact.hosts else ""
            return what, "; ".join(_REMEDIES[why] for why in sorted(fact.runs) if why in _REMEDIES)
        case RunsMissed():
            what = f"the engine was away for {format_duration(round(fact.gap_s))}: {fact.monitors} monitors fell due meanwhile"
            what += f" and run once now, shortest frequency first; {fact.runs} further runs are not made up for"
            return what, ""
