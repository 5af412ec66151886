"""Terminals that show less: no letter beyond ASCII where the locale has none, no colour with NO_COLOR, and still a cursor."""

import pytest
from rich.cells import cell_len

from sitescope_fo.console.app import Console
from sitescope_fo.console.letters import speaks_utf8
from sitescope_fo.console.plain import plain_text
from sitescope_fo.console.taste import Taste, taste_for
from tests.console.fakes import FakeNode

PLACES = {
    "monitors": (),
    "a filter": ("slash", "x"),
    "a monitor": ("enter",),
    "failover": ("2",),
    "the test of a pair": ("2", "t"),
    "hold": ("2", "h"),
    "a new profile": ("2", "n"),
    "logs": ("3",),
    "history": ("4",),
    "preferences": ("5",),
    "help": ("question_mark",),
    "the palette": ("ctrl+p",),
    "themes": ("ctrl+t",),
    "a toast": ("p",),
}


@pytest.fixture
def anyio_backend():
    return "asyncio"


def lines(app):
    """Everything on the screen, with the style of each piece."""
    return app.screen._compositor.render_strips(app.size)


@pytest.mark.parametrize(
    ("environ", "yes"),
    [
        ({}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "POSIX"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "de_DE.utf8"}, True),
        ({"LANG": "de_DE@euro"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LANG": "C", "LC_CTYPE": "UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C", "LC_ALL": ""}, False),
    ],
)
def test_the_locale_says_which_letters_a_terminal_takes(environ, yes):
    assert speaks_utf8(environ) is yes
    assert taste_for(environ | {"HOME": "/nonexistent"}).plain is not yes


def test_the_letters_of_a_terminal_are_not_kept_as_taste(tmp_path):
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "LANG": "C"}
    taste = taste_for(environ)
    taste.save()
    assert not (tmp_path / "sitescope-fo" / "console.toml").read_text()
    assert not taste_for(environ | {"LANG": "C.UTF-8"}).plain


@pytest.mark.parametrize(
    "text",
    ["\u256d\u2500 Z\u00fcrich \u2713 \u2026 \u25b8", "\u6f22\u5b57 \U0001f50e", "\u28ff\u2581\u2591", "a\u0301 \u00bd \ufb01"],
)
def test_plain_text_is_ascii_and_as_wide_as_before(text):
    assert plain_text(text).isascii()
    assert cell_len(plain_text(text)) == cell_len(text)


def test_plain_text_is_like_what_it_stands_for():
    assert plain_text("\u256d\u2500\u256e \u2502 Z\u00fcrich \u2193 ok\u2026") == "+-+ | Zurich v ok."


@pytest.mark.anyio
async def test_every_place_is_ascii_when_the_terminal_is():
    app = Console(FakeNode(), taste=Taste(utf8=False))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        for place, keys in PLACES.items():
            await pilot.press(*keys)
            await pilot.pause()
            beyond = {letter for line in lines(app) for letter in line.text if not letter.isascii()}
            assert not beyond, f"{place}: {beyond}"
            while len(app.screen_stack) > 1:
                app.pop_screen()
            await pilot.press("1", "escape")


@pytest.mark.anyio
async def test_other_letters_reach_what_is_on_the_screen_already():
    app = Console(FakeNode())
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("2")
        await pilot.pause()
        assert any(not line.text.isascii() for line in lines(app))
        app.reword(type(app.wording)(plain=True))
        await pilot.pause()
        assert all(line.text.isascii() for line in lines(app))


@pytest.mark.anyio
@pytest.mark.parametrize("place", ["monitors", "failover", "the palette", "themes", "hold", "help"])
async def test_no_color_leaves_no_colour_and_a_cursor_in_sight(monkeypatch, place):
    monkeypatch.setenv("NO_COLOR", "1")
    app = Console(FakeNode())
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        await pilot.press(*PLACES[place])
        await pilot.pause()
        pieces = [segment for line in lines(app) for segment in line if segment.style]
        assert not [piece for piece in pieces if piece.style.color or piece.style.bgcolor]
        focused = app.focused.region
        within = [segment for line in lines(app)[focused.y : focused.bottom] for segment in line if segment.style]
        assert any(segment.style.reverse for segment in within)


@pytest.mark.anyio
async def test_an_empty_no_color_means_colours(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    app = Console(FakeNode())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert any(segment.style and segment.style.bgcolor for line in lines(app) for segment in line)
