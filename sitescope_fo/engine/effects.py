"""What the engine's own decisions ask the outside to do, beside `model/effect.py`."""

from __future__ import annotations

from sitescope_fo.model.effect import Effect
from sitescope_fo.store.results import ResultRow


class Record(Effect, frozen=True, kw_only=True):
    """One row for today's result log."""

    row: ResultRow
