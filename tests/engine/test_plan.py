"""The schedule: no drift, no bursts, limits, and the ramp after an activation."""

import itertools
import math
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sitescope_fo.engine.plan import NO_AGES, NOOP, START_S, Plan
from sitescope_fo.engine.spread import OVERDUE_S, next_slot, target_host
from sitescope_fo.model.monitor import MonitorKey
from tests.engine.parts import key, monitor

frequencies = st.sampled_from([0.5, 1.0, 5.0, 7.3, 60.0])
few = hypothesis_settings(max_examples=40)


def plan_of(*monitors, now=0.0, profile="", ages=NO_AGES, **limits):
    plan = Plan(**limits)
    plan.set_monitors(profile, monitors, now, ages=ages)
    return plan


def starts(plan, until, *, takes=0.0, now=0.0):
    """Plays the plan: (time, key) of every start; each check runs `takes` seconds."""
    found, ends = [], []
    while True:
        now = max(now, min([plan.next_due(), *(end for end, _ in ends)]))
        if now > until:
            return found
        for end in [end for end in ends if end[0] <= now]:
            ends.remove(end)
            plan.finished(end[1], now)
        for started in plan.pop_due(now, len(ends)):
            if started == NOOP:
                plan.finished(started, now)
                continue
            found.append((now, started))
            ends.append((now + takes, started))


@given(frequencies, st.text(min_size=1, max_size=8), st.floats(0, 1e6))
def test_a_monitor_keeps_its_place_in_its_interval_over_a_restart(every_s, name, restart):
    before = next_slot(key(name), every_s, 0.0)
    after = next_slot(key(name), every_s, restart)
    assert after > restart
    assert after <= restart + every_s * (1 + 1e-9) + 1e-6
    assert math.isclose((after - before) / every_s, round((after - before) / every_s), abs_tol=1e-4)


@few
@given(frequencies, st.floats(0, 0.9))
def test_starts_do_not_drift_however_long_the_checks_take(every_s, share):
    plan = plan_of(monitor(frequency_s=every_s))
    times = [at for at, _ in starts(plan, every_s * 20, takes=every_s * share)]
    assert len(times) in (20, 21)
    assert all(math.isclose(at, times[0] + n * every_s, rel_tol=1e-9, abs_tol=1e-6) for n, at in enumerate(times))
    assert plan.skipped == 0


def test_monitors_of_one_frequency_are_spread_over_it():
    plan = plan_of(*(monitor(f"m{n}", frequency_s=60.0) for n in range(600)))
    per_second = Counter(int(at) for at, _ in starts(plan, 59.999))
    assert sum(per_second.values()) == 600
    assert max(per_second.values()) < 30


@few
@given(st.sampled_from([10.0, 60.0, 3600.0]), st.floats(0, 1))
def test_a_monitor_that_ran_lately_on_the_other_node_goes_on_one_frequency_later_and_does_not_drift(every_s, share):
    plan = plan_of(monitor(frequency_s=every_s), now=100.0, ages={key(): every_s * share})
    times = [at for at, _ in starts(plan, 100.0 + every_s * 4, now=100.0)]
    assert times[0] <= 100.0 + max(every_s * (1 - share), 1.0) + 1e-6
    assert all(math.isclose(at, times[0] + n * every_s, rel_tol=1e-9, abs_tol=1e-6) for n, at in enumerate(times))


def test_what_is_a_little_overdue_runs_within_a_second_and_what_is_long_overdue_is_spread_over_a_minute():
    many = [monitor(f"m{n}", frequency_s=600.0) for n in range(200)]
    a_little = plan_of(*many, ages={key(m.id): 600.0 + OVERDUE_S for m in many})
    assert len(starts(a_little, 1.0)) == 200
    long_ago = starts(plan_of(*many, ages={key(m.id): 86400.0 for m in many}), START_S)
    assert len(long_ago) == 200
    assert len([at for at, _ in long_ago if at < START_S / 2]) < 150


def test_a_daily_monitor_runs_within_a_minute_of_the_start():
    assert starts(plan_of(monitor(frequency_s=86400.0)), START_S)


def test_intervals_missed_in_a_pause_are_counted_and_not_made_up_for():
    plan = plan_of(monitor(frequency_s=10.0), ages={key(): 4.0})
    first = plan.next_run(key())
    assert plan.pop_due(first + 34.0, 0).count(key()) == 1
    assert plan.skipped == 3
    assert plan.take_overruns() == {key(): 3}
    assert plan.next_run(key()) == pytest.approx(first + 40.0)
    assert plan.pop_due(first + 35.0, 1).count(key()) == 0


def test_a_run_that_outlasts_its_interval_is_not_started_twice():
    plan = plan_of(monitor(frequency_s=1.0))
    found = starts(plan, 12.0, takes=2.5)
    assert [round(b - a, 6) for (a, _), (b, _) in itertools.pairwise(found)] == [3.0] * (len(found) - 1)
    assert plan.skipped == plan.take_overruns()[key()] > 0


