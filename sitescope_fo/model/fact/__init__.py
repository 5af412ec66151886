"""Everything that happens, as frozen values. A fact is an observation with the figures it was made of, never an order.

`profile` is always a profile's *name*. Times called `..._mono` are seconds on the boot-time clock, `..._wall` POSIX seconds.
"""

from __future__ import annotations

from sitescope_fo.model.fact.asked import ActivateAsked, FlapUnlocked, HoldReleased, HoldSet, StandbyAsked, SwitchoverAsked
from sitescope_fo.model.fact.check import (
    CheckFinished,
    ChecksHang,
    CheckSkipped,
    ChecksReceived,
    NoopFinished,
    RunsMissed,
    RunsSkipped,
)
from sitescope_fo.model.fact.handover import FirstCheckStarted, StepDone, StepFailed, YieldAnswered
from sitescope_fo.model.fact.mail import LedgerReceived, MailFailed, MailLeaving, MailSent
from sitescope_fo.model.fact.mirror import EditsKept, MirrorFailed, MirrorMissing, MirrorStaged, MirrorVerified, WorkingReady
from sitescope_fo.model.fact.node import (
    LoopGap,
    LoopLate,
    NodeStarted,
    StopAsked,
    StoreFailed,
    StoreRecovered,
    Tick,
    TreeChanged,
    TreeRejected,
)
from sitescope_fo.model.fact.primary import BootCheckAnswered, BootCheckFailed, PeerHeard, PeersListed, RunAsked, YieldAsked
from sitescope_fo.model.fact.root import Fact, ProfileFact
from sitescope_fo.model.fact.watch import (
    BootCheckHeard,
    GateSampled,
    GoodbyeHeard,
    ProbeAnswered,
    ProbeMissed,
    ProbeUnverifiable,
    ProfileRemoved,
    ProfileSet,
    WatchWindow,
)
from sitescope_fo.model.fact.words import Acknowledged, AckRemoved, DowntimeEnded, DowntimeSet, OperatorStateReceived

__all__ = [
    "AckRemoved",
    "Acknowledged",
    "ActivateAsked",
    "BootCheckAnswered",
    "BootCheckFailed",
    "BootCheckHeard",
    "CheckFinished",
    "CheckSkipped",
    "ChecksHang",
    "ChecksReceived",
    "DowntimeEnded",
    "DowntimeSet",
    "EditsKept",
    "Fact",
    "FirstCheckStarted",
    "FlapUnlocked",
    "GateSampled",
    "GoodbyeHeard",
    "HoldReleased",
    "HoldSet",
    "LedgerReceived",
    "LoopGap",
    "LoopLate",
    "MailFailed",
    "MailLeaving",
    "MailSent",
    "MirrorFailed",
    "MirrorMissing",
    "MirrorStaged",
    "MirrorVerified",
    "NodeStarted",
    "NoopFinished",
    "OperatorStateReceived",
    "PeerHeard",
    "PeersListed",
    "ProbeAnswered",
    "ProbeMissed",
    "ProbeUnverifiable",
    "ProfileFact",
    "ProfileRemoved",
    "ProfileSet",
    "RunAsked",
    "RunsMissed",
    "RunsSkipped",
    "StandbyAsked",
    "StepDone",
    "StepFailed",
    "StopAsked",
    "StoreFailed",
    "StoreRecovered",
    "SwitchoverAsked",
    "Tick",
    "TreeChanged",
    "TreeRejected",
    "WatchWindow",
    "WorkingReady",
    "YieldAnswered",
    "YieldAsked",
]
