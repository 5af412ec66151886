"""Option types and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sitescope_fo.model.duration import parse_duration
from sitescope_fo.model.errors import Usage

F = TypeVar("F", bound=Callable[..., Any])


class Duration(click.ParamType[Any]):
    """A duration such as 15s or 1h30m, with `off` also that word. Gives seconds, or with `as_text` the checked text."""

    name = "duration"

    def __init__(self, *, as_text: bool = False, longest_s: float | None = None, off: bool = False) -> None:
        self._as_text, self._off = as_text, off
        self._longest_s = longest_s

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401  # click's own
        """Raises Usage (`bad_duration`)."""
        if not isinstance(value, str) or (self._off and value == "off"):
            return value
        where = param.opts[0] if param else ""
        seconds = parse_duration(value, where=where)
        if self._longest_s is not None and seconds > self._longest_s:
            raise Usage(f"'{value}' is too long", where=where, hint=f"At most {self._longest_s / 86400:g}d", code="bad_duration")
        return value if self._as_text else seconds


DURATION = Duration()
DURATION_TEXT = Duration(as_text=True)
DURATION_OR_OFF_TEXT = Duration(as_text=True, off=True)


def profile_option(function: F) -> F:
    """`--profile`: whose tree, on a failover."""
    return click.option("--profile", default="", metavar="NAME", help="On a failover: the profile whose mirrored tree is meant.")(
        function
    )


def edit_options(function: F) -> F:
    """`--profile` and `--force`, of everything that edits configuration."""
    forced = click.option("--force", is_flag=True, help="On a standby: edit all the same; the next mirror overwrites it.")
    return profile_option(forced(function))


def role_option(function: F) -> F:
    """`--role`: what a person or a token may do."""
    roles = click.Choice(["viewer", "operator", "administrator"])
    return click.option("--role", type=roles, required=True, help="What they may do.")(function)


def yes_option(function: F) -> F:
    """`--yes`."""
    return click.option("--yes", is_flag=True, help="Do it without asking.")(function)


def nothing_to_change(where: str) -> Usage:
    """The error of an edit without any option."""
    return Usage(
        "There is nothing to change", where=where, hint="Give at least one option; --help lists them", code="nothing_to_change"
    )