@few
@given(
    st.lists(st.tuples(frequencies, st.sampled_from("abc")), min_size=1, max_size=40),
    st.integers(1, 5),
    st.integers(1, 3),
    st.floats(0.01, 3),
)
def test_limits_hold_and_nobody_is_forgotten(shapes, most, most_a_host, takes):
    monitors = [monitor(f"m{n}", frequency_s=f, settings={"host": h}) for n, (f, h) in enumerate(shapes)]
    hosts = {MonitorKey("", m.id): m.settings["host"] for m in monitors}
    plan = plan_of(*monitors, max_checks=most, max_per_host=most_a_host)
    running, ends, started, now = Counter(), [], set(), 0.0
    while now < 600.0 and started != set(hosts):
        now = min([max(plan.next_due(), now), *(end for end, _ in ends)])
        for end in [end for end in ends if end[0] <= now]:
            ends.remove(end)
            plan.finished(end[1], now)
            running[hosts.get(end[1])] -= 1
        for one in plan.pop_due(now, len(ends)):
            ends.append((now + (takes if one != NOOP else 0.0), one))
            running[hosts.get(one)] += 1
            started.add(one) if one != NOOP else None
        assert len(ends) <= most
        assert all(count <= most_a_host for host, count in running.items() if host)
    assert started == set(hosts)


def test_a_full_host_does_not_hold_up_the_others():
    slow = [monitor(f"slow{n}", frequency_s=5.0, settings={"host": "slow"}) for n in range(20)]
    fine = monitor("fine", frequency_s=5.0, settings={"url": "https://fine.example/"})
    plan = plan_of(*slow, fine, max_per_host=2)
    started = plan.pop_due(5.0, 0)
    assert key("fine") in started
    assert sum(one.id.startswith("slow") for one in started) == 2
    assert plan.overdue == 18


def test_monitors_that_wait_for_their_host_start_in_turn_even_when_some_are_removed():
    slow = [monitor(f"slow{n}", frequency_s=600.0, settings={"host": "slow"}) for n in range(5)]
    plan = plan_of(*slow, max_per_host=1)
    [first] = [one for one in plan.pop_due(600.0, 0) if one != NOOP]
    rest = [m for m in slow if m.id not in {first.id, "slow0", "slow2"}]
    plan.set_monitors("", [m for m in slow if m.id == first.id] + rest, 600.0)
    seen = [first]
    for _ in rest:
        plan.finished(seen[-1], 601.0)
        seen += [one for one in plan.pop_due(601.0, 0) if one != NOOP]
    assert {one.id for one in seen[1:]} == {m.id for m in rest}
    assert plan.overdue == 0


def test_a_monitor_that_leaves_the_tree_at_its_turn_gives_the_turn_on():
    slow = [monitor(f"slow{n}", frequency_s=600.0, settings={"host": "slow"}) for n in range(3)]
    plan = plan_of(*slow, max_per_host=1)
    [first] = [one for one in plan.pop_due(600.0, 0) if one != NOOP]
    plan.finished(first, 600.1)  # now the second has the turn
    second, third = (entry.key for entry in (*plan._ready, *plan._hosts._lines["slow"]))
    plan.set_monitors("", [m for m in slow if m.id != second.id], 600.1)
    assert plan.pop_due(600.2, 0) == [third]


def test_the_noop_monitor_runs_every_second_through_the_same_queue():
    plan = Plan(max_checks=1)
    assert plan.pop_due(5.0, 1) == []
    assert plan.pop_due(5.0, 0) == [NOOP]
    assert plan.next_due() == pytest.approx(6.0)
    assert plan.skipped == 0


# ---------------------------------------------------------------- ramp


@few
@given(
    st.lists(st.tuples(st.sampled_from(["east", "west"]), frequencies), min_size=1, max_size=60),
    st.sampled_from([1.0, 7.0, 50.0, 500.0]),
)
def test_a_ramp_is_ascending_in_frequency_and_keeps_its_cap(shapes, per_s):
    plan = Plan(ramp_per_s=per_s, max_checks=1000)
    every = {}
    for profile in ("east", "west"):
        mine = [monitor(f"m{n}", frequency_s=f) for n, (p, f) in enumerate(shapes) if p == profile]
        every |= {MonitorKey(profile, m.id): m.frequency_s for m in mine}
        plan.set_monitors(profile, mine, 0.0, ramp=True)
    found = starts(plan, 1.0 + len(every) / per_s)
    first = {}
    for at, one in found:
        first.setdefault(one, at)
    times = sorted(first.values())
    assert set(first) == set(every)
    assert all(later - earlier > 1.0 - 1e-6 for earlier, later in zip(times, times[int(per_s) :], strict=False))
    for profile in ("east", "west"):
        ordered = [every[one] for one in first if one.profile == profile]
        assert ordered == sorted(ordered)


def test_profiles_take_turns_in_the_ramp():
    plan = Plan(ramp_per_s=10.0)
    for profile in ("east", "west", "north"):
        plan.set_monitors(profile, [monitor(f"m{n}") for n in range(30)], 0.0, ramp=True)
    order = [one.profile for _, one in starts(plan, 3.0)][:30]
    assert order == ["east", "west", "north"] * 10


