"""Loads a configuration tree from a folder: the node's own, a mirror, a working tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sitescope_fo import __version__
from sitescope_fo.model.config import Tree
from sitescope_fo.monitors.registry import source_stamps
from sitescope_fo.store.home import Home
from sitescope_fo.store.tree import ParseCache, load_tree
from sitescope_fo.store.tree_compiled import CompiledDrafts

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node
    from sitescope_fo.node.needs import Ports

OWN = "own"
CHECKING = ("sitescope_fo.model.config", "sitescope_fo.store.tree", "sitescope_fo.monitors.registry")
"""A module of each package whose code decides what a group file means."""


def open_cache(home: Home, ports: Ports, name: str = OWN) -> ParseCache:
    """What loads of one tree remember: of the own tree, or of the mirror in the folder of that name. Reads nothing yet."""
    file = home.cache / ("own.drafts" if name == OWN else f"mirror-{name}.drafts")
    return ParseCache(CompiledDrafts(file, lambda: f"{__version__} {ports.book_signature()} {_code()}"), ports.breathe)


def _code() -> str:
    """Changes with the code that checks, also where somebody edits it in place and the release stays the same."""
    return str([source_stamps(module) for module in CHECKING])


async def save_cache(node: Node, cache: ParseCache, lane: str) -> None:
    """Keeps it for the next start. One that cannot be kept costs that start a second or two, no more."""
    try:
        await node.ports.work.run_blocking(cache.save, lane=lane)
    except OSError as error:
        node.records.run(f"the compiled configuration is not kept: {error}", level="WARNING")


def load_tree_at(
    root: Path,
    ports: Ports,
    wall: float,
    write_ids: bool,  # noqa: FBT001
    cache: ParseCache | None = None,
    proven: Mapping[str, str] | None = None,
) -> Tree:
    """The tree at `root`; with a `cache` of the same tree only changed files are parsed, and of `proven` ones only they are read.

    Blocking. Raises ConfigInvalid with every problem, OSError when it cannot be read.
    """
    secrets = ports.secrets_for(root)
    return load_tree(
        root,
        ports.book,
        secrets,
        new_id=lambda: ports.randomness.uid(wall),
        write_ids=write_ids,
        cache=cache,
        proven=proven,
    )
