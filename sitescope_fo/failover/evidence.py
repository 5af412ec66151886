"""Facts as evidence: what was seen, with its figures, in words an operator can check."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from enum import StrEnum

from sitescope_fo.failover.state import Evidence, ProfileState
from sitescope_fo.failover.timing import STALLED_S
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.fact import ProbeAnswered, ProbeMissed, ProbeUnverifiable
from sitescope_fo.model.status import EvidenceKind, PrimaryState

_MISS_KIND = {
    "timeout": EvidenceKind.miss_timeout,
    "refused": EvidenceKind.miss_refused,
    "reset": EvidenceKind.miss_refused,
    "unresolved": EvidenceKind.miss_unresolved,
    "unreachable": EvidenceKind.miss_timeout,
    "foreign": EvidenceKind.foreign,
}
_IDLE_KIND = {
    PrimaryState.boot_check: EvidenceKind.boot_check,
    PrimaryState.yielded: EvidenceKind.yielded,
    PrimaryState.stopping: EvidenceKind.goodbye,
}


class Verdict(StrEnum):
    """What a verified reply is worth."""

    alive = "alive"
    """A proof of life: running, and its scheduler makes progress."""
    degraded = "degraded"
    """It admits stalled work."""
    idle = "idle"
    """It answers and says that it does not monitor: boot-check, yielded, stopping. Neither proof of life nor miss."""


def stalled(fact: ProbeAnswered) -> str:
    """The stalled work a reply admits, in words; "" when none."""
    if fact.stalled:
        return fact.stalled
    return f"scheduler {fact.scheduler_age_s:.0f}s behind" if fact.scheduler_age_s > STALLED_S else ""


def verdict(fact: ProbeAnswered) -> Verdict:
    """What the reply is worth."""
    if stalled(fact):
        return Verdict.degraded
    return Verdict.alive if fact.state is PrimaryState.running else Verdict.idle


def say_time(wall: float) -> str:
    """`2026-11-22T10:00:00Z`; `never` for 0."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if wall > 0 else "never"


def say_span(seconds: float) -> str:
    """A span for people: `4.2s`, `3m`, `4h`; `never` for infinity."""
    if math.isinf(seconds):
        return "never"
    return f"{seconds:.1f}s" if seconds < 10 else format_duration(float(round(seconds)))


def of_answer(fact: ProbeAnswered, wall: float) -> Evidence:
    """The evidence a reply is."""
    took = f"answered after {fact.round_trip_s:.2f} s, state {fact.state}, term {fact.term}"
    if why := stalled(fact):
        return Evidence(wall=wall, kind=EvidenceKind.degraded, what=f"{took}: {why}")
    if fact.state in _IDLE_KIND:
        return Evidence(wall=wall, kind=_IDLE_KIND[fact.state], what=took)
    kind = EvidenceKind.probe_late if fact.late else EvidenceKind.probe_ok
    return Evidence(wall=wall, kind=kind, what=f"{took}, scheduler {fact.scheduler_age_s:.1f} s")


def of_miss(fact: ProbeMissed, wall: float, nth: int) -> Evidence:
    """The evidence a miss is; `nth` in a row."""
    detail = f": {fact.detail}" if fact.detail else ""
    return Evidence(wall=wall, kind=_MISS_KIND[fact.kind], what=f"miss {nth} in a row, {fact.kind}{detail}")


def of_unverifiable(fact: ProbeUnverifiable, wall: float) -> Evidence:
    """The evidence an unverifiable reply is."""
    detail = f": {fact.detail}" if fact.detail else ""
    return Evidence(wall=wall, kind=EvidenceKind.unverifiable, what=f"alive, but {fact.code}{detail}")


def silence(state: ProfileState, now_mono: float) -> str:
    """How long there was no proof of life, in words."""
    if math.isinf(state.live.last_pol):
        return "no proof of life since this node started watching"
    at = say_time(state.live.last_pol_wall)
    return f"no proof of life for {say_span(now_mono - state.live.last_pol)} (last {at})"
