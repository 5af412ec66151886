"""`log`: the node's logs and the daily results."""

from __future__ import annotations

import threading
from typing import Any

import click

from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.model.errors import Usage

NAMES = ("high_availability", "error", "run", "audit")
_EVERY_S = 1.0
_PAGE = 10_000


@click.group(cls=NodeGroup, example="sitescope-fo log tail --follow")
def log() -> None:
    """Read the logs: high_availability, error, run, audit, and the daily results."""


def _known(name: str) -> str:
    short = name.removesuffix(".log")
    if short not in NAMES:
        raise Usage(f"There is no log '{name}'", where="log", hint=f"One of: {', '.join(NAMES)}", code="unknown_log")
    return short


@log.command("tail", example="sitescope-fo log tail high_availability --lines 50 --follow")
@click.argument("name", default="high_availability", required=False)
@click.option("--lines", type=click.IntRange(1, _PAGE), default=20, show_default=True, metavar="N", help="How many lines.")
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.pass_obj
def tail(call: Invocation, name: str, lines: int, follow: bool) -> None:
    """Show the last lines of the log NAME."""
    short = _known(name)
    answer = call.query("log", name=short, lines=lines)
    _print(call, answer, stream=follow)
    pause = threading.Event()
    while follow:
        pause.wait(_EVERY_S)
        answer = call.query("log", name=short, lines=_PAGE, since=str(answer["next"]))
        _print(call, answer, stream=True)


@log.command("show", example="sitescope-fo log show high_availability")
@click.argument("name", default="high_availability", required=False)
@click.option("--lines", type=click.IntRange(1, _PAGE), metavar="N", help="Only the last N lines.")
@click.pass_obj
def show(call: Invocation, name: str, lines: int | None) -> None:
    """Show the whole log NAME."""
    short = _known(name)
    if lines is not None:
        _print(call, call.query("log", name=short, lines=lines), stream=False)
        return
    answer = call.query("log", name=short, lines=_PAGE, since="0")
    whole = answer
    while answer["lines"]:
        if not call.json:
            _print(call, answer, stream=False)
        answer = call.query("log", name=short, lines=_PAGE, since=str(answer["next"]))
        if call.json:
            whole = {"lines": [*whole["lines"], *answer["lines"]], "next": answer["next"]}
    if call.json:
        call.dump(whole)


def _print(call: Invocation, answer: Any, *, stream: bool) -> None:  # noqa: ANN401  # the JSON of a query
    """The lines; with --json the answer, or when streaming one JSON text a line."""
    if not call.json:
        call.raw(answer["lines"])
    elif stream:
        import msgspec

        for line in answer["lines"]:
            call.say(msgspec.json.encode(line).decode())
    else:
        call.dump(answer)


@log.command("export", example="sitescope-fo log export --format sitescope --day 2026-11-22")
@click.option(
    "--format",
    "form",
    type=click.Choice(["sitescope", "json"]),
    default="sitescope",
    show_default=True,
    help="Tab-separated as in the guide, or one JSON text a line.",
)
@click.option("--day", default="", metavar="DAY", help="A UTC day such as 2026-11-22, today or yesterday. Default: today.")
@click.pass_obj
def export(call: Invocation, form: str, day: str) -> None:
    """Print the results of one day, a line each."""
    answer = call.query("export", format=form, day=day)
    if call.json:
        call.dump(answer)
    else:
        call.raw(answer["lines"])
