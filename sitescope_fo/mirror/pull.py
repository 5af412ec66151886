"""One attempt to mirror: manifest, only the missing files, verification, dry load, shrink rule, flip.

Nothing that came over the network counts before all of it is proven, loaded and durable; whatever goes wrong, and whenever the
process is killed, the current mirror is the old one or the new one, whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from sitescope_fo.mirror import history, transfer
from sitescope_fo.mirror.generations import SPARE, clean, commit_generation, current, generations, lay_spare
from sitescope_fo.mirror.outcome import Dropped, Failed, Place, PullOutcome, StagedShrink, Took, Unchanged, Verified
from sitescope_fo.mirror.record import Generation, verify_generation
from sitescope_fo.mirror.scan import Scan, scan_tree
from sitescope_fo.mirror.shrink import (
    WAIT_S,
    Patience,
    Staged,
    forget_staged,
    is_sudden_shrink,
    read_staged,
    removed_monitors,
    write_staged,
)
from sitescope_fo.mirror.staging import Stage
from sitescope_fo.mirror.validate import DryLoad, load_mirrored, monitor_names
from sitescope_fo.model.config import Tree
from sitescope_fo.model.errors import Refused, SiteScopeError
from sitescope_fo.model.ports import Clock, Now, PeerAddress, PeerClient, Work
from sitescope_fo.model.wire import Manifest
from sitescope_fo.store.files import REAL, Disk

T = TypeVar("T")

PREPARED_FOR_S = 10.0
"""How long the spare tree counts as read. Nobody but this process writes there, in the same lane."""
TRIES = 3
"""How often a pull starts over because the primary's tree moved on meanwhile."""

Adapt = Callable[[Tree], tuple[Tree, tuple[str, ...]]]
"""The tree as this node runs it, and the paths of monitors that were retargeted or left out (`retargeting.mirrored_tree`)."""


