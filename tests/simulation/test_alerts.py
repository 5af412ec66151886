"""What people are told over a takeover and back: nothing lost (R9), nothing twice (R10), the blind window marked."""

import anyio
import pytest

from tests.simulation.world import world

pytestmark = pytest.mark.anyio


async def _takeover_and_back(w, meanwhile=lambda: None):
    """Kills the primary, lets the failover act, brings the primary back; gives the times (killed, active, back)."""
    killed = w.now
    w.primary.kill()
    meanwhile()
    await w.until(lambda: w.failover.position == "active", 10)
    await w.until(lambda: w.checked_by("failover", killed), w.frequency_s + 2)
    active = w.now
    await w.run(w.frequency_s)
    w.primary.start()
    await w.settled(60)
    back = w.now
    await w.run(2 * w.frequency_s + 2)
    return killed, active, back


async def test_a_problem_of_the_blind_window_is_mailed_once_and_marked(seed):
    async with world(seed) as w:
        await w.mirrored()
        killed, _, back = await _takeover_and_back(w, lambda: w.targets.fail("Page 1"))
        (mail,) = w.watch.alerts()
        assert mail.node == "failover"
        assert "first seen after failover" in mail.subject
        assert "Nobody watched this monitor from" in mail.body
        assert mail.at >= killed
        assert w.watch.alerts(since=back) == []


async def test_a_problem_that_the_primary_mailed_is_not_mailed_again(seed):
    async with world(seed) as w:
        await w.mirrored()
        w.targets.fail("Page 1")
        await w.until(w.watch.alerts, w.frequency_s + 2)
        await w.run(w.timing.check_every_s + 1)  # what was told travels with the next probe
        await _takeover_and_back(w)
        (mail,) = w.watch.alerts()
        assert mail.node == "primary"


async def test_what_recovered_in_the_gap_gives_one_recovery_mail(seed):
    async with world(seed) as w:
        await w.mirrored()
        w.targets.fail("Page 1")
        await w.until(w.watch.alerts, w.frequency_s + 2)
        await w.run(w.timing.check_every_s + 1)
        await _takeover_and_back(w, lambda: w.targets.mend("Page 1"))
        _, recovery = w.watch.alerts()
        assert recovery.node == "failover"
        assert recovery.event == "recovery"


async def test_what_the_failover_mailed_is_mailed_as_over_by_the_primary(seed):
    async with world(seed) as w:
        await w.mirrored()
        await _takeover_and_back(w, lambda: w.targets.fail("Page 1"))
        w.targets.mend("Page 1")
        await w.run(w.frequency_s + 2)
        problem, recovery = w.watch.alerts()
        assert (problem.node, recovery.node) == ("failover", "primary")
        assert recovery.event == "recovery"


async def test_no_problem_that_outlives_takeover_and_one_interval_goes_untold(seed):
    async with world(seed, monitors=8) as w:
        await w.mirrored()
        for page in w.pages:
            # From long before the kill to well after the takeover, in the middle of mails and exchanges.
            w.spawn(_fail_later, w, page, w.chance.uniform(0, 20))
        await w.run(w.chance.uniform(5, 10))
        w.primary.kill()
        await w.until(lambda: w.failover.position == "active", 10)
        await w.run(20 + w.frequency_s)
        for page in w.pages:
            assert w.watch.alerts(page), f"{page} failed and nobody was told"


async def _fail_later(w, page, seconds):
    await anyio.sleep(seconds)
    w.targets.fail(page)


async def test_a_crash_doubles_only_what_was_in_flight_since_the_last_exchange_with_the_same_message_id(seed):
    async with world(seed, monitors=8) as w:
        await w.mirrored()
        w.targets.fail(*w.pages)
        await w.run(w.chance.uniform(0.2, w.frequency_s))
        killed = w.now
        w.primary.kill()
        await w.until(lambda: w.failover.position == "active", 10)
        await w.run(2 * w.frequency_s)
        for page in w.pages:
            copies = w.watch.alerts(page)
            first = copies[0]
            assert {one.message_id for one in copies} == {first.message_id}
            assert len(copies) <= 2
            if len(copies) == 2:
                assert killed - first.at <= w.timing.check_every_s + 0.2, "it was told long enough before the crash"


async def test_mails_that_no_server_takes_wait_and_leave_once(seed):
    async with world(seed) as w:
        await w.mirrored()
        w.mail_server = False
        w.targets.fail("Page 0", "Page 2")
        await w.run(30)
        w.mail_server = True
        await w.until(lambda: len(w.watch.alerts()) == 2, 60)
        await w.run(60)
        assert len(w.watch.alerts()) == 2
