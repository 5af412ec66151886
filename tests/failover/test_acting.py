"""Acting rows of the table: activation, the way back, hand-back, pauses, flapping."""

import pytest

from sitescope_fo.model.status import PrimaryState
from tests.failover.desk import NAME, Desk, effects, facts, journal

RUN = PrimaryState.running


# --- activation -----------------------------------------------------------------------------------------------------


def test_monitors_start_only_when_the_working_tree_is_loaded_and_the_first_check_makes_it_active():
    desk = Desk().activating()
    assert desk.of(effects.StartMonitors) == []
    desk.working()
    assert desk.of(effects.StartMonitors) == [effects.StartMonitors(profile=NAME, term=2, ramp=True)]
    assert desk.position == "activating"
    desk.first_check()
    assert desk.position == "active"
    (mail,) = desk.mails("active")
    assert mail.subject == "FAILOVER ACTIVE for prod (term 2)"
    assert "no proof of life for" in mail.text
    assert "miss_refused" in mail.text


def test_a_stale_working_tree_or_check_of_another_term_starts_nothing():
    desk = Desk().activating()
    desk.give(facts.WorkingReady(profile=NAME, term=1, monitors=3))
    desk.give(facts.FirstCheckStarted(profile=NAME, term=1, path="a"))
    assert desk.position == "activating"
    assert desk.of(effects.StartMonitors) == []


def test_a_proof_of_life_before_the_first_check_gives_the_activation_up_and_keeps_the_term_used():
    desk = Desk().activating().working().wait(0.5)
    desk.answer(ago=1.0)
    assert desk.position == "activating", "it was sent before the term was written"
    desk.answer()
    assert desk.position == "standby"
    assert desk.of(effects.SuspendMonitors)
    assert desk.term == 2
    assert desk.state.journal.takeovers == ()
    desk.until("activating")
    assert desk.term == 4, "odd terms are the primary's"


def test_a_term_that_cannot_be_made_durable_activates_nothing():
    desk = Desk().activating().give(facts.StoreFailed(why="EIO"))
    assert (desk.position, desk.state.shown) == ("standby", "fault")
    desk.silent(60.0)
    assert desk.position == "grace"


def test_acting_goes_on_from_memory_when_state_cannot_be_written():
    desk = Desk().active().give(facts.StoreFailed(why="EIO"))
    assert desk.state.shown == "fault"
    assert desk.state.may_check
    desk.give(facts.StoreRecovered())
    assert desk.state.shown == "active"


def test_a_mirror_that_cannot_be_laid_out_ends_the_activation_unprotected():
    desk = Desk().activating().give(facts.MirrorMissing(profile=NAME, what="group.toml is torn"))
    assert (desk.position, desk.state.shown) == ("standby", "unprotected")


@pytest.mark.parametrize("monitors", [0, 5])
def test_an_activation_without_a_check_to_start_is_active_in_bounded_time(monitors):
    desk = Desk().activating().working(monitors).silent(61.0)
    assert desk.position == "active"


def test_an_activation_that_is_not_laid_out_is_tried_again_and_alarmed():
    desk = Desk().activating().silent(61.0)
    assert len(desk.of(effects.PinWorking)) == 2
    assert desk.mails("alarm_stuck")


# --- return ---------------------------------------------------------------------------------------------------------


def test_a_primary_that_waits_is_watched_for_its_window_and_handed_back_to_without_an_overlap():
    desk = Desk().active().wait(5)
    back = desk.mono
    desk.waits()
    assert desk.position == "recovering"
    assert desk.state.may_notify
    desk.done("P").until("handback", desk.waits)
    assert 30.0 <= desk.mono - back <= 31.5
    assert not desk.state.may_check
    assert desk.of(effects.SuspendMonitors)
    assert desk.state.journal.overlaps == ()
    desk.done("H2").done("H5", term=3).done("H6")
    assert desk.steps() == ["P", "H2", "H5", "H6"]
    assert (desk.position, desk.term) == ("standby", 3)
    assert desk.state.journal.handback is None
    assert not desk.state.journal.drift


