"""What happens next to a profile, and when, in one sentence."""

from __future__ import annotations

import math

import msgspec

from sitescope_fo.failover.state import ProfileState
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Condition, Position, PrimaryState

BLOCKERS = (Condition.hold, Condition.no_mirror, Condition.isolated, Condition.frozen, Condition.fault)


class Outlook(msgspec.Struct, frozen=True):
    """The sentence, and the wall time of the takeover while one is counting down (0 = none)."""

    sentence: str
    activates_wall: float = 0.0


def _in(seconds: float) -> str:
    return format_duration(max(1.0, math.ceil(seconds)))


def outlook(state: ProfileState, now: Now) -> Outlook:
    """The outlook of a profile at `now`."""
    after = format_duration(state.config.timing.activate_after_s)
    blockers = [c.value for c in BLOCKERS if c in state.conditions]
    blocked = f", but {' and '.join(blockers)} holds it back" if blockers else ""
    match state.position:
        case Position.standby if not state.live.window_open:
            return Outlook("not watched now: the check schedule is closed")
        case Position.standby:
            return Outlook(f"takes over when the primary gives no proof of life for {after}{blocked}")
        case Position.suspect:
            return Outlook(f"waiting for {state.config.timing.misses} misses, {state.live.misses} seen{blocked}")
        case Position.grace:
            left = state.due - now.mono
            return Outlook(
                f"takes over in {_in(left)}{blocked}" if left > 0 else f"takes over at the next failed probe{blocked}",
                0.0 if blockers else now.wall + left,
            )
        case Position.announced:
            left = state.live.deadline - now.mono
            said = f"the primary said it is back soon; takes over in {_in(left)} otherwise{blocked}"
            return Outlook(said, 0.0 if blockers else now.wall + left)
        case Position.activating:
            return Outlook("starting the mirrored monitors, shortest frequency first")
        case Position.active:
            return _while_active(state)
        case Position.recovering:
            left = state.live.deadline - now.mono
            return Outlook(f"the primary is back; hands back in {_in(left)} when it stays well")
        case Position.handback:
            step = state.journal.handback.step if state.journal.handback is not None else "?"
            return Outlook(f"handing monitoring back to the primary, step {step}")


def _while_active(state: ProfileState) -> Outlook:
    if Condition.flap_lock in state.conditions:
        return Outlook("stays active: the primary flapped; `unlock` or six hours of primary health end this")
    if Condition.hold in state.conditions and state.journal.hold is not None:
        return Outlook(f"stays active until the hold of {state.journal.hold.by} ends")
    if state.live.answering and state.live.primary_state is PrimaryState.running:
        return Outlook("steps back when the primary's health holds, or at an operator's word")
    return Outlook("steps back when the primary gives proof of life again")
