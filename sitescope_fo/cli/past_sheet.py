"""What was, as people read it: the course of a monitor's value and states, and the timeline of a role."""

from __future__ import annotations

from collections.abc import Iterator

from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.table import Column
from sitescope_fo.model.moment import clock_time, size_text, spell
from sitescope_fo.model.record import HistoryPoint, MonitorHistory, TimelineStep
from sitescope_fo.model.width import clean, fit

_BARS, _ASCII_BARS = "▁▂▃▄▅▆▇█", "_.-=+*#@"
_SPANS = [Column(title="FROM"), Column(title="TO"), Column(title="STATUS", state=True), Column(title="WHY", flexible=True)]
_STEPS = [
    Column(title="AT"),
    Column(title="FROM", state=True),
    Column(title="TO", state=True),
    Column(title="TERM", right=True),
    Column(title="WHY", flexible=True),
]
_ALERTS = [Column(title="AT"), Column(title="MAIL"), Column(title="ALERT"), Column(title="TO", flexible=True)]


def figure_text(value: float | None, unit: str) -> str:
    """A value with its unit."""
    if value is None:
        return "-"
    if unit == "s":
        return spell(value)
    return size_text(value) if unit == "bytes" else f"{value:g}{' ' + unit if unit in {'%', 'days'} else ''}"


def history_lines(history: MonitorHistory, call: Invocation) -> Iterator[str]:
    """The value as a line of bars, then states, windows in which nobody or both nodes looked, and mails."""
    now = call.now()

    def at(moment: str | None) -> str:
        return clock_time(moment, now)

    results = sum(point.results for point in history.points)
    yield fit(clean(f"{history.path}: {results} results from {at(history.since)} to {at(history.until)} UTC"), call.width)
    figures = [point for point in history.points if point.last is not None]
    if figures:
        low, high = min(p.min for p in figures if p.min is not None), max(p.max for p in figures if p.max is not None)
        shown = [figure_text(value, history.unit) for value in (low, high, figures[-1].last)]
        yield fit(bars(history.points, low, high, utf8=call.paint.utf8), call.width)
        yield fit(clean(f"{history.name}: at least {shown[0]}, at most {shown[1]}, last {shown[2]}"), call.width)
    if history.cut:
        yield f"There were too many results: those before {at(history.cut)} are left out."
    spans = [[at(span.since), at(span.until), span.status, ""] for span in history.states]
    spans += [[at(span.since), at(span.until), "blind", "nobody looked"] for span in history.blind]
    spans += [[at(span.since), at(span.until) if span.until else "now", "overlap", span.why] for span in history.overlaps]
    if spans:
        yield ""
        yield from call.rows(_SPANS, spans)
    if history.alerts:
        yield ""
        yield from call.rows(_ALERTS, [[at(one.at), one.outcome, f"{one.name}: {one.status}", one.to] for one in history.alerts])


def bars(points: tuple[HistoryPoint, ...], low: float, high: float, *, utf8: bool) -> str:
    """The highest value of each stretch between `low` and `high` as a bar; a blank where no number was measured."""
    marks = _BARS if utf8 else _ASCII_BARS
    step = (high - low) / (len(marks) - 1) or 1.0
    return "".join(" " if p.max is None else marks[round((p.max - low) / step)] for p in points).rstrip()


def timeline_lines(steps: list[TimelineStep], call: Invocation) -> Iterator[str]:
    """One line a step, newest last, with the newest evidence."""
    if not steps:
        yield "Nothing has changed yet."
        return
    now = call.now()
    rows = []
    for step in steps:
        seen = f"; seen: {step.evidence[-1].kind} {step.evidence[-1].what}" if step.evidence else ""
        rows.append([clock_time(step.at, now), step.source or "-", step.to, str(step.term), f"{step.why}{seen}"])
    yield from call.rows(_STEPS, rows)
