"""The logs page: live, filtered, searched, and read by offset."""

from datetime import UTC, datetime

import pytest

from sitescope_fo.console.app import Console
from sitescope_fo.console.view.log import MOST_LINES, LogWindow, moment_of, stamp_in
from sitescope_fo.console.view.said import Wording
from sitescope_fo.console.widgets.table import Table
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.record import LogPage
from tests.console.fakes import NOW, FakeNode

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


def page_of(first, count, *, size=10**6):
    """Lines of ten bytes each."""
    numbers = range(first, first + count)
    after = (first + count) * 10
    return LogPage(
        lines=tuple(f"line {number}" for number in numbers),
        offsets=tuple(number * 10 for number in numbers),
        prev=first * 10,
        next=after,
        size=size,
        end=after >= size,
    )


def test_a_window_never_holds_more_than_its_most_and_can_go_back():
    window = LogWindow()
    window.open(page_of(0, MOST_LINES))
    gone = window.below(page_of(MOST_LINES, 300))
    assert gone == 300
    assert len(window.lines) == MOST_LINES
    assert window.lines[0] == "line 300"
    assert window.before == 3000


def test_what_left_below_is_asked_for_again():
    window = LogWindow()
    window.open(page_of(1000, MOST_LINES))
    assert window.above(page_of(800, 200)) == 200
    assert window.lines[0] == "line 800"
    assert not window.end
    assert window.after == (1000 + MOST_LINES - 200) * 10


def test_searching_goes_around_both_ends():
    window = LogWindow()
    window.open(page_of(0, 10))
    assert window.find("LINE 3", 5, 1) == 3
    assert window.find("line 3", 2, -1) == 3
    assert window.find("nothing", 0, 1) is None
    assert LogWindow().find("x", 0, 1) is None


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("09:15", "2026-11-22T09:15:00+00:00"),
        ("10:15", "2026-11-21T10:15:00+00:00"),
        ("2h", "2026-11-22T08:00:00+00:00"),
        ("2026-11-20 23:59:58", "2026-11-20T23:59:58+00:00"),
        ("2026-11-20T23:59+02:00", "2026-11-20T21:59:00+00:00"),
    ],
)
def test_a_moment_may_be_typed_as_people_do(typed, moment):
    assert moment_of(typed, NOW, Wording()) == moment


@pytest.mark.parametrize("typed", ["", "25:00", "yesterday", "10:61"])
def test_what_is_no_moment_is_refused(typed):
    with pytest.raises(Usage):
        moment_of(typed, NOW, Wording())


def test_stamps_are_shown_short():
    assert stamp_in("2026-11-22T09:59:50.123Z INFO x", Wording()) == "11-22 09:59:50"
    assert stamp_in("no stamp", Wording()) == ""
    local = datetime.fromtimestamp(NOW, UTC).astimezone().strftime("%m-%d %H:%M:%S")
    assert stamp_in("2026-11-22T10:00:00Z x", Wording(local=True)) == local


async def log_is_read(app):
    while under_way := [worker for worker in app.workers if worker.group == "log"]:
        await app.workers.wait_for_complete(under_way)


async def on_the_page(pilot):
    await pilot.pause()
    await pilot.press("3")
    await pilot.pause()
    await log_is_read(pilot.app)
    await pilot.pause()


def shown(app):
    table = app.screen.query_one(Table)
    return [table.source.cells(index)[1].text for index in range(len(table.source))]


async def test_the_page_opens_at_the_end_and_follows():
    app = Console(FakeNode())
    async with app.run_test(size=(100, 30)) as pilot:
        await on_the_page(pilot)
        assert len(shown(app)) == 200
        assert 'what="probe 999 answered"' in shown(app)[-1]
        assert "following" in str(app.screen.query_one("#shown").content)


async def test_a_step_up_stops_following_and_the_top_asks_for_more():
    app = Console(FakeNode())
    async with app.run_test(size=(100, 30)) as pilot:
        await on_the_page(pilot)
        await pilot.press("g")
        await pilot.pause()
        await log_is_read(app)
        await pilot.pause()
        assert len(shown(app)) == 400
        assert app.screen.query_one(Table).cursor == 200
        assert "stopped" in str(app.screen.query_one("#shown").content)


async def test_a_filter_is_looked_for_in_the_whole_file():
    node = FakeNode()
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await on_the_page(pilot)
        await pilot.press("slash", *"probe 10 ", "enter")
        await pilot.pause()
        await log_is_read(app)
        await pilot.pause()
        assert ("log", {"name": "high_availability", "lines": "200", "match": "probe 10"}) in node.asked
        assert len(shown(app)) == 11


async def test_levels_go_round():
    node = FakeNode()
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await on_the_page(pilot)
        await pilot.press("l")
        await pilot.pause()
        await log_is_read(app)
        assert "WARNING" in {params.get("level") for name, params in node.asked if name == "log"}


async def test_a_search_goes_on_with_n():
    app = Console(FakeNode())
    async with app.run_test(size=(100, 30)) as pilot:
        await on_the_page(pilot)
        await pilot.press("s", *"error", "enter")
        await pilot.pause()
        first = app.screen.query_one(Table).cursor
        await pilot.press("n")
        await pilot.pause()
        assert app.screen.query_one(Table).cursor == first + 50
        await pilot.press("N")
        await pilot.pause()
        assert app.screen.query_one(Table).cursor == first


async def test_a_jump_asks_the_node_for_the_moment():
    node = FakeNode()
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await on_the_page(pilot)
        await pilot.press("t", *"moon", "enter")
        await pilot.pause()
        assert "is no moment" in str(app.screen.query_one("#trouble").content)
        await pilot.press("escape", "t", *"2026-11-22 09:00", "enter")
        await pilot.pause()
        await log_is_read(app)
        assert "2026-11-22T09:00:00+00:00" in {params.get("at") for name, params in node.asked if name == "log"}
