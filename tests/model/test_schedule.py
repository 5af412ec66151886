"""Schedules against the clock on the wall: nights, the jumps of spring and autumn, leap days."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitescope_fo.model.schedule import DAYS, Moment, Schedule, Window

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca")
JUMPS = ("2026-03-08", "2026-03-22", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01", "2028-02-29")
MINUTE = timedelta(minutes=1)
EIGHT_DAYS = 8 * 24 * 60
minutes = st.integers(0, 1439)


@st.composite
def instants(draw):
    """Some time from two days before a jump to two after it, or around a leap day, in any of the zones."""
    day = datetime.fromisoformat(draw(st.sampled_from(JUMPS))).replace(tzinfo=UTC)
    when = day + timedelta(seconds=draw(st.floats(-172_800, 172_800)))
    return when.astimezone(ZoneInfo(draw(st.sampled_from(ZONES))))


def window(day, start, end):
    return Window(day=day, start=start, end=end)


ranges = st.lists(
    st.tuples(st.sampled_from(DAYS), minutes, st.integers(1, 1440)).filter(lambda w: w[1] < w[2]), min_size=1, max_size=5
).map(lambda spans: Schedule(name="r", kind="range", windows=tuple(window(*span) for span in spans)))
strikes = st.lists(st.tuples(st.sampled_from(DAYS), minutes), min_size=1, max_size=5).map(
    lambda times: Schedule(name="a", kind="absolute", moments=tuple(Moment(day=day, minute=at) for day, at in times))
)


def each_minute(when):
    """The whole minutes after `when`, in its zone, for eight days."""
    began = when.astimezone(UTC).replace(second=0, microsecond=0)
    for number in range(1, EIGHT_DAYS):
        yield (began + number * MINUTE).astimezone(when.tzinfo)


@settings(max_examples=80, deadline=None)
@given(ranges, instants())
def test_it_turns_at_the_first_minute_at_which_the_clock_on_the_wall_says_so(schedule, when):
    is_open = schedule.open_at(when)
    turned = next((at for at in each_minute(when) if schedule.open_at(at) is not is_open), None)
    found = schedule.next_close(when) if is_open else schedule.next_open(when)
    if turned is None:  # a window that only the hour skipped in spring has
        assert found is None or found.timestamp() > when.timestamp() + (EIGHT_DAYS - 2) * 60
    else:
        assert found.timestamp() == turned.timestamp()
    assert (schedule.next_open(when) if is_open else schedule.next_close(when)) == (when if is_open else None)


def strikes_at(schedule, at):
    """Whether a moment strikes at this whole minute: the clock shows it the first time, or skips it there."""
    before = (at.astimezone(UTC) - MINUTE).astimezone(at.tzinfo)
    shown, old = at.replace(tzinfo=None, fold=0), before.replace(tzinfo=None, fold=0) + MINUTE
    passed = [old + number * MINUTE for number in range(int((shown - old) / MINUTE) + 1)] if not at.fold else []
    return any((DAYS[t.weekday()], t.hour * 60 + t.minute) == (m.day, m.minute) for t in passed for m in schedule.moments)


@settings(max_examples=80, deadline=None)
@given(strikes, instants())
def test_a_moment_strikes_once_whatever_the_clock_skips_or_shows_twice(schedule, when):
    struck = next((at for at in each_minute(when) if strikes_at(schedule, at)), None)
    found = schedule.next_moment(when)
    assert found.timestamp() > when.timestamp()
    assert struck is None or found.timestamp() == struck.timestamp()


def berlin(text):
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


NIGHTLY = Schedule(name="n", kind="absolute", moments=tuple(Moment(day=day, minute=150) for day in DAYS))
SMALL_HOURS = Schedule(name="s", kind="range", windows=tuple(window(day, 135, 165) for day in DAYS))


@pytest.mark.parametrize(
    ("after", "utc"),
    [
        ("2026-03-28T02:30", "2026-03-29T01:00"),  # 02:30 does not exist: it strikes as the clock jumps from 02:00 to 03:00
        ("2026-10-24T02:30", "2026-10-25T00:30"),  # 02:30 comes twice: the first time, in summer time
        ("2026-10-25T02:30", "2026-10-26T01:30"),
        ("2028-02-28T02:30", "2028-02-29T01:30"),
        ("2028-02-29T02:30", "2028-03-01T01:30"),
    ],
)
def test_a_nightly_moment_in_spring_in_autumn_and_on_a_leap_day(after, utc):
    assert NIGHTLY.next_moment(berlin(after)).astimezone(UTC) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_window_that_the_clock_skips_is_not_opened_and_one_that_comes_twice_opens_twice():
    assert SMALL_HOURS.next_open(berlin("2026-03-29T01:00")).astimezone(UTC).isoformat() == "2026-03-30T00:15:00+00:00"
    first = SMALL_HOURS.next_open(berlin("2026-10-25T01:00"))
    again = SMALL_HOURS.next_open(SMALL_HOURS.next_close(first))
    assert again.timestamp() - first.timestamp() == 3600


def test_a_night_is_as_long_as_it_is_when_the_clock_jumps():
    night = Schedule(name="n", kind="range", windows=(window("sat", 1320, 1440), window("sun", 0, 360)))
    for evening, hours in (("2026-03-28T22:00", 7), ("2026-10-24T22:00", 9), ("2026-11-21T22:00", 8)):
        begin = night.next_open(berlin(evening).replace(hour=12))
        assert night.next_close(begin).timestamp() - begin.timestamp() == hours * 3600


def test_what_never_turns_says_so():
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    always = Schedule(name="a", kind="range", windows=tuple(window(day, 0, 1440) for day in DAYS))
    assert (always.next_open(noon), always.next_close(noon), always.next_moment(noon)) == (noon, None, None)
    assert Schedule(name="never", kind="range").next_open(noon) is None