def test_a_primary_that_runs_holds_our_alerts_at_once_and_three_probes_are_the_window():
    desk = Desk().active().wait(5).answer()
    assert desk.position == "recovering"
    assert desk.state.may_check
    assert not desk.state.may_notify
    desk.done("P")
    back = desk.mono
    desk.until("handback", desk.answer)
    assert desk.mono - back <= 3.0
    (overlap,) = desk.state.journal.overlaps
    assert overlap.until_wall


def test_the_overlap_with_a_primary_that_ran_all_the_time_began_with_the_takeover():
    desk = Desk().answer().active().wait(50)
    taken = desk.state.journal.activated_wall
    desk.answer()
    (overlap,) = desk.state.journal.overlaps
    assert overlap.since_wall == taken
    until = desk.wait(1).miss().state.journal.overlaps[0].until_wall
    desk.until("recovering", desk.answer)
    assert [one.since_wall for one in desk.state.journal.overlaps] == [taken, until]


@pytest.mark.parametrize("other", [{"boot_id": "p-2"}, {"term": 7}], ids=["another life", "a higher term"])
def test_the_overlap_with_a_primary_that_began_to_run_begins_when_that_is_seen(other):
    desk = Desk().answer().active().wait(50).answer(**other)
    (overlap,) = desk.state.journal.overlaps
    assert overlap.since_wall == desk.now.wall


def test_the_hand_back_waits_for_the_pre_copy():
    desk = Desk().recovering()
    desk.probe(60.0, desk.waits)
    assert desk.position == "recovering"
    desk.done("P")
    assert desk.position == "handback"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda desk: desk.miss(),
        lambda desk: desk.unverifiable(),
        lambda desk: desk.waits(scheduler_age_s=99.0),
        lambda desk: desk.answer(state=PrimaryState.boot_check, boot_id="p-3"),
        lambda desk: desk.give(facts.BootCheckHeard(profile=NAME, boot_id="p-3", term=1)),
        lambda desk: desk.give(facts.GoodbyeHeard(profile=NAME, boot_id="p-2", eta_s=30)),
    ],
)
def test_a_primary_that_is_not_stable_breaks_the_return_off_and_doubles_the_window(spoil):
    desk = Desk().recovering().wait(1)
    spoil(desk)
    assert desk.position == "active"
    assert desk.state.may_notify
    assert desk.state.journal.flap_score == 1
    desk.wait(1).waits().done("P")
    back = desk.mono
    desk.until("handback", desk.waits)
    assert 60.0 <= desk.mono - back <= 61.5


def test_a_slow_primary_is_no_lost_one_and_its_return_goes_on():
    desk = Desk().active().wait(5).answer().done("P")
    desk.wait(1.5).miss(ago=1.5, kind="timeout")
    assert desk.position == "recovering"
    assert not desk.state.may_notify
    desk.wait(0.5).answer(ago=1.0, late=True).wait(1).answer(ago=1.0, late=True)
    assert desk.position == "handback"


def test_a_primary_that_answers_nothing_any_more_breaks_its_return_off_after_the_hard_time_out():
    desk = Desk().recovering()
    lost = desk.mono
    while desk.position == "recovering":
        desk.wait(1.0).miss(ago=0.9, kind="timeout")
    assert 10.0 <= desk.mono - lost <= 15.0


def test_a_broken_off_return_beside_a_running_primary_lets_the_alerts_out_again():
    desk = Desk().active().wait(5).answer().wait(1).miss()
    assert desk.position == "active"
    assert desk.state.may_notify
    assert desk.of(effects.RejudgeAlerts)


def test_mails_of_an_unstable_return_are_bounded():
    desk = Desk().active().clear()
    for _ in range(50):
        desk.wait(1).waits().wait(1).miss()
    assert len(desk.mails()) <= 2
    assert len([one for one in desk.of(effects.LogEvent) if one.event == "role_changed"]) == 100


