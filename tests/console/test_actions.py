"""The one table of actions: keys, key bar, help, palette, docs and commands say the same."""

from collections import Counter
from pathlib import Path

import pytest

from sitescope_fo.cli.main import root
from sitescope_fo.cli.reference import commands
from sitescope_fo.console.actions.reference import page
from sitescope_fo.console.actions.table import ACTIONS, MOST_IN_BAR, key_word, of_scope
from sitescope_fo.console.app import Console
from sitescope_fo.console.dialogs.dialog import Dialog
from sitescope_fo.console.dialogs.form import FormDialog
from sitescope_fo.console.dialogs.help import Help
from sitescope_fo.console.page import PAGES, Page
from sitescope_fo.console.pages import page_of
from sitescope_fo.console.widgets.table import Column, Table
from tests.console.fakes import FakeNode

DOCS = Path(__file__).parents[2] / "docs"

pytestmark = pytest.mark.anyio

WITHOUT_AN_ACTION = {
    "setup": "makes a home before there is a node to look at",
    "demo": "a show of its own",
    "version": "stands in the title of the help",
    "log export": "writes a file for other programs",
}
"""Commands that nobody looks for in the console."""


@pytest.fixture
def anyio_backend():
    return "asyncio"


def paths():
    return {path.removeprefix("sitescope-fo ") for path, _ in commands(root, "sitescope-fo")}


def test_ids_are_unique():
    assert [name for name, count in Counter(action.id for action in ACTIONS).items() if count > 1] == []


@pytest.mark.parametrize("scope", PAGES)
def test_no_key_means_two_things_on_a_page(scope):
    together = (*of_scope(scope), *of_scope("everywhere"), *of_scope("table"))
    keys = Counter(key for action in together for key in action.keys)
    opens = {"enter"}  # a list's Enter opens the row: the page decides what that is
    assert [key for key, count in keys.items() if count > 1 and key not in opens] == []


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_is_carried_out_somewhere(action):
    homes = {"everywhere": Console, "table": Table}
    if action.scope == "dialog":
        assert hasattr(Dialog, f"do_{action.verb}") or hasattr(FormDialog, f"do_{action.verb}")
        return
    home = homes.get(action.scope) or (type(page_of(action.scope)()) if action.scope in PAGES else None)
    assert home is None or hasattr(home, f"do_{action.verb}"), f"{home.__name__}.do_{action.verb}"


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_says_what_it_does_in_a_sentence(action):
    assert action.keys
    assert action.help.endswith(".")
    assert action.help[0].isupper()
    assert len(action.name) <= 16


def words_of(command):
    return " ".join(word for word in command.split() if not word.startswith("-"))


@pytest.mark.parametrize("action", [action for action in ACTIONS if action.command], ids=lambda action: action.id)
def test_the_commands_of_an_action_exist(action):
    for said in action.commands:
        assert words_of(said) in paths()
        options = [word for word in said.split() if word.startswith("--")]
        command = dict(commands(root, "sitescope-fo"))[f"sitescope-fo {words_of(said)}"]
        assert set(options) <= {option for parameter in command.params for option in parameter.opts}


def test_what_changes_something_has_a_command():
    assert [action.id for action in ACTIONS if action.changes and not action.command] == []


def test_a_key_is_named_as_people_do():
    assert [key_word(key) for key in ("question_mark", "ctrl+p", "escape", "f1", "W", "slash")] == [
        "?",
        "Ctrl+P",
        "Esc",
        "F1",
        "W",
        "/",
    ]


def test_the_keys_page_is_current():
    assert (DOCS / "keys.md").read_text() == page(), "python -m sitescope_fo.console.actions.reference > docs/keys.md"


@pytest.mark.parametrize("scope", PAGES)
async def test_the_key_bar_holds_seven_at_most_and_always_help_and_quit(scope):
    app = Console(FakeNode())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.switch_mode(scope)
        await pilot.pause()
        names = [action.id for action in app.screen.bar_actions()]
        assert len(names) <= MOST_IN_BAR
        assert {"everywhere.help", "everywhere.quit"} <= set(names)
        shown = " ".join(f" {key_word(app.actions[name].keys[0])} {app.actions[name].name}" for name in names)
        assert len(shown) + len(names) <= 80, shown


@pytest.mark.parametrize("scope", PAGES)
async def test_the_palette_reaches_every_action_of_a_page(scope):
    app = Console(FakeNode())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.switch_mode(scope)
        await pilot.pause()
        offered = {command.title for command in app.get_system_commands(app.screen)}
        assert {a.name for a in ACTIONS if a.palette and a.scope in {scope, "everywhere"}} <= offered


async def test_help_lists_every_action_and_finds_one_by_its_words():
    app = Console(FakeNode())
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, Help)
        table = app.screen.query_one(Table)
        assert len(table.source) == len(ACTIONS)
        await pilot.press(*"hold the takeover")
        await pilot.pause()
        assert table.source.cells(0)[1].text == "Hold"


async def test_help_carries_out_what_is_chosen():
    app = Console(FakeNode())
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        await pilot.press("question_mark")
        await pilot.press(*"logs", "enter")
        await pilot.pause()
        assert isinstance(app.screen, Page)
        assert app.screen.scope == "logs"


async def test_a_keymap_moves_a_key_everywhere_it_is_shown():
    from sitescope_fo.console.taste import Taste

    app = Console(FakeNode(), taste=Taste(keys={"everywhere.logs": ("f7",)}))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        await pilot.press("3")
        assert app.screen.scope == "monitors"
        await pilot.press("f7")
        await pilot.pause()
        assert app.screen.scope == "logs"
        assert app.key_of("everywhere.logs") == "F7"


async def test_a_read_only_console_says_so_instead_of_doing_it():
    node = FakeNode(read_only=True)
    app = Console(node)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        await pilot.press("2", "m")
        await pilot.pause()
        assert node.told == []
        assert [toast.message for toast in app._notifications] == ["This console is read-only"]
        assert app.actions["failover.mirror"].changes


def test_columns_of_a_table_fit_eighty_columns_at_least_once():
    from sitescope_fo.console.pages.failover import PEERS, PROFILES, TIMELINE
    from sitescope_fo.console.pages.monitors import COLUMNS

    for columns in (PROFILES, PEERS, TIMELINE, COLUMNS):
        shown: list[Column] = [column for column in columns if column.from_width <= 78]
        assert sum(column.width for column in shown) + len(shown) - 1 <= 78


def test_every_command_that_changes_something_has_an_action():
    told = {words_of(said) for action in ACTIONS for said in action.commands}
    wanted = paths() - {path for path in paths() if any(other.startswith(f"{path} ") for other in paths())}
    missing = sorted(wanted - told - set(WITHOUT_AN_ACTION))
    assert missing == []