def as_it_is(tree: Tree) -> tuple[Tree, tuple[str, ...]]:
    """The tree unchanged."""
    return tree, ()


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of one attempt."""

    full: bool = False
    """Hash every file of the current mirror anew, and have the primary do the same with its own."""
    accept_shrink: bool = False
    progress: transfer.Progress = transfer.silent


class Puller:
    """Mirrors one primary into `profile_dir`. One pull at a time."""

    def __init__(
        self,
        profile_dir: Path,
        *,
        client: PeerClient,
        work: Work,
        clock: Clock,
        dry_load: DryLoad,
        adapt: Adapt = as_it_is,
        disk: Disk = REAL,
    ) -> None:
        self._dir = profile_dir
        self._client = client
        self._work = work
        self._clock = clock
        self._dry_load = dry_load
        self._adapt = adapt
        self._disk = disk
        self._patience = Patience()
        self._prepared_at = -math.inf
        self._spare: Scan | None = None
        self.lane = f"mirror:{profile_dir.name}"
        """Lane of the Work port for everything that touches the folder."""
        self._transfer = transfer.Transfer(client, self.blocking)

    async def blocking(self, fn: Callable[..., T], *args: object) -> T:
        """`fn(*args)` in this folder's lane."""
        return await self._work.run_blocking(fn, *args, lane=self.lane)

    async def prepare(self) -> bool:
        """Reads the spare tree ahead of a pull that is due in a moment; False when that was done less than 10 s ago."""
        if self._clock.mono() - self._prepared_at < PREPARED_FOR_S:
            return False
        self._prepared_at = self._clock.mono()
        self._spare = await self.blocking(self._read_spare)
        return True

    async def pull(self, peer: PeerAddress, ask: Ask, place: Callable[[], Place]) -> PullOutcome:
        """One attempt; what peer, files or disk do wrong is `Failed`. `place` is asked last, right before the flip."""
        revision = ""
        began = self._clock.mono()
        try:
            for attempt in range(1, TRIES + 1):
                try:
                    trusted = await self.blocking(self._look, ask.full)
                    ask.progress(0.0, "asking the primary what it has")
                    base = trusted.record.manifest if trusted is not None else None
                    manifest = await self._transfer.manifest(peer, base, full=ask.full)
                    if trusted is not None and manifest.revision == trusted.revision:
                        await self.blocking(self._same)
                        return Unchanged(
                            revision=trusted.revision,
                            monitors=len(trusted.record.monitors),
                            full=ask.full,
                            skipped=manifest.skipped,
                        )
                    revision = manifest.revision
                    have = await self.blocking(self._reference)
                    return await self._take(peer, manifest, have, ask, place, began)
                except Refused as error:
                    if error.code != "revision_gone" or attempt == TRIES:
                        raise
                    ask.progress(0.0, "the primary's configuration changed meanwhile; starting over")
            raise AssertionError
        except SiteScopeError as error:
            return Failed(code=error.code, what=error.what, where=error.where, hint=error.hint, revision=revision)
        except OSError as error:
            return Failed(
                code="mirror_disk",
                what=f"The mirror cannot be written: {error.strerror or error}",
                where=str(error.filename or self._dir),
                hint="Check free space, permissions and health of the disk of this node",
                revision=revision,
            )

    async def _take(
        self,
        peer: PeerAddress,
        manifest: Manifest,
        have: Generation | None,
        ask: Ask,
        place: Callable[[], Place],
        began: float,
    ) -> PullOutcome:
        fresh = self._clock.mono() - self._prepared_at < PREPARED_FOR_S
        stage = Stage(self._dir, manifest, self._disk, self._spare if fresh else None)
        self._prepared_at, self._spare = -math.inf, None
        missing = await self.blocking(stage.begin, have)
        fetched = await self._transfer.files(peer, stage.revision, missing, stage.add, ask.progress)
        laid = self._clock.mono()
        ask.progress(0.8, "verifying and loading it")
        raw = await self.blocking(load_mirrored, self._dry_load, stage.path, manifest.files)
        names = monitor_names(raw)
        loaded = self._clock.mono()
        path = await self.blocking(stage.finish, names, self._clock.wall())
        shrinks, staged = await self.blocking(self._shrink, manifest, have, names, ask.accept_shrink, self._clock.now())
        if staged is not None:
            return StagedShrink(
                revision=staged.revision,
                before=staged.before,
                after=staged.after,
                removed=staged.removed,
                remaining_s=staged.remaining_s,
            )
        tree, retargeted = await self.blocking(self._adapt, raw)
        ask.progress(0.95, "making it current")
        where = place()
        if where == "drop":
            await self.blocking(stage.drop)
            return Dropped(revision=manifest.revision)
        before = have if shrinks and where == "flip" else None
        generation = await self.blocking(self._commit, path, before, where == "flip", self._clock.wall())
        return Verified(
            revision=manifest.revision,
            monitors=len(names),
            bytes=fetched,
            files=len(missing),
            skipped=manifest.skipped,
            retargeted=retargeted,
            tree=tree,
            generation=generation,
            place=where,
            took=Took(fetch_s=laid - began, load_s=loaded - laid, commit_s=self._clock.mono() - loaded),
        )

    async def tidy(self, revision: str) -> None:
        """What need not be done before a mirror is current: old generations go (`revision` stays), the spare tree is laid.

        Raises OSError.
        """
        await self.blocking(self._clean, revision)

    # --- blocking parts, in the folder's lane -----------------------------------------------------------------------

    def _look(self, full: bool) -> Generation | None:  # noqa: FBT001  # called through the Work port, positionally
        """The current generation. With `full` only if every file of it is right, so that damage is repaired by fetching."""
        have = current(self._dir)
        return have if have is None or not full or not verify_generation(have.path) else None

    def _read_spare(self) -> Scan | None:
        """What the spare tree holds, by its content; None when there is none or it cannot be read: the pull tells that."""
        try:
            return scan_tree(self._dir / SPARE)
        except OSError:
            return None

    def _reference(self) -> Generation | None:
        """What a new mirror is built on and compared with: the current one, or the newest when that lost its record."""
        return current(self._dir) or next(iter(generations(self._dir)), None)

    def _clean(self, revision: str) -> None:
        clean(self._dir, keep=frozenset({revision}), disk=self._disk)
        lay_spare(self._dir, self._disk)

    def _same(self) -> None:
        """The primary is what the current mirror is: a shrink that waited is off."""
        forget_staged(self._dir)
        self._patience.forget()

    def _shrink(
        self,
        manifest: Manifest,
        have: Generation | None,
        names: tuple[tuple[str, str], ...],
        accept: bool,  # noqa: FBT001  # called through the Work port, positionally
        now: Now,
    ) -> tuple[bool, Staged | None]:
        """Whether it takes suddenly many monitors away, and the note when it must wait for that.

        A yes covers what was shown: if more than the noted monitors would go by now, it waits again.
        """
        before = have.record.monitors if have is not None else ()
        removed = removed_monitors(before, names)
        noted = read_staged(self._dir)
        if not is_sudden_shrink(len(before), len(removed)):
            forget_staged(self._dir, but=manifest.revision)
            self._patience.forget()
            return False, None
        staged = Staged(
            revision=manifest.revision,
            before=len(before),
            after=len(names),
            removed=removed,
            first_seen_wall=now.wall,
            until_wall=now.wall + WAIT_S,
            remaining_s=WAIT_S,
        )
        if noted is not None and noted.revision == staged.revision:
            staged = msgspec.structs.replace(
                staged, first_seen_wall=noted.first_seen_wall, until_wall=noted.until_wall, remaining_s=noted.remaining_s
            )
        staged = self._patience.look(staged, now)
        accepted = accept and (noted is None or set(removed) <= set(noted.removed))
        if accepted or staged.remaining_s <= 0:
            return True, None
        forget_staged(self._dir, but=manifest.revision)
        write_staged(self._dir, staged, self._disk)
        return True, staged

    def _commit(self, path: Path, shrunk: Generation | None, flip: bool, wall: float) -> Generation:  # noqa: FBT001  # as above
        """Keeps what shrinks as a zip, then commits. A damaged current mirror is no reason to refuse a good one."""
        if shrunk is not None and not verify_generation(shrunk.path):
            history.write(self._dir, shrunk, "shrink", wall=wall, disk=self._disk)
        generation = commit_generation(self._dir, path, flip=flip, verified=True, disk=self._disk)
        forget_staged(self._dir)
        self._patience.forget()
        return generation
