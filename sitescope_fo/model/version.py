"""Versions: of the product and of what travels between nodes."""

from __future__ import annotations

from typing import Literal

WIRE = 1
"""The wire version this node speaks."""


def compare_versions(mine: str, theirs: str) -> Literal["same", "patch", "different"]:
    """"Same version" means the same major.minor; another patch level is a warning, all else is different (guide, requirements)."""
    if mine == theirs:
        return "same"
    return "patch" if mine.split(".")[:2] == theirs.split(".")[:2] else "different"
