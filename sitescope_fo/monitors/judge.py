"""The verdict on one check: `error_if`, then `warning_if`, then `good_if`, else good. Pure.

A list is OR. A monitor's own list replaces its type's default for that severity unless it is empty.

A check that did not get its answer (`CheckResult.failure`) is judged by its failure:

- `nodata`: nodata, unless an expression that names only values of this very run holds (a script that exits with 3 is nodata,
  unless its monitor says `error_if = "exit_code >= 2"`);
- anything else: error, unless an expression that names `failure` holds (`good_if = "failure == 'refused'"` for a port that must
  be closed). Values of a failed run cannot soften it, so that total packet loss is no warning by accident.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sitescope_fo.model.monitor import CheckResult, Judgement, Monitor, Value
from sitescope_fo.model.monitor_type import TypeSpec
from sitescope_fo.model.status import Status
from sitescope_fo.monitors.binding import FAILURE
from sitescope_fo.monitors.expression import Expression
from sitescope_fo.monitors.thresholds import compiled

NODATA = "nodata"


def judge(monitor: Monitor, spec: TypeSpec, result: CheckResult) -> Judgement:
    """The status of one result and what decided it.

    Raises Usage (`bad_threshold`) when an expression does not fit the type, which loading the configuration rules out.
    """
    values: Mapping[str, Value] = {**result.values, FAILURE.name: result.failure}
    for status, expression in _expressions(monitor, spec):
        if _may_decide(expression, result, values) and expression.evaluate(values):
            because = expression.explain(values)
            return Judgement(status=status, because=because, state_string=result.summary or because)
    if not result.failure:
        return Judgement(status=Status.good, state_string=result.summary)
    status = Status.nodata if result.failure == NODATA else Status.error
    return Judgement(status=status, because=result.failure, state_string=result.summary or result.failure)


def thresholds_of(monitor: Monitor, spec: TypeSpec) -> tuple[tuple[Status, tuple[str, ...]], ...]:
    """The lists that apply to a monitor, in the order they are asked."""
    return (
        (Status.error, monitor.error_if or spec.error_if),
        (Status.warning, monitor.warning_if or spec.warning_if),
        (Status.good, monitor.good_if or spec.good_if),
    )


def _expressions(monitor: Monitor, spec: TypeSpec) -> Iterator[tuple[Status, Expression]]:
    for status, texts in thresholds_of(monitor, spec):
        for text in texts:
            yield status, compiled(text, spec)


def _may_decide(expression: Expression, result: CheckResult, values: Mapping[str, Value]) -> bool:
    if not result.failure:
        return True
    if result.failure == NODATA:
        return all(name in values for name in expression.names)
    return FAILURE.name in expression.names
