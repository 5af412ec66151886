"""What the sheet of one monitor shows beside its row: thresholds against the last result, values, the chain of dependencies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sitescope_fo.engine.state import MonitorState, monitor_cell
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import Monitor, MonitorKey, Value
from sitescope_fo.model.snapshot import Dependency, MeasuredValue, ThresholdState
from sitescope_fo.monitors.judge import thresholds_of
from sitescope_fo.monitors.thresholds import compiled
from sitescope_fo.node.monitor_rows import Rows, stamp

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

LONGEST_CHAIN = 20


def details(node: Node, key: MonitorKey, monitor: Monitor) -> dict[str, Any]:
    """Thresholds, values, dependencies and what is known of the last result."""
    state: MonitorState | None = node.writer.table.get(monitor_cell(key))
    values = state.values if state is not None else {}
    return {
        "thresholds": list(thresholds(node, monitor, values)),
        "values": list(_values(node, monitor, values)),
        "dependencies": list(_chain(node, key, monitor)),
        "error_frequency_s": monitor.error_frequency_s,
        "because": state.because if state is not None else "",
        "duration_s": state.duration_s if state is not None else 0.0,
        "since": stamp(state.since_wall) or None if state is not None else None,
        "counts": {status.value: number for status, number in state.counts.items()} if state is not None else {},
        "skipped": state.skipped if state is not None else 0,
        "unconfirmed": state is not None and state.unconfirmed >= 0 and state.unconfirmed == node.term_of(key.profile),
    }


def thresholds(node: Node, monitor: Monitor, values: dict[str, Value]) -> Iterator[ThresholdState]:
    """Each threshold in the order in which they are asked, against `values`."""
    spec = node.world.specs.get(monitor.type)
    for status, texts in thresholds_of(monitor, spec) if spec is not None else ():
        for text in texts:
            try:
                expression = compiled(text, spec) if spec is not None else None
            except Usage:  # loading refuses such a threshold; then there is nothing to hold it against
                expression = None
            if expression is None:
                yield ThresholdState(level=status.value, expression=text, holds=None, text=text, values={})
                continue
            named = {name: values.get(name) for name in expression.names}
            known = any(value is not None for value in named.values())
            yield ThresholdState(
                level=status.value,
                expression=text,
                holds=expression.evaluate(values) if known else None,
                text=expression.explain(values),
                values=named,
            )


def _values(node: Node, monitor: Monitor, values: dict[str, Value]) -> Iterator[MeasuredValue]:
    spec = node.world.specs.get(monitor.type)
    declared = {value.name: value for value in spec.values} if spec is not None else {}
    for name in dict.fromkeys([*(name for name in declared if name in values), *values]):
        about = declared.get(name)
        unit, said = (about.unit, about.help) if about is not None else ("", "")
        yield MeasuredValue(name=name, value=values[name], unit=unit, help=said)


def _chain(node: Node, key: MonitorKey, monitor: Monitor) -> Iterator[Dependency]:
    """Whom it depends on, whom that one depends on, and so on; a ring ends where it began."""
    rows, seen, at = Rows(node, key.profile), {monitor.id}, monitor
    while at.depends_on and at.depends_on not in seen and len(seen) <= LONGEST_CHAIN:
        other = node.world.catalogue.monitor(MonitorKey(key.profile, at.depends_on))
        if other is None:
            return
        yield Dependency(path=other.path, status=rows.state(other).shown.value, needs=at.depends_condition.value)
        seen.add(other.id)
        at = other
