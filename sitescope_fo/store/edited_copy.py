"""Keeps what a person wrote when a program has to rewrite or drop it: copies under high_availability/backups/edited/."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sitescope_fo.store.files import REAL, Disk, make_private_dir, write_atomic
from sitescope_fo.store.toml_lines import comments


def keep_commented(folder: Path, name: str, content: bytes, *, known: str = "", disk: Disk = REAL) -> Path | None:
    """Copies `content` to `folder` when it holds comments beyond the text `known`; returns the copy.

    The copy is named by its content, so the same text is kept once. Raises OSError.
    """
    text = content.decode("utf-8", "replace").removeprefix(known)
    if not comments(text):
        return None
    copy = folder / f"{name}.{hashlib.sha256(content).hexdigest()[:12]}"
    if not copy.exists():
        make_private_dir(folder, disk)
        write_atomic(copy, content, disk=disk)
    return copy
