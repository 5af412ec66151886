"""Writes docs/keys.md from the table of actions: `python -m sitescope_fo.console.actions.reference > docs/keys.md`."""

from __future__ import annotations

import sys

from sitescope_fo.console.actions.table import ACTIONS, key_word

_HEAD = """\
# Keys of the console

Made from the table of actions (`python -m sitescope_fo.console.actions.reference`), as are the key bar, the help (`?`) and the
palette (`Ctrl+P`). A key is changed in `~/.config/sitescope-fo/console.toml`, by the name of its action:

```toml
[keys]
"everywhere.help" = "f1"
"monitors.filter" = "slash,f4"
```

The last column is the command that does the same from a shell, or several, one for each kind of thing that the key is for; "-" is
for what only concerns the screen.
"""

_SCOPES = {
    "everywhere": "Everywhere",
    "table": "In every list",
    "dialog": "In every dialog",
    "failover": "Failover Preferences",
}


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for scope in dict.fromkeys(action.scope for action in ACTIONS):
        parts.append(f"## {_SCOPES.get(scope, scope.replace('_', ' ').capitalize())}\n")
        parts.append("| key | action | what it does | name | command |\n|---|---|---|---|---|")
        for action in ACTIONS:
            if action.scope == scope:
                keys = " ".join(f"`{key_word(key)}`" for key in action.keys)
                command = ", ".join(f"`{words}`" for words in action.commands) or "-"
                parts.append(f"| {keys} | {action.name} | {action.help} | `{action.id}` | {command} |")
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
