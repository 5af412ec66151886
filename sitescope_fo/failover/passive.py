"""Watching: what an answer, a miss, a goodbye mean while the primary is in charge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sitescope_fo.failover import evidence, timing
from sitescope_fo.failover.conditions import blind, leave
from sitescope_fo.failover.evidence import Verdict, say_span
from sitescope_fo.failover.moves import owe_tidying, to_standby
from sitescope_fo.failover.state import NEVER, Handback, ProfileState
from sitescope_fo.failover.takeover import cancel_yield, yield_settled
from sitescope_fo.model.effect import ProbeNow, RunStep
from sitescope_fo.model.fact import BootCheckHeard, GoodbyeHeard, ProbeAnswered, ProbeMissed, ProbeUnverifiable, WatchWindow
from sitescope_fo.model.status import Condition, EvidenceKind, Position, PrimaryState

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn


def on_answer(turn: Turn, fact: ProbeAnswered, worth: Verdict) -> None:
    """A verified reply of the primary, the newest so far."""
    if not turn.live.window_open:
        return
    if turn.drop(Condition.unverifiable):
        blind(turn)
        turn.calm("unverifiable", f"{turn.name}: the primary's answers can be trusted again")
    turn.keep(evidence.of_answer(fact, turn.wall))
    if fact.state is PrimaryState.running:
        _settle_debt(turn, fact)
    if turn.position is Position.announced and fact.boot_id == turn.live.goodbye_boot_id:
        return
    match worth:
        case Verdict.alive:
            _alive(turn, fact)
        case Verdict.degraded:
            _degraded(turn, evidence.stalled(fact))
            if turn.position in {Position.standby, Position.announced}:
                turn.move(Position.suspect, f"the primary answers and admits stalled work: {evidence.stalled(fact)}")
        case Verdict.idle:
            _idle(turn, fact)


def _alive(turn: Turn, fact: ProbeAnswered) -> None:
    turn.set_live(misses=0, degraded_since=NEVER, degraded_what="")
    turn.calm("grace", f"{turn.name}: the primary answers again")
    turn.calm("blocked", f"{turn.name}: the primary answers again")
    turn.calm("nobody", f"{turn.name}: the primary runs again")
    if turn.live.asked_yield and not turn.live.switchover_by:
        cancel_yield(turn)
    if turn.position is not Position.standby:
        back = " in a new life" if turn.position is Position.announced else ""
        late = f", {say_span(fact.round_trip_s)} after it was asked" if fact.late else ""
        to_standby(turn, f"proof of life{back}{late}")


def _degraded(turn: Turn, what: str) -> None:
    since = turn.live.degraded_since
    turn.set_live(misses=0, degraded_since=turn.mono if since == NEVER else since, degraded_what=what)


def _idle(turn: Turn, fact: ProbeAnswered) -> None:
    """It is alive and does not monitor: normal for a moment in a boot-check; a yield while nobody acts is a hole."""
    if turn.position is Position.announced:
        to_standby(turn, f"the primary is back in a new life, state {fact.state}")
        blind(turn)
    _degraded(turn, f"it answers and does not monitor (state {fact.state})")
    if fact.state is not PrimaryState.yielded:
        return
    live = turn.live
    if live.asked_yield:
        if fact.sent_mono >= live.yield_asked_at:
            yield_settled(turn, yielded=True, detail="its health reply says so")
    elif fact.sent_mono > live.entered_mono:
        tell_to_run(turn)


def tell_to_run(turn: Turn) -> None:
    """The primary yielded and nobody acts: order it to run, the same order again until it is carried out."""
    owed = turn.journal.handback
    if owed is not None and owed.step == "H5":
        if turn.mono < turn.live.step_next:
            return
    else:
        given = turn.state.term_to_give
        owed = Handback(id=f"{turn.state.config.id}-run-{given}", step="H5", since_wall=turn.wall, term=given)
        turn.set_journal(handback=owed, highest_term_heard=given)
    turn.set_live(step_next=turn.mono + timing.OWED_RETRY_S)
    turn.emit(RunStep(profile=turn.name, handback=owed.id, step="H5", term=owed.term))
    what = f"The primary of {turn.name} yielded and nobody acts: nobody monitors. It is told to run with term {owed.term}"
    turn.alarm("nobody", f"{turn.name}: nobody monitors, primary told to run", what, "Nothing, unless this mail is repeated")


def _settle_debt(turn: Turn, fact: ProbeAnswered) -> None:
    """A running primary needs no order to run any more; what is left is to tidy up."""
    owed = turn.journal.handback
    if owed is not None and owed.step == "H5":
        debt_paid(turn, max(turn.journal.term, fact.term))


def debt_paid(turn: Turn, term: int) -> None:
    """The owed order to run was carried out, by whatever way."""
    turn.set_journal(term=max(turn.journal.term, term), handback=None)
    if turn.journal.drift:
        turn.set_journal(handback=owe_tidying(turn))
        turn.set_live(step_next=turn.mono)


def on_miss(turn: Turn, fact: ProbeMissed) -> None:
    """A probe sent after the last proof of life failed."""
    if not turn.live.window_open or fact.sent_mono < turn.live.last_sent_answered:
        return
    if leave(turn, Condition.unverifiable):
        turn.keep(evidence.of_miss(fact, turn.wall, 1))
        turn.calm("unverifiable", f"{turn.name}: the primary no longer answers at all")
        if turn.position is not Position.suspect:
            turn.move(Position.suspect, "it answered untrusted and now it does not answer")
        return
    if fact.sent_mono < turn.live.blind_until:
        return
    turn.set_live(misses=turn.live.misses + 1)
    turn.keep(evidence.of_miss(fact, turn.wall, turn.live.misses))
    if turn.position is Position.standby:
        turn.move(Position.suspect, f"a probe failed: {fact.kind}")


def on_foreign(turn: Turn, fact: ProbeMissed) -> None:
    """Something that is not our node answers at the primary's address."""
    what = f"Something else answers at {turn.primary}, the address of {turn.name}'s primary: {fact.detail or 'it is not signed'}"
    todo = f"Check address, proxy and port; a rebuilt primary is bound again with `sitescope-fo profile rebind {turn.name}`"
    turn.alarm("foreign", f"{turn.name}: a foreign service answers for the primary", what, todo)


