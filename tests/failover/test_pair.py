"""Both machines over a modelled link: the promises of the design at decision level."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitescope_fo.failover import primary, timing
from sitescope_fo.model import fact as facts
from sitescope_fo.model.config import PRESETS
from tests.failover.desk import NAME
from tests.failover.pair import Pair
from tests.failover.weather import Weather

FIRST_CHECK = {"classic": 185.0, "lan": 16.0, "fast": 6.0}
presets = pytest.mark.parametrize("preset", list(PRESETS))


def pair(preset="lan", seed=0):
    return Pair(seed, preset).start().run(60)


def subjects(world):
    return [mail.subject for _, mail in world.mails]


# --- R1, R2 ---------------------------------------------------------------------------------------------------------


@presets
@pytest.mark.parametrize("how", ["crash", "stopped", "black hole"])
def test_r1_a_primary_that_dies_is_replaced_in_time_whenever_it_happens(preset, how):
    for phase in range(12):
        world = pair(preset, phase).run(phase * 0.173)
        died = world.mono
        match how:
            case "crash":
                world.primary.crash()
            case "stopped":
                world.primary.sleep(3600.0)
            case _:
                world.cut = True
        world.run(FIRST_CHECK[preset])
        assert world.failover.first_check_at is not None, world.timeline()
        assert world.failover.first_check_at - died <= FIRST_CHECK[preset]


@presets
def test_r2_a_primary_that_answers_with_a_stuck_scheduler_is_replaced_in_time(preset):
    world = pair(preset)
    stuck = world.primary.stalled_since = world.mono
    bound = 40.0 + PRESETS[preset].activate_after_s
    world.run(bound)
    assert world.failover.first_check_at - stuck <= bound
    assert world.primary.side.state == "yielded"
    assert world.overlap_s == 0


# --- R3 to R6: what must not lead to a takeover ---------------------------------------------------------------------


@presets
@settings(max_examples=8)
@given(low=st.floats(0.5, 1.0), seed=st.integers(0, 99))
def test_r3_replies_slower_than_soft_but_within_hard_cause_no_takeover(preset, low, seed):
    world = pair(preset, seed)
    times = PRESETS[preset]
    world.delay = (low * times.hard_timeout_s * 0.99, times.hard_timeout_s * 0.99)
    world.run(10 * times.activate_after_s)
    assert world.takeovers == []


@presets
@settings(max_examples=15)
@given(seed=st.integers(0, 999), share=st.floats(0.1, 1.0), kind=st.sampled_from(["cut", "primary", "failover", "sleep"]))
def test_r4_short_interruptions_cause_no_takeover(preset, seed, share, kind):
    """The silence counts from the last proof of life, so a cut may begin up to one probe later."""
    world, times = pair(preset, seed), PRESETS[preset]
    longest = times.activate_after_s - times.soft_timeout_s - 2.0
    for _ in range(3):
        world.run(world.rng.uniform(30.0, 40.0))
        while world.mono - world.failover.state.live.last_pol > 0.05:
            world.run(0.02)
        if kind == "sleep":
            world.primary.sleep(longest * share)
        else:
            world.cut, world.one_way = kind == "cut", kind
        world.run(longest * share)
        world.fair()
    world.run(2 * times.activate_after_s)
    assert world.takeovers == [], world.timeline()


@presets
def test_r5_an_isolated_or_sleeping_standby_takes_nothing_over(preset):
    world = pair(preset)
    world.failover.network = False
    world.run(20 * PRESETS[preset].activate_after_s)
    world.fair()
    for nap in (1.5, 3.0, 100.0, 4000.0):
        world.failover.sleep(nap)
        world.run(nap + 60)
    assert world.takeovers == []
    assert world.settled


def test_r6_a_primary_that_cannot_be_trusted_is_not_replaced():
    world = pair("fast")
    original, world.failover.probe = world.failover.probe, lambda: untrusted(world)
    world.run(3600.0)
    assert world.takeovers == []
    assert world.failover.state.shown == "unverifiable"
    assert len([one for one in subjects(world) if "UNVERIFIABLE" in one]) in {4, 5}
    world.failover.probe = original
    world.run(30.0)
    assert world.settled


def untrusted(world):
    fact = facts.ProbeUnverifiable(profile=NAME, sent_mono=world.mono, code="tls_expired")
    world.failover.after(0.01, lambda: world.failover.give(fact))
    world.primary.heard()


# --- R7, R8: switchover, return, overlap ----------------------------------------------------------------------------


@presets
def test_r7_switchover_and_hand_back_have_no_overlap_and_a_short_gap(preset):
    world = pair(preset)
    world.overlap_s = world.gap_s = 0.0
    world.failover.give(facts.SwitchoverAsked(profile=NAME, by="ann", for_s=0.0))
    world.run(10)
    assert world.failover.may_start()
    world.failover.give(facts.HoldReleased(profile=NAME, by="ann"))
    world.run(2 * PRESETS[preset].stable_for_s + 30)
    assert world.settled, world.timeline()
    assert world.overlap_s == 0
    assert world.gap_s <= 2.0
    assert world.primary.side.journal.term == 3


@presets
@pytest.mark.parametrize("how", ["crash", "stopped"])
def test_r8_a_primary_that_died_comes_back_without_an_overlap(preset, how):
    world = pair(preset)
    away = PRESETS[preset].activate_after_s + 60
    if how == "crash":
        world.primary.crash()
        world.run(away)
        world.primary.start()
    else:
        world.primary.sleep(away)
        world.run(away)
    world.run(2 * PRESETS[preset].stable_for_s + 60)
    assert world.settled, world.timeline()
    assert world.overlap_s == 0
    assert [cause for _, cause in world.takeovers] == ["silent"]


@presets
def test_r8_after_a_cut_the_overlap_ends_within_its_bound_and_alerts_are_held_within_one_probe(preset):
    world, times = pair(preset), PRESETS[preset]
    world.cut = True
    world.run(times.activate_after_s + 60)
    assert world.overlapping_since is not None
    world.fair()
    healed = world.mono
    world.run(times.check_every_s + 1.0)
    assert not world.failover.state.may_notify
    world.run(3 * times.check_every_s + 4.0)
    assert world.overlapping_since is None
    assert world.mono - healed == pytest.approx(4 * times.check_every_s + 5.0)
    assert world.settled
    assert world.failover.state.journal.overlaps[0].until_wall


def test_a_link_that_is_slow_for_good_does_not_leave_both_running():
    world = pair("lan")
    world.cut = True
    world.run(60)
    world.fair()
    world.delay = (2.0, 4.0)
    world.run(60)
    assert world.overlapping_since is None, world.timeline()
    assert world.primary.may_start()


def test_both_nodes_restart_at_once_and_the_acting_failover_stays_the_only_one():
    world = pair()
    world.primary.crash()
    world.run(60)
    world.failover.crash()
    world.run(1)
    world.primary.start()
    world.run(1)
    world.failover.start()
    world.run(120)
    assert world.settled, world.timeline()
    assert world.overlap_s == 0


@pytest.mark.parametrize("after", [0.0, 0.01, 0.05, 29.0, 31.0, 31.03, 31.05, 31.1])
@pytest.mark.parametrize("who", ["primary", "failover"])
def test_a_crash_at_any_point_of_the_way_back_heals(after, who):
    world = pair()
    world.primary.crash()
    world.run(60)
    world.primary.start()
    world.run(after)
    node = getattr(world, who)
    node.crash()
    world.run(5)
    node.start()
    world.run(400)
    assert world.settled, world.timeline()
    assert world.overlap_s == 0


def test_a_failover_that_dies_while_acting_lets_the_waiting_primary_run_by_itself():
    world = pair()
    world.primary.crash()
    world.run(60)
    world.primary.start()
    world.run(5)
    world.failover.crash()
    world.run(timing.yield_for(world.failover.config) + 3)
    assert world.primary.side.state == "running"
    assert any("by itself" in one for one in subjects(world))
    world.failover.start()
    world.run(60)
    assert world.settled, world.timeline()
    assert world.overlap_s == 0


def test_the_failovers_own_three_second_pause_while_acting_does_not_stop_monitoring():
    world = pair("fast")
    world.primary.crash()
    world.run(30)
    world.failover.sleep(3.0)
    world.run(3.0)
    world.gap_s = 0.0
    world.run(30)
    assert world.failover.may_start()
    assert world.gap_s <= 2.0


def test_a_stop_for_maintenance_is_taken_over_at_once_and_a_restart_is_not():
    world = pair("classic")
    world.primary.stop(30.0)
    world.run(10)
    world.primary.start()
    world.run(60)
    assert world.takeovers == []
    world.primary.stop(0.0)
    world.run(3)
    assert world.failover.may_start()


# --- R17 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [60.0, 300.0])
def test_r17_a_flapping_primary_is_taken_over_three_times_in_an_hour_at_most_then_locked(every):
    world = pair("fast")
    end = world.mono + 2 * 3600.0
    while world.mono < end:
        if world.primary.up:
            world.primary.crash()
            world.run(30.0)
        world.primary.start()
        world.run(every)
    assert len(world.takeovers) == 3
    assert world.failover.state.position == "active"
    assert any("FLAP LOCK" in one for one in subjects(world))
    assert world.overlap_s == 0
    yields = [one for one in subjects(world) if "YIELDED" in one]
    assert len(world.mails) - len(yields) < 40, "mails stay bounded"


# --- terms ----------------------------------------------------------------------------------------------------------


def test_a_primary_cut_off_just_after_it_took_a_term_does_not_share_it_with_the_failover():
    """Found by swarm seed 334: nobody had heard the new term when the failover took its own."""
    world = pair("fast")
    world.primary.crash()
    world.failover.give(facts.BootCheckHeard(profile=NAME, boot_id="p-x", term=14))
    world.primary.start()
    while world.primary.side.state != "running":
        world.run(0.001)
    world.cut = True
    world.run(30)
    assert world.overlapping_since is not None
    assert world.failover.journal.term != world.primary.journal.term


# --- any weather ----------------------------------------------------------------------------------------------------

SEEDS_TOGETHER = 20
"""Storms in one test: what `--seeds` multiplies."""


def test_after_any_weather_the_pair_finds_back_and_no_two_start_longer_than_declared(seed):
    for one in range(seed * SEEDS_TOGETHER, (seed + 1) * SEEDS_TOGETHER):
        world = Weather(one).storm().heal().pair
        healed = world.mono
        while not world.settled and world.mono < healed + 1900:
            world.run(5)
        assert world.settled, f"seed {one}{world.timeline()}"
        world.overlap_s = world.gap_s = 0.0
        takeovers = len(world.takeovers)
        world.run(120)
        assert world.settled, f"seed {one}"
        assert (world.overlap_s, world.gap_s, len(world.takeovers)) == (0.0, 0.0, takeovers), f"seed {one}"


def test_the_weather_reaches_every_change_of_position():
    seen = set()
    for one in range(1000, 1060):
        seen |= Weather(one).storm(orders=0.6 * (one % 2)).heal().pair.moves
    assert seen >= {
        ("standby", "suspect"),
        ("suspect", "standby"),
        ("suspect", "grace"),
        ("grace", "standby"),
        ("grace", "activating"),
        ("standby", "announced"),
        ("announced", "standby"),
        ("announced", "activating"),
        ("activating", "active"),
        ("active", "recovering"),
        ("active", "handback"),
        ("active", "standby"),
        ("recovering", "active"),
        ("recovering", "handback"),
        ("handback", "active"),
        ("handback", "standby"),
        ("boot_check", "running"),
        ("boot_check", "yielded"),
        ("running", "boot_check"),
        ("running", "yielded"),
        ("running", "stopping"),
        ("yielded", "running"),
    }


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), orders=st.floats(0.0, 1.0))
def test_terms_never_fall_and_no_passive_node_starts_checks_in_any_weather(seed, orders):
    world = Weather(seed).storm(orders).pair  # the pair checks itself at every decision
    assert world.primary.journal.term >= 1
    assert primary.next_wake(world.primary.side, world.now) > world.mono
