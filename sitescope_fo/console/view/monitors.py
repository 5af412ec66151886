"""What the Monitors page says: rows, the line above them, empty lists, and the short form of one monitor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sitescope_fo.console.view.board import Board
from sitescope_fo.console.view.said import Cell, Wording, age
from sitescope_fo.console.view.tree import ALL, PROBLEMS
from sitescope_fo.console.view.units import Units, value_of
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.moment import spell, wall_of
from sitescope_fo.model.snapshot import MonitorRow, StatusReport
from sitescope_fo.model.state_word import Tone
from sitescope_fo.model.width import cells as width_of
from sitescope_fo.model.width import clean, fit, pad, wrap

Line = tuple[Cell, ...]
CELLS = 7
"""State, name, value, age, next run, group, what it says."""
_LABEL = 10


class BoardRows:
    """The board as a source of table rows."""

    def __init__(self, board: Board, wording: Wording, now: float, units: Units) -> None:
        self.board, self.wording, self.now, self.units = board, wording, now, units
        self._mixed = board.groups.mixed

    def __len__(self) -> int:
        return len(self.board.shown)

    def cells(self, index: int) -> Sequence[Cell]:
        """See `Source`."""
        row = self.board.at(index)
        if row is None:
            return [Cell("")] * CELLS
        return (
            state_cell(row, self.wording),
            Cell(clean(row.name)),
            Cell(value_of(row, self.units)),
            Cell(age(row.last_run, self.now), "quiet"),
            Cell(next_text(row.next_run, self.now), "quiet"),
            Cell(self._group(row), "quiet"),
            Cell(clean(row.state_string), "quiet"),
        )

    def _group(self, row: MonitorRow) -> str:
        """From the group that is looked into on; with its profile when several are mixed."""
        group = row.path.rpartition("/")[0]
        tree, inside = self.board.place
        if inside:
            return clean(group[len(inside) + 1 :] or ".")
        named = row.profile and self._mixed and tree == ALL[0] and not self.board.profile
        return clean(f"{row.profile}:{group}" if named else group)


def state_cell(row: MonitorRow, wording: Wording) -> Cell:
    """Glyph and word; a problem that is acknowledged or planned says so and does not shout."""
    if row.waiting or row.suspended:
        return wording.state("waiting" if row.waiting else "suspended")
    shown = wording.state(row.status)
    if row.status not in PROBLEMS or not (row.acknowledged or row.downtime is not None):
        return shown
    return Cell(f"{shown.text} {'ack' if row.acknowledged else 'dt'}", "quiet")


def next_text(stamp: str | None, now: float) -> str:
    """When it runs next: `40s`, `now` when it is due, "-" when it does not."""
    wall = wall_of(stamp)
    if wall is None:
        return "-"
    return age(stamp, now).removeprefix("in ") if wall > now + 5 else "now"


def summary(board: Board) -> str:
    """The line above the table."""
    count = f"{len(board.shown)} of {len(board)}" if len(board.shown) != len(board) else str(len(board))
    tree, inside = board.place
    parts = [f"{count} monitor{'' if len(board) == 1 else 's'}", f"by {board.sort}"]
    parts += [f"group {clean(inside)}"] if inside else []
    if profile := board.profile or (tree if board.place != ALL else ""):
        parts.append(f"profile {clean(profile)}")
    parts += ["unhandled problems only"] if board.unhandled else []
    parts += [f"filter {clean(board.filter_text)}"] if board.filter_text else []
    return ", ".join(parts)


def empty_text(
    board: Board, status: StatusReport | None, trouble: SiteScopeError | None, key: Callable[[str], str], *, loaded: bool
) -> str:
    """Why there is no row, and what to press."""
    if trouble is not None and not len(board):
        return " ".join(part for part in (f"{trouble.what}.", trouble.hint) if part)
    if not loaded:
        return "Loading the monitors \u2026"
    if len(board):
        if board.filter_text:
            return f"Nothing fits: {key('everywhere.back')} clears the filter"
        if board.unhandled:
            return f"No problem that nobody looks after: {key('monitors.unhandled')} shows all monitors"
        return f"Nothing here: {key('everywhere.back')} leaves the group"
    if status is None:
        return "Loading the monitors \u2026"
    new = key("monitors.new")
    if status.node.role == "primary":
        return f"No monitor yet: press {new}"
    if not status.profiles:
        return f"No profile yet: press {key('everywhere.failover')}, then {new}"
    return f"Nothing is mirrored yet: press {key('everywhere.failover')} and look at the profile"


def short_form(row: MonitorRow, units: Units, wording: Wording, now: float, width: int) -> list[Line]:
    """One monitor beside the table: what its row has no room for."""
    shown = state_cell(row, wording)
    lines: list[Line] = [(Cell(text),) for text in wrap(clean(row.name), width, 2)]
    lines += [(shown, Cell(f"  {value_of(row, units)}")), ()]
    lines += [(Cell(text),) for text in wrap(clean(row.state_string), width, 4)]
    if row.profile:
        lines += pair("profile", clean(row.profile), width)
    lines += pair("group", clean(row.path.rpartition("/")[0]), width)
    lines += pair("type", f"{row.type}, every {spell(row.frequency_s)}", width)
    lines += pair("ran", wording.moment(row.last_run, now), width)
    lines += pair("runs next", wording.moment(row.next_run, now), width)
    return [*lines, *handled_lines(row, wording, now, width)]


def handled_lines(row: MonitorRow, wording: Wording, now: float, width: int) -> list[Line]:
    """Who knows of it, since when, why, until when; and the downtime it is in."""
    lines: list[Line] = []
    if row.ack is not None:
        ack = row.ack
        end = wording.moment(ack.until, now) if ack.until else "it is good"
        lines += pair("known to", f"{clean(ack.by)} since {wording.moment(ack.at, now)}, until {end}", width)
        lines += pair("because", clean(ack.comment), width, "acting")
    if row.downtime is not None:
        down = row.downtime
        span = f"{wording.moment(down.start, now)} to {wording.moment(down.until, now)}"
        lines += pair("downtime", f"{span}, by {clean(down.by)}", width)
        lines += pair("because", clean(down.reason), width, "acting")
    return lines


def broken(text: str, width: int) -> list[str]:
    """All of `text` in lines of `width` columns: between words where that is possible, nothing is left out."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width_of(joined) <= width:
            lines[-1] = joined
            continue
        lines += [""] if lines[-1] else []
        for letter in word:
            if width_of(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def pair(label: str, text: str, width: int, tone: Tone = "", *, label_width: int = _LABEL) -> list[Line]:
    """`label  text`, the text on as many lines as it takes."""
    parts = broken(text, max(8, width - label_width))
    heads = [pad(fit(label, label_width - 1), label_width), *[" " * label_width] * (len(parts) - 1)]
    return [(Cell(head, "quiet"), Cell(part, tone)) for head, part in zip(heads, parts, strict=True)]
