"""`log`: the node's logs and the daily results."""

from __future__ import annotations

import threading
from typing import Any

import click

from sitescope_fo.cli.choices import F
from sitescope_fo.cli.invocation import Invocation, typed
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.table import Column
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.moment import size_text

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


def _filters(function: F) -> F:
    """The options that leave lines out."""
    level = click.option("--level", type=click.Choice(["info", "warning", "error"]), help="Only lines of this level and worse.")
    return click.option("--match", metavar="TEXT", help="Only lines with this text, in any case.")(level(function))


@log.command("tail", example="sitescope-fo log tail high_availability --lines 50 --follow")
@click.argument("name", default="high_availability", required=False)
@click.option("--lines", type=click.IntRange(1, _PAGE), default=20, show_default=True, metavar="N", help="How many lines.")
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines until Ctrl-C.")
@_filters
@click.pass_obj
def tail(call: Invocation, name: str, *, lines: int, follow: bool, match: str | None, level: str | None) -> None:
    """Show the last lines of the log NAME. With a filter it looks through the last 4 MiB of it."""
    short = _known(name)
    answer = call.query("log", name=short, lines=lines, match=match, level=level)
    _print(call, answer, stream=follow)
    pause = threading.Event()
    while follow:
        pause.wait(_EVERY_S)
        answer = call.query("log", name=short, lines=_PAGE, since=str(answer["next"]), match=match, level=level)
        _print(call, answer, stream=True)


@log.command("show", example="sitescope-fo log show high_availability --from 2h --level warning")
@click.argument("name", default="high_availability", required=False)
@click.option("--lines", type=click.IntRange(1, _PAGE), metavar="N", help="Only the last N lines.")
@click.option("--from", "start", metavar="MOMENT", help="From when on: ISO, or so long ago, such as 2h.")
@_filters
@click.pass_obj
def show(call: Invocation, name: str, *, lines: int | None, start: str | None, match: str | None, level: str | None) -> None:
    """Show the whole log NAME, or what of it is asked for."""
    short = _known(name)
    if lines is not None:
        _print(call, call.query("log", name=short, lines=lines, at=start, match=match, level=level), stream=False)
        return
    first = {"at": start} if start else {"since": "0"}
    answer = call.query("log", name=short, lines=_PAGE, match=match, level=level, **first)
    found = list(answer["lines"])
    while True:
        if not call.json:
            _print(call, answer, stream=False)
        if answer["end"] or (not answer["lines"] and not (match or level)):
            break
        answer = call.query("log", name=short, lines=_PAGE, since=str(answer["next"]), match=match, level=level)
        found += answer["lines"] if call.json else []
    if call.json:
        call.dump({"lines": found, "next": answer["next"]})


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


@log.command("list", example="sitescope-fo log list")
@click.pass_obj
def list_all(call: Invocation) -> None:
    """List the files of the logs, with the time that each covers."""
    from sitescope_fo.model.record import LogFile

    answer = call.query("logs")
    columns = [Column(title="LOG"), Column(title="SIZE", right=True), Column(title="FROM"), Column(title="TO")]
    files = typed(answer, list[LogFile])
    call.emit(answer, lambda: call.rows(columns, [[one.name, size_text(one.bytes), one.since, one.until] for one in files]))


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
