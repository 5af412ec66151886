"""Everything that happens, as frozen values. A fact is an observation with the figures it was made of, never an order.

`profile` is always a profile's *name*. Times called `..._mono` are seconds on the boot-time clock, `..._wall` POSIX seconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from sitescope_fo.model.config import Profile
from sitescope_fo.model.monitor import CheckResult, MonitorKey
from sitescope_fo.model.status import PrimaryState
from sitescope_fo.model.wire import Acknowledgement, Downtime, LedgerEntry


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """The root."""


# --- the node itself ------------------------------------------------------------------------------------------------


class Tick(Fact, frozen=True, kw_only=True):
    """Time has passed; deadlines are looked at."""


class NodeStarted(Fact, frozen=True, kw_only=True):
    """The process is up and its durable state is loaded. The first fact of a life."""

    boot_id: str
    state_readable: bool = True
    highest_term_seen: int = 0
    """Over the terms in the result logs; used when the state was unreadable."""


class LoopGap(Fact, frozen=True, kw_only=True):
    """The engine did not run for `gap_s` (SIGSTOP, suspend, overload); judged against each role's pause limit."""

    gap_s: float


class LoopLate(Fact, frozen=True, kw_only=True):
    """The loop was late by `late_s`: the local gate does not trust this node for the next ten seconds."""

    late_s: float


class StoreFailed(Fact, frozen=True, kw_only=True):
    """A state write failed."""

    why: str


class StoreRecovered(Fact, frozen=True, kw_only=True):
    """A state write succeeded again."""


class StopAsked(Fact, frozen=True, kw_only=True):
    """This node is about to stop on purpose."""

    why: str
    eta_s: float


# --- watching a primary (failover side) -----------------------------------------------------------------------------


class ProfileFact(Fact, frozen=True, kw_only=True):
    """Something about one profile."""

    profile: str


class ProfileSet(ProfileFact, frozen=True, kw_only=True):
    """A profile was added or edited."""

    config: Profile
    edited: bool = True
    """False for the first time in a life."""


class ProfileRemoved(ProfileFact, frozen=True, kw_only=True):
    """A profile is gone."""


class ProbeAnswered(ProfileFact, frozen=True, kw_only=True):
    """A verified health reply of the node this profile is bound to. Whether it is a proof of life is for the machine to say."""

    sent_mono: float
    round_trip_s: float
    node_id: str
    boot_id: str
    state: PrimaryState
    term: int
    scheduler_age_s: float
    late: bool = False
    """It came after the soft time-out."""
    stalled: str = ""
    """Which stalled work the reply admits (`scheduler 34s behind`, `outbox stuck`, `disk full`), "" when none."""
    version: str = ""
    skew_s: float = 0.0
    same_check_passes_here: bool = True
    """Whether this node passes the check that the degraded primary fails."""


class ProbeMissed(ProfileFact, frozen=True, kw_only=True):
    """No answer of ours within the soft time-out, or none at all."""

    sent_mono: float
    kind: Literal["timeout", "refused", "unresolved", "reset", "unreachable", "foreign"]
    detail: str = ""


class ProbeUnverifiable(ProfileFact, frozen=True, kw_only=True):
    """It is our node and alive, and cannot be trusted: token, TLS, clock skew, wire version."""

    sent_mono: float
    code: str
    detail: str = ""
    skew_s: float | None = None
    """The peer's clock minus mine, when that is the reason."""


class GoodbyeHeard(ProfileFact, frozen=True, kw_only=True):
    """The primary said that it stops and is back in `eta_s`."""

    boot_id: str
    eta_s: float
    why: str = ""


class BootCheckHeard(ProfileFact, frozen=True, kw_only=True):
    """The primary, just started or awake again, asked whether we act."""

    boot_id: str
    term: int


class GateSampled(ProfileFact, frozen=True, kw_only=True):
    """How many of this node's reference points answered."""

    asked: int
    answered: int
    own_address: bool = False
    """The primary's address is this host: the network says nothing about it."""


