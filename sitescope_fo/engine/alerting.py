"""From judgements to mails that must leave and ledger rows. Pure.

Everything is compared with what each recipient was last told (ledger, or the mail that waits), never with counters alone; see
`alert_rules`. So a crash, a takeover and a hand-back give neither a second mail nor none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

import msgspec

from sitescope_fo.engine.alert_rules import Move, least_count, move, silenced
from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.cells import NOTHING, Cell, Cells, Decision
from sitescope_fo.engine.operator_state import Standing
from sitescope_fo.engine.state import BLIND, LEDGER, MONITOR, OUTBOX, LedgerRow, MonitorState, OutboxItem, heard_cell, ledger_id
from sitescope_fo.model.effect import LogEvent
from sitescope_fo.model.monitor import Alert, Monitor, MonitorKey
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Status
from sitescope_fo.notify.alert_mail import Letterhead, Occasion, write_alert
from sitescope_fo.notify.outbox import drop_alert_mails, put
from sitescope_fo.notify.templates import Letter

PLAIN = Letterhead()
Window = tuple[float, float]


def judge_alerts(
    cells: Cells,
    catalogue: Catalogue,
    state: MonitorState,
    now: Now,
    *,
    at_once: bool = False,
    blind: Window | None = None,
    letterhead: Letterhead = PLAIN,
    standing: Standing | None = None,
) -> Decision:
    """The mails and ledger rows that `state`, just judged, asks for.

    `at_once`: the first judgement of a term (see `alert_rules`); `blind`: the window nobody watched before it. In a downtime
    nobody is told anything, and the mails that still waited are dropped. `standing`: what holds now, when it is known.
    """
    monitor = catalogue.monitor(state.key)
    if monitor is None or not monitor.enabled:
        return NOTHING
    standing = standing or Standing(cells, state.key.profile, now.wall)
    if standing.downtime(monitor) is not None:
        return keep_silent(cells, catalogue, state)
    acknowledged = standing.acknowledgement(monitor.id) is not None
    desk = _Desk(cells, state, monitor, now, letterhead)
    decision = NOTHING
    for alert, recipient in _listeners(catalogue, state.key):
        told = last_told(cells, state, alert, recipient)
        count = state.counts.get(state.status, 0)
        what, repeat = move(alert, state.status, count, told, at_once=at_once, acknowledged=acknowledged)
        decision = decision.then(desk.without_leftover(alert, recipient))
        decision = decision.then(desk.carry_out(what, alert, recipient, told, repeat=repeat, blind=blind))
    return decision


def keep_silent(cells: Cells, catalogue: Catalogue, state: MonitorState) -> Decision:
    """What a result in a downtime leads to: mails about the monitor that still wait are dropped, rows are marked as broken."""
    changes: dict[Cell, LedgerRow | None] = {}
    for alert, recipient in _listeners(catalogue, state.key):
        address = ledger_id(state.key.profile, state.key.id, alert.id, recipient)
        item: OutboxItem | None = cells.get(Cell(OUTBOX, address))
        if item is not None and not item.dead:
            changes[Cell(OUTBOX, address)] = None
        row = silenced(alert, cells.get(Cell(LEDGER, address)))
        if row is not None:
            changes[Cell(LEDGER, address)] = msgspec.structs.replace(row, term=max(row.term, state.term))
    return Decision(dict(changes)) if changes else NOTHING


def last_told(cells: Cells, state: MonitorState, alert: Alert, recipient: str) -> LedgerRow | None:
    """What the recipient knows or will know from the mail that waits; a mail left over from an earlier term does not count."""
    address = ledger_id(state.key.profile, state.key.id, alert.id, recipient)
    row: LedgerRow | None = cells.get(Cell(LEDGER, address))
    item: OutboxItem | None = cells.get(Cell(OUTBOX, address))
    waiting = item.tells if item is not None and item.tells is not None and item.tells.term >= state.term else None
    return waiting if waiting is not None and waiting.newer_than(row) else row


def counts_proven(cells: Cells, catalogue: Catalogue, state: MonitorState) -> int:
    """The least count of the state's status that the mails already sent about it prove."""
    proven = 0
    for alert, recipient in _listeners(catalogue, state.key):
        told = last_told(cells, state, alert, recipient)
        if told is not None and told.status is state.status is alert.on and not told.again:
            proven = max(proven, least_count(alert, told))
    return proven


def rejudge(cells: Cells, catalogue: Catalogue, profile: str, now: Now, *, letterhead: Letterhead = PLAIN) -> Decision:
    """Drops the profile's alert mails that wait and judges each monitor's state now against what was last told.

    Monitors that have not run in the newest term are left: their first result judges them.
    """
    dropped = drop_alert_mails(cells, profile)
    view = _Without(cells, dropped)
    states: list[MonitorState] = [state for state in cells.of(MONITOR).values() if state.key.profile == profile]
    term = max((state.term for state in states), default=0)
    decision, standing = dropped, Standing(cells, profile, now.wall)
    for state in states:
        if state.term != term or state.last_wall == 0.0:
            continue
        waited = [item for item in _waiting(cells, catalogue, state.key) if not item.dead]
        blind = next((item.blind for item in waited if item.blind is not None), None)
        decision = decision.then(
            judge_alerts(view, catalogue, state, now, at_once=bool(waited), blind=blind, letterhead=letterhead, standing=standing)
        )
    return decision


