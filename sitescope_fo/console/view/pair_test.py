"""The rows of the Test dialog as people read them: what was tried, what was seen, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from sitescope_fo.console.view.said import Cell, Wording
from sitescope_fo.model.command import CommandReply
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.query import CheckRow
from sitescope_fo.model.width import clean, wrap

TEST_MESSAGE = "mail"
_ORDER = ("bad", "warning", "unknown")
_PLURALS = {"good": "good", "bad": "bad", "warning": "warnings", "unknown": "unknown"}


class Rows:
    """The rows of one pair as a source of table rows."""

    def __init__(self, rows: Sequence[CheckRow], name: str, wording: Wording) -> None:
        self._rows, self._name, self._wording = rows, name, wording

    def __len__(self) -> int:
        return len(self._rows)

    def cells(self, index: int) -> Sequence[Cell]:
        """Verdict, what, evidence; what went well is quiet."""
        row = self._rows[index]
        verdict = self._wording.state(row.verdict)
        return (verdict, Cell(what(row, self._name)), Cell(clean(row.evidence), "quiet" if row.verdict == "good" else ""))


def rows_of(result: Any) -> list[CheckRow]:  # noqa: ANN401  # the result of a command
    """The rows in the result of a test, under way or done; [] when it has none. Raises msgspec.ValidationError."""
    found = result.get("rows") if isinstance(result, dict) else result
    return msgspec.convert(found, list[CheckRow]) if isinstance(found, list) else []


def what(row: CheckRow, name: str) -> str:
    """What a row is about, without the name of the pair that stands in the heading."""
    return clean(row.id.removeprefix(f"{name}: "))


def verdict(rows: Sequence[CheckRow], name: str, wording: Wording, *, running: bool) -> tuple[Cell, ...]:
    """One line over all rows: how far it is, or whether the pair is fit, with what is not named."""
    found = {word: [row for row in rows if row.verdict == word] for word in ("good", *_ORDER)}
    counts = ", ".join(f"{len(some)} {word if len(some) == 1 else _PLURALS[word]}" for word, some in found.items() if some)
    if running:
        return (wording.state("waiting"), Cell(f"  testing, {len(rows)} so far", "quiet"), *_some(", ", counts))
    if not rows:
        return (Cell("nothing was tested", "quiet"),)
    if found["bad"]:
        names = ", ".join(what(row, name) for row in found["bad"])
        return (wording.state("unfit"), Cell(f"  {names}", "error"), Cell(f"  ({counts})", "quiet"))
    return (wording.state("fit"), Cell(f"  {counts}", "quiet"))


def _some(before: str, text: str) -> tuple[Cell, ...]:
    return (Cell(f"{before}{text}", "quiet"),) if text else ()


def detail(row: CheckRow, width: int, lines: int) -> list[tuple[Cell, ...]]:
    """Evidence and remedy of one row in full, in at most `lines` lines, the remedy whole before the evidence."""
    remedy = wrap(f"-> {clean(row.remedy)}", width, max(1, lines - 1)) if row.remedy and row.verdict != "good" else []
    evidence = wrap(clean(row.evidence), width, max(1, lines - len(remedy)))
    return [*((Cell(line),) for line in evidence), *((Cell(line, "acting"),) for line in remedy)]


def worst(rows: Sequence[CheckRow]) -> int:
    """The index of the row to look at first."""
    for word in _ORDER:
        for index, row in enumerate(rows):
            if row.verdict == word:
                return index
    return 0


def text_of(rows: Sequence[CheckRow]) -> str:
    """All of it as text."""
    lines = []
    for row in rows:
        lines.append(f"{row.verdict:<8} {row.id}: {clean(row.evidence)}")
        if row.remedy and row.verdict != "good":
            lines.append(f"         -> {clean(row.remedy)}")
    return "\n".join(lines)


def message_row(outcome: CommandReply | SiteScopeError, to: str) -> CheckRow:
    """What became of a test message."""
    if isinstance(outcome, SiteScopeError):
        return CheckRow(id=TEST_MESSAGE, verdict="bad", evidence=outcome.what, remedy=outcome.hint)
    if outcome.error is not None:
        return CheckRow(id=TEST_MESSAGE, verdict="bad", evidence=outcome.error.what, remedy=outcome.error.hint)
    return CheckRow(id=TEST_MESSAGE, verdict="good", evidence=outcome.text or f"the test message to {to} was taken")