def degraded_takeover():
    desk = Desk().answer().wait(1)
    desk.probe(34.0, lambda: desk.answer(scheduler_age_s=40.0))
    desk.give(facts.YieldAnswered(profile=NAME, yielded=True, term=1))
    return desk.working().first_check()


def test_a_primary_taken_over_because_degraded_is_believed_only_in_a_new_life():
    desk = degraded_takeover()
    desk.probe(60.0, lambda: desk.waits(boot_id="p-1"))
    assert desk.position == "active"
    desk.waits(boot_id="p-2")
    assert desk.position == "recovering"


def test_a_primary_taken_over_because_degraded_is_handed_back_to_on_an_operators_word():
    desk = degraded_takeover().wait(1).waits(boot_id="p-1")
    desk.give(facts.StandbyAsked(profile=NAME, by="ann"))
    assert desk.position == "handback"


def test_a_hold_keeps_this_node_acting_and_asks_a_running_primary_to_yield():
    desk = Desk().active().give(facts.HoldSet(profile=NAME, by="ann", reason="x", for_s=3600)).wait(1)
    desk.probe(65.0, desk.answer)
    assert desk.position == "active"
    assert len(desk.of(effects.AskYield)) == 3
    assert not desk.state.may_notify, "the running primary mails"
    desk.give(facts.YieldAnswered(profile=NAME, yielded=True, term=1))
    assert desk.state.may_notify
    desk.give(facts.HoldReleased(profile=NAME, by="ann")).waits()
    assert desk.position == "recovering"


@pytest.mark.parametrize(
    "gives_way",
    [
        facts.YieldAnswered(profile=NAME, yielded=True, term=7),
        facts.BootCheckHeard(profile=NAME, boot_id="p-3", term=7),
    ],
)
def test_a_primary_that_gives_way_after_a_term_of_its_own_is_outranked(gives_way):
    desk = Desk().active().give(facts.HoldSet(profile=NAME, by="ann", reason="x", for_s=3600))
    desk.wait(1).answer(term=7)
    assert desk.term == 2
    desk.give(gives_way)
    assert desk.term == 8


def test_a_hold_set_while_recovering_keeps_this_node_acting_without_blame():
    desk = Desk().recovering().give(facts.HoldSet(profile=NAME, by="ann", reason="x", for_s=60))
    assert desk.position == "active"
    assert desk.state.journal.flap_score == 0


# --- hand-back ------------------------------------------------------------------------------------------------------


def test_a_node_that_restarted_inside_a_hand_back_loads_its_tree_when_the_hand_back_fails():
    desk = Desk().handback().restart().clear()
    assert desk.position == "handback"
    assert desk.of(effects.PinWorking) == []
    desk.until("active", desk.miss)
    assert desk.of(effects.PinWorking) == [effects.PinWorking(profile=NAME, term=2, resume=True)]
    desk.working()
    assert desk.of(effects.StartMonitors) == [effects.StartMonitors(profile=NAME, term=2, ramp=True)]


def test_a_refused_step_makes_it_active_again_with_the_same_term_and_the_next_try_comes_after_stable_for():
    desk = Desk().handback().clear().failed("H2")
    assert (desk.position, desk.term) == ("active", 2)
    assert desk.of(effects.StartMonitors) == [effects.StartMonitors(profile=NAME, term=2, ramp=False)]
    assert desk.mails("handback_failed")
    assert desk.state.journal.handback is not None
    failed = desk.mono
    desk.until("recovering", desk.waits)
    assert 30.0 <= desk.mono - failed <= 31.5


def test_a_step_that_takes_over_a_minute_makes_it_active_again():
    desk = Desk().handback()
    desk.probe(61.0, desk.waits)
    assert desk.moves()[-1] == ("handback", "active") or desk.moves()[-2] == ("handback", "active")


def test_a_primary_lost_before_h5_makes_it_active_again():
    desk = Desk().handback().silent(4.0)
    assert desk.position == "active"
    assert desk.state.may_check


