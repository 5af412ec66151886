"""The primary's machine: boot-check, running, yielded, stopping. `decide(side, fact, now) -> (side, effects)`, pure and total.

| position | fact | to |
|---|---|---|
| boot | ask all listed failovers at once, 10 s (0 = off) | first "active": yielded; all "not active", or time up: running |
| running | own pause > pause limit | stop starting; boot-check again, 2 s |
| running, boot | a failover asks to yield | yielded |
| yielded | H5 | running with that term |
| yielded | no authenticated request from that failover for yield_for | running |
"""

from __future__ import annotations

import math

from msgspec.structs import replace

from sitescope_fo.failover import primary_turn, timing
from sitescope_fo.failover.evidence import say_span
from sitescope_fo.failover.primary_turn import HANDBACKS_KEPT, PrimaryTurn
from sitescope_fo.failover.state import NEVER, PeerView, PrimaryJournal, PrimarySide
from sitescope_fo.failover.timing import primary_pause_limit as pause_limit
from sitescope_fo.model import fact as facts
from sitescope_fo.model.effect import Effect, SendGoodbye, StopOwnMonitors
from sitescope_fo.model.errors import Refused, SiteScopeError
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import EvidenceKind, PrimaryState

__all__ = ["decide", "initial", "next_wake", "pause_limit", "refusal", "restored"]

_MAY_YIELD = frozenset({PrimaryState.boot_check, PrimaryState.running, PrimaryState.yielded})


def initial(boot_id: str, boot_check_s: float, now: Now) -> PrimarySide:
    """A primary that never ran. It waits in boot-check for `NodeStarted`."""
    return restored(None, boot_id, boot_check_s, now)


def restored(journal: PrimaryJournal | None, boot_id: str, boot_check_s: float, now: Now) -> PrimarySide:
    """A primary as found on disk. `PeersListed` may come before or after `NodeStarted`; without peers it runs at once."""
    return PrimarySide(journal=journal or PrimaryJournal(), boot_id=boot_id, boot_check_s=boot_check_s, since_wall=now.wall)


def refusal(side: PrimarySide, fact: facts.Fact, now: Now) -> SiteScopeError | None:
    """Why a failover's request is not carried out; None when it is. `decide` treats a refused fact as no-op."""
    del now  # nothing here depends on time
    match fact:
        case facts.YieldAsked() | facts.RunAsked() if fact.peer not in side.peers:
            return _no("this failover is not accepted here", "`sitescope-fo peer accept` on the primary", "not_accepted")
        case facts.YieldAsked() | facts.RunAsked() if side.state is PrimaryState.stopping:
            return _no("this node is stopping", "Ask again when it is back", "stopping")
        case facts.YieldAsked() if side.state is PrimaryState.yielded and side.yielded_to != fact.peer:
            return _no(f"it yielded to {side.yielded_to}", "One failover protects a primary", "yielded_to_another")
        case facts.YieldAsked() if fact.term <= side.journal.term and side.state is not PrimaryState.yielded:
            return _no(f"term {fact.term} is not above {side.journal.term}", "Ask with a newer term", "term_old")
        case facts.RunAsked() if fact.term < side.journal.term and fact.handback not in side.journal.done_handbacks:
            return _no(f"term {fact.term} is below {side.journal.term}", "A newer hand-over has happened since", "term_old")
        case _:
            return None


def _no(why: str, hint: str, code: str) -> Refused:
    return Refused(f"Not done: {why}", where="primary", hint=hint, code=code)


def decide(side: PrimarySide, fact: facts.Fact, now: Now) -> tuple[PrimarySide, tuple[Effect, ...]]:
    """What `fact` means now: the new side (the same object when nothing changed) and what to do. Never raises."""
    turn = PrimaryTurn(side, now)
    if refusal(side, fact, now) is None:
        _hear(turn, fact)
        match fact:
            case facts.NodeStarted():
                turn.note(EvidenceKind.start, f"node started, term {side.journal.term}")
                if not fact.state_readable:
                    turn.set_journal(highest_term_heard=fact.highest_term_seen)
                boot_check(turn, side.boot_check_s, "started")
            case facts.PeersListed():
                _peers(turn, fact)
            case facts.BootCheckAnswered() | facts.BootCheckFailed():
                _boot_answer(turn, fact)
            case facts.YieldAsked():
                _yield(turn, fact)
            case facts.RunAsked():
                _run(turn, fact)
            case facts.LoopGap():
                _gap(turn, fact)
            case facts.StopAsked():
                _stop(turn, fact)
            case facts.StoreFailed() | facts.StoreRecovered():
                _store(turn, fact)
            case _:
                pass
    primary_turn.settle(turn)
    return turn.side, tuple(turn.effects)


def next_wake(side: PrimarySide, now: Now) -> float:
    """The next deadline after `now` on the boot-time clock; inf when only a fact can change anything."""
    return min((at for at in primary_turn.wakes(side) if at > now.mono), default=math.inf)


def _hear(turn: PrimaryTurn, fact: facts.Fact) -> None:
    """Every term heard is stored, and every authenticated request of a listed failover is a sign of its life."""
    match fact:
        case facts.PeerHeard() | facts.YieldAsked() | facts.RunAsked() | facts.BootCheckAnswered():
            if fact.term > turn.side.journal.highest_term_heard:
                turn.set_journal(highest_term_heard=fact.term)
            turn.heard(fact.peer)
        case _:
            pass


