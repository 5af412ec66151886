"""Passive rows of the table: what makes a takeover, and what must not."""

import pytest

from sitescope_fo.failover import machine
from sitescope_fo.model.status import PrimaryState
from tests.failover.desk import NAME, Desk, effects, facts, journal, profile


@pytest.fixture
def desk():
    return Desk().answer()


def takeovers(desk):
    return [move for move in desk.moves() if move[1] == "activating"]


@pytest.mark.parametrize(("preset", "bound"), [("classic", 185.0), ("lan", 16.0), ("fast", 6.0)])
def test_a_primary_that_falls_silent_is_taken_over_in_time(preset, bound):
    desk = Desk(preset).answer()
    last = desk.mono
    desk.until("activating")
    assert desk.mono - last <= bound
    assert desk.mono - last >= desk.state.config.timing.activate_after_s
    assert desk.moves() == [("standby", "suspect"), ("suspect", "grace"), ("grace", "activating")]
    assert desk.of(effects.PinWorking) == [effects.PinWorking(profile=NAME, term=2)]
    assert not desk.of(effects.StartMonitors)


def test_one_miss_makes_suspect_and_a_proof_of_life_standby_again(desk):
    desk.wait(2).miss()
    assert desk.position == "suspect"
    desk.answer()
    assert desk.position == "standby"
    assert desk.state.live.misses == 0


def test_a_late_proof_of_life_refutes_grace(desk):
    desk.wait(2)
    desk.until("grace")
    desk.answer(ago=desk.mono - desk.state.live.last_pol - 1.0, late=True)
    assert desk.position == "standby"


@pytest.mark.parametrize("preset", ["classic", "lan", "fast"])
def test_replies_slower_than_soft_but_within_hard_never_lead_to_a_takeover(preset):
    desk = Desk(preset).answer()
    timing = desk.state.config.timing
    took = timing.hard_timeout_s - 0.01
    pending = []
    start = desk.mono
    while desk.mono < start + 400:
        pending.append(desk.mono)
        end = desk.mono + desk.state.probe_every_s
        while desk.mono < end:
            late = [sent for sent in pending if sent + took <= desk.mono]
            for sent in late:
                desk.answer(ago=desk.mono - sent, late=True)
                pending.remove(sent)
            for sent in pending:
                if 0 <= desk.mono - sent - timing.soft_timeout_s < 0.1:
                    desk.miss(ago=desk.mono - sent, kind="timeout")
            desk.serve()
            desk.wait(0.1)
    assert takeovers(desk) == []


def test_misses_alone_do_not_take_over_before_the_time_is_up(desk):
    for _ in range(40):
        desk.wait(0.3).miss().gate()
    assert desk.position == "grace"
    assert takeovers(desk) == []


def test_the_last_word_must_be_a_fresh_failure(desk):
    """Probes stop getting outcomes in grace: the old misses alone do not take over when the time is up."""
    desk.wait(2).until("grace")
    while desk.mono < desk.state.due + 5:
        desk.wait(1.0).serve()
    assert desk.position == "grace"
    desk.miss().gate()
    assert desk.position == "activating"


def test_what_happened_before_blind_until_counts_nothing(desk):
    desk.wait(2).until("grace")
    desk.give(facts.LoopGap(gap_s=5.0))
    assert desk.state.live.misses == 0
    assert desk.state.due == desk.mono + 15.0
    desk.miss(ago=1.0)
    assert desk.state.live.misses == 0


@pytest.mark.parametrize("points", [0])
def test_an_isolated_standby_takes_nothing_over_and_says_so_at_once_and_every_quarter_hour(desk, points):
    desk.probe(1000.0, desk.miss, points=points)
    assert desk.state.shown == "isolated"
    assert takeovers(desk) == []
    blocked = [mail for mail in desk.mails("alarm_blocked") if "isolated" in mail.subject]
    assert len(blocked) == 2
    assert "0 of 3 reference points answer" in blocked[0].text


