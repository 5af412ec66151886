"""A name that nothing has yet."""

from __future__ import annotations

from pathlib import Path


def free_name(path: Path) -> Path:
    """`path`, or the first of path-2, path-3 … that is free."""
    candidate, n = path, 1
    while candidate.exists() or candidate.is_symlink():
        n += 1
        candidate = path.with_name(f"{path.name}-{n}")
    return candidate
