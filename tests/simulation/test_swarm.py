"""Any faults in any order, then all is healed: nothing that never may happen did, and the pair is well again in bounded time."""

import pytest

from sitescope_fo.model.command import (
    Activate,
    HoldProfile,
    Mirror,
    ReleaseProfile,
    Standby,
    Switchover,
    UnlockProfile,
)
from tests.simulation.homes import group_text
from tests.simulation.watch import COVERED
from tests.simulation.world import world

pytestmark = pytest.mark.anyio
STEPS = 14
WELL_S = 2400.0
"""Longest stability window (30 min), a hold that is not ours to lift is none here, and the steps of a hand-back."""
TOLD_S = 400.0
"""A mail that was deferred is tried again within 5 min."""


class Swarm:
    """Random faults, each with what undoes it."""

    def __init__(self, w):
        self.w, self.chance = w, w.chance
        self.undo = {}
        self.edits = 0
        self.stops = 0

    async def step(self):
        """One random thing that can happen now."""
        machine = self.chance.choice([self.w.primary, self.w.primary, self.w.failover])
        other = [
            self.link,
            self.weather,
            self.lose_reply,
            self.fail_pages,
            self.edit,
            self.order,
            self.post,
            self.suspend,
            self.stuck,
        ]
        of_machine = [self.life, self.life, self.life, self.sleep, self.cable, self.disk, self.clock, self.distrust]
        action = self.chance.choice([*of_machine, *other])
        COVERED[f"swarm {action.__name__}"] += 1
        if action in of_machine:
            await action(machine)
        else:
            await action()

    def toggle(self, name, do, undo):
        """Begins a fault, or ends it."""
        if name in self.undo:
            self.undo.pop(name)()
        else:
            do()
            self.undo[name] = undo

    async def life(self, machine):
        if not machine.up:
            self.undo.pop(f"pause {machine.name}", None)
            machine.start() if machine.powered else machine.power_on()
            return
        how = self.chance.choice(["kill", "kill", "power_off", "stop"])
        if how == "stop" and machine.awake:
            self.w.spawn(self._stop, machine, self.chance.choice([0.0, 5.0, 30.0]))
        elif how == "power_off":
            machine.power_off()
        else:
            machine.kill()
        self.undo.pop(f"pause {machine.name}", None)

    async def _stop(self, machine, eta_s):
        self.stops += 1
        if machine.awake:
            await machine.stop(eta_s=eta_s)
        self.stops -= 1

    async def sleep(self, machine):
        if machine.up:
            self.toggle(f"pause {machine.name}", machine.pause, machine.resume)

    async def cable(self, machine):
        self.toggle(f"cable {machine.name}", machine.isolate, machine.reconnect)

    async def disk(self, machine):
        self.toggle(f"disk {machine.name}", machine.break_disk, machine.mend_disk)

    async def clock(self, machine):
        machine.step_wall(self.chance.choice([-20.0, -2.0, 2.0, 20.0, 300.0, -300.0]))

    async def distrust(self, machine):
        def wrong():
            self.w.fault(machine, "has another passphrase")
            machine.passphrase = "another one"

        def right():
            machine.passphrase = "the same on both"

        self.toggle(f"passphrase {machine.name}", wrong, right)

    async def link(self):
        to = self.chance.choice([("primary", "failover"), "primary", "failover"])
        self.toggle("link", lambda: self.w.cut(to=to), self.w.heal)

    async def weather(self):
        network, timing = self.w.network, self.w.timing

        def bad():
            network.loss = self.chance.choice([0.0, 0.1, 0.3])
            network.slow_answers = (0.0, self.chance.choice([0.1, 1.2 * timing.soft_timeout_s, 1.2 * timing.hard_timeout_s]))
            self.w.tell("network", f"*** loss {network.loss}, answers up to {network.slow_answers[1]:g} s late")

        def good():
            network.loss, network.slow_answers = 0.0, (0.0, 0.0)

        self.toggle("weather", bad, good)

    async def post(self):
        """The mail server has a mood, or hangs up after the next mail."""
        mood = self.chance.choice([False, "slow", "silent", "later", "busy"])

        def good():
            self.w.mail_server = True

        def bad():
            self.w.tell("mail", f"*** server {mood or 'gone'}")
            self.w.mail_server = mood

        if self.chance.random() < 0.3:
            self.w.mail_drops += 1
        else:
            self.toggle("post", bad, good)

    async def suspend(self):
        """Both machines sleep and wake, as virtual machines of one host do; their boot-time clocks go on."""
        awake = [machine for machine in (self.w.primary, self.w.failover) if machine.up and not machine.process.stopped]
        for machine in awake:
            machine.pause()
        await self.w.run(self.chance.choice([1.0, 4.0, 300.0]))
        for machine in self.chance.sample(awake, len(awake)):
            if machine.up:
                machine.resume()

    async def stuck(self):
        """The primary answers and checks nothing (R2), until somebody restarts it."""
        primary = self.w.primary
        if not primary.awake:
            return
        life = primary.lives

        def restart():
            if primary.lives == life and primary.up:
                primary.kill()
                primary.start()

        self.toggle("stuck", primary.stick, restart)

    async def lose_reply(self):
        where = self.chance.choice(["boot-check", "yield", "step", "goodbye"])
        self.w.network.lose_replies.append(f"/api/v1/handover/{where}")
        self.w.may_double += 1

    async def fail_pages(self):
        page = self.chance.choice(self.w.pages)
        self.w.targets.mend(page) if page in self.w.targets.failing else self.w.targets.fail(page)

    async def edit(self):
        self.edits += 1
        self.w.primary.edit_group(group_text([*self.w.pages, f"New {self.edits}"], self.w.frequency))

    async def order(self):
        if not self.w.failover.awake:
            return
        body = self.chance.choice(
            [Activate(name="prod"), Standby(name="prod"), Switchover(name="prod", for_s=60.0), Mirror(name="prod"),
             HoldProfile(name="prod", reason="swarm", for_s=30.0), ReleaseProfile(name="prod")]
        )  # fmt: skip
        self.w.spawn(_command, self.w.failover, body)

    async def heal(self):
        """Everything is repaired, and nobody holds anything."""
        for undo in list(self.undo.values()):
            undo()
        self.undo.clear()
        self.w.network.lose_replies.clear()
        self.w.mail_drops = 0
        self.w.targets.mend()
        await self.w.until(lambda: not self.stops, 10)
        for machine in self.w.machines.values():
            machine.clock.step = 0.0
            if not machine.up:
                machine.start() if machine.powered else machine.power_on()
            await self.w.until(lambda m=machine: m.awake, 5)
        await self.w.failover.command(ReleaseProfile(name="prod"))
        await self.w.failover.command(UnlockProfile(name="prod"))
        self.w.heal()
        await self.vouch()

    async def vouch(self):
        """A primary that was taken over because it was sick is believed in a new life, or when an operator says so."""
        failover = self.w.failover
        for _ in range(10):
            if not (failover.state.acting and failover.state.journal.cause == "degraded"):
                return
            await self.w.run(15)
            await failover.command(Standby(name="prod"))


async def _command(machine, body):
    if machine.awake:
        await machine.command(body)


async def test_after_any_faults_the_pair_is_well_again_and_people_know_the_truth(seed):
    async with world(seed, monitors=4, watch_files="2s") as w:
        await w.mirrored()
        swarm = Swarm(w)
        for _ in range(STEPS):
            await swarm.step()
            await w.run(min(40.0, w.chance.expovariate(1 / 6)))
        w.tell("world", "=== healed")
        await swarm.heal()
        await w.run(1)
        await w.settled(WELL_S)
        healed = w.now
        await w.until(lambda: w.checked_by("primary", healed), 3 * w.frequency_s)
        await w.until(lambda: all(_truth_is_told(w, page) for page in w.pages), TOLD_S, "recoveries told")
        assert w.watch.overlap(healed) == 0


def _truth_is_told(w, page):
    """All pages are good by now. Two nodes that told different things at once may leave people with the older one."""
    told = w.watch.alerts(page)
    return not told or told[-1].event == "recovery" or told[-1].excused
