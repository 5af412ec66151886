"""Monitors with a schedule: run inside its windows or at its moments, whatever the wall clock and the configuration do."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitescope_fo.engine.calendar import Calendar, Calendars
from sitescope_fo.engine.plan import Plan
from sitescope_fo.model.ports import Now
from sitescope_fo.model.schedule import DAYS, Moment, Schedule, Window
from tests.engine.parts import key, monitor
from tests.engine.player import Player

HOUR, DAY = 3600.0, 86400.0
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC).timestamp()  # a Monday; 0 on the boot-time clock


def local(wall):
    return datetime.fromtimestamp(wall, UTC)


CALENDARS = Calendars(local)


def hours(*spans, name="hours"):
    windows = tuple(Window(day=day, start=int(a * 60), end=int(b * 60)) for day in DAYS for a, b in spans)
    return Schedule(name=name, kind="range", windows=windows)


def moments(*at, name="times"):
    return Schedule(
        name=name, kind="absolute", moments=tuple(Moment(day=day, minute=int(hour * 60)) for day in DAYS for hour in at)
    )


def put(plan, schedule, *monitors, now=0.0, step=0.0, profile="", **how):
    plan.follow(Now(now, MIDNIGHT + now + step))
    monitors = monitors or (monitor(schedule="s", frequency_s=60.0),)
    plan.set_monitors(profile, monitors, now, calendar_of=lambda _: CALENDARS.of(schedule), **how)
    return plan


def runs(player, one=None, scale=HOUR):
    return [round(at / scale, 4) for at in player.times()[one or key()]]


# ---------------------------------------------------------------- windows


def test_inside_a_window_it_runs_at_its_frequency_from_the_very_opening_and_outside_it_never_does():
    plan = put(Plan(), hours((8, 9), (12, 13)), now=7 * HOUR)
    player = Player(plan, 7 * HOUR).until(24 * HOUR)
    times = player.times()[key()]
    assert min(times) == pytest.approx(8 * HOUR)
    assert 60 <= sum(t < 9 * HOUR for t in times) <= 62
    assert all(8 <= t / HOUR < 9 or 12 <= t / HOUR < 13 for t in times)
    assert all(later - sooner < 67 for sooner, later in pairwise(times) if sooner // HOUR == later // HOUR)
    assert plan.skipped == plan.paused == 0
    assert plan.next_run(key()) == pytest.approx(32 * HOUR)


def test_a_window_shorter_than_the_frequency_is_not_missed():
    plan = put(Plan(), hours((8, 8.5)), monitor(schedule="s", frequency_s=DAY * 0.7))
    assert runs(Player(plan).until(1.5 * DAY), scale=1.0) == pytest.approx([8 * HOUR, 32 * HOUR])


def test_many_monitors_that_open_together_come_through_the_ramp():
    many = [monitor(f"m{n}", schedule="s", frequency_s=600.0) for n in range(100)]
    plan = put(Plan(ramp_per_s=10.0), hours((8, 9)), *many)
    starts = [at for at, _ in Player(plan).until(8 * HOUR + 60).starts]
    assert len(starts) == 100
    assert max(sum(a <= at < a + 1 for at in starts) for a in starts) <= 11


def test_a_window_over_midnight_is_one():
    plan = put(Plan(), hours((22, 24), (0, 6)), monitor(schedule="s", frequency_s=1800.0), now=20 * HOUR)
    found = runs(Player(plan, 20 * HOUR).until(31 * HOUR))
    assert found[0] == 22.0
    assert all(22 <= at < 30 for at in found)
    assert all(later - sooner < 0.56 for sooner, later in pairwise(found))


def test_in_error_it_runs_closer_until_the_window_ends_and_goes_on_so_at_the_next():
    shape = monitor(schedule="s", frequency_s=3600.0, error_frequency_s=300.0)
    found = runs(Player(put(Plan(), hours((8, 8.5)), shape), verdict=lambda *_: True).until(33 * HOUR), scale=60.0)
    assert found == pytest.approx([*range(480, 510, 5), *range(1920, 1950, 5)])


def test_a_check_under_way_at_the_end_finishes_with_its_second_look_and_what_waits_for_room_does_not_start():
    pair = [monitor(name, schedule="s", frequency_s=60.0, settings={"host": "h"}) for name in ("a", "b")]
    plan = put(Plan(max_per_host=1), hours((8, 9)), *pair, now=9 * HOUR - 200)
    end = 9 * HOUR + 1
    player = Player(plan, 9 * HOUR - 200, takes=lambda _: 1e6).until(9 * HOUR - 1)
    [running] = player.running.keys() & {key("a"), key("b")}
    plan.finished(running, end)
    plan.verify(running, manual=False)
    started = [one for one in plan.pop_due(end, 0) if one in {key("a"), key("b")}]
    assert started == [running]


def test_people_may_run_it_outside_and_it_still_opens_in_time():
    plan = put(Plan(), hours((8, 9)))
    player = Player(plan).until(1 * HOUR)
    assert plan.run_now(key())
    assert runs(player.until(8 * HOUR + 1)) == pytest.approx([1.0, 8.0], abs=0.001)


# ---------------------------------------------------------------- moments


def test_an_absolute_schedule_runs_at_its_moments_and_not_by_frequency_or_error_frequency():
    shape = monitor(schedule="s", frequency_s=60.0, error_frequency_s=10.0)
    plan = put(Plan(), moments(6, 18.5), shape)
    assert runs(Player(plan, verdict=lambda *_: True).until(31 * HOUR)) == pytest.approx([6, 18.5, 30])
    assert plan.next_run(key()) == pytest.approx(42.5 * HOUR)
    assert plan.skipped == plan.paused == 0


@pytest.mark.parametrize("ramp", [False, True])
@pytest.mark.parametrize(("age", "first"), [(2 * HOUR, 7.0), (0.5 * HOUR, 18.0), (None, 18.0)])
def test_when_a_tree_starts_a_moment_that_nobody_ran_at_is_made_up_for_once(ramp, age, first):
    ages = {} if age is None else {key(): age}
    plan = put(Plan(), moments(6, 18), now=7 * HOUR, ramp=ramp, ages=ages)
    assert runs(Player(plan, 7 * HOUR).until(19 * HOUR)) == pytest.approx(sorted({first, 18.0}))


def test_a_moment_of_a_frozen_profile_is_kept_until_it_may_start():
    plan = put(Plan(), moments(6), profile="p")
    plan.may_start = lambda _: False
    player = Player(plan).until(7 * HOUR)
    assert not player.starts
    plan.may_start = lambda _: True
    plan.postpone(key("web", "p"), 7 * HOUR)
    assert runs(player.until(8 * HOUR), key("web", "p")) == pytest.approx([7.0], abs=0.001)


def test_an_interrupted_run_of_a_moment_is_run_again():
    plan = put(Plan(), moments(6))
    player = Player(plan).until(6 * HOUR + 1)
    plan.postpone(key(), 6 * HOUR + 1)
    assert len(runs(player.until(6 * HOUR + 5))) == 2


# ---------------------------------------------------------------- the wall clock steps


def stepped(player, by):
    """The wall clock is `by` seconds ahead of what it was."""
    player.plan.follow(Now(player.now, MIDNIGHT + player.now + by))
    return player


def test_a_step_into_a_window_runs_everything_once_through_the_ramp_and_a_step_out_of_it_stops():
    many = [monitor(f"m{n}", schedule="s", frequency_s=60.0) for n in range(50)]
    player = Player(put(Plan(ramp_per_s=10.0), hours((8, 9)), *many)).until(1 * HOUR)
    stepped(player, 7.2 * HOUR).until(1 * HOUR + 9)
    assert len(player.starts) >= 50
    stepped(player, 0.0).until(8 * HOUR - 1)
    assert not [at for at, _ in player.starts if at > 1 * HOUR + 9]
    player.until(8 * HOUR + 9)
    assert {one for at, one in player.starts if at >= 8 * HOUR} == {key(m.id) for m in many}


@pytest.mark.parametrize(
    ("by", "found"),
    [(2 * HOUR, [6, 28]), (-0.5 * HOUR, [6, 30.5]), (-3 * HOUR, [6, 9, 33]), (24 * HOUR, [6, 6.5, 30]), (0.4, [6, 30])],
    ids=["forward", "a little back", "far back", "over a moment", "drift"],
)
def test_a_step_repeats_no_moment_it_need_not_and_loses_none(by, found):
    player = Player(put(Plan(), moments(6))).until(6.5 * HOUR)
    assert runs(stepped(player, by).until(34 * HOUR)) == pytest.approx(found, abs=0.001)


def test_a_clock_that_drifts_slowly_is_followed():
    player = Player(put(Plan(), hours((8, 9)))).until(HOUR)
    for second in range(1, 41):
        stepped(player, second * 0.25).until(HOUR + second * 60)
    assert runs(player.until(8 * HOUR), scale=1.0)[0] == pytest.approx(8 * HOUR - 10, abs=0.5)


# ---------------------------------------------------------------- configuration, pauses


def test_a_changed_schedule_takes_effect_at_once_closed_or_open():
    plan = put(Plan(), hours((8, 9)))
    player = Player(plan).until(1 * HOUR)
    put(plan, hours((0, 2)), now=1 * HOUR)
    assert player.until(1 * HOUR + 6).starts, "open now: within seconds"
    put(plan, hours((8, 9)), now=1 * HOUR + 6)
    assert plan.next_run(key()) == pytest.approx(8 * HOUR)
    put(plan, moments(6), now=1 * HOUR + 7)
    assert plan.next_run(key()) == pytest.approx(6 * HOUR)
    put(plan, None, monitor(), now=1 * HOUR + 8)
    assert plan.next_run(key()) <= 1 * HOUR + 13


def test_what_stays_in_a_reload_keeps_its_place():
    plan = put(Plan(), moments(6))
    plan.set_monitors("", [monitor(schedule="s", frequency_s=60.0)], 60.0, calendar_of=lambda _: CALENDARS.of(moments(6)))
    assert plan.next_run(key()) == pytest.approx(6 * HOUR)
    put(plan, moments(6), monitor(schedule="s", frequency_s=5.0), now=61.0)
    assert plan.next_run(key()) == pytest.approx(6 * HOUR), "another frequency changes no moment"


def test_an_activation_while_it_is_closed_waits_neither_in_the_ramp_nor_in_the_queue():
    plan = put(Plan(), hours((8, 9)), profile="p", ramp=True)
    assert plan.ramping == plan.overdue == 0
    assert plan.next_run(key("web", "p")) == pytest.approx(8 * HOUR)
    assert runs(Player(plan).until(8 * HOUR + 1), key("web", "p")) == [8.0]


@pytest.mark.parametrize(("wakes", "found"), [(8.5, [8.5]), (10, [32])], ids=["in the window", "after it"])
def test_after_a_pause_over_an_opening_only_what_is_open_runs(wakes, found):
    plan = put(Plan(), hours((8, 9)))
    player = Player(plan).until(1 * HOUR).away((wakes - 1) * HOUR)
    assert runs(player.until(32 * HOUR + 1))[:1] == pytest.approx(found[:1])
    assert plan.paused <= 30, "what was missed in closed hours was not missed"


# ---------------------------------------------------------------- the calendar itself


MONDAYS = Schedule(name="x", kind="range", windows=(Window(day="mon", start=0, end=60),))
BERLIN = ZoneInfo("Europe/Berlin")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 23), st.integers(1, 59)), min_size=1, max_size=3),
    st.lists(st.floats(-4 * DAY, 40 * DAY), min_size=1, max_size=20),
)
def test_in_whatever_order_it_is_asked_it_says_what_the_schedule_says(spans, asked):
    spring = datetime(2026, 3, 27, tzinfo=BERLIN).timestamp()
    schedule = hours(*((hour, hour + minutes / 60) for hour, minutes in spans))
    calendar = Calendar(schedule, lambda wall: datetime.fromtimestamp(wall, BERLIN))
    for offset in asked:
        here = datetime.fromtimestamp(spring + offset, BERLIN)
        opens = schedule.next_open(here).timestamp()
        assert calendar.opening(here.timestamp()) == pytest.approx(opens, abs=1e-6)
        assert calendar.shut(here.timestamp()) is not schedule.open_at(here)


def test_how_long_it_was_open():
    calendar = Calendar(hours((8, 9), (12, 13)), local)
    assert calendar.open_s(MIDNIGHT + 8.5 * HOUR, MIDNIGHT + 36.5 * HOUR) == 3 * HOUR
    assert Calendar(moments(6), local).open_s(MIDNIGHT, MIDNIGHT + DAY) == 0


@pytest.mark.parametrize(
    ("schedule", "at", "said"),
    [
        (hours((8, 9)), 7, "outside its schedule 'hours' until 08:00"),
        (hours((8, 9)), 10, "outside its schedule 'hours' until Tue 08:00"),
        (moments(6), 5, "outside its schedule 'times' until 06:00"),
        (MONDAYS, 2, "outside its schedule 'x' until 2026-11-30 00:00"),
        (Schedule(name="x", kind="range"), 2, "outside its schedule 'x'"),
    ],
)
def test_it_says_until_when_it_is_closed(schedule, at, said):
    assert Calendar(schedule, local).outside(MIDNIGHT + at * HOUR) == said
