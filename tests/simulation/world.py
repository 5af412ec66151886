"""A whole pair in virtual time: two machines with real homes, network, targets and a mail server between them.

One seed is one run: see docs/simulation.md.
"""

import contextvars
import math
import random
import shutil
import time
from contextlib import asynccontextmanager

import anyio
import msgspec
import trio

from sitescope_fo.model.config import PRESETS
from tests.simulation import homes
from tests.simulation.machine import Machine
from tests.simulation.ports import Targets
from tests.simulation.process import leave_scheduling, take_over_scheduling
from tests.simulation.watch import COVERED, DAYS, Watch
from tests.simulation.wire import LONGEST_RETRANSMIT_S, SKEW_S, Network

LINES_SHOWN = 150


class World:
    """See the module. Faults are methods of the machines and attributes of `network`; `watch` holds the records and the rules."""

    def __init__(
        self, seed, *, preset="fast", monitors=5, frequency="5s", slowest_work_s=0.002, watch_files="1s", http=False, **timing
    ):
        self.seed = seed
        self.chance = random.Random(f"{seed}/world")
        self.slowest_work_s = slowest_work_s
        self.preset = preset
        self.http = http
        """Whether the nodes talk through the whole HTTP stack."""
        self.pages = tuple(f"Page {n}" for n in range(monitors))
        self.frequency = frequency
        self.lines, self.faults = [], []
        self.targets, self.watch = Targets(self), Watch(self)
        self.network = Network(self, random.Random(f"{seed}/network"))
        self.mail_server = True
        """How the mail server is, see `ports.SimMailer`."""
        self.mail_drops = 0
        self.may_double = 0
        """How many copies of a mail the faults so far excuse."""
        self._parted_at = -math.inf
        self._sleeps = {}
        self._happened = trio.Event()
        self.tasks = None
        self.neutral = contextvars.copy_context()
        primary, failover, self._place = homes.make_pair(preset, self.pages, frequency, tuple(timing.items()), watch_files)
        self.primary = self._machine("primary", primary)
        self.failover = self._machine("failover", failover)
        self.machines = {machine.name: machine for machine in (self.primary, self.failover)}
        self.timing = msgspec.structs.replace(PRESETS[preset], **timing)

    def _machine(self, name, home):
        return Machine(self, name, home, boot=self.chance.uniform(10, 100_000), drift=self.chance.uniform(-2e-4, 2e-4))

    def other(self, machine):
        return self.failover if machine is self.primary else self.primary

    # --- tasks ------------------------------------------------------------------------------------------------------

    def spawn(self, fn, *args):
        """A task of the world itself, which no process's end touches."""
        self.neutral.run(self.tasks.start_soon, fn, *args)

    def live(self, process, main, broke):
        process.begin(self.tasks, main, broke)

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def now(self):
        """Virtual seconds since the world began."""
        return anyio.current_time()

    def happen(self):
        """Wakes whoever waits for something to happen."""
        if self.parted:
            self._parted_at = self.now
        happened, self._happened = self._happened, trio.Event()
        happened.set()

    async def next(self):
        """Returns when something has happened."""
        await self._happened.wait()

    def sound(self):
        """Raises when a rule was broken."""
        assert not self.watch.violations, "\n".join(self.watch.violations)

    async def run(self, seconds):
        """Lets time pass."""
        with anyio.move_on_after(seconds):
            while True:
                await self.next()
                self.sound()
        self.sound()

    async def until(self, condition, within, what=""):
        """Returns the seconds until `condition()` holds. Fails after `within` seconds."""
        began = self.now
        with anyio.move_on_after(within):
            while True:
                self.sound()
                if condition():
                    return self.now - began
                await self.next()
        self.sound()
        assert condition(), f"not within {within:g} s: {what or 'what was waited for'}"
        return self.now - began

    # --- what often has to be so ------------------------------------------------------------------------------------

    @property
    def well(self):
        """The primary runs, the failover stands by, protected and up to date."""
        if not (self.primary.awake and self.failover.awake):
            return False
        owed = self.failover.state.journal.handback
        return (
            self.primary.position == "running"
            and self.failover.position == "standby"
            and not self.failover.conditions
            and owed is None
            and not self.mirror.drift
        )

    @property
    def mirror(self):
        return self.failover.node.watches["prod"].keeper.view

    async def mirrored(self, within=60.0):
        """The pair is set up, and every page was checked and is known on the failover to be what it is."""
        await self.until(lambda: self.well and self.mirror.verified, within, "a protected pair")
        since = self.now
        await self.until(lambda: self.checked_by("primary", since), 60 + self.frequency_s, "every page checked")
        return self

    async def settled(self, within):
        """After all faults: as a pair should be."""
        return await self.until(lambda: self.well, within, "primary running, failover in standby")

    def checked_by(self, node, since):
        """Whether a node has started a check of every page since then."""
        return {one.name for one in self.watch.starts if one.node == node and one.at >= since} >= set(self.pages)

    @property
    def frequency_s(self):
        return float(self.frequency.removesuffix("s"))

    # --- faults between the machines --------------------------------------------------------------------------------

    def fault(self, machine, what):
        """Writes a fault down, with what it excuses."""
        self.faults.append(f"{self.now:10.3f}  {machine.name} {what}")
        self.tell(machine.name, f"*** {what}")
        COVERED[f"fault {machine.name} {what.split(' by ')[0]}"] += 1
        self.may_double += 1
        if what == "stopped":
            self._sleeps.setdefault(machine.name, []).append(self.now)
        self.watch.sample()

    def slept(self, machine, since):
        """Seconds the process may have been stopped since then; all the time when it ever was (a bound is not for sleepers)."""
        return self.now - since if any(at >= since - 60 for at in self._sleeps.get(machine.name, ())) else 0.0

    def cut(self, *, to=("primary", "failover")):
        """Nothing reaches the machines named any more: a black hole."""
        self.network.no_way_to = {to} if isinstance(to, str) else set(to)
        self.faults.append(f"{self.now:10.3f}  no way to {', '.join(sorted(self.network.no_way_to))}")
        self.tell("network", f"*** cut: no way to {', '.join(sorted(self.network.no_way_to))}")
        COVERED["fault link cut"] += 1
        self.may_double += 1

    def heal(self):
        """The way between the machines is open again."""
        self.network.no_way_to = set()
        self.tell("network", "healed")

    @property
    def parted(self):
        """Whether no trusted word can pass both ways in time."""
        pair = self.primary, self.failover
        skew = abs(self.primary.clock.step - self.failover.clock.step)
        return (
            bool(self.network.no_way_to)
            or not all(machine.network for machine in pair)
            or not set(self.primary.words) & set(self.failover.words)
            or self.network.garbling > 0
            or any(machine.certificate_fault or machine.foreign for machine in pair)
            or skew > SKEW_S - 1
            or self.network.slow_answers[1] > self.timing.soft_timeout_s
            or self.network.loss > 0.2
        )

    def part(self):
        """A word that mattered was lost: as if they had been parted until now."""
        self._parted_at = self.now

    @property
    def overlap_allowed(self):
        """Both may check only while they are parted, and for so long afterwards as is promised (R8)."""
        if self.parted:
            return True
        return self.now <= self._parted_at + 4 * self.timing.check_every_s + 5.0 + LONGEST_RETRANSMIT_S

    # --- the report -------------------------------------------------------------------------------------------------

    def tell(self, who, what):
        self.lines.append(f"{self.now if self.tasks else 0:10.3f}  {who:9} {what}")
        self.happen()

    def report(self):
        """Seed, faults and timeline, for whoever has to find out."""
        shown = self.lines[-LINES_SHOWN:]
        head = f"seed {self.seed} (replay: --seed {self.seed})"
        return "\n".join([head, "faults:", *self.faults, f"timeline (last {len(shown)} lines):", *shown])

    async def end(self):
        """Kills what still lives."""
        for machine in self.machines.values():
            if machine.process is not None and not machine.process.ended.is_set():
                machine.process.kill()
                await machine.process.ended.wait()


@asynccontextmanager
async def world(seed, *, start=True, **shape):
    """A world for one test; a failure shows seed, faults and timeline."""
    take_over_scheduling(seed)
    begun = time.perf_counter()
    w = World(seed, **shape)
    failure = None
    try:
        async with anyio.create_task_group() as w.tasks:
            try:
                if start:
                    w.primary.start()
                    w.failover.start()
                yield w
                w.sound()
                w.watch.last_look()
                w.sound()
            except Exception as error:  # noqa: BLE001  # raised again below, with seed and timeline
                failure = error
            await w.end()
            w.tasks.cancel_scope.cancel()
    finally:
        leave_scheduling()
        DAYS["http" if w.http else "seconds"] += 2 * w.now
        DAYS["worlds"] += 1
        DAYS["wall"] += time.perf_counter() - begun
        shutil.rmtree(w._place)
    if failure is not None:
        failure.add_note(w.report())
        raise failure
