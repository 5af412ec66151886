"""A window on a log file of any size: the lines around the place one looks at, by offset, never the whole file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sitescope_fo.console.view.said import Cell, Wording
from sitescope_fo.model.duration import parse_duration
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.moment import wall_of
from sitescope_fo.model.record import LogPage
from sitescope_fo.model.state_word import Tone
from sitescope_fo.model.width import clean

MOST_LINES = 4000
"""Lines kept in the window; what leaves it is asked for again when somebody goes back."""
LEVELS = ("", "WARNING", "ERROR")
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(?:Z|[+-]\d\d:?\d\d)?\s*")
_TONES: dict[str, Tone] = {"ERROR": "error", "CRITICAL": "error", "WARNING": "warning", "DEBUG": "quiet"}
_LEVEL = re.compile(r"\b(CRITICAL|ERROR|WARNING|INFO|DEBUG)\b")


class LogWindow:
    """Lines with their offsets, grown at either end, cut at the other."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._offsets: list[int | None] = []
        self.before = 0
        """Ask for what stands above this offset; 0 = nothing does."""
        self.after = 0
        """Ask for what stands below this offset."""
        self.size = 0
        self.end = True
        """Nothing stands below, as far as is known."""

    def open(self, page: LogPage) -> None:
        """Begins anew with a page."""
        self.lines, self._offsets = list(page.lines), list(page.offsets)
        self.before, self.after, self.size, self.end = page.prev, page.next, page.size, page.end

    def above(self, page: LogPage) -> int:
        """Puts a page above. Gives how many lines that are."""
        self.lines[:0] = page.lines
        self._offsets[:0] = page.offsets
        self.before, self.size = page.prev, page.size
        if (over := len(self.lines) - MOST_LINES) > 0:
            self.after = self._offsets[-over] or self.after
            self.end = False
            del self.lines[-over:], self._offsets[-over:]
        return len(page.lines)

    def below(self, page: LogPage) -> int:
        """Puts a page below. Gives how many lines left the window above."""
        self.lines += page.lines
        self._offsets += page.offsets
        self.after, self.size, self.end = page.next, page.size, page.end
        if (over := len(self.lines) - MOST_LINES) > 0:
            self.before = self._offsets[over] or self.before
            del self.lines[:over], self._offsets[:over]
            return over
        return 0

    def find(self, text: str, start: int, step: int) -> int | None:
        """The next line with `text`, in any case, from `start` in steps of 1 or -1, around the ends; None = nowhere."""
        wanted = text.casefold()
        count = len(self.lines)
        return (
            next(
                (at % count for at in range(start, start + step * count, step) if wanted in self.lines[at % count].casefold()),
                None,
            )
            if count and wanted
            else None
        )


class LogRows:
    """A window as a source of table rows."""

    def __init__(self, window: LogWindow, wording: Wording, found: str = "") -> None:
        self._window, self._wording, self._found = window, wording, found.casefold()

    def __len__(self) -> int:
        return len(self._window.lines)

    def cells(self, index: int) -> Sequence[Cell]:
        """See `Source`."""
        line = clean(self._window.lines[index])
        level = _LEVEL.search(line[:60])
        tone: Tone = _TONES.get(level[1], "") if level else ""
        if self._found and self._found in line.casefold():
            tone = "acting"
        return (Cell(stamp_in(line, self._wording), "quiet"), Cell(_STAMP.sub("", line), tone))


def stamp_in(line: str, wording: Wording) -> str:
    """The moment of a line as it is shown here; "" when it has none."""
    found = _STAMP.match(line)
    if found is None:
        return ""
    if not wording.local:
        return f"{found[1][5:]} {found[2]}"
    wall = wall_of(found[0].strip())
    return datetime.fromtimestamp(wall).astimezone().strftime("%m-%d %H:%M:%S") if wall is not None else ""


def moment_of(text: str, now: float, wording: Wording) -> str:
    """The ISO stamp of what somebody typed: `10:15`, `2026-11-22 10:15:30`, `2h` ago. Raises Usage (`bad_time`)."""
    word = text.strip()
    zone = datetime.fromtimestamp(now).astimezone().tzinfo if wording.local else UTC
    here = datetime.fromtimestamp(now, zone)
    if re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", word):
        hour, minute, *second = (int(part) for part in word.split(":"))
        if hour < 24 and minute < 60 and sum(second) < 60:
            moment = here.replace(hour=hour, minute=minute, second=sum(second), microsecond=0)
            moment = moment - timedelta(days=1) if moment > here else moment  # the last time it was so late
            return moment.astimezone(UTC).isoformat()
    try:
        return datetime.fromtimestamp(now - parse_duration(word), UTC).isoformat()
    except Usage:
        pass
    try:
        moment = datetime.fromisoformat(word)
    except ValueError as error:
        raise Usage(
            f"'{text}' is no moment",
            where="time",
            hint="Write 10:15, 2026-11-22 10:15, or back from now like 2h",
            code="bad_time",
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC).isoformat()