def on_unverifiable(turn: Turn, fact: ProbeUnverifiable) -> None:
    """Our node, alive, and not to be trusted. An alarm in every position; while passive also a condition."""
    turn.keep(evidence.of_unverifiable(fact, turn.wall))
    what = f"The primary of {turn.name} is alive and cannot be trusted: {fact.code} {fact.detail}".rstrip()
    todo = f"Compare passphrase, clock, certificate and version: `sitescope-fo profile test {turn.name}`"
    if fact.code in {"wrong_identity", "wrong_node"}:
        todo = f"If the primary was rebuilt on purpose: `sitescope-fo profile rebind {turn.name}`"
    if turn.state.passive and turn.live.window_open:
        turn.set_live(unverifiable_what=fact.code)
        if turn.add(Condition.unverifiable):
            turn.set_live(unverifiable_since=turn.mono)
    turn.alarm("unverifiable", f"{turn.name}: primary UNVERIFIABLE ({fact.code})", what, todo)


def on_goodbye(turn: Turn, fact: GoodbyeHeard) -> None:
    """A planned stop: so much patience, and no longer."""
    if turn.live.asked_yield and not turn.live.switchover_by:
        cancel_yield(turn)
    eta = min(max(0.0, fact.eta_s), timing.GOODBYE_LONGEST_S)
    turn.note(EvidenceKind.goodbye, f"goodbye, back in {say_span(eta)}{': ' + fact.why if fact.why else ''}")
    if not turn.live.window_open:
        return
    if turn.position is not Position.announced:
        turn.move(Position.announced, f"the primary stops on purpose and is back in {say_span(eta)}")
    turn.set_live(deadline=turn.mono + eta, goodbye_boot_id=fact.boot_id, misses=0)


