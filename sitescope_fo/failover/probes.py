"""What the primary says, or does not say: first what it tells in any position, then what it means in this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.failover import acting, freeze, handback, passive, takeover
from sitescope_fo.failover.conditions import term_known
from sitescope_fo.failover.evidence import Verdict, of_miss, verdict
from sitescope_fo.failover.moves import speak
from sitescope_fo.failover.state import NEVER
from sitescope_fo.failover.takeover import yield_settled
from sitescope_fo.model.fact import BootCheckHeard, GoodbyeHeard, ProbeAnswered, ProbeMissed, ProbeUnverifiable, YieldAnswered
from sitescope_fo.model.status import Condition, EvidenceKind, Position

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn


def hear(turn: Turn, term: int) -> None:
    """Every term heard is stored."""
    if term > turn.journal.highest_term_heard:
        turn.set_journal(highest_term_heard=term)


def on_probe(turn: Turn, fact: ProbeAnswered | ProbeMissed | ProbeUnverifiable) -> None:
    """The outcome of one probe."""
    match fact:
        case ProbeAnswered():
            _answered(turn, fact)
        case ProbeMissed():
            _missed(turn, fact)
        case ProbeUnverifiable():
            _unverifiable(turn, fact)


def _answered(turn: Turn, fact: ProbeAnswered) -> None:
    hear(turn, fact.term)
    live, worth = turn.live, verdict(fact)
    if worth is Verdict.alive and fact.sent_mono > live.last_pol:
        turn.set_live(last_pol=fact.sent_mono, last_pol_wall=turn.wall - (turn.mono - fact.sent_mono))
    if live.term_unknown_until > NEVER:
        turn.set_journal(term=max(turn.journal.term, fact.term + 1))
        term_known(turn, f"the primary reports term {fact.term}, this node goes on from {turn.journal.term}")
    if fact.sent_mono < live.last_sent_answered:
        return  # older news than what is known
    turn.set_live(
        last_sent_answered=fact.sent_mono,
        answering=True,
        primary_state=fact.state,
        primary_boot_id=fact.boot_id,
        primary_term=fact.term,
        primary_version=fact.version,
        skew_s=fact.skew_s,
        round_trip_s=fact.round_trip_s,
        same_check_passes_here=fact.same_check_passes_here,
    )
    if turn.state.acting and turn.has(Condition.frozen):
        freeze.on_answer(turn, fact)
        if turn.has(Condition.frozen):
            return
    match turn.position:
        case Position.activating:
            takeover.on_answer_activating(turn, fact, alive=worth is Verdict.alive)
        case Position.active:
            acting.on_answer_active(turn, fact, worth)
        case Position.recovering:
            acting.on_answer_recovering(turn, fact, worth)
        case Position.handback:
            handback.on_answer(turn, fact)
        case _:
            passive.on_answer(turn, fact, worth)


def _missed(turn: Turn, fact: ProbeMissed) -> None:
    live, timing = turn.live, turn.timing
    turn.set_live(last_sent_failed=max(live.last_sent_failed, fact.sent_mono))
    if fact.kind == "foreign":
        passive.on_foreign(turn, fact)
    if fact.sent_mono < live.last_sent_answered:
        return
    slow = fact.kind == "timeout" and fact.sent_mono - live.last_sent_answered <= timing.hard_timeout_s + timing.check_every_s
    turn.set_live(answering=live.answering and slow, healthy_since=NEVER)
    if turn.state.passive:
        passive.on_miss(turn, fact)
        return
    turn.keep(of_miss(fact, turn.wall, 1))
    if turn.has(Condition.frozen):
        freeze.on_failed_probe(turn, fact.sent_mono)
    if turn.live.answering:
        return  # slow, and slow is not gone: a reply within the hard time-out still counts
    if turn.position is Position.handback:
        handback.on_miss(turn)
    else:
        _lost(turn, f"a probe failed: {fact.kind}", fact.sent_mono)


def _unverifiable(turn: Turn, fact: ProbeUnverifiable) -> None:
    if fact.sent_mono < turn.live.last_sent_answered:
        return
    skew_s = turn.live.skew_s if fact.skew_s is None else fact.skew_s
    turn.set_live(last_sent_answered=fact.sent_mono, answering=True, healthy_since=NEVER, skew_s=skew_s)
    passive.on_unverifiable(turn, fact)
    if turn.state.acting:
        if turn.has(Condition.frozen):
            freeze.on_failed_probe(turn, fact.sent_mono)
        _lost(turn, f"the primary is unverifiable: {fact.code}", fact.sent_mono)


def _lost(turn: Turn, why: str, sent_mono: float) -> None:
    """No usable word from the primary while acting."""
    if turn.position is Position.recovering and sent_mono >= turn.live.entered_mono:
        acting.break_off(turn, why)
    elif turn.position is Position.active:
        speak(turn)


def on_word(turn: Turn, fact: GoodbyeHeard | BootCheckHeard | YieldAnswered) -> None:
    """Something the primary said by itself, or answered."""
    match fact:
        case GoodbyeHeard():
            _goodbye(turn, fact)
        case BootCheckHeard():
            _boot_check(turn, fact)
        case YieldAnswered():
            _yield_answered(turn, fact)


def _goodbye(turn: Turn, fact: GoodbyeHeard) -> None:
    if turn.state.passive:
        passive.on_goodbye(turn, fact)
        return
    turn.note(EvidenceKind.goodbye, f"the primary stops: {fact.why or 'no reason given'}")
    turn.log("goodbye", f"the primary stops, back in {fact.eta_s:.0f} s: {fact.why}")
    turn.set_live(healthy_since=NEVER)
    if turn.position is Position.recovering:
        acting.break_off(turn, "the primary stops")
    elif turn.position is Position.active:
        speak(turn)


def _boot_check(turn: Turn, fact: BootCheckHeard) -> None:
    hear(turn, fact.term)
    turn.set_live(primary_boot_id=fact.boot_id)
    if turn.state.passive:
        passive.on_boot_check(turn, fact)
        return
    turn.note(
        EvidenceKind.boot_check, f"the primary starts (life {fact.boot_id[:8]}, term {fact.term}) and hears that this node acts"
    )
    turn.log("boot_check", f"life {fact.boot_id[:8]}, term {fact.term}: answered active")
    turn.set_live(healthy_since=NEVER)
    if not turn.state.acting:
        return
    acting.outrank(turn, fact.term)
    freeze.thaw(turn, "the primary asks before it monitors: go on")
    if turn.position is Position.recovering:
        acting.break_off(turn, "the primary restarted")
    elif turn.position is Position.active:
        speak(turn)


def _yield_answered(turn: Turn, fact: YieldAnswered) -> None:
    hear(turn, fact.term)
    if turn.state.acting:
        acting.on_yield_answer(turn, fact)
    elif turn.state.passive and turn.live.asked_yield:
        yield_settled(turn, yielded=fact.yielded, detail=fact.detail)
    elif turn.state.passive and fact.yielded:
        turn.note(EvidenceKind.yielded, "the primary yielded to a question that was taken back")
        passive.tell_to_run(turn)