def boot_check(turn: PrimaryTurn, seconds: float, why: str) -> None:
    """Asks before it monitors."""
    if not turn.side.boot_check_s or not turn.side.peers:
        reason = "no failover is listed" if turn.side.boot_check_s else "the boot-check is off"
        turn.run(f"{why}; {reason}")
        return
    if turn.side.state is not PrimaryState.boot_check:
        turn.move(PrimaryState.boot_check, why)
    peers = {peer: replace(view, answered=False, active=False, detail="") for peer, view in turn.side.peers.items()}
    turn.set(peers=peers, deadline=turn.mono + seconds)
    turn.ask()


def _boot_answer(turn: PrimaryTurn, fact: facts.BootCheckAnswered | facts.BootCheckFailed) -> None:
    side = turn.side
    if side.state is not PrimaryState.boot_check or fact.peer not in side.peers:
        return
    if isinstance(fact, facts.BootCheckFailed):
        if not side.peers[fact.peer].answered:
            turn.view(fact.peer, detail=fact.what)
        return
    turn.view(fact.peer, answered=True, active=fact.active, detail="", yield_for_s=fact.yield_for_s)
    turn.note(EvidenceKind.boot_check, f"{fact.peer} answers {'active' if fact.active else 'not active'}, term {fact.term}")
    if fact.active:
        turn.give_way(fact.peer, fact.profile, fact.yield_for_s, f"failover {fact.peer} acts with term {fact.term}")


def _yield(turn: PrimaryTurn, fact: facts.YieldAsked) -> None:
    turn.note(EvidenceKind.yielded, f"{fact.peer} asks to yield for term {fact.term}: {fact.why}")
    turn.give_way(fact.peer, fact.profile, fact.yield_for_s, f"asked to yield by {fact.peer}: {fact.why}")


def _run(turn: PrimaryTurn, fact: facts.RunAsked) -> None:
    done = turn.side.journal.done_handbacks
    if fact.handback in done and turn.side.state is PrimaryState.running:
        return
    if fact.handback not in done:
        turn.set_journal(done_handbacks=(*done, fact.handback)[-HANDBACKS_KEPT:])
    turn.note(EvidenceKind.yielded, f"{fact.peer} hands back with term {fact.term} ({fact.handback})")
    turn.run(f"failover {fact.peer} handed back", term=max(fact.term, turn.side.journal.term))


def _peers(turn: PrimaryTurn, fact: facts.PeersListed) -> None:
    side = turn.side
    fresh = [peer for peer in fact.node_ids if peer not in side.peers]
    peers = {peer: side.peers.get(peer, PeerView()) for peer in fact.node_ids}
    if peers != side.peers or fact.pause_limit_s != side.pause_limit_s:
        turn.set(peers=peers, pause_limit_s=fact.pause_limit_s)
    if fresh:
        turn.set(silence_from=turn.mono)
    if side.state is PrimaryState.boot_check and math.isfinite(side.deadline):
        if not peers:
            turn.run("no failover is listed any more")
        elif fresh:
            turn.ask()


def _gap(turn: PrimaryTurn, fact: facts.LoopGap) -> None:
    side = turn.side
    if side.yielded_to:
        turn.heard(side.yielded_to)  # whoever slept cannot say that the other was silent
    if fact.gap_s <= side.pause_limit_s:
        return
    turn.set(silence_from=turn.mono)
    turn.note(EvidenceKind.clock, f"this node did not run for {say_span(fact.gap_s)}")
    if side.state is PrimaryState.running and side.peers and side.boot_check_s:
        turn.emit(StopOwnMonitors())
        boot_check(turn, timing.BOOT_CHECK_PAUSE_S, f"paused for {say_span(fact.gap_s)}")
    elif side.state is PrimaryState.boot_check and math.isfinite(side.deadline):
        boot_check(turn, max(timing.BOOT_CHECK_PAUSE_S, side.deadline - turn.mono), f"paused for {say_span(fact.gap_s)}")


def _stop(turn: PrimaryTurn, fact: facts.StopAsked) -> None:
    if turn.side.state is PrimaryState.stopping:
        return
    turn.note(EvidenceKind.operator, f"stop: {fact.why}, back in {say_span(fact.eta_s)}")
    turn.move(PrimaryState.stopping, f"stops: {fact.why}")
    turn.emit(StopOwnMonitors())
    if turn.side.peers:
        turn.emit(SendGoodbye(eta_s=fact.eta_s, why=fact.why))


def _store(turn: PrimaryTurn, fact: facts.StoreFailed | facts.StoreRecovered) -> None:
    if isinstance(fact, facts.StoreFailed):
        if turn.side.fault_since == NEVER:
            what = f"State cannot be written: {fact.why}. Monitoring goes on from memory"
            todo = "Check space, permissions and health of the disk"
            turn.set(fault_since=turn.mono, fault_what=fact.why)
            turn.log("fault", what, level="ERROR", hint=todo)
            turn.mail("fault", "FAULT on the primary: state cannot be written", what, todo)
        return
    if turn.side.fault_since > NEVER:
        turn.set(fault_since=NEVER, fault_what="")
        turn.log("fault_over", "state is durable again")
