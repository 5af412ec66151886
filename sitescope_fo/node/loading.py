"""Loads a configuration tree from a folder: the node's own, a mirror, a working tree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sitescope_fo.model.config import Tree
from sitescope_fo.store.tree import ParseCache, load_tree

if TYPE_CHECKING:
    from sitescope_fo.node.needs import Ports


def load_tree_at(
    root: Path,
    ports: Ports,
    wall: float,
    write_ids: bool,  # noqa: FBT001
    cache: ParseCache | None = None,
) -> Tree:
    """The tree at `root`; with a `cache` of the same tree only changed files are parsed.

    Blocking. Raises ConfigInvalid with every problem, OSError when it cannot be read.
    """
    secrets = ports.secrets_for(root)
    return load_tree(root, ports.book, secrets, new_id=lambda: ports.randomness.uid(wall), write_ids=write_ids, cache=cache)
