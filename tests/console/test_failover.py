"""Failover Preferences: what it tells, what it asks before it acts, and what it sends."""

import msgspec
import pytest
from textual.widgets import Button, Input

from sitescope_fo.console.app import Console
from sitescope_fo.console.dialogs.confirm import Confirm
from sitescope_fo.console.dialogs.form import FormDialog
from sitescope_fo.console.view.form import changed, problems_of
from sitescope_fo.console.view.mail_form import mail_set
from sitescope_fo.console.view.profile import peer_row, profile_row, profile_sheet, situation, timeline_rows
from sitescope_fo.console.view.profile_form import (
    defaults_form,
    profile_add,
    profile_changes,
    profile_form,
    typed_values,
)
from sitescope_fo.console.view.said import Wording
from sitescope_fo.console.widgets.table import Table
from sitescope_fo.model.command import (
    Activate,
    HoldProfile,
    Mirror,
    PeerAccept,
    ProfileAdd,
    ProfileEdit,
    ReleaseProfile,
    Switchover,
)
from sitescope_fo.model.errors import Conflict, Usage
from sitescope_fo.model.record import TimelineStep
from sitescope_fo.model.snapshot import PeerPart, ProfilePart
from tests.console.fakes import NOW, FakeNode, profile, stamp, status

pytestmark = pytest.mark.anyio

HELD = {"by": "unix:0", "reason": "network work", "until": stamp(-3600)}
CONFIGURED = {
    "name": "prod",
    "primary_host": "primary.example",
    "primary_port": 8080,
    "tls": False,
    "preset": "classic",
    "misses": 3,
    "check_every": "15s",
    "soft_timeout": "5s",
    "hard_timeout": "15s",
    "activate_after": "3m",
    "stable_for": "1m",
    "mirror_every": "4h",
    "merge_back": False,
    "backups": 2,
    "disable_apm": False,
    "self_targets": "retarget",
    "check_schedule": "",
    "mirror_schedule": "",
    "notify": ["ops@example.org"],
}


@pytest.fixture
def anyio_backend():
    return "asyncio"


def part(**changes):
    return msgspec.convert(profile(**changes), ProfilePart)


def sheet(**changes):
    lines = profile_sheet(part(**changes), Wording(), NOW)
    return {line.label: "".join(cell.text for cell in line.cells) for line in lines if line.label}


# --- what it tells ---------------------------------------------------------------------------------------------------------


def test_a_row_says_name_state_life_mirror_and_what_comes():
    row = [cell.text for cell in profile_row(part(), Wording(), NOW)]
    assert row[:5] == ["prod", "✓ standby", "primary.example", "now", "1m"]
    assert "takes over 3 min" in row[5]


def test_a_countdown_stands_first_while_it_runs():
    counting = profile_sheet(part(state="grace", position="grace", activates_at=stamp(-42)), Wording(), NOW)
    assert counting[0].label == "takes over"
    assert counting[0].cells[0].text.startswith("in 42 s")
    assert profile_row(part(activates_at=stamp(-42)), Wording(), NOW)[5].text == "takes over in 42 s"


def test_a_hold_names_who_why_and_until_when():
    assert sheet(hold=HELD)["hold"] == "network work, by unix:0, until 11:00:00 (in 1 h)"


def test_an_unfit_standby_says_why():
    assert sheet(conditions=["isolated"])["standby"] == "✗ unfit: isolated blocks a takeover"
    assert sheet(mirror={})["mirror"] == "none yet"
    assert profile_row(part(mirror={}), Wording(), NOW)[4].tone == "error"


def test_drift_skipped_and_retargeted_are_listed():
    mirror = {
        "revision": "5e",
        "at": stamp(60),
        "monitors": 9,
        "drift": True,
        "skipped": [{"path": "scripts/x", "why": "symlink"}] * 5,
    }
    lines = profile_sheet(part(mirror=mirror), Wording(), NOW)
    said = ["".join(cell.text for cell in line.cells) for line in lines]
    assert "scripts/x: symlink" in said
    assert "and 2 more" in said
    assert any("drift" in line for line in said)


def test_hostile_text_reaches_no_terminal():
    row = profile_row(part(name="pr\x1b[2Jod"), Wording(), NOW)
    assert "\x1b" not in row[0].text


def test_the_timeline_is_newest_first_with_evidence_below_each_change():
    steps = msgspec.convert(FakeNode().answer_timeline({}), list[TimelineStep])
    rows, numbers = timeline_rows(steps, Wording(), NOW)
    assert [row[1].text for row in rows] == ["✓ standby", "> activating", "  miss refused"]
    assert numbers == [0, 1, 1]


