"""The page of one monitor."""

import msgspec
import pytest

from sitescope_fo.console.actions.table import ACTIONS
from sitescope_fo.console.pages.monitor import Monitor
from sitescope_fo.console.view import monitor as view
from sitescope_fo.console.view.said import Wording
from sitescope_fo.model.command import Ack, MonitorRun
from sitescope_fo.model.errors import Unreachable
from tests.console import past
from tests.console.fakes import NOW, FakeNode
from tests.console.test_monitors import ACK, DOWN, bad, node_of, press, seen, shown, typed

pytestmark = pytest.mark.anyio


def sheet(**changes):
    return msgspec.convert(past.sheet(bad(), **changes), view.Sheet)


def said(lines):
    return ["".join(cell.text for cell in line).rstrip() for line in lines]


def asked(node, name):
    return [params for query, params in node.asked if query == name]


@pytest.mark.parametrize("action", [action for action in ACTIONS if action.scope == "monitor"], ids=lambda action: action.id)
def test_every_action_of_the_page_is_carried_out(action):
    assert hasattr(Monitor, f"do_{action.verb}")


def test_each_threshold_says_what_was_measured_and_whether_it_holds():
    assert said(view.threshold_lines(sheet(), Wording(plain=True), 78))[2:] == [
        "x error if   round_trip_time (2.4 s) > 2s  holds",
        "! warning if status (200) != 200  does not",
        "! warning if size < 10  no value",
    ]


def test_a_dependency_that_is_not_met_says_what_it_needs():
    assert said(view.chain_lines(sheet(), Wording(plain=True), 60))[2:] == [
        "+ good     Network/Gateway ping",
        "x error    Network/Core switch",
        "           no run until good",
    ]


def test_settings_are_whole_even_when_they_are_long():
    url = "https://shop.example/" + "x" * 200
    lines = said(view.setting_lines(sheet(config={"settings": {"url": url}}), 40))
    assert max(map(len, lines)) <= 40
    assert url in "".join(line.removeprefix("url").strip() for line in lines)


def test_who_knows_of_it_stands_with_the_state():
    lines = said(view.now_lines(sheet(acknowledged=True, ack=ACK, downtime=DOWN), {}, Wording(plain=True), NOW, 78))
    assert "x error ack" in lines[0]
    assert "since 09:57:00, 3 results in a row" in lines[0]
    assert any("ann since 09:50:00, until it is good" in line for line in lines)
    assert any("new switch" in line for line in lines)


def test_what_an_operator_must_not_miss_is_said():
    lines = said(view.now_lines(sheet(unconfirmed=True, skipped=3, hanging_s=90.0), {}, Wording(), NOW, 100))
    assert "an error that waits for its second run before it counts" in lines
    assert "3 runs were missed: the last one had not ended, or there was no room" in lines
    assert "a check ignores its time-out and hangs since 1 min 30 s" in lines


def test_a_monitor_that_nobody_is_told_of_says_so():
    assert "no alert covers it: nobody is told" in said(view.alert_lines(sheet(alerts=[]), (), Wording(), NOW, 60))


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (200, 50)])
async def test_enter_shows_all_of_a_monitor(size):
    async with shown(node_of(bad()), size) as (app, pilot):
        await press(pilot, "enter")
        await pilot.pause()
        assert app.screen.scope == "monitor"
        assert "Servers/Rack 01/port 00001" in seen(app)
        assert "round_trip_time (2.4 s) > 2s" in seen(app)
        assert "error > 2 s" in seen(app)
        if size[0] == 80:
            await press(pilot, "end")
            await pilot.pause()
        assert "https://shop.example/" in seen(app)
        await press(pilot, "escape")
        assert app.screen.scope == "monitors"


async def test_the_range_of_the_plot_is_changed_with_plus_and_minus():
    node = node_of(bad())
    async with shown(node) as (_, pilot):
        await press(pilot, "enter", "plus", "plus", "plus", "minus", "minus", "minus", "minus")
        assert [params["from"] for params in asked(node, "monitor_history")] == ["6h", "1d", "7d", "1d", "6h", "1h"]


async def test_the_next_value_is_plotted():
    node = node_of(bad())
    async with shown(node) as (app, pilot):
        await press(pilot, "enter")
        await pilot.pause()
        await press(pilot, "v")
        await pilot.pause()
        assert asked(node, "monitor_history")[-1]["value"] == "dns_time"
        assert "dns_time" in seen(app)


async def test_keys_act_on_the_monitor_of_the_page():
    node = node_of(bad())
    async with shown(node) as (_, pilot):
        await press(pilot, "enter", "r", "a")
        await typed(pilot, "mine")
        await press(pilot, "enter", "enter")
        path = node.rows[0]["path"]
        assert node.told == [MonitorRun(path=path), Ack(path=path, comment="mine")]


async def test_a_node_that_cannot_plot_says_why_and_the_rest_is_there():
    node = node_of(bad(), answers={"monitor_history": Unreachable("The results cannot be read", hint="See error.log")})
    async with shown(node) as (app, pilot):
        await press(pilot, "enter")
        await pilot.pause()
        assert "No plot: The results cannot be read. See error.log" in seen(app)
        assert "Thresholds" in seen(app)


async def test_a_monitor_that_was_removed_meanwhile_says_so():
    async with shown(node_of(bad())) as (app, pilot):
        await press(pilot, "enter")
        app.feed.board.replace([])
        app.screen.news()
        await pilot.pause()
        assert "it is gone from the list" in seen(app)


async def test_the_page_waits_while_another_one_is_shown_and_1_leads_back_to_the_list():
    async with shown(FakeNode(5)) as (app, pilot):
        await press(pilot, "enter", "2")
        assert app.screen.scope == "failover"
        await press(pilot, "1")
        assert app.screen.scope == "monitor"
        await press(pilot, "1")
        assert app.screen.scope == "monitors"


async def test_everything_said_can_be_copied():
    async with shown(FakeNode(5)) as (app, pilot):
        await press(pilot, "enter")
        await pilot.pause()
        assert "round_trip_time (2.4 s) > 2s" in app.screen.copied()
