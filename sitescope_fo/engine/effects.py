"""What the engine's own decisions ask the outside to do, beside `model/effect.py`."""

from __future__ import annotations

from sitescope_fo.model.effect import Effect
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.store.results import ResultRow


class Record(Effect, frozen=True, kw_only=True):
    """One row for today's result log."""

    row: ResultRow
    started_mono: float | None = None
    """When the run began, for a monitor whose interval depends on whether it is in error; None for any other."""


class VerifyError(Effect, frozen=True, kw_only=True):
    """Run the monitor again at once: its error counts only when a second run sees it too."""

    key: MonitorKey
    manual: bool


class RunNote(Effect, frozen=True, kw_only=True):
    """A warning for run.log about the running of checks."""

    what: str
    hint: str = ""
