"""The title bar: which node this is, who monitors, is the standby fit, what happens next."""

from __future__ import annotations

import msgspec

from sitescope_fo.console.view.said import Cell, Wording, countdown, steps
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.moment import wall_of
from sitescope_fo.model.snapshot import PeerPart, ProfilePart, StatusReport
from sitescope_fo.model.width import cells

STALE_S = 5.0
"""A status older than this is shown as stale."""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """What the title bar is made from."""

    status: StatusReport | None
    profile: str = ""
    age_s: float = 0.0
    trouble: SiteScopeError | None = None
    read_only: bool = False
    embedded: bool = False


class _Part(msgspec.Struct, frozen=True):
    cells: tuple[Cell, ...]
    weight: int
    """On a narrow screen the heaviest part goes first."""


def title(picture: Picture, wording: Wording, now: float, width: int) -> tuple[tuple[Cell, ...], Cell]:
    """What stands on the left, and the clock on the right, in `width` columns."""
    clock = Cell(wording.clock(now), "quiet")
    parts = list(_parts(picture, wording, now))
    while sum(_width(part) + 2 for part in parts) + cells(clock.text) > width and len(parts) > 1:
        parts.remove(max(parts, key=lambda part: part.weight))
    return tuple(cell for part in parts for cell in (*part.cells, Cell("  "))), clock


def _width(part: _Part) -> int:
    return sum(cells(cell.text) for cell in part.cells)


def selected(status: StatusReport, name: str) -> ProfilePart | None:
    """The profile that the title bar speaks of: the one selected, else the one that needs eyes most, else the first."""
    for profile in status.profiles:
        if profile.name == name:
            return profile
    busy = [profile for profile in status.profiles if profile.state != "standby"]
    return next(iter(busy or status.profiles), None)


def _parts(picture: Picture, wording: Wording, now: float) -> list[_Part]:
    status = picture.status
    if status is None:
        what = picture.trouble.what if picture.trouble else "starting"
        starting = picture.trouble is None or picture.trouble.code == "starting"
        return [_Part((Cell("SiteScope"),), 0), _Part((Cell(what, "quiet" if starting else "error"),), 1)]
    found = [_Part((Cell(status.node.title),), 1), _Part((Cell(status.node.host, "quiet"),), 2)]
    if picture.age_s > STALE_S or picture.trouble is not None:
        why = f": {picture.trouble.what}" if picture.trouble else ""
        found.append(_Part((Cell(f"{wording.state('stale').text} {steps(picture.age_s)}{why}", "stale"),), 0))
    if status.node.role == "primary":
        found += _primary(status, wording, now)
    else:
        found += _failover(selected(status, picture.profile), len(status.profiles), wording, now)
    if picture.read_only:
        found.append(_Part((Cell("read-only", "warning"),), 2))
    return found


def _primary(status: StatusReport, wording: Wording, now: float) -> list[_Part]:
    state = wording.state(status.node.state or "unknown")
    found = [_Part((Cell(state.text.upper(), state.tone),), 0)]
    if not status.peers:
        return [*found, _Part((Cell(f"{wording.glyph('unfit')} no failover protects it", "error"),), 3)]
    return [*found, _Part((_peer(max(status.peers, key=lambda peer: peer.last_seen), wording, now),), 3)]


def _peer(peer: PeerPart, wording: Wording, now: float) -> Cell:
    wall = wall_of(peer.last_seen)
    if wall is None:
        return Cell(f"{wording.glyph('unfit')} failover {peer.host} never seen", "error")
    gap = max(0.0, now - wall)
    fresh = gap < 600
    return Cell(f"{wording.glyph('good' if fresh else 'bad')} failover {peer.host} {steps(gap)} ago", "" if fresh else "error")


def _failover(profile: ProfilePart | None, count: int, wording: Wording, now: float) -> list[_Part]:
    if profile is None:
        return [_Part((Cell("no profile yet: press 2, then n", "warning"),), 0)]
    state = wording.state(profile.state)
    name = profile.name if count == 1 else f"{profile.name} (of {count})"
    found = [_Part((Cell(state.text.upper(), state.tone), Cell(f" {name}", "")), 0)]
    if profile.activates_at:
        found.append(_Part((Cell(f"takes over {countdown(profile.activates_at, now)}", "warning"),), 0))
    heard = wall_of(profile.last_proof_of_life)
    if heard is None:
        found.append(_Part((Cell("primary never heard", "warning"),), 3))
    else:
        silent = profile.primary.state == "unknown"
        primary = Cell(f"{wording.glyph('bad')} silent", "error") if silent else wording.state(profile.primary.state)
        ago = f"{steps(max(0.0, now - heard))} ago" if now - heard >= 5 else "now"
        latency = f" {profile.primary.latency_ms:.0f} ms" if profile.primary.latency_ms and not silent else ""
        found.append(_Part((Cell("primary "), Cell(primary.text, primary.tone), Cell(f"{latency} {ago}", "quiet")), 3))
    return found
