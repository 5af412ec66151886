"""The changes of position and what each one asks of the outside. Guards stand where the facts are judged; here are none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sitescope_fo.failover import flap, timing
from sitescope_fo.failover.conditions import blind
from sitescope_fo.failover.evidence import say_span, say_time
from sitescope_fo.failover.hold import drop_switchover_hold
from sitescope_fo.failover.mirrored import unprotect
from sitescope_fo.failover.state import NEVER, OVERLAPS_KEPT, Handback, Overlap
from sitescope_fo.model.effect import PinWorking, RejudgeAlerts, RunStep, StartMonitors, SuspendMonitors
from sitescope_fo.model.status import Condition, Position, PrimaryState

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn

STEPS = ("P", "H2", "H5", "H6")
"""The steps carried out, in order. H1 is the position itself: no check may start. H3 and H4 come with the merge, before H5."""


STAY = frozenset({Condition.hold, Condition.flap_lock})
"""Conditions that keep an acting node acting."""
_OF_WATCHING = frozenset({"grace", "blocked", "both_fail", "nobody", "mirror_failed"})
"""Alarms that a takeover makes pointless."""


_SUBJECT = {
    "active": "ACTIVE",
    "handback_failed": "STAYS ACTIVE, hand-back failed,",
    "return_broken_off": "STAYS ACTIVE, primary not stable,",
    "return_stopped": "STAYS ACTIVE on request",
}
"""What an event that ends in `active` is called in its mail."""


# --- taking over ----------------------------------------------------------------------------------------------------


def activate(turn: Turn, cause: str, why: str, *, overlap: str = "") -> None:
    """Takes the next term. It is durable before the working tree is laid out, and so before the first check."""
    live, journal = turn.live, turn.journal
    takeovers = flap.recent(journal.takeovers, turn.wall)
    if cause in flap.AUTOMATIC:
        takeovers = (*takeovers, turn.wall)
    turn.set_journal(
        term=turn.state.next_term,
        takeovers=takeovers,
        flap_score=0,
        cause=cause,
        cause_boot_id=live.primary_boot_id,
        blind_from_wall=live.last_pol_wall or turn.wall,
        activated_wall=turn.wall,
        base_revision=journal.base_revision if journal.drift else live.mirror_revision,
        handback=None,
    )
    turn.drop(Condition.unverifiable)
    turn.move(Position.activating, f"{why}; term {turn.journal.term}", hint="Nothing to do; mail follows with the first check")
    reset_acting(turn)
    turn.set_live(
        acting_since=turn.mono,
        mirror_failing_since=NEVER,
        mirror_failing_what="",
        gate_next=turn.mono,
        alarms_on=turn.live.alarms_on - _OF_WATCHING,
        alarmed={name: at for name, at in turn.live.alarmed.items() if name not in _SUBJECT and name != "recovering"},
    )
    load_working(turn, resume=journal.drift)
    if overlap:
        open_overlap(turn, overlap)
    if (reason := flap.lock_reason(takeovers, turn.wall)) and turn.add(Condition.flap_lock):
        turn.set_journal(flap_lock_wall=turn.wall)
        what = f"{turn.name} flaps: {reason}. This failover stays acting and asks the primary to yield"
        todo = f"Find out why the primary fails, then `sitescope-fo unlock {turn.name}`; it ends by itself after 6 h of health"
        turn.log("flap_lock", what, level="ERROR", hint=todo)
        turn.mail("flap_lock", f"{turn.name}: FLAP LOCK, {reason}", what, todo)


def reset_acting(turn: Turn) -> None:
    """Forgets what belongs to one term's work in this life."""
    turn.set_live(
        misses=0,
        degraded_since=NEVER,
        degraded_what="",
        deadline=math.inf,
        asked_yield=False,
        yield_deadline=math.inf,
        yield_next=NEVER,
        switchover_by="",
        switchover_for_s=0.0,
        goodbye_boot_id="",
        acting_since=NEVER,
        first_check_started=False,
        working_ready=False,
        load_next=math.inf,
        monitors_started=False,
        overlap_hold=False,
        good_probes=0,
        precopied=False,
        step_failures=0,
        step_next=math.inf,
        retry_at=math.inf,
        healthy_since=NEVER,
        frozen_until=math.inf,
    )


