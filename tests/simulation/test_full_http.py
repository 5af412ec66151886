"""Pairs that talk through the whole HTTP stack: client, tokens, routes, doors; at least two node-days of them in every run.

Eleven batches with fixed seeds, each some hours of a pair: quiet stretches with the preset of the batch, in between faults of the
swarm and those that only HTTP has.
"""

import pytest

from tests.simulation.http import replay
from tests.simulation.test_swarm import WELL_S, Swarm
from tests.simulation.watch import COVERED
from tests.simulation.world import world

pytestmark = pytest.mark.anyio
HOURS_S = {"classic": 8400.0, "lan": 4500.0}
PRESETS = ("classic", "lan", *["classic"] * 9)
BATCHES = len(PRESETS)
"""Both nodes of a pair count: 10 x 8,400 s x 2 and 4,500 s x 2 are 2.05 node-days."""
QUIET = {"frequency": "300s", "watch_files": "300s", "monitors": 2, "http": True}


class Visitors(Swarm):
    """The swarm, and what only tokens and HTTP know."""

    async def step(self):
        if self.chance.random() < 0.3:
            await self.chance.choice([self.repeat, self.far_clock, self.garble, self.record, self.rotate])()
        else:
            await super().step()

    async def repeat(self):
        """Requests arrive twice: the second one is a replay."""
        COVERED["fault requests arrive twice"] += 1
        self.toggle("repeat", lambda: setattr(self.w.network, "repeated", 0.5), lambda: setattr(self.w.network, "repeated", 0.0))

    async def garble(self):
        """Something on the way rewrites replies."""
        COVERED["fault replies garbled"] += 1
        self.toggle("garble", lambda: setattr(self.w.network, "garbling", 0.3), lambda: setattr(self.w.network, "garbling", 0.0))

    async def record(self):
        """Somebody sends recorded requests again: fresh ones, old ones, some to a process that came later."""
        recorded = [(machine, request) for machine, request in self.w.network.recorded if machine.awake]
        for machine, request in self.chance.sample(recorded, min(3, len(recorded))):
            await replay(self.w, machine, request)

    async def rotate(self):
        """One side has a new passphrase already, and still the old one."""
        machine = self.chance.choice([self.w.primary, self.w.failover])
        old = "the same on both"
        self.toggle("rotate", lambda: setattr(machine, "passphrase", ("new", old)), lambda: setattr(machine, "passphrase", old))

    async def far_clock(self):
        """A wall clock that no token survives."""
        machine = self.chance.choice([self.w.primary, self.w.failover])
        machine.step_wall(self.chance.choice([-3600.0, 3600.0, 86400.0]))


async def hours(seed):
    """One world: faults, healing, quiet, again and again for hours."""
    preset = PRESETS[seed % len(PRESETS)]
    async with world(f"http/{seed}", preset=preset, **QUIET) as w:
        await w.until(lambda: w.well and w.mirror.verified, 120, "a protected pair")
        swarm = Visitors(w)
        while w.now < HOURS_S[preset]:
            for _ in range(w.chance.randint(1, 4)):
                await swarm.step()
                await w.run(w.chance.expovariate(1 / (3 * w.timing.activate_after_s)))
            w.tell("world", "=== healed")
            await swarm.heal()
            await w.settled(WELL_S)
            await w.run(min(w.chance.uniform(60, 900), max(1.0, HOURS_S[preset] - w.now)))


@pytest.mark.timeout(300)  # simulated hours; nothing waits for the real clock
@pytest.mark.parametrize("batch", range(BATCHES))
async def test_hours_with_faults_break_no_rule_and_end_well(batch, tally):
    await hours(batch)
    tally.ran("full HTTP", batch, BATCHES)


async def test_a_killed_primary_is_taken_over_and_takes_back(seed):
    async with world(seed, http=True) as w:
        await w.mirrored()
        w.primary.kill()
        await w.until(lambda: w.failover.position == "active", within=7)
        w.primary.start()
        await w.settled(within=120)
        assert len(w.watch.takeovers()) == 1


async def test_requests_that_arrive_twice_change_nothing(seed):
    async with world(seed, http=True) as w:
        await w.mirrored()
        w.network.repeated = 1.0
        await w.run(30)
        assert not w.watch.takeovers()
        w.primary.kill()
        await w.until(lambda: w.failover.position == "active", within=7)
        w.primary.start()
        await w.settled(within=120)


async def test_another_passphrase_is_an_alarm_and_no_takeover(seed):
    async with world(seed, http=True) as w:
        await w.mirrored()
        w.primary.passphrase = "another one"
        await w.until(lambda: "unverifiable" in w.failover.conditions, within=5)
        await w.run(60)
        w.primary.passphrase = "the same on both"
        await w.settled(within=30)
        assert not w.watch.takeovers()


async def test_a_clock_that_steps_by_an_hour_is_an_alarm_and_no_takeover(seed):
    async with world(seed, http=True) as w:
        await w.mirrored()
        machine = w.chance.choice([w.primary, w.failover])
        machine.step_wall(w.chance.choice([-3600.0, 3600.0]))
        await w.until(lambda: "unverifiable" in w.failover.conditions, within=5)
        await w.run(60)
        machine.step_wall(-machine.clock.step)
        await w.settled(within=30)
        assert not w.watch.takeovers()
