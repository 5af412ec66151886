"""Planned changes of the acting node: no overlap, no gap, no second mail (R7, R10)."""

from itertools import pairwise

import pytest

from sitescope_fo.model.command import HoldProfile, ReleaseProfile, Standby, Switchover
from tests.simulation.world import world

pytestmark = pytest.mark.anyio
GAP_S = 2.0


async def _switch_over(w):
    reply = await w.failover.command(Switchover(name="prod"))
    assert reply.outcome == "done", reply
    assert w.failover.position == "active"
    assert w.primary.position == "yielded"


async def test_a_switchover_and_its_hand_back_have_no_overlap_and_no_gap(seed):
    async with world(seed) as w:
        await w.mirrored()
        await w.run(w.chance.uniform(0, 5))
        since = w.now
        await _switch_over(w)
        await w.run(w.chance.uniform(10, 60))
        assert w.failover.position == "active", "the hold of the switchover keeps it there"
        assert (await w.failover.command(ReleaseProfile(name="prod"))).outcome == "done"
        await w.settled(60)
        await w.run(w.frequency_s)
        assert w.watch.overlap(since) == 0
        assert w.watch.longest_gap(since) <= GAP_S
        assert w.watch.overlaps == []
        assert w.failover.state.journal.overlaps == ()


async def test_an_operator_sends_an_acting_failover_to_standby(seed):
    async with world(seed) as w:
        await w.mirrored()
        since = w.now
        await _switch_over(w)
        reply = await w.failover.command(Standby(name="prod"))
        assert reply.outcome == "done", reply
        await w.settled(20)
        assert w.watch.overlap(since) == 0
        assert w.watch.longest_gap(since) <= GAP_S


async def test_no_page_is_mailed_twice_over_planned_changes(seed):
    async with world(seed, monitors=4) as w:
        await w.mirrored()
        w.targets.fail("Page 0")
        await w.until(lambda: w.watch.alerts("Page 0"), w.frequency_s + 2)
        await w.run(1)
        await _switch_over(w)
        w.targets.fail("Page 1")
        await w.until(lambda: w.watch.alerts("Page 1"), w.frequency_s + 3)
        w.targets.fail("Page 2")
        await w.run(w.chance.uniform(0, w.frequency_s))
        await w.failover.command(ReleaseProfile(name="prod"))
        await w.settled(60)
        await w.run(3 * w.frequency_s)
        told = [(mail.subject.split("]")[-1].split(" ")[0], mail.message_id) for mail in w.watch.alerts()]
        assert len(w.watch.alerts()) == 3, told
        w.targets.mend()
        await w.run(2 * w.frequency_s + 2)
        assert len(w.watch.alerts()) == 6
        assert len({mail.message_id for mail in w.watch.mails}) == len(w.watch.mails)


async def test_what_was_mailed_right_before_a_planned_change_is_not_mailed_again(seed):
    async with world(seed, monitors=8, frequency="1s") as w:
        await w.mirrored()
        for _ in range(2):
            w.targets.fail(*w.pages)
            await w.run(w.chance.uniform(0.1, 1.0))  # some are told, some on their way, some not
            await _switch_over(w)
            await w.run(3)
            w.targets.mend()
            await w.run(w.chance.uniform(0.1, 1.0))
            await w.failover.command(Standby(name="prod"))
            await w.settled(30)
            await w.run(3)
        ids = [mail.message_id for mail in w.watch.alerts()]
        assert len(ids) == len(set(ids))
        for page in w.pages:
            told = [mail.event for mail in w.watch.alerts(page)]
            assert all(one != other for one, other in pairwise(told)), f"{page}: {told}"


async def test_a_restart_that_was_announced_is_no_takeover(seed):
    async with world(seed) as w:
        await w.mirrored()
        await w.primary.stop()
        await w.until(lambda: w.failover.position == "announced", 1)
        await w.run(w.chance.uniform(0, 25))
        w.primary.start()
        await w.settled(15)
        assert w.watch.takeovers() == []


async def test_a_stop_that_takes_its_time_is_no_alarm(seed):
    async with world(seed) as w:
        await w.mirrored()
        w.primary.node.runner.run_now(next(iter(w.primary.node.plan._profiles[""])))
        w.mail_server = False  # a mail that cannot leave keeps the stop waiting
        w.spawn(w.primary.stop)
        await w.until(lambda: w.primary.node.stopping, 1)
        await w.until(lambda: not w.primary.up, 10)
        assert not [event for _, _, event, _ in w.watch.logged if event == "alarm_unverifiable"]
        assert w.failover.position == "announced"


async def test_an_announced_stop_without_return_is_taken_over_at_once(seed):
    async with world(seed) as w:
        await w.mirrored()
        gone = w.now
        await w.primary.stop(eta_s=0.0)
        await w.until(lambda: w.watch.first_start("failover", gone), 3)
        assert w.failover.state.journal.cause == "goodbye"


async def test_a_hold_keeps_the_failover_passive_and_is_told(seed):
    async with world(seed) as w:
        await w.mirrored()
        assert (await w.failover.command(HoldProfile(name="prod", reason="maintenance", for_s=120.0))).outcome == "done"
        gone = w.now
        w.primary.kill()
        await w.run(100)
        assert w.watch.takeovers() == []
        assert w.watch.role_mails("alarm_blocked", gone)
        await w.until(lambda: w.failover.position == "active", 30, "the takeover at the end of the hold")
