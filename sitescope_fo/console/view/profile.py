"""The failover page as values: rows of profiles and of failovers, the sheet of one, and its timeline."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sitescope_fo.console.view.said import Cell, Wording, age, countdown
from sitescope_fo.model.moment import ago, spell, wall_of
from sitescope_fo.model.profile_words import STEPPED_UP, fit_for_duty, mirror_words, primary_words, what_next, who_monitors
from sitescope_fo.model.record import TimelineStep
from sitescope_fo.model.snapshot import PeerPart, ProfilePart, StatusReport
from sitescope_fo.model.width import clean

SILENT_S = 600.0
"""A failover that has not asked for this long does not protect its primary."""


class Line(msgspec.Struct, frozen=True):
    """One line of the sheet: a label and what it says."""

    label: str
    cells: tuple[Cell, ...]


def profile_row(profile: ProfilePart, wording: Wording, now: float) -> tuple[Cell, ...]:
    """Name, state, primary, last proof of life, mirror age and drift, next action."""
    mirror = profile.mirror
    if not mirror.revision:
        mirrored = Cell("none yet", "error")
    else:
        drift = " drift" if mirror.drift else ""
        mirrored = Cell(f"{age(mirror.at, now)}{drift}", "warning" if drift or not mirror.verified else "")
    upcoming = f"takes over {countdown(profile.activates_at, now)}" if profile.activates_at else what_next(profile, now)
    return (
        Cell(clean(profile.name)),
        wording.state(profile.state),
        Cell(clean(profile.primary.host)),
        Cell(age(profile.last_proof_of_life, now)),
        mirrored,
        Cell(clean(upcoming), "warning" if profile.activates_at else ""),
    )


def profile_sheet(profile: ProfilePart, wording: Wording, now: float) -> tuple[Line, ...]:
    """All there is to say of a profile, most urgent first."""
    say = wording.state
    lines = [Line("now", (Cell(clean(who_monitors(profile, now))),)), Line("next", (Cell(clean(what_next(profile, now))),))]
    if profile.activates_at:
        lines.insert(
            0,
            Line(
                "takes over",
                (Cell(f"{countdown(profile.activates_at, now)} unless the primary proves that it lives", "warning"),),
            ),
        )
    if profile.hold:
        until, reason = profile.hold.get("until", ""), profile.hold.get("reason", "")
        text = f"{reason}, by {profile.hold.get('by', '?')}, until {wording.moment(until, now)} ({ago(until, now)})"
        lines.insert(0, Line("hold", (Cell(clean(text), "warning"),)))
    if profile.position not in STEPPED_UP:
        fitness, why = fit_for_duty(profile)
        word = say(fitness)
        lines.append(Line("standby", (Cell(f"{word.text}: ", word.tone), Cell(clean(why)))))
    lines.append(Line("primary", (Cell(clean(primary_words(profile, now))),)))
    lines.append(Line("mirror", (Cell(clean(mirror_words(profile, now)), "warning" if profile.mirror.drift else ""),)))
    if profile.mirror.last_error:
        lines.append(Line("", (Cell(clean(profile.mirror.last_error), "error"),)))
    lines += _lists("skipped", [f"{item['path']}: {item['why']}" for item in profile.mirror.skipped])
    lines += _lists("retargeted", list(profile.mirror.retargeted))
    if profile.conditions:
        lines.append(Line("conditions", (Cell(", ".join(profile.conditions), "warning"),)))
    if profile.handback:
        step = ", ".join(f"{key} {value}" for key, value in profile.handback.items())
        lines.append(Line("hand-back", (Cell(clean(step), "acting"),)))
    if profile.blind_windows:
        lines.append(
            Line("blind", (Cell(f"{profile.blind_windows} monitors were not watched for a while in this term", "warning"),))
        )
    lines += [
        Line(
            "overlap",
            (
                Cell(
                    clean(f"{wording.moment(o.get('from'), now)} to {wording.moment(o.get('to'), now)}: {o.get('why', '')}"),
                    "warning",
                ),
            ),
        )
        for o in profile.overlaps[-2:]
    ]
    counts = profile.monitors
    lines.append(
        Line(
            "monitors",
            (
                Cell(f"{counts.total} total"),
                *(
                    Cell(f", {getattr(counts, name)} {name}", wording.state(name).tone)
                    for name in ("error", "warning", "nodata", "good", "suspended")
                    if getattr(counts, name)
                ),
            ),
        )
    )
    lines.append(
        Line(
            "timing",
            (Cell(f"preset {profile.preset}, term {profile.term}, in this state since {wording.moment(profile.since, now)}"),),
        )
    )
    return tuple(lines)


def _lists(label: str, items: Sequence[str]) -> list[Line]:
    shown = [Line(label if not at else "", (Cell(clean(item), "quiet"),)) for at, item in enumerate(items[:3])]
    if len(items) > 3:
        shown.append(Line("", (Cell(f"and {len(items) - 3} more", "quiet"),)))
    return shown


def timeline_rows(steps: Sequence[TimelineStep], wording: Wording, now: float) -> tuple[list[tuple[Cell, ...]], list[int]]:
    """Rows newest first, each change followed by its evidence; and for each row the number of its change."""
    rows: list[tuple[Cell, ...]] = []
    numbers: list[int] = []
    for number, step in enumerate(reversed(steps)):
        state = wording.state(step.to)
        rows.append((Cell(_short(step.at, wording, now)), state, Cell(clean(f"{step.why} (term {step.term})"))))
        rows += [
            (
                Cell(_short(seen.at, wording, now), "quiet"),
                Cell(f"  {seen.kind.replace('_', ' ')}", "quiet"),
                Cell(clean(seen.what), "quiet"),
            )
            for seen in step.evidence
        ]
        numbers += [number] * (1 + len(step.evidence))
    return rows, numbers


def _short(stamp: str, wording: Wording, now: float) -> str:
    """A moment without its year."""
    shown = wording.moment(stamp, now)
    return shown[5:] if len(shown) > 8 else shown


def peer_row(peer: PeerPart, wording: Wording, now: float) -> tuple[Cell, ...]:
    """On a primary: a failover that protects it. Address, profile, trust, last seen."""
    wall = wall_of(peer.last_seen)
    fresh = wall is not None and now - wall < SILENT_S
    state = wording.state("fit" if fresh and peer.accepted else "pending" if not peer.accepted else "unfit")
    said = "protects this node" if fresh and peer.accepted else "waits to be accepted: press a" if not peer.accepted else "silent"
    return (
        Cell(clean(f"{peer.host}:{peer.port}")),
        Cell(f"{state.text.split(' ')[0]} {said}", state.tone),
        Cell(clean(peer.listed_as)),
        Cell(age(peer.last_seen, now), "" if fresh else "error"),
    )


def primary_sheet(status: StatusReport, wording: Wording, now: float) -> tuple[Line, ...]:
    """What a primary has to say of itself."""
    node, counts = status.node, status.monitors
    state = wording.state(node.state or "unknown")
    who = "this node monitors" if node.state == "running" else "this node does not monitor"
    seen = [peer for peer in status.peers if peer.accepted and (wall_of(peer.last_seen) or 0.0) > now - SILENT_S]
    fit = wording.state("fit" if seen else "unfit")
    lines = [
        Line("now", (Cell(state.text, state.tone), Cell(clean(f": {who}" + (f" ({node.why})" if node.why else ""))))),
        Line("standby", (Cell(fit.text, fit.tone), Cell(f": {len(seen)} of {len(status.peers)} failovers watch it"))),
        Line("monitors", (Cell(f"{counts.total} total, {counts.error} in error, {counts.warning} with a warning"),)),
    ]
    return tuple(lines)


def situation(profile: ProfilePart, now: float, *, title: str, host: str) -> str:
    """What stands before a dangerous action: role, counts, the peer's health."""
    counts, primary = profile.monitors, profile.primary
    seen = wall_of(profile.last_proof_of_life)
    heard = f"last proof of life {spell(max(0.0, now - seen))} ago" if seen is not None else "never heard of"
    return (
        f"{title} on {host}: {counts.total} monitors of {profile.name}, {counts.error} in error, {counts.suspended} suspended.\n"
        f"{profile.name} is in {profile.state}; its mirror has {profile.mirror.monitors} monitors"
        f"{', verified' if profile.mirror.verified else ', NOT verified'}.\n"
        f"The primary {primary.host}:{primary.port} is {primary.state}, {heard}."
    )