def test_a_failover_that_went_silent_does_not_protect():
    seen = {"node_id": "f", "host": "fo", "port": 8081, "role": "failover", "listed_as": "prod", "accepted": True}
    fresh, silent = (msgspec.convert({**seen, "last_seen": stamp(ago)}, PeerPart) for ago in (5, 3600))
    assert peer_row(fresh, Wording(), NOW)[1].tone == "good"
    assert peer_row(silent, Wording(), NOW)[1].text == "✗ silent"


def test_before_danger_the_whole_situation_is_told():
    text = situation(part(), NOW, title="SiteScope Failover", host="fo1")
    assert "SiteScope Failover on fo1" in text
    assert "its mirror has 120 monitors, verified" in text
    assert "primary.example:8080 is running, last proof of life 2.0 s ago" in text or "2 s ago" in text


# --- forms -----------------------------------------------------------------------------------------------------------------


def values(form, **typed):
    return {**{field.name: field.value for field in form.fields}, **typed}


def test_a_new_profile_needs_its_name_and_host_only():
    form = profile_form()
    assert set(problems_of(form, values(form))) == {"name", "primary_host"}
    assert profile_add(values(form, name="prod", primary_host="p.example")) == ProfileAdd(
        name="prod", primary_host="p.example", backups=2
    )


def test_every_field_of_a_profile_reaches_the_command():
    form = profile_form()
    typed = values(
        form,
        name="prod",
        primary_host="p",
        primary_port="8443",
        tls="yes",
        preset="lan",
        notify="a@x, b@x",
        check_every_s="1s",
        activate_after_s="1m30s",
        misses="4",
        merge_back="yes",
        backups="5",
        disable_apm="yes",
        self_targets="skip",
        check_schedule="nights",
        without_primary="yes",
    )
    assert profile_add(typed) == ProfileAdd(
        name="prod",
        primary_host="p",
        primary_port=8443,
        tls=True,
        preset="lan",
        notify=("a@x", "b@x"),
        check_every_s=1.0,
        activate_after_s=90.0,
        misses=4,
        merge_back=True,
        backups=5,
        disable_apm=True,
        self_targets="skip",
        check_schedule="nights",
        without_primary=True,
    )


def test_an_edit_sends_only_what_was_changed():
    form = profile_form(CONFIGURED)
    assert profile_changes(form, values(form)) == {}
    assert profile_changes(form, values(form, activate_after_s="2m", merge_back="yes")) == {
        "activate_after_s": 120.0,
        "merge_back": True,
    }


def test_a_schedule_can_be_taken_off_again():
    form = profile_form({**CONFIGURED, "check_schedule": "nights"})
    assert profile_changes(form, values(form, check_schedule="")) == {"check_schedule": ""}


@pytest.mark.parametrize(("field", "text"), [("backups", "two"), ("misses", "1.5"), ("check_every_s", "soon")])
def test_nonsense_in_a_field_is_refused(field, text):
    with pytest.raises(Usage):
        typed_values({field: text})


def test_default_settings_send_the_mail_server_only_when_it_was_changed():
    mail = {"servers": [{"host": "mx", "port": 25, "security": "none", "user": "", "password": ""}], "from": "a@x", "to": ["b@x"]}
    form = defaults_form(("ops@x",), mail)
    new = changed(form, values(form, host="mx2", password="secret"))
    assert set(new) == {"host", "password"}
    command = mail_set(new)
    assert (command.host, command.password, command.port, command.to) == ("mx2", "secret", 0, ())


# --- the page --------------------------------------------------------------------------------------------------------------


async def opened(pilot):
    await pilot.pause()
    await pilot.press("2")
    await pilot.pause()
    await pilot.pause()


async def test_hold_for_an_hour_is_found_with_what_is_on_the_screen():
    node = FakeNode()
    app = Console(node)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert "Hold" in str(app.screen.query_one("#keys").content)
        await pilot.press("h")
        await pilot.pause()
        assert isinstance(app.screen, FormDialog)
        assert app.screen.query_one("#field-for", Input).value == "1h"
        await pilot.press("tab", *"network work", "enter")
        await pilot.pause()
        assert node.told == [HoldProfile(name="prod", reason="network work", for_s=3600.0)]


