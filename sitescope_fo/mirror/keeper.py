"""Keeps the mirror of one profile: verifies it at start, follows the primary, reports in facts.

`policy` says when, `pull` does it; this task waits, calls and tells.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import anyio
import msgspec

from sitescope_fo.mirror import history, policy
from sitescope_fo.mirror.generations import current, generations, linked_revision, make_current
from sitescope_fo.mirror.outcome import Failed, Place, PullOutcome, StagedShrink, Unchanged, Verified
from sitescope_fo.mirror.pull import Adapt, Ask, Puller, as_it_is
from sitescope_fo.mirror.record import Generation, verify_generation
from sitescope_fo.mirror.shrink import read_staged
from sitescope_fo.mirror.staging import clean_staging
from sitescope_fo.mirror.transfer import Progress, silent
from sitescope_fo.mirror.validate import DryLoad, load_mirrored
from sitescope_fo.model.config import Profile, Tree
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.fact import Fact, MirrorFailed, MirrorMissing, MirrorStaged, MirrorVerified
from sitescope_fo.model.ports import Clock, PeerAddress, PeerClient, Work
from sitescope_fo.model.schedule import Schedule
from sitescope_fo.model.status import Position
from sitescope_fo.model.wire import SkippedFile
from sitescope_fo.store.files import REAL, Disk

LOOK_EVERY_S = 10.0
"""An edit of the profile or of its schedule is noticed within this; a change of position with the next health reply."""

OnTree = Callable[[Tree, Generation], Awaitable[None]]
"""A generation became current; its monitors as this node runs them."""


class MirrorView(msgspec.Struct, frozen=True, kw_only=True):
    """The mirror for people. `at_wall`: when it was last known to be what the primary has (POSIX seconds), 0 = never."""

    revision: str = ""
    at_wall: float = 0.0
    monitors: int = 0
    verified: bool = False
    drift: bool = False
    """The primary says it has another revision."""
    skipped: tuple[SkippedFile, ...] = ()
    retargeted: tuple[str, ...] = ()
    staged: str = ""
    last_error: str = ""


class _Poke(msgspec.Struct):
    ask: Ask | None
    """None: only look at the disk."""
    done: anyio.Event
    outcome: PullOutcome | None = None


class _Usable(msgspec.Struct, frozen=True):
    """What the disk holds: the generation to use, loaded, and what was wrong with those before it."""

    generation: Generation | None
    tree: Tree
    retargeted: tuple[str, ...]
    problems: tuple[str, ...]


class Keeper:
    """The mirror of one profile. `open` once, then `run` for ever; the rest from any task of the same loop."""

    def __init__(  # noqa: PLR0913  # every seam of a profile's mirror, each by its name
        self,
        *,
        profile: Callable[[], Profile],
        folder: Path,
        client: PeerClient,
        address: Callable[[], PeerAddress],
        work: Work,
        clock: Clock,
        submit: Callable[[Fact], None],
        position: Callable[[], Position],
        schedules: Callable[[], Iterable[Schedule]],
        dry_load: DryLoad,
        on_tree: OnTree,
        told: Callable[[Verified], None] = lambda _: None,
        adapt: Adapt = as_it_is,
        disk: Disk = REAL,
    ) -> None:
        self._profile, self._folder, self._address = profile, folder, address
        self._clock, self._submit, self._position = clock, submit, position
        self._schedules, self._dry_load, self._adapt, self._on_tree = schedules, dry_load, adapt, on_tree
        self._disk, self._told = disk, told
        self._puller = Puller(folder, client=client, work=work, clock=clock, dry_load=dry_load, adapt=adapt, disk=disk)
        self._due = policy.MirrorClock()
        self._pokes: list[_Poke] = []
        self._wake = anyio.Event()
        self._soon = False
        self._looked_at: Place = "flip"
        self._ended = False
        self._stale = ""
        self._loaded = ""
        """Revision whose tree was handed over; another than the current one only after a defect on the way."""
        self.view = MirrorView()

    @property
    def lane(self) -> str:
        """Lane of the Work port: whatever else touches the folder (pin, working tree, history) runs in it too."""
        return self._puller.lane

    # --- what others tell it ----------------------------------------------------------------------------------------

    def heard(self, revision: str, age_s: float = 0.0) -> None:
        """A health reply named the revision a mirror would get now, and how long its files have not been changed."""
        if not revision:
            return
        changed = revision != self._due.heard
        self._due = policy.hear(self._due, revision, self._clock.now(), age_s)
        drift = revision != self._due.current
        if drift != self.view.drift:
            self._show(drift=drift)
        self._watch_staleness()
        if changed or self._place() != self._looked_at:
            self._wake.set()

    async def poke(self, *, full: bool = True, accept: bool = False, progress: Progress = silent) -> PullOutcome:
        """Mirrors now, whatever the policy says, and returns what became of it. It goes on if the caller is cancelled.

        Waits for a pull that is under way first.
        """
        if self._ended:
            return _stopped()
        poke = _Poke(Ask(full=full, accept_shrink=accept, progress=progress), anyio.Event())
        self._pokes.append(poke)
        self._wake.set()
        await poke.done.wait()
        return poke.outcome or _stopped()

    async def reread(self) -> None:
        """Verifies and loads what the disk holds once more: somebody made another generation current."""
        if self._ended:
            return
        poke = _Poke(None, anyio.Event())
        self._pokes.append(poke)
        self._wake.set()
        await poke.done.wait()

    def poke_soon(self) -> None:
        """Mirrors as soon as the current pull, if any, is over; nobody waits."""
        self._soon = True
        self._wake.set()

    # --- life -------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Verifies what the disk holds, every file of it, and loads it; a damaged current mirror gives way to the one before."""
        await self._use_disk()

    async def run(self) -> None:
        """Mirrors for ever. After a defect ended it, it may be run anew; who waited for a poke has been told."""
        self._ended = False
        try:
            if self._loaded != self._due.current:
                await self._use_disk()
            while True:
                await self._step()
        finally:
            self._ended = True
            for poke in self._pokes:
                poke.done.set()
            self._pokes.clear()

    async def _step(self) -> None:
        self._wake = anyio.Event()
        now, place = self._clock.now(), self._place()
        self._looked_at = place
        if self._pokes:
            poke = self._pokes[0]
            try:
                if poke.ask is None:
                    await self._use_disk()
                else:
                    poke.outcome = await self._mirror(poke.ask, place, scheduled=False)
            finally:
                poke.done.set()
            self._pokes.remove(poke)
            return
        if self._soon:
            self._soon = False
            await self._mirror(Ask(), place, scheduled=False)
            return
        timing = self._profile().timing
        due = policy.due(self._due, timing.mirror_every_s, self._schedule(), place, now, self._clock.local)
        if due is not None and due.at <= now.mono:
            await self._mirror(Ask(full=due.full), place, scheduled=due.reason == "schedule")
            return
        if due is not None and due.reason == "change" and await self._puller.prepare():
            return
        with anyio.move_on_after(min(due.at - now.mono if due is not None else LOOK_EVERY_S, LOOK_EVERY_S)):
            await self._wake.wait()

    def _place(self) -> Place:
        return policy.place_of(self._position())

    def _schedule(self) -> Schedule | None:
        name = self._profile().mirror_schedule
        return next((schedule for schedule in self._schedules() if schedule.name == name), None) if name else None

    def _watch_staleness(self) -> None:
        stale = ""
        if self._place() == "flip":
            stale = policy.staleness(self._due, self._profile().timing.check_every_s, self._clock.now())
        if stale and not self._stale:
            self._fail(Failed(code="mirror_stale", what=f"The mirror is stale: {stale}", hint="Try `mirror NAME`; see the log"))
        self._stale = stale

    # --- one attempt ------------------------------------------------------------------------------------------------

    async def _mirror(self, ask: Ask, place: Place, *, scheduled: bool) -> PullOutcome:
        if not self._due.current:  # nothing here is verified in this life: an entity tag would vouch for damage
            ask = msgspec.structs.replace(ask, full=True)
        self._due = policy.begin(self._due, self._clock.now())
        outcome = await self._puller.pull(self._address(), ask, self._place)
        self._due = policy.finish(self._due, outcome, self._clock.now(), full=ask.full)
        if isinstance(outcome, Verified):
            self._told(outcome)
        match outcome:
            case Verified(place="flip"):
                await self._hand_over(outcome.tree, outcome.generation)
                self._show(skipped=outcome.skipped, retargeted=outcome.retargeted)
                await self._verified(outcome.revision, outcome.monitors, full=ask.full, scheduled=scheduled)
            case Unchanged():
                self._show(skipped=outcome.skipped)
                await self._verified(outcome.revision, outcome.monitors, full=ask.full, scheduled=scheduled)
            case StagedShrink():
                self._staged(outcome)
            case Failed():
                self._fail(outcome)
                if ask.full and place == "flip":
                    await self._recheck()
            case _:
                pass
        if isinstance(outcome, Verified | Unchanged):
            await self._tidy(outcome.revision)
        return outcome

    async def _tidy(self, revision: str) -> None:
        try:
            await self._puller.tidy(revision)
        except OSError as error:
            self._fail(
                Failed(
                    code="mirror_not_tidied",
                    what=f"The mirror is current, but old generations could not be put away: {error}",
                    where=str(self._folder),
                    hint="Check free space and permissions",
                )
            )

    async def _verified(self, revision: str, monitors: int, *, full: bool, scheduled: bool) -> None:
        wall = self._clock.wall()
        self._show(
            revision=revision,
            at_wall=wall,
            monitors=monitors,
            verified=True,
            drift=self._due.heard not in {"", revision},
            staged="",
            last_error="",
        )
        self._submit(
            MirrorVerified(profile=self._name, revision=revision, monitors=monitors, wall=wall, full=full, scheduled=scheduled)
        )
        try:
            await self._puller.blocking(self._keep_history, scheduled, self._profile().backups, wall)
        except (OSError, SiteScopeError) as error:
            self._fail(
                Failed(
                    code="history_failed",
                    what=f"The mirror is current, but no history zip could be written: {error}",
                    where=str(self._folder / history.HISTORY),
                    hint="Check free space and permissions",
                )
            )

    def _keep_history(self, scheduled: bool, backups: int, wall: float) -> None:  # noqa: FBT001  # called through the Work port
        """A zip at each scheduled verification, and of the first mirror there is."""
        if backups < 1:
            return
        generation = current(self._folder)
        if generation is not None and (scheduled or not history.has_scheduled(self._folder)):
            history.write(self._folder, generation, "scheduled", wall=wall, disk=self._disk)
            history.prune(self._folder, backups)

    def _staged(self, outcome: StagedShrink) -> None:
        if self.view.staged == outcome.revision:
            return
        self._show(staged=outcome.revision)
        self._submit(MirrorStaged(profile=self._name, revision=outcome.revision, before=outcome.before, after=outcome.after))

    def _fail(self, failure: Failed) -> None:
        self._show(last_error=failure.what)
        self._submit(MirrorFailed(profile=self._name, what=failure.what, where=failure.where, hint=failure.hint))

    # --- what the disk holds ----------------------------------------------------------------------------------------

    async def _recheck(self) -> None:
        """A full verification failed: is it the current mirror that is damaged?"""
        if await self._puller.blocking(self._is_damaged):
            await self._use_disk()

    def _is_damaged(self) -> bool:
        generation = current(self._folder)
        return generation is None or bool(verify_generation(generation.path))

    async def _use_disk(self) -> None:
        try:
            found = await self._puller.blocking(self._find_usable)
        except OSError as error:
            found = _Usable(None, Tree(), (), (f"the mirror folder cannot be read: {error}",))
        damage = "; ".join(found.problems)
        if found.problems or found.generation is None:
            self._submit(MirrorMissing(profile=self._name, what=damage or "no mirror yet"))
        generation = found.generation
        self._due = policy.took(self._due, generation.revision if generation is not None else "")
        if generation is None:
            self.view, self._loaded = MirrorView(last_error=damage), ""
            return
        await self._hand_over(found.tree, generation)
        monitors = len(generation.record.monitors)
        staged = await self._puller.blocking(read_staged, self._folder)
        self.view = MirrorView(
            revision=generation.revision,
            at_wall=generation.record.made_wall,
            monitors=monitors,
            verified=True,
            drift=self._due.heard not in {"", generation.revision},
            skipped=generation.record.manifest.skipped,
            retargeted=found.retargeted,
            staged=staged.revision if staged is not None else "",
            last_error=damage,
        )
        self._submit(
            MirrorVerified(
                profile=self._name,
                revision=generation.revision,
                monitors=monitors,
                wall=generation.record.made_wall,
                full=True,
            )
        )

    async def _hand_over(self, tree: Tree, generation: Generation) -> None:
        await self._on_tree(tree, generation)
        self._loaded = generation.revision

    def _find_usable(self) -> _Usable:
        """The current generation, or the newest older one that is whole and loads; it is made current then."""
        clean_staging(self._folder, self._disk)
        problems: list[str] = []
        linked = linked_revision(self._folder)
        staged = read_staged(self._folder)
        if linked and current(self._folder) is None:
            problems.append(f"the current mirror {linked[:12]} lost its record")
        known = sorted(generations(self._folder), key=lambda generation: generation.revision != linked)
        for generation in known:
            if staged is not None and generation.revision == staged.revision != linked:
                continue
            damage = verify_generation(generation.path)
            if damage:
                problems.append(f"mirror {generation.revision[:12]} is damaged: {damage[0]}")
                continue
            try:
                tree, retargeted = self._adapt(load_mirrored(self._dry_load, generation.path, generation.files))
            except (SiteScopeError, OSError) as error:
                problems.append(f"mirror {generation.revision[:12]} cannot be loaded: {error}")
                continue
            make_current(self._folder, generation.revision, self._disk)
            return _Usable(generation, tree, retargeted, tuple(problems))
        return _Usable(None, Tree(), (), tuple(problems))

    @property
    def _name(self) -> str:
        return self._profile().name

    def _show(self, **changes: object) -> None:
        self.view = msgspec.structs.replace(self.view, **changes)


def _stopped() -> Failed:
    return Failed(code="mirror_stopped", what="Mirroring of this profile has ended", hint="Ask again once the node runs")
