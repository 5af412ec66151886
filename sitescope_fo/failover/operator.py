"""What operators ask for: one set of guards for the command that is refused and for the fact that then does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.failover import acting, timing
from sitescope_fo.failover.evidence import say_span, say_time
from sitescope_fo.failover.hold import drop_switchover_hold, end_hold, set_hold
from sitescope_fo.failover.moves import activate, owe_tidying, primary_runs, to_handback, to_standby
from sitescope_fo.failover.state import ProfileState
from sitescope_fo.failover.takeover import ask_yield, cancel_yield
from sitescope_fo.model import fact as facts
from sitescope_fo.model.errors import Refused, SiteScopeError, Usage
from sitescope_fo.model.status import Condition, EvidenceKind, Position, PrimaryState

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn
    from sitescope_fo.model.ports import Now

_NEEDED = (Condition.no_mirror, Condition.fault)
"""Without a mirror there is nothing to run, without a durable term no activation: nobody's word changes that."""


def refusal(state: ProfileState, fact: facts.Fact, now: Now) -> SiteScopeError | None:
    """Why the machine would not do what `fact` asks, as the error to show; None when it would."""
    match fact:
        case facts.ActivateAsked():
            return _activate(state, now)
        case facts.SwitchoverAsked():
            return _switchover(state, fact.for_s, now)
        case facts.StandbyAsked():
            return _standby(state, now, force=fact.force)
        case facts.HoldSet():
            return _hold(state, fact.for_s)
        case facts.HoldReleased() if state.journal.hold is None:
            return _no(state, "there is no hold", "`sitescope-fo status` shows holds", "no_hold")
        case facts.FlapUnlocked() if Condition.flap_lock not in state.conditions:
            return _no(state, "there is no flap lock", "`sitescope-fo status` shows locks", "no_flap_lock")
        case facts.ProfileRemoved() if not state.passive:
            return _no(state, f"it acts ({state.position})", f"`sitescope-fo standby {state.config.name}` first", "acting")
        case _:
            return None


def _no(state: ProfileState, why: str, hint: str, code: str) -> Refused:
    return Refused(f"Not done: {why}", where=f"profile {state.config.name}", hint=hint, code=code)


def _unfit(state: ProfileState) -> Refused | None:
    name = state.config.name
    for condition in _NEEDED:
        if condition in state.conditions:
            what = state.live.no_mirror_what if condition is Condition.no_mirror else state.live.fault_what
            hint = f"`sitescope-fo mirror {name}`" if condition is Condition.no_mirror else "Mend the disk of this node first"
            return _no(state, f"{condition}: {what}", hint, condition.value)
    return None


def _activate(state: ProfileState, now: Now) -> SiteScopeError | None:
    if not state.passive:
        return _no(state, f"this failover acts already ({state.position})", "Nothing to do", "acting")
    age = now.mono - state.live.last_pol
    if age < state.config.timing.activate_after_s:
        why = f"the primary gave a proof of life {say_span(age)} ago (at {say_time(state.live.last_pol_wall)})"
        return _no(state, why, f"Use `sitescope-fo switchover {state.config.name}`", "primary_alive")
    return _unfit(state)


def _switchover(state: ProfileState, for_s: float, now: Now) -> SiteScopeError | None:
    name = state.config.name
    if not state.passive:
        return _no(state, f"this failover acts already ({state.position})", "Nothing to do", "acting")
    if state.live.asked_yield:
        return _no(state, "the primary is being asked to yield", "Wait for its answer", "busy")
    if not primary_runs_now(state, now):
        hint = f"If it is gone: `sitescope-fo activate {name}`"
        return _no(state, f"the primary is not proven running ({state.live.primary_state})", hint, "primary_not_running")
    if Condition.isolated in state.conditions or Condition.frozen in state.conditions:
        return _no(state, f"this failover is {state.shown}", "Mend this node's network first", state.shown)
    return _unfit(state) or _hold(state, for_s)


