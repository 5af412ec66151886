"""Keeps the last configuration that loaded, beside the one people edit.

high_availability/last_good/
a/ b/      groups persistence REVISION: one is a whole copy, the other is for the next one
current    link to the one that is whole

REVISION is removed before a copy changes and written when it is durable: a copy that has it needs only what differs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from hashlib import sha256
from pathlib import Path

from sitescope_fo.mirror.laying import lay_file, settle_tree
from sitescope_fo.store.files import REAL, Disk, flip_link, make_private_dir, read_bytes_limited, remove_tree, write_atomic
from sitescope_fo.store.home import Home
from sitescope_fo.store.tree_files import group_file, read_tree_files, tree_revision

MARK = "REVISION"
CURRENT = "current"
PLACES = ("a", "b")


def last_good_root(home: Home) -> Path | None:
    """The root of the tree that was kept, None when there is none. Blocking."""
    root = home.last_good / CURRENT
    return root if root.is_dir() else None


def keep_last_good(home: Home, revision: str, disk: Disk = REAL) -> bool:
    """Copies the files of the tree at `revision`, durable and whole or not at all; after a crash the old or the new copy counts.

    False when the files on disk are another revision by now: then nothing is kept. Blocking. Raises OSError.
    """
    if _kept(home) == revision:
        return True
    files = _contents(home.root)
    if tree_revision({path: sha256(content).hexdigest() for path, content in files.items()}) != revision:
        return False
    make_private_dir(home.last_good, disk)
    place = PLACES[_place(home) == PLACES[0]]
    fresh = home.last_good / place
    if (fresh / MARK).is_file():
        disk.unlink(fresh / MARK)
        disk.fsync_dir(fresh)
        _lay_differences(fresh, files, disk)
    else:
        remove_tree(fresh)
        disk.mkdir(fresh, 0o700)
        disk.mkdir(fresh / home.groups.name, 0o700)
        for path, content in files.items():
            lay_file(fresh, path, 0o600, content, disk)
        settle_tree(fresh, disk)
    write_atomic(fresh / MARK, revision.encode("ascii"), 0o600, disk)
    disk.fsync_dir(home.last_good)
    flip_link(home.last_good / CURRENT, place, disk)
    return True


def _lay_differences(fresh: Path, files: Mapping[str, bytes], disk: Disk) -> None:
    """Makes a whole, durable copy of other files one of these, durable too. Paths are texts: 10,000 folders take 0.5 s."""
    root, wanted = str(fresh), {"groups"}
    for path in files:
        folder = path.rpartition("/")[0]
        while folder and folder not in wanted:
            wanted.add(folder)
            folder = folder.rpartition("/")[0]
    touched: set[str] = set()
    _clear(root, "", files, wanted, touched, disk)
    for path, content in files.items():
        if not _holds(f"{root}/{path}", content):
            target = fresh / path
            make_private_dir(target.parent, disk)
            write_atomic(target, content, 0o600, disk)
    for changed in map(Path, sorted(touched)):  # what was written is durable already
        if changed.is_dir():
            disk.fsync_dir(changed)


def _clear(folder: str, shown: str, files: Mapping[str, bytes], wanted: AbstractSet[str], touched: set[str], disk: Disk) -> None:
    """Removes what is neither one of `files` nor a wanted folder; the folders it was in are added to `touched`."""
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        path = f"{shown}/{entry.name}" if shown else entry.name
        if entry.is_dir(follow_symlinks=False):
            _clear(entry.path, path, files, wanted, touched, disk)
            if path in wanted:
                continue
            Path(entry.path).rmdir()
        elif path in files:
            continue
        else:
            disk.unlink(Path(entry.path))
        touched.add(folder)


def _holds(place: str, content: bytes) -> bool:
    try:
        return read_bytes_limited(place, len(content), follow=False) == content
    except OSError:  # not there, longer, or no file: it is written anew
        return False


def _contents(root: Path) -> Mapping[str, bytes]:
    read = read_tree_files(root, {})
    groups = {group_file(folder): content for folder, content in read.groups.items()}
    return groups | {f"persistence/{name}": content for name, content in read.persistence.items()}


def _place(home: Home) -> str:
    try:
        return (home.last_good / CURRENT).readlink().name
    except OSError:
        return ""


def _kept(home: Home) -> str:
    try:
        return (home.last_good / CURRENT / MARK).read_bytes().decode("ascii", "replace")
    except OSError:
        return ""
