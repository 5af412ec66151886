"""What a primary hears of its failovers."""

from __future__ import annotations

from sitescope_fo.model.fact.root import Fact


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
