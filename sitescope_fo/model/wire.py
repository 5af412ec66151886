"""What travels between nodes: one type a body, `wire = 1` in every body, unknown fields ignored.

| route | request | reply |
|---|---|---|
| `GET /api/v1/health` | - | `Health` |
| `GET /api/v1/mirror/manifest` | - (entity tag) | `Manifest`, 304 when unchanged |
| `POST /api/v1/mirror/files` | `FilesRequest` | uncompressed tar of exactly those files, in manifest order |
| `GET /api/v1/state/ledger` | - | `Ledger`: what was last notified |
| `PUT /api/v1/state/ledger` | `Ledger` | `Done` |
| `GET /api/v1/state/checks` | - | `CheckStates`: last result and counters of each monitor |
| `PUT /api/v1/state/checks` | `CheckStates` | `Done` |
| `POST /api/v1/handover/boot-check` | `BootCheck` | `BootCheckReply` |
| `POST /api/v1/handover/yield` | `YieldRequest` | `YieldReply` |
| `POST /api/v1/handover/step` | `StepRequest` | `StepReply` |
| `POST /api/v1/handover/goodbye` | `GoodbyeNotice` | `Done` |
| `PUT /api/v1/peers/{node}` | `Announcement` | `AnnouncementReply` |

Times are POSIX seconds (UTC) by the sender's wall clock; ages and durations are seconds.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from sitescope_fo.model.errors import Unverifiable
from sitescope_fo.model.monitor import Value
from sitescope_fo.model.status import PrimaryState, Role, Status
from sitescope_fo.model.version import WIRE

HEALTH = "/api/v1/health"
MANIFEST = "/api/v1/mirror/manifest"
FILES = "/api/v1/mirror/files"
LEDGER = "/api/v1/state/ledger"
CHECKS = "/api/v1/state/checks"
BOOT_CHECK = "/api/v1/handover/boot-check"
YIELD = "/api/v1/handover/yield"
STEP = "/api/v1/handover/step"
GOODBYE = "/api/v1/handover/goodbye"
PEERS = "/api/v1/peers/"


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The root of every body."""

    wire: int = WIRE


class Done(Body, frozen=True, kw_only=True):
    """It is done."""

    ok: bool = True
    detail: str = ""


class Health(Body, frozen=True, kw_only=True):
    """What a node says of itself; on a primary, `state` running and a small `scheduler_age_s` make it a proof of life."""

    node_id: str
    boot_id: str
    role: Role
    host: str
    version: str
    state: PrimaryState = PrimaryState.unknown
    position: str = ""
    """On a failover asked by its primary: the position of the profile that protects the asker."""
    term: int = 0
    scheduler_age_s: float = 0.0
    running: int = 0
    overdue: int = 0
    loop_lag_p99_ms: float = 0.0
    outbox_depth: int = 0
    outbox_age_s: float = 0.0
    outbox_stuck: bool = False
    disk_free_bytes: int = 0
    disk_full: bool = False
    revision: str = ""
    """Revision of the manifest a mirror would get now."""
    monitors: int = 0
    ledger_digest: str = ""
    checks_digest: str = ""
    operator_digest: str = ""
    wall: float = 0.0
    licence: str = "community"
    certificate_expires: float = 0.0
    home: str = ""
    user: str = ""


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One mirrored file: path relative to the home with `/`, size in bytes, permission bits, content hash in hex."""

    path: str
    size: int
    mode: int
    sha256: str


class SkippedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not mirrored, and why (`symlink`, `special file`, `unreadable`, `bad name`)."""

    path: str
    why: str


class Manifest(Body, frozen=True, kw_only=True):
    """Everything a mirror holds. `revision` = sha256 of the canonical JSON of `files`, sorted by path."""

    node_id: str
    revision: str
    files: tuple[FileEntry, ...]
    skipped: tuple[SkippedFile, ...] = ()


class FilesRequest(Body, frozen=True, kw_only=True):
    """Send these files as they stand in that revision; refused (`revision_gone`) when the tree has moved on."""

    revision: str
    paths: tuple[str, ...]


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one recipient was last told about one monitor by one alert. Sent states only, never intents."""

    monitor: str
    alert: str
    recipient: str
    status: Status
    transition: int
    repeat: int
    term: int
    wall: float


class Ledger(Body, frozen=True, kw_only=True):
    """The whole ledger of one primary's tree."""

    digest: str
    entries: tuple[LedgerEntry, ...] = ()


class CheckState(msgspec.Struct, frozen=True, kw_only=True):
    """The last result of one monitor and how often in a row it was that."""

    monitor: str
    status: Status
    state_string: str
    wall: float
    counts: dict[str, int] = {}
    value: Value | None = None
    since: float = 0.0
    """When this status began; 0 = not known."""


class CheckStates(Body, frozen=True, kw_only=True):
    """Those of a whole tree."""

    digest: str
    states: tuple[CheckState, ...] = ()


class BootCheck(Body, frozen=True, kw_only=True):
    """A primary that starts, or wakes from a pause, asks: do you act for me?"""

    node_id: str
    boot_id: str
    term: int


class BootCheckReply(Body, frozen=True, kw_only=True):
    """`active` from the moment the failover's term is durable. `yield_for_s`: how long to wait for its next word."""

    active: bool
    term: int
    yield_for_s: float
    profile: str


class YieldRequest(Body, frozen=True, kw_only=True):
    """Stop starting checks: I take over with `term`."""

    profile: str
    term: int
    why: str
    yield_for_s: float


class YieldReply(Body, frozen=True, kw_only=True):
    """`yielded` True: no check is started here from now on, until step `run` or silence of `yield_for_s`."""

    yielded: bool
    term: int
    detail: str = ""


class StepRequest(Body, frozen=True, kw_only=True):
    """One step of a hand-back. `run` (H5): you are running with `term`. The same `handback` id again gives the same answer."""

    profile: str
    handback: str
    step: Literal["run"]
    term: int


class StepReply(Body, frozen=True, kw_only=True):
    """What became of it."""

    done: bool
    state: PrimaryState
    term: int
    detail: str = ""


class GoodbyeNotice(Body, frozen=True, kw_only=True):
    """A planned stop: back in about `eta_s` (0: do not wait, take over)."""

    node_id: str
    boot_id: str
    eta_s: float
    why: str = ""


class Announcement(Body, frozen=True, kw_only=True):
    """A profile introduces itself to the primary it protects."""

    node_id: str
    host: str
    port: int
    tls: bool
    profile: str
    version: str
    activate_after_s: float
    merge_back: bool = False


class AnnouncementReply(Body, frozen=True, kw_only=True):
    """Whether the primary accepts it; a later failover waits for `peer accept`."""

    accepted: bool
    node_id: str
    detail: str = ""


B = TypeVar("B", bound=Body)


def encode(body: Body) -> bytes:
    """The JSON of a body."""
    return msgspec.json.encode(body)


def decode(data: bytes, kind: type[B]) -> B:
    """The body in `data`.

    Raises Unverifiable: `wire_version` for another wire version, `bad_body` for what does not parse.
    """
    try:
        probe = msgspec.json.decode(data, type=Body)
    except msgspec.MsgspecError as error:
        raise Unverifiable(f"The peer sent a body that is no {kind.__name__}: {error}", code="bad_body") from error
    if probe.wire != WIRE:
        raise Unverifiable(
            f"The peer speaks wire version {probe.wire}, this node {WIRE}",
            hint="Install the same major.minor version on both nodes, the primary first",
            code="wire_version",
        )
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise Unverifiable(f"The peer sent a bad {kind.__name__}: {error}", code="bad_body") from error