def test_the_network_of_an_isolated_standby_comes_back_and_everything_counts_anew(desk):
    desk.probe(100.0, desk.miss, points=0)
    desk.gate(3)
    assert desk.conditions == set()
    assert desk.state.due == desk.mono + 15.0
    back = desk.mono
    desk.until("activating")
    assert desk.mono - back >= 15.0


@pytest.mark.parametrize(("asked", "answered", "open_"), [(4, 1, False), (4, 2, True), (1, 1, True), (3, 1, True), (0, 0, True)])
def test_the_gate_wants_thirty_percent_and_at_least_one(asked, answered, open_):
    desk = Desk().answer().wait(2)
    desk.until("grace")
    while desk.mono < desk.state.due + 1:
        desk.wait(0.5).miss().gate(answered, asked)
    assert bool(takeovers(desk)) is open_


def test_a_primary_on_this_host_needs_no_reference_points(desk):
    desk.wait(2).until("grace")
    while desk.position == "grace":
        desk.wait(0.5).miss().gate(0, 4, own_address=True)
    assert desk.position == "activating"


def test_a_late_loop_shuts_the_gate_for_ten_seconds(desk):
    desk.wait(2).until("grace")
    while desk.mono < desk.state.due - 1:
        desk.wait(0.5).miss().gate()
    late = desk.mono
    desk.give(facts.LoopLate(late_s=1.5))
    desk.until("activating")
    assert desk.mono - late >= 10.0


@pytest.mark.parametrize(
    ("block", "condition", "unblock"),
    [
        (facts.StoreFailed(why="disk full"), "fault", facts.StoreRecovered()),
        (facts.MirrorMissing(profile=NAME, what="torn"), "no_mirror", None),
        (facts.HoldSet(profile=NAME, by="ann", reason="upgrade", for_s=3600), "hold", facts.HoldReleased(profile=NAME, by="ann")),
    ],
)
def test_a_condition_blocks_a_takeover_and_the_mail_says_which_since_when_and_by_whom(desk, block, condition, unblock):
    desk.give(block)
    desk.silent(40.0)
    assert takeovers(desk) == []
    (mail,) = desk.mails("alarm_blocked")
    assert condition in mail.subject
    assert "since" in mail.text or "ann" in mail.text
    desk.give(unblock) if unblock else desk.mirrored()
    desk.until("activating", limit=30)


def test_an_unprotected_standby_is_mailed_after_a_minute():
    desk = Desk(mirrored=False).answer()
    assert desk.state.shown == "unprotected"
    desk.healthy(59.0)
    assert desk.mails() == []
    desk.healthy(2.0)
    assert [mail.event for mail in desk.mails()] == ["alarm_no_mirror"]
    desk.mirrored()
    assert desk.mails()[-1].event == "alarm_no_mirror_over"
    assert desk.state.shown == "standby"


# --- unverifiable, foreign ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["tls_expired", "lwsso_token_wrong", "wrong_identity", "lwsso_clock_skew", "wire_version"])
def test_a_living_primary_that_cannot_be_trusted_alarms_at_once_and_is_never_taken_over(desk, code):
    desk.probe(1000.0, lambda: desk.unverifiable(code))
    assert desk.state.shown == "unverifiable"
    assert takeovers(desk) == []
    assert len(desk.mails("alarm_unverifiable")) == 2
    assert code in desk.mails("alarm_unverifiable")[0].subject


def test_the_first_miss_after_an_unverifiable_answer_starts_the_wait_anew(desk):
    desk.probe(60.0, desk.unverifiable).miss()
    assert desk.position == "suspect"
    assert desk.conditions == set()
    assert desk.state.due == desk.mono + 15.0


def test_a_proof_of_life_ends_unverifiable(desk):
    desk.probe(20.0, desk.unverifiable).answer()
    assert desk.state.shown == "standby"


