"""Adding, changing, copying and removing monitors, groups and alerts with the keys of the console."""

from contextlib import asynccontextmanager

import msgspec
import pytest
from textual.widgets import Button, Input, Static, TextArea

from sitescope_fo.console.dialogs.confirm import Confirm
from sitescope_fo.console.dialogs.form import FormDialog
from sitescope_fo.console.dialogs.search import Search
from sitescope_fo.console.pages.alerts import Alerts
from sitescope_fo.console.view import alerts as view
from sitescope_fo.console.widgets.field import FieldRow
from sitescope_fo.console.widgets.table import Table
from sitescope_fo.model.command import (
    AlertAdd,
    AlertEdit,
    AlertRemove,
    AlertTest,
    GroupAdd,
    GroupRemove,
    MonitorAdd,
    MonitorEdit,
    MonitorRemove,
)
from sitescope_fo.model.errors import ConfigInvalid, Conflict, Problem, Refused
from tests.console.fakes import FakeNode, monitor, profile, status
from tests.console.shot import StillConsole

pytestmark = pytest.mark.anyio

ONE = {**monitor(1, status="good"), "path": "Servers/Rack 01/port 00001"}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@asynccontextmanager
async def shown(*keys, node=None, size=(80, 24)):
    """The console on one monitor after these keys."""
    node = node or FakeNode(0, status_answer=status(role="primary"))
    node.rows = node.rows or [ONE]
    node.answers.setdefault("alerts", [alert("/", "mail all"), alert(node.rows[0]["path"], "mail one")])
    app = StillConsole(node)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await press(pilot, *keys)
        yield app, pilot, node


async def press(pilot, *keys):
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


def alert(scope, name, **changes):
    common = {"on": "error", "when": "once after 1", "to": ["ops@shop.example"], "enabled": True, "profile": ""}
    return {"scope": scope, "name": name, **common, **changes}


def standby(**changes):
    """A failover whose only monitor is mirrored."""
    node = FakeNode(0, status_answer=status(profiles=[profile()]), **changes)
    node.rows = [{**ONE, "profile": "prod", "suspended": True}]
    return node


def entry(app, name):
    return next(row for row in app.screen.query(FieldRow) if row.field.name == name)


def said(app, selector):
    return str(app.screen.query_one(selector, Static).content)


async def put(app, pilot, name, text):
    """Types into a field as its widget takes it."""
    widget = entry(app, name).entry
    widget.focus()
    if isinstance(widget, TextArea):
        widget.text = text
    else:
        assert isinstance(widget, Input)
        widget.value = text
    await pilot.pause()


# --- new --------------------------------------------------------------------------------------------------------------


async def test_a_new_monitor_is_a_type_a_form_and_a_command():
    async with shown("n") as (app, pilot, node):
        assert isinstance(app.screen, Search)
        await press(pilot, *"tcp", "enter")
        assert isinstance(app.screen, FormDialog)
        assert app.screen.heading == "New port monitor"
        assert entry(app, "group").value == "Servers/Rack 01"
        await press(pilot, "tab", *"Shop", "tab", *"web1", "tab", *"443", "ctrl+s")
        assert node.told == [
            MonitorAdd(
                group="Servers/Rack 01",
                table={"type": "port", "name": "Shop", "settings": {"host": "web1", "port": 443}},
            )
        ]
        assert not isinstance(app.screen, FormDialog)


class Picky(FakeNode):
    """Refuses monitors as long as `refuses` is set, nothing else."""

    async def command(self, body, *, progress=None):
        if isinstance(body, MonitorAdd) or self.refuses is None:
            return await super().command(body, progress=progress)
        refuses, self.refuses = self.refuses, None
        try:
            return await super().command(body, progress=progress)
        finally:
            self.refuses = refuses


async def test_a_new_group_in_the_form_is_made_first_and_only_once():
    node = Picky(0, status_answer=status(role="primary"), refuses=Conflict("There is one", code="duplicate_name"))
    async with shown("n", *"cpu", "enter", node=node) as (app, pilot, _):
        await put(app, pilot, "group", "Lab/One")
        await put(app, pilot, "name", "Load")
        await press(pilot, "ctrl+s")
        node.refuses = None
        await put(app, pilot, "name", "CPU")
        await press(pilot, "ctrl+s")
        told = [body.path if isinstance(body, GroupAdd) else (body.group, body.table["name"]) for body in node.told]
        assert told == ["Lab/One", ("Lab/One", "Load"), ("Lab/One", "CPU")]


