"""The first decision of a life: what the durable state means after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from sitescope_fo.failover import handback, hold
from sitescope_fo.failover.conditions import blind, fault
from sitescope_fo.failover.evidence import say_time
from sitescope_fo.failover.freeze import freeze
from sitescope_fo.failover.moves import STEPS, load_working
from sitescope_fo.model.effect import ProbeNow
from sitescope_fo.model.fact import NodeStarted, ProfileSet, StopAsked
from sitescope_fo.model.status import EvidenceKind, Position

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn


def on_start(turn: Turn, fact: NodeStarted) -> None:
    """The start rows of the table. No proof of life survives a restart."""
    found = turn.position
    _enter(turn)
    blind(turn)
    hold.resume(turn)
    turn.note(EvidenceKind.start, f"node started, found {found} with term {turn.journal.term}")
    if not fact.state_readable:
        _unreadable(turn, fact)
    elif turn.state.acting:
        _acting(turn, found)
    elif found is Position.handback:
        turn.log("started", f"found a hand-back at step {handback.current(turn).step}: resumed")
        if handback.current(turn).step not in STEPS[1:]:
            turn.set_journal(handback=None)
        handback.resume(turn)
        turn.emit(ProbeNow(profile=turn.name))
    else:
        if found is not Position.standby:
            turn.move(Position.standby, f"restarted in {found}; what was seen before is worth nothing")
        turn.set_live(step_next=turn.mono)
        turn.emit(ProbeNow(profile=turn.name))


def _enter(turn: Turn) -> None:
    """The position counts from here in this life; that of a profile that was just added also on the wall."""
    turn.set_live(entered_mono=turn.mono)
    if not turn.journal.since_wall:
        turn.set_journal(since_wall=turn.wall)


def _acting(turn: Turn, found: Position) -> None:
    """It was responsible and does not know who is now: load, ask, and start nothing before there is an answer."""
    turn.set_journal(handback=None)
    if found is not Position.active:
        turn.move(Position.active, f"restarted in {found}")
    freeze(turn)
    load_working(turn, resume=found is not Position.activating)
    what = f"This failover restarted while acting for {turn.name} and finds out who acts before it goes on"
    turn.log("restarted_acting", what, level="WARNING")
    turn.mail(
        "restarted_acting", f"{turn.name}: failover restarted while ACTIVE", what, "Nothing, if a mail of its state follows"
    )


def _unreadable(turn: Turn, fact: NodeStarted) -> None:
    """The state is lost: a term above every known one, and no takeover before the primary was heard or had its time."""
    turn.set_journal(term=1 + max(turn.journal.term, fact.highest_term_seen))
    fault(turn, "the state file was unreadable; a new one was begun")
    turn.set_live(term_unknown_until=turn.mono + turn.timing.activate_after_s)
    what = f"The state of {turn.name} could not be read: standby with term {turn.journal.term}, the damaged file is kept"
    todo = "Look at the disk; if this failover was acting, look who monitors now"
    turn.log("state_unreadable", what, level="ERROR", hint=todo)
    turn.mail("state_unreadable", f"{turn.name}: state unreadable, started in standby", what, todo)
    turn.emit(ProbeNow(profile=turn.name))


def on_profile(turn: Turn, fact: ProfileSet) -> None:
    """Added, or edited: what was observed with the old settings is worth nothing."""
    if not fact.edited and turn.state.config == fact.config and turn.live.entered_mono:
        return
    other = fact.config.node_id != turn.state.config.node_id
    turn.state = replace(turn.state, config=fact.config)
    if not turn.live.entered_mono:
        _enter(turn)
    blind(turn)
    turn.note(EvidenceKind.operator, "the profile was edited" if fact.edited else "the profile was loaded")
    turn.log("profile_set", "edited" if fact.edited else "loaded")
    if other and fact.edited:
        turn.set_live(last_pol=float("-inf"), last_pol_wall=0.0, answering=False)
    turn.emit(ProbeNow(profile=turn.name))


def on_stop(turn: Turn, fact: StopAsked) -> None:
    """This node stops. When it acts, somebody has to know."""
    if turn.state.passive:
        turn.log("stopping", f"{fact.why}; {turn.name} is not protected until the next start", level="WARNING")
        return
    what = f"Nobody monitors {turn.name} from {say_time(turn.wall)}: this failover was {turn.position} and stops ({fact.why})"
    todo = "Start it again, or the primary: a primary that waits takes over by itself after its yield time"
    turn.log("stopping_while_acting", what, level="ERROR", hint=todo)
    turn.mail("stopping_while_acting", f"{turn.name}: NOBODY monitors from {say_time(turn.wall)}", what, todo)
