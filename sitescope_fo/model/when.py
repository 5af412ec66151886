"""The rule of an alert as people type it: `always after 2`, `once after 1`, `first after 3 then every 10`."""

from __future__ import annotations

import re

from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import When

MOST = 1_000_000
_RULE = re.compile(
    r"(?P<kind>always|once)(?:\s+after\s+(?P<n>\d{1,7}))?|first\s+after\s+(?P<first>\d{1,7})\s+then\s+every\s+(?P<every>\d{1,7})"
)


def parse_when(text: str, *, where: str = "") -> When:
    """The rule that `text` says; without a count it is 1. Raises Usage (`bad_when`)."""
    found = _RULE.fullmatch(" ".join(text.lower().split()))
    if found is None:
        raise _bad(f"'{text}' is no alert rule", where)
    if found["first"]:
        rule = When(kind="repeat", after=int(found["first"]), every=int(found["every"]))
    else:
        rule = When(kind="always" if found["kind"] == "always" else "once", after=int(found["n"] or 1))
    if not (1 <= rule.after <= MOST and 1 <= rule.every <= MOST):
        raise _bad(f"'{text}' counts from 1", where)
    return rule


def _bad(what: str, where: str) -> Usage:
    hint = "Write: always after N, once after N, or first after X then every Y"
    return Usage(what, where=where, hint=hint, code="bad_when")


def format_when(when: When) -> str:
    """The text that `parse_when` reads back."""
    if when.kind == "repeat":
        return f"first after {when.after} then every {when.every}"
    return f"{when.kind} after {when.after}"