async def test_a_refusal_stands_at_its_field_and_nothing_typed_is_lost():
    problem = Problem(file="groups/Web/group.toml", line=9, path="monitor[3].settings.host", what="'host' is odd", hint="Mend it")
    node = FakeNode(0, status_answer=status(role="primary"), refuses=ConfigInvalid("It is invalid", problems=(problem,)))
    async with shown("n", *"ping", "enter", node=node) as (app, pilot, _):
        await put(app, pilot, "name", "Gate")
        await put(app, pilot, "settings.host", "web1")
        await press(pilot, "ctrl+s")
        assert isinstance(app.screen, FormDialog)
        assert app.focused is entry(app, "settings.host").entry
        assert str(entry(app, "settings.host").query_one(".wrong", Static).content) == "'host' is odd. Mend it"
        assert entry(app, "name").value == "Gate"
        await put(app, pilot, "settings.host", "web2")
        assert entry(app, "settings.host").query_one(".wrong", Static).has_class("hidden")


async def test_what_is_missing_is_said_before_the_node_is_asked():
    async with shown("n", *"ping", "enter", "ctrl+s") as (app, _, node):
        assert node.told == []
        assert said(app, "#trouble") == "2 fields need a look"
        assert app.focused is entry(app, "name").entry


async def test_down_lists_what_a_field_offers():
    async with shown("n", *"cpu", "enter") as (app, pilot, _):
        await press(pilot, "down")
        assert isinstance(app.screen, Search)
        await press(pilot, *"rack 07", "enter")
        assert entry(app, "group").value == "Servers/Rack 07"
        await press(pilot, "tab", "down")
        assert app.focused is entry(app, "frequency").entry


async def test_a_list_in_which_nothing_fits_takes_nothing():
    async with shown("n") as (app, pilot, _):
        await press(pilot, *"zzz", "enter")
        assert isinstance(app.screen, Search)
        await press(pilot, "escape")
        assert not isinstance(app.screen, Search)


# --- edit and copy ----------------------------------------------------------------------------------------------------


async def test_an_edit_sends_only_what_was_changed():
    async with shown("E") as (app, pilot, node):
        await put(app, pilot, "frequency", "30s")
        await put(app, pilot, "error_if", "match == 'no'\nround_trip_time > 2s")
        await press(pilot, "ctrl+s")
        assert node.told == [
            MonitorEdit(path=ONE["path"], changes={"frequency": "30s", "error_if": ["match == 'no'", "round_trip_time > 2s"]})
        ]


async def test_an_edit_without_a_change_asks_for_nothing():
    async with shown("E", "ctrl+s") as (app, _, node):
        assert node.told == []
        assert not isinstance(app.screen, FormDialog)


async def test_a_threshold_is_held_against_the_last_values_while_it_is_typed():
    async with shown("E") as (app, pilot, _):
        await put(app, pilot, "error_if", "round_trip_time > 5s")
        assert said(app, "#hint").startswith("Does not hold now: round_trip_time > 5s")
        await put(app, pilot, "error_if", "round_trip_time > 2s")
        assert said(app, "#hint").startswith("Holds now")
        await put(app, pilot, "error_if", "round_trip_time > 2s\nround_trip_time >")
        assert said(app, "#hint").startswith("Line 2, column")


async def test_a_copy_is_a_new_one_with_another_name():
    async with shown("c") as (app, pilot, node):
        assert entry(app, "name").value == "port 00001 copy"
        await press(pilot, "ctrl+s")
        (body,) = node.told
        assert isinstance(body, MonitorAdd)
        assert body.table["name"] == "port 00001 copy"
        assert body.table["settings"] == {"host": "web.example", "port": 443}


async def test_a_standby_asks_before_an_edit_that_is_overwritten():
    async with shown("E", node=standby()) as (app, pilot, node):
        assert "the next mirror overwrites" in said(app, "#text")
        assert app.focused is entry(app, "force").entry
        await put(app, pilot, "frequency", "30s")
        await press(pilot, "ctrl+s")
        assert node.told == []
        assert app.focused is entry(app, "force").entry
        await press(pilot, "space", "ctrl+s")
        assert node.told == [MonitorEdit(path=ONE["path"], changes={"frequency": "30s"}, profile="prod", force=True)]


async def test_a_type_without_a_form_says_how_else():
    async with shown("E", node=FakeNode(0, status_answer=status(role="primary"), answers={"types": []})) as (app, _, node):
        assert not isinstance(app.screen, FormDialog)
        assert node.told == []


# --- remove, groups ---------------------------------------------------------------------------------------------------


async def test_removing_names_the_monitor_its_group_and_the_alerts_that_go():
    async with shown("x") as (app, pilot, node):
        assert isinstance(app.screen, Confirm)
        assert isinstance(app.focused, Button)
        assert app.focused.id == "cancel"
        text = said(app, "#text")
        assert "port 00001" in text
        assert "Servers/Rack 01" in text
        assert "Alerts that go with it: mail one." in text
        app.screen.query_one("#go", Button).press()
        await pilot.pause()
        assert node.told == [MonitorRemove(path=ONE["path"])]


