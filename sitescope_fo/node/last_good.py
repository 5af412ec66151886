"""Keeps the last configuration that loaded, beside the one people edit."""

from __future__ import annotations

import shutil

from sitescope_fo.store.files import remove_tree, write_atomic
from sitescope_fo.store.home import Home

MARK = "REVISION"
PARTS = ("groups", "persistence")


def keep_last_good(home: Home, revision: str) -> None:
    """Copies groups/ and persistence/ to `last_good`, complete or not at all. Blocking. Raises OSError."""
    target = home.last_good
    mark = target / MARK
    if mark.is_file() and mark.read_text("ascii") == revision:
        return
    fresh = target.with_name(f"{target.name}.new")
    old = target.with_name(f"{target.name}.old")
    for leftover in (fresh, old):
        if leftover.exists():
            remove_tree(leftover)
    fresh.mkdir(mode=0o700)
    for part in PARTS:
        if (home.root / part).is_dir():
            shutil.copytree(home.root / part, fresh / part, symlinks=True)
    write_atomic(fresh / MARK, revision.encode("ascii"))
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    if old.exists():
        remove_tree(old)