class YieldAnswered(ProfileFact, frozen=True, kw_only=True):
    """The primary's answer to a yield request; `yielded` False also when it refused or did not answer in time."""

    yielded: bool
    term: int
    detail: str = ""


class FirstCheckStarted(ProfileFact, frozen=True, kw_only=True):
    """The first check of a mirrored monitor in this term was started."""

    term: int
    path: str


class WatchWindow(ProfileFact, frozen=True, kw_only=True):
    """The profile's check schedule opened or closed."""

    open: bool
    until_wall: float = 0.0


class MirrorVerified(ProfileFact, frozen=True, kw_only=True):
    """A mirror was verified and is current."""

    revision: str
    monitors: int
    wall: float
    full: bool = False
    scheduled: bool = False


class MirrorMissing(ProfileFact, frozen=True, kw_only=True):
    """There is no current mirror, or it is corrupt or cannot be loaded."""

    what: str


class MirrorFailed(ProfileFact, frozen=True, kw_only=True):
    """A mirroring attempt failed; the current mirror, if any, stays."""

    what: str
    where: str = ""
    hint: str = ""


class MirrorStaged(ProfileFact, frozen=True, kw_only=True):
    """A mirror that shrinks suddenly waits for a yes."""

    revision: str
    before: int
    after: int


class WorkingReady(ProfileFact, frozen=True, kw_only=True):
    """The working tree of this term is laid out and its monitors are loaded."""

    term: int
    monitors: int


class EditsKept(ProfileFact, frozen=True, kw_only=True):
    """Edits made while acting, which do not travel home, were kept as an archive."""

    archive: str


class StepDone(ProfileFact, frozen=True, kw_only=True):
    """A hand-back step ended well."""

    handback: str
    step: str
    term: int = 0
    detail: str = ""


class StepFailed(ProfileFact, frozen=True, kw_only=True):
    """A hand-back step was refused, failed, or its answer was lost (`lost` True: it may have been carried out)."""

    handback: str
    step: str
    what: str
    lost: bool = False


# --- what operators asked for, after validation ---------------------------------------------------------------------


class ActivateAsked(ProfileFact, frozen=True, kw_only=True):
    """Activate now, skipping gate and grace."""

    by: str


class StandbyAsked(ProfileFact, frozen=True, kw_only=True):
    """Step back now."""

    by: str
    force: bool = False


class SwitchoverAsked(ProfileFact, frozen=True, kw_only=True):
    """Take over from a running primary, planned."""

    by: str
    for_s: float


class HoldSet(ProfileFact, frozen=True, kw_only=True):
    """No automatic role change until the hold ends."""

    by: str
    reason: str
    for_s: float


class HoldReleased(ProfileFact, frozen=True, kw_only=True):
    """The hold is lifted."""

    by: str


class FlapUnlocked(ProfileFact, frozen=True, kw_only=True):
    """The flap lock is lifted."""

    by: str


# --- what operators say about monitors, after validation ------------------------------------------------------------


class Acknowledged(Fact, frozen=True, kw_only=True):
    """Somebody knows of the monitor's problem; `key.id` is its `monitor`. Replaces an earlier acknowledgement."""

    key: MonitorKey
    value: Acknowledgement


class AckRemoved(Fact, frozen=True, kw_only=True):
    """The acknowledgement is taken back."""

    key: MonitorKey
    by: str
    node: str


class DowntimeSet(Fact, frozen=True, kw_only=True):
    """A downtime was planned."""

    profile: str
    """Whose tree it is about, "" = own."""
    value: Downtime


class DowntimeEnded(Fact, frozen=True, kw_only=True):
    """A downtime is over before its time, or does not come."""

    profile: str
    id: str
    by: str
    node: str


# --- the primary's side ---------------------------------------------------------------------------------------------


class PeersListed(Fact, frozen=True, kw_only=True):
    """Which accepted failovers protect this primary now (node ids), and the pause limit their profiles ask for."""

    node_ids: tuple[str, ...]
    pause_limit_s: float


