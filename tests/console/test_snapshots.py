"""How the console looks: some thirty screens, each kept as a picture that a review shows (see snapshots.py)."""

import pytest

from sitescope_fo.console.taste import Taste
from sitescope_fo.model.errors import Unreachable
from tests.console.fakes import FakeNode, profile, stamp, status
from tests.console.pair_rows import TestedNode
from tests.console.shot import StillConsole, picture
from tests.console.snapshots import same_as_kept
from tests.console.test_history import NEW, OLD, snapshot

pytestmark = pytest.mark.anyio

SMALL, WIDE, LARGE = (80, 24), (100, 30), (200, 50)
SIZES = (SMALL, WIDE, LARGE)
PEERS = [
    {
        "node_id": "f1",
        "host": "fo1.example",
        "port": 8080,
        "role": "failover",
        "listed_as": "prod",
        "accepted": True,
        "last_seen": stamp(4),
    },
    {
        "node_id": "f2",
        "host": "fo2.example",
        "port": 8080,
        "role": "failover",
        "listed_as": "prod",
        "accepted": False,
        "last_seen": stamp(900),
    },
]
PAGES = {"monitors": ("1",), "failover": ("2",), "logs": ("3",), "history": ("4",), "preferences": ("5", "enter")}
DIALOGS = {
    "hold": ("2", "h"),
    "new profile": ("2", "n"),
    "test of the pair": ("2", "t"),
    "new monitor": ("n",),
    "help": ("question_mark",),
    "palette": ("ctrl+p",),
    "themes": ("ctrl+t",),
}


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def look(size, keys=(), *, node=None, **console):
    """The console after these keys."""
    async with opened(size, node, **console) as pilot:
        await press(pilot, keys)
        return picture(pilot.app)


def opened(size, node=None, **console):
    return StillConsole(node or failover(), **console).run_test(size=size)


def failover(kind=FakeNode, **options):
    """A failover with the monitors of its primary and two snapshots of its mirror."""
    node = kind(answers={"history": [snapshot(NEW, 1800), snapshot(OLD, 16_200)]}, **options)
    for row in node.rows:
        row["profile"] = "prod"
    return node


async def press(pilot, keys):
    await rest(pilot)
    for key in keys:
        await pilot.press(key)
    await rest(pilot)


async def rest(pilot):
    """Until nothing is on its way any more: two pictures in a row are the same."""
    app, seen = pilot.app, None
    for _ in range(50):
        await pilot.pause()
        before, seen = seen, [strip.text for strip in app.screen._compositor.render_strips(app.size)]
        if before == seen:
            return


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_page_at_every_size(size):
    async with opened(size) as pilot:
        for page, keys in PAGES.items():
            await press(pilot, keys)
            same_as_kept(f"{page} {size[0]}x{size[1]}", picture(pilot.app))
        await press(pilot, ("1", "enter"))
        same_as_kept(f"monitor {size[0]}x{size[1]}", picture(pilot.app))


@pytest.mark.parametrize("theme", ["daylight", "okabe-ito", "terminal"])
async def test_other_themes(theme):
    async with opened(WIDE, taste=Taste(theme=theme)) as pilot:
        for page in ("monitors", "failover"):
            await press(pilot, PAGES[page])
            same_as_kept(f"{page} {theme}", picture(pilot.app))


@pytest.mark.parametrize("dialog", DIALOGS)
async def test_dialogs(dialog):
    same_as_kept(dialog, await look(SMALL, DIALOGS[dialog], node=failover(TestedNode)))


async def test_a_dangerous_dialog_says_what_follows_and_waits_for_the_name():
    silent = profile(state="frozen", position="standby", last_proof_of_life=stamp(400))
    silent["primary"] |= {"state": "unknown"}
    node = failover(status_answer=status(profiles=[silent]))
    same_as_kept("activate", await look(SMALL, ("2", "A"), node=node))


async def test_leaving_a_console_with_its_engine_asks_what_becomes_of_it():
    same_as_kept("leave", await look(SMALL, ("q",), embedded=True))


async def test_an_empty_failover_says_what_to_press():
    node = FakeNode(monitors=0, status_answer=status(profiles=[], total=0))
    async with opened(SMALL, node) as pilot:
        for page in ("monitors", "failover"):
            await press(pilot, PAGES[page])
            same_as_kept(f"empty failover {page}", picture(pilot.app))


async def test_an_empty_primary_says_what_to_press():
    same_as_kept("empty primary", await look(SMALL, node=FakeNode(monitors=0, status_answer=status(role="primary", total=0))))


async def test_a_primary_shows_who_protects_it():
    same_as_kept("primary", await look(WIDE, ("2",), node=FakeNode(status_answer=status(role="primary", peers=PEERS))))


async def test_a_takeover_that_comes_is_counted_down():
    grace = profile(state="grace", position="grace", activates_at=stamp(-95), last_proof_of_life=stamp(85))
    grace["primary"] |= {"state": "unknown"}
    same_as_kept("grace", await look(SMALL, ("2",), node=failover(status_answer=status(profiles=[grace]))))


async def test_a_node_that_does_not_answer_any_more_is_stale():
    node = failover()
    async with opened(SMALL, node) as pilot:
        await press(pilot, PAGES["failover"])
        node.answers["status"] = Unreachable("The node does not answer", where="fo1.example:8080", code="timeout")
        feed = pilot.app.feed
        feed.trouble, feed.status_at = node.answers["status"], feed.steady() - 62.0
        pilot.app.page.show_bars()
        await rest(pilot)
        same_as_kept("stale", picture(pilot.app))


async def test_a_read_only_console_says_so():
    same_as_kept("read-only", await look(SMALL, ("2",), node=failover(read_only=True)))


async def test_ascii():
    async with opened(WIDE, taste=Taste(ascii=True)) as pilot:
        for page, keys in {"monitors": (), "monitor": ("1", "enter"), "hold": ("2", "h")}.items():
            await press(pilot, keys)
            same_as_kept(f"{page} ascii", picture(pilot.app))
            await press(pilot, ("escape",) * (page != "monitors"))


@pytest.mark.parametrize("page", ["monitors", "failover"])
async def test_the_cursor_is_seen_without_colour(monkeypatch, page):
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(SMALL) as pilot:
        await press(pilot, PAGES[page])
        app = pilot.app
        lines = app.screen._compositor.render_strips(app.size)
        lit = [piece.text for line in lines[2:-1] for piece in line if piece.style and piece.style.reverse]
        assert len([text for text in lit if text.startswith(">")]) == 1
        same_as_kept(f"{page} without colour", picture(app))
