"""What travels between nodes: one type a body, `wire = 1` in every body, unknown fields ignored.

| route | request | reply |
|---|---|---|
| `GET /api/v1/health` | - | `Health` |
| `GET /api/v1/health/reach` | - | `Reach`: whether the node that is asked reaches the asker |
| `GET /api/v1/mirror/manifest` | - (entity tag) | `Manifest`, 304 when unchanged |
| `POST /api/v1/mirror/parts` | `PartsRequest` (entity tag) | `Parts`, 304 when unchanged |
| `POST /api/v1/mirror/entries` | `EntriesRequest` | `Entries`: the manifest's files in those parts |
| `POST /api/v1/mirror/files` | `FilesRequest` | uncompressed tar of exactly those files, in manifest order |
| `GET /api/v1/state/ledger` | - | `Ledger`: what was last notified |
| `PUT /api/v1/state/ledger` | `Ledger` | `Done` |
| `GET /api/v1/state/checks` | - | `CheckStates`: last result and counters of each monitor |
| `PUT /api/v1/state/checks` | `CheckStates` | `Done` |
| `GET /api/v1/state/operator` | - | `OperatorState`: acknowledgements and downtimes |
| `PUT /api/v1/state/operator` | `OperatorState` | `Done` |
| `POST /api/v1/handover/boot-check` | `BootCheck` | `BootCheckReply` |
| `POST /api/v1/handover/yield` | `YieldRequest` | `YieldReply` |
| `POST /api/v1/handover/step` | `StepRequest` | `StepReply` |
| `POST /api/v1/handover/goodbye` | `GoodbyeNotice` | `Done` |
| `PUT /api/v1/peers/{node}` | `Announcement` | `AnnouncementReply` |

Times are POSIX seconds (UTC) by the sender's wall clock; ages and durations are seconds. Every field has a range: a body outside
it does not decode, so that no figure of a broken peer reaches arithmetic, a database or a screen.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from sitescope_fo.model.errors import Unverifiable
from sitescope_fo.model.monitor import Value
from sitescope_fo.model.status import PrimaryState, Role, Status
from sitescope_fo.model.version import WIRE

HEALTH = "/api/v1/health"
REACH = "/api/v1/health/reach"
MANIFEST = "/api/v1/mirror/manifest"
PARTS = "/api/v1/mirror/parts"
ENTRIES = "/api/v1/mirror/entries"
FILES = "/api/v1/mirror/files"
LEDGER = "/api/v1/state/ledger"
CHECKS = "/api/v1/state/checks"
OPERATOR = "/api/v1/state/operator"
BOOT_CHECK = "/api/v1/handover/boot-check"
YIELD = "/api/v1/handover/yield"
STEP = "/api/v1/handover/step"
GOODBYE = "/api/v1/handover/goodbye"
PEERS = "/api/v1/peers/"

Count = Annotated[int, Meta(ge=0, le=2**53)]
"""Terms, bytes and numbers of things; SQLite and JSON readers keep them exactly."""
Mode = Annotated[int, Meta(ge=0, le=0o7777)]
Port = Annotated[int, Meta(ge=1, le=65535)]
LATEST = 253_402_300_799.0
Moment = Annotated[float, Meta(ge=0, le=LATEST)]
"""POSIX seconds up to the year 9999."""
Seconds = Annotated[float, Meta(ge=0, le=3.2e9)]
"""Ages and durations, up to a century."""
Word = Annotated[str, Meta(max_length=4096)]
"""Ids, names, host names, paths."""
Text = Annotated[str, Meta(max_length=65_536)]
"""What people read."""
MOST_ENTRIES = 2_000_000
"""In a list of a body: several for each of 100,000 monitors."""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The root of every body."""

    wire: int = WIRE


class Done(Body, frozen=True, kw_only=True):
    """It is done."""

    ok: bool = True
    detail: Text = ""


