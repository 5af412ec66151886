"""`monitor_history`: what a plot of one monitor shows, from the daily results and from what the state remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from sitescope_fo.engine.cells import Cell
from sitescope_fo.engine.judging import WINDOWS_KEPT
from sitescope_fo.engine.state import OUTBOX, BlindWindow, MonitorState, OutboxItem, blind_cell, ledger_id, monitor_cell
from sitescope_fo.engine.told import ToldMails, told_cell
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.record import AlertTold, BlindSpan, MonitorHistory, Outcome, OverlapSpan
from sitescope_fo.model.status import Status
from sitescope_fo.node import plot
from sitescope_fo.node.find import nearest_hint
from sitescope_fo.node.moments import moment_of
from sitescope_fo.node.monitor_rows import stamp
from sitescope_fo.store.results import ResultLog, ResultRow
from sitescope_fo.store.stamp import day_of

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

BACK = "6h"
POINTS, MOST_POINTS = 200, 1000
MOST_RESULTS = 50_000
"""Read at most, the newest ones: five weeks of a result a minute."""
PAGE = 5000
HOLDS = 3
"""A status holds for so many intervals without a result."""


async def history_of(node: Node, key: MonitorKey, params: Mapping[str, str], points: int) -> MonitorHistory:
    """The answer. Raises Usage for a moment or value that makes no sense, StoreWriteFailed for a damaged day."""
    wall, monitor = node.ports.clock.wall(), node.world.catalogue.monitor(key)
    if monitor is None:
        raise Usage(f"There is no monitor '{params['path']}'", where="path", code="not_found")
    since = moment_of(params.get("from") or BACK, wall, where="from")
    until = moment_of(params["to"], wall, where="to") if params.get("to") else wall
    if until <= since:
        raise Usage(
            "The end lies before the beginning", where="to", hint="Give a later `to`, or an earlier `from`", code="bad_moment"
        )
    spec = node.world.specs.get(monitor.type)
    state: MonitorState | None = node.writer.table.get(monitor_cell(key))
    names = plot.value_names(spec, state.values if state is not None else {})
    name = params.get("value") or plot.value_shown(spec, names)
    if name and name not in names:
        raise Usage(
            f"'{name}' is no number that this monitor measures", where="value", hint=nearest_hint(name, names), code="bad_value"
        )
    await node.records.drain()
    rows, cut = await node.ports.work.run_blocking(_read, node.records.results, key, since, until, node.ports.breathe)
    slowest_s = max(monitor.frequency_s, monitor.error_frequency_s)
    return MonitorHistory(
        path=monitor.path,
        profile=key.profile,
        since=stamp(since),
        until=stamp(until),
        name=name,
        unit=next((value.unit for value in spec.values if value.name == name), "") if spec is not None else "",
        names=names,
        points=plot.points_of(rows, name, since, until, min(max(points, 1), MOST_POINTS)),
        thresholds=plot.lines_of(monitor, spec, name),
        states=plot.spans_of(rows, until, HOLDS * slowest_s + monitor.timeout_s),
        blind=tuple(_blind(node, key, since, until)),
        overlaps=tuple(_overlaps(node, key.profile, since, until)),
        alerts=tuple(alert for at, alert in sorted(_alerts(node, key), key=lambda one: one[0]) if since <= at <= until),
        cut=stamp(rows[0].wall) if cut else None,
    )


def _read(
    log: ResultLog, key: MonitorKey, since: float, until: float, breathe: Callable[[], None]
) -> tuple[list[ResultRow], bool]:
    """The results of that time, oldest first, and whether older ones were too many. Blocking."""
    first, last = day_of(since), day_of(until)
    pages: list[list[ResultRow]] = []
    left = MOST_RESULTS
    for day in reversed([day for day in log.days() if first <= day <= last]):
        before = until
        while left:
            size = min(PAGE, left)
            page = log.read(
                day, monitor_id=key.id, profile=key.profile, since_wall=since, before_wall=before, limit=size, newest=True
            )
            pages.append(page)
            left -= len(page)
            breathe()
            if len(page) < size:
                break
            before = page[0].wall
    rows = [row for page in reversed(pages) for row in page if not row.unconfirmed]
    return rows, not left


def _blind(node: Node, key: MonitorKey, since: float, until: float) -> Iterator[BlindSpan]:
    newest = node.term_of(key.profile)
    for term in range(max(0, newest - 2 * WINDOWS_KEPT), newest + 1):
        window: BlindWindow | None = node.writer.table.get(blind_cell(key.profile, key.id, term))
        if window is not None and window.end > since and window.start < until:
            yield BlindSpan(since=stamp(window.start), until=stamp(window.end))


def _overlaps(node: Node, profile: str, since: float, until: float) -> Iterator[OverlapSpan]:
    state = node.profile_state(profile) if profile else None
    for one in state.journal.overlaps if state is not None else ():
        if one.since_wall < until and (not one.until_wall or one.until_wall > since):
            yield OverlapSpan(since=stamp(one.since_wall), until=stamp(one.until_wall) or None, why=one.why)


def _alerts(node: Node, key: MonitorKey) -> Iterator[tuple[float, AlertTold]]:
    """The mails about it that this node has sent, and those that wait or were refused."""
    cells, catalogue = node.writer.table, node.world.catalogue
    names = {alert.id: alert.name for alert in catalogue.tree(key.profile).alerts}
    kept: ToldMails | None = cells.get(told_cell(key.profile, key.id))
    for mail in kept.mails if kept is not None else ():
        yield mail.wall, _told(mail.wall, names.get(mail.alert, mail.alert), mail.to, mail.status, "sent")
    for alert in catalogue.alerts_for(key):
        for to in catalogue.recipients(key.profile, alert):
            item: OutboxItem | None = cells.get(Cell(OUTBOX, ledger_id(key.profile, key.id, alert.id, to)))
            if item is not None and item.tells is not None:
                outcome: Outcome = "refused" if item.dead else "waiting"
                yield item.created_wall, _told(item.created_wall, alert.name, to, item.tells.status, outcome)


def _told(wall: float, name: str, to: str, status: Status, outcome: Outcome) -> AlertTold:
    return AlertTold(at=stamp(wall), name=name, to=to, status=status.value, outcome=outcome)
