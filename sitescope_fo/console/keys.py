"""Textual's bindings, made from the one table of actions."""

from __future__ import annotations

from textual.binding import Binding

from sitescope_fo.console.actions.table import key_word, of_scope


def bindings_of(scope: str) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """The bindings of one page, or of `everywhere`, `table`, `dialog`. Each carries out `action_do(id)`."""
    return [
        Binding(
            ",".join(action.keys),
            f"do('{action.id}')",
            action.name,
            show=False,
            key_display=key_word(action.keys[0]),
            tooltip=action.help,
            id=action.id,
        )
        for action in of_scope(scope)
    ]
