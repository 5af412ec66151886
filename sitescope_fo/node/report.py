"""The rows of one test as they come: whoever waits for them sees each at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sitescope_fo.model.query import CheckRow

Heard = Callable[[tuple[CheckRow, ...]], None]
"""Gets all rows so far after each new one."""


def _nobody(rows: tuple[CheckRow, ...]) -> None:
    """Nobody waits."""


class Report:
    """Rows under one label (`prod: `), which may share their list with reports under others."""

    def __init__(self, heard: Heard = _nobody, *, label: str = "", rows: list[CheckRow] | None = None) -> None:
        self.rows: list[CheckRow] = rows if rows is not None else []
        self._heard, self._label = heard, label

    def of(self, label: str) -> Report:
        """Further rows of the same test, under another label."""
        return Report(self._heard, label=label, rows=self.rows)

    def good(self, what: str, evidence: str) -> None:
        """Nothing is to be done."""
        self._tell(what, "good", evidence)

    def warning(self, what: str, evidence: str, remedy: str) -> None:
        """It works, and may not always."""
        self._tell(what, "warning", evidence, remedy)

    def bad(self, what: str, evidence: str, remedy: str) -> None:
        """The pair is not fit because of it."""
        self._tell(what, "bad", evidence, remedy)

    def unknown(self, what: str, evidence: str, remedy: str) -> None:
        """It could not be seen."""
        self._tell(what, "unknown", evidence, remedy)

    def told(self, what: str) -> CheckRow | None:
        """The row of that name under this label, None while there is none."""
        return next((row for row in self.rows if row.id == f"{self._label}{what}"), None)

    def _tell(self, what: str, verdict: Literal["good", "warning", "bad", "unknown"], evidence: str, remedy: str = "") -> None:
        self.rows.append(CheckRow(id=f"{self._label}{what}", verdict=verdict, evidence=evidence, remedy=remedy))
        self._heard(tuple(self.rows))
