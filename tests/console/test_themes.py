"""Themes: readable, checked, and none of them can break the console."""

from pathlib import Path

import pytest

from sitescope_fo.console.app import Console
from sitescope_fo.console.taste import Taste
from sitescope_fo.console.themes import STATES, contrast, load_themes, low_contrasts, own_themes, parse_theme
from sitescope_fo.model.errors import ConfigInvalid
from tests.console.fakes import FakeNode

pytestmark = pytest.mark.anyio

OWN = load_themes([own_themes()])


@pytest.fixture
def anyio_backend():
    return "asyncio"


def test_the_four_that_come_along_load_without_a_complaint():
    assert OWN.problems == ()
    assert {"harbour", "daylight", "okabe-ito", "terminal"} <= set(OWN.themes)


@pytest.mark.parametrize("theme", OWN.themes.values(), ids=lambda theme: theme.name)
def test_every_text_can_be_read_on_every_ground(theme):
    assert low_contrasts(theme) == []


def test_contrast_is_measured_as_wcag_does():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


def test_the_contrast_check_finds_grey_on_grey():
    grey = parse_theme("grey.toml", b'[colors]\nprimary="#888"\nforeground="#777777"\nbackground="#666666"')
    assert any(line.startswith("foreground on background: 1.") for line in low_contrasts(grey))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[colors", "The theme is skipped"),
        ('[colors]\nprimary = "blueish"', "colors.primary = 'blueish' is no colour"),
        ('[colors]\nprimery = "#fff"', "colors.primery is unknown"),
        ('[colors]\nprimary = "#fff"', "colors.foreground is missing"),
        ('name = 7\n[colors]\nprimary = "#fff"', "name is a text"),
        ("[colors]\nprimary = 7", "is no colour"),
        ("colors = 1", "[colors] is a table"),
    ],
)
def test_a_broken_theme_says_what_is_wrong(text, part):
    with pytest.raises(ConfigInvalid) as error:
        parse_theme("mine.toml", text.encode())
    assert part in str(error.value)
    assert "mine.toml" in str(error.value)


def test_one_broken_file_costs_a_line_and_no_theme(tmp_path):
    (tmp_path / "broken.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "mine.toml").write_text('[colors]\nprimary="#fff"\nforeground="#fff"\nbackground="#000"')
    loaded = load_themes([Path(tmp_path), tmp_path / "none"])
    assert list(loaded.themes) == ["mine"]
    assert len(loaded.problems) == 1


async def test_a_theme_of_the_toolkit_has_all_of_our_colours():
    app = Console(FakeNode(), taste=Taste(theme="nord"))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.theme == "nord"
        assert set(STATES) <= set(app.theme_variables)


async def test_an_unknown_theme_is_told_and_replaced():
    app = Console(FakeNode(), taste=Taste(theme="nowhere"))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.theme == "harbour"
        assert any("nowhere" in toast.message for toast in app._notifications)


async def test_a_theme_is_tried_while_choosing_and_kept_when_chosen(tmp_path):
    taste = Taste(file=str(tmp_path / "deep" / "console.toml"))
    app = Console(FakeNode(), taste=taste)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+t", "up")
        await pilot.pause()
        assert app.theme == "daylight"
        await pilot.press("escape")
        await pilot.pause()
        assert app.theme == "harbour"
        await pilot.press("ctrl+t", "up", "enter")
        await pilot.pause()
    assert (tmp_path / "deep" / "console.toml").read_text() == 'theme = "daylight"\n'
