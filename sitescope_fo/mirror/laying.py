"""Lays a tree of files down and makes it durable as a whole.

Files are written first and synced afterwards: a few one by one, all in a row, many by one sync of the file system (0.2 s for
10,000 files in as many folders, where a sync of each takes 2 s; 200 files 0.8 s one by one).
"""

from __future__ import annotations

import os
from pathlib import Path

from sitescope_fo.mirror.rules import MIRRORED_FOLDERS
from sitescope_fo.store.files import Disk, make_private_dir

FOLDER_MODE = 0o700
FEW = 16
"""So many files are synced one by one: that does not wait for what others write on the same file system."""


def lay_file(root: Path, path: str, mode: int, data: bytes, disk: Disk, made: set[str] | None = None) -> None:
    """Writes one new file below `root`, with its folders (0700). Not durable before `settle_tree`. Raises OSError.

    `made`: all folders (relative) that are there; those that are made are added. None: not known, the disk is asked.
    """
    _make_folders(root, path, disk, made)
    fd = disk.create(root / path, mode)
    try:
        disk.write(fd, data)
    finally:
        os.close(fd)


def _make_folders(root: Path, path: str, disk: Disk, made: set[str] | None) -> None:
    todo = []
    folder = path.rpartition("/")[0]
    while folder and not (folder in made if made is not None else (root / folder).is_dir()):
        todo.append(folder)
        folder = folder.rpartition("/")[0]
    for folder in reversed(todo):
        disk.mkdir(root / folder, FOLDER_MODE)
        if made is not None:
            made.add(folder)


def lay_root(path: Path, disk: Disk) -> None:
    """Makes the folder `path` with the mirrored folders, empty. Raises OSError."""
    make_private_dir(path.parent, disk)
    disk.mkdir(path, FOLDER_MODE)
    for name in MIRRORED_FOLDERS:
        disk.mkdir(path / name, FOLDER_MODE)


def settle_tree(root: Path, disk: Disk) -> None:
    """Makes `root` and all below it durable; the entry of `root` itself is its parent's to sync. Raises OSError."""
    if _has_many(root):
        disk.sync_all(root)
        return
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            fd = os.open(Path(folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                disk.fsync(fd)
            finally:
                os.close(fd)
        disk.fsync_dir(Path(folder))


def _has_many(root: Path) -> bool:
    left = FEW
    for _, _, files in os.walk(root):
        left -= len(files)
        if left < 0:
            return True
    return False
