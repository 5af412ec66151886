"""Reads results for people. Blocking; works on a running and on a stopped node."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from sitescope_fo.model.errors import Usage
from sitescope_fo.node.find import nearest_hint
from sitescope_fo.store.home import Home
from sitescope_fo.store.results import ResultLog, ResultRow, export_sitescope

FORMATS = ("sitescope", "json")


def day_name(text: str, wall: float) -> str:
    """`text` as a UTC day (YYYY-MM-DD, `today`, `yesterday`, "" = today). Raises Usage (`bad_day`)."""
    today = datetime.fromtimestamp(wall, UTC).date()
    if text in {"", "today"}:
        return today.isoformat()
    if text == "yesterday":
        return date.fromordinal(today.toordinal() - 1).isoformat()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise Usage(
            f"'{text}' is no day", where="--day", hint="Write it like 2026-11-22, today or yesterday", code="bad_day"
        ) from error


def export(home: Home, day: str, form: str, wall: float) -> dict[str, Any]:
    """The results of one UTC day, a line each."""
    if form not in FORMATS:
        raise Usage(f"There is no export format '{form}'", where="--format", hint=nearest_hint(form, FORMATS), code="bad_format")
    name = day_name(day, wall)
    rows: Iterable[ResultRow] = ResultLog(home.daily).rows(name)
    lines = export_sitescope(rows) if form == "sitescope" else (msgspec.json.encode(row).decode() for row in rows)
    return {"day": name, "format": form, "lines": list(lines)}


def last_results(log: ResultLog, profile: str, monitor_id: str, day: str, limit: int, wall: float) -> list[dict[str, Any]]:
    """The newest results of one monitor, oldest first: of one day, or from whatever days hold them."""
    wanted = (day_name(day, wall),) if day else tuple(reversed(log.days()))
    found: list[ResultRow] = []
    for name in wanted:
        found = log.read(name, monitor_id=monitor_id, profile=profile, limit=limit - len(found), newest=True) + found
        if len(found) >= limit:
            break
    return [msgspec.to_builtins(row) for row in found]
