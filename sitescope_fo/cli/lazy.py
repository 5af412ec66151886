"""Commands that know the global options in every place, have an example, and are imported when used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from sitescope_fo.cli.invocation import Invocation

_WHOLE_SENTENCE = 400


def _set_home(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value and (call := ctx.find_object(Invocation)):
        call.home_option = value


def _set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and (call := ctx.find_object(Invocation)):
        call.json = True


def _set_read_only(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and (call := ctx.find_object(Invocation)):
        call.read_only = True


# Users type `sitescope-fo status --json`: every command takes them, wherever they stand.
GLOBAL: tuple[click.Option, ...] = (
    click.Option(
        ["--home"],
        metavar="DIR",
        expose_value=False,
        callback=_set_home,
        help="The home of the node; else SITESCOPE_HOME, else /opt/SiteScope.",
    ),
    click.Option(
        ["--json"], is_flag=True, expose_value=False, callback=_set_json, help="Print JSON for scripts, errors included."
    ),
    click.Option(
        ["--read-only"],
        is_flag=True,
        expose_value=False,
        callback=_set_read_only,
        help="Look only: refuse everything that would change something.",
    ),
)


def with_global(own: list[click.Parameter]) -> list[click.Parameter]:
    """Own parameters, then the global options, then `--help`."""
    rest = [p for p in own if "--help" not in p.opts]
    return [*rest, *GLOBAL, *(p for p in own if "--help" in p.opts)]


class NodeCommand(click.Command):
    """A command with an example."""

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:  # noqa: ANN401  # click's own signature
        super().__init__(*args, **kwargs)
        self.example = example

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """With the global options."""
        return with_global(super().get_params(ctx))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # click's own signature
        """Notes which command runs, for errors that do not say where."""
        if call := ctx.find_object(Invocation):
            call.path = ctx.command_path
        return super().invoke(ctx)

    def get_short_help_str(self, limit: int = 45) -> str:
        """The whole first sentence: the list of commands wraps it."""
        return super().get_short_help_str(_WHOLE_SENTENCE)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example."""
        write_example(self.example, formatter)


class NodeGroup(click.Group):
    """A group of commands with an example."""

    command_class = NodeCommand
    group_class = type

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:  # noqa: ANN401  # click's own signature
        super().__init__(*args, **kwargs)
        self.example = example

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """With the global options."""
        return with_global(super().get_params(ctx))

    def get_short_help_str(self, limit: int = 45) -> str:
        """The whole first sentence: the list of commands wraps it."""
        return super().get_short_help_str(_WHOLE_SENTENCE)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example."""
        write_example(self.example, formatter)


class LazyGroup(NodeGroup):
    """A group whose commands stand in modules of their own: name -> `module:attribute`."""

    def __init__(self, *args: Any, places: Mapping[str, str], **kwargs: Any) -> None:  # noqa: ANN401  # click's own signature
        super().__init__(*args, **kwargs)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command's module."""
        place = self._places.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{place} is no command")
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click, and an unknown command names the nearest one."""
        if args and args[0] not in self._places and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], self._places, n=1, cutoff=0.5)
            ctx.fail(f"No such command '{args[0]}'" + (f"; did you mean '{near[0]}'?" if near else ""))
        return super().resolve_command(ctx, args)


def write_example(example: str, formatter: click.HelpFormatter) -> None:
    """The example's lines as they stand, below a title."""
    with formatter.section("Example"):
        for line in example.splitlines():
            formatter.write(f"  {line}\n")
