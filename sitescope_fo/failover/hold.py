"""Holds: no automatic role change until they end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sitescope_fo.failover import timing
from sitescope_fo.failover.evidence import say_span, say_time
from sitescope_fo.failover.state import Hold, ProfileState
from sitescope_fo.model.effect import ProbeNow
from sitescope_fo.model.status import Condition, EvidenceKind

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn


def set_hold(turn: Turn, by: str, reason: str, for_s: float, *, switchover: bool = False) -> None:
    """Sets or replaces the hold; 0 = the default of 4 h, at most 7 d."""
    seconds = min(for_s if for_s > 0 else timing.HOLD_DEFAULT_S, timing.HOLD_LONGEST_S)
    hold = Hold(
        by=by,
        reason=reason,
        set_wall=turn.wall,
        until_wall=turn.wall + seconds,
        remaining_s=seconds,
        warned=seconds <= timing.HOLD_WARNING_S,
        switchover=switchover,
    )
    turn.set_journal(hold=hold)
    turn.add(Condition.hold)
    turn.set_live(hold_until=turn.mono + seconds, hold_journal_at=turn.mono + timing.HOLD_JOURNAL_S)
    turn.note(EvidenceKind.operator, f"hold by {by} for {say_span(seconds)}: {reason}")
    turn.log("hold_set", f"by {by} for {say_span(seconds)}: {reason}", hint=f"`sitescope-fo release {turn.name}` ends it")


def end_hold(turn: Turn, how: str) -> None:
    """Ends the hold. A node that acts looks at once whether its primary is back."""
    hold = turn.journal.hold
    if hold is None:
        return
    turn.set_journal(hold=None)
    turn.drop(Condition.hold)
    turn.set_live(hold_until=math.inf, hold_journal_at=math.inf)
    turn.note(EvidenceKind.operator, f"hold of {hold.by} ended: {how}")
    turn.log("hold_ended", f"{how}; it was set by {hold.by}: {hold.reason}")
    after = (
        "The way back to the primary starts as soon as it is proven healthy"
        if turn.state.acting
        else "Automatic takeovers are on again"
    )
    turn.mail(
        "hold_ended",
        f"{turn.name}: hold ended ({how})",
        f"The hold of {hold.by} ({hold.reason}) ended: {how}. {after}",
        "Nothing.",
    )
    turn.emit(ProbeNow(profile=turn.name))


def drop_switchover_hold(turn: Turn) -> None:
    """A switchover that is over needs no hold; one that a person set for its own reason stays."""
    if turn.journal.hold is not None and turn.journal.hold.switchover:
        turn.set_journal(hold=None)
        turn.drop(Condition.hold)
        turn.set_live(hold_until=math.inf, hold_journal_at=math.inf)
        turn.log("hold_ended", "the switchover is over")


def resume(turn: Turn) -> None:
    """After a restart: the earlier of the remaining seconds and the wall end counts."""
    hold = turn.journal.hold
    if hold is not None:
        left = max(0.0, min(hold.remaining_s, hold.until_wall - turn.wall))
        turn.set_live(hold_until=turn.mono + left, hold_journal_at=turn.mono + timing.HOLD_JOURNAL_S)


def settle(turn: Turn) -> None:
    """Warns 15 min before the end, ends it, and keeps the remaining seconds written down."""
    hold, live = turn.journal.hold, turn.live
    if hold is None or math.isinf(live.hold_until):
        return
    left = live.hold_until - turn.mono
    if left <= 0:
        end_hold(turn, "its time is over")
        return
    if left <= timing.HOLD_WARNING_S and not hold.warned:
        turn.set_journal(hold=replace(hold, warned=True, remaining_s=left))
        until = say_time(turn.wall + left)
        what = f"The hold of {hold.by} on {turn.name} ({hold.reason}) ends at {until}"
        turn.log("hold_ends_soon", what)
        turn.mail(
            "hold_ends_soon",
            f"{turn.name}: hold ends in {say_span(left)}",
            what,
            f"Set it again if it must stay: `sitescope-fo hold {turn.name}`",
        )
    elif turn.mono >= live.hold_journal_at:
        turn.set_journal(hold=replace(hold, remaining_s=left))
    if turn.mono >= live.hold_journal_at:
        turn.set_live(hold_journal_at=turn.mono + timing.HOLD_JOURNAL_S)


def wakes(state: ProfileState) -> Iterator[float]:
    """Instants at which `settle` has something to do."""
    hold = state.journal.hold
    if hold is not None:
        yield state.live.hold_until
        yield state.live.hold_journal_at
        if not hold.warned:
            yield state.live.hold_until - timing.HOLD_WARNING_S
