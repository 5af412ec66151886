"""What two nodes tell each other about one tree beside its files: who was last told what, and the last result of each monitor.

The pair compares digests with every probe and sends a body only when they differ. Merging is idempotent and, for the ledger,
commutative: each entry has an order of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from sitescope_fo.engine.cells import Cell, Cells, Decision
from sitescope_fo.engine.state import LEDGER, OUTBOX, LedgerRow, MonitorState, OutboxItem, heard_cell, ledger_id, monitor_cell
from sitescope_fo.model.effect import LogEvent
from sitescope_fo.model.errors import Unverifiable
from sitescope_fo.model.fact import ChecksReceived, LedgerReceived
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Status
from sitescope_fo.model.wire import CheckState, CheckStates, Ledger, LedgerEntry, decode, encode

PART = 500
"""So many check states are merged in one decision; 10,000 at once held the loop for 0.1 s."""


class Told:
    """What was last told about the monitors of one tree: sent states and silent notes, never what waits in the outbox.

    Kept up row by row, for a probe asks each time and most rows stay. Both nodes give the same digest for the same rows, whatever
    the profile is called there: it is the sum of the rows' hashes, so one row less or more does not touch the others.
    """

    def __init__(self, profile: str) -> None:
        self._profile = profile
        self._known: dict[str, tuple[LedgerRow, LedgerEntry, int]] = {}
        self._sum = 0

    def body(self, cells: Cells) -> Ledger:
        """All of it, as it travels."""
        return Ledger(digest=self.digest(cells), entries=tuple(entry for _, entry, _ in self._known.values()))

    def digest(self, cells: Cells) -> str:
        """Its digest alone."""
        rows = {name: row for name, row in cells.of(LEDGER).items() if row.profile == self._profile}
        for name in [name for name in self._known if name not in rows]:
            self._sum -= self._known.pop(name)[2]
        for name, row in rows.items():
            known = self._known.get(name)
            if known is None or known[0] is not row:
                self._sum -= known[2] if known is not None else 0
                entry = _entry(row)
                mark = int.from_bytes(hashlib.sha256(msgspec.json.encode(entry)).digest())
                self._known[name] = (row, entry, mark)
                self._sum += mark
        return f"{len(self._known)}-{self._sum % 2**256:064x}"


def ledger_body(cells: Cells, profile: str) -> Ledger:
    """What was last told about the monitors of a tree. See `Told`."""
    return Told(profile).body(cells)


def checks_body(states: Iterable[MonitorState], profile: str) -> CheckStates:
    """The last result of each monitor of a tree that ever ran. For 10,000 this takes 0.1 s: off the loop, over a list of them."""
    found = tuple(
        CheckState(
            monitor=state.key.id,
            status=state.status,
            state_string=state.state_string,
            wall=state.last_wall,
            counts={status.value: count for status, count in sorted(state.counts.items())},
            value=state.value,
            since=state.since_wall,
        )
        for state in states
        if state.key.profile == profile and state.last_wall > 0
    )
    return CheckStates(digest=hashlib.sha256(msgspec.json.encode(found)).hexdigest(), states=found)


def checks_parts(data: bytes, at_most: int = PART) -> list[bytes]:
    """A body of check states as bodies that are merged one by one. Raises Unverifiable. Off the loop, as `checks_body`."""
    body = decode(data, CheckStates)
    firsts = range(0, len(body.states), at_most)
    return [encode(CheckStates(digest=body.digest, states=body.states[at : at + at_most])) for at in firsts]


def ledger_heard(cells: Cells, profile: str) -> str:
    """The digest of the peer's ledger as last merged in this life; fetch it again when the peer's digest is another one."""
    return str(cells.get(heard_cell(profile, LEDGER)) or "")


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
        cell = Cell(LEDGER, ledger_id(fact.profile, entry.monitor, entry.alert, entry.recipient))
        mine: LedgerRow | None = cells.get(cell)
        if mine is not None and mine.age >= (entry.term, entry.transition, entry.repeat, entry.wall):
            continue
        row = LedgerRow(profile=fact.profile, **msgspec.structs.asdict(entry))
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
    changes: dict[Cell, MonitorState] = {}
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


def _entry(row: LedgerRow) -> LedgerEntry:
    return LedgerEntry(
        monitor=row.monitor,
        alert=row.alert,
        recipient=row.recipient,
        status=row.status,
        transition=row.transition,
        repeat=row.repeat,
        term=row.term,
        wall=row.wall,
        again=row.again,
    )


def _unreadable(profile: str, what: str, error: Unverifiable) -> Decision:
    said = LogEvent(
        event="exchange_unreadable", what=f"the peer's {what} cannot be read: {error.what}", level="ERROR", profile=profile
    )
    return Decision(effects=(said,))
