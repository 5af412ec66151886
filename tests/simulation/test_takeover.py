"""When the failover takes over, and how soon (R1)."""

import pytest

from tests.simulation.world import world

pytestmark = pytest.mark.anyio
PROMISED = {"fast": 6.0, "lan": 16.0, "classic": 185.0}


@pytest.mark.parametrize("preset", PROMISED)
async def test_the_first_check_starts_within_the_promise(seed, preset):
    how = ("kill", "pause", "power_off")[seed % 3]
    async with world(seed, preset=preset) as w:
        await w.mirrored()
        await w.run(w.chance.uniform(0, 2 * w.timing.check_every_s))
        gone = w.now
        getattr(w.primary, how)()
        await w.until(lambda: w.watch.first_start("failover", gone), PROMISED[preset], "the first check on the failover")
        assert w.now - gone >= w.timing.activate_after_s - w.timing.check_every_s - 0.1
        await w.until(lambda: w.failover.position == "active", 1)
        await w.until(lambda: w.checked_by("failover", gone), w.frequency_s + 1, "every page checked")
        assert [change.to for change in w.watch.changes if change.node == "failover" and change.at >= gone] == [
            "suspect", "grace", "activating", "active",
        ]  # fmt: skip


async def test_a_cut_link_is_taken_over_and_ends_with_one_acting_node(seed):
    async with world(seed) as w:
        await w.mirrored()
        gone = w.now
        w.cut()
        await w.until(lambda: w.watch.first_start("failover", gone), 6)
        await w.run(30)
        assert w.primary.position == "running", "a primary that is cut off cannot know"
        healed = w.now
        w.heal()
        await w.settled(60)
        both = 4 * w.timing.check_every_s + 5 + 4  # and what TCP takes to send again (R8)
        assert w.watch.overlap(healed) <= both
        assert w.failover.state.journal.overlaps, "the overlap is written down"
        assert len(w.watch.takeovers()) == 1


async def test_a_link_cut_in_one_direction_only_ends_well(seed):
    way = ("primary", "failover")[seed % 2]
    async with world(seed) as w:
        await w.mirrored()
        w.cut(to=way)
        await w.run(40)
        assert w.failover.position in {"active", "recovering"}, "no answer came back: silence"
        w.heal()
        await w.settled(60)


async def test_an_isolated_failover_takes_nothing_over_and_says_so(seed):
    async with world(seed) as w:
        await w.mirrored()
        gone = w.now
        w.failover.isolate()
        await w.run(60)
        assert w.watch.takeovers() == []
        assert "isolated" in w.failover.conditions
        w.failover.reconnect()
        back = w.now
        await w.settled(30)
        await w.until(lambda: w.watch.role_mails("alarm_isolated_over", back), 90, "the alarm that waited, as over")
        assert w.watch.longest_gap(gone) == 0


async def test_a_failover_that_was_stopped_takes_nothing_over_when_it_wakes(seed):
    async with world(seed) as w:
        await w.mirrored()
        w.failover.pause()
        await w.run(w.chance.choice([2.5, 30.0, 150.0]))
        w.failover.resume()
        await w.run(30)
        assert w.watch.takeovers() == []
        assert w.well


async def test_a_wall_clock_that_steps_by_a_day_takes_nothing_over(seed):
    machine = ("primary", "failover")[seed % 2]
    async with world(seed) as w:
        await w.mirrored()
        w.machines[machine].step_wall(w.chance.choice([-86400.0, 86400.0]))
        await w.run(60)
        assert w.watch.takeovers() == []
        assert w.failover.conditions == {"unverifiable"}, "the skew is an alarm"


async def test_a_stopped_primary_that_wakes_starts_nothing_before_the_hand_back(seed):
    async with world(seed) as w:
        await w.mirrored()
        w.primary.pause()
        await w.until(lambda: w.failover.position == "active", 10)
        await w.run(w.chance.uniform(1, 60))
        woke = w.now
        w.primary.resume()
        await w.until(lambda: w.primary.position == "yielded", 5)
        await w.settled(60)
        assert w.watch.overlap(woke) == 0
        assert w.failover.state.journal.overlaps == ()


@pytest.mark.parametrize("preset", PROMISED)
async def test_a_primary_that_answers_and_checks_nothing_yields_to_the_failover_in_time(seed, preset):
    """R2. Its health page is fine in every other way."""
    async with world(seed, preset=preset) as w:
        await w.mirrored()
        stuck = w.now
        w.primary.stick()
        await w.until(lambda: w.watch.first_start("failover", stuck), 40.0 + w.timing.activate_after_s)
        assert w.primary.position == "yielded"
        assert w.watch.overlap(stuck) == 0
        w.primary.kill()
        w.primary.start()
        await w.settled(400)


async def test_both_machines_suspended_for_an_hour_wake_as_they_were(seed):
    async with world(seed) as w:
        await w.mirrored()
        slept = w.now
        for machine in w.machines.values():
            machine.pause()
        await w.run(3600)
        woke = w.now
        for machine in w.chance.sample(list(w.machines.values()), 2):
            machine.resume()
            await w.run(w.chance.uniform(0, 1.5))
        await w.settled(30)
        assert not w.watch.takeovers(slept)
        assert w.watch.longest_gap(woke) < 5