def test_h5_is_given_a_term_that_counts_as_used_before_it_is_sent():
    desk = Desk().handback().done("H2")
    assert desk.of(effects.RunStep)[-1].term == 3
    assert desk.state.journal.highest_term_heard == 3
    assert desk.term == 2


def test_a_lost_answer_to_h5_is_asked_for_again_for_half_a_minute_and_then_detection_decides():
    desk = Desk().handback().done("H2").clear()
    lost = desk.mono
    while desk.position == "handback":
        desk.failed("H5", lost=True).wait(1.0)
    assert 29.0 <= desk.mono - lost <= 31.5
    assert desk.steps().count("H5") >= 25
    assert desk.position == "standby"
    assert not desk.state.may_check
    assert desk.state.journal.drift
    desk.until("activating", limit=30)
    assert desk.term == 4, "term 3 may be in use"
    assert desk.of(effects.PinWorking)[-1].resume, "the working tree is newer than the mirror"


def test_a_primary_that_still_waits_after_a_lost_h5_is_told_to_run_with_the_same_order():
    desk = Desk().handback().done("H2")
    sent = desk.of(effects.RunStep)[-1]
    while desk.position == "handback":
        desk.failed("H5", lost=True).wait(1.0)
    desk.clear().wait(1).waits()
    assert desk.of(effects.RunStep) == [sent]
    desk.done("H5", term=3)
    assert desk.steps()[-1] == "H5"
    desk.answer(boot_id="p-2", term=3).wait(60)
    assert desk.steps()[-1] == "H6"
    desk.done("H6")
    assert (desk.state.journal.handback, desk.state.journal.drift, desk.term) == (None, False, 3)


def test_a_primary_that_runs_with_a_higher_term_during_the_hand_back_needs_no_further_word():
    desk = Desk().handback().done("H2").wait(1).answer(boot_id="p-2", term=3)
    assert desk.position == "standby"
    assert desk.steps()[-1] == "H6"
    assert desk.term == 3


def test_a_failed_tidying_is_owed_and_tried_every_minute_while_the_primary_runs():
    desk = Desk().handback().done("H2").done("H5", term=3).failed("H6").clear()
    assert desk.position == "standby"
    desk.healthy(125.0, boot_id="p-2", term=3)
    assert desk.steps() == ["H6", "H6"]
    desk.done("H6")
    assert not desk.state.journal.drift


@pytest.mark.parametrize("step", ["H2", "H5", "H6"])
def test_a_restart_in_the_hand_back_resumes_its_step(step):
    desk = Desk().handback()
    for done in ("H2", "H5")[: ("H2", "H5", "H6").index(step)]:
        desk.done(done, term=3 if done == "H5" else 0)
    again = desk.restart()
    assert again.position == "handback"
    (order,) = again.of(effects.RunStep)
    assert order == desk.of(effects.RunStep)[-1]
    again.answer(boot_id="p-2", term=9)
    assert again.position == "standby"


# --- pauses and restarts --------------------------------------------------------------------------------------------


def test_three_seconds_of_pause_while_acting_with_a_dead_primary_do_not_stop_monitoring():
    desk = Desk("fast").active().silent(5.0).clear()
    desk.mono += 3.0
    desk.give(facts.LoopGap(gap_s=3.0))
    assert desk.state.shown == "frozen"
    assert not desk.state.may_check
    assert desk.of(effects.ProbeNow)
    paused = desk.mono
    while not desk.state.may_check:
        desk.miss().serve().wait(0.1)
    assert desk.state.shown == "active"
    assert desk.mono - paused <= 1.0


def test_a_pause_during_which_the_primary_came_back_leads_to_recovering_with_our_alerts_held():
    desk = Desk().active().give(facts.LoopGap(gap_s=20.0)).wait(0.1).answer(term=4)
    assert desk.position == "recovering"
    assert "frozen" not in desk.conditions
    assert not desk.state.may_notify


def test_an_answer_from_before_the_pause_proves_nothing():
    desk = Desk().active().wait(5).give(facts.LoopGap(gap_s=20.0))
    desk.answer(ago=3.0)
    assert desk.state.shown == "frozen"


