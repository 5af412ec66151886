"""Regular expressions from configuration, refused when they could take exponential time.

Python's `re` backtracks and cannot be interrupted: `(a+)+$` on 40 characters would stop the whole node. So an unbounded repeat
must not stand over a group that can match in several ways (a repeat, an optional part, alternatives), and a bounded one not over
a group that repeats without bound, unless nothing is given back (possessive `)++`, `)*+`, or an atomic group, Python 3.11).
Back-references are refused too, as they undo the reasoning.
"""

from __future__ import annotations

import math
import re
import warnings

from sitescope_fo.model.errors import Usage

LONGEST_PATTERN = 500
MANY = 10
"""A `{n,m}` with m above this counts as unbounded."""

_PART = re.compile(
    r"\\[1-9]|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?>|\(\?P=|\((?:\?(?:P?<[^>]*>|<?[=!:]|[a-zA-Z-]*[:)]|#[^)]*))?|\)"
    r"|[*+?][+?]?|\{\d*(?:,\d*)?\}[+?]?|\||[\s\S]"
)


class _Group:
    """What is known of one group while it is read: whether it can match in several ways, and without bound."""

    def __init__(self, *, atomic: bool = False) -> None:
        self.atomic = atomic
        self.varies = False
        self.endless = False

    def holds(self, inner: _Group) -> None:
        """Takes over what a closed group inside can still give back."""
        if not inner.atomic:
            self.varies |= inner.varies
            self.endless |= inner.endless


def compile_pattern(pattern: str, *, where: str = "") -> re.Pattern[str]:
    """The compiled pattern. Raises Usage (`bad_pattern`) when it is no regular expression, too long or could run away."""
    if len(pattern) > LONGEST_PATTERN:
        raise _refused(f"the pattern is longer than {LONGEST_PATTERN} characters", where)
    try:
        with warnings.catch_warnings(action="error", category=FutureWarning):
            compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError, FutureWarning) as error:
        raise _refused(f"'{pattern}' is no regular expression: {error}", where) from error
    if why := _runaway(pattern):
        raise _refused(
            f"'{pattern}' {why}: that could take exponential time", where, "Give the outer repeat nothing back: )++ or )*+"
        )
    return compiled


def _refused(what: str, where: str, hint: str = "") -> Usage:
    return Usage(what, where=where, hint=hint, code="bad_pattern")


def _runaway(pattern: str) -> str:
    stack = [_Group()]
    closed: _Group | None = None
    for part in _PART.findall(pattern):
        last, closed = closed, None
        if re.fullmatch(r"\\[1-9]|\(\?P=", part):
            return "uses a back-reference"
        if re.match(r"\(\?[a-zA-Z]*x", part):
            return "uses verbose mode, which hides its groups"
        if part.startswith("(") and not part.endswith(")"):
            stack.append(_Group(atomic=part == "(?>"))
        elif part == ")" and len(stack) > 1:
            closed = stack.pop()
            stack[-1].holds(closed)
        elif part == "|":
            stack[-1].varies = True
        elif (most := _most(part)) is not None and not part.endswith("+", 1):
            if last is not None and not last.atomic and most > 1:
                if last.endless:
                    return "repeats a group that repeats"
                if last.varies and most > MANY:
                    return "repeats a group that can match in several ways"
            stack[-1].varies |= not re.fullmatch(r"\{\d+\}", part)
            stack[-1].endless |= most > MANY
    return ""


def _most(part: str) -> float | None:
    """How often a repeat allows at most, None for anything else."""
    if part[0] in "*+?" and len(part) <= 2:
        return 1 if part[0] == "?" else math.inf
    if part[0] == "{" and len(part) > 2:
        most = part.strip("+?{}").rpartition(",")[2]
        return int(most) if most else math.inf
    return None
