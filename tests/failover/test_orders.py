"""What operators ask for: what is refused with which words, and what follows when it is not."""

import pytest

from sitescope_fo.failover import machine
from sitescope_fo.model.errors import Refused, Usage
from sitescope_fo.model.status import PrimaryState
from tests.failover.desk import NAME, Desk, effects, facts

ACTIVATE = facts.ActivateAsked(profile=NAME, by="ann")
SWITCH = facts.SwitchoverAsked(profile=NAME, by="ann", for_s=0.0)
STANDBY = facts.StandbyAsked(profile=NAME, by="ann")
FORCE = facts.StandbyAsked(profile=NAME, by="ann", force=True)


def refused(desk, fact):
    return machine.refusal(desk.state, fact, desk.now)


def test_activate_beside_a_living_primary_is_refused_with_the_word_switchover():
    desk = Desk().answer().wait(5)
    error = refused(desk, ACTIVATE)
    assert isinstance(error, Refused)
    assert error.code == "primary_alive"
    assert "switchover prod" in error.hint
    desk.give(ACTIVATE)
    assert desk.position == "standby"


def test_activate_skips_gate_and_grace_but_never_the_term():
    desk = Desk().answer().silent(16.0, points=0)
    assert desk.position != "activating"
    desk.give(ACTIVATE)
    assert (desk.position, desk.term, desk.state.journal.cause) == ("activating", 2, "operator")
    assert desk.state.journal.takeovers == ()


def test_activate_works_on_a_standby_that_never_heard_its_primary():
    assert Desk().give(ACTIVATE).position == "activating"


def test_activate_beside_a_degraded_primary_opens_an_overlap():
    desk = Desk().answer().probe(20.0, lambda: None)
    desk.answer(scheduler_age_s=60.0).give(ACTIVATE)
    assert desk.state.journal.overlaps[-1].why.startswith("activated by an operator")


@pytest.mark.parametrize("order", [ACTIVATE, SWITCH])
def test_without_a_mirror_or_a_durable_term_nobodys_word_activates(order):
    desk = Desk(mirrored=False)
    if order is SWITCH:
        desk.answer()
    assert refused(desk, order).code == "no_mirror"
    desk.mirrored().give(facts.StoreFailed(why="EIO"))
    assert refused(desk, order).code == "fault"


def test_a_switchover_asks_the_primary_first_and_holds_afterwards():
    desk = Desk().healthy(10.0).give(SWITCH)
    (ask,) = desk.of(effects.AskYield)
    assert desk.position == "standby"
    desk.give(facts.YieldAnswered(profile=NAME, yielded=True, term=1))
    assert desk.position == "activating"
    assert desk.term == ask.term
    assert desk.state.journal.hold.switchover
    assert desk.state.journal.hold.reason == "switchover by ann"
    assert desk.state.live.hold_until - desk.mono == 4 * 3600
    desk.working().first_check().wait(1)
    desk.probe(60.0, lambda: desk.waits(boot_id="p-1"))
    assert desk.position == "active"
    desk.give(facts.HoldReleased(profile=NAME, by="ann")).waits(boot_id="p-1")
    assert desk.position == "recovering"


def test_the_end_of_the_switchovers_time_starts_the_way_back_and_is_mailed_before_and_then():
    desk = Desk().healthy(10.0).give(facts.SwitchoverAsked(profile=NAME, by="ann", for_s=1800.0))
    desk.give(facts.YieldAnswered(profile=NAME, yielded=True, term=1)).working().first_check()
    desk.probe(1795.0, lambda: desk.waits(boot_id="p-1"))
    assert len(desk.mails("hold_ends_soon")) == 1
    desk.probe(10.0, lambda: desk.waits(boot_id="p-1"))
    assert len(desk.mails("hold_ended")) == 1
    assert desk.position == "recovering"


