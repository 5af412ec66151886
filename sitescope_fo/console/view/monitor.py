"""What the page of one monitor says: how it is now, what its thresholds say of it, what it is, and what happened lately."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from sitescope_fo.console.view.monitors import Line, broken, handled_lines, pair, state_cell
from sitescope_fo.console.view.said import Cell, Wording, value_text
from sitescope_fo.console.view.scale import figure
from sitescope_fo.console.view.units import Units, value_of
from sitescope_fo.model.moment import spell
from sitescope_fo.model.record import AlertTold
from sitescope_fo.model.snapshot import Dependency, MeasuredValue, MonitorRow, ThresholdState
from sitescope_fo.model.state_word import Tone
from sitescope_fo.model.width import cells, clean, fit, pad

RESULTS = 10
_TOLD: dict[str, Tone] = {"sent": "quiet", "waiting": "warning", "refused": "error"}


class Sheet(MonitorRow, frozen=True, kw_only=True):
    """The answer of the query `monitor`."""

    config: dict[str, Any] = msgspec.field(default_factory=dict)
    depends: str = ""
    dependencies: tuple[Dependency, ...] = ()
    alerts: tuple[dict[str, str], ...] = ()
    last: tuple[dict[str, Any], ...] = ()
    thresholds: tuple[ThresholdState, ...] = ()
    values: tuple[MeasuredValue, ...] = ()
    hanging_s: float | None = None
    error_frequency_s: float = 0.0
    because: str = ""
    duration_s: float = 0.0
    since: str | None = None
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    skipped: int = 0
    unconfirmed: bool = False


def now_lines(row: MonitorRow, units: Units, wording: Wording, now: float, width: int) -> list[Line]:
    """State, value, what it says, since when, and who knows of it."""
    sheet = row if isinstance(row, Sheet) else None
    shown = state_cell(row, wording)
    head: list[Cell] = [shown, Cell(f"  {value_of(row, units)}")]
    if sheet is not None and sheet.since:
        head.append(Cell(f"  since {wording.moment(sheet.since, now)}", "quiet"))
    if sheet is not None and (in_a_row := sheet.counts.get(row.status, 0)) > 1:
        head.append(Cell(f", {in_a_row} results in a row", "quiet"))
    lines: list[Line] = [tuple(head)]
    lines += [(Cell(text),) for text in broken(clean(row.state_string), width) if text]
    times = f"ran {wording.moment(row.last_run, now)}, runs next {wording.moment(row.next_run, now)}"
    took = f", took {spell(sheet.duration_s)}" if sheet is not None and sheet.duration_s else ""
    lines.append((Cell(times + took, "quiet"),))
    if sheet is not None:
        lines += _odd(sheet, width)
    return [*lines, *handled_lines(row, wording, now, width)]


def _odd(sheet: Sheet, width: int) -> list[Line]:
    """What an operator should not miss."""
    said = [
        (sheet.unconfirmed, "an error that waits for its second run before it counts"),
        (bool(sheet.skipped), f"{sheet.skipped} runs were missed: the last one had not ended, or there was no room"),
        (bool(sheet.hanging_s), f"a check ignores its time-out and hangs since {spell(sheet.hanging_s or 0.0)}"),
    ]
    return [(Cell(text, "warning"),) for true, what in said if true for text in broken(what, width)]


def threshold_lines(sheet: Sheet, wording: Wording, width: int) -> list[Line]:
    """Each threshold with what was measured: does it hold?"""
    lines: list[Line] = []
    for threshold in sheet.thresholds:
        verdict = {True: "holds", False: "does not", None: "no value"}[threshold.holds]
        level = wording.state(threshold.level)
        label = Cell(pad(f"{level.text} if", 13), level.tone if threshold.holds else "quiet")
        end = Cell(f"  {verdict}", level.tone if threshold.holds else "quiet")
        text = clean(threshold.text or threshold.expression)
        parts = broken(text, max(10, width - 13 - cells(end.text)))
        lines.append((label, Cell(parts[0]), end))
        lines += [(Cell(" " * 13), Cell(part)) for part in parts[1:]]
    return _section("Thresholds", lines or [(Cell("none: good as long as the check gets its answer", "quiet"),)])


def value_lines(sheet: Sheet, width: int) -> list[Line]:
    """Everything that was measured last."""
    size = max((cells(value.name) for value in sheet.values), default=0) + 2
    lines: list[Line] = [
        (Cell(pad(clean(value.name), size), "quiet"), Cell(fit(_measured(value), max(4, width - size)))) for value in sheet.values
    ]
    return _section("Values", lines) if lines else []


def _measured(value: MeasuredValue) -> str:
    number = value.value
    if isinstance(number, int | float) and not isinstance(number, bool) and value.unit:
        return figure(float(number), value.unit)
    return value_text(number)


def setting_lines(sheet: Sheet, width: int) -> list[Line]:
    """What it is: type, rhythm, settings."""
    config = sheet.config
    rhythm = f"every {spell(sheet.frequency_s)}"
    rhythm += f", in error every {spell(sheet.error_frequency_s)}" if sheet.error_frequency_s else ""
    facts = {
        "type": sheet.type,
        "group": sheet.path.rpartition("/")[0],
        "profile": sheet.profile,
        "runs": rhythm if sheet.enabled else f"{rhythm}; switched off",
        "time-out": str(config.get("timeout", "")),
        "schedule": str(config.get("schedule", "")),
        "verify": "an error counts after a second run" if config.get("verify_error") else "",
        "about": str(config.get("description", "")),
        **{name: _setting(value) for name, value in sorted(config.get("settings", {}).items())},
    }
    shown = {clean(name): clean(text) for name, text in facts.items() if text}
    size = min(width // 2, max(map(cells, shown)) + 2)
    lines = [line for name, text in shown.items() for line in pair(name, text, width, label_width=size)]
    return _section("Settings", lines)


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def chain_lines(sheet: Sheet, wording: Wording, width: int) -> list[Line]:
    """What it depends on, nearest first, with the state each is in and needs to be in."""
    lines: list[Line] = []
    for link in sheet.dependencies:
        state = wording.state(link.status)
        name, *more = broken(clean(link.path), max(10, width - 11))
        lines.append((Cell(f"{pad(state.text, 10)} ", state.tone), Cell(name)))
        lines += [(Cell(" " * 11), Cell(part)) for part in more]
        if link.status != link.needs:
            lines += [
                (Cell(" " * 11), Cell(part, "warning")) for part in broken(f"no run until {link.needs}", max(10, width - 11))
            ]
    return _section("Depends on", lines) if lines else []


def alert_lines(sheet: Sheet, told: Sequence[AlertTold], wording: Wording, now: float, width: int) -> list[Line]:
    """Who is told, and the mails of the time in the plot, newest first."""
    lines: list[Line] = []
    for alert in sheet.alerts:
        lines += [(Cell(fit(clean(f"{alert['name']}: on {alert['on']}, {alert['when']}"), width)),)]
    if not sheet.alerts:
        lines.append((Cell("no alert covers it: nobody is told", "warning"),))
    for mail in list(reversed(told))[:RESULTS]:
        text = fit(clean(f"{mail.status} to {mail.to} ({mail.name})"), max(10, width - 30))
        tone = _TOLD[mail.outcome]
        lines.append((Cell(f"{pad(wording.moment(mail.at, now), 17)}", "quiet"), Cell(text), Cell(f"  {mail.outcome}", tone)))
    return _section("Alerts", lines)


def result_lines(sheet: Sheet, wording: Wording, now: float, width: int) -> list[Line]:
    """The last results, newest first."""
    lines: list[Line] = []
    for result in reversed(sheet.last[-RESULTS:]):
        state = wording.state(str(result.get("status", "")))
        at = wording.moment(datetime.fromtimestamp(result.get("wall", 0.0), UTC).isoformat(), now)
        said = fit(clean(str(result.get("state_string", ""))), max(8, width - cells(at) - 13))
        lines.append((Cell(f"{at}  ", "quiet"), Cell(pad(state.text, 11), state.tone), Cell(said)))
    return _section("Last results", lines or [(Cell("none on record", "quiet"),)])


def _section(heading: str, lines: list[Line]) -> list[Line]:
    return [(), (Cell(heading, "acting"),), *lines]
