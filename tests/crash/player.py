"""Plays one story over a pair, and at chosen steps forks: the child crashes there and must come back, the parent plays on.

So the story is told once for any number of crashes. The child works on a copy of both homes under the same path; what its parent
had open is never touched.
"""

import errno
import os
import random
import shutil
import signal
import traceback
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import anyio
import trio
from trio.testing import MockClock

from tests.crash import steps as tracer
from tests.crash.aftermath import Kept, forgive_disk, forgive_failed_starts, recovers
from tests.crash.steps import Died, DiskFault, Fault, Steps, fresh_files, tracing
from tests.simulation.ports import SimWork
from tests.simulation.world import world

KILLS = ("kill", "names lost", "data lost")
ERRORS = ("EIO", "ENOSPC")
FULL_S = 3.0
LONGEST_TRIAL_S = 120


@dataclass(frozen=True)
class Point:
    """A durable step of the story: step `step` of its work item `item`, on `node`."""

    item: int
    step: int
    node: str
    kind: str
    path: str
    site: str
    lines: frozenset
    unsynced: bool
    """Whether a power loss here takes anything."""

    def hows(self):
        """All that can happen at it."""
        lost = KILLS[1:] if self.unsynced else ()
        errors = ERRORS if self.kind in {"open", "write", "fsync", "syncfs", "mkdir", "symlink", "sql"} else ()
        if self.kind == "rename" or "fsync_dir" in self.site:  # neither asks for space
            errors = ERRORS[:1]
        return ("kill", *lost, *errors)

    @property
    def name(self):
        return f"{self.node} {self.site}: {self.kind}"


def play(story, chosen=None, seed=0, **shape):
    """Tells a story in virtual time that begins at 0: the same story has the same steps."""
    return trio.run(lambda: Player(story, chosen).play(seed, **shape), clock=MockClock(autojump_threshold=0))


@dataclass
class Played:
    """What came of it."""

    points: list = field(default_factory=list)
    strays: list = field(default_factory=list)
    trials: int = 0
    failures: list = field(default_factory=list)