def test_a_health_reply_that_says_yielded_answers_a_switchover_whose_answer_was_lost():
    desk = Desk().healthy(10.0).give(SWITCH).wait(1).answer(state=PrimaryState.yielded)
    assert desk.position == "activating"
    assert desk.state.journal.cause == "switchover"


def test_a_switchover_the_primary_does_not_follow_is_given_up_and_mailed():
    desk = Desk().healthy(10.0).give(SWITCH).healthy(12.0)
    assert desk.position == "standby"
    assert desk.mails("switchover_failed")
    assert desk.state.journal.hold is None


def test_a_switchover_to_a_dead_primary_is_refused_with_the_word_activate():
    desk = Desk().answer().silent(10.0)
    error = refused(desk, SWITCH)
    assert error.code == "primary_not_running"
    assert "activate prod" in error.hint


def test_a_second_switchover_waits_for_the_first():
    assert refused(Desk().healthy(5.0).give(SWITCH), SWITCH).code == "busy"


def test_standby_without_a_proven_primary_is_refused_and_force_holds_for_four_hours():
    desk = Desk().active()
    assert refused(desk, STANDBY).code == "nobody_else"
    assert desk.give(STANDBY).position == "active"
    desk.give(FORCE)
    assert desk.position == "standby"
    assert desk.of(effects.SuspendMonitors)
    assert desk.state.live.hold_until - desk.mono == 4 * 3600
    assert "NOBODY may monitor" in desk.mails("standby")[0].subject
    desk.silent(60.0)
    assert desk.position == "grace"


@pytest.mark.parametrize("order", [STANDBY, FORCE])
@pytest.mark.parametrize("state", [PrimaryState.running, PrimaryState.yielded])
def test_standby_beside_a_proven_primary_hands_back_at_once(order, state):
    desk = Desk().active().give(facts.HoldSet(profile=NAME, by="ann", reason="x", for_s=600)).wait(1)
    desk.answer(state=state, boot_id="p-2").give(order)
    assert desk.position == "handback"


def test_edits_of_a_forced_standby_are_kept_for_the_next_takeover_and_tidied_up_later():
    desk = Desk().active().give(FORCE)
    assert desk.state.journal.drift
    desk.clear().healthy(70.0, boot_id="p-2", term=3)
    assert desk.steps() == ["H6"]


def test_standby_on_a_passive_node_and_activate_on_an_acting_one_are_refused():
    assert refused(Desk(), STANDBY).code == "passive"
    assert refused(Desk().active(), ACTIVATE).code == "acting"
    assert refused(Desk().active(), facts.ProfileRemoved(profile=NAME)).code == "acting"
    assert refused(Desk().handback(), STANDBY).code == "busy"


def test_a_hold_is_at_most_a_week_and_a_release_needs_one():
    desk = Desk()
    error = refused(desk, facts.HoldSet(profile=NAME, by="ann", reason="x", for_s=8 * 86400.0))
    assert isinstance(error, Usage)
    assert refused(desk, facts.HoldReleased(profile=NAME, by="ann")).code == "no_hold"
    assert refused(desk, facts.FlapUnlocked(profile=NAME, by="ann")).code == "no_flap_lock"


def test_a_hold_counts_its_seconds_while_the_process_lives_whatever_the_wall_clock_says():
    desk = Desk().healthy(1.0).give(facts.HoldSet(profile=NAME, by="ann", reason="x", for_s=3600))
    desk.wall_offset += 86400.0
    desk.healthy(3595.0)
    assert "hold" in desk.conditions
    assert desk.state.journal.hold.remaining_s <= 65.0
    desk.healthy(10.0)
    assert "hold" not in desk.conditions
    assert len(desk.mails("hold_ends_soon")) == 1


def test_edits_that_are_kept_are_mailed_with_their_place():
    desk = Desk().give(facts.EditsKept(profile=NAME, archive="history/2026-edits.zip"))
    assert "history/2026-edits.zip" in desk.mails("edits_kept")[0].text