def test_a_profile_may_opt_in_to_take_an_unverifiable_primary_over_after_asking_it():
    desk = Desk(takeover_when_unverifiable_s=60.0).answer()
    desk.probe(62.0, desk.unverifiable)
    (ask,) = desk.of(effects.AskYield)
    assert desk.position == "standby"
    desk.give(facts.YieldAnswered(profile=NAME, yielded=False, term=0, detail="unverifiable"))
    assert desk.position == "activating"
    assert desk.state.journal.cause == "unverifiable"
    assert desk.state.journal.overlaps
    assert ask.term == desk.term


def test_a_foreign_answer_is_a_miss_and_an_alarm_that_names_the_way_out(desk):
    desk.probe(8.0, lambda: desk.miss(kind="foreign", detail="502 Bad Gateway"))
    assert desk.position == "grace"
    (mail,) = desk.mails("alarm_foreign")
    assert "rebind" in mail.text


# --- degraded and idle ----------------------------------------------------------------------------------------------


def stuck(desk, **changes):
    desk.answer(scheduler_age_s=40.0, **changes)


def test_a_stuck_scheduler_is_suspect_at_once_grace_after_thirty_seconds_and_then_asked_to_yield(desk):
    start = desk.mono
    desk.wait(1)
    desk.probe(29.0, lambda: stuck(desk))
    assert desk.position == "suspect"
    desk.probe(4.0, lambda: stuck(desk))
    assert desk.position == "grace"
    (ask,) = desk.of(effects.AskYield)
    assert ask.timeout_s == 10.0
    desk.give(facts.YieldAnswered(profile=NAME, yielded=True, term=1))
    assert desk.position == "activating"
    assert desk.mono - start <= 40 + 15
    assert desk.state.journal.cause == "degraded"
    assert desk.state.journal.overlaps == ()


@pytest.mark.parametrize("answered", [True, False])
def test_a_degraded_primary_that_does_not_yield_is_taken_over_with_the_overlap_written_down(desk, answered):
    desk.wait(1).probe(34.0, lambda: stuck(desk))
    if answered:
        desk.give(facts.YieldAnswered(profile=NAME, yielded=False, term=1, detail="busy"))
    else:
        desk.probe(10.0, lambda: stuck(desk))
    assert desk.position == "activating"
    (overlap,) = desk.state.journal.overlaps
    assert "did not yield" in overlap.why


def test_a_degraded_primary_is_left_alone_when_this_node_fails_the_same_check(desk):
    desk.wait(1).probe(200.0, lambda: stuck(desk, same_check_passes_here=False))
    assert desk.position == "grace"
    assert desk.of(effects.AskYield) == []
    assert len(desk.mails("alarm_both_fail")) == 1


def test_a_degraded_primary_that_drops_one_probe_is_asked_and_not_just_taken_over(desk):
    desk.wait(1).probe(29.0, lambda: stuck(desk))
    desk.miss()
    desk.wait(1).serve()
    assert takeovers(desk) == []


def test_the_silence_of_a_degraded_primary_is_waited_for_as_long_as_that_of_a_healthy_one(desk):
    desk.wait(1).probe(60.0, lambda: stuck(desk, same_check_passes_here=False))
    ran = desk.state.live.last_sent_answered
    desk.until("activating")
    assert desk.mono - ran >= 15.0


def test_a_degraded_primary_that_recovers_while_it_is_asked_stays_in_charge(desk):
    desk.wait(1).probe(34.0, lambda: stuck(desk))
    desk.answer()
    assert desk.position == "standby"
    desk.wait(30).answer()
    assert takeovers(desk) == []


