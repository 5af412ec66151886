"""What is typed behind `/`: words, `!word`, `state:error`, `type:url`, `group:shop`, `re:^web`."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from sitescope_fo.console.view.tree import problem_of
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.snapshot import MonitorRow

_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
FIELDS = ("state", "type", "group", "name", "profile", "re")

Test = Callable[[MonitorRow], bool]

_PATTERN = re.compile(r"(?:^|(?<=\s))!?re:.*", re.DOTALL)


class Filter(msgspec.Struct, frozen=True):
    """A filter that was understood. All its parts have to fit."""

    text: str = ""
    tests: tuple[Test, ...] = ()

    def fits(self, row: MonitorRow) -> bool:
        """Does this monitor stay?"""
        for test in self.tests:  # noqa: SIM110  # asked 10,000 times for each letter: a generator costs as much as a test
            if not test(row):
                return False
        return True


def parse_filter(text: str) -> Filter:
    """The filter that `text` means; in any case, words parted by blanks outside quotes. The pattern of `re:` goes on to the end.

    Raises Usage (`bad_filter`) for a field that does not exist or a broken pattern.
    """
    found = _PATTERN.search(text)
    words = [word.replace('"', "") for word in _WORD.findall(text[: found.start()] if found else text)]
    words += [found[0].strip()] if found else []
    return Filter(text, tuple(_test(word) for word in words if word not in {"!", ":"}))


def _test(word: str) -> Test:
    if word.startswith("!"):
        unwanted = _test(word[1:])
        return lambda row: not unwanted(row)
    field, colon, wanted = word.partition(":")
    if not colon or not field.isalpha():
        return _contains(word.casefold())
    if field not in FIELDS:
        raise Usage(
            f"There is no '{field}:' to filter by",
            where=word,
            hint=f"Known: {' '.join(f'{f}:' for f in FIELDS)}",
            code="bad_filter",
        )
    if field == "re":
        return _matches(wanted)
    return _field(field, frozenset(wanted.casefold().split(",")))


def _contains(part: str) -> Test:
    return lambda row: (
        part in row.path.casefold() or part in row.type or part in row.state_string.casefold() or part == row.status
    )


def _matches(pattern: str) -> Test:
    try:
        found = re.compile(pattern, re.IGNORECASE).search
    except re.error as error:
        raise Usage(
            f"The pattern is broken: {error}", where=f"re:{pattern}", hint="See 're' in the help", code="bad_filter"
        ) from error
    return lambda row: found(row.path) is not None


def _field(field: str, wanted: frozenset[str]) -> Test:
    match field:
        case "state":
            return lambda row: row.status in wanted or bool(wanted & _kinds(row))
        case "type":
            return lambda row: row.type in wanted
        case "profile":
            return lambda row: row.profile.casefold() in wanted
        case "group":
            return lambda row: any(f"{part.strip('/')}/" in f"{row.path.casefold()}/" for part in wanted)
        case _:
            return lambda row: any(part in row.name.casefold() for part in wanted)


def _kinds(row: MonitorRow) -> set[str]:
    """Words beside the status: they overlap it."""
    return {
        word
        for word, true in (
            ("suspended", row.suspended),
            ("waiting", row.waiting),
            ("acknowledged", row.acknowledged),
            ("downtime", row.downtime is not None),
            ("unhandled", bool(problem_of(row))),
        )
        if true
    }
