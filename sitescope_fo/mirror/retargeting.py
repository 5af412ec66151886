"""The mirrored tree as the failover runs it: monitors that watch the primary's own host, by the profile's policy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from sitescope_fo.model.config import SelfTargets, Tree
from sitescope_fo.model.monitor import Group, Monitor
from sitescope_fo.model.monitor_type import TypeBook, TypeSpec
from sitescope_fo.monitors.retarget import retarget, targets_primary


def mirrored_tree(
    tree: Tree, book: TypeBook, primary_names: frozenset[str], policy: SelfTargets, own_host: str
) -> tuple[Tree, tuple[str, ...]]:
    """`tree` for this node, and the paths of the self-targeting monitors that policy changed, sorted.

    retarget: they watch `own_host` instead (guide: mirrored monitors of the server itself); types that always measure the node
    they run on are listed too. skip: they are left out, and what depended on them depends on nothing: it would never run again.
    keep: nothing is changed.
    """
    if policy is SelfTargets.keep:
        return tree, ()
    touched = {monitor.id: monitor.path for monitor, _ in _own(tree.monitors, book, primary_names)}
    if not touched:
        return tree, ()
    paths = tuple(sorted(touched.values()))
    if policy is SelfTargets.retarget:
        changed = tuple(retarget(m, book.specs[m.type], own_host) if m.id in touched else m for m in tree.monitors)
        return msgspec.structs.replace(tree, monitors=changed), paths
    left = tuple(_freed(monitor, touched) for monitor in tree.monitors if monitor.id not in touched)
    groups = tuple(_freed_group(group, touched) for group in tree.groups)
    return msgspec.structs.replace(tree, monitors=left, groups=groups), paths


def _own(monitors: Iterable[Monitor], book: TypeBook, names: frozenset[str]) -> Iterator[tuple[Monitor, TypeSpec]]:
    for monitor in monitors:
        spec = book.specs.get(monitor.type)
        if spec is not None and targets_primary(monitor, spec, names):
            yield monitor, spec


def _freed(monitor: Monitor, gone: dict[str, str]) -> Monitor:
    return msgspec.structs.replace(monitor, depends_on="") if monitor.depends_on in gone else monitor


def _freed_group(group: Group, gone: dict[str, str]) -> Group:
    return msgspec.structs.replace(group, depends_on="") if group.depends_on in gone else group
