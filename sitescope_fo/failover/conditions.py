"""What else is true beside the position: fault, isolation, no mirror. And the local gate: is it me?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sitescope_fo.failover import timing
from sitescope_fo.failover.evidence import say_span, say_time
from sitescope_fo.failover.state import NEVER, ProfileState
from sitescope_fo.failover.timing import GATE_EVERY_ACTING_S, GATE_EVERY_S
from sitescope_fo.model.effect import RejudgeAlerts, SampleGate
from sitescope_fo.model.fact import GateSampled, LoopLate
from sitescope_fo.model.status import Condition, EvidenceKind, Position

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn

MIRROR_HINT = "Run `sitescope-fo mirror NAME` and `sitescope-fo check profile NAME`; it must end before the primary does"


def blind(turn: Turn) -> None:
    """What was observed before now is worth nothing."""
    turn.set_live(blind_until=turn.mono, misses=0, degraded_since=NEVER, degraded_what="")


def leave(turn: Turn, condition: Condition) -> bool:
    """Ends a condition whose time is worth nothing as observation. False when it did not hold."""
    if not turn.drop(condition):
        return False
    blind(turn)
    return True


# --- the local gate -------------------------------------------------------------------------------------------------


def points_answer(state: ProfileState) -> bool:
    """Whether enough reference points answered the newest sample; passes when none is known or the primary is this host."""
    live = state.live
    if live.own_address or not live.gate_asked:
        return True
    return live.gate_answered >= max(1, math.ceil(timing.GATE_SHARE * live.gate_asked))


def gate_shut(state: ProfileState, mono: float) -> str:
    """Why this node may not blame the primary now, in words; "" when the gate is open."""
    live = state.live
    if live.late_until > mono:
        return f"this node's own loop was late; not trusted for another {say_span(live.late_until - mono)}"
    if live.gate_at < mono - timing.GATE_FRESH_S:
        return "no fresh sample of the reference points"
    if not points_answer(state):
        return f"{live.gate_answered} of {live.gate_asked} reference points answer"
    return ""


def sample_every(state: ProfileState) -> float:
    """Seconds between samples of the reference points; inf = none. From suspect on, while acting, and to see isolation end."""
    if state.position in {Position.suspect, Position.grace, Position.announced}:
        return GATE_EVERY_S
    if Condition.isolated in state.conditions or Condition.frozen in state.conditions:
        return GATE_EVERY_S
    return math.inf if state.passive else GATE_EVERY_ACTING_S


def on_gate(turn: Turn, fact: GateSampled) -> None:
    """A sample came in: isolated or not."""
    turn.set_live(gate_asked=fact.asked, gate_answered=fact.answered, gate_at=turn.mono, own_address=fact.own_address)
    what = f"{fact.answered} of {fact.asked} reference points answer"
    if points_answer(turn.state):
        if turn.has(Condition.isolated):
            turn.note(EvidenceKind.gate, what)
            leave(turn, Condition.isolated)
            turn.log("isolated_over", what)
            if turn.state.acting:
                turn.emit(RejudgeAlerts(profile=turn.name))
            turn.calm("isolated", f"{turn.name}: this node reaches its network again ({what})")
    else:
        turn.note(EvidenceKind.gate, what)
        isolate(turn, what)


def isolate(turn: Turn, what: str) -> None:
    """The fault is on this side: passive, no takeover; acting, checks go on and mails wait."""
    if not turn.add(Condition.isolated):
        return
    turn.set_live(isolated_since=turn.mono)
    turn.log("isolated", what, level="WARNING", hint="Check this node's own network, gateway and DNS")


def on_late(turn: Turn, fact: LoopLate) -> None:
    """The loop was late: the gate is shut for a while."""
    late(turn, fact.late_s)


def late(turn: Turn, seconds: float) -> None:
    """See `on_late`."""
    if seconds >= timing.LATE_S:
        turn.set_live(late_until=max(turn.live.late_until, turn.mono + timing.LATE_FOR_S))


# --- fault ----------------------------------------------------------------------------------------------------------


def fault(turn: Turn, what: str) -> None:
    """State cannot be made durable: no takeover from here; acting goes on from memory, flagged."""
    if turn.add(Condition.fault):
        turn.set_live(fault_since=turn.mono)
        turn.note(EvidenceKind.store, what)
        turn.log("fault", what, level="ERROR", hint="Check the disk of high_availability/: space, permissions, errors")
    turn.set_live(fault_what=what)


def store_failed(turn: Turn, why: str) -> None:
    """A state write failed."""
    turn.set_live(store_failing=True)
    fault(turn, f"state write failed: {why}")


def store_recovered(turn: Turn) -> None:
    """State is durable again; whoever lost it still does not know its term."""
    turn.set_live(store_failing=False)
    if turn.live.term_unknown_until == NEVER:
        _fault_over(turn, "state is durable again")


def term_known(turn: Turn, what: str) -> None:
    """The term of a node that lost its state is known; a disk that fails is still a fault."""
    turn.set_live(term_unknown_until=NEVER)
    if not turn.live.store_failing:
        _fault_over(turn, what)


def _fault_over(turn: Turn, what: str) -> None:
    if leave(turn, Condition.fault):
        turn.note(EvidenceKind.store, what)
        turn.log("fault_over", what)
        turn.calm("fault", f"{turn.name}: {what}")


# --- what is told as time passes ------------------------------------------------------------------------------------


def since_wall(turn: Turn, since_mono: float) -> str:
    """A past instant of the boot-time clock as a wall time."""
    return say_time(turn.wall - (turn.mono - since_mono)) if math.isfinite(since_mono) else "the start"


def explain(turn: Turn, condition: Condition) -> str:
    """Which condition it is, since when, set by whom or by what."""
    live, hold = turn.live, turn.journal.hold
    match condition:
        case Condition.no_mirror:
            return f"no_mirror since {since_wall(turn, live.no_mirror_since)} ({live.no_mirror_what})"
        case Condition.isolated:
            answers = f"{live.gate_answered} of {live.gate_asked} reference points answer"
            return f"isolated since {since_wall(turn, live.isolated_since)} ({answers})"
        case Condition.frozen:
            return f"frozen since {since_wall(turn, live.frozen_since)}"
        case Condition.fault:
            return f"fault since {since_wall(turn, live.fault_since)} ({live.fault_what})"
        case Condition.hold if hold is not None:
            return f"hold set by {hold.by} at {say_time(hold.set_wall)} ({hold.reason}), until {say_time(hold.until_wall)}"
        case _:
            return f"{condition}"


def settle(turn: Turn) -> None:
    """Samples the reference points when it is time, and raises the alarms that time raises."""
    every = sample_every(turn.state)
    left = turn.live.gate_next - turn.mono  # more than `every`: planned in a position that asks less often
    if math.isfinite(every) and not 0.0 < left <= every:
        turn.set_live(gate_next=turn.mono + every)
        turn.emit(SampleGate(profile=turn.name))
    if turn.has(Condition.no_mirror) and turn.live.no_mirror_since == NEVER:
        turn.set_live(no_mirror_since=turn.mono)
    live, name = turn.live, turn.name
    if turn.has(Condition.fault) and turn.mono >= live.term_unknown_until > NEVER:
        term_known(turn, "the primary did not report its term, the result logs decide")
    if turn.has(Condition.no_mirror) and turn.state.passive and turn.mono >= live.no_mirror_since + timing.NO_MIRROR_MAIL_S:
        what = f"{name} is UNPROTECTED since {since_wall(turn, live.no_mirror_since)}: {live.no_mirror_what}"
        turn.alarm("no_mirror", f"{name}: UNPROTECTED, no usable mirror", what, MIRROR_HINT)
    if live.mirror_failing_since > NEVER and turn.mono >= live.mirror_failing_since + timing.MIRROR_FAILING_MAIL_S:
        what = f"Mirroring {name} fails since {since_wall(turn, live.mirror_failing_since)}: {live.mirror_failing_what}"
        turn.alarm("mirror_failed", f"{name}: mirroring fails", what, MIRROR_HINT, level="WARNING")
    if turn.has(Condition.fault):
        what = f"{name}: {explain(turn, Condition.fault)}"
        turn.alarm("fault", f"{name}: FAULT, state cannot be written", what, "Check space, permissions and health of the disk")
    if turn.has(Condition.isolated):
        what = f"{name}: {explain(turn, Condition.isolated)}; alerts wait until the network is back"
        turn.alarm("isolated", f"{name}: this failover is ISOLATED", what, "Check this node's own network, gateway and DNS")


def wakes(state: ProfileState) -> Iterator[float]:
    """Instants at which `settle` has something to do."""
    live = state.live
    if math.isfinite(sample_every(state)):
        yield live.gate_next
    yield live.late_until
    for name, condition, delay in (
        ("no_mirror", Condition.no_mirror, timing.NO_MIRROR_MAIL_S),
        ("fault", Condition.fault, 0.0),
        ("isolated", Condition.isolated, 0.0),
    ):
        if condition in state.conditions:
            if name == "no_mirror":
                yield live.no_mirror_since + delay
            yield live.alarmed.get(name, NEVER) + timing.ALARM_EVERY_S
    if Condition.fault in state.conditions:
        yield live.term_unknown_until
    if live.mirror_failing_since > NEVER:
        yield live.mirror_failing_since + timing.MIRROR_FAILING_MAIL_S
        yield live.alarmed.get("mirror_failed", NEVER) + timing.ALARM_EVERY_S
