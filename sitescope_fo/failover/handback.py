"""Handing monitoring back, step by step. No check starts here from the first moment (H1); each step may be repeated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sitescope_fo.failover import evidence, timing
from sitescope_fo.failover.moves import STEPS, hush, owe_tidying, primary_runs, run_step, to_active, to_standby
from sitescope_fo.failover.state import Handback, ProfileState
from sitescope_fo.model.effect import RunStep, SuspendMonitors
from sitescope_fo.model.fact import ProbeAnswered, StepDone, StepFailed
from sitescope_fo.model.status import EvidenceKind, Position, PrimaryState

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn


def current(turn: Turn) -> Handback:
    """The step under way."""
    return turn.journal.handback or Handback(id=f"{turn.state.config.id}-{turn.journal.term}", step="H2", since_wall=turn.wall)


def before_run(turn: Turn) -> bool:
    """Whether the primary has certainly not been told to run yet: this node can still go on acting."""
    return current(turn).step not in {"H5", "H6"}


def on_done(turn: Turn, fact: StepDone) -> None:
    """A step ended well: the next one, or standby."""
    under_way = current(turn)
    if (under_way.id, under_way.step) != (fact.handback, fact.step):
        return
    turn.note(EvidenceKind.merge, f"{fact.step} done{': ' + fact.detail if fact.detail else ''}")
    turn.log("step_done", f"{fact.step} {fact.detail}".rstrip())
    if fact.step == "H6":
        turn.set_journal(drift=False)
        name = turn.name
        to_standby(
            turn, f"handed back, the primary runs with term {turn.journal.term}", mail=f"{name} handed back to its primary"
        )
        return
    if fact.step == "H5":
        turn.set_journal(term=max(turn.journal.term, fact.term or under_way.term), drift=True)
    begin(turn, under_way.id, STEPS[STEPS.index(fact.step) + 1])


def begin(turn: Turn, identity: str, step: str) -> None:
    """Starts a step. The term that H5 gives away is written down first: it is used, whatever becomes of the answer."""
    if step == "H5":
        given = turn.state.term_to_give
        turn.set_journal(highest_term_heard=given)
        run_step(turn, identity, step, given=given)
        return
    if step == "H6":
        turn.emit(SuspendMonitors(profile=turn.name))
    run_step(turn, identity, step)


def on_failed(turn: Turn, fact: StepFailed) -> None:
    """A step was refused or failed, or its answer was lost."""
    under_way = current(turn)
    if (under_way.id, under_way.step) != (fact.handback, fact.step):
        return
    turn.note(EvidenceKind.merge, f"{fact.step} {'lost' if fact.lost else 'failed'}: {fact.what}")
    turn.log("step_failed", f"{fact.step}: {fact.what}", level="WARNING")
    if fact.step == "H5" and fact.lost:
        if not turn.live.step_failures:
            turn.set_live(deadline=turn.mono + timing.LOST_S)
        turn.set_live(step_failures=turn.live.step_failures + 1, step_next=turn.mono + timing.STEP_RETRY_S)
    elif fact.step == "H6":
        untidy(turn, f"H6 failed: {fact.what}")
    else:
        give_up(turn, f"step {fact.step} failed: {fact.what}")


def give_up(turn: Turn, why: str) -> None:
    """The primary does not run yet: this node goes on with the same term; next try after stable_for."""
    turn.set_live(retry_at=turn.mono + turn.timing.stable_for_s)
    todo = "Look at error.log of both nodes; the hand-back is tried again by itself"
    if primary_runs(turn):
        hush(turn, "the hand-back failed and the primary runs")
    to_active(turn, f"hand-back not done: {why}", event="handback_failed", todo=todo)


def untidy(turn: Turn, why: str) -> None:
    """The primary runs; late results, edits or the mirror are still owed and are made up for from standby."""
    owed = owe_tidying(turn)
    to_standby(
        turn,
        f"the primary runs; {why}",
        owed=owed,
        hint="The working tree is kept; tidying up is tried again every minute",
        mail=f"{turn.name} handed back, tidying up is still owed",
    )


def unanswered(turn: Turn) -> None:
    """Nobody said whether the primary runs: normal detection decides, and a primary that waits is told to run."""
    owed = current(turn)
    to_standby(
        turn,
        f"the order to run (term {owed.term}) was not answered for {timing.LOST_S:.0f} s",
        owed=owed,
        hint="Look at the primary; a takeover follows if it is gone",
        mail=f"{turn.name}: hand-back not confirmed by the primary",
    )


def on_answer(turn: Turn, fact: ProbeAnswered) -> None:
    """A primary that runs with a term above ours needs no further word."""
    turn.keep(evidence.of_answer(fact, turn.wall))
    turn.set_live(misses=0)
    if fact.state is PrimaryState.running and fact.term > turn.journal.term:
        turn.set_journal(term=fact.term, drift=True)
        untidy(turn, f"its health reply says running with term {fact.term}")


def on_miss(turn: Turn) -> None:
    """Before H5 a lost primary ends the hand-back; afterwards it is in charge, and standby watches it."""
    turn.set_live(misses=turn.live.misses + 1)
    if before_run(turn) and turn.live.misses >= turn.timing.misses:
        turn.set_journal(flap_score=turn.journal.flap_score + 1)
        give_up(turn, "the primary was lost")


def settle(turn: Turn) -> None:
    """A step takes 60 s at most; a lost answer is asked for again for 30 s."""
    if turn.position is not Position.handback:
        return
    under_way, live = current(turn), turn.live
    if turn.mono >= live.deadline:
        if under_way.step == "H5":
            unanswered(turn)
        elif under_way.step == "H6":
            untidy(turn, "H6 was not done in 60 s")
        else:
            give_up(turn, f"step {under_way.step} was not done in 60 s")
    elif turn.mono >= live.step_next:
        turn.set_live(step_next=math.inf)
        turn.emit(RunStep(profile=turn.name, handback=under_way.id, step=under_way.step, term=under_way.term))


def resume(turn: Turn) -> None:
    """After a restart: the journaled step again."""
    under_way = current(turn)
    turn.set_journal(handback=under_way)
    turn.set_live(deadline=turn.mono + timing.STEP_S)
    turn.emit(RunStep(profile=turn.name, handback=under_way.id, step=under_way.step, term=under_way.term or turn.journal.term))


def wakes(state: ProfileState) -> Iterator[float]:
    """Instants at which `settle` has something to do."""
    if state.position is Position.handback:
        yield state.live.deadline
        yield state.live.step_next