class BootCheckAnswered(Fact, frozen=True, kw_only=True):
    """A failover answered our boot-check."""

    peer: str
    active: bool
    term: int
    yield_for_s: float
    profile: str = ""


class BootCheckFailed(Fact, frozen=True, kw_only=True):
    """A failover did not answer our boot-check."""

    peer: str
    what: str


class YieldAsked(Fact, frozen=True, kw_only=True):
    """A failover asks us to stop starting checks."""

    peer: str
    profile: str
    term: int
    yield_for_s: float
    why: str


class RunAsked(Fact, frozen=True, kw_only=True):
    """H5: a failover hands monitoring back to us with `term`."""

    peer: str
    profile: str
    handback: str
    term: int


class PeerHeard(Fact, frozen=True, kw_only=True):
    """Any authenticated request of a failover."""

    peer: str
    term: int = 0


# --- checks and mail ------------------------------------------------------------------------------------------------


class CheckFinished(Fact, frozen=True, kw_only=True):
    """One run of one monitor is over."""

    key: MonitorKey
    result: CheckResult
    started_mono: float
    started_wall: float
    term: int
    manual: bool = False


class CheckSkipped(Fact, frozen=True, kw_only=True):
    """A monitor was due and not started: its dependency is not in the wanted state, or its last run is still going."""

    key: MonitorKey
    why: str
    status: Literal["nodata", "overrun"] = "nodata"
    runs: int = 1
    """How many runs in a row."""


class RunsMissed(Fact, frozen=True, kw_only=True):
    """The engine was away for `gap_s`: `monitors` fell due and run once now, `runs` further runs are not made up for."""

    gap_s: float
    monitors: int
    runs: int


class RunsSkipped(Fact, frozen=True, kw_only=True):
    """Runs were skipped since this was last said, by the reason; `hosts`: those for which most monitors wait."""

    runs: dict[str, int]
    hosts: tuple[str, ...] = ()


class ChecksHang(Fact, frozen=True, kw_only=True):
    """So many checks ignored their time-out and were given up since this was last said; `hanging` have not ended yet."""

    given_up: int
    hanging: int
    paths: tuple[str, ...] = ()
    """Some of the monitors that were given up."""


class NoopFinished(Fact, frozen=True, kw_only=True):
    """The built-in no-op monitor came through queue, runner and writer."""

    started_mono: float


class MailLeaving(Fact, frozen=True, kw_only=True):
    """An outbox item is about to be handed to a server: from here on its recipient may have been told."""

    item: str


class MailSent(Fact, frozen=True, kw_only=True):
    """An outbox item was taken by a server. `told` (of `profile`'s tree) is what its recipient knows now; None for role mails."""

    item: str
    server: str
    profile: str = ""
    told: LedgerEntry | None = None


class MailFailed(Fact, frozen=True, kw_only=True):
    """An outbox item was not taken; `permanent`: it never will be; `server`: no other would have been, so it keeps its turn."""

    item: str
    why: str
    permanent: bool
    server: bool = False


class LedgerReceived(Fact, frozen=True, kw_only=True):
    """The peer's ledger (wire form) for a tree; merged entry by entry, the higher (term, transition, repeat) wins."""

    profile: str
    data: bytes


class ChecksReceived(Fact, frozen=True, kw_only=True):
    """The peer's check states (wire form) for a tree."""

    profile: str
    data: bytes


class OperatorStateReceived(Fact, frozen=True, kw_only=True):
    """The peer's acknowledgements and downtimes (wire form) for a tree; merged entry by entry, the newest wins."""

    profile: str
    data: bytes


class TreeChanged(Fact, frozen=True, kw_only=True):
    """The tree of a profile ("" = own) was (re)loaded; the tree itself is held by the engine's catalogue."""

    profile: str
    revision: str
    monitors: int


class TreeRejected(Fact, frozen=True, kw_only=True):
    """A changed tree could not be loaded; the last good one stays."""

    profile: str
    what: str
    problems: int