async def test_a_hold_without_a_reason_stays_open_and_says_so():
    node = FakeNode()
    app = Console(node)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("h", "ctrl+s")
        await pilot.pause()
        assert node.told == []
        assert "Why is needed" in str(app.screen.query_one("#trouble").content)


async def test_what_the_node_refuses_is_said_in_the_form_and_nothing_typed_is_lost():
    node = FakeNode(refuses=Conflict("There is a profile 'prod' already", where="prod", hint="Choose another name"))
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await pilot.press("n", *"prod", "tab", *"host.example", "ctrl+s")
        await pilot.pause()
        assert "Choose another name" in str(app.screen.query_one("#trouble").content)
        assert app.screen.query_one("#field-primary-host", Input).value == "host.example"


async def test_activate_is_armed_by_the_name_and_the_focus_is_on_cancel():
    node = FakeNode()
    app = Console(node)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("A")
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        assert app.focused.id == "cancel"
        assert app.screen.query_one("#go", Button).disabled
        await pilot.press("shift+tab", *"prod")
        await pilot.pause()
        assert not app.screen.query_one("#go", Button).disabled
        await pilot.press("enter")
        await pilot.pause()
        await pilot.pause()
        assert node.told == [Activate(name="prod")]


async def test_enter_on_the_first_focus_of_a_dangerous_dialog_does_nothing():
    node = FakeNode()
    app = Console(node)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("A", "enter")
        await pilot.pause()
        assert node.told == []
        assert app.screen.scope == "failover"


async def test_a_switchover_says_for_how_long_and_wants_the_name():
    node = FakeNode()
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await pilot.press("W")
        await pilot.pause()
        app.screen.query_one("#field-for", Input).value = "2h"
        await pilot.press("tab", *"wrong", "ctrl+s")
        await pilot.pause()
        assert node.told == []
        app.screen.query_one("#field-word", Input).value = "prod"
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert node.told == [Switchover(name="prod", for_s=7200.0)]


@pytest.mark.parametrize(
    ("key", "changes", "why"),
    [
        ("r", {}, "Nothing is held"),
        ("U", {}, "There is no flap lock"),
        ("S", {}, "This node is in standby already"),
        ("A", {"position": "active", "state": "active", "may_check": True}, "This node has taken over already"),
        ("x", {"position": "active", "state": "active"}, "It acts: hand back first, with Standby"),
    ],
)
async def test_what_is_not_possible_says_why(key, changes, why):
    node = FakeNode(status_answer=status(profiles=[profile(**changes)]))
    app = Console(node)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press(key)
        await pilot.pause()
        assert [toast.message for toast in app._notifications] == [why]
        assert node.told == []


async def test_release_and_mirror_are_sent_at_once():
    node = FakeNode(status_answer=status(profiles=[profile(hold=HELD)]))
    app = Console(node)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("r", "m")
        await pilot.pause()
        assert node.told == [ReleaseProfile(name="prod"), Mirror(name="prod")]


async def test_an_edit_starts_from_what_is_set():
    node = FakeNode(answers={"profile": CONFIGURED})
    app = Console(node)
    async with app.run_test(size=(100, 40)) as pilot:
        await opened(pilot)
        await pilot.press("e")
        await pilot.pause()
        app.screen.query_one("#field-backups", Input).value = "7"
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert node.told == [ProfileEdit(name="prod", changes={"backups": 7})]


async def test_an_empty_home_says_what_to_press():
    node = FakeNode(0, status_answer=status(profiles=[], total=0))
    app = Console(node)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert "press n" in app.screen.query_one("#profiles", Table).empty
        await pilot.press("h")
        await pilot.pause()
        assert "There is no profile yet" in next(iter(app._notifications)).message


async def test_a_primary_lists_its_failovers_and_accepts_a_new_one():
    waiting = {
        "node_id": "f9",
        "host": "fo2",
        "port": 8080,
        "role": "failover",
        "listed_as": "prod",
        "last_seen": stamp(3),
        "accepted": False,
    }
    node = FakeNode(status_answer=status(role="primary", peers=[waiting]))
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        table = app.screen.query_one("#profiles", Table)
        assert table.source.cells(0)[1].text == "! waits to be accepted: press a"
        await pilot.press("h")
        await pilot.pause()
        assert "This is a primary" in next(iter(app._notifications)).message
        await pilot.press("a")
        await pilot.pause()
        await pilot.press("tab", "enter")
        await pilot.pause()
        await pilot.pause()
        assert node.told == [PeerAccept(node_id="f9")]
