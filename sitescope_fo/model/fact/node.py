"""What happens to the node itself: time, pauses, its disk, its trees."""

from __future__ import annotations

from sitescope_fo.model.fact.root import Fact


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
