"""What there is to say of a profile in a sentence each: who monitors, is the standby fit, how is its mirror, what comes next."""

from __future__ import annotations

from sitescope_fo.model.moment import ago
from sitescope_fo.model.snapshot import ProfilePart
from sitescope_fo.model.status import ACTING, Position

STEPPED_UP = frozenset({*ACTING, Position.handback})
"""This node has taken over and has not finished handing back."""


def who_monitors(profile: ProfilePart, now: float) -> str:
    """Who is proven to monitor now."""
    if profile.may_check:
        return f"this node monitors in place of {profile.primary.host}"
    if profile.position in STEPPED_UP:
        return "this node has taken over and is not allowed to check: see the conditions"
    if profile.primary.state == "running" and profile.last_proof_of_life:
        return f"{profile.primary.host} monitors (proved {ago(profile.last_proof_of_life, now)})"
    if not profile.last_proof_of_life:
        return f"nobody is proven to monitor; {profile.primary.host} has not been heard of yet"
    return f"nobody is proven to monitor; {profile.primary.host} was last proven {ago(profile.last_proof_of_life, now)}"


def fit_for_duty(profile: ProfilePart) -> tuple[str, str]:
    """Whether this standby could take over now, and the evidence in one sentence."""
    mirror = profile.mirror
    blocking = [c for c in profile.conditions if c != "flap_lock"]
    if blocking:
        return "unfit", f"{' and '.join(blocking)} {'blocks' if len(blocking) == 1 else 'block'} a takeover"
    if not mirror.verified:
        return "unfit", mirror.last_error or "there is no verified mirror"
    if mirror.staged:
        return "warning", f"`sitescope-fo mirror {profile.name} --accept` takes the staged shrink"
    if mirror.last_error:
        return "warning", mirror.last_error
    return "fit", f"verified mirror of {mirror.monitors} monitors, nothing blocks a takeover"


def mirror_words(profile: ProfilePart, now: float) -> str:
    """What the mirror holds, and since when."""
    mirror = profile.mirror
    if not mirror.revision:
        return "none yet"
    parts = [f"{mirror.monitors} monitors", f"taken {ago(mirror.at, now)}", f"revision {mirror.revision[:8]}"]
    if mirror.drift:
        parts.append("drift: differs from the primary")
    if mirror.skipped:
        parts.append(f"{len(mirror.skipped)} files skipped")
    if mirror.retargeted:
        parts.append(f"{len(mirror.retargeted)} retargeted")
    return ", ".join(parts)


def what_next(profile: ProfilePart, now: float) -> str:
    """What happens next, and when."""
    if profile.next:
        return profile.next
    if profile.activates_at:
        return f"takes over {ago(profile.activates_at, now)} unless the primary proves that it lives"
    return "keeps watching"


def primary_words(profile: ProfilePart, now: float) -> str:
    """The primary as last heard."""
    primary = profile.primary
    state = "not answering" if primary.state == "unknown" and profile.last_proof_of_life else primary.state or "unknown"
    heard = f"{primary.host}:{primary.port}{' TLS' if primary.tls else ''}, {state}"
    heard += f", version {primary.version}" if primary.version else ""
    return f"{heard}, last proof of life {ago(profile.last_proof_of_life, now)}"
