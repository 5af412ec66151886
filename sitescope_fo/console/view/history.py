"""Snapshots of a mirror as people read them: the list, what one holds, and what differs between two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sitescope_fo.console.view.said import Cell, Wording, age, value_text
from sitescope_fo.model.moment import size_text
from sitescope_fo.model.width import clean

RESTORE = (
    "Restore comes with the return of a rebuilt primary. Until then: empty groups and persistence below its root, unzip there"
)
ON_A_PRIMARY = (
    "Snapshots of the mirror lie on the failover: open its console, and press 4 there.\n"
    "A primary keeps its own configuration before each merge back; that comes with merge back."
)
NO_PROFILE = "No profile yet: press 2, then n, to protect a primary; its first mirror makes a snapshot"
EMPTY = "No snapshot yet: the first mirror makes one"
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the query `history`."""

    snapshot: str
    at: str
    bytes: int
    monitors: int
    revision: str
    kind: str
    base: str = ""


def row(one: Snapshot, wording: Wording, now: float, *, marked: bool, proof: str) -> tuple[Cell, ...]:
    """Mark, at, age, kind, size, monitors, revision, base, proof: "" not tried, `verified`, `bad`, `running`."""
    kind = Cell(one.kind, "error" if one.kind == "damaged" else "")
    seen = "bad" if one.kind == "damaged" and not proof else proof
    state = wording.state(seen) if seen and seen != "waiting" else Cell("verifying" if seen else "-", "quiet")
    return (
        Cell("*" if marked else "", "acting"),
        Cell(wording.moment(one.at, now)),
        Cell(age(one.at, now), "quiet"),
        kind,
        Cell(size_text(one.bytes)),
        Cell(str(one.monitors) if one.kind not in {"damaged", "edits"} else "-"),
        Cell(one.revision[:8] or "-", "quiet"),
        Cell(one.base[:8] or "-", "quiet"),
        state,
    )


def held_lines(answer: Mapping[str, Any]) -> list[str]:
    """What `history_show` tells, a line each."""
    counts = ", ".join(
        f"{size_text(count) if kind == 'bytes' else count} {'' if kind == 'bytes' else kind}".strip()
        for kind, count in answer["counts"].items()
        if count
    )
    lines = [f"{answer['kind']}, {answer['at'][:19]}Z, revision {answer['revision'][:12]}, verified", counts, ""]
    lines += [f"{group['path']}/  {group['monitors']} monitors" for group in answer["groups"]]
    lines += [""] if answer["monitors"] else []
    lines += [f"{one['path']}  {one['type']}{'' if one['enabled'] else ', disabled'}" for one in answer["monitors"]]
    lines += [f"{answer['left_off']} more are not shown"] if answer["left_off"] else []
    return [clean(line) for line in lines]


def change_lines(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the pages of `history_diff` tell, a line each."""
    first = answers[0]
    lines = [f"from {_called(first['a'])}", f"to   {_called(first['b'])}", ""]
    if first["same"]:
        return [clean(line) for line in [*lines, "No difference"]]
    for kind, count in first["counts"].items():
        said = ", ".join(f"{number} {word}" for word, number in count.items() if number)
        lines.append(f"{kind}: {said}")
    lines.append("")
    for change in (change for answer in answers for change in answer["changes"]):
        was = f" (was {change['was']})" if change["was"] else ""
        lines.append(f"{_SIGNS[change['change']]} {change['kind']} {change['path']}{was}")
        if change["change"] == "changed":
            lines += [f"    {key['key']}: {value_text(key['old'])} -> {value_text(key['new'])}" for key in change["keys"]]
            lines += [f"    {change['keys_left_off']} more keys"] if change["keys_left_off"] else []
    rest = first["total"] - sum(len(answer["changes"]) for answer in answers)
    lines += [f"{rest} more changes: sitescope-fo history diff"] if rest else []
    return [clean(line) for line in lines]


def _called(what: Mapping[str, Any]) -> str:
    return f"{what['snapshot']} ({what['at'][:19]}Z, revision {what['revision'][:8]})"
