"""The engine's own cells: monitors, the ledger of what was notified, the outbox, blind windows."""

from __future__ import annotations

from typing import Literal

import msgspec

from sitescope_fo.model.monitor import MonitorKey, Value
from sitescope_fo.model.status import Status

MONITOR = "monitor"
LEDGER = "ledger"
OUTBOX = "outbox"
BLIND = "blind"
PROFILE = "profile"
PRIMARY = "primary"
PULSE = "pulse"


class MonitorState(msgspec.Struct, frozen=True, kw_only=True):
    """The last judgement of one monitor. Durable; `counts` are results in a row per status."""

    key: MonitorKey
    status: Status = Status.nodata
    state_string: str = ""
    because: str = ""
    value: Value | None = None
    values: dict[str, Value] = {}
    last_wall: float = 0.0
    started_mono: float = 0.0
    duration_s: float = 0.0
    counts: dict[Status, int] = {}
    term: int = -1
    """The term of the last result; a monitor of an acting profile whose term is older is waiting for its first run."""
    skipped: int = 0
    """Runs missed since the process started because the last one was still going."""


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

    @property
    def id(self) -> str:
        """The cell id."""
        return ledger_id(self.profile, self.monitor, self.alert, self.recipient)


def ledger_id(profile: str, monitor: str, alert: str, recipient: str) -> str:
    """The cell id of a ledger row."""
    return f"{profile}\x1f{monitor}\x1f{alert}\x1f{recipient}"


class OutboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """One mail that must leave. Durable before anything is sent."""

    id: str
    kind: Literal["alert", "role"]
    profile: str
    key: str
    """An unsent item with the same key is replaced; for alerts the ledger id."""
    to: str
    subject: str
    text: str
    message_id: str
    created_wall: float
    event: str = ""
    tells: LedgerRow | None = None
    """What the ledger says once it is sent."""
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
