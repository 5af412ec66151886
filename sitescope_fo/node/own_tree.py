"""The node's own configuration: loaded, watched, reloaded, and offered to mirrors.

A bad edit never takes a running node down: the last good tree stays in force and the problems are shown. It also stays on disk,
as `high_availability/last_good/`, so that a restart over a bad edit runs what ran before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import anyio

from sitescope_fo.mirror.manifest import LANE, ManifestBuilder
from sitescope_fo.model.config import NodeConfig, Tree
from sitescope_fo.model.errors import ConfigInvalid, Problem, Refused, SiteScopeError
from sitescope_fo.model.fact import TreeChanged
from sitescope_fo.model.wire import Entries, EntriesRequest, FilesRequest, Manifest, Parts
from sitescope_fo.node import decide, settings, timetable
from sitescope_fo.node.last_good import keep_last_good, last_good_root
from sitescope_fo.node.loading import load_tree_at, open_cache, save_cache
from sitescope_fo.notify.templates import read_templates
from sitescope_fo.store.config_toml import load_ha_config, load_node_config
from sitescope_fo.store.home import Home
from sitescope_fo.store.tree import tree_fingerprint

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

TREE = "tree"
CONFIG = "config.toml"
HA_CONFIG = "ha.config.toml"
KEPT_AT_ONCE = 500
"""A tree with at most as many groups is kept as last good one before its monitors start; a larger one right after."""


class OwnTree:
    """The own tree of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._seen = ""
        self._unreadable = False
        """Whether the disk failed at the last load: it is tried again although nothing seems changed."""
        self._reload = anyio.Event()
        self._lock = anyio.Lock()
        self.cache = open_cache(node.home, node.ports)
        """What loads of this tree remember; for the lane `own` of the Work port only."""
        self._unkept: Tree | None = None
        self.builder = ManifestBuilder(node.home, node.world.ha.node_id)
        self.manifest: Manifest | None = None
        self._changed_at = node.ports.clock.mono()
        self.followers: list[Callable[[], Awaitable[None]]] = []
        """Asked to read what they need with each load."""
        self.waiting_settings: tuple[str, ...] = ()
        """Settings that config.toml has changed and that count only after a restart."""

    async def load_first(self) -> None:
        """Loads at start; over a bad edit the last good tree."""
        node = self._node
        self._seen = await node.ports.work.run_blocking(_fingerprint, node.home, lane="own")
        if await self._load():
            return
        root = await node.ports.work.run_blocking(last_good_root, node.home, lane="own")
        if root is None:
            return
        try:
            tree = await self._read(root, write_ids=False)
        except (OSError, SiteScopeError) as error:
            node.records.event("last_good_unusable", str(error), level="ERROR", where=str(root))
            return
        await self._take(tree)
        node.records.event(
            "last_good_used",
            f"the configuration has problems; {len(tree.monitors)} monitors of the last good one run",
            level="ERROR",
            hint="See `sitescope-fo check config`",
        )

    async def run(self) -> None:
        """Makes the first manifest at once, then looks for changed files for ever."""
        while True:
            forced, self._reload = self._reload.is_set(), anyio.Event()
            await self.refresh(forced=forced)
            await self._keep()
            with anyio.move_on_after(self._node.world.config.watch_files_s):
                await self._reload.wait()

    def reload(self) -> None:
        """Looks now, whether or not anything seems changed."""
        self._reload.set()

    async def refresh(self, *, forced: bool = False) -> None:
        """Reloads when files have changed, and renews the manifest."""
        async with self._lock:
            began = self._node.ports.clock.mono()
            seen = await self._node.ports.work.run_blocking(_fingerprint, self._node.home, lane="own")
            if seen == self._seen and not forced and not self._unreadable and self.manifest is not None:
                return
            if seen != self._seen:
                self._changed_at = began
            await self._renew_manifest()  # first: the failovers' patience with edits passes while this node loads
            if seen != self._seen or forced or self._unreadable:
                await self._load()
            self._seen = seen  # as it was before the load: what is edited meanwhile, also by the load itself, is looked at again

    async def _keep(self) -> None:
        """Writes what makes the next start good and fast. Nobody waits for it."""
        async with self._lock:
            await self._keep_last_good()
            if self.cache.unsaved:
                await save_cache(self._node, self.cache, "own")

    async def _keep_last_good(self) -> None:
        node, tree, self._unkept = self._node, self._unkept, None
        if tree is None:
            return
        try:
            await node.ports.work.run_blocking(keep_last_good, node.home, tree.revision, lane="own")
        except OSError as error:
            node.records.event("last_good_not_kept", str(error), level="WARNING", where=str(node.home.last_good))

    async def _renew_manifest(self) -> None:
        try:
            self.manifest = await self.build_manifest()
        except (OSError, SiteScopeError) as error:
            self._node.records.event("manifest_failed", str(error), level="ERROR")

    async def build_manifest(self, *, full: bool = False) -> Manifest:
        """The manifest of the files as they are now; with `full` every file is hashed anew. Raises OSError, Refused."""
        return await self._node.ports.work.run_blocking(partial(self.builder.build, full=full), lane=LANE)

    async def parts(self, manifest: Manifest) -> Parts:
        """The manifest without its files."""
        return await self._node.ports.work.run_blocking(self.builder.parts, manifest, lane=LANE)

    async def entries(self, request: EntriesRequest) -> Entries:
        """Some parts of the manifest. Refused as `bundle`."""
        try:
            return await self._node.ports.work.run_blocking(self.builder.entries, request, lane=LANE)
        except Refused:
            await self._renew_manifest()
            raise

    @property
    def age_s(self) -> float:
        """Seconds since a change of the files was last noticed."""
        return self._node.ports.clock.mono() - self._changed_at

    async def bundle(self, request: FilesRequest) -> bytes:
        """The tar of the files asked for. What changed meanwhile is Refused, and the next manifest says what there is now."""
        try:
            return await self._node.ports.work.run_blocking(self.builder.bundle, request, lane=LANE)
        except Refused:
            await self._renew_manifest()
            raise

    async def _read(self, root: object, *, write_ids: bool) -> Tree:
        node = self._node
        return await node.ports.work.run_blocking(
            load_tree_at, root, node.ports, node.ports.clock.wall(), write_ids, self.cache, lane="own"
        )

    async def _load(self) -> bool:
        node = self._node
        self._unreadable = False
        await self._read_settings()
        for follow in self.followers:
            await follow()
        try:
            tree = await self._read(node.home.root, write_ids=True)
        except ConfigInvalid as error:
            self._reject(TREE, error.problems or (Problem(file=error.where, what=error.what, hint=error.hint),))
            return False
        except OSError as error:
            self._unreadable = True
            self._reject(TREE, (Problem(file=str(error.filename or node.home.root), what=f"cannot be loaded: {error.strerror}"),))
            return False
        if node.problems.pop(TREE, None):
            node.records.event("config_good_again", f"{len(tree.monitors)} monitors are loaded")
        await self._take(tree)
        self._unkept = tree
        if len(tree.groups) <= KEPT_AT_ONCE:
            await self._keep_last_good()
        return True

    async def _take(self, tree: Tree) -> None:
        node = self._node
        node.set_tree("", tree, await node.ports.work.run_blocking(read_templates, node.home.root, lane="own"))
        if node.running:
            await node.settle(TreeChanged(profile="", revision=tree.revision, monitors=len(tree.monitors)))
            if decide.may_check(node.writer.table, node.role, ""):
                self.start_monitors()

    def start_monitors(self) -> None:
        """Runs the own tree's monitors."""
        timetable.schedule(self._node, "", ages=True)

    async def _read_settings(self) -> None:
        """Takes over what config.toml may change at run time; a file that has gone bad is shown and changes nothing."""
        node = self._node
        for name, load in ((CONFIG, load_node_config), (HA_CONFIG, load_ha_config)):
            try:
                found = await node.ports.work.run_blocking(load, node.home, lane="own")
            except ConfigInvalid as error:
                self._reject(name, error.problems or (Problem(file=name, what=error.what),))
            except OSError as error:
                self._unreadable = True
                self._reject(name, (Problem(file=name, what=f"cannot be read: {error.strerror}"),))
            else:
                node.problems.pop(name, None)
                if isinstance(found, NodeConfig):
                    self.waiting_settings = settings.take_over(node, found)

    def _reject(self, what: str, problems: tuple[Problem, ...]) -> None:
        node = self._node
        if node.problems.get(what) == problems:
            return
        node.problems[what] = problems
        first = problems[0]
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        node.records.event(
            "config_rejected",
            f"{first.what}{more}; the last good configuration stays in force",
            level="ERROR",
            where=first.where,
            hint=first.hint or "See `sitescope-fo check config`",
        )


def _fingerprint(home: Home) -> str:
    """Changes when a reload may be worth its while. Blocking."""
    found = []
    for path in (home.config, home.ha_config):
        try:
            info = path.stat()
            found.append(f"{info.st_size} {info.st_mtime_ns} {info.st_ino}")
        except OSError as error:
            found.append(f"error {error.errno}")
    return " ".join([tree_fingerprint(home.root), *found])
