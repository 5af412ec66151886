"""What two nodes tell each other about one tree beside its files: who was last told what, and the last result of each monitor.

The pair compares digests with every probe and sends a body only when they differ. Merging is idempotent and, for the ledger,
commutative: each entry has an order of its own.
"""

from __future__ import annotations

import hashlib

import msgspec

from sitescope_fo.engine.cells import Cell, Cells, Decision
from sitescope_fo.engine.state import LEDGER, MONITOR, OUTBOX, LedgerRow, MonitorState, OutboxItem, heard_cell, monitor_cell
from sitescope_fo.model.effect import LogEvent
from sitescope_fo.model.errors import Unverifiable
from sitescope_fo.model.fact import ChecksReceived, LedgerReceived
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Status
from sitescope_fo.model.wire import CheckState, CheckStates, Ledger, LedgerEntry, decode


def ledger_body(cells: Cells, profile: str) -> Ledger:
    """What was last told about the monitors of a tree. Sent states and silent notes only, never what waits in the outbox.

    Both nodes give the same digest for the same rows, whatever the profile is called there.
    """
    entries = tuple(
        LedgerEntry(
            monitor=row.monitor,
            alert=row.alert,
            recipient=row.recipient,
            status=row.status,
            transition=row.transition,
            repeat=row.repeat,
            term=row.term,
            wall=row.wall,
        )
        for row in sorted(_rows(cells, profile), key=lambda row: (row.monitor, row.alert, row.recipient))
    )
    return Ledger(digest=_digest(entries), entries=entries)


def checks_body(cells: Cells, profile: str) -> CheckStates:
    """The last result of each monitor of a tree that ever ran."""
    states = tuple(
        CheckState(
            monitor=state.key.id,
            status=state.status,
            state_string=state.state_string,
            wall=state.last_wall,
            counts={status.value: count for status, count in sorted(state.counts.items())},
            value=state.value,
            since=state.since_wall,
        )
        for state in sorted(_states(cells, profile), key=lambda state: state.key.id)
    )
    return CheckStates(digest=_digest(states), states=states)


def ledger_heard(cells: Cells, profile: str) -> str:
    """The digest of the peer's ledger as last merged in this life; fetch it again when the peer's digest is another one."""
    return str(cells.get(heard_cell(profile, LEDGER)) or "")


def checks_heard(cells: Cells, profile: str) -> str:
    """The digest of the peer's check states as last merged in this life."""
    return str(cells.get(heard_cell(profile, MONITOR)) or "")


def merge_ledger(cells: Cells, fact: LedgerReceived, _now: Now) -> Decision:
    """Takes over each entry that wins: the higher (term, transition, repeat), then the later wall time.

    A mail that still waits here although the peer has told the same recipient in a newer term is dropped.
    """
    try:
        body = decode(fact.data, Ledger)
    except Unverifiable as error:
        return _unreadable(fact.profile, "ledger", error)
    changes: dict[Cell, LedgerRow | OutboxItem | str | None] = {heard_cell(fact.profile, LEDGER): body.digest}
    for entry in body.entries:
        row = LedgerRow(profile=fact.profile, **msgspec.structs.asdict(entry))
        cell = Cell(LEDGER, row.id)
        if not row.newer_than(cells.get(cell)):
            continue
        changes[cell] = row
        item: OutboxItem | None = cells.get(Cell(OUTBOX, row.id))
        if item is not None and item.tells is not None and item.tells.term < row.term:
            changes[Cell(OUTBOX, row.id)] = None
    return Decision(changes)


def merge_checks(cells: Cells, fact: ChecksReceived, _now: Now) -> Decision:
    """Takes over each result that is newer than the own one. The term stays: here the monitor has not run in the peer's."""
    try:
        body = decode(fact.data, CheckStates)
    except Unverifiable as error:
        return _unreadable(fact.profile, "check states", error)
    changes: dict[Cell, MonitorState | str] = {heard_cell(fact.profile, MONITOR): body.digest}
    for theirs in body.states:
        key = MonitorKey(fact.profile, theirs.monitor)
        mine: MonitorState | None = cells.get(monitor_cell(key))
        if mine is None or theirs.wall > mine.last_wall:
            changes[monitor_cell(key)] = _taken_over(key, theirs, mine)
    return Decision(changes)


def _taken_over(key: MonitorKey, theirs: CheckState, mine: MonitorState | None) -> MonitorState:
    known = {status.value: status for status in Status}
    return MonitorState(
        key=key,
        status=theirs.status,
        state_string=theirs.state_string,
        value=theirs.value,
        last_wall=theirs.wall,
        since_wall=theirs.since or theirs.wall,
        counts={known[name]: count for name, count in theirs.counts.items() if name in known},
        term=mine.term if mine else -1,
        skipped=mine.skipped if mine else 0,
    )


def _rows(cells: Cells, profile: str) -> list[LedgerRow]:
    return [row for row in cells.of(LEDGER).values() if row.profile == profile]


def _states(cells: Cells, profile: str) -> list[MonitorState]:
    return [state for state in cells.of(MONITOR).values() if state.key.profile == profile and state.last_wall > 0]


def _digest(values: tuple[LedgerEntry, ...] | tuple[CheckState, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()


def _unreadable(profile: str, what: str, error: Unverifiable) -> Decision:
    said = LogEvent(
        event="exchange_unreadable", what=f"the peer's {what} cannot be read: {error.what}", level="ERROR", profile=profile
    )
    return Decision(effects=(said,))