def load_working(turn: Turn, *, resume: bool) -> None:
    """Has the working tree laid out and loaded; `settle_loading` asks again, and says so, when that does not come about."""
    turn.set_live(load_next=turn.mono + timing.STUCK_S)
    turn.emit(PinWorking(profile=turn.name, term=turn.journal.term, resume=resume))


def start_monitors(turn: Turn) -> None:
    """Runs the working tree when it is loaded and this node acts: the one place that starts checks.

    Beside a running primary it starts nothing that does not run already, unless a hold or a lock wants this node to act.
    """
    live = turn.live
    if not turn.state.may_check or not live.working_ready or live.monitors_started:
        return
    if live.overlap_hold and not turn.state.conditions & STAY:
        return
    turn.set_live(monitors_started=True)
    turn.emit(StartMonitors(profile=turn.name, term=turn.journal.term, ramp=not live.first_check_started))


def to_active(turn: Turn, why: str, *, event: str = "active", todo: str = "") -> None:
    """Acts, or goes on acting."""
    transition = turn.move(Position.active, why)
    turn.set_live(deadline=math.inf, good_probes=0, precopied=False, step_next=math.inf)
    if not turn.live.working_ready and turn.live.load_next == math.inf:
        load_working(turn, resume=True)  # a life that began inside a hand-back had no use for it until now
    what = f"This failover monitors {turn.name} and alerts in the primary's place: {why}"
    todo = todo or "Repair the primary and start it: it yields until the hand-back, nothing else is needed"
    subject = f"FAILOVER {_SUBJECT[event]} for {turn.name} (term {turn.journal.term})"
    turn.tell(event, subject, what, todo, seen=transition.evidence)


# --- overlaps -------------------------------------------------------------------------------------------------------


def open_overlap(turn: Turn, why: str) -> None:
    """Both nodes run, or may: written down from when they did.

    A primary that runs in the life in which it was taken over, with a term below ours, never gave way: it ran all the time, and
    no word of it came through. Any other began to run just now.
    """
    last = turn.journal.overlaps[-1] if turn.journal.overlaps else None
    if last is not None and not last.until_wall:
        return
    live, journal = turn.live, turn.journal
    same_life = live.primary_boot_id == journal.cause_boot_id != ""
    all_the_time = live.primary_state is PrimaryState.running and same_life and live.primary_term < journal.term
    known_until = last.until_wall if last is not None else 0.0
    since = min(turn.wall, max(journal.activated_wall, known_until)) if all_the_time else turn.wall
    overlap = Overlap(since_wall=since, why=why)
    turn.set_journal(overlaps=(*turn.journal.overlaps, overlap)[-OVERLAPS_KEPT:])
    what = f"both nodes may run since {say_time(since)}: {why}"
    turn.log("overlap", what, level="WARNING", hint="Checks may be doubled until the hand-back")


def close_overlap(turn: Turn) -> None:
    """Only one runs again."""
    if turn.journal.overlaps and not turn.journal.overlaps[-1].until_wall:
        last = replace(turn.journal.overlaps[-1], until_wall=turn.wall)
        turn.set_journal(overlaps=(*turn.journal.overlaps[:-1], last))
        turn.log("overlap_over", f"since {say_time(last.since_wall)}: {last.why}")


def hush(turn: Turn, why: str) -> None:
    """The primary runs and mails: no alert leaves here until one of the two stops."""
    open_overlap(turn, why)
    turn.set_live(overlap_hold=True)


def speak(turn: Turn) -> None:
    """The primary does not run: alerts leave here again."""
    close_overlap(turn)
    unhush(turn)


def unhush(turn: Turn) -> None:
    """Alerts leave here again, judged anew."""
    if turn.live.overlap_hold:
        turn.set_live(overlap_hold=False)
        turn.emit(RejudgeAlerts(profile=turn.name))


# --- stepping back --------------------------------------------------------------------------------------------------


