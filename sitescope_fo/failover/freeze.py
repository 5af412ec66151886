"""After a pause of this node, or a restart: what it knows is old, and somebody else may act by now."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sitescope_fo.failover import timing
from sitescope_fo.failover.conditions import blind, isolate, late, points_answer
from sitescope_fo.failover.evidence import say_span
from sitescope_fo.model.effect import ProbeNow, SampleGate
from sitescope_fo.model.fact import LoopGap, ProbeAnswered
from sitescope_fo.model.status import Condition, EvidenceKind, Position, PrimaryState

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn

_FROZEN_PROBES = 2


def on_gap(turn: Turn, fact: LoopGap) -> None:
    """The engine did not run for a while."""
    late(turn, fact.gap_s)
    if fact.gap_s <= timing.PAUSE_LIMIT_S:
        return
    what = f"this node did not run for {say_span(fact.gap_s)}"
    turn.note(EvidenceKind.clock, what)
    turn.log("paused", what, level="WARNING", hint="Look for suspend, SIGSTOP, overload or a starved virtual machine")
    if turn.state.acting:
        freeze(turn)
        return
    blind(turn)
    if turn.position is Position.handback:
        turn.set_live(deadline=turn.live.deadline + fact.gap_s)
    turn.emit(ProbeNow(profile=turn.name))


def freeze(turn: Turn) -> None:
    """Starts nothing until it is clear that nobody else acts."""
    turn.add(Condition.frozen)
    turn.set_live(
        frozen_since=turn.mono,
        frozen_probes=0,
        frozen_until=turn.mono + timing.frozen_for(turn.state.config),
        gate_next=turn.mono + timing.GATE_EVERY_S,
        good_probes=0,
        retry_at=math.inf,
    )
    turn.emit(ProbeNow(profile=turn.name), SampleGate(profile=turn.name))


def thaw(turn: Turn, what: str) -> None:
    """Goes on as before the pause."""
    if not turn.drop(Condition.frozen):
        return
    turn.set_live(frozen_until=math.inf)
    blind(turn)
    turn.note(EvidenceKind.clock, what)
    turn.log("frozen_over", what)


def on_answer(turn: Turn, fact: ProbeAnswered) -> None:
    """An answer to a probe sent after the freeze tells who acts.

    Not the primary: go on. The primary: what any answer in this position leads to (recovering, alerts held) follows in the same
    decision, so nothing starts in between.
    """
    if fact.sent_mono < turn.live.frozen_since:
        return
    if fact.state is PrimaryState.running:
        thaw(turn, f"the primary runs (term {fact.term}) after a pause of this node")
    else:
        thaw(turn, f"the primary does not monitor (state {fact.state}): go on")


def on_failed_probe(turn: Turn, sent_mono: float) -> None:
    """A probe sent after the freeze brought no usable answer."""
    if sent_mono < turn.live.frozen_since:
        return
    turn.set_live(frozen_probes=turn.live.frozen_probes + 1)
    resolve(turn)
    if turn.has(Condition.frozen) and turn.live.frozen_probes < _FROZEN_PROBES:
        turn.emit(ProbeNow(profile=turn.name))


def resolve(turn: Turn) -> None:
    """Two failed probes and reference points that answer: go on. Neither answers: the fault is here."""
    live = turn.live
    if not turn.has(Condition.frozen) or live.frozen_probes < _FROZEN_PROBES or live.gate_at < live.frozen_since:
        return
    answers = f"{live.gate_answered} of {live.gate_asked} reference points answer"
    if points_answer(turn.state):
        thaw(turn, f"{live.frozen_probes} probes of the primary failed and {answers}: go on")
    else:
        give_in(turn, answers)


def give_in(turn: Turn, what: str) -> None:
    """Frozen becomes isolated: checks go on, alerts wait for the network."""
    turn.note(EvidenceKind.gate, f"nothing told who acts: {what}")
    isolate(turn, what)
    thaw(turn, f"isolated instead: {what}")


def settle(turn: Turn) -> None:
    """A freeze ends in bounded time."""
    if turn.has(Condition.frozen) and turn.mono >= turn.live.frozen_until:
        give_in(turn, "neither the primary nor the reference points gave an answer in time")
