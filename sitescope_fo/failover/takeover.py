"""From grace to acting: the last guards, the yield of a primary that still answers, and the activation itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sitescope_fo.failover import flap, timing
from sitescope_fo.failover.conditions import explain, gate_shut
from sitescope_fo.failover.evidence import silence
from sitescope_fo.failover.hold import set_hold
from sitescope_fo.failover.moves import activate, owe_tidying, to_active, to_standby
from sitescope_fo.failover.state import NEVER, ProfileState
from sitescope_fo.model.effect import AskYield, PinWorking
from sitescope_fo.model.fact import FirstCheckStarted, MirrorMissing, ProbeAnswered, WorkingReady
from sitescope_fo.model.status import Condition, EvidenceKind, Position, PrimaryState

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn


# --- the guards -----------------------------------------------------------------------------------------------------


def settle(turn: Turn) -> None:
    """Takes over when it is time and nothing forbids it."""
    if turn.live.asked_yield and turn.mono >= turn.live.yield_deadline:
        yield_settled(turn, yielded=False, detail="no answer in time")
    if not turn.live.window_open or turn.live.asked_yield or not turn.state.passive:
        return
    if turn.has(Condition.unverifiable):
        _unverifiable(turn)
    elif turn.position is Position.announced and turn.mono >= turn.live.deadline:
        _goodbye_over(turn)
    elif turn.position is Position.grace and turn.mono >= turn.state.due:
        _due(turn)


def _due(turn: Turn) -> None:
    live, config = turn.live, turn.state.config
    stalled = turn.mono >= live.degraded_since + timing.DEGRADED_S > NEVER
    if not live.answering:
        if live.misses < turn.timing.misses:
            return  # silent for a moment after admitting stalled work
        if turn.mono < _last_run(turn.state) + turn.timing.activate_after_s:
            return  # it ran until then, and stalled work is no reason to be less patient with its silence
        fresh = turn.state.due - turn.timing.soft_timeout_s - timing.PROBE_MARGIN_S
        if live.last_sent_failed <= fresh or _blocked(turn):
            return
        if gate_shut(turn.state, turn.mono):
            _say_gate(turn)
            return
        points = f"{live.gate_answered} of {live.gate_asked} reference points answer"
        turn.note(EvidenceKind.gate, "this host is the primary's" if live.own_address else points)
        activate(turn, "silent", f"{silence(turn.state, turn.mono)}, {live.misses} misses in a row, {points}")
    elif stalled and not _blocked(turn) and live.late_until <= turn.mono:
        if not live.same_check_passes_here:
            what = f"The primary of {config.name} admits: {live.degraded_what}. This node fails the same check: no takeover"
            turn.alarm("both_fail", f"{config.name}: both nodes fail the same check", what, "Look at what both depend on")
            return
        ask_yield(turn, live.degraded_what)


def _last_run(state: ProfileState) -> float:
    """When the newest request was sent whose answer said that the primary runs, with or without stalled work; NEVER: none did."""
    return state.live.last_sent_answered if state.live.primary_state is PrimaryState.running else NEVER


def _goodbye_over(turn: Turn) -> None:
    live = turn.live
    if live.last_pol > live.entered_mono:
        turn.note(EvidenceKind.probe_ok, "it runs after its goodbye")
        to_standby(turn, "the announced stop did not happen")
    elif not _blocked(turn):
        activate(turn, "goodbye", f"the announced stop is over its time; {silence(turn.state, turn.mono)}")


def _unverifiable(turn: Turn) -> None:
    patience = turn.state.config.takeover_when_unverifiable_s
    if patience > 0 and turn.mono >= turn.live.unverifiable_since + patience and not _blocked(turn):
        ask_yield(turn, f"unverifiable ({turn.live.unverifiable_what}) for longer than this profile allows")


def _blocked(turn: Turn) -> bool:
    """Whether a condition forbids what is due; told at once and every 15 min: which, since when, set by whom."""
    if not turn.state.blocking:
        return False
    reasons = "; ".join(explain(turn, condition) for condition in sorted(turn.state.blocking))
    what = f"{turn.name} should be taken over ({silence(turn.state, turn.mono)}) and is not: {reasons}"
    todo = f"End the condition, or decide yourself: `sitescope-fo activate {turn.name}`"
    turn.alarm("blocked", f"{turn.name}: takeover BLOCKED by {', '.join(sorted(turn.state.blocking))}", what, todo)
    return True


def _say_gate(turn: Turn) -> None:
    """A gate that stays shut is told like a condition that blocks; the first seconds only wait for a sample."""
    if turn.mono < turn.state.due + timing.LATE_FOR_S:
        return
    what = f"{turn.name} should be taken over ({silence(turn.state, turn.mono)}) and is not: {gate_shut(turn.state, turn.mono)}"
    turn.alarm("blocked", f"{turn.name}: takeover BLOCKED by the local gate", what, "Check this node's load and network")


def wakes(state: ProfileState) -> Iterator[float]:
    """Instants at which `settle` has something to do."""
    live = state.live
    if live.asked_yield:
        yield live.yield_deadline
    if Condition.unverifiable in state.conditions and state.config.takeover_when_unverifiable_s > 0:
        yield live.unverifiable_since + state.config.takeover_when_unverifiable_s
    if state.position is Position.announced:
        yield live.deadline
    elif state.position is Position.grace:
        yield state.due
        yield _last_run(state) + state.config.timing.activate_after_s
        yield state.due + timing.LATE_FOR_S
    if state.passive and "blocked" in live.alarms_on:
        yield live.alarmed["blocked"] + timing.ALARM_EVERY_S


# --- asking a primary that answers ----------------------------------------------------------------------------------


def ask_yield(turn: Turn, why: str) -> None:
    """Asks the primary to stop starting checks; the answer or the hard time-out decides."""
    hard = turn.timing.hard_timeout_s
    turn.set_live(asked_yield=True, yield_asked_at=turn.mono, yield_deadline=turn.mono + hard)
    turn.note(EvidenceKind.yielded, f"asked the primary to yield: {why}")
    turn.log("yield_asked", why)
    turn.emit(AskYield(profile=turn.name, term=turn.state.next_term, why=why, timeout_s=hard))


def cancel_yield(turn: Turn) -> None:
    """The reason for asking is gone. A primary that yields nevertheless is told to run again."""
    turn.set_live(asked_yield=False, yield_deadline=math.inf, switchover_by="", switchover_for_s=0.0)


def yield_settled(turn: Turn, *, yielded: bool, detail: str) -> None:
    """The answer to our question, or that there is none."""
    live = turn.live
    by, for_s = live.switchover_by, live.switchover_for_s
    cancel_yield(turn)
    turn.note(EvidenceKind.yielded, f"the primary {'yielded' if yielded else 'did not yield'}: {detail or 'no detail'}")
    if by:
        _switch(turn, by, for_s, yielded=yielded, detail=detail)
        return
    if _blocked(turn):
        return
    trusted = not turn.has(Condition.unverifiable)
    sick = live.degraded_what and live.primary_state is PrimaryState.running
    cause = ("degraded" if sick else "idle") if trusted else "unverifiable"
    why = live.degraded_what if trusted else f"unverifiable: {live.unverifiable_what}"
    tail = "" if yielded else f"the primary did not yield ({detail}): {why}"
    activate(turn, cause, f"{why}; it {'yielded' if yielded else 'did not yield'}", overlap=tail)


def _switch(turn: Turn, by: str, for_s: float, *, yielded: bool, detail: str) -> None:
    unfit = turn.state.blocking - {Condition.hold}
    if yielded and not unfit:
        activate(turn, "switchover", f"switchover by {by}")
        set_hold(turn, by, f"switchover by {by}", for_s, switchover=True)
        return
    what = f"the switchover of {turn.name} asked for by {by} did not happen: {', '.join(sorted(unfit)) or detail}"
    turn.log("switchover_failed", what, level="WARNING", hint="The primary goes on running; ask again")
    turn.mail("switchover_failed", f"{turn.name}: switchover did not happen", what, "The primary goes on running; ask again")


# --- activating -----------------------------------------------------------------------------------------------------


def on_working(turn: Turn, fact: WorkingReady) -> None:
    """The working tree is loaded: start, unless frozen. A tree without monitors is active with nothing to do."""
    if fact.term != turn.journal.term or not turn.state.acting:
        return
    turn.set_live(working_ready=True)
    if turn.position is Position.activating and not fact.monitors:
        turn.note(EvidenceKind.mirror, "the mirror has no monitors")
        to_active(turn, "activated; the mirror has no monitors")


def on_first_check(turn: Turn, fact: FirstCheckStarted) -> None:
    """The first check of this term started: this node acts."""
    if fact.term != turn.journal.term or turn.live.first_check_started or not turn.state.acting:
        return
    turn.set_live(first_check_started=True)
    if turn.position is Position.activating:
        last = turn.journal.last_transition
        turn.set_live(evidence=(*(last.evidence if last else ()), *turn.live.evidence)[-10:])
        turn.note(EvidenceKind.start, f"first check started: {fact.path}")
        to_active(turn, f"{last.why if last else 'activated'}; first check started: {fact.path}")


def abort(turn: Turn, why: str, todo: str) -> None:
    """Gives an activation up before its first check. The term stays used; as a takeover it does not count."""
    owed = owe_tidying(turn) if turn.journal.drift else None
    if turn.journal.cause in flap.AUTOMATIC:
        turn.set_journal(takeovers=turn.journal.takeovers[:-1])
    if turn.has(Condition.flap_lock) and not flap.lock_reason(turn.journal.takeovers, turn.wall):
        turn.drop(Condition.flap_lock)
        turn.set_journal(flap_lock_wall=0.0)
    to_standby(turn, why, owed=owed, hint=todo, mail=f"activation of {turn.name} given up")


def on_answer_activating(turn: Turn, fact: ProbeAnswered, *, alive: bool) -> None:
    """A proof of life sent after the term was written ends an activation that has not started a check."""
    live = turn.live
    if alive and fact.sent_mono > live.acting_since and not live.first_check_started:
        abort(turn, "the primary answered before the first check started", "Nothing: the primary runs")


def on_mirror_missing(turn: Turn, fact: MirrorMissing) -> None:
    """The mirror cannot be laid out or loaded."""
    if turn.live.working_ready:
        return
    turn.note(EvidenceKind.mirror, fact.what)
    abort(turn, f"the mirror cannot be used: {fact.what}", "Nobody monitors: repair the primary or restore a mirror from history")


def settle_loading(turn: Turn) -> None:
    """An activation is over in bounded time, and who acts has its working tree, or says every 15 min why not."""
    live, begins = turn.live, turn.position is Position.activating
    if not turn.state.acting or turn.has(Condition.frozen):
        return
    if live.working_ready:
        if begins and turn.mono >= live.entered_mono + timing.STUCK_S:
            turn.note(EvidenceKind.start, "no monitor had to start a check in the first minute")
            to_active(turn, "activated; no check had to be started yet")
    elif turn.mono >= live.load_next:
        turn.set_live(load_next=turn.mono + timing.STUCK_S)
        turn.emit(PinWorking(profile=turn.name, term=turn.journal.term, resume=not begins or turn.journal.drift))
        what = f"The working tree of {turn.name} is not laid out after {timing.STUCK_S:.0f} s: nobody monitors"
        turn.alarm("stuck", f"{turn.name}: activation is STUCK", what, "Look at error.log and at the disk of this node")
