"""Flap control: how long a primary must be stable, and when takeovers come too often."""

from __future__ import annotations

from collections.abc import Sequence

from sitescope_fo.failover.state import ProfileState

HOUR_S = 3600.0
DAY_S = 86400.0
WINDOW_LONGEST_S = 1800.0
HEALTHY_S = 6 * HOUR_S
"""Continuous health of the primary that ends a flap lock."""
AUTOMATIC = frozenset({"silent", "goodbye", "degraded", "idle", "unverifiable"})
"""Causes that count as flapping; what an operator asked for does not."""
LIMITS = ((3, HOUR_S, "60 min"), (6, DAY_S, "24 h"))


def within(takeovers: Sequence[float], wall: float, seconds: float) -> int:
    """How many takeovers fall into the last `seconds`; those the clock stepped back behind count too."""
    return sum(1 for at in takeovers if at > wall - seconds)


def recent(takeovers: Sequence[float], wall: float) -> tuple[float, ...]:
    """Those of the last 24 hours, newest last, at most twenty."""
    return tuple(at for at in takeovers if at > wall - DAY_S)[-20:]


def lock_reason(takeovers: Sequence[float], wall: float) -> str:
    """Why the flap lock is due, in words; "" when it is not."""
    for most, seconds, said in LIMITS:
        if (count := within(takeovers, wall, seconds)) >= most:
            return f"{count} takeovers in {said}"
    return ""


def doublings(state: ProfileState, wall: float) -> int:
    """How often the stability window is doubled: by each takeover of 24 h after the first, by each return that was broken off."""
    takeovers = within(state.journal.takeovers, wall, DAY_S)
    return min(16, max(0, takeovers - 1) + state.journal.flap_score)


def stability_window_s(state: ProfileState, wall: float) -> float:
    """How long the primary must stay healthy before the hand-back; the profile's own figure is never shortened."""
    base = state.config.timing.stable_for_s
    return max(base, min(WINDOW_LONGEST_S, base * float(1 << doublings(state, wall))))
