"""Versions: of the product and of what travels between nodes."""

from __future__ import annotations

from typing import Literal

WIRE = 1
"""The wire version this node speaks."""


def compare_versions(mine: str, theirs: str) -> Literal["same", "patch", "different"]:
    """The guide asks for the same version on both nodes: the same major.minor; another patch level is worth a warning."""
    if mine == theirs:
        return "same"
    return "patch" if mine.split(".")[:2] == theirs.split(".")[:2] else "different"