@pytest.mark.parametrize("state", [PrimaryState.yielded, PrimaryState.boot_check])
def test_a_primary_that_waits_ends_the_pause(state):
    desk = Desk().active().give(facts.LoopGap(gap_s=20.0)).wait(0.1).answer(state=state)
    assert desk.state.may_check


def test_two_failed_probes_without_reference_points_are_isolation_checks_go_on_and_alerts_wait():
    desk = Desk().active().give(facts.LoopGap(gap_s=20.0)).wait(0.1)
    desk.miss().gate(0).wait(0.2).miss()
    assert desk.state.shown == "isolated"
    assert desk.state.may_check
    assert not desk.state.may_notify
    desk.clear().gate(3)
    assert desk.of(effects.RejudgeAlerts) == [effects.RejudgeAlerts(profile=NAME)]
    assert desk.state.may_notify


def test_a_pause_that_nothing_resolves_ends_as_isolation_in_bounded_time():
    desk = Desk().active().give(facts.LoopGap(gap_s=20.0)).wait(30.0)
    assert desk.state.shown == "isolated"


@pytest.mark.parametrize("position", ["activating", "active", "recovering"])
def test_a_restart_while_acting_starts_nothing_before_it_knows_who_acts(position):
    desk = Desk(journal=journal(position=position, term=4, cause="silent"), mirrored=False)
    assert (desk.position, desk.state.shown, desk.term) == ("active", "frozen", 4)
    desk.working()
    assert not desk.state.may_check
    assert desk.of(effects.StartMonitors) == []
    desk.wait(0.1).miss().gate().wait(0.2).miss()
    assert desk.of(effects.StartMonitors) == [effects.StartMonitors(profile=NAME, term=4, ramp=True)]


def test_a_restart_while_acting_asks_at_once_and_is_over_in_bounded_time_when_nothing_answers():
    desk = Desk(journal=journal(position="active", term=4, cause="silent"), mirrored=False, started=False)
    assert not desk.state.may_check
    desk.give(facts.NodeStarted(boot_id="f-2"))
    assert desk.of(effects.ProbeNow)
    assert desk.of(effects.SampleGate)
    desk.working().wait(20.0)
    assert desk.state.shown == "isolated"
    assert desk.of(effects.StartMonitors)


def test_a_restart_beside_a_primary_that_took_over_starts_no_check():
    desk = Desk(journal=journal(position="active", term=4, cause="silent"), mirrored=False).working().wait(0.1)
    desk.answer(term=5).done("P")
    desk.until("handback", lambda: desk.answer(term=5))
    assert desk.of(effects.StartMonitors) == []
    desk.wait(0.1).answer(term=5)
    assert desk.position == "standby"


def test_stopping_a_node_that_acts_says_that_nobody_monitors_from_now():
    desk = Desk().active().clear().give(facts.StopAsked(why="SIGTERM", eta_s=0))
    (mail,) = desk.mails("stopping_while_acting")
    assert "NOBODY monitors from 20" in mail.subject
    assert desk.position == "active"


# --- flapping -------------------------------------------------------------------------------------------------------


def flap(desk):
    """One takeover and one hand-back."""
    desk.answer(boot_id="p-2", term=desk.term).until("activating")
    desk.working().first_check().wait(1).waits()
    if desk.position == "recovering":
        desk.done("P").until("handback", desk.waits, limit=2000)
        desk.done("H2").done("H5").done("H6")
        desk.wait(1)
    return desk


def test_the_third_takeover_in_an_hour_locks_and_the_failover_stays_acting():
    desk = Desk()
    for _ in range(3):
        flap(desk)
    assert desk.position == "active"
    assert desk.state.shown == "active"
    assert "flap_lock" in desk.conditions
    (mail,) = desk.mails("flap_lock")
    assert "3 takeovers in 60 min" in mail.subject
    desk.clear().probe(60.0, lambda: desk.answer(boot_id="p-2"))
    assert desk.position == "active"
    assert desk.of(effects.AskYield)


