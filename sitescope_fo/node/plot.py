"""From results to what a plot shows: figures in a bounded number of stretches, the state band, the thresholds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, cast

import msgspec

from sitescope_fo.model.monitor import Monitor, Value
from sitescope_fo.model.monitor_type import TypeSpec
from sitescope_fo.model.record import HistoryPoint, Level, StateSpan, ThresholdLine
from sitescope_fo.model.status import Status
from sitescope_fo.monitors.expression import All, AnyOf, Comparison, Name, Node
from sitescope_fo.monitors.expression import Literal as Constant
from sitescope_fo.monitors.judge import thresholds_of
from sitescope_fo.monitors.thresholds import compiled
from sitescope_fo.node.monitor_rows import stamp
from sitescope_fo.store.results import ResultRow

MOST_SPANS = 1000
"""States in a row that are told at most: the newest ones."""
_WORST = {Status.error: 4, Status.warning: 3, Status.good: 2, Status.nodata: 1, Status.disabled: 0}
_TURNED: dict[str, str] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
Operator = Literal["==", "!=", "<", "<=", ">", ">="]


def number(value: Value | None) -> float | None:
    """`value` when it is one; a flag is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def value_names(spec: TypeSpec | None, values: dict[str, Value]) -> tuple[str, ...]:
    """The values that can be plotted: the numbers that the type declares, then what else was measured."""
    declared = [value.name for value in spec.values if value.kind == "number"] if spec is not None else []
    return tuple(dict.fromkeys([*declared, *(name for name, value in values.items() if number(value) is not None)]))


def value_shown(spec: TypeSpec | None, names: Sequence[str]) -> str:
    """The value that says most: the first one with a unit (a time, a share) before mere codes and counts."""
    units = {value.name: value.unit for value in spec.values} if spec is not None else {}
    return next((name for name in names if units.get(name, "") not in {"", "count"}), names[0] if names else "")


def points_of(rows: Sequence[ResultRow], name: str, since: float, until: float, most: int) -> tuple[HistoryPoint, ...]:
    """The rows, oldest first, in at most `most` stretches of one length; stretches without results are left out."""
    width = max((until - since) / most, 1e-3)
    stretches: dict[int, list[ResultRow]] = {}
    for row in rows:
        stretches.setdefault(min(int((row.wall - since) / width), most - 1), []).append(row)
    return tuple(_point(since + n * width, found, name) for n, found in sorted(stretches.items()))


def _point(at: float, rows: list[ResultRow], name: str) -> HistoryPoint:
    figures = [figure for row in rows if (figure := number(row.values.get(name))) is not None]
    return HistoryPoint(
        at=stamp(at),
        min=min(figures, default=None),
        max=max(figures, default=None),
        last=figures[-1] if figures else None,
        status=max((row.status for row in rows), key=_WORST.__getitem__).value,
        results=len(rows),
    )


def spans_of(rows: Sequence[ResultRow], until: float, holds_s: float) -> tuple[StateSpan, ...]:
    """The statuses in a row. One lasts until the next result, at most `holds_s` after its last one: then nobody looked."""
    found: list[tuple[float, float, Status]] = []
    for row in rows:
        start, end, status = found[-1] if found else (0.0, 0.0, Status.disabled)
        ends = min(row.wall + holds_s, max(until, row.wall))
        if found and row.wall <= end:
            found[-1] = (start, ends if status is row.status else row.wall, status)
            if status is row.status:
                continue
        found.append((row.wall, ends, row.status))
    return tuple(StateSpan(since=stamp(a), until=stamp(b), status=status.value) for a, b, status in found[-MOST_SPANS:])


def lines_of(monitor: Monitor, spec: TypeSpec | None, name: str) -> tuple[ThresholdLine, ...]:
    """The thresholds that compare the value with a number, each comparison a line."""
    if spec is None or not name:
        return ()
    return tuple(
        ThresholdLine(level=cast("Level", status.value), expression=text, op=op, value=limit)
        for status, texts in thresholds_of(monitor, spec)
        for text in texts
        for op, limit in _limits(compiled(text, spec).root, name)
    )


def _limits(node: Node, name: str) -> Iterator[tuple[Operator, float]]:
    if isinstance(node, All | AnyOf):
        for part in node.parts:
            yield from _limits(part, name)
    elif isinstance(node, Comparison):
        for here, there, op in ((node.left, node.right, node.op), (node.right, node.left, _TURNED.get(node.op, ""))):
            limit = number(there.constant) if isinstance(there, Constant) else None
            if isinstance(here, Name) and here.name == name and limit is not None and op in _TURNED:
                yield msgspec.convert(op, Operator), limit
