"""Lines of `high_availability.log` as they stand below the monitors: time, what happened, in the tone of its level."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sitescope_fo.console.view.said import Cell, Wording
from sitescope_fo.model.state_word import Tone
from sitescope_fo.model.width import cells, clean, fit

_LINE = re.compile(r"(?P<at>\S+)\s+(?P<level>[A-Z]+)\s+(?P<rest>.*)")
_QUOTED = re.compile(r'\bwhat="((?:[^"\\]|\\.)*)"')
_WORD = re.compile(r"\bprofile=(\S+)")
_TONES: dict[str, Tone] = {"ERROR": "error", "WARNING": "warning"}


def tail_lines(lines: Sequence[str], count: int, width: int, wording: Wording, now: float) -> list[tuple[Cell, ...]]:
    """The last `count` lines, each cut to `width` columns. A line of another form is shown as it is."""
    return [_line(clean(line), width, wording, now) for line in lines[-count:]]


def _line(line: str, width: int, wording: Wording, now: float) -> tuple[Cell, ...]:
    found = _LINE.fullmatch(line)
    what = _QUOTED.search(line)
    if found is None or what is None:
        return (Cell(fit(line, width), "quiet"),)
    at = wording.moment(found["at"], now)
    profile = _WORD.search(found["rest"])
    said = re.sub(r"\\(.)", r"\1", what[1])
    text = f"{profile[1]}: {said}" if profile else said
    return (Cell(f"{at} ", "quiet"), Cell(fit(text, width - cells(at) - 1), _TONES.get(found["level"], "")))