def forget_removed(cells: Cells, catalogue: Catalogue, profile: str) -> Decision:
    """Drops what is kept about monitors and alerts that the profile's (loaded) tree no longer has.

    Those are states, ledger rows, mails that wait and blind windows; mails about a monitor that was switched off are dropped too.
    """
    monitors = catalogue.monitors(profile)
    alerts = {alert.id for alert in catalogue.tree(profile).alerts}
    gone: dict[Cell, None] = {}
    for cell_id, state in cells.of(MONITOR).items():
        if state.key.profile == profile and state.key.id not in monitors:
            gone[Cell(MONITOR, cell_id)] = None
    for cell_id, row in cells.of(LEDGER).items():
        if row.profile == profile and (row.monitor not in monitors or row.alert not in alerts):
            gone[Cell(LEDGER, cell_id)] = None
            gone[heard_cell(profile, LEDGER)] = None
    for cell_id, item in cells.of(OUTBOX).items():
        if item.tells is None or item.profile != profile:
            continue
        monitor = monitors.get(item.tells.monitor)
        if monitor is None or not monitor.enabled or item.tells.alert not in alerts:
            gone[Cell(OUTBOX, cell_id)] = None
    for cell_id, window in cells.of(BLIND).items():
        if window.profile == profile and window.monitor not in monitors:
            gone[Cell(BLIND, cell_id)] = None
    return Decision(dict(gone)) if gone else NOTHING


def forget_profile(cells: Cells, profile: str) -> Decision:
    """Drops everything that is kept about a profile's monitors."""
    return forget_removed(cells, Catalogue(), profile)


def message_id(alert: str, monitor: str, recipient: str, status: Status, *, transition: int, repeat: int, base_term: int) -> str:
    """The Message-ID of an alert mail: the same on both nodes when both judge from the same ledger row.

    Copies of one event collapse downstream and different events never do (3-failover.md, mirror rules). `base_term` is the term
    of the ledger row the decision started from, 0 without one.
    """
    parts = [alert, monitor, recipient, transition, status.value, repeat, base_term]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return f"<{digest[:40]}@alert.sitescope-fo>"


class _Without:
    """A view of the state with changes laid over it."""

    def __init__(self, cells: Cells, changes: Decision) -> None:
        self._cells, self._changes = cells, changes.changes

    def get(self, cell: Cell) -> object:
        return self._changes[cell] if cell in self._changes else self._cells.get(cell)

    def of(self, kind: str) -> Mapping[str, object]:
        return self._cells.of(kind)


class _Desk:
    """Turns the moves about one monitor into cells."""

    def __init__(self, cells: Cells, state: MonitorState, monitor: Monitor, now: Now, letterhead: Letterhead) -> None:
        self._cells, self._state, self._monitor, self._now, self._letterhead = cells, state, monitor, now, letterhead
        self._letters: dict[Occasion, Letter] = {}

    def without_leftover(self, alert: Alert, recipient: str) -> Decision:
        """Takes out a mail that an earlier term left: it is no longer known to be true, and this judgement replaces it."""
        key = self._state.key
        cell = Cell(OUTBOX, ledger_id(key.profile, key.id, alert.id, recipient))
        item: OutboxItem | None = self._cells.get(cell)
        left = item is not None and item.tells is not None and item.tells.term < self._state.term
        return Decision({cell: None}) if left else NOTHING

    def carry_out(
        self, what: Move, alert: Alert, recipient: str, told: LedgerRow | None, *, repeat: int, blind: Window | None
    ) -> Decision:
        """The cells of one move."""
        if what is Move.nothing:
            return NOTHING
        row = self._row(what, alert, recipient, told, repeat)
        if what is Move.note:
            return Decision({Cell(LEDGER, row.id): row})
        base_term = told.term if told else 0
        mail_id = message_id(
            alert.id,
            row.monitor,
            recipient,
            row.status,
            transition=row.transition,
            repeat=row.repeat,
            base_term=base_term,
        )
        letter = self._letter(Occasion(alert=alert, repeat=repeat, told=told if what is Move.recover else None, blind=blind))
        item = OutboxItem(
            id=f"{row.id}\x1e{mail_id}",
            kind="alert",
            profile=row.profile,
            key=row.id,
            to=recipient,
            subject=letter.subject,
            text=letter.text,
            message_id=mail_id,
            created_wall=self._now.wall,
            event="recovery" if what is Move.recover else "alert",
            tells=row,
            blind=blind,
        )
        return put(self._cells, item, self._now).then(self._said(letter))

    def _row(self, what: Move, alert: Alert, recipient: str, told: LedgerRow | None, repeat: int) -> LedgerRow:
        state = self._state
        before = told.transition if told else 0
        return LedgerRow(
            profile=state.key.profile,
            monitor=state.key.id,
            alert=alert.id,
            recipient=recipient,
            status=state.status,
            transition=before if what is Move.remind else before + 1,
            repeat=repeat,
            term=max(state.term, told.term if told else 0),
            wall=self._now.wall,
        )

    def _letter(self, occasion: Occasion) -> Letter:
        """One text for all recipients that are told the same."""
        if occasion not in self._letters:
            self._letters[occasion] = write_alert(self._monitor, self._state, occasion, self._letterhead)
        return self._letters[occasion]

    def _said(self, letter: Letter) -> Decision:
        if not letter.problem:
            return NOTHING
        what = LogEvent(event="mail_template", what=letter.problem, level="ERROR", profile=self._state.key.profile)
        return Decision(effects=(what,))


def _listeners(catalogue: Catalogue, key: MonitorKey) -> Iterator[tuple[Alert, str]]:
    for alert in catalogue.alerts_for(key):
        for recipient in catalogue.recipients(key.profile, alert):
            yield alert, recipient


def _waiting(cells: Cells, catalogue: Catalogue, key: MonitorKey) -> Iterator[OutboxItem]:
    for alert, recipient in _listeners(catalogue, key):
        item: OutboxItem | None = cells.get(Cell(OUTBOX, ledger_id(key.profile, key.id, alert.id, recipient)))
        if item is not None:
            yield item
