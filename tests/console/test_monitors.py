"""The Monitors page: what an operator sees at each size, and what each key does."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest

from sitescope_fo.console.view import handling
from sitescope_fo.console.view import monitors as view
from sitescope_fo.console.view.said import Wording
from sitescope_fo.console.view.tail import tail_lines
from sitescope_fo.console.view.units import units_of, value_of
from sitescope_fo.console.widgets.table import Table
from sitescope_fo.model.command import Ack, CommandReply, DowntimeAdd, DowntimeEnd, MonitorEnable, MonitorRun, Unack
from sitescope_fo.model.errors import Refused, Unreachable
from sitescope_fo.model.snapshot import MonitorRow, StatusReport
from tests.console.fakes import NOW, FakeNode, log_line, monitor, profile, stamp, status
from tests.console.shot import StillConsole

pytestmark = pytest.mark.anyio

ACK = {"by": "ann", "at": stamp(600), "comment": "disk ordered", "until": None}
DOWN = {"id": "d1", "by": "bob", "reason": "new switch", "from": stamp(60), "until": stamp(-3600)}


def node_of(*rows, **more):
    node = FakeNode(0, **more)
    node.rows = list(rows)
    return node


def bad(number=1, **changes):
    return {**monitor(number, status="error"), **changes}


@asynccontextmanager
async def shown(node=None, size=(80, 24), **console):
    app = StillConsole(node or FakeNode(), **console)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.pause()
        yield app, pilot


def screen(app):
    """The whole screen as lines of text."""
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


def seen(app):
    return "\n".join(screen(app))


async def press(pilot, *keys):
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


async def typed(pilot, text):
    await press(pilot, *({" ": "space", ":": "colon", "!": "exclamation_mark"}.get(letter, letter) for letter in text))


def toasts(app):
    return [f"{toast.title} {toast.message}".strip() for toast in app._notifications]


# --- panes ------------------------------------------------------------------------------------------------------------


async def test_eighty_columns_hold_the_table_alone():
    async with shown() as (app, _):
        assert not app.screen.query_one("#tree").display
        assert not app.screen.query_one("#form").display
        assert not app.screen.query_one("#tail").display
        assert "state" in screen(app)[3]
        assert "error" in screen(app)[4]


async def test_a_hundred_columns_add_the_tree_and_thirty_lines_the_log():
    async with shown(size=(100, 30)) as (app, pilot):
        await pilot.pause()
        assert "All monitors" in seen(app)
        assert "Rack 02" in seen(app)
        assert "prod: probe 999 answered" in seen(app)


async def test_two_hundred_columns_add_the_short_form_of_the_row_under_the_cursor():
    async with shown(node_of(bad(acknowledged=True, ack=ACK, downtime=DOWN)), (200, 50)) as (app, _):
        said = seen(app)
        assert "every 1 min" in said
        assert "ann since 09:50:00" in said
        assert "disk ordered" in said
        assert "new switch" in said


async def test_without_the_tree_the_short_form_has_room_at_a_hundred_columns():
    async with shown(size=(105, 30)) as (app, pilot):
        assert not app.screen.query_one("#form").display
        await press(pilot, "t")
        assert app.screen.query_one("#form").display


async def test_the_tree_covers_a_narrow_screen_and_enter_leads_to_its_monitors():
    async with shown() as (app, pilot):
        await press(pilot, "t")
        assert app.screen.query_one("#tree").outer_size.width == 80
        await press(pilot, "down", "down", "enter")
        assert not app.screen.query_one("#tree").display
        assert "10 of 120 monitors, by problems, group Servers/Rack 00" in seen(app)


async def test_a_group_is_folded_and_unfolded_with_the_arrows():
    async with shown(size=(100, 30)) as (app, pilot):
        await press(pilot, "t", "t", "down", "left")
        assert "Rack 02" not in seen(app).split("next")[0]
        await press(pilot, "right")
        assert "Rack 02" in seen(app)


async def test_escape_goes_back_one_step_at_a_time():
    async with shown(size=(100, 30)) as (app, pilot):
        await press(pilot, "t", "t", "down", "down", "enter", "slash")
        await typed(pilot, "url")
        assert "group Servers/Rack 00, filter url" in seen(app)
        await press(pilot, "escape")
        assert "filter" not in screen(app)[2]
        assert "group Servers/Rack 00" in seen(app)
        await press(pilot, "escape")
        assert "120 monitors, by problems" in seen(app)
        await press(pilot, "escape")
        assert app.screen.scope == "monitors"


# --- the list ---------------------------------------------------------------------------------------------------------


async def test_a_wrong_filter_is_said_under_the_line_and_leaves_the_list():
    async with shown() as (app, pilot):
        await press(pilot, "slash")
        await typed(pilot, "colour:red")
        assert "There is no 'colour:' to filter by" in screen(app)[3]
        assert app.feed.board.filter_text == "colour"


async def test_the_first_rows_are_seen_before_the_last_have_come():
    gate = asyncio.Event()

    class Slow(FakeNode):
        async def query(self, name, params=None, *, timeout_s=20.0):
            if name == "monitor_page" and params["offset"] != "0":
                await gate.wait()
            return await super().query(name, params)

    async with shown(Slow(1200)) as (app, pilot):
        assert not app.feed.loaded
        assert "500 monitors" in seen(app)
        gate.set()
        await pilot.pause()
        await pilot.pause()
        assert app.feed.loaded
        assert "1200 monitors" in seen(app)


async def test_only_cells_that_say_something_else_are_painted():
    async with shown(size=(100, 30)) as (app, pilot):
        table = app.screen.query_one("#monitors", Table)
        app.screen._aged_at = float("inf")
        before = table.painted
        at = table.on_screen()[3]
        row = msgspec.structs.replace(app.feed.board.at(at), value=4711)
        app.feed.board.change([row])
        app.screen.news()
        await pilot.pause()
        assert "4711" in screen(app)[table.region.y + 1 + 3]
        assert table.painted - before <= 2  # the row, once for the test's own look


async def test_the_cursor_stays_on_its_monitor_when_the_order_changes():
    async with shown() as (app, pilot):
        await press(pilot, "down", "down", "down")
        name = app.screen.row().name
        first = app.feed.board.at(0)
        app.feed.board.change([msgspec.structs.replace(first, status="good")])
        app.feed.board.settle()
        app.screen.news()
        assert app.screen.row().name == name


async def test_acknowledged_problems_leave_what_is_unhandled():
    async with shown(node_of(bad(1), bad(2, acknowledged=True, ack=ACK))) as (app, pilot):
        assert "error ack" in seen(app)
        await press(pilot, "u")
        assert "1 of 2 monitors, by problems, unhandled problems only" in seen(app)
        assert "error ack" not in seen(app)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (lambda: node_of(status_answer=status(role="primary", total=0)), "No monitor yet: press n"),
        (lambda: node_of(status_answer=status(profiles=[], total=0)), "No profile yet: press 2, then n"),
        (lambda: node_of(status_answer=status(total=0)), "Nothing is mirrored yet: press 2 and look at the profile"),
        (
            lambda: node_of(
                answers=dict.fromkeys(("status", "monitor_page"), Unreachable("The node does not answer", hint="Is it up?"))
            ),
            "The node does not answer. Is it up?",
        ),
    ],
)
async def test_an_empty_list_says_why_and_what_to_press(node, said):
    async with shown(node()) as (app, _):
        assert said in seen(app)


async def test_nothing_that_fits_says_how_to_go_back():
    async with shown() as (app, pilot):
        await press(pilot, "slash")
        await typed(pilot, "nowhere")
        assert "Nothing fits: Esc clears the filter" in seen(app)


async def test_a_selected_profile_narrows_list_and_tree():
    node = FakeNode(0, status_answer=status(profiles=[profile("prod"), profile("lab")]))
    node.rows = [monitor(1, profile="prod"), monitor(2, profile="lab"), monitor(3, profile="lab")]
    async with shown(node, (100, 30)) as (app, pilot):
        await press(pilot, "p", "p")
        assert app.profile == "lab"
        assert "2 of 3 monitors, by problems, profile lab" in seen(app)


async def test_escape_sequences_of_a_monitored_host_do_not_reach_the_terminal():
    async with shown(node_of(bad(state_string="\x1b[31mboo\x07[bold]", name="a\x1b]0;x\x07")), (200, 50)) as (app, _):
        assert "\x1b" not in seen(app)
        assert "?[31mboo?[bold]" in seen(app)


async def test_news_that_come_while_the_console_ends_break_nothing():
    node = FakeNode()
    async with shown(node) as (app, _):
        page = app.screen
    app._heard()
    page.show_bars()
    assert not page.live


# --- actions ----------------------------------------------------------------------------------------------------------


async def test_acknowledging_asks_for_a_comment_and_tells_the_node():
    node = node_of(bad(profile="prod"))
    async with shown(node) as (app, pilot):
        await press(pilot, "a")
        await typed(pilot, "on it")
        await press(pilot, "enter")
        await typed(pilot, "4h")
        await press(pilot, "enter")
        assert node.told == [Ack(path=f"prod:{node.rows[0]['path']}", comment="on it", for_s=4 * 3600.0)]
        assert app.screen.scope == "monitors"


async def test_what_the_node_refuses_stays_in_the_form():
    node = node_of(bad(), refuses=Refused("There is nothing to acknowledge", hint="It is good"))
    async with shown(node) as (app, pilot):
        await press(pilot, "a")
        await typed(pilot, "on it")
        await press(pilot, "enter", "enter")
        assert "There is nothing to acknowledge. It is good" in seen(app)
        assert "on it" in seen(app)


async def test_acknowledging_again_takes_it_back_after_saying_what_was_typed():
    node = node_of(bad(acknowledged=True, ack=ACK))
    async with shown(node) as (app, pilot):
        await press(pilot, "a")
        assert "disk ordered" in seen(app)
        await press(pilot, "escape")
        assert node.told == []
        await press(pilot, "a", "tab", "enter")
        assert node.told == [Unack(path=node.rows[0]["path"])]


async def test_a_downtime_is_planned_for_the_monitor_or_a_group_above_it():
    node = node_of(bad(profile="prod"))
    async with shown(node) as (_, pilot):
        await press(pilot, "d", "down", "down", "enter", "tab")
        await typed(pilot, "new switch")
        await press(pilot, "enter", "enter", "enter")
        assert node.told == [DowntimeAdd(scope="prod:Servers/Rack 01", reason="new switch", for_s=3600.0)]


async def test_a_running_downtime_is_ended_with_the_same_key():
    node = node_of(bad(downtime=DOWN))
    async with shown(node) as (app, pilot):
        await press(pilot, "d", "enter")
        assert "new switch" in seen(app)
        await press(pilot, "tab", "enter")
        assert node.told == [DowntimeEnd(id="d1")]


async def test_a_run_shows_its_result_and_does_not_hold_the_page():
    gate = asyncio.Event()

    class Running(FakeNode):
        async def command(self, body, *, progress=None):
            self.told.append(body)
            await gate.wait()
            return CommandReply(id="c1", outcome="done", result={**self.rows[0], "status": "good", "state_string": "9 ms"})

    node = Running(0)
    node.rows = [bad(), bad(2)]
    async with shown(node) as (app, pilot):
        await press(pilot, "r", "down")
        assert app.screen.query_one("#monitors", Table).cursor == 1
        assert node.told == [MonitorRun(path=node.rows[0]["path"])]
        gate.set()
        await pilot.pause()
        assert any("good" in toast and "9 ms" in toast for toast in toasts(app))


async def test_switching_off_asks_first_and_switching_on_does_not():
    off = {**monitor(5, status="disabled"), "enabled": False}
    node = node_of(bad(), off)
    async with shown(node) as (app, pilot):
        await press(pilot, "e")
        assert "nobody is told when it breaks" in seen(app)
        await press(pilot, "tab", "enter")
        await press(pilot, "down", "e")
        assert node.told == [
            MonitorEnable(path=node.rows[0]["path"], enabled=False),
            MonitorEnable(path=off["path"], enabled=True),
        ]


async def test_a_read_only_console_acts_on_no_monitor():
    node = node_of(bad(), read_only=True)
    async with shown(node) as (app, pilot):
        await press(pilot, "a", "d", "r", "e")
        assert node.told == []
        assert len(app.screen_stack) == 1 or app.screen.scope == "monitors"


# --- without a terminal -----------------------------------------------------------------------------------------------


def row(**changes):
    return msgspec.convert({**bad(), **changes}, MonitorRow)


@pytest.mark.parametrize(
    ("verb", "changes", "passive", "why"),
    [
        ("acknowledge", {}, False, ""),
        (
            "acknowledge",
            {"status": "good"},
            False,
            "There is nothing to acknowledge: it is good. For planned work there is a downtime",
        ),
        ("acknowledge", {"status": "good", "acknowledged": True}, False, ""),
        ("run", {"profile": "prod", "suspended": True}, True, "This node does not run it now: run it on the primary"),
        ("run", {"suspended": True}, False, "This node does not run it now: run it on the failover"),
        ("run", {"enabled": False}, False, "It is switched off: switch it on first"),
        ("enable", {}, False, ""),
        ("enable", {"profile": "prod"}, False, ""),
        (
            "enable",
            {"profile": "prod"},
            True,
            "Here it is in standby, and its configuration is the primary's: switch it there, it is mirrored within seconds",
        ),
    ],
)
def test_what_is_not_possible_says_why(verb, changes, passive, why):
    report = msgspec.convert(status(profiles=[profile("prod", may_check=not passive)]), StatusReport)
    assert handling.refusal(verb, row(**changes), report) == why


TYPES = [
    {
        "name": "ping",
        "values": [
            {"name": "round_trip_time", "kind": "number", "unit": "s"},
            {"name": "packet_loss", "kind": "number", "unit": "%"},
        ],
    },
    {"name": "port", "values": [{"name": "round_trip_time", "kind": "number", "unit": "s"}, {"name": "answer", "kind": "text"}]},
    {"name": "process", "values": [{"name": "count", "kind": "number", "unit": "count"}]},
]


@pytest.mark.parametrize(
    ("kind", "state", "value", "text"),
    [
        ("ping", "good", 0.0123, "12.3 ms"),
        ("ping", "error", 100.0, "100"),  # packets lost: there is no time
        ("port", "error", 0.9, "900 ms"),
        ("process", "good", 3, "3"),
        ("script", "good", "up", "up"),
        ("port", "nodata", None, "-"),
    ],
)
def test_a_value_in_the_list_has_its_unit_where_that_is_certain(kind, state, value, text):
    assert value_of(row(type=kind, status=state, value=value), units_of(TYPES)) == text


def test_without_a_row_nothing_is_possible():
    assert handling.refusal("run", None, None) == "There is no monitor under the cursor"


def test_a_long_word_is_broken_and_nothing_of_it_is_lost():
    parts = view.broken("see https://shop.example/a/very/long/path now", 12)
    assert max(map(len, parts)) <= 12
    assert "".join(parts).replace(" ", "") == "seehttps://shop.example/a/very/long/pathnow"


def test_the_log_tail_says_time_profile_and_what_happened():
    said = tail_lines([log_line(7), log_line(8), "no log line\x1b"], 2, 40, Wording(), NOW)
    assert [["".join(cell.text for cell in line), line[-1].tone] for line in said] == [
        ["07:14:40 prod: probe 8 answered", ""],
        ["no log line?", "quiet"],
    ]
