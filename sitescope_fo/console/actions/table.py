"""All actions, joined, and what a keymap makes of them."""

from __future__ import annotations

from collections.abc import Mapping

from sitescope_fo.console.actions.action import Action
from sitescope_fo.console.actions.everywhere import DIALOG, EVERYWHERE, TABLE
from sitescope_fo.console.actions.failover import FAILOVER
from sitescope_fo.console.actions.history import HISTORY
from sitescope_fo.console.actions.logs import LOGS
from sitescope_fo.console.actions.monitors import MONITORS
from sitescope_fo.console.actions.pair_test import PAIR_TEST
from sitescope_fo.console.actions.preferences import PREFERENCES

ACTIONS: tuple[Action, ...] = (*MONITORS, *FAILOVER, *LOGS, *HISTORY, *PREFERENCES, *EVERYWHERE, *TABLE, *DIALOG, *PAIR_TEST)
BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}
MOST_IN_BAR = 7

_KEY_WORDS = {
    "question_mark": "?",
    "slash": "/",
    "escape": "Esc",
    "enter": "Enter",
    "delete": "Del",
    "space": "Space",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "down": "\u2193",
    "up": "\u2191",
    "left": "\u2190",
    "right": "\u2192",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
    "tab": "Tab",
    "full_stop": ".",
    "comma": ",",
}


def of_scope(scope: str) -> tuple[Action, ...]:
    """The actions of one page, in the order of its table."""
    return tuple(action for action in ACTIONS if action.scope == scope)


def key_word(key: str) -> str:
    """A key as people name it: `?`, `Esc`, `Ctrl+P`, `F1`."""
    *modifiers, last = key.split("+")
    word = _KEY_WORDS.get(last, last.upper() if last.startswith("f") and last[1:].isdigit() else last)
    if modifiers:
        word = word.upper()
    return "+".join([*(modifier.capitalize() for modifier in modifiers), word])


def with_keymap(keymap: Mapping[str, tuple[str, ...]]) -> Mapping[str, Action]:
    """All actions by id, with the keys of a keymap in place of their own."""
    return {
        action.id: Action(
            id=action.id,
            keys=keymap.get(action.id, action.keys),
            name=action.name,
            help=action.help,
            bar=action.bar,
            command=action.command,
            changes=action.changes,
            palette=action.palette,
        )
        for action in ACTIONS
    }