async def test_a_group_that_is_not_empty_is_removed_only_after_its_name_was_typed():
    async with shown("X") as (app, pilot, node):
        assert "10 monitors" in said(app, "#text")
        await press(pilot, "shift+tab")
        app.screen.query_one("#word", Input).value = "Rack 01"
        await pilot.pause()
        app.screen.query_one("#go", Button).press()
        await pilot.pause()
        assert node.told == [GroupRemove(path="Servers/Rack 01", recursive=True)]


async def test_a_new_group_starts_below_the_one_that_is_shown():
    async with shown("N") as (app, pilot, node):
        assert entry(app, "path").value == "Servers/Rack 01/"
        await put(app, pilot, "path", "Servers/Rack 99")
        await press(pilot, "ctrl+s")
        assert node.told == [GroupAdd(path="Servers/Rack 99")]


async def test_without_a_monitor_the_keys_say_so():
    node = FakeNode(0, status_answer=status(role="primary", total=0))
    app = StillConsole(node)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await press(pilot, "E", "x", "X")
        messages = [toast.message for toast in app._notifications]
        assert messages == ["There is no monitor under the cursor"] * 2 + ["There is no group here"]


# --- alerts -----------------------------------------------------------------------------------------------------------


async def test_the_alerts_of_a_monitor_are_its_own_and_those_above():
    async with shown("L") as (app, pilot, _):
        assert isinstance(app.screen, Alerts)
        table = app.screen.query_one(Table)
        assert [table.source.cells(at)[0].text for at in range(len(table.source))] == ["mail one", "mail all"]
        await press(pilot, "escape")
        assert app.screen.scope == "monitors"


async def test_an_alert_is_added_changed_tested_and_removed():
    async with shown("L", "n") as (app, pilot, node):
        assert entry(app, "scope").value == ONE["path"]
        await put(app, pilot, "name", "night")
        await put(app, pilot, "when", "first after 3 then every 10")
        assert said(app, "#hint").startswith("Told after 3 results in a row, then with every 10th")
        await put(app, pilot, "to", "a@x.example, b@x.example")
        await press(pilot, "ctrl+s")
        await press(pilot, "E")
        await put(app, pilot, "when", "always after 2")
        await press(pilot, "ctrl+s", "t", "x")
        app.screen.query_one("#go", Button).press()
        await pilot.pause()
        when = "first after 3 then every 10"
        scope = ONE["path"]
        assert node.told == [
            AlertAdd(scope=scope, name="night", when=when, to=("a@x.example", "b@x.example")),
            AlertEdit(scope=scope, name="mail one", when="always after 2"),
            AlertTest(scope=scope, name="mail one"),
            AlertRemove(scope=scope, name="mail one"),
        ]


async def test_a_name_that_an_alert_has_already_stands_at_the_name():
    node = FakeNode(
        0, status_answer=status(role="primary"), refuses=Conflict("There is an alert 'x' already", code="duplicate_name")
    )
    async with shown("L", "n", node=node) as (app, pilot, _):
        await put(app, pilot, "name", "x")
        await press(pilot, "ctrl+s")
        assert app.focused is entry(app, "name").entry
        assert "already" in said(app, "#trouble")


async def test_a_node_that_cannot_be_asked_costs_a_toast_and_no_form():
    for key in "nEcxXNL":
        node = FakeNode(0, status_answer=status(role="primary"), answers={"types": Refused("no"), "alerts": Refused("no")})
        node.answers["groups"] = Refused("no")
        async with shown(key, node=node) as (app, _, _):
            assert not isinstance(app.screen, FormDialog | Confirm | Search)
            assert app._notifications


def rows(*found):
    return [msgspec.convert(one, view.AlertRow) for one in found]


def test_alerts_of_a_group_include_those_of_a_part_of_it():
    known = rows(alert("/", "a"), alert("Web", "b"), alert("Web/Shop", "c"), alert("Other", "d"), alert("Web", "e", profile="p"))
    assert [row.name for row in view.applying(known, "Web", "")] == ["b", "a", "c"]
    assert [row.name for row in view.applying(known, "", "")] == ["a", "d", "b", "c"]
    assert view.scopes_of("Web/Shop") == ("Web/Shop", "Web", "/")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("once after 1", "Told once, after the first result."),
        ("always after 3", "Told after 3 results in a row, and again with each one that follows."),
        ("first after 2 then every 5", "Told after 2 results in a row, then with every 5th that follows."),
    ],
)
def test_a_rule_is_told_as_a_sentence(rule, words):
    assert view.when_words(rule) == words