class Player:
    """One telling of `story(w)`; `chosen` maps work items to the (step, how) that are tried there."""

    def __init__(self, story, chosen=None):
        self._story, self._chosen = story, chosen or {}
        self.played = Played()
        self._items = 0
        self._pipe = None
        self._trial = None
        self._struck = None

    @property
    def in_child(self):
        return self._pipe is not None

    async def play(self, seed, **shape):
        """Tells the story to its end; in a child the aftermath of its crash, and the process ends with it."""
        try:
            async with world(seed, start=False, **shape) as w:
                self._world, self._over = w, trio.Event()
                self._steps = Steps(w._place)
                with tracing(self._steps), self._own_work():
                    await self._play()
                self.played.strays = self._steps.strays
        except BaseException as error:
            self._end_of_child(error)
            raise
        return self.played

    async def _play(self):
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._tell)
                await self._over.wait()
                tasks.cancel_scope.cancel()
            if self.in_child:
                await self._aftermath()
        except Exception as error:
            self._end_of_child(error)
            raise

    def _end_of_child(self, error):
        """A child never goes back to where its parent is."""
        if self.in_child:
            self._end(f"{''.join(traceback.format_exception(error))}\n{self._world.report()}")

    async def _tell(self):
        try:
            await self._story(self._world)
        except Exception:
            if self._struck is None:
                raise
            return
        if self.in_child and self._struck is None:
            raise AssertionError(f"{self._trial}: the fault never struck")
        self._over.set()

    async def _aftermath(self):
        await recovers(self._world, self._struck, self._kept)
        self._world.watch.last_look()
        self._world.sound()
        self._end("")

    def _end(self, problem):
        with suppress(OSError):
            os.write(self._pipe, problem.encode("utf-8", "replace")) if problem else None
        os._exit(0)

    # --- the work of the nodes -----------------------------------------------------------------------------------------

    @contextmanager
    def _own_work(self):
        original, player = SimWork._run, self

        async def run(work, fn, args, lane):
            def item(*given):
                return player.perform(work._machine, fn, given)

            item.__name__ = getattr(fn, "__name__", "")
            try:
                return await original(work, item, args, lane)
            except Died:
                player._died(work._machine)
                await anyio.sleep_forever()

        SimWork._run = run
        try:
            yield
        finally:
            SimWork._run = original

    def perform(self, machine, fn, args):
        """One work item."""
        if self.in_child:
            return fn(*args)
        item, self._items = self._items, self._items + 1
        for step, how in self._chosen.get(item, ()):
            if self._fork(machine, item, step, how):
                return self._strike(machine, fn, args, step, how)
        with self._steps.watching(machine.home.root):
            try:
                return fn(*args)
            finally:
                for number, (one, unsynced) in enumerate(self._steps.found):
                    self.played.points.append(
                        Point(item, number, machine.name, one.kind, one.path, one.site, one.lines, unsynced)
                    )

    # --- one trial -----------------------------------------------------------------------------------------------------

    def _fork(self, machine, item, step, how):
        """True in the child."""
        mine, its = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other threads of the test run are none of the child's
            pid = os.fork()
        if not pid:
            os.close(mine)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.alarm(LONGEST_TRIAL_S)
            self._pipe, self._trial = its, f"item {item} step {step} of the {machine.name}: {how}"
            return True
        os.close(its)
        with os.fdopen(mine, "rb") as pipe:
            problem = pipe.read().decode("utf-8", "replace")
        _, status = os.waitpid(pid, 0)
        with self._steps.quiet():
            _own_place_again(self._world._place)
        self.played.trials += 1
        if status:
            problem = f"ended with status {status}\n{problem}"
        if problem:
            self.played.failures.append(((item, step, how), f"item {item} step {step} of the {machine.name}: {how}\n{problem}"))
        return False

    def _strike(self, machine, fn, args, step, how):
        world, steps = self._world, self._steps
        with steps.quiet():
            _copy_of_place(world._place)
            for one in world.machines.values():
                _reconnect(one.node)
        forgive_failed_starts(world)
        world.chance = random.Random(self._trial)
        if how in KILLS:
            steps.fault = Fault()
        else:
            lasts = FULL_S if how == "ENOSPC" else 0.0
            steps.fault = DiskFault(getattr(errno, how), anyio.current_time, lasts)
            world.may_double += 1
            forgive_disk(world)
        steps.at, steps.victim, self._how = step, str(machine.home.root), how
        world.tell(machine.name, f"*** {self._trial}")
        try:
            with steps.watching(machine.home.root):
                return fn(*args)
        finally:
            steps.at = -1
            if not steps.struck:
                raise AssertionError(f"{self._trial}: not struck in {[one.kind for one, _ in steps.found]}")
            if how not in KILLS:
                self._kept = None
                self._struck = machine
                self._over.set()

    def _died(self, machine):
        steps = self._steps
        with steps.quiet():
            tracer.doom(machine.home.root)
            if self._how in KILLS[1:]:
                steps.unsynced.lose("names" if self._how == KILLS[1] else "data", machine.home.root)
            fresh_files(machine.home.root)
            self._kept = Kept.read(machine, self._world)
        steps.dead, steps.fault = False, None
        machine.kill()
        self._struck = machine
        self._over.set()


def _copy_of_place(place):
    copy = place.with_name(place.name + ".copy")
    shutil.copytree(place, copy, symlinks=True)
    place.rename(place.with_name(place.name + ".own"))
    copy.rename(place)


def _own_place_again(place):
    own = place.with_name(place.name + ".own")
    shutil.rmtree(place.with_name(place.name + ".copy"), ignore_errors=True)
    if own.is_dir():
        shutil.rmtree(place, ignore_errors=True)
        own.rename(place)


def _reconnect(node):
    """What the parent has open stays its own."""
    if node is None:
        return
    if node.store._db is not None:
        node.store._db = None
        node.store._connect(check=False)
    node.records.results._open.clear()