def to_recovering(turn: Turn, why: str, *, running: bool) -> None:
    """The primary is back: watch it for a while and copy ahead what can be copied."""
    window = 0.0 if running else flap.stability_window_s(turn.state, turn.wall)
    transition = turn.move(Position.recovering, why)
    identity = f"{turn.state.config.id}-{turn.journal.term}"
    turn.set_journal(handback=Handback(id=identity, step="P", since_wall=turn.wall))
    turn.set_live(
        deadline=turn.mono + window,
        good_probes=1,
        precopied=False,
        step_failures=0,
        step_next=turn.mono + timing.STEP_S,
        retry_at=math.inf,
        misses=0,
    )
    if running:
        hush(turn, why)
    else:
        speak(turn)
    turn.emit(RunStep(profile=turn.name, handback=identity, step="P", term=turn.journal.term))
    when = f"after {timing.OVERLAP_PROBES} good probes" if running else f"in {say_span(window)}"
    todo = f"Nothing: hand-back follows {when}. To keep this failover acting: `sitescope-fo hold {turn.name} --reason ...`"
    name = turn.name
    turn.tell("recovering", f"primary of {name} is back", f"{why}; hand-back {when}", todo, seen=transition.evidence)


def to_handback(turn: Turn, why: str) -> None:
    """Stops starting checks (H1) and begins to hand over."""
    speak_quietly(turn)
    turn.move(Position.handback, why)
    identity = f"{turn.state.config.id}-{turn.journal.term}"
    turn.set_live(monitors_started=False, misses=0, retry_at=math.inf, step_failures=0, step_next=math.inf, asked_yield=False)
    turn.emit(SuspendMonitors(profile=turn.name))
    run_step(turn, identity, "H2")


def run_step(turn: Turn, identity: str, step: str, *, given: int = 0) -> None:
    """Journals a step and asks for it. H5 carries the term given to the primary, the others the own one."""
    turn.set_journal(handback=Handback(id=identity, step=step, since_wall=turn.wall, term=given))
    turn.set_live(deadline=turn.mono + timing.STEP_S, step_next=math.inf, step_failures=0)
    turn.emit(RunStep(profile=turn.name, handback=identity, step=step, term=given or turn.journal.term))


def speak_quietly(turn: Turn) -> None:
    """Ends an overlap without a word: whoever acts next judges the alerts."""
    close_overlap(turn)
    turn.set_live(overlap_hold=False)


def owe_tidying(turn: Turn) -> Handback:
    """H6, still owed: late results, the edits zip and a verified mirror."""
    identity = f"{turn.state.config.id}-{turn.journal.term}"
    return Handback(id=identity, step="H6", since_wall=turn.wall, term=turn.journal.term)


def to_standby(turn: Turn, why: str, *, owed: Handback | None = None, hint: str = "", mail: str = "") -> None:
    """Steps back from a passive or an acting position. `owed` is what has to be made up for; `mail` a subject, "" = no mail."""
    was_passive = turn.state.passive
    transition = turn.move(Position.standby, why, hint=hint)
    if was_passive:
        turn.set_live(misses=0, degraded_since=NEVER, degraded_what="", deadline=math.inf, goodbye_boot_id="")
        return
    reset_acting(turn)
    close_overlap(turn)
    for condition in (Condition.frozen, Condition.unverifiable):
        turn.drop(condition)
    blind(turn)
    drop_switchover_hold(turn)
    turn.set_journal(handback=owed, drift=owed is not None, flap_score=0, cause="", cause_boot_id="")
    turn.set_live(step_next=turn.mono if owed is not None else math.inf)
    turn.emit(SuspendMonitors(profile=turn.name))
    if not turn.live.mirror_revision:
        unprotect(turn, turn.live.no_mirror_what)
    if mail:
        turn.mail(
            "standby", mail, f"This failover no longer monitors {turn.name}: {why}", hint or "Nothing.", seen=transition.evidence
        )


def primary_runs(turn: Turn) -> bool:
    """Whether the primary's last word was that it runs."""
    return turn.live.answering and turn.live.primary_state is PrimaryState.running
