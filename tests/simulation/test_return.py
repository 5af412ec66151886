"""Restarts, pauses and crashes of nodes that act, and the way back (R17, R18)."""

import pytest

from sitescope_fo.model.command import UnlockProfile
from tests.simulation.world import world

pytestmark = pytest.mark.anyio


async def _acting(w):
    """A failover that acts for a dead primary, every page checked."""
    await w.mirrored()
    gone = w.now
    w.primary.kill()
    await w.until(lambda: w.failover.position == "active", 10)
    await w.until(lambda: w.checked_by("failover", gone), w.frequency_s + 2)


async def test_the_failovers_own_pause_while_acting_does_not_stop_monitoring(seed):
    async with world(seed) as w:
        await _acting(w)
        term = w.failover.term
        w.failover.pause()
        await w.run(w.chance.uniform(2.2, 4))
        w.failover.resume()
        woke = w.now
        await w.until(lambda: w.failover.position == "active" and not w.failover.conditions, 6)
        await w.until(lambda: w.checked_by("failover", woke), 6 + w.frequency_s)
        assert w.failover.term == term
        assert [c for c in w.watch.changes if c.at >= woke and c.node == "failover"] == []


async def test_a_failover_that_crashes_while_acting_goes_on_acting(seed):
    async with world(seed) as w:
        await _acting(w)
        term = w.failover.term
        await w.run(w.chance.uniform(0, 5))
        w.failover.kill()
        await w.run(w.chance.uniform(0.5, 30))
        back = w.now
        w.failover.start()
        await w.until(lambda: w.watch.first_start("failover", back), 15 + w.frequency_s)
        await w.until(lambda: w.checked_by("failover", back), w.frequency_s + 2)
        assert (w.failover.position, w.failover.term) == ("active", term)
        w.primary.start()
        await w.settled(60)


async def test_a_failover_that_restarts_while_acting_yields_to_a_primary_that_runs_by_then(seed):
    async with world(seed) as w:
        await _acting(w)
        w.failover.kill()
        w.primary.start()
        await w.until(lambda: w.primary.position == "running", 30, "the end of its boot-check")
        await w.run(5)
        since = w.now
        w.failover.start()
        await w.settled(60)
        assert w.watch.first_start("failover", since) is None


async def test_a_failover_that_stays_acting_takes_a_term_above_one_the_primary_took_by_itself(seed):
    async with world(seed) as w:
        await _acting(w)
        w.primary.start()
        await w.until(lambda: w.primary.position == "yielded", 10)
        w.cut()
        await w.until(lambda: w.primary.position == "running", 40, "a primary that hears nothing any more")
        assert w.primary.term > w.failover.term
        w.targets.fail("Page 0")
        await w.run(2 * w.frequency_s)
        w.primary.pause()
        await w.run(4)
        w.heal()
        w.primary.resume()
        await w.until(lambda: w.primary.position == "yielded", 5)
        assert w.failover.term > w.primary.term
        w.targets.mend()
        await w.settled(120)
        await w.run(2 * w.frequency_s)
        assert w.watch.alerts("Page 0")[-1].event == "recovery", "the last word is the truth"


async def test_both_nodes_restart_at_once(seed):
    async with world(seed) as w:
        await w.mirrored()
        for machine in w.machines.values():
            machine.kill()
        await w.run(w.chance.uniform(0, 60))
        first, second = w.chance.sample(list(w.machines.values()), 2)
        first.start()
        await w.run(w.chance.uniform(0, 8))
        second.start()
        await w.settled(60)
        assert len(w.watch.takeovers()) <= 1


async def test_both_machines_lose_power_while_the_failover_acts(seed):
    async with world(seed) as w:
        await _acting(w)
        w.failover.power_off()
        w.primary.powered = False
        await w.run(w.chance.uniform(10, 600))
        w.failover.power_on()
        await w.run(w.chance.uniform(0, 20))
        w.primary.power_on()
        await w.settled(90)


async def test_a_crash_at_any_point_of_takeover_and_hand_back_ends_as_it_should(seed):
    async with world(seed) as w:
        await w.mirrored()
        w.primary.kill()
        await w.run(w.chance.uniform(4.0, 6.0))
        w.failover.kill()
        await w.run(w.chance.uniform(0, 3))
        w.failover.start()
        await w.until(lambda: w.failover.position == "active", 20)
        w.primary.start()
        await w.until(lambda: w.failover.position == "recovering", 20)
        await w.run(w.timing.stable_for_s - 0.2 + w.chance.uniform(0, 0.4))
        victim = w.chance.choice(list(w.machines.values()))
        victim.kill()
        await w.run(w.chance.uniform(0, 3))
        victim.start()
        await w.settled(120)


async def test_a_lost_answer_to_the_last_step_of_a_hand_back_is_asked_for_again(seed):
    async with world(seed) as w:
        await _acting(w)
        w.network.lose_replies = ["/api/v1/handover/step"]
        since = w.now
        w.primary.start()
        await w.settled(90)
        assert w.network.lose_replies == []
        assert w.watch.overlap(since) == 0


async def test_a_lost_answer_to_a_boot_check_does_not_make_both_run(seed):
    async with world(seed) as w:
        await _acting(w)
        w.network.lose_replies = ["/api/v1/handover/boot-check"] * 3
        since = w.now
        w.primary.start()
        await w.until(lambda: w.primary.position == "yielded", 8)
        await w.settled(60)
        assert w.watch.overlap(since) == 0


async def test_a_flapping_primary_is_taken_over_three_times_an_hour_and_then_locked_out(seed):
    async with world(seed, watch_files="10s") as w:
        await w.mirrored()
        began = w.now
        while len(w.watch.takeovers(began)) < 3 and w.now - began < 3600:
            w.primary.kill()
            await w.until(lambda: w.failover.position == "active", 10)
            await w.run(w.chance.uniform(0, 5))
            w.primary.start()
            await w.until(lambda: w.well or "flap_lock" in w.failover.conditions, 200)
            await w.run(w.chance.uniform(5, 20))
        assert len(w.watch.takeovers(began)) == 3
        assert "flap_lock" in w.failover.conditions
        assert w.watch.role_mails("flap_lock", began)
        w.primary.kill()
        await w.run(30)
        w.primary.start()
        await w.run(90)
        assert (w.failover.position, w.primary.position) == ("active", "yielded")
        assert len(w.watch.takeovers(began)) == 3
        assert (await w.failover.command(UnlockProfile(name="prod"))).outcome == "done"
        await w.settled(1900)
