"""Writes docs/commands.md from the commands themselves: `python -m sitescope_fo.cli.reference > docs/commands.md`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

import click

from sitescope_fo.cli.lazy import GLOBAL, NodeCommand, NodeGroup
from sitescope_fo.cli.main import PROGRAM, root

_HEAD = """\
# Commands

`sitescope-fo [--home DIR] [--json] [--read-only] COMMAND`. This page is made from the commands themselves
(`python -m sitescope_fo.cli.reference`); `sitescope-fo COMMAND --help` says the same.

Durations: `500ms`, `15s`, `3m`, `4h`, `1d`, or combinations such as `1h30m`. A group has a path such as `Servers/Web`, a monitor
that of its group and its name: `Servers/Web/Home page`; on a failover `prod:` in front names the profile when it has to.

| exit code | says |
|---|---|
| 0 | done |
| 1 | the thing asked about is bad: a check or a test failed |
| 2 | the words make no sense: unknown option, bad duration, unknown name |
| 3 | the configuration is invalid |
| 4 | a node cannot be reached, or does not run |
| 5 | refused: role, state, hold, permission |
| 6 | conflict: a duplicate, or a name that fits several things |
| 70 | a fault of the program; details are in `logs/error.log` |
| 130, 141 | ended by Ctrl-C; the reader of the output went away |

An error prints `error: WHAT (WHERE). HINT` on standard error; with `--json` it prints
`{"error": {"code", "what", "where", "hint"}}` on standard output.
"""


def commands(group: click.Group, path: str) -> Iterator[tuple[str, NodeCommand | NodeGroup]]:
    """(path, command) of everything below a group, in the order of its help, groups before their commands."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert isinstance(command, NodeCommand | NodeGroup)  # noqa: S101  # what `command_class` makes
        yield f"{path} {name}", command
        if isinstance(command, NodeGroup):
            yield from commands(command, f"{path} {name}")


def page() -> str:
    """The whole page."""
    parts = [_HEAD, "## Options of every command\n", _options(list(GLOBAL)), "## Without a command\n"]
    parts += [_text(root), _options(_own(root))]
    for path, command in commands(root, PROGRAM):
        words = path.removeprefix(f"{PROGRAM} ")
        top = " " not in words
        parts.append(f"{'##' if top else '###'} {words}\n")
        parts.append(_text(command))
        if not isinstance(command, NodeGroup):
            parts.append(f"```sh\n{_usage(path, command)}\n```\n")
        parts.append(_options(_own(command)))
        if not isinstance(command, NodeGroup) and command.example != _usage(path, command):
            parts.append(f"Example:\n\n```sh\n{command.example}\n```\n")
    return "\n".join(part for part in parts if part)


def _text(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "") + "\n"


def _own(command: click.Command) -> list[click.Option]:
    return [param for param in command.params if isinstance(param, click.Option)]


def _usage(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    arguments = [param.make_metavar(context) for param in command.params if isinstance(param, click.Argument)]
    return " ".join([path, *arguments, *(["[OPTIONS]"] if _own(command) else [])])


def _options(options: list[click.Option]) -> str:
    if not options:
        return ""
    rows = [f"| `{_words(option)}` | {_help(option)} |" for option in options]
    return "\n".join(["| option | |", "|---|---|", *rows]) + "\n"


def _words(option: click.Option) -> str:
    names = " / ".join([*option.opts, *option.secondary_opts])
    if option.is_flag:
        return names
    if isinstance(option.type, click.Choice) and not option.metavar:
        return f"{names} {'/'.join(map(str, option.type.choices))}"
    return f"{names} {option.metavar}"


def _help(option: click.Option) -> str:
    notes = []
    if option.required:
        notes.append("Required.")
    if option.show_default:
        shown = option.show_default if isinstance(option.show_default, str) else option.default
        notes.append(f"Default: {shown}.")
    return " ".join([option.help or "", *notes]).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
