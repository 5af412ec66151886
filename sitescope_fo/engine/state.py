"""The engine's own cells: monitors, the ledger of what was notified, the outbox, blind windows."""

from __future__ import annotations

from typing import Literal

import msgspec

from sitescope_fo.engine.cells import Cell
from sitescope_fo.model.monitor import MonitorKey, Value
from sitescope_fo.model.status import Status

MONITOR = "monitor"
LEDGER = "ledger"
OUTBOX = "outbox"
BLIND = "blind"
TOLD = "told"
ACK = "ack"
DOWNTIME = "downtime"
PROFILE = "profile"
PRIMARY = "primary"
PULSE = "pulse"
HEARD = "heard"
TRACED = frozenset({MONITOR, ACK})
"""Kinds whose cells show in one row of the list of monitors each."""


class MonitorState(msgspec.Struct, frozen=True, kw_only=True):
    """The last judgement of one monitor. Durable.

    `counts` are results in a row per status; `nodata` counts by itself and does not break a row, for it says nothing.
    """

    key: MonitorKey
    status: Status = Status.nodata
    state_string: str = ""
    because: str = ""
    value: Value | None = None
    values: dict[str, Value] = {}
    last_wall: float = 0.0
    """When the last run started; 0 = never ran. A skipped run leaves it."""
    since_wall: float = 0.0
    """When the first result in a row with this status was started."""
    started_mono: float = 0.0
    duration_s: float = 0.0
    counts: dict[Status, int] = {}
    term: int = -1
    """The term of the last result; a monitor of an acting profile whose term is older is waiting for its first run."""
    skipped: int = 0
    """Runs missed since the process started because the last one was still going."""
    unconfirmed: int = -1
    """The term in which one run has seen an error that waits for its second run (`verify_error`); -1 = none."""


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one recipient was last told about one monitor by one alert. Durable, mirrored."""

    profile: str
    monitor: str
    alert: str
    recipient: str
    status: Status
    transition: int
    repeat: int
    term: int
    wall: float
    again: bool = False
    """A downtime has broken the row since, or nobody knows whether a mail was taken: the same status is told again."""

    @property
    def id(self) -> str:
        """The cell id."""
        return ledger_id(self.profile, self.monitor, self.alert, self.recipient)

    def newer_than(self, other: LedgerRow | None) -> bool:
        """Whether this row wins over `other`: the higher (term, transition, repeat), then the later wall time."""
        return other is None or self.age > other.age

    @property
    def age(self) -> tuple[int, int, int, float]:
        """What the rows of one recipient are ordered by."""
        return self.term, self.transition, self.repeat, self.wall


def ledger_id(profile: str, monitor: str, alert: str, recipient: str) -> str:
    """The cell id of a ledger row."""
    return f"{profile}\x1f{monitor}\x1f{alert}\x1f{recipient}"


def monitor_cell(key: MonitorKey) -> Cell:
    """Where the state of a monitor lies."""
    return Cell(MONITOR, str(key))


def ack_cell(key: MonitorKey) -> Cell:
    """Where the acknowledgement of a monitor lies."""
    return Cell(ACK, f"{key.profile}\x1f{key.id}")


def downtime_cell(profile: str, downtime_id: str) -> Cell:
    """Where a downtime of a tree lies."""
    return Cell(DOWNTIME, f"{profile}\x1f{downtime_id}")


def blind_cell(profile: str, monitor: str, term: int) -> Cell:
    """Where the blind window before the first result of a term lies."""
    return Cell(BLIND, f"{profile}\x1f{monitor}\x1f{term}")


def heard_cell(profile: str, what: str) -> Cell:
    """Where the digest of the peer's last merged ledger (`what` LEDGER) or operator state (ACK) lies. Not durable."""
    return Cell(HEARD, f"{what}\x1f{profile}")


class OutboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """One mail that must leave. Durable before anything is sent.

    It lies in the cell `key`: the newest thing to tell about a key is the only one that waits.
    """

    id: str
    """`key`, a separator and `message_id`: a mail that was replaced while a server took it is not mistaken for its successor."""
    kind: Literal["alert", "role"]
    profile: str
    key: str
    """The cell id. An unsent item with the same key is replaced; for alerts the ledger id."""
    to: str
    subject: str
    text: str
    message_id: str
    created_wall: float
    waiting_since_mono: float = 0.0
    """Since when something with this key waits, on the boot-time clock (replacing keeps it)."""
    event: str = ""
    tells: LedgerRow | None = None
    """What the ledger says once it is sent."""
    blind: tuple[float, float] | None = None
    """The blind window the text speaks of (POSIX seconds), for mails about what was first seen after a failover."""
    attempts: int = 0
    next_try_mono: float = 0.0
    last_error: str = ""
    dead: bool = False
    """A server refused it for good; kept for people, not retried."""


class BlindWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody watched this monitor from `start` to `end` (POSIX seconds)."""

    profile: str
    monitor: str
    path: str
    term: int
    start: float
    end: float


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """The last no-op monitor that came all the way through. Not durable."""

    started_mono: float
    finished_mono: float
