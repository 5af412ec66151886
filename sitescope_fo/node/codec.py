"""How cells survive: which kinds do, in which type, and the table they lie in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sitescope_fo.engine.cells import Cell
from sitescope_fo.engine.state import (
    ACK,
    BLIND,
    DOWNTIME,
    LEDGER,
    MONITOR,
    OUTBOX,
    PRIMARY,
    PROFILE,
    TOLD,
    BlindWindow,
    LedgerRow,
    MonitorState,
    OutboxItem,
)
from sitescope_fo.engine.told import ToldMails
from sitescope_fo.failover.state import Journal as ProfileJournal
from sitescope_fo.failover.state import PrimaryJournal
from sitescope_fo.failover.timeline import TIMELINE, TimelineEntry
from sitescope_fo.model.ports import Work
from sitescope_fo.model.wire import Acknowledgement, Downtime
from sitescope_fo.store.cells import CellStore
from sitescope_fo.store.errors import StateUnreadable

STATE_LANE = "state"

_TYPES: dict[str, type[msgspec.Struct]] = {
    MONITOR: MonitorState,
    LEDGER: LedgerRow,
    OUTBOX: OutboxItem,
    BLIND: BlindWindow,
    TOLD: ToldMails,
    TIMELINE: TimelineEntry,
    ACK: Acknowledgement,
    DOWNTIME: Downtime,
    PROFILE: ProfileJournal,
    PRIMARY: PrimaryJournal,
}
_PART: dict[str, Callable[[Any], Any]] = {PROFILE: lambda state: state.journal, PRIMARY: lambda side: side.journal}


class StateJournal:
    """The writer's journal over `state.sqlite`."""

    def __init__(self, store: CellStore, work: Work) -> None:
        self._store, self._work = store, work

    def durable(self, kind: str) -> bool:
        """See `engine.writer.Journal`."""
        return kind in _TYPES

    def encode(self, cell: Cell, value: Any) -> bytes | None:  # noqa: ANN401  # each kind has its own type
        """See `engine.writer.Journal`. Of the two machines only the journal part survives."""
        if cell.kind not in _TYPES:
            return None
        part = _PART.get(cell.kind)
        return msgspec.json.encode(part(value) if part else value)

    async def commit(self, changes: Mapping[tuple[str, str], bytes | None]) -> None:
        """See `engine.writer.Journal`."""
        await self._work.run_blocking(self._store.commit, changes, lane=STATE_LANE)


def decode(rows: Mapping[tuple[str, str], bytes]) -> dict[Cell, Any]:
    """The values in the table: journals for the machines, whole values for the rest. Unknown kinds are a newer version's.

    Raises StateUnreadable when a value is not what its kind says.
    """
    values: dict[Cell, Any] = {}
    for (kind, cell_id), data in rows.items():
        if kind in _TYPES:
            try:
                values[Cell(kind, cell_id)] = msgspec.json.decode(data, type=_TYPES[kind])
            except msgspec.MsgspecError as error:
                raise StateUnreadable(
                    f"The state holds a {kind} that cannot be read: {error}", where=cell_id, hint="The file is set aside"
                ) from error
    return values