def _standby(state: ProfileState, now: Now, *, force: bool) -> SiteScopeError | None:
    name = state.config.name
    if state.passive:
        return _no(state, f"this failover does not act ({state.position})", "Nothing to do", "passive")
    if state.position is Position.handback:
        return _no(state, "a hand-back is under way", f"`sitescope-fo profile show {name}` shows its step", "busy")
    if not force and not proven(state, now):
        hint = f"`sitescope-fo standby {name} --force` stops monitoring here all the same and holds for 4h"
        return _no(state, f"the primary is not proven running or waiting ({state.live.primary_state})", hint, "nobody_else")
    return None


def _hold(state: ProfileState, for_s: float) -> SiteScopeError | None:
    if 0 <= for_s <= timing.HOLD_LONGEST_S:
        return None
    where = f"profile {state.config.name}"
    return Usage(f"A hold of {say_span(for_s)} is out of range", where=where, hint="At most 7d", code="hold_too_long")


def fresh(state: ProfileState, now: Now) -> bool:
    """Whether the primary's last word is a trusted answer, and new."""
    live = state.live
    young = live.last_sent_answered >= now.mono - timing.answer_fresh_for(state.config)
    return live.answering and young and Condition.unverifiable not in state.conditions


def primary_runs_now(state: ProfileState, now: Now) -> bool:
    """Whether the primary is proven running."""
    return fresh(state, now) and state.live.primary_state is PrimaryState.running


def proven(state: ProfileState, now: Now) -> bool:
    """Whether somebody else is proven to run, or to wait for our word."""
    return fresh(state, now) and state.live.primary_state in {PrimaryState.running, PrimaryState.yielded}


# --- carried out ----------------------------------------------------------------------------------------------------


def on_activate(turn: Turn, fact: facts.ActivateAsked) -> None:
    """An operator's word in place of gate and grace, never of the term."""
    if turn.live.asked_yield:
        cancel_yield(turn)
    turn.note(EvidenceKind.operator, f"activate by {fact.by}")
    running = primary_runs(turn)
    overlap = "activated by an operator while the primary answers" if running else ""
    activate(turn, "operator", f"activated by {fact.by}", overlap=overlap)


def on_switchover(turn: Turn, fact: facts.SwitchoverAsked) -> None:
    """Asks the running primary first; it stops starting before we start."""
    turn.note(EvidenceKind.operator, f"switchover by {fact.by}")
    turn.set_live(switchover_by=fact.by, switchover_for_s=fact.for_s)
    ask_yield(turn, f"switchover by {fact.by}")


def on_standby(turn: Turn, fact: facts.StandbyAsked, now: Now) -> None:
    """Hands back to a primary that is proven there; forced, stops without one."""
    turn.note(EvidenceKind.operator, f"standby by {fact.by}{' (force)' if fact.force else ''}")
    unlock(turn, f"standby by {fact.by}")
    if proven(turn.state, now) and not turn.has(Condition.frozen):
        drop_switchover_hold(turn)
        to_handback(turn, f"standby asked for by {fact.by}")
        return
    owed = owe_tidying(turn) if turn.live.first_check_started or turn.journal.drift else None
    name = turn.name
    to_standby(
        turn,
        f"forced by {fact.by}: nobody may monitor {name}",
        owed=owed,
        hint=f"Automatic takeovers are held for 4h; `sitescope-fo release {name}` ends that",
        mail=f"{name}: forced to standby, NOBODY may monitor it",
    )
    set_hold(turn, fact.by, "standby --force", timing.HOLD_DEFAULT_S)


def on_hold(turn: Turn, fact: facts.HoldSet) -> None:
    """No automatic role change until it ends."""
    set_hold(turn, fact.by, fact.reason, fact.for_s)
    acting.stay(turn, f"hold by {fact.by}")


def on_release(turn: Turn, fact: facts.HoldReleased) -> None:
    """Automatic role changes again."""
    end_hold(turn, f"released by {fact.by}")


def on_unlock(turn: Turn, fact: facts.FlapUnlocked) -> None:
    """An operator vouches for the primary: the takeovers so far no longer count."""
    unlock(turn, f"by {fact.by}")


def unlock(turn: Turn, how: str) -> None:
    """See `on_unlock`; no-op without a lock."""
    if turn.has(Condition.flap_lock):
        turn.set_journal(takeovers=())
        acting.end_flap_lock(turn, how)
