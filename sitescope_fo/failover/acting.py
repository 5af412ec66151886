"""Acting: watching for the primary's return, and the way back until the hand-back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sitescope_fo.failover import evidence, flap, timing
from sitescope_fo.failover.evidence import Verdict
from sitescope_fo.failover.moves import STAY, hush, open_overlap, speak, to_active, to_handback, to_recovering, unhush
from sitescope_fo.failover.state import NEVER, ProfileState
from sitescope_fo.model.effect import AskYield, PinWorking, RunStep
from sitescope_fo.model.fact import ProbeAnswered, YieldAnswered
from sitescope_fo.model.status import Condition, EvidenceKind, Position, PrimaryState

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn

_STOPS_HANDBACK = STAY | {Condition.fault, Condition.isolated, Condition.frozen, Condition.unverifiable}


def healthy(fact: ProbeAnswered, worth: Verdict) -> bool:
    """Fit to take monitoring back: running or waiting for us, and no work stalled."""
    return worth is not Verdict.degraded and fact.state in {PrimaryState.running, PrimaryState.yielded}


def may_return(turn: Turn, fact: ProbeAnswered) -> bool:
    """A primary taken over because it was degraded is believed only in a new life, or when it took a higher term by itself."""
    if turn.journal.cause != "degraded" or fact.boot_id != turn.journal.cause_boot_id:
        return True
    return fact.state is PrimaryState.running and fact.term > turn.journal.term


# --- active ---------------------------------------------------------------------------------------------------------


def on_answer_active(turn: Turn, fact: ProbeAnswered, worth: Verdict) -> None:
    """The primary answers while we act."""
    turn.keep(evidence.of_answer(fact, turn.wall))
    running = fact.state is PrimaryState.running
    if not running:
        speak(turn)
    if not healthy(fact, worth):
        turn.set_live(healthy_since=NEVER)
        if running:
            speak_over(turn, fact)
        return
    if turn.live.healthy_since == NEVER:
        turn.set_live(healthy_since=turn.mono)
    if fact.sent_mono <= turn.live.acting_since:
        return
    if turn.state.conditions & STAY or turn.mono < _retry_at(turn) or not may_return(turn, fact):
        if running:
            hush(turn, "the primary runs and this failover has to stay acting")
            ask_again(turn)
        return
    where = "runs again" if running else "is back and waits"
    to_recovering(turn, f"the primary {where}, term {fact.term}, life {fact.boot_id[:8]}", running=running)


def speak_over(turn: Turn, fact: ProbeAnswered) -> None:
    """A degraded primary may run; its alerts are not relied on, so ours go out."""
    open_overlap(turn, f"the primary runs degraded: {evidence.stalled(fact)}")
    unhush(turn)


def _retry_at(turn: Turn) -> float:
    return turn.live.retry_at if turn.live.retry_at < float("inf") else NEVER


def ask_again(turn: Turn) -> None:
    """Asks a running primary to yield to the node that has to stay acting, at most every 30 s."""
    if not turn.state.conditions & STAY or turn.mono < turn.live.yield_next:
        return
    turn.set_live(yield_next=turn.mono + timing.YIELD_AGAIN_S)
    why = "flap lock" if turn.has(Condition.flap_lock) else "hold on the failover"
    turn.log("yield_asked", why)
    turn.emit(AskYield(profile=turn.name, term=turn.state.next_term, why=why, timeout_s=turn.timing.hard_timeout_s))


def on_yield_answer(turn: Turn, fact: YieldAnswered) -> None:
    """What the primary said to a node that acts."""
    turn.note(EvidenceKind.yielded, f"the primary {'yielded' if fact.yielded else 'did not yield'}: {fact.detail or 'no detail'}")
    turn.log("yield_answered", f"yielded {fact.yielded}, term {fact.term}: {fact.detail}")
    if fact.yielded:
        outrank(turn, fact.term)
        turn.set_live(primary_state=PrimaryState.yielded)
        speak(turn)


def outrank(turn: Turn, term: int) -> None:
    """The primary gives way after it had taken a term of its own: what is done and told here from now on is the newer.

    With the old term its ledger would win over ours at the hand-back. Nobody was blind: until now the primary ran.
    """
    if term <= turn.journal.term:
        return
    turn.set_journal(term=turn.state.next_term, blind_from_wall=turn.wall)
    if not turn.live.working_ready:  # what is being laid out answers for the old term
        turn.emit(PinWorking(profile=turn.name, term=turn.journal.term, resume=True))


# --- recovering -----------------------------------------------------------------------------------------------------


def on_answer_recovering(turn: Turn, fact: ProbeAnswered, worth: Verdict) -> None:
    """The window goes on while the primary stays healthy."""
    turn.keep(evidence.of_answer(fact, turn.wall))
    if not healthy(fact, worth):
        break_off(turn, f"the primary is {worth}: {evidence.stalled(fact) or f'state {fact.state}'}")
        return
    running = fact.state is PrimaryState.running
    if running and not turn.live.overlap_hold:
        hush(turn, "the primary began to run by itself")
        turn.set_live(good_probes=0, deadline=turn.mono)
    elif not running and turn.live.overlap_hold:
        speak(turn)
        turn.set_live(deadline=turn.mono + flap.stability_window_s(turn.state, turn.wall))
    turn.set_live(good_probes=turn.live.good_probes + 1)


def break_off(turn: Turn, why: str) -> None:
    """The primary was not stable: go on acting, and ask for a longer stability next time."""
    turn.set_journal(flap_score=turn.journal.flap_score + 1, handback=None)
    speak(turn)
    turn.set_live(healthy_since=NEVER)
    to_active(turn, why, event="return_broken_off")


def stay(turn: Turn, why: str) -> None:
    """Somebody wants this node to stay acting: the return under way ends without blame."""
    if turn.position is Position.recovering:
        turn.set_journal(handback=None)
        to_active(turn, why, event="return_stopped")


def precopied(turn: Turn, identity: str, *, done: bool, what: str) -> None:
    """The outcome of step P."""
    owed = turn.journal.handback
    if owed is None or (owed.id, owed.step) != (identity, "P"):
        return
    turn.note(EvidenceKind.merge, f"pre-copy {'done' if done else 'failed'}: {what}")
    if done:
        turn.set_live(precopied=True, step_failures=0)
        return
    failures = turn.live.step_failures + 1
    turn.set_live(step_failures=failures, step_next=turn.mono + timing.PRECOPY_RETRY_S)
    turn.log("step_failed", f"P: {what}", level="WARNING", hint="It is tried again")
    if failures >= timing.PRECOPY_TRIES:
        said = f"The pre-copy for the hand-back of {turn.name} failed {failures} times: {what}"
        todo = "Look at error.log of both nodes; it is tried again for 10 min"
        turn.alarm("precopy", f"{turn.name}: pre-copy for the hand-back fails", said, todo, level="WARNING")


def give_up(turn: Turn, why: str) -> None:
    """The way back is not possible now; next try after stable_for."""
    turn.set_live(retry_at=turn.mono + turn.timing.stable_for_s)
    to_active(
        turn, why, event="handback_failed", todo="Look at the primary's and this node's error.log; it is tried again by itself"
    )


# --- time -----------------------------------------------------------------------------------------------------------


def settle(turn: Turn) -> None:
    """Hand-back when the window has passed; the end of a flap lock."""
    live = turn.live
    if turn.has(Condition.flap_lock) and turn.mono >= unlock_at(turn.state) > NEVER:
        if flap.lock_reason(turn.journal.takeovers, turn.wall):
            turn.set_live(flap_look_at=turn.mono + timing.FLAP_LOOK_S)
        else:
            end_flap_lock(turn, "the primary was healthy for 6 h")
    if turn.position is not Position.recovering:
        return
    handback = turn.journal.handback
    identity = handback.id if handback is not None else ""
    if not live.precopied and turn.mono >= live.entered_mono + timing.PRECOPY_LONGEST_S:
        give_up(turn, "the pre-copy did not converge in 10 min")
    elif not live.precopied and turn.mono >= live.step_next:
        turn.set_live(step_next=turn.mono + timing.STEP_S)
        turn.emit(RunStep(profile=turn.name, handback=identity, step="P", term=turn.journal.term))
    elif live.precopied and window_passed(turn) and not turn.state.conditions & _STOPS_HANDBACK:
        to_handback(turn, "the primary is stable and the pre-copy has converged")


def unlock_at(state: ProfileState) -> float:
    """When the flap lock is looked at: after six hours of health, then every ten minutes while the takeovers are too many."""
    if state.live.healthy_since == NEVER:
        return NEVER
    return max(state.live.healthy_since + flap.HEALTHY_S, state.live.flap_look_at)


def wakes(state: ProfileState) -> Iterator[float]:
    """Instants at which `settle` has something to do."""
    live = state.live
    if Condition.flap_lock in state.conditions:
        yield unlock_at(state)
    if state.position is Position.recovering:
        yield live.deadline
        yield live.step_next
        yield live.entered_mono + timing.PRECOPY_LONGEST_S
    elif state.position is Position.activating:
        yield live.entered_mono + timing.STUCK_S
    if state.acting and not live.working_ready:
        yield live.load_next
    if Condition.frozen in state.conditions:
        yield live.frozen_until


def window_passed(turn: Turn) -> bool:
    """Three proofs of life in a row when both run, the stability window when the primary waits."""
    if turn.live.overlap_hold:
        return turn.live.good_probes >= timing.OVERLAP_PROBES
    return turn.mono >= turn.live.deadline


def end_flap_lock(turn: Turn, how: str) -> None:
    """Automatic role changes are on again."""
    if not turn.drop(Condition.flap_lock):
        return
    turn.set_journal(flap_lock_wall=0.0)
    turn.note(EvidenceKind.operator, f"flap lock ended: {how}")
    turn.log("flap_lock_over", how)
    turn.mail("flap_lock_over", f"{turn.name}: flap lock ended", f"The flap lock of {turn.name} ended: {how}", "Nothing.")