@few
@given(st.lists(frequencies, min_size=1, max_size=30))
def test_after_its_ramp_start_a_monitor_goes_on_in_its_regular_place(shapes):
    plan = Plan()
    every = {key(f"m{n}", "p"): f for n, f in enumerate(shapes)}
    plan.set_monitors("p", [monitor(k.id, frequency_s=f) for k, f in every.items()], 0.0, ramp=True)
    times = defaultdict(list)
    for at, one in starts(plan, 130.0):
        times[one].append(at)
    for one, f in every.items():
        gaps = [b - a for a, b in zip(times[one], times[one][1:], strict=False)]
        assert 0.1 * f - 1e-6 <= gaps[0] <= 1.1 * f + 1e-6
        assert gaps[1:] == pytest.approx([f] * len(gaps[1:]))


def test_ten_thousand_monitors_within_a_minute_all_start_within_a_minute_of_an_activation():
    plan = Plan(max_checks=1000)
    plan.set_monitors("p", [monitor(f"m{n}", frequency_s=60.0) for n in range(10_000)], 0.0, ramp=True)
    assert plan.ramping == 10_000
    first = {}
    for at, one in starts(plan, 60.0, takes=0.2):
        first.setdefault(one, at)
    assert len(first) == 10_000
    assert max(first.values()) <= 21.0


def test_a_ramp_waits_while_there_is_no_room():
    plan = Plan(max_checks=2)
    plan.set_monitors("p", [monitor(f"m{n}", frequency_s=1e6) for n in range(5)], 0.5, ramp=True)
    assert len(plan.pop_due(0.9, 2)) == 0
    assert plan.next_due() < math.inf  # the no-op's own time, not the ramp's: nothing can start before something ended
    assert plan.next_due() == pytest.approx(1.0)


# ---------------------------------------------------------------- changes


def test_an_unchanged_monitor_keeps_its_place_when_the_tree_changes():
    plan = plan_of(monitor("a"), monitor("b"))
    before = plan.next_run(key("a"))
    plan.set_monitors("", [monitor("a", description="edited"), monitor("c")], 3.0)
    assert plan.next_run(key("a")) == before
    assert plan.next_run(key("b")) is None
    assert plan.next_run(key("c")) <= 8.0
    assert plan.scheduled("") == 2


def test_a_new_frequency_takes_effect_at_once_and_a_disabled_monitor_is_not_scheduled():
    plan = plan_of(monitor("a", frequency_s=600.0), monitor("b"))
    plan.set_monitors("", [monitor("a", frequency_s=5.0), monitor("b", enabled=False)], 3.0)
    assert plan.next_run(key("a")) <= 8.0
    assert plan.next_run(key("b")) is None


def test_nothing_of_a_removed_profile_starts_and_it_can_come_back():
    plan = plan_of(monitor("a", frequency_s=1.0), profile="p")
    plan.remove("p")
    assert starts(plan, 5.0) == []
    plan.set_monitors("p", [monitor("a", frequency_s=1.0)], 5.0)
    assert starts(plan, 7.0)


def test_removing_while_a_check_runs_frees_its_place_when_it_ends():
    plan = plan_of(monitor("a", frequency_s=1.0, settings={"host": "h"}), profile="p", max_per_host=1)
    assert key("a", "p") in plan.pop_due(1.0, 0)
    plan.remove("p")
    plan.set_monitors("p", [monitor("b", frequency_s=1.0, settings={"host": "h"})], 1.0)
    assert key("b", "p") not in plan.pop_due(2.5, 1)
    plan.finished(key("a", "p"), 2.6)
    assert key("b", "p") in plan.pop_due(2.6, 0)


def test_run_now_starts_a_monitor_once_beside_its_regular_places():
    plan = plan_of(monitor("a", frequency_s=600.0))
    regular = plan.next_run(key("a"))
    assert plan.run_now(key("a"))
    assert plan.run_now(key("a"))
    assert plan.pop_due(0.1, 0).count(key("a")) == 1
    assert plan.manual(key("a"))
    assert not plan.manual(key("a"))
    assert not plan.run_now(key("a")), "it runs already"
    assert plan.next_run(key("a")) == regular
    assert not plan.run_now(key("unknown"))


def test_the_heap_does_not_grow_with_edits():
    plan = Plan()
    for n in range(2000):
        plan.set_monitors("", [monitor(f"m{i}", frequency_s=600.0 + n) for i in range(10)], 0.0)
    assert len(plan._heap) < 2000


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({"host": "Web.example"}, "web.example"),
        ({"host": "web.example:8080"}, "web.example"),
        ({"host": "[::1]:80"}, "::1"),
        ({"url": "https://user@Shop.example:8443/x"}, "shop.example"),
        ({"url": "http://[bad"}, "http://[bad"),
        ({"script": "x.sh"}, ""),
    ],
)
def test_the_limited_host_is_the_one_a_monitor_asks(settings, host):
    assert target_host(monitor(settings=settings)) == host
