"""The failover machine of one profile: `decide(state, fact, now) -> (state, effects)`, pure and total.

Facts of other profiles are routed away by the caller; facts of the node reach every profile. What a fact does in which position
stands in `table.py`; every pair that is not listed there changes nothing that a `Tick` would not change. Time is looked at after
each fact, so a decision is complete: nothing that is due waits for the next tick.

The writer makes the new state durable before it releases the effects. So a term is on disk before the working tree is laid out,
and that comes before the first check.
"""

from __future__ import annotations

import math

from sitescope_fo.failover import (
    acting,
    conditions,
    freeze,
    handback,
    hold,
    mirrored,
    moves,
    operator,
    passive,
    probes,
    start,
    takeover,
    timing,
)
from sitescope_fo.failover.operator import refusal
from sitescope_fo.failover.state import Journal, ProfileState
from sitescope_fo.failover.turn import Turn
from sitescope_fo.model import fact as facts
from sitescope_fo.model.config import Profile
from sitescope_fo.model.effect import Effect
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import ACTING, Condition, Position

__all__ = ["PAUSE_LIMIT_S", "boot_check_reply", "decide", "initial", "next_wake", "refusal", "restored"]

PAUSE_LIMIT_S = timing.PAUSE_LIMIT_S
_PARTS = (
    hold.settle,
    conditions.settle,
    freeze.settle,
    passive.settle,
    takeover.settle,
    takeover.settle_loading,
    acting.settle,
    handback.settle,
    moves.start_monitors,
)
_PASSES = 5
"""Longest chain: standby, suspect, grace, activating and its first sample; a test finds nothing left after it."""


def initial(config: Profile) -> ProfileState:
    """The state of a profile that was just added: standby, and unprotected until its first mirror."""
    return ProfileState(config=config)


def restored(config: Profile, journal: Journal) -> ProfileState:
    """The state as found on disk. `NodeStarted` carries out the start rows; until then an acting profile is frozen."""
    found = set()
    if journal.position in ACTING:
        found.add(Condition.frozen)
    elif journal.position is not Position.handback:
        found.add(Condition.no_mirror)
    if journal.hold is not None:
        found.add(Condition.hold)
    if journal.flap_lock_wall:
        found.add(Condition.flap_lock)
    return ProfileState(config=config, journal=journal, conditions=frozenset(found))


def boot_check_reply(state: ProfileState, now: Now) -> tuple[bool, int, float]:
    """(active, term, yield_for_s): the answer to a primary that asks whether this node acts.

    Active from the durable term on until the primary was told to run (H5 done), also while frozen: it is ours until somebody else
    has a higher term. Ask it of the state after `BootCheckHeard` was decided.
    """
    del now  # the answer depends on what is durable, not on when it is asked
    handing_over = state.position is Position.handback
    step = state.journal.handback.step if state.journal.handback is not None else "H2"
    active = state.acting or (handing_over and step != "H6")
    term = max(state.journal.term, state.journal.highest_term_heard)
    return active, term, timing.yield_for(state.config)


def decide(state: ProfileState, fact: facts.Fact, now: Now) -> tuple[ProfileState, tuple[Effect, ...]]:
    """What `fact` means now: the new state (the same object when nothing changed) and what to do. Never raises."""
    turn = Turn(state, now)
    if refusal(state, fact, now) is None:
        match fact:
            case facts.ProbeAnswered() | facts.ProbeMissed() | facts.ProbeUnverifiable():
                probes.on_probe(turn, fact)
            case facts.GoodbyeHeard() | facts.BootCheckHeard() | facts.YieldAnswered():
                probes.on_word(turn, fact)
            case facts.StepDone() | facts.StepFailed():
                _on_step(turn, fact)
            case facts.WorkingReady():
                takeover.on_working(turn, fact)
            case facts.FirstCheckStarted():
                takeover.on_first_check(turn, fact)
            case facts.ProfileSet():
                start.on_profile(turn, fact)
            case facts.WatchWindow():
                passive.on_window(turn, fact)
            case facts.ProfileFact():
                _on_order(turn, fact, now)
                _on_surroundings(turn, fact)
            case _:
                _on_node(turn, fact)
    _settle(turn)
    return turn.state, tuple(turn.effects)


def next_wake(state: ProfileState, now: Now) -> float:
    """The next deadline after `now` on the boot-time clock; inf when only a fact can change anything."""
    times = (
        at
        for part in (hold.wakes, conditions.wakes, passive.wakes, takeover.wakes, acting.wakes, handback.wakes)
        for at in part(state)
        if at > now.mono
    )
    return min(times, default=math.inf)


def _on_node(turn: Turn, fact: facts.Fact) -> None:
    match fact:
        case facts.NodeStarted():
            start.on_start(turn, fact)
        case facts.LoopGap():
            freeze.on_gap(turn, fact)
        case facts.LoopLate():
            conditions.on_late(turn, fact)
        case facts.StoreFailed():
            conditions.store_failed(turn, fact.why)
            if turn.position is Position.activating and not turn.live.working_ready:
                takeover.abort(turn, "the term could not be made durable", "Mend the disk of this node: nobody monitors")
        case facts.StoreRecovered():
            conditions.store_recovered(turn)
        case facts.StopAsked():
            start.on_stop(turn, fact)
        case _:
            return


def _on_surroundings(turn: Turn, fact: facts.ProfileFact) -> None:
    match fact:
        case facts.GateSampled():
            conditions.on_gate(turn, fact)
            freeze.resolve(turn)
        case facts.MirrorVerified():
            mirrored.on_mirror(turn, fact)
        case facts.MirrorMissing():
            if turn.position is Position.activating:
                takeover.on_mirror_missing(turn, fact)
            mirrored.on_mirror_missing(turn, fact)
        case facts.MirrorFailed():
            mirrored.on_mirror_failed(turn, fact)
        case facts.EditsKept():
            mirrored.on_edits(turn, fact)
        case facts.MirrorStaged():
            mirrored.on_mirror_staged(turn, fact)
        case _:
            return


def _on_order(turn: Turn, fact: facts.ProfileFact, now: Now) -> None:
    match fact:
        case facts.ActivateAsked():
            operator.on_activate(turn, fact)
        case facts.SwitchoverAsked():
            operator.on_switchover(turn, fact)
        case facts.StandbyAsked():
            operator.on_standby(turn, fact, now)
        case facts.HoldSet():
            operator.on_hold(turn, fact)
        case facts.HoldReleased():
            operator.on_release(turn, fact)
        case facts.FlapUnlocked():
            operator.on_unlock(turn, fact)
        case _:
            return


def _on_step(turn: Turn, fact: facts.StepDone | facts.StepFailed) -> None:
    done = isinstance(fact, facts.StepDone)
    what = fact.detail if isinstance(fact, facts.StepDone) else fact.what
    if isinstance(fact, facts.StepDone):
        probes.hear(turn, fact.term)
    if turn.position is Position.recovering and fact.step == "P":
        acting.precopied(turn, fact.handback, done=done, what=what)
    elif turn.position is Position.handback:
        if isinstance(fact, facts.StepDone):
            handback.on_done(turn, fact)
        else:
            handback.on_failed(turn, fact)
    elif turn.state.passive:
        term = fact.term if isinstance(fact, facts.StepDone) else 0
        passive.paid_or_failed(turn, fact.handback, fact.step, done=done, term=term, what=what)


def _settle(turn: Turn) -> None:
    """What time completes. A change of position can make something else due: looked at again, at most a few times."""
    for _ in range(_PASSES):
        before = turn.state
        for part in _PARTS:
            part(turn)
        if turn.state is before:
            return