def test_a_boot_check_of_ten_seconds_leaves_no_suspicion(desk):
    desk.wait(2).miss()
    desk.give(facts.BootCheckHeard(profile=NAME, boot_id="p-2", term=1))
    assert desk.position == "standby"
    desk.probe(10.0, lambda: desk.answer(state=PrimaryState.boot_check, boot_id="p-2"))
    assert desk.position == "standby"
    desk.answer(boot_id="p-2")
    assert desk.moves()[-1] == ("suspect", "standby")


def test_a_primary_stuck_in_its_boot_check_is_taken_over(desk):
    desk.wait(1)
    start = desk.mono
    desk.probe(34.0, lambda: desk.answer(state=PrimaryState.boot_check))
    desk.give(facts.YieldAnswered(profile=NAME, yielded=True, term=1))
    assert desk.position == "activating"
    assert desk.state.journal.cause == "idle"
    assert desk.mono - start <= 40


def test_a_primary_that_yielded_while_nobody_acts_is_told_to_run_until_it_does(desk):
    desk.wait(2)
    desk.probe(13.0, lambda: desk.answer(state=PrimaryState.yielded))
    orders = desk.of(effects.RunStep)
    assert len(orders) == 3
    assert {(one.step, one.term, one.handback) for one in orders} == {("H5", 3, orders[0].handback)}
    assert len(desk.mails("alarm_nobody")) == 1
    desk.done("H5", term=2)
    assert desk.state.journal.handback is None
    assert desk.term == 2
    desk.answer(term=2)
    assert desk.position == "standby"


def test_an_old_yielded_answer_from_before_the_hand_back_orders_nothing():
    desk = Desk().handback()
    desk.done("H2").done("H5", term=3)
    sent = desk.mono - 0.5
    desk.done("H6").clear()
    desk.answer(ago=desk.mono - sent, state=PrimaryState.yielded)
    assert desk.of(effects.RunStep) == []


# --- goodbye --------------------------------------------------------------------------------------------------------


def goodbye(desk, eta_s):
    return desk.give(facts.GoodbyeHeard(profile=NAME, boot_id="p-1", eta_s=eta_s, why="restart"))


def test_a_restart_within_its_announced_time_is_no_takeover(desk):
    goodbye(desk, 30.0).silent(29.0)
    assert desk.position == "announced"
    desk.answer(boot_id="p-2")
    assert desk.position == "standby"
    assert takeovers(desk) == []


def test_an_announced_stop_that_takes_too_long_is_taken_over_at_its_deadline(desk):
    start = desk.mono
    goodbye(desk, 30.0).until("activating")
    assert 30.0 <= desk.mono - start <= 31.0
    assert desk.state.journal.cause == "goodbye"


def test_planned_maintenance_is_taken_over_at_once(desk):
    assert goodbye(desk, 0.0).position == "activating"


def test_a_primary_that_runs_on_after_its_goodbye_is_left_alone(desk):
    goodbye(desk, 10.0).wait(1).healthy(12.0)
    assert desk.position == "standby"
    assert takeovers(desk) == []


def test_a_goodbye_is_bounded(desk):
    goodbye(desk, 1e9).until("activating", limit=3605)


# --- schedule, profile, restart, boot-check ---------------------------------------------------------------------------


def test_outside_its_check_schedule_nothing_is_judged_and_inside_everything_starts_anew(desk):
    desk.wait(2).miss()
    desk.give(facts.WatchWindow(profile=NAME, open=False, until_wall=desk.now.wall + 600))
    assert desk.position == "standby"
    desk.silent(600.0)
    assert desk.position == "standby"
    desk.give(facts.WatchWindow(profile=NAME, open=True))
    opened = desk.mono
    desk.until("activating")
    assert desk.mono - opened >= 15.0


def test_an_edit_of_the_profile_starts_the_wait_anew(desk):
    desk.wait(2).until("grace")
    desk.give(facts.ProfileSet(profile=NAME, config=profile("fast")))
    assert desk.state.due == desk.mono + 5.0
    assert desk.state.live.misses == 0


