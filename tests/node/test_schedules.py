"""Schedules by command: on a running and on a stopped node, with who follows them and when they turn next."""

from datetime import UTC, datetime

import pytest

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.model import command as commands
from sitescope_fo.model.config import HaConfig, Tree
from sitescope_fo.model.schedule import DAYS, Moment, Schedule, Window
from sitescope_fo.node import schedule_view
from tests.node.nodes import protected_pair
from tests.node.test_offline import do, door, refused

PORT = {"type": "port", "name": "Home", "frequency": "1m", "settings": {"host": "h", "port": 80}, "schedule": "hours"}
HOURS = commands.ScheduleAdd(name="hours", windows=("mon-fri 08:00-18:00",))


def test_a_schedule_lives_and_dies_on_a_stopped_node(primary_home):
    do(primary_home, HOURS)
    do(primary_home, commands.GroupAdd(path="Web"))
    do(primary_home, commands.MonitorAdd(group="Web", table=PORT))
    [row] = door(primary_home).query("schedules", {})
    assert (row["kind"], row["windows"], row["used_by"]) == ("range", ["mon-fri 08:00-18:00"], ["Web/Home"])
    error = refused(primary_home, commands.ScheduleRemove(name="hours"))
    assert (error.code, error.exit_code, "Web/Home" in error.what) == ("in_use", 5, True)
    do(primary_home, commands.MonitorEdit(path="Web/Home", unset=("schedule",)))
    do(primary_home, commands.ScheduleEdit(name="hours", new_name="Morning", moments=("mon-sun 06:00",)))
    [row] = door(primary_home).query("schedules", {})
    assert (row["name"], row["kind"], row["moments"], row["open"]) == ("Morning", "absolute", ["mon-sun 06:00"], None)
    do(primary_home, commands.ScheduleRemove(name="morning"))
    assert door(primary_home).query("schedules", {}) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (commands.ScheduleAdd(name="x"), "bad_schedule"),
        (commands.ScheduleAdd(name="x", windows=("mon 01:00-02:00",), moments=("mon 01:00",)), "bad_schedule"),
        (commands.ScheduleEdit(name="x"), "nothing_to_change"),
        (commands.ScheduleEdit(name="x", windows=("mon 01:00-02:00",)), "not_found"),
    ],
)
def test_a_schedule_without_sense_is_refused(primary_home, body, code):
    assert refused(primary_home, body).code == code


@pytest.mark.anyio
async def test_a_schedule_that_a_profile_follows_stays_while_it_does(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await failover.do(HOURS)
        await failover.do(commands.ProfileEdit(name="prod", changes={"check_schedule": "hours", "mirror_schedule": "hours"}))
        [row] = await failover.ask("schedules")
        assert row["used_by"] == ["profile prod (check schedule)", "profile prod (mirror schedule)"]
        error = await failover.refused(commands.ScheduleRemove(name="hours"))
        assert error.code == "in_use"
        await failover.do(commands.ProfileEdit(name="prod", changes={"check_schedule": "", "mirror_schedule": ""}))
        await primary.do(commands.ScheduleAdd(name="night", moments=("mon 01:00",)))

        async def mirrored():
            return [row["name"] for row in await failover.ask("schedules", profile="prod")] == ["night"]

        await failover.until(mirrored, "the primary's schedule")
        assert (await failover.refused(commands.ScheduleRemove(name="prod:night"))).code == "passive_edit"
        await failover.do(commands.ScheduleRemove(name="hours"))
        assert [row["profile"] for row in await failover.ask("schedules")] == ["prod"]


def row(schedule, now):
    catalogue = Catalogue().with_tree("", Tree(schedules=(schedule,)))
    [found] = schedule_view.schedules(catalogue, HaConfig(node_id="n"), None, now)
    return found["open"], found["next_on"][:16], found["next_off"][:16]


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday
DAY = Schedule(name="d", kind="range", windows=tuple(Window(day=d, start=480, end=1080) for d in DAYS[:5]))
ALWAYS = Schedule(name="a", kind="range", windows=tuple(Window(day=d, start=0, end=1440) for d in DAYS))
STRIKES = Schedule(name="s", kind="absolute", moments=(Moment(day="mon", minute=720), Moment(day="tue", minute=0)))


@pytest.mark.parametrize(
    ("schedule", "now", "told"),
    [
        (DAY, NOON, (True, "2026-11-24T08:00", "2026-11-23T18:00")),
        (DAY, NOON.replace(hour=7), (False, "2026-11-23T08:00", "2026-11-23T18:00")),
        (ALWAYS, NOON, (True, "", "")),
        (STRIKES, NOON, (None, "2026-11-24T00:00", "")),
        (Schedule(name="n", kind="range"), NOON, (False, "", "")),
    ],
)
def test_a_schedule_says_when_it_turns_next(schedule, now, told):
    assert row(schedule, now) == told
