"""The past of one monitor as a picture of text: value with thresholds, states below, what nobody or both nodes watched."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from sitescope_fo.console.view.canvas import Canvas
from sitescope_fo.console.view.said import Cell, Wording
from sitescope_fo.console.view.scale import Scale, figure, scale_of, ticks
from sitescope_fo.model.moment import wall_of
from sitescope_fo.model.record import HistoryPoint, MonitorHistory, ThresholdLine
from sitescope_fo.model.state_word import Tone
from sitescope_fo.model.width import cells, clean, fit, pad

Line = tuple[Cell, ...]
RANGES = {"1h": 3600.0, "6h": 6 * 3600.0, "1d": 86_400.0, "7d": 7 * 86_400.0}
GUTTER = 10
"""Columns for the figures on the left, their mark included."""
_FAR = 4.0
"""A threshold this many times as far as the highest value is named, not drawn: it would flatten the line."""
_BROKEN = 3.0
"""Points further apart than this many usual steps are not joined: nothing was measured between them."""
_RANK = {"error": 3, "warning": 2, "nodata": 1, "good": 0, "disabled": -1}
_BAND = {"good": "\u2581", "warning": "\u2584", "error": "\u2588", "nodata": "\u00b7", "disabled": " "}
_PLAIN_BAND = {"good": "_", "warning": "!", "error": "X", "nodata": ".", "disabled": " "}
_BLIND, _BOTH = ("\u2591", "/"), ("\u2592", "#")
"""Hatches, and those of plain terminals: nobody watched, both watched."""
_RULE = ("\u2508", "-")


class _Time:
    """Moments and columns."""

    def __init__(self, since: float, until: float, width: int) -> None:
        self.since, self.until, self.width = since, max(until, since + 1.0), width

    def column(self, wall: float, per: int = 1) -> int:
        return int((wall - self.since) / (self.until - self.since) * self.width * per)

    def covered(self, spans: Iterable[tuple[str, str | None]]) -> set[int]:
        """The columns that spans touch; a short one still takes one."""
        found: set[int] = set()
        for start, end in spans:
            first, last = wall_of(start) or self.since, wall_of(end) or self.until
            if last >= self.since and first <= self.until:
                found.update(range(max(0, self.column(first)), min(self.width, self.column(last) + 1)))
        return found


def plot(history: MonitorHistory, width: int, height: int, wording: Wording) -> list[Line]:
    """`height` lines of `width` columns at most: the value, a band of states, the time, a legend."""
    since, until = wall_of(history.since), wall_of(history.until)
    room = width - GUTTER
    if since is None or until is None or room < 8 or height < 5:
        return [(Cell("There is no room for a plot", "quiet"),)]
    time = _Time(since, until, room)
    legend = _legend(history, wording, width)
    lines = _value(history, time, height - 2 - len(legend), wording)
    return [*lines, _band(history, time, wording), _foot(time, wording), *legend]


# --- the value --------------------------------------------------------------------------------------------------------


def _value(history: MonitorHistory, time: _Time, height: int, wording: Wording) -> list[Line]:
    points = [point for point in history.points if None not in {point.min, point.max, point.last}]
    if not points:
        said = "no number was measured in this time" if history.name else "this monitor measures no number"
        empty: list[Line] = [(Cell(" " * (GUTTER - 1) + ("|" if wording.plain else "\u2502"), "quiet"),) for _ in range(height)]
        empty[height // 2] = (*empty[height // 2], Cell(f" {said}", "quiet"))
        return empty
    scale = _scale(points, history.thresholds, height)
    canvas = Canvas(time.width, height, plain=wording.plain)
    _draw(points, time, scale, canvas)
    rules: dict[int, Tone] = {_row(scale, rule.value, height): rule.level for rule in drawn(history, scale)}
    blind = time.covered((span.since, span.until) for span in history.blind)
    both = time.covered((span.since, span.until) for span in history.overlaps)
    return [
        (*_figure(row, scale, height, history.unit, wording), *_cells(row, canvas, rules.get(row), blind, both, wording))
        for row in range(height)
    ]


def _scale(points: list[HistoryPoint], rules: Iterable[ThresholdLine], height: int) -> Scale:
    low = min(point.min for point in points if point.min is not None)
    high = max(point.max for point in points if point.max is not None)
    reach = max(abs(high), abs(low), 1e-9) * _FAR
    near = [rule.value for rule in rules if abs(rule.value) <= reach]
    return scale_of(min([low, *near]), max([high, *near]), max(2, height // 3))


def drawn(history: MonitorHistory, scale: Scale) -> list[ThresholdLine]:
    """The thresholds on the scale, the worst last: it wins where two fall on one line."""
    inside = [rule for rule in history.thresholds if scale.low <= rule.value <= scale.high]
    return sorted(inside, key=lambda rule: _RANK[rule.level])


def _row(scale: Scale, value: float, height: int) -> int:
    return round((1.0 - scale.share(value)) * (height - 1))


def _draw(points: list[HistoryPoint], time: _Time, scale: Scale, canvas: Canvas) -> None:
    """From the lowest to the highest of each stretch, the last values joined where results follow each other."""
    places = [
        (time.column(wall_of(point.at) or time.since, canvas.across), *_heights(point, scale, canvas.dots[1] - 1))
        for point in points
    ]
    gaps = sorted(after[0] - before[0] for before, after in pairwise(places))
    usual = max(1, gaps[len(gaps) // 2]) if gaps else 1
    for at, (x, low, high, last) in enumerate(places):
        canvas.line(x, low, x, high)
        if at and x - places[at - 1][0] <= usual * _BROKEN:
            canvas.line(places[at - 1][0], places[at - 1][3], x, last)


def _heights(point: HistoryPoint, scale: Scale, tall: int) -> tuple[int, int, int]:
    """Where its lowest, highest and last value lie."""
    low, high, last = (
        round((1.0 - scale.share(value)) * tall) for value in (point.min or 0.0, point.max or 0.0, point.last or 0.0)
    )
    return low, high, last


def _figure(row: int, scale: Scale, height: int, unit: str, wording: Wording) -> Line:
    """The figure that belongs to this line, if one does."""
    steps = round((scale.high - scale.low) / scale.step)
    marks = {_row(scale, scale.low + scale.step * at, height): scale.low + scale.step * at for at in range(steps + 1)}
    text = figure(marks[row], unit, scale.step) if row in marks else ""
    rule = ("|", "+") if wording.plain else ("\u2502", "\u2524")
    return (Cell(f"{pad(fit(text, GUTTER - 2), GUTTER - 2, right=True)} {rule[row in marks]}", "quiet"),)


def _cells(row: int, canvas: Canvas, rule: Tone | None, blind: set[int], both: set[int], wording: Wording) -> Line:
    """One line of the field; letters of one tone together."""
    parts: list[tuple[str, Tone]] = []
    for column in range(canvas.width):
        if letter := canvas.letter(column, row):
            part: tuple[str, Tone] = letter, "acting"
        elif rule is not None:
            part = _RULE[wording.plain], rule
        elif column in blind:
            part = _BLIND[wording.plain], "stale"
        elif column in both:
            part = _BOTH[wording.plain], "warning"
        else:
            part = " ", ""
        if parts and parts[-1][1] == part[1]:
            parts[-1] = parts[-1][0] + part[0], part[1]
        else:
            parts.append(part)
    return tuple(Cell(text, tone) for text, tone in parts)


# --- what stands below ------------------------------------------------------------------------------------------------


def _band(history: MonitorHistory, time: _Time, wording: Wording) -> Line:
    """The worst state of each column."""
    worst: dict[int, str] = {}
    for span in history.states:
        for column in time.covered([(span.since, span.until)]):
            if _RANK.get(span.status, 0) >= _RANK.get(worst.get(column, "disabled"), 0):
                worst[column] = span.status
    blind = time.covered((span.since, span.until) for span in history.blind)
    letters = _PLAIN_BAND if wording.plain else _BAND
    parts: list[Cell] = [Cell(pad("state", GUTTER - 1, right=True) + " ", "quiet")]
    for column in range(time.width):
        status = worst.get(column, "")
        if column in blind and not status:
            cell = Cell(_BLIND[wording.plain], "stale")
        else:
            cell = Cell(letters.get(status, " "), wording.state(status).tone if status else "")
        if len(parts) > 1 and parts[-1].tone == cell.tone:
            parts[-1] = Cell(parts[-1].text + cell.text, cell.tone)
        else:
            parts.append(cell)
    return tuple(parts)


def _foot(time: _Time, wording: Wording) -> Line:
    """Round moments, each where its column begins."""
    text = ""
    for wall, label in ticks(time.since, time.until, max(2, time.width // 12), local=wording.local):
        column = time.column(wall)
        if column >= len(text) + bool(text) and column + len(label) <= time.width:
            text = pad(text, column) + label
    return (Cell(" " * GUTTER + text, "quiet"),)


def _legend(history: MonitorHistory, wording: Wording, width: int) -> list[Line]:
    """What the lines and hatches mean; nothing that is not there."""
    parts: list[Cell] = []
    for rule in history.thresholds:
        text = f"{rule.level} {rule.op} {figure(rule.value, history.unit)}"
        parts.append(Cell(f"{_RULE[wording.plain]} {text}", rule.level))
    if history.blind:
        parts.append(Cell(f"{_BLIND[wording.plain]} nobody watched", "stale"))
    if history.overlaps:
        parts.append(Cell(f"{_BOTH[wording.plain]} both nodes watched", "warning"))
    if history.cut:
        parts.append(Cell(clean(f"older results than {history.cut} are too many to be read"), "quiet"))
    lines: list[list[Cell]] = [[]]
    for part in parts:
        taken = sum(cells(cell.text) for cell in lines[-1])
        if taken and taken + cells(part.text) + 2 > width:
            lines.append([])
        lines[-1] += [Cell("  "), part] if lines[-1] else [part]
    return [tuple(line) for line in lines[:3] if line]
