"""What comes of checks."""

from __future__ import annotations

from typing import Literal

from sitescope_fo.model.fact.root import Fact
from sitescope_fo.model.monitor import CheckResult, MonitorKey


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


class ChecksReceived(Fact, frozen=True, kw_only=True):
    """The peer's check states (wire form) for a tree."""

    profile: str
    data: bytes
