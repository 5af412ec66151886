"""Schedules are added, changed and removed in their file; who follows one is never left without."""

from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.model.errors import ConfigInvalid, Conflict, Refused, Usage
from sitescope_fo.model.schedule import DAYS, Schedule, moment_texts, window_texts
from sitescope_fo.store import edit
from sitescope_fo.store.edit import EditContext
from sitescope_fo.store.edit_schedules import add_schedule, edit_schedule, remove_schedule
from sitescope_fo.store.tree_persistence import read_persistence
from tests.store.book import SmallBook

HOURS = {"name": "hours", "windows": ["mon-fri 08:00-18:00"]}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "groups").mkdir()
    return tmp_path


@pytest.fixture
def using():
    numbers = count()
    return EditContext(book=SmallBook(), new_id=lambda: f"new-{next(numbers)}")


def text(root):
    return (root / "persistence/schedules.toml").read_text()


def test_a_schedule_is_added_after_what_stands_there_with_its_comments(root, using):
    (root / "persistence").mkdir()
    (root / "persistence/schedules.toml").write_text('# ours\n[[schedule]]\nname = "night"  # late\nmoments = ["mon 01:00"]\n')
    add_schedule(root, HOURS, using=using)
    assert text(root) == (
        '# ours\n[[schedule]]\nname = "night"  # late\nmoments = ["mon 01:00"]\n\n'
        '[[schedule]]\nname = "hours"\nwindows = ["mon-fri 08:00-18:00"]\n'
    )


def test_new_times_of_another_kind_replace_the_old_ones(root, using):
    add_schedule(root, HOURS, using=using)
    edit_schedule(root, "HOURS", {"name": "twice", "moments": ["mon-sun 06:00"]}, using=using)
    assert text(root) == '[[schedule]]\nname = "twice"\nmoments = ["mon-sun 06:00"]\n'
    remove_schedule(root, "twice", using=using)
    assert text(root) == ""


@pytest.mark.parametrize(
    "times",
    [
        {"windows": ["mon 25:00-26:00"]},
        {"moments": ["someday 06:00"]},
        {"windows": ["mon 08:00-08:00"]},
        {"windows": []},
        {"moments": []},
    ],
)
def test_times_that_are_none_are_refused_and_nothing_is_written(root, using, times):
    with pytest.raises(ConfigInvalid):
        add_schedule(root, {"name": "x", **times}, using=using)
    add_schedule(root, HOURS, using=using)
    before = text(root)
    with pytest.raises(ConfigInvalid):
        edit_schedule(root, "hours", times, using=using)
    assert text(root) == before


def test_a_taken_name_and_an_unknown_one_are_refused(root, using):
    add_schedule(root, HOURS, using=using)
    add_schedule(root, HOURS | {"name": "other"}, using=using)
    for attempt in (
        lambda: add_schedule(root, HOURS | {"name": "Hours"}, using=using),
        lambda: edit_schedule(root, "other", {"name": "HOURS"}, using=using),
    ):
        with pytest.raises(Conflict):
            attempt()
    edit_schedule(root, "hours", {"name": "Hours"}, using=using)
    with pytest.raises(Usage) as refusal:
        remove_schedule(root, "otter", using=using)
    assert "other" in refusal.value.hint


def test_a_schedule_in_use_keeps_its_name_and_kind_and_stays(root, using):
    add_schedule(root, HOURS, using=using)
    edit.add_group(root, "Web", using=using)
    table = {"type": "port", "frequency": "1m", "settings": {"host": "h:80"}, "schedule": "Hours"}
    for n in range(7):
        edit.add_monitor(root, "Web", table | {"name": f"Home {n}"}, using=using)
    for attempt in (
        lambda: remove_schedule(root, "hours", using=using, users=("profile prod (check schedule)",)),
        lambda: edit_schedule(root, "hours", {"name": "new"}, using=using),
        lambda: edit_schedule(root, "hours", {"moments": ["mon 06:00"]}, using=using),
    ):
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == "in_use"
        assert "Web/Home 0" in refusal.value.what
    with pytest.raises(Refused, match=r"profile prod \(check schedule\), Web/Home 0, .* and 3 more"):
        remove_schedule(root, "hours", using=using, users=("profile prod (check schedule)",))
    edit_schedule(root, "hours", {"windows": ["mon 08:00-09:00"]}, using=using)
    assert '"mon 08:00-09:00"' in text(root)


MINUTES = st.integers(0, 1439)


def parsed(windows=(), moments=()):
    lines = [f'windows = ["{one}"]' for one in windows] + [f'moments = ["{one}"]' for one in moments]
    body = "".join(f'[[schedule]]\nname = "{n}"\n{line}\n' for n, line in enumerate(lines))
    found, problems = read_persistence({"schedules.toml": body.encode()})
    assert problems == []
    return found.schedules


def clock(minute):
    return f"{minute // 60:02}:{minute % 60:02}"


@given(st.lists(st.tuples(st.sampled_from(DAYS), MINUTES, MINUTES).filter(lambda w: w[1] != w[2]), min_size=1, max_size=6))
def test_windows_are_told_as_they_can_be_written_again(spans):
    windows = {w for one in parsed([f"{day} {clock(a)}-{clock(b)}" for day, a, b in spans]) for w in one.windows}
    again = {w for one in parsed(window_texts(windows)) for w in one.windows}
    assert again == windows


@given(st.lists(st.tuples(st.sampled_from(DAYS), MINUTES), min_size=1, max_size=6))
def test_moments_are_told_as_they_can_be_written_again(times):
    moments = {m for one in parsed(moments=[f"{day} {clock(minute)}" for day, minute in times]) for m in one.moments}
    assert {m for one in parsed(moments=moment_texts(moments)) for m in one.moments} == moments


def test_days_in_a_row_and_a_night_are_told_in_one_text():
    [schedule] = parsed(['mon-thu 22:00-06:00", "sat 08:00-12:00'])
    assert window_texts(schedule.windows) == ("mon-thu 22:00-06:00", "sat 08:00-12:00")
    assert window_texts(parsed(["mon-sun 00:00-24:00"])[0].windows) == ("mon-sun 00:00-24:00",)


def test_a_night_closes_in_the_morning_and_what_never_closes_never_does():
    sunday_noon, monday_23 = datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 23, 23, tzinfo=UTC)
    [night] = parsed(["mon-thu 22:00-06:00"])
    assert night.next_close(monday_23) == datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert night.next_close(sunday_noon) is None
    assert parsed(["mon-sun 00:00-24:00"])[0].next_close(sunday_noon) is None
    assert Schedule(name="x", kind="absolute").next_close(sunday_noon) is None
