"""`check`: requirements and troubleshooting rows, each with verdict, evidence and remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from sitescope_fo.cli.invocation import Invocation, typed
from sitescope_fo.cli.lazy import NodeCommand
from sitescope_fo.model.command import CommandReply
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.query import CheckRow
from sitescope_fo.model.width import cells, clean, fit, pad, wrap

_LINES = 3
_LONGEST_ID = 28


@click.command(
    cls=NodeCommand,
    example="sitescope-fo check config\nsitescope-fo check profile prod",
)
@click.argument("what", required=False, default="node", metavar="[config|pair|profile]")
@click.argument("name", required=False, default="", metavar="[NAME]")
@click.pass_obj
def check(call: Invocation, what: str, name: str) -> None:
    """Check this node, its configuration, its pairs, or one profile.

    Each row says what was seen and what to do. Exit code 1 when something is bad, 3 for bad configuration.
    """
    if what not in {"node", "config", "pair", "profile"}:
        raise Usage(
            f"There is no check of '{what}'", where="check", hint="Use config, pair or profile NAME", code="unknown_check"
        )
    if (what == "profile") != bool(name):
        hint = "Use: sitescope-fo check profile NAME"
        raise Usage("A name belongs to `check profile`, and only to it", where=f"check {what}", hint=hint)
    run_check(call, "pair" if what == "profile" else what, name)


def run_check(call: Invocation, what: str, name: str = "") -> None:
    """Asks for the rows, prints them, and ends with 1 (3 for configuration) when one is bad."""
    answer = call.query("check", what=what, name=name)
    rows = typed(answer, list[CheckRow])
    call.emit(answer, lambda: check_lines(rows, call))
    end_with_verdict(rows, 3 if what == "config" else 1)


def end_with_verdict(rows: list[CheckRow], code: int) -> None:
    """Ends the command with `code` when a row is bad."""
    if any(row.verdict == "bad" for row in rows):
        click.get_current_context().exit(code)


def check_lines(rows: list[CheckRow], call: Invocation) -> Iterator[str]:
    """Verdict and evidence of each row, its remedy below, and a count at the end."""
    if not rows:
        yield "Nothing to check."
        return
    longest = min(_LONGEST_ID, max(len(row.id) for row in rows))
    for row in rows:
        yield from row_lines(row, call, longest)
    yield count_line(rows)


def row_lines(row: CheckRow, call: Invocation, longest: int = _LONGEST_ID) -> Iterator[str]:
    """One row, its name in `longest` columns."""
    verdict = call.paint.word(row.verdict)
    start = f"{verdict:<9}  {pad(fit(clean(row.id), longest), longest)}  "
    for part in wrap(clean(row.evidence), max(20, call.width - cells(start)), _LINES):
        yield call.paint.tint(row.verdict, start + part)
        start = " " * cells(start)
    if row.remedy and row.verdict != "good":
        yield f"{start}-> {clean(row.remedy)}"


def count_line(rows: list[CheckRow]) -> str:
    """How many rows there are of each verdict."""
    counted = {word: sum(row.verdict == word for row in rows) for word in ("good", "warning", "bad", "unknown")}
    return ", ".join(f"{count} {word}" for word, count in counted.items() if count)


def rows_of(result: Any) -> list[CheckRow]:  # noqa: ANN401  # the result of a command is any JSON value
    """The rows in the result of a test command, with or without an object around them; [] when it has none."""
    value = result.get("rows") if isinstance(result, dict) else result
    if not isinstance(value, list):
        return []
    return typed(value, list[CheckRow])


class LiveRows:
    """Prints the rows of a test while it runs, each once."""

    def __init__(self, call: Invocation) -> None:
        self._call = call
        self._told = 0

    def progress(self, reply: CommandReply) -> None:
        """Prints the rows that came since the last look."""
        self._tell(rows_of(reply.result))

    def end(self, rows: list[CheckRow]) -> None:
        """Prints the rest, and the count."""
        self._tell(rows)
        self._call.say(count_line(rows))

    def _tell(self, rows: list[CheckRow]) -> None:
        for row in rows[self._told :]:
            for line in row_lines(row, self._call):
                self._call.say(line)
        self._told = max(self._told, len(rows))