def test_the_window_doubles_with_each_takeover_of_the_day():
    desk = Desk()
    flap(desk)
    desk.answer(boot_id="p-2", term=desk.term).until("activating")
    desk.working().first_check().wait(1).waits().done("P")
    back = desk.mono
    desk.until("handback", desk.waits)
    assert 60.0 <= desk.mono - back <= 61.5


def test_six_hours_of_health_end_the_lock_and_a_miss_starts_them_anew():
    desk = Desk()
    for _ in range(3):
        flap(desk)
    desk.mono += 5 * 3600
    desk.waits().miss().wait(1).waits()
    desk.mono += 5 * 3600
    desk.waits()
    assert "flap_lock" in desk.conditions
    desk.mono += 3700
    desk.waits()
    assert "flap_lock" not in desk.conditions
    desk.waits()
    assert desk.position == "recovering"


def test_an_operator_ends_the_lock_and_the_takeovers_so_far_no_longer_count():
    desk = Desk()
    for _ in range(3):
        flap(desk)
    desk.give(facts.FlapUnlocked(profile=NAME, by="ann")).wait(1).waits()
    assert desk.position == "recovering"
    assert desk.state.journal.takeovers == ()


def test_the_sixth_takeover_in_a_day_locks_until_the_day_has_room_again():
    wall = Desk().now.wall
    takeovers = tuple(wall - 3600.0 * hours for hours in (20, 16, 12, 8, 4))
    desk = Desk(journal=journal(takeovers=takeovers)).answer().activating().working().first_check()
    assert "flap_lock" in desk.conditions
    locked = desk.mono
    while "flap_lock" in desk.conditions:
        desk.waits()
        desk.mono += 300
    assert desk.mono - locked >= 6 * 3600
    assert len([at for at in desk.state.journal.takeovers if at > desk.now.wall - 86400]) <= 5


def test_r17_a_primary_that_fails_again_and_again_is_taken_over_six_times_a_day_at_most():
    desk, taken = Desk(), []
    end = desk.mono + 3 * 86400
    while desk.mono < end:
        if desk.position == "standby":
            desk.answer(boot_id="p-2", term=desk.term).until("activating")
            taken.append(desk.mono)
            desk.working().first_check().wait(1)
        desk.waits()
        if desk.position == "recovering":
            desk.done("P").until("handback", desk.waits, limit=2000)
            desk.done("H2").done("H5").done("H6").wait(1)
            desk.mono += 5000  # it runs for a while
        else:
            desk.mono += 300
    for at in taken:
        assert sum(1 for other in taken if at - 3600 < other <= at) <= 3
        assert sum(1 for other in taken if at - 86400 < other <= at) <= 6
    assert len(taken) >= 12, "it is not locked for ever"


@pytest.mark.parametrize("place", ["active", "recovering"])
def test_a_working_tree_that_does_not_come_after_a_restart_is_asked_for_again_and_told(place):
    """Found by swarm seeds 452 and 42: a node that acts, answers "active" and never checks is the worst silence."""
    desk = Desk().active().restart().mirrored()
    desk.miss().wait(0.1).miss().gate()
    if place == "recovering":
        desk.wait(0.1).waits()
    assert (desk.position, desk.conditions) == (place, set())
    desk.clear().probe(61.0, desk.waits if place == "recovering" else desk.miss)
    (again,) = desk.of(effects.PinWorking)
    assert again.resume
    assert len(desk.mails("alarm_stuck")) == 1
    desk.working()
    assert desk.of(effects.StartMonitors)


def test_odd_terms_are_the_primarys_and_even_ones_the_failovers():
    desk = Desk()
    desk.answer(term=4)
    desk.until("activating")
    assert desk.term == 6
    desk.working().first_check().wait(1).waits(term=5).done("P")
    desk.until("handback", lambda: desk.waits(term=5)).done("H2")
    assert desk.of(effects.RunStep)[-1].term == 7
