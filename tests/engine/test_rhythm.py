"""The rhythm of a monitor: closer while it is in error, one run each after a pause, and nobody lost on the way."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sitescope_fo.engine.plan import HOST_FULL, LAST_RUN, NODE_FULL, NOOP, PAUSE_S, Plan
from sitescope_fo.model.monitor import MonitorKey
from tests.engine.parts import key, monitor
from tests.engine.player import Player

few = hypothesis_settings(max_examples=60, deadline=None)


def plan_of(*monitors, ages=None, in_error=(), profile="", now=0.0, **limits):
    plan = Plan(**limits)
    plan.set_monitors(profile, monitors, now, ages=ages or {}, in_error=set(in_error))
    return plan


def gaps(times):
    return [later - earlier for earlier, later in pairwise(times)]


# ---------------------------------------------------------------- in error


def in_error_between(start, end):
    return lambda _, at: start <= at < end


@pytest.mark.parametrize("took", [0.0, 3.0])
def test_in_error_a_monitor_runs_at_its_error_frequency_from_that_very_start_and_then_goes_back_to_its_place(took):
    plan = plan_of(monitor(frequency_s=60.0, error_frequency_s=10.0), ages={key(): 50.0})
    times = Player(plan, takes=lambda _: took, verdict=in_error_between(60.0, 105.0)).until(400.0).times()[key()]
    assert times == pytest.approx([10.0, 70.0, 80.0, 90.0, 100.0, 110.0, 130.0, 190.0, 250.0, 310.0, 370.0])
    assert plan.skipped == plan.paused == 0


def test_a_check_that_takes_longer_than_the_error_frequency_runs_at_whole_multiples_of_it():
    plan = plan_of(monitor(frequency_s=60.0, error_frequency_s=4.0), ages={key(): 55.0})
    times = Player(plan, takes=lambda _: 10.0, verdict=lambda *_: True).until(30.0).times()[key()]
    assert times == pytest.approx([5.0, 17.0, 29.0])


def test_a_regular_run_that_would_come_right_after_the_good_one_is_left_to_the_next_place():
    plan = plan_of(monitor(frequency_s=60.0, error_frequency_s=19.0), ages={key(): 50.0})
    times = Player(plan, verdict=in_error_between(0.0, 60.0)).until(200.0).times()[key()]
    assert times == pytest.approx([10.0, 29.0, 48.0, 67.0, 130.0, 190.0]), "70 is almost at once after 67"


def test_the_next_run_that_people_see_is_the_one_of_the_error_frequency():
    plan = plan_of(monitor(frequency_s=600.0, error_frequency_s=30.0), ages={key(): 590.0})
    Player(plan, verdict=lambda *_: True).until(11.0)
    assert plan.next_run(key()) == pytest.approx(40.0)


def test_a_longer_error_frequency_makes_no_monitor_run_less_often():
    plan = plan_of(monitor(frequency_s=10.0, error_frequency_s=60.0), ages={key(): 5.0})
    times = Player(plan, verdict=lambda *_: True).until(60.0).times()[key()]
    assert gaps(times) == pytest.approx([10.0] * 5)


def test_runs_missed_in_error_are_skips_of_the_error_frequency():
    plan = plan_of(monitor(frequency_s=60.0, error_frequency_s=2.0), ages={key(): 59.0})
    Player(plan, takes=lambda _: 5.0, verdict=lambda *_: True).until(31.0)
    assert plan.skips == {LAST_RUN: 8}, "two of three while each of the later runs was under way"


def test_a_monitor_in_error_goes_on_at_its_error_frequency_on_the_node_that_starts():
    bad, good = (
        monitor("bad", frequency_s=600.0, error_frequency_s=20.0),
        monitor("good", frequency_s=600.0, error_frequency_s=20.0),
    )
    plan = plan_of(bad, good, ages={key("bad"): 15.0, key("good"): 15.0}, in_error=[key("bad")], now=1000.0)
    player = Player(plan, 1000.0, verdict=lambda one, _: one == key("bad")).until(1100.0)
    assert player.times()[key("bad")] == pytest.approx([1005.0, 1025.0, 1045.0, 1065.0, 1085.0])
    assert plan.next_run(key("good")) == pytest.approx(1585.0)


def test_after_an_activation_a_monitor_in_error_comes_with_those_of_its_error_frequency():
    plan = Plan(ramp_per_s=1.0)
    shapes = {"slow": 600.0, "minute": 60.0, "bad": 600.0}
    monitors = [monitor(name, frequency_s=every, error_frequency_s=5.0) for name, every in shapes.items()]
    plan.set_monitors("p", monitors, 0.0, ramp=True, in_error={key("bad", "p")})
    first = Player(plan, verdict=lambda one, _: one.id == "bad").until(13.0)
    assert [one.id for _, one in first.starts][:3] == ["bad", "minute", "slow"]
    assert gaps(first.times()[key("bad", "p")]) == pytest.approx([5.0, 5.0])


def test_an_edited_error_frequency_takes_effect_at_once_for_what_is_in_error():
    plan = plan_of(monitor(frequency_s=600.0), ages={key(): 595.0})
    Player(plan, verdict=lambda *_: True).until(6.0)
    plan.set_monitors("", [monitor(frequency_s=600.0, error_frequency_s=10.0)], 20.0, in_error={key()})
    assert plan.next_run(key()) == pytest.approx(30.0)


# ---------------------------------------------------------------- a second run


def test_a_second_run_comes_first_and_keeps_to_the_limits():
    many = [monitor(f"m{n}", frequency_s=60.0, settings={"host": "h"}) for n in range(5)]
    plan = plan_of(*many, ages={key(m.id): 60.0 for m in many}, max_per_host=1)
    [first] = [one for one in plan.pop_due(2.0, 0) if one != NOOP]
    plan.finished(first, 2.1)
    [second] = plan.pop_due(2.1, 0)
    plan.verify(first, manual=False)
    assert plan.pop_due(2.2, 1) == [], "its host has no room"
    plan.finished(second, 2.3)
    assert len(plan.pop_due(2.3, 0)) == 1
    assert not plan.manual(first)
    plan.verify(first, manual=True)
    assert not plan.manual(key("unknown"))


def test_a_second_run_is_no_skip_of_the_regular_rhythm_but_what_it_delays_further_is():
    plan = plan_of(monitor(frequency_s=1.0), ages={key(): 0.5})
    assert plan.pop_due(0.5, 0).count(key())
    plan.finished(key(), 1.3)
    plan.verify(key(), manual=False)
    assert key() in plan.pop_due(1.3, 0)
    plan.pop_due(1.6, 1)
    assert plan.skipped == 0
    plan.pop_due(2.6, 1)
    assert plan.skips == {LAST_RUN: 1}
    plan.finished(key(), 2.7)
    assert plan.next_run(key()) == pytest.approx(3.5)


def test_a_run_that_is_under_way_already_is_the_second_one():
    plan = plan_of(monitor(frequency_s=1.0), ages={key(): 0.5})
    assert key() in plan.pop_due(0.5, 0)
    plan.verify(key(), manual=True)
    assert not plan.manual(key())
    plan.finished(key(), 0.9)
    assert key() not in plan.pop_due(1.0, 0)
    assert key() in plan.pop_due(1.5, 0), "its regular run"
    plan.pop_due(2.5, 1)
    assert plan.skips == {LAST_RUN: 1}, "what was excused once is not excused for ever"


def test_the_second_run_of_a_monitor_that_left_the_tree_is_forgotten():
    plan = plan_of(monitor(frequency_s=60.0), profile="p")
    plan.verify(key("web", "p"), manual=False)
    plan.remove("p")
    assert plan.pop_due(0.1, 0) == [NOOP]
    plan.verify(key("web", "p"), manual=False)
    assert plan.overdue == 0


# ---------------------------------------------------------------- pauses


def test_after_two_hours_asleep_ten_thousand_monitors_run_once_each_shortest_frequency_first_without_a_herd():
    every = {f"m{n}": (5.0, 60.0, 300.0, 3600.0, 86400.0)[n % 5] for n in range(10_000)}
    ages = {key(n): f * (place * 0.618034 % 1.0) for place, (n, f) in enumerate(every.items())}
    plan = plan_of(*(monitor(n, frequency_s=f) for n, f in every.items()), ages=ages)
    player = Player(plan, takes=lambda _: 0.02).until(10.0)
    before, asleep, woke = plan.skipped, 7200.0, 7210.0
    due = {n: plan.next_run(key(n)) for n in every if plan.next_run(key(n)) <= woke}
    player.starts.clear()
    player.away(asleep)
    pause = plan.take_pause()
    assert pause.gap_s == pytest.approx(asleep)
    assert pause.monitors == len(due) > 8000
    assert pause.runs == plan.paused == sum(int((woke - at) // every[n]) for n, at in due.items())
    assert plan.take_pause() is None
    player.until(woke + 60.0)
    per_second = Counter(int(at - woke) for at, _ in player.starts)
    regular = 2000 / 5.0 + 2000 / 60.0 + 2000 / 300.0 + 1.0
    assert max(per_second.values()) <= 500 + 1.3 * regular
    assert player.busiest <= 100
    first = {}
    for at, one in player.starts:
        first.setdefault(one.id, at)
    assert due.keys() <= first.keys()
    made_up = sorted((at, every[n]) for n, at in first.items() if n in due)
    assert [f for _, f in made_up] == sorted(f for _, f in made_up)
    assert made_up[-1][0] <= woke + 17.0
    assert plan.skipped == before, "a pause is no overload"


def test_a_short_stall_of_the_loop_is_no_pause():
    plan = plan_of(*(monitor(f"m{n}", frequency_s=2.0) for n in range(10)))
    player = Player(plan).until(10.0)
    player.away(PAUSE_S - 0.1)
    assert plan.take_pause() is None
    assert plan.skipped > 0


def test_what_was_not_due_in_a_pause_keeps_its_place():
    plan = plan_of(monitor("daily", frequency_s=86400.0), monitor("minute"), ages={key("daily"): 0.0, key("minute"): 0.0})
    Player(plan).until(10.0).away(7200.0)
    assert plan.next_run(key("daily")) == pytest.approx(86400.0)


def test_a_monitor_that_ran_when_the_engine_fell_asleep_is_not_run_a_second_time_for_that():
    plan = plan_of(monitor(frequency_s=60.0), ages={key(): 50.0})
    player = Player(plan, takes=lambda _: 615.0).until(20.0)
    assert list(player.running) == [key()]
    player.away(600.0)
    assert (plan.skipped, plan.paused) == (0, 10)
    assert player.until(671.0).times()[key()] == pytest.approx([10.0, 670.0]), "in its regular place"


def test_monitors_that_may_not_start_wait_in_the_ramp_and_lose_no_run():
    plan = Plan()
    allowed = False
    plan.may_start = lambda profile: allowed or not profile
    plan.set_monitors("p", [monitor(f"m{n}", frequency_s=86400.0) for n in range(50)], 0.0, ramp=True)
    plan.set_monitors("", [monitor("own", frequency_s=1.0)], 0.0, ages={key("own"): 1.0})
    player = Player(plan).until(30.0)
    assert {one.profile for _, one in player.starts} == {""}
    assert plan.ramping == 50
    allowed = True
    player.until(32.0)
    assert len({one for _, one in player.starts if one.profile == "p"}) == 50


def test_a_refused_start_is_made_when_it_is_allowed_and_what_was_missed_meanwhile_counts_as_paused():
    plan = plan_of(monitor(frequency_s=10.0), ages={key(): 5.0})
    assert key() in plan.pop_due(5.0, 0)
    plan.finished(key(), 5.0)
    plan.may_start = lambda _: False
    plan.postpone(key(), 5.0)
    plan.postpone(key(), 5.0)
    assert plan.ramping == 1
    for second in range(6, 40):
        assert key() not in plan.pop_due(float(second), 0)
        plan.finished(NOOP, float(second))
    plan.may_start = lambda _: True
    assert key() in plan.pop_due(40.0, 0)
    assert plan.paused == 3
    assert plan.skipped == 0
    assert plan.next_run(key()) == pytest.approx(45.0)


# ---------------------------------------------------------------- crowds


def test_ten_thousand_monitors_of_one_host_say_what_holds_them_up_and_leave_room_for_the_others():
    crowd = [monitor(f"c{n}", frequency_s=60.0, settings={"host": "big"}) for n in range(10_000)]
    others = [monitor(f"o{n}", frequency_s=10.0, settings={"host": f"h{n}"}) for n in range(50)]
    plan = plan_of(*crowd, *others)
    player = Player(plan, takes=lambda _: 1.0).until(180.0)
    [line] = plan.crowded()
    assert (line.host, line.running) == ("big", 10)
    assert 9000 < line.waiting <= 10_000
    assert plan.overdue >= line.waiting
    assert plan.skips[NODE_FULL] == 0
    assert plan.skips[HOST_FULL] > 0.95 * plan.skipped
    times = player.times()
    for one in others:
        assert gaps(times[key(one.id)]) == pytest.approx([10.0] * (len(times[key(one.id)]) - 1))
    turns = Counter(len(times[key(one.id)]) for one in crowd)
    assert set(turns) <= {0, 1}, "in turn: nobody runs twice before all have run once"
    assert turns[1] == pytest.approx(1800, rel=0.01)


def test_a_full_node_says_so():
    plan = plan_of(*(monitor(f"m{n}", frequency_s=5.0) for n in range(10)), max_checks=1)
    Player(plan, takes=lambda _: 2.0).until(60.0)
    assert plan.skips[NODE_FULL] > 0
    assert plan.crowded() == []


@pytest.mark.parametrize("takes", [0.1, 0.4, 0.55])
def test_after_an_activation_ten_thousand_slow_checks_a_minute_have_all_started_within_it(takes):
    """R19 up to 92 % of the default limit of 100 checks at once."""
    plan = Plan()
    plan.set_monitors("p", [monitor(f"m{n}", frequency_s=60.0) for n in range(10_000)], 0.0, ramp=True)
    player = Player(plan, takes=lambda _: takes).until(60.0)
    assert len({one for _, one in player.starts}) == 10_000
    assert plan.skipped == 0


def test_what_people_run_while_it_waits_in_the_ramp_is_not_started_a_second_time_beside_that():
    plan = Plan(ramp_per_s=1.0)
    plan.set_monitors("p", [monitor("a", frequency_s=60.0), monitor("b", frequency_s=600.0)], 0.0, ramp=True)
    player = Player(plan, takes=lambda _: 5.0).until(0.5)
    assert [one.id for _, one in player.starts] == ["a"]
    assert plan.run_now(key("b", "p"))
    assert [one.id for _, one in player.away(0.1).until(4.0).starts] == ["a", "b"]
    assert plan.ramping == 0
    assert plan.next_run(key("b", "p")) > 60.0


def test_an_overloaded_node_starves_neither_the_ramp_nor_what_is_due():
    every = {f"m{n}": 5.0 if n % 4 == 0 else 60.0 for n in range(4000)}
    plan = Plan()
    plan.set_monitors("p", [monitor(n, frequency_s=f) for n, f in every.items()], 0.0, ramp=True)
    player = Player(plan, takes=lambda _: 0.7).until(60.0)
    runs = Counter(one.id for _, one in player.starts)
    assert len(runs) == 4000, "1.75 times what the node can do, and yet everybody has run"
    assert sum(count for name, count in runs.items() if every[name] == 5.0) > 0.4 * len(player.starts)


# ---------------------------------------------------------------- whatever happens

shapes = st.lists(
    st.tuples(
        st.sampled_from([1.0, 5.0, 30.0, 60.0]),
        st.sampled_from([0.0, 1.0, 4.0, 100.0]),
        st.sampled_from(["", "a", "b"]),
        st.sampled_from(["", "p"]),
    ),
    min_size=1,
    max_size=12,
)
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("play"), st.floats(0.1, 100.0)),
        st.tuples(st.just("away"), st.floats(0.1, 5000.0)),
        st.tuples(st.just("verify"), st.integers(0, 11)),
        st.tuples(st.just("ask"), st.integers(0, 11)),
        st.tuples(st.just("hold"), st.booleans()),
        st.tuples(st.just("edit"), st.integers(0, 11)),
    ),
    max_size=12,
)


@few
@given(shapes, happenings, st.floats(0.0, 7.0), st.integers(1, 4), st.integers(1, 2), st.randoms(use_true_random=False))
def test_whatever_happens_no_monitor_is_lost_none_runs_twice_at_once_and_limits_hold(
    shapes, happenings, takes, most, most_a_host, chance
):
    monitors = {
        MonitorKey(profile, f"m{n}"): monitor(f"m{n}", frequency_s=f, error_frequency_s=e, settings={"host": h} if h else {})
        for n, (f, e, h, profile) in enumerate(shapes)
    }
    keys = list(monitors)

    def load(now):
        for profile in ("", "p"):
            plan.set_monitors(profile, [m for k, m in monitors.items() if k.profile == profile], now, ramp=profile == "p")

    plan, held = Plan(max_checks=most, max_per_host=most_a_host), False
    plan.may_start = lambda profile: not (held and profile)
    load(0.0)
    player = Player(plan, takes=lambda _: takes, verdict=lambda *_: chance.random() < 0.4)
    for what, much in happenings:
        if what == "play":
            player.until(player.now + much)
        elif what == "away":
            player.away(much)
        elif what == "hold":
            held = much
        else:
            one = keys[much % len(keys)]
            if what == "verify":
                plan.verify(one, manual=False)
            elif what == "ask":
                plan.run_now(one)
            else:
                monitors[one] = monitor(one.id, frequency_s=[5.0, 20.0][len(player.starts) % 2])
                load(player.now)
        assert len(player.running) <= most
        hosts = Counter(monitors[k].settings.get("host") for k in player.running if k != NOOP)
        assert most_a_host >= max((count for host, count in hosts.items() if host), default=0)
    held, since = False, player.now
    load_s = (takes + 0.01) * len(keys) / min(most, most_a_host)
    player.takes = lambda _: min(takes, 0.2)
    player.until(since + 2 * 60.0 + load_s + 10.0)
    assert {one for at, one in player.starts if at > since} == set(keys)
    assert plan.ramping == 0


@few
@given(
    st.lists(st.tuples(st.sampled_from([1.0, 5.0, 30.0]), st.floats(0, 1)), min_size=1, max_size=6),
    st.lists(st.tuples(st.floats(1.0, 60.0), st.sampled_from([0.0, 0.0, 3.0, 40.0, 4000.0])), min_size=1, max_size=6),
    st.floats(0.0, 12.0),
)
def test_each_interval_is_a_run_or_is_counted_and_the_rhythm_stays(shapes, periods, takes):
    every = {key(f"m{n}"): f for n, (f, _) in enumerate(shapes)}
    ages = {key(f"m{n}"): f * share for n, (f, share) in enumerate(shapes)}
    plan = plan_of(*(monitor(k.id, frequency_s=f) for k, f in every.items()), ages=ages)
    due0 = {k: plan.next_run(k) for k in every}
    player = Player(plan, takes=lambda _: takes)
    pauses = 0
    for play, pause in periods:
        player.until(player.now + play)
        if pause:
            player.away(pause)
            pauses += 1
    player.takes = lambda _: 0.0
    player.until(player.now + 20.0)
    passed = sum(int((player.now + 1e-6 - due) // every[k]) + 1 for k, due in due0.items() if due <= player.now + 1e-6)
    accounted = len(player.starts) + plan.skipped + plan.paused
    assert passed - pauses * len(every) <= accounted <= passed
    for k, f in every.items():
        shift = (plan.next_run(k) - due0[k]) / f
        assert shift == pytest.approx(round(shift), abs=1e-3)
