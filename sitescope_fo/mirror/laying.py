"""Lays a tree of files down and makes it durable as a whole.

Files are written first and synced afterwards, all in a row: the first sync carries the metadata of the others with it, which is
many times cheaper than one sync after each write.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sitescope_fo.mirror.rules import MIRRORED_FOLDERS
from sitescope_fo.store.files import Disk, make_private_dir

FOLDER_MODE = 0o700


def lay_file(root: Path, path: str, mode: int, data: bytes, disk: Disk) -> None:
    """Writes one new file below `root`, with its folders (0700). Not durable before `settle_tree`. Raises OSError."""
    _make_folders(root, path, disk)
    fd = disk.create(root / path, mode)
    try:
        disk.write(fd, data)
    finally:
        os.close(fd)


def _make_folders(root: Path, path: str, disk: Disk) -> None:
    parent = (root / path).parent
    todo = []
    while parent != root and not parent.is_dir():
        todo.append(parent)
        parent = parent.parent
    for folder in reversed(todo):
        disk.mkdir(folder, FOLDER_MODE)


def lay_root(path: Path, disk: Disk) -> None:
    """Makes `path`, which must not be there, with the four mirrored folders, empty. Raises OSError."""
    make_private_dir(path.parent, disk)
    disk.mkdir(path, FOLDER_MODE)
    for name in MIRRORED_FOLDERS:
        disk.mkdir(path / name, FOLDER_MODE)


def settle_tree(root: Path, disk: Disk) -> None:
    """Makes `root` and all below it durable; the entry of `root` itself is its parent's to sync. Raises OSError."""
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            fd = os.open(Path(folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                disk.fsync(fd)
            finally:
                os.close(fd)
        disk.fsync_dir(Path(folder))


def names_below(root: Path) -> Iterator[str]:
    """The relative path of everything below `root` that is no folder, and of links to folders. Nothing is followed."""
    for folder, folders, files in os.walk(root):
        base = Path(folder)
        for name in files:
            yield (base / name).relative_to(root).as_posix()
        for name in folders:
            if (base / name).is_symlink():
                yield (base / name).relative_to(root).as_posix()
