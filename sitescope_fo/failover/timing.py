"""The figures of the machine, in seconds, and the few that are computed from a profile's own."""

from __future__ import annotations

from sitescope_fo.model.config import Profile

PAUSE_LIMIT_S = 2.0
"""A failover that did not run for longer than this trusts nothing it saw before."""
LATE_S = 1.0
"""A loop later than this shuts the local gate …"""
LATE_FOR_S = 10.0
"""… for this long."""
STALLED_S = 10.0
"""A scheduler that completed nothing for longer admits stalled work."""
DEGRADED_S = 30.0
"""How long a primary may admit stalled work, or answer without monitoring, before that counts like misses."""

GATE_SHARE = 0.3
"""At least this share of the reference points (and one) must answer."""
GATE_FRESH_S = 2.0
"""A sample older than this opens no gate."""
GATE_EVERY_S = 1.0
GATE_EVERY_ACTING_S = 5.0
PROBE_MARGIN_S = 1.0
"""A probe sent after due - soft time-out - this must have failed."""

ALARM_EVERY_S = 900.0
"""An alarm is mailed at once and then this often."""
NO_MIRROR_MAIL_S = 60.0
MIRROR_FAILING_MAIL_S = 60.0

HOLD_DEFAULT_S = 4 * 3600.0
HOLD_LONGEST_S = 7 * 86400.0
HOLD_WARNING_S = 900.0
HOLD_JOURNAL_S = 60.0
"""How often the remaining seconds of a hold are written down: what a restart may add to it."""
GOODBYE_LONGEST_S = 3600.0
"""A goodbye asks for no more patience than this; a longer one would switch the protection off."""

STEP_S = 60.0
"""Longest a hand-back step may take."""
LOST_S = 30.0
"""How long a lost answer to H5 is asked for again."""
STEP_RETRY_S = 1.0
PRECOPY_RETRY_S = 5.0
PRECOPY_TRIES = 3
"""Failures in a row that are mailed."""
PRECOPY_LONGEST_S = 600.0
OWED_RETRY_S = 5.0
"""Between two orders to a primary that yielded for nothing."""
TIDY_RETRY_S = 60.0
OVERLAP_PROBES = 3
"""Proofs of life in a row that make the window when both run."""
YIELD_AGAIN_S = 30.0
FLAP_LOOK_S = 600.0
STUCK_S = 60.0
"""An activation that has not started a check by then is called stuck, or done when no monitor had anything to start."""

BOOT_CHECK_PAUSE_S = 2.0
"""Length of the boot-check after an own pause of the primary."""
PEER_SILENT_S = 60.0


def yield_for(config: Profile) -> float:
    """How long the primary waits for our next word: long enough for three checks and one hard time-out, 30 s to 15 min."""
    timing = config.timing
    return min(900.0, max(30.0, 3 * timing.check_every_s + timing.hard_timeout_s))


def primary_pause_limit(tightest_activate_after_s: float) -> float:
    """Pause limit of a primary, from the shortest activate_after of the profiles that protect it; inf = none does."""
    return max(PAUSE_LIMIT_S, tightest_activate_after_s / 3)


def frozen_for(config: Profile) -> float:
    """How long a freeze looks for an answer before it becomes isolation."""
    return config.timing.hard_timeout_s + 2 * config.timing.soft_timeout_s + 5.0


def answer_fresh_for(config: Profile) -> float:
    """How old, by send time, the primary's last word may be and still prove where it stands."""
    return config.timing.hard_timeout_s + 2 * max(1.0, config.timing.check_every_s)
