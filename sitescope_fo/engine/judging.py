"""From a check's result to the monitor's state, its row in the log, its blind window and its mails. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sitescope_fo.engine.alerting import PLAIN, counts_proven, judge_alerts, keep_silent
from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.cells import NOTHING, Cell, Cells, Decision
from sitescope_fo.engine.effects import Record, VerifyError
from sitescope_fo.engine.operator_state import Standing, end_with_problem
from sitescope_fo.engine.state import PULSE, BlindWindow, MonitorState, Pulse, blind_cell, monitor_cell
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.fact import CheckFinished, CheckSkipped, NoopFinished
from sitescope_fo.model.monitor import Judgement, Monitor, MonitorKey, Value
from sitescope_fo.model.monitor_type import TypeSpec
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Status
from sitescope_fo.monitors.judge import judge
from sitescope_fo.notify.alert_mail import Letterhead
from sitescope_fo.store.results import ResultRow

DEPENDENCY = "dependency"
"""`because` of a monitor that was not run because of what it depends on."""
WINDOWS_KEPT = 20
"""Terms whose blind windows are kept for a monitor."""


def on_check(
    cells: Cells,
    catalogue: Catalogue,
    specs: Mapping[str, TypeSpec],
    fact: CheckFinished,
    now: Now,
    *,
    blind_from_wall: float,
    letterhead: Letterhead = PLAIN,
    alerting: bool = True,
) -> Decision:
    """What one result leads to.

    `blind_from_wall`: the last proof of life before the profile's term, or when a run was due after it (POSIX seconds, 0 = not
    known, inf = none was due). `alerting` False: this
    node is not the one that tells people now; the result still counts and is recorded.
    """
    monitor = catalogue.monitor(fact.key)
    if monitor is None:
        return NOTHING
    cell = monitor_cell(fact.key)
    before: MonitorState | None = cells.get(cell)
    judgement = _judged(monitor, specs, fact)
    record = Record(row=_row(monitor, fact, judgement), started_mono=fact.started_mono if monitor.error_frequency_s else None)
    if before is not None and fact.term < before.term:
        return Decision(effects=(Record(row=record.row),))
    if _needs_second_run(monitor, before, fact, judgement):
        return _unconfirmed(before, fact, record)
    first = _first_of_term(before, fact)
    after = _state(monitor, specs, fact, judgement, before)
    standing = Standing(cells, fact.key.profile, now.wall)
    if standing.downtime(monitor) is not None:
        after = _uncounted(after)
    elif first:
        after = _counted_on(cells, catalogue, after)
    decision = Decision({cell: after}, (record,))
    if after.status is Status.good:
        decision = decision.then(end_with_problem(cells, monitor, fact.key, now))
    window = _blind_window(monitor, fact, before, blind_from_wall) if first and fact.key.profile else None
    if window is not None:
        decision = decision.then(_keep_window(cells, window))
    if not alerting:
        return decision
    blind = (window.start, window.end) if window is not None else None
    alerts = judge_alerts(cells, catalogue, after, now, at_once=first, blind=blind, letterhead=letterhead, standing=standing)
    return decision.then(alerts)


def _needs_second_run(monitor: Monitor, before: MonitorState | None, fact: CheckFinished, judgement: Judgement) -> bool:
    """Whether an error would change the status and no earlier run of this term has seen it."""
    if not monitor.verify_error or judgement.status is not Status.error:
        return False
    return before is None or (before.status is not Status.error and before.unconfirmed != fact.term)


def _unconfirmed(before: MonitorState | None, fact: CheckFinished, record: Record) -> Decision:
    """The error is written down and asks for a second run; status, counts, since and age stay as if it had not been.

    That one run has seen it is durable: a process that dies between the two runs does not forget it.
    """
    state = before if before is not None else MonitorState(key=fact.key)
    row = msgspec.structs.replace(record.row, unconfirmed=True)
    return Decision(
        {monitor_cell(fact.key): msgspec.structs.replace(state, unconfirmed=fact.term)},
        (Record(row=row), VerifyError(key=fact.key, manual=fact.manual)),
    )


def on_skip(cells: Cells, catalogue: Catalogue, fact: CheckSkipped, now: Now) -> Decision:
    """An overrun is counted. A run that a dependency forbade is nodata, with the reason; it tells nobody anything."""
    monitor = catalogue.monitor(fact.key)
    if monitor is None:
        return NOTHING
    cell = monitor_cell(fact.key)
    state: MonitorState = cells.get(cell) or MonitorState(key=fact.key)
    if fact.status == "overrun":
        return Decision({cell: msgspec.structs.replace(state, skipped=state.skipped + fact.runs)})
    since = state.since_wall if state.status is Status.nodata and state.because == DEPENDENCY else now.wall
    after = msgspec.structs.replace(
        state,
        status=Status.nodata,
        state_string=fact.why,
        because=DEPENDENCY,
        value=None,
        values={},
        since_wall=since,
        unconfirmed=-1,
    )
    row = ResultRow(
        profile=fact.key.profile,
        monitor_id=monitor.id,
        path=monitor.path,
        type=monitor.type,
        wall=now.wall,
        status=Status.nodata,
        state_string=fact.why,
        term=max(state.term, 0),
        node="",
        seq=0,
    )
    decision = Decision({cell: after}, (Record(row=row, started_mono=now.mono if monitor.error_frequency_s else None),))
    if Standing(cells, fact.key.profile, now.wall).downtime(monitor) is None:
        return decision
    return decision.then(Decision({cell: _uncounted(after)})).then(keep_silent(cells, catalogue, after))


def on_noop(fact: NoopFinished, now: Now) -> Decision:
    """The no-op monitor came through queue, runner and writer."""
    return Decision({Cell(PULSE): Pulse(started_mono=fact.started_mono, finished_mono=now.mono)})


def dependency_trouble(cells: Cells, catalogue: Catalogue, monitor: Monitor, profile: str) -> str:
    """Why a monitor is not run now because of what it depends on, "" when it may run.

    A dependency that is gone, switched off or has not been judged yet forbids nothing: not knowing is no reason to look away.
    A condition `good` is met by warning too: the dependency works.
    """
    if not monitor.depends_on:
        return ""
    key = MonitorKey(profile, monitor.depends_on)
    other = catalogue.monitor(key)
    state: MonitorState | None = cells.get(monitor_cell(key))
    if other is None or not other.enabled or state is None:
        return ""
    if state.status is Status.nodata and state.because != DEPENDENCY:
        return ""
    wanted = {monitor.depends_condition} | ({Status.warning} if monitor.depends_condition is Status.good else set())
    if state.status in wanted:
        return ""
    return f"not run: it depends on {other.path}, which is {state.status.value}, not {monitor.depends_condition.value}"


def _judged(monitor: Monitor, specs: Mapping[str, TypeSpec], fact: CheckFinished) -> Judgement:
    spec = specs.get(monitor.type)
    if spec is None:
        what = f"this node does not know the monitor type '{monitor.type}'"
        return Judgement(status=Status.error, because="internal", state_string=what)
    try:
        return judge(monitor, spec, fact.result)
    except Usage as error:  # loading refuses such thresholds; a result that nobody can judge must still be seen
        return Judgement(status=Status.error, because=error.what, state_string=str(error))


def _first_of_term(before: MonitorState | None, fact: CheckFinished) -> bool:
    """Whether the monitor is judged for the first time since this node began to act.

    A monitor of the own tree that never ran anywhere is just new.
    """
    if fact.key.profile:
        return before is None or before.term < fact.term
    return before is not None and before.last_wall > 0 and before.term < fact.term


def _state(
    monitor: Monitor, specs: Mapping[str, TypeSpec], fact: CheckFinished, judgement: Judgement, before: MonitorState | None
) -> MonitorState:
    status, result = judgement.status, fact.result
    counts = dict(before.counts) if before else {}
    row = counts.get(status, 0) + 1
    kept = counts if status is Status.nodata else {}
    same = before is not None and before.last_wall > 0 and before.status is status
    return MonitorState(
        key=fact.key,
        status=status,
        state_string=judgement.state_string,
        because=judgement.because,
        value=_main_value(specs.get(monitor.type), result.values),
        values=result.values,
        last_wall=fact.started_wall,
        since_wall=(before.since_wall or fact.started_wall) if same and before else fact.started_wall,
        started_mono=fact.started_mono,
        duration_s=result.duration_s,
        counts={**kept, status: row},
        term=fact.term,
        skipped=before.skipped if before else 0,
    )


def _uncounted(state: MonitorState) -> MonitorState:
    """A result in a downtime begins no row: the first one after it is the first of a row."""
    return msgspec.structs.replace(state, counts={state.status: 0})


def _counted_on(cells: Cells, catalogue: Catalogue, state: MonitorState) -> MonitorState:
    proven = counts_proven(cells, catalogue, state)
    if proven <= state.counts[state.status]:
        return state
    return msgspec.structs.replace(state, counts={**state.counts, state.status: proven})


def _main_value(spec: TypeSpec | None, values: Mapping[str, Value]) -> Value | None:
    """The value shown in lists: the first one its type declares, else the first one measured."""
    names = [value.name for value in spec.values] if spec else []
    return next((values[name] for name in (*names, *values) if name in values), None)


def _row(monitor: Monitor, fact: CheckFinished, judgement: Judgement) -> ResultRow:
    """Who records it fills in node and sequence number."""
    return ResultRow(
        profile=fact.key.profile,
        monitor_id=monitor.id,
        path=monitor.path,
        type=monitor.type,
        wall=fact.started_wall + fact.result.duration_s,
        status=judgement.status,
        state_string=judgement.state_string,
        values=fact.result.values,
        duration_s=fact.result.duration_s,
        term=fact.term,
        node="",
        seq=0,
    )


def _blind_window(monitor: Monitor, fact: CheckFinished, before: MonitorState | None, blind_from_wall: float) -> BlindWindow:
    """From the primary's last sign of life (else the last known result) to the start of this run."""
    start = blind_from_wall or (before.last_wall if before else 0.0) or fact.started_wall
    return BlindWindow(
        profile=fact.key.profile,
        monitor=monitor.id,
        path=monitor.path,
        term=fact.term,
        start=min(start, fact.started_wall),
        end=fact.started_wall,
    )


def _keep_window(cells: Cells, window: BlindWindow) -> Decision:
    def at(term: int) -> Cell:
        return blind_cell(window.profile, window.monitor, term)

    changes: dict[Cell, BlindWindow | None] = {at(window.term): window}
    oldest = window.term - WINDOWS_KEPT
    changes.update({at(term): None for term in range(max(0, oldest - WINDOWS_KEPT), oldest + 1) if cells.get(at(term))})
    return Decision(changes)
