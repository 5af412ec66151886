"""The Test dialog: rows as they come, the worst one under the cursor, a test message, on both roles."""

import pytest

from sitescope_fo.console.app import Console
from sitescope_fo.console.dialogs.pair_test import PairTest
from sitescope_fo.console.view import pair_test as view
from sitescope_fo.console.view.said import Wording
from sitescope_fo.console.widgets.table import Table
from sitescope_fo.model.command import MailTest, ProfileTest
from sitescope_fo.model.errors import Bad, Unreachable, Usage
from sitescope_fo.model.query import CheckRow
from tests.console.fakes import profile, stamp, status
from tests.console.pair_rows import ROWS, TestedNode, rows

pytestmark = pytest.mark.anyio
NAMES = [row[0].removeprefix("prod: ") for row in ROWS]
FOUND = view.rows_of({"rows": rows()})


@pytest.fixture
def anyio_backend():
    return "asyncio"


def text(cells):
    return "".join(cell.text for cell in cells)


# --- the words ------------------------------------------------------------------------------------------------------


def test_a_row_says_verdict_what_and_evidence_without_the_name_of_the_pair():
    cells = view.Rows(FOUND, "prod", Wording()).cells(4)
    assert [cell.text for cell in cells[:2]] == ["✗ bad", "certificate"]
    assert "upper and lower case" in cells[2].text


def test_the_verdict_names_what_is_bad_and_counts_the_rest():
    assert text(view.verdict(FOUND, "prod", Wording(), running=False)) == "✗ unfit  certificate  (9 good, 1 bad, 1 warning)"
    fine = [row for row in FOUND if row.verdict != "bad"]
    assert text(view.verdict(fine, "prod", Wording(plain=True), running=False)) == "+ fit  9 good, 1 warning"
    assert "testing, 2 so far" in text(view.verdict(FOUND[:2], "prod", Wording(), running=True))
    assert text(view.verdict([], "prod", Wording(), running=False)) == "nothing was tested"


def test_a_remedy_is_never_cut_for_its_evidence():
    row = CheckRow(id="x", verdict="bad", evidence="seen " * 60, remedy="do this and that, and then the third thing, too")
    lines = [text(line) for line in view.detail(row, 40, 4)]
    assert len(lines) == 4
    assert " ".join(lines[2:]) == f"-> {row.remedy}"
    assert lines[1].endswith("…")


def test_what_a_strange_host_says_moves_no_cursor():
    row = CheckRow(id="x", verdict="bad", evidence="\x1b[2Jgone\n", remedy="\x07")
    assert not any(letter in text(view.Rows([row], "p", Wording()).cells(0)) for letter in "\x1b\n")
    assert not any(letter in text(line) for line in view.detail(row, 40, 4) for letter in "\x1b\x07")


def test_the_worst_row_is_looked_at_first():
    assert view.worst(FOUND) == NAMES.index("certificate")
    assert view.worst(FOUND[9:]) == 0
    assert view.worst(FOUND[:2]) == 0


def test_all_rows_are_copied_with_their_remedies():
    copied = view.text_of(FOUND)
    assert len(copied.splitlines()) == len(ROWS) + 2
    assert "-> They must be equal" in copied


# --- the dialog -----------------------------------------------------------------------------------------------------


async def opened(pilot):
    await pilot.pause()
    await pilot.press("2", "t")
    await settled(pilot)


async def settled(pilot):
    await pilot.pause()
    if under_way := [one for one in pilot.app.workers if one.group in {"test", "mail"}]:  # [] would mean all, for ever
        await pilot.app.workers.wait_for_complete(under_way)
    await pilot.pause()


def said(app, name):
    return str(app.screen.query_one(f"#{name}").content)


async def test_rows_come_one_by_one_and_the_cursor_ends_on_the_worst():
    node = TestedNode(seen=3)
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        await pilot.press("2", "t")
        await pilot.pause()
        assert isinstance(app.screen, PairTest)
        assert len(app.screen.query_one(Table).source) == 3
        assert "testing, 3 so far" in said(app, "verdict")
        node.go.set()
        await settled(pilot)
        assert len(app.screen.query_one(Table).source) == len(ROWS)
        assert app.screen.query_one(Table).cursor == NAMES.index("certificate")
        assert "unfit" in said(app, "verdict")
        assert "-> They must be equal" in said(app, "detail")
        assert node.told == [ProfileTest(name="prod")]


async def test_a_cursor_that_somebody_moved_stays():
    node = TestedNode(seen=6)
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        await pilot.press("2", "t")
        await pilot.pause()
        await pilot.press("up", "up")
        await pilot.pause()
        node.go.set()
        await settled(pilot)
        assert app.screen.query_one(Table).cursor == 3


async def test_escape_leaves_while_it_runs_and_the_page_goes_on():
    node = TestedNode(seen=2)
    app = Console(node)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("2", "t")
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen.scope == "failover"


async def test_it_can_be_run_again():
    node = TestedNode()
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await pilot.press("r")
        await settled(pilot)
        assert node.told == [ProfileTest(name="prod")] * 2


async def test_an_address_gets_a_test_message_and_a_row():
    node = TestedNode()
    app = Console(node)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("m", *"me@example.org", "enter")
        await settled(pilot)
        assert node.told[-1] == MailTest(to="me@example.org")
        table = app.screen.query_one(Table)
        assert table.cursor == len(ROWS)
        assert table.source.cells(len(ROWS))[2].text == "me@example.org: taken by mail.example:25"
        node.mail_error = Bad("No mail server is set", hint="sitescope-fo mail set")
        await pilot.press("enter")
        await settled(pilot)
        assert said(app, "detail") == "No mail server is set\n-> sitescope-fo mail set"


async def test_all_rows_go_to_the_clipboard():
    app = Console(TestedNode())
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await pilot.press("y")
        await pilot.pause()
        assert app.clipboard.startswith("Test prod\ngood     prod: name: primary.example is 192.0.2.10")


@pytest.mark.parametrize("error", [Usage("There is no profile 'prod'", hint="Did you mean dev?"), Unreachable("It is gone")])
async def test_a_test_that_cannot_be_made_says_why(error):
    node = TestedNode(error=error)
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        assert error.what in said(app, "trouble")
        assert said(app, "verdict").startswith("✗ unfit") or "nothing" in said(app, "verdict")


async def test_on_a_primary_the_pair_is_named_as_its_failover_does():
    peer = {
        "node_id": "f1", "role": "failover", "host": "fo1.example", "port": 8080,
        "listed_as": "prod", "accepted": True, "last_seen": stamp(2),
    }  # fmt: skip
    node = TestedNode(status_answer=status(role="primary", peers=[peer]))
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        assert node.told == [ProfileTest(name="prod")]


async def test_a_read_only_console_looks_without_trying():
    node = TestedNode(read_only=True, answers={"check": rows(9)}, status_answer=status(profiles=[profile()]))
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        assert node.told == []
        assert ("check", {"what": "pair", "name": "prod"}) in node.asked
        assert len(app.screen.query_one(Table).source) == 9
        assert "disk and mail were not tried" in said(app, "trouble")