class Health(Body, frozen=True, kw_only=True):
    """What a node says of itself; on a primary, `state` running and a small `scheduler_age_s` make it a proof of life."""

    node_id: Word
    boot_id: Word
    role: Role
    host: Word
    version: Word
    state: PrimaryState = PrimaryState.unknown
    position: Word = ""
    """On a failover asked by its primary: the position of the profile that protects the asker."""
    term: Count = 0
    scheduler_age_s: Seconds = 0.0
    running: Count = 0
    overdue: Count = 0
    loop_lag_p99_ms: Seconds = 0.0
    outbox_depth: Count = 0
    outbox_age_s: Seconds = 0.0
    outbox_stuck: bool = False
    disk_free_bytes: Count = 0
    disk_full: bool = False
    revision: Word = ""
    """Revision of the manifest a mirror would get now."""
    revision_age_s: Seconds = 0.0
    """How long ago the last change of its files was noticed; 0 when it is not said."""
    monitors: Count = 0
    ledger_digest: Word = ""
    checks_digest: Word = ""
    operator_digest: Word = ""
    wall: Moment = 0.0
    licence: Word = "community"
    certificate_expires: Moment = 0.0
    home: Word = ""
    user: Word = ""


class Reach(Body, frozen=True, kw_only=True):
    """How a node fared that asked the asker for its health, at the one address it knows of it."""

    host: Word
    port: Port
    tls: bool
    reached: bool
    took_s: Seconds = 0.0
    code: Word = ""
    what: Text = ""
    hint: Text = ""


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One mirrored file: path relative to the home with `/`, size in bytes, permission bits, content hash in hex."""

    path: Word
    size: Count
    mode: Mode
    sha256: Word


class SkippedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not mirrored, and why (`symlink`, `special file`, `unreadable`, `bad name`)."""

    path: Word
    why: Text


class Manifest(Body, frozen=True, kw_only=True):
    """Everything a mirror holds. `revision` = sha256 of the canonical JSON of `files`, sorted by path."""

    node_id: Word
    revision: Word
    files: Annotated[tuple[FileEntry, ...], Meta(max_length=MOST_ENTRIES)]
    skipped: Annotated[tuple[SkippedFile, ...], Meta(max_length=MOST_ENTRIES)] = ()


PART_COUNT = 256
"""Into how many parts a manifest is cut: part n holds the paths whose CRC-32 ends in the byte n."""


class PartsRequest(Body, frozen=True, kw_only=True):
    """Has the manifest changed? The entity tag names the revision that the asker has."""

    full: bool = False
    """Hash every file anew before answering."""
    skipped: Word = ""
    """Digest of the list of skipped files that the asker has (`parts.digest_of_skipped`)."""


class Parts(Body, frozen=True, kw_only=True):
    """A manifest without its files: 16 hex digits for each of its parts, in order. Says which parts differ from those one has."""

    node_id: Word
    revision: Word
    digests: Word
    skipped: Annotated[tuple[SkippedFile, ...], Meta(max_length=MOST_ENTRIES)] = ()


class EntriesRequest(Body, frozen=True, kw_only=True):
    """Send the manifest's files in these parts at that revision; refused (`revision_gone`) when the tree has moved on."""

    revision: Word
    parts: Annotated[tuple[Annotated[int, Meta(ge=0, lt=PART_COUNT)], ...], Meta(max_length=PART_COUNT)]


class Entries(Body, frozen=True, kw_only=True):
    """Those files, sorted by path."""

    revision: Word
    files: Annotated[tuple[FileEntry, ...], Meta(max_length=MOST_ENTRIES)]


class FilesRequest(Body, frozen=True, kw_only=True):
    """Send these files as they stand in that revision; refused (`revision_gone`) when the tree has moved on."""

    revision: Word
    paths: Annotated[tuple[Word, ...], Meta(max_length=MOST_ENTRIES)]


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one recipient was last told about one monitor by one alert. Sent states only, never intents."""

    monitor: Word
    alert: Word
    recipient: Word
    status: Status
    transition: Count
    repeat: Count
    term: Count
    wall: Moment
    again: bool = False
    """A downtime has broken the row since, or nobody knows whether a mail was taken: the same status is told again."""


class Ledger(Body, frozen=True, kw_only=True):
    """The whole ledger of one primary's tree."""

    digest: Word
    entries: Annotated[tuple[LedgerEntry, ...], Meta(max_length=MOST_ENTRIES)] = ()


