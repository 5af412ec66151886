"""Edits of a mirrored tree on a failover: of the working tree while it acts, forced ones of the mirror itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sitescope_fo.mirror import generations
from sitescope_fo.mirror.manifest import ManifestBuilder
from sitescope_fo.mirror.record import Record, finish_tree
from sitescope_fo.mirror.validate import DryLoad, digests, monitor_names
from sitescope_fo.model.errors import Refused
from sitescope_fo.model.status import Position
from sitescope_fo.node.tree_commands import Done
from sitescope_fo.store.files import REAL, remove_tree
from sitescope_fo.store.home import Home

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node
    from sitescope_fo.node.profile_watch import ProfileWatch

PASSIVE_HINT = "Edit on the primary; it is mirrored within seconds"
FORCED = "forced"
Edit = Callable[[Path], Done]
"""Carries an edit out on the tree at a folder. Blocking. Raises SiteScopeError; then nothing was changed."""


async def edit(node: Node, watch: ProfileWatch, apply: Edit, path: str, *, forced: bool) -> Done:
    """(text, result) of an edit of the profile's tree. Raises Refused when it may not be edited now, and what `apply` raises."""
    state = node.profile_state(watch.name)
    if state is None or state.passive:
        if not forced:
            where = f"{watch.name} is in standby here: its configuration is the primary's"
            raise Refused(where, where=path, hint=PASSIVE_HINT, code="passive_edit")
        return await _edit_mirror(node, watch, apply, path, state.position if state is not None else Position.standby)
    if state.position is Position.handback:
        raise Refused(f"{watch.name} is being handed back", where=path, hint=PASSIVE_HINT, code="busy")
    text, result = await node.ports.work.run_blocking(_edit_working, watch.folder, apply, path, lane=watch.keeper.lane)
    await watch.reload_working()
    if not state.config.merge_back:
        text += "; merge back is off: this edit does not travel home, it is kept as an archive at the hand-back"
    return text, result


def _edit_working(folder: Path, apply: Edit, path: str) -> Done:
    working = folder / generations.WORKING
    if not working.is_dir():
        hint = "The working tree could not be laid out: see high_availability.log, and mend the disk of this node"
        raise Refused("There is no working tree to edit", where=path, hint=hint, code="no_working_tree")
    return apply(working)


async def _edit_mirror(node: Node, watch: ProfileWatch, apply: Edit, path: str, position: Position) -> Done:
    if position not in {Position.standby, Position.suspect}:
        what = f"A takeover of {watch.name} is being decided ({position}): its mirror does not change now"
        raise Refused(what, where=path, hint="Edit again once it acts or is in standby", code="busy")
    change = (watch.folder, apply, watch.dry_load, node.ports.clock.wall())
    text, result = await node.ports.work.run_blocking(edit_current, *change, lane=watch.keeper.lane)
    await watch.keeper.reread()
    what = f"forced edit of the mirror: {text}"
    node.records.event("forced_edit", what, level="WARNING", profile=watch.name, where=path, hint="The next mirror overwrites it")
    return f"{text}; this node is in standby: the next mirror of {watch.name} overwrites this edit", result


def edit_current(folder: Path, apply: Edit, load: DryLoad, wall: float) -> Done:
    """Edits a copy of the current generation and makes it current, as a generation of its own. Blocking.

    The primary goes on saying its own revision: the drift shows, and the next mirror brings back what the primary has.
    Raises Refused (`no_mirror`), Bad (`generation_corrupt`), what `apply` and `load` raise; then nothing was changed.
    """
    base = generations.current(folder)
    if base is None:
        raise Refused("There is no mirror to edit", where=str(folder), hint="Mirror first", code="no_mirror")
    copy = generations.lay_out(folder, base.revision, FORCED)
    try:
        done = apply(copy)
        manifest = msgspec.structs.replace(
            ManifestBuilder(Home(copy), base.record.manifest.node_id).build(full=True), skipped=base.record.manifest.skipped
        )
        serial = generations.next_serial(folder)
        record = Record(
            manifest=manifest, monitors=monitor_names(load(copy, digests(manifest.files))), made_wall=wall, serial=serial
        )
        finish_tree(copy, record, REAL)
        generations.commit_generation(folder, copy, flip=True)
    finally:
        remove_tree(copy)
    return done
