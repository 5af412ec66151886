"""Hints for names that do not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest_hint(name: str, known: Iterable[str]) -> str:
    """`Did you mean …?` with the nearest known name, else the list of a few, else that there is none."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"Did you mean '{close[0]}'?"
    if not names:
        return "There is none yet"
    return "There are: " + ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