class CheckState(msgspec.Struct, frozen=True, kw_only=True):
    """The last result of one monitor and how often in a row it was that."""

    monitor: Word
    status: Status
    state_string: Text
    wall: Moment
    counts: Annotated[dict[Word, Count], Meta(max_length=100)] = {}
    value: Value | None = None
    since: Moment = 0.0
    """When this status began; 0 = not known."""


class CheckStates(Body, frozen=True, kw_only=True):
    """Those of a whole tree."""

    digest: Word
    states: Annotated[tuple[CheckState, ...], Meta(max_length=MOST_ENTRIES)] = ()


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody typed at one of the nodes: who and when.

    Of two values of one thing the later `version` wins. `ended` keeps its place once it is over before its time, so that the
    other node hears of it; `ended_by` "" = by itself.
    """

    by: Word
    at: Moment
    changed: Moment
    node: Word
    ended: bool = False
    ended_by: Word = ""

    @property
    def version(self) -> tuple[float, str, bytes]:
        """What two values of one thing are ordered by, whichever node holds them."""
        return self.changed, self.node, msgspec.json.encode(self)


class Acknowledgement(Typed, frozen=True, kw_only=True):
    """Somebody knows of the problem of one monitor. It holds until the monitor is good, or `until` (0 = not limited)."""

    monitor: Word
    comment: Text
    until: Moment = 0.0


class Downtime(Typed, frozen=True, kw_only=True):
    """Planned work from `start` to `end`, for one monitor (`monitor`, its id) or all at and below the path `scope` ("" = all)."""

    id: Word
    scope: Word
    monitor: Word = ""
    reason: Text
    start: Moment
    end: Moment


class OperatorState(Body, frozen=True, kw_only=True):
    """All of it for one primary's tree, with what has ended in the last 30 days. Merged entry by entry."""

    digest: Word
    acknowledgements: Annotated[tuple[Acknowledgement, ...], Meta(max_length=MOST_ENTRIES)] = ()
    downtimes: Annotated[tuple[Downtime, ...], Meta(max_length=MOST_ENTRIES)] = ()


class BootCheck(Body, frozen=True, kw_only=True):
    """A primary that starts, or wakes from a pause, asks: do you act for me?"""

    node_id: Word
    boot_id: Word
    term: Count


class BootCheckReply(Body, frozen=True, kw_only=True):
    """`active` from the moment the failover's term is durable. `yield_for_s`: how long to wait for its next word."""

    active: bool
    term: Count
    yield_for_s: Seconds
    profile: Word


class YieldRequest(Body, frozen=True, kw_only=True):
    """Stop starting checks: I take over with `term`."""

    profile: Word
    term: Count
    why: Text
    yield_for_s: Seconds


class YieldReply(Body, frozen=True, kw_only=True):
    """`yielded` True: no check is started here from now on, until step `run` or silence of `yield_for_s`."""

    yielded: bool
    term: Count
    detail: Text = ""


class StepRequest(Body, frozen=True, kw_only=True):
    """One step of a hand-back. `run` (H5): you are running with `term`. The same `handback` id again gives the same answer."""

    profile: Word
    handback: Word
    step: Literal["run"]
    term: Count


class StepReply(Body, frozen=True, kw_only=True):
    """What became of it."""

    done: bool
    state: PrimaryState
    term: Count
    detail: Text = ""


class GoodbyeNotice(Body, frozen=True, kw_only=True):
    """A planned stop: back in about `eta_s` (0: do not wait, take over)."""

    node_id: Word
    boot_id: Word
    eta_s: Seconds
    why: Text = ""


class Announcement(Body, frozen=True, kw_only=True):
    """A profile introduces itself to the primary it protects."""

    node_id: Word
    host: Word
    port: Port
    tls: bool
    profile: Word
    version: Word
    activate_after_s: Seconds
    merge_back: bool = False


class AnnouncementReply(Body, frozen=True, kw_only=True):
    """Whether the primary accepts it; a later failover waits for `peer accept`."""

    accepted: bool
    node_id: Word
    detail: Text = ""


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
