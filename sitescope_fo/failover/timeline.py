"""Every change of role with its evidence, kept for people beyond restarts: written in the transaction of the change itself."""

from __future__ import annotations

import msgspec

from sitescope_fo.engine.cells import NOTHING, Cell, Cells, Decision
from sitescope_fo.failover.state import Evidence, PrimarySide, ProfileState
from sitescope_fo.model.fact import Fact, NodeStarted
from sitescope_fo.model.ports import Now

TIMELINE = "timeline"
STEPS_KEPT = 200
"""Of one profile, and of the primary's own side."""
EVIDENCE_SHOWN = 5
"""A primary does not part its evidence by transition: the newest is shown."""


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `profile` "" is the primary's own side; `number` counts from 1 and never goes back."""

    profile: str
    number: int
    source: str
    to: str
    wall: float
    why: str
    term: int
    evidence: tuple[Evidence, ...] = ()


def steps_of(cells: Cells, profile: str) -> list[TimelineEntry]:
    """What is kept of a profile, oldest first."""
    found: list[TimelineEntry] = [entry for entry in cells.of(TIMELINE).values() if entry.profile == profile]
    return sorted(found, key=lambda entry: entry.number)


def on_profile(cells: Cells, before: ProfileState, after: ProfileState) -> Decision:
    """The transitions that a decision has made."""
    old, new = before.journal.transitions, after.journal.transitions
    if new is old or not new:
        return NOTHING
    last = old[-1] if old else None
    fresh = []
    for one in reversed(new):
        if one is last:
            break
        fresh.append(one)
    entries = [
        TimelineEntry(
            profile=after.config.name,
            number=0,
            source=one.source.value,
            to=one.to.value,
            wall=one.wall,
            why=one.why,
            term=after.journal.term,
            evidence=one.evidence,
        )
        for one in reversed(fresh)
    ]
    return _kept(cells, after.config.name, entries)


def on_primary(cells: Cells, before: PrimarySide, after: PrimarySide, fact: Fact, now: Now) -> Decision:
    """The change of state that a decision has made, and the start of the node itself."""
    entries = []
    if isinstance(fact, NodeStarted):
        entries.append(_own(after, "", before.state.value, "the node started", now))
    if after.state is not before.state:
        why = after.last_transition.partition(": ")[2]
        entries.append(_own(after, before.state.value, after.state.value, why, now))
    return _kept(cells, "", entries)


def forget(cells: Cells, profile: str) -> Decision:
    """Drops what is kept of a profile that is removed."""
    gone = {_cell(entry): None for entry in steps_of(cells, profile)}
    return Decision(dict(gone)) if gone else NOTHING


def _own(side: PrimarySide, source: str, to: str, why: str, now: Now) -> TimelineEntry:
    return TimelineEntry(
        profile="",
        number=0,
        source=source,
        to=to,
        wall=now.wall,
        why=why,
        term=side.journal.term,
        evidence=side.evidence[-EVIDENCE_SHOWN:],
    )


def _kept(cells: Cells, profile: str, entries: list[TimelineEntry]) -> Decision:
    if not entries:
        return NOTHING
    known = steps_of(cells, profile)
    newest = known[-1].number if known else 0
    numbered = [msgspec.structs.replace(entry, number=newest + n) for n, entry in enumerate(entries, start=1)]
    changes: dict[Cell, TimelineEntry | None] = {_cell(entry): entry for entry in numbered}
    changes.update({_cell(entry): None for entry in [*known, *numbered][:-STEPS_KEPT]})
    return Decision(changes)


def _cell(entry: TimelineEntry) -> Cell:
    return Cell(TIMELINE, f"{entry.profile}\x1f{entry.number}")