def on_boot_check(turn: Turn, fact: BootCheckHeard) -> None:
    """The primary asked us and heard "not active": it will run. What was seen of its last life is worth nothing."""
    if turn.live.asked_yield and not turn.live.switchover_by:
        cancel_yield(turn)
    turn.note(EvidenceKind.boot_check, f"boot-check of life {fact.boot_id[:8]}, term {fact.term}: answered not active")
    if turn.position is not Position.standby and turn.live.window_open:
        to_standby(turn, "the primary asked whether we act, and will run")
    blind(turn)


def on_window(turn: Turn, fact: WatchWindow) -> None:
    """The check schedule opens or closes; outside it nothing is judged."""
    if fact.open == turn.live.window_open and fact.until_wall == turn.live.window_until_wall:
        return
    opened = fact.open and not turn.live.window_open
    turn.set_live(window_open=fact.open, window_until_wall=fact.until_wall)
    until = evidence.say_time(fact.until_wall)
    turn.log("watch_window", f"watched until {until}" if fact.open else f"not watched until {until}")
    if opened:
        blind(turn)
        turn.emit(ProbeNow(profile=turn.name))
    elif not fact.open and turn.state.passive:
        if turn.live.asked_yield:
            cancel_yield(turn)
        if turn.position is not Position.standby:
            turn.note(EvidenceKind.clock, f"the check schedule closed, next at {until}")
            to_standby(turn, f"not watched until {until}")


def settle(turn: Turn) -> None:
    """Suspicion that time completes, and what is still owed to the primary."""
    live, owed = turn.live, turn.journal.handback
    if owed is not None and owed.step == "H6" and turn.position is Position.standby and turn.mono >= live.step_next:
        turn.set_live(step_next=turn.mono + timing.TIDY_RETRY_S)
        if live.answering and live.primary_state is PrimaryState.running:
            turn.emit(RunStep(profile=turn.name, handback=owed.id, step="H6", term=owed.term))
    if not live.window_open:
        return
    stalled = turn.mono >= live.degraded_since + timing.DEGRADED_S > NEVER
    if turn.position is Position.standby and stalled:
        turn.move(Position.suspect, live.degraded_what)
    if turn.position is Position.suspect and (live.misses >= turn.timing.misses or stalled):
        why = f"{live.misses} misses in a row" if live.misses >= turn.timing.misses else f"for 30 s: {live.degraded_what}"
        seen = turn.live.evidence
        turn.move(Position.grace, why)
        left = max(0.0, turn.state.due - turn.mono)
        what = f"{turn.name} is in grace: {why}; {evidence.silence(turn.state, turn.mono)}. Takeover in {say_span(left)}"
        turn.set_live(evidence=seen[-3:])
        turn.emit(ProbeNow(profile=turn.name))
        turn.alarm(
            "grace", f"{turn.name}: primary in doubt, takeover in {say_span(left)}", what, "Look at the primary", level="WARNING"
        )


def wakes(state: ProfileState) -> Iterator[float]:
    """Instants at which `settle` has something to do."""
    live = state.live
    if state.passive:
        yield live.degraded_since + timing.DEGRADED_S
        if state.journal.handback is not None and state.journal.handback.step == "H6":
            yield live.step_next


def paid_or_failed(turn: Turn, identity: str, step: str, *, done: bool, term: int = 0, what: str = "") -> None:
    """The outcome of a step that was owed while passive."""
    owed = turn.journal.handback
    if owed is None or (owed.id, owed.step) != (identity, step):
        return
    if not done:
        turn.log("step_failed", f"{step}: {what}", level="WARNING", hint="It is asked for again")
        return
    if step == "H5":
        turn.note(EvidenceKind.merge, f"the primary runs with term {term or owed.term}")
        debt_paid(turn, term or owed.term)
    else:
        turn.note(EvidenceKind.merge, "late results shipped, edits kept, mirror verified")
        turn.set_journal(handback=None, drift=False)
    turn.log("step_done", f"{step} was owed and is done")
