"""A monitor with a schedule on a whole node: its row, its counters, its mails, and what depends on it."""

from datetime import UTC, datetime

import pytest

from sitescope_fo.model import command as commands
from sitescope_fo.model.ports import Now
from sitescope_fo.node.ports.clock import SystemClock
from tests.node.nodes import Bench, group_file

pytestmark = pytest.mark.anyio
MAIL = '[mail]\nfrom = "s@example.org"\nto = ["ops@example.org"]\nservers = [{ host = "mail.example", port = 25 }]\n'
ALERT = '[[alert]]\nname = "ops"\non = "error"\nwhen = { kind = "once", after = 1 }\nactions = ["mail:ops@example.org"]\n'
HOURS = """
[[schedule]]
name = "hours"
windows = ["mon-sun 08:00-09:00"]
[[schedule]]
name = "nightly"
moments = ["mon-sun 02:00"]
"""
NIGHT = datetime(2026, 11, 23, tzinfo=UTC).timestamp()  # a Monday


class SetClock(SystemClock):
    """The wall clock shows what the test says, in UTC, and goes on from there."""

    def __init__(self, wall):
        self.show(wall)

    def show(self, wall):
        self._ahead_s = wall - self.mono()

    def wall(self):
        return self.mono() + self._ahead_s

    def now(self):
        mono = self.mono()
        return Now(mono, mono + self._ahead_s)

    def local(self, wall):
        return datetime.fromtimestamp(wall, UTC)


@pytest.fixture
def clock():
    return SetClock(NIGHT + 8.5 * 3600)


@pytest.fixture
def node(primary_home, clock):
    (primary_home.persistence / "preferences.toml").write_text(MAIL)
    (primary_home.persistence / "schedules.toml").write_text(HOURS)
    return Bench(primary_home, clock=clock)


def follow(home, schedule, *lines):
    path = group_file(home, "Web", "Home")
    path.write_text(f'{path.read_text()}schedule = "{schedule}"\n' + "".join(lines) + ALERT)


async def row(node):
    return next(one for one in await node.ask("monitors") if one["name"] == "Home")


async def test_a_problem_sleeps_while_its_monitor_is_outside_its_schedule_and_its_end_is_told_at_the_next_opening(node, clock):
    follow(node.home, "hours", 'error_frequency = "2s"\n')
    node.checks.down.add("Home")
    async with node.running():
        await node.do(commands.MonitorRun(path="Web/Home"))
        await node.until(lambda: len(node.mail.sent) == 1, "the mail about the error")
        clock.show(NIGHT + 10 * 3600)
        found = await row(node)
        assert (found["status"], found["state_string"]) == ("disabled", "outside its schedule 'hours' until Tue 08:00")
        assert (found["suspended"], found["waiting"], found["enabled"], found["schedule"]) == (False, False, True, "hours")
        counted = (await node.status())["monitors"]
        assert (counted["total"], counted["disabled"], counted["running"], counted["suspended"]) == (1, 1, 0, 0)
        await node.until(lambda: _next(node) == "2026-11-24T08:00", "its next run is the next opening")
        by_hand = await node.do(commands.MonitorRun(path="Web/Home"))
        assert by_hand.result.status == "error", "who asks gets the result"
        assert (await row(node))["status"] == "disabled"
        node.checks.down.clear()
        clock.show(NIGHT + 32.5 * 3600)
        await node.until(lambda: len(node.mail.sent) == 2, "the mail about the recovery")
        assert (await row(node))["status"] == "good"
        assert (await node.status())["monitors"]["running"] == 1


def _next(node):
    key = node.node.world.catalogue.find("Web/Home")
    at = node.node.plan.next_run(key)
    clock = node.node.ports.clock
    return clock.local(round(at + clock.wall() - clock.mono())).strftime("%Y-%m-%dT%H:%M") if at else ""


async def test_a_restart_while_it_is_closed_starts_nothing_and_an_error_seen_once_gets_no_second_look_then(node, clock):
    follow(node.home, "hours")
    clock.show(NIGHT + 10 * 3600)
    async with node.running():
        assert (await row(node))["status"] == "disabled"
        assert _next(node) == "2026-11-24T08:00"
        assert node.node.plan.overdue == node.node.plan.ramping == 0
        assert not node.checks.started


async def test_an_absolute_schedule_waits_for_its_moment_and_then_its_result_stands(node, clock):
    follow(node.home, "nightly")
    async with node.running():
        found = await row(node)
        assert (found["status"], found["state_string"]) == ("disabled", "outside its schedule 'nightly' until Tue 02:00")
        assert (await node.ask("monitor", path="Web/Home"))["next_run"].startswith("2026-11-24T02:00:00")
        clock.show(NIGHT + 26 * 3600 + 1)
        await node.until(lambda: node.checks.started == ["Home"], "the run of the moment")

        async def good():
            return (await row(node))["status"] == "good"

        await node.until(good, "its result")
        assert _next(node) == "2026-11-25T02:00"


async def test_what_depends_on_a_monitor_outside_its_schedule_runs_on(node, clock):
    follow(node.home, "hours")
    path = group_file(node.home, "Shop", "Till")
    path.write_text(path.read_text() + 'depends_on = "Web/Home"\n')
    node.checks.down.add("Home")
    async with node.running():
        await node.do(commands.MonitorRun(path="Web/Home"))
        till = node.node.world.catalogue.monitor(node.node.world.catalogue.find("Shop/Till"))
        forbidden = node.node.runner._dependency
        assert "depends on Web/Home" in forbidden(till, "")
        clock.show(NIGHT + 10 * 3600)
        assert not forbidden(till, "")
