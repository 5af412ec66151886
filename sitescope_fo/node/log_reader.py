"""Text logs as people read them: the end, a page up or down, from a moment on, only some lines. Blocking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from sitescope_fo.model.errors import Usage
from sitescope_fo.model.record import LogFile, LogPage
from sitescope_fo.node.find import nearest_hint
from sitescope_fo.node.moments import moment_of
from sitescope_fo.node.records import LOG_NAMES, LOGS_KEPT, open_log
from sitescope_fo.store.home import Home
from sitescope_fo.store.log_pages import Page, backward, first_and_last, forward, place_at
from sitescope_fo.store.stamp import iso_millis

MOST_LINES = 10_000
LEVELS = ("INFO", "WARNING", "ERROR")
AUDIT = "audit"


def base_of(name: str) -> str:
    """The log that a name means: `error` for its older part `error.2`, too."""
    return name.partition(".")[0]


def read_page(home: Home, params: Mapping[str, str], lines: int, wall: float) -> LogPage:
    """Some lines of a log. A log that is not there is empty. Raises Usage, OSError."""
    name = params.get("name") or "high_availability"
    path, wanted, limit = _path(home, name), _wanted(params), min(lines, MOST_LINES)
    try:
        if params.get("since"):
            page = forward(path, _offset(params["since"], "since"), limit, wanted)
        elif params.get("before"):
            page = backward(path, _offset(params["before"], "before"), limit, wanted)
        elif params.get("at"):
            page = forward(path, place_at(path, iso_millis(moment_of(params["at"], wall, where="at"))), limit, wanted)
        else:
            page = backward(path, path.stat().st_size, limit, wanted)
    except FileNotFoundError:
        page = Page([], [], 0, 0, 0)
    plain_end = not any(params.get(key) for key in ("since", "before", "at", "match", "level"))
    older = _older(home, name, limit, len(page.lines)) if plain_end and name in LOG_NAMES else []
    return LogPage(
        lines=(*older, *page.lines),
        offsets=(*(None for _ in older), *page.offsets),
        prev=page.prev,
        next=page.next,
        size=page.size,
        end=page.next >= page.size,
    )


def list_logs(home: Home, *, audit: bool) -> list[LogFile]:
    """Every file of every log, newest first; the audit's only if asked for."""
    found = []
    for name in LOG_NAMES:
        for number in range(LOGS_KEPT + 1) if audit or name != AUDIT else ():
            part = f"{name}.{number}" if number else name
            try:
                path = _path(home, part)
                since, until = first_and_last(path)
                found.append(LogFile(name=part, bytes=path.stat().st_size, since=since, until=until))
            except FileNotFoundError:
                continue
    return found


def _path(home: Home, name: str) -> Path:
    base, _, number = name.partition(".")
    if base not in LOG_NAMES or (number and number not in {str(n) for n in range(1, LOGS_KEPT + 1)}):
        raise Usage(f"There is no log '{name}'", where="log", hint=nearest_hint(name, LOG_NAMES), code="not_found")
    path = open_log(home, base).path
    return path.with_name(f"{path.name}.{number}") if number else path


def _older(home: Home, name: str, limit: int, have: int) -> list[str]:
    """What is missing at the end of a log that was turned over lately."""
    if have >= limit:
        return []
    lines = list(open_log(home, name).tail(limit).lines)
    return lines[: len(lines) - have]


def _wanted(params: Mapping[str, str]) -> Callable[[str], bool]:
    text, level = params.get("match", "").casefold(), params.get("level", "").upper()
    if level and level not in LEVELS:
        raise Usage(f"There is no level '{level}'", where="level", hint=f"One of {', '.join(LEVELS)}", code="bad_filter")
    levels = frozenset(LEVELS[LEVELS.index(level) :]) if level else frozenset()

    def fits(line: str) -> bool:
        if text and text not in line.casefold():
            return False
        return not levels or next(iter(line.split(" ", 2)[1:2]), "") in levels

    return fits


def _offset(text: str, where: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise Usage(f"'{text}' is no position in a log", where=where, hint="Use `next` or `prev` of an earlier answer")
    return int(text)