def test_no_proof_of_life_survives_a_restart(desk):
    desk.until("grace")
    again = desk.restart()
    assert again.position == "standby"
    assert again.state.due == again.mono + 15.0


def test_an_unreadable_state_waits_for_the_primary_and_takes_a_term_above_every_known_one():
    desk = Desk(started=False, mirrored=False)
    desk.give(facts.NodeStarted(boot_id="f-1", state_readable=False, highest_term_seen=7)).mirrored()
    assert (desk.position, desk.state.shown, desk.term) == ("standby", "fault", 8)
    assert desk.mails("state_unreadable")
    desk.answer(term=9)
    assert (desk.state.shown, desk.term) == ("standby", 10)


def test_an_unreadable_state_without_a_primary_is_no_fault_for_ever():
    desk = Desk(started=False, mirrored=False)
    desk.give(facts.NodeStarted(boot_id="f-1", state_readable=False, highest_term_seen=7)).mirrored()
    desk.until("activating", limit=60)
    assert desk.term == 10


def test_a_boot_check_hears_not_active_while_passive_and_active_from_the_term_to_the_end_of_h5():
    desk = Desk().answer()
    reply = lambda: machine.boot_check_reply(desk.state, desk.now)  # noqa: E731
    assert reply() == (False, 1, 30.0)
    desk.until("activating")
    assert reply() == (True, 2, 30.0)
    desk = Desk().handback()
    assert reply()[0]
    desk.done("H2")
    assert reply()[0]
    desk.done("H5", term=3)
    assert not reply()[0]


def test_a_wall_clock_step_of_a_day_changes_nothing(desk):
    desk.healthy(10.0)
    for step in (86400.0, -2 * 86400.0):
        desk.wall_offset += step
        desk.healthy(60.0)
        assert desk.position == "standby"
        assert desk.conditions == set()


def test_a_failing_mirror_is_mailed_after_a_minute_and_once_in_a_quarter_hour(desk):
    for _ in range(30):
        desk.give(facts.MirrorFailed(profile=NAME, what="torn bundle")).healthy(10.0)
    assert len(desk.mails("alarm_mirror_failed")) == 1
    desk.mirrored("rev-2")
    assert desk.mails()[-1].event == "alarm_mirror_failed_over"


def test_every_term_heard_is_stored(desk):
    desk.answer(term=11)
    assert desk.state.journal.highest_term_heard == 11
    assert desk.state.next_term == 12


def test_a_restored_hold_ends_at_the_earlier_of_remaining_seconds_and_wall_end():
    for jump, left in ((0.0, 3600.0), (1800.0, 1800.0), (-7200.0, 3600.0)):
        desk = Desk().give(facts.HoldSet(profile=NAME, by="ann", reason="x", for_s=3600))
        desk.wall_offset += jump
        again = desk.restart()
        assert again.state.live.hold_until - again.mono == pytest.approx(left)


def test_the_journal_comes_back_with_its_conditions():
    state = machine.restored(profile(), journal(position="active", term=4, flap_lock_wall=1.0))
    assert {one.value for one in state.conditions} == {"frozen", "flap_lock"}
    assert not state.may_check


def test_a_fault_with_two_causes_ends_with_the_second():
    """Found by swarm seed 187: the term was known again while the disk still failed, and a takeover had no durable term."""
    desk = Desk(started=False, mirrored=False)
    desk.give(facts.NodeStarted(boot_id="f-1", state_readable=False), facts.StoreFailed(why="EIO")).mirrored()
    desk.answer(term=5)
    assert desk.conditions == {"fault"}
    desk.give(facts.StoreRecovered())
    assert desk.conditions == set()
    desk = Desk(started=False, mirrored=False)
    desk.give(facts.NodeStarted(boot_id="f-1", state_readable=False), facts.StoreFailed(why="EIO"), facts.StoreRecovered())
    assert "fault" in desk.conditions, "its term is still not known"
