"""Whether a mirrored tree can be used.

A primary serves its files as they stand, also those it refuses to load itself: it keeps running on its last good configuration
while its operator repairs the edit. The failover therefore loads each tree dry before it may become current. What does not load
never becomes current; the mirror before it stays, and the problem is reported with file and line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sitescope_fo.model.config import Tree
from sitescope_fo.model.errors import ConfigInvalid
from sitescope_fo.model.wire import FileEntry

DryLoad = Callable[[Path, Mapping[str, str]], Tree]
"""Loads the tree at a folder without writing there. The mapping (path -> SHA-256) is every file of it, each of them proven.

Raises ConfigInvalid with every problem.
"""


def load_mirrored(load: DryLoad, folder: Path, files: Iterable[FileEntry]) -> Tree:
    """The tree at `folder`, which was just proven to hold these files and no other.

    Raises ConfigInvalid (`mirror_unloadable`): where the first problem is, and how many there are.
    """
    try:
        return load(folder, digests(files))
    except ConfigInvalid as error:
        first = error.problems[0] if error.problems else None
        more = f" (and {len(error.problems) - 1} more problems)" if len(error.problems) > 1 else ""
        raise ConfigInvalid(
            f"The primary's configuration cannot be loaded: {first.what if first else error.what}{more}",
            where=first.where if first else error.where,
            hint="Repair it on the primary (check config lists every problem there); the last good mirror stays in force",
            code="mirror_unloadable",
            problems=error.problems,
        ) from error


def digests(files: Iterable[FileEntry]) -> dict[str, str]:
    """Path -> SHA-256, as a `DryLoad` takes it."""
    return {entry.path: entry.sha256 for entry in files}


def monitor_names(tree: Tree) -> tuple[tuple[str, str], ...]:
    """(id, path) of each monitor."""
    return tuple((monitor.id, monitor.path) for monitor in tree.monitors)
