"""The rules themselves: each one notices what it is there for, and a failure tells how to replay it."""

import anyio
import pytest

from sitescope_fo.model.ports import Message
from tests.simulation.clock import JumpClock
from tests.simulation.machine import NAME
from tests.simulation.world import world


async def _broken_by(seed, sabotage, words):
    async def run():
        async with world(seed) as w:
            await w.mirrored()
            await sabotage(w)
            await w.run(20)

    with pytest.raises(AssertionError) as told:
        await run()
    assert words in str(told.value)
    return told.value.__notes__[0]


@pytest.mark.anyio
async def test_checks_by_both_nodes_are_noticed():
    async def sabotage(w):
        node = w.failover.node
        node.runner._may_start = node.may_start = lambda profile: True
        node.watches[NAME].start_monitors(ramp=True)

    report = await _broken_by(0, sabotage, "no cut explains it")
    assert "seed 0 (replay: --seed 0)" in report
    assert "role_changed" in report


@pytest.mark.anyio
async def test_a_term_that_is_not_on_disk_is_noticed():
    async def sabotage(w):
        term_of = w.primary.node.term_of
        w.primary.node.term_of = lambda profile: term_of(profile) + 1

    await _broken_by(0, sabotage, "durable is 1")


@pytest.mark.anyio
async def test_a_takeover_too_soon_is_noticed():
    async def sabotage(w):
        w.watch.proof_of_life = w.now + 100
        w.primary.kill()

    await _broken_by(0, sabotage, "after the last proof of life")


@pytest.mark.anyio
async def test_a_mail_that_was_never_intended_is_noticed():
    async def sabotage(w):
        message = Message(message_id="<x@y>", sender="a@b", to="c@d", subject="made up", body="", wall=0.0)
        w.failover.process.spawn(w.failover.node.ports.mailer.send, None, message)

    await _broken_by(0, sabotage, "without a durable intent")


@pytest.mark.anyio
async def test_copies_of_a_mail_without_a_fault_are_noticed():
    async def sabotage(w):
        w.targets.fail("Page 0")
        await w.until(w.watch.alerts, 10)
        (mail,) = w.watch.alerts()
        again = Message(message_id=mail.message_id, sender="a@b", to=mail.to, subject=mail.subject, body="", wall=0.0)
        w.watch.mailed(w.primary, again)

    await _broken_by(0, sabotage, "2 copies of one mail")


@pytest.mark.anyio
async def test_a_touched_mirror_is_noticed():
    async def sabotage(w):
        group = w.failover.home.failover_dir("primary") / "current" / "groups" / "Web" / "group.toml"
        group.chmod(0o600)
        group.write_text(group.read_text() + "# touched\n")

    await _broken_by(0, sabotage, "not what its manifest says")


@pytest.mark.anyio
async def test_a_crash_of_the_product_is_noticed():
    async def sabotage(w):
        def broken(cells, now):
            raise ZeroDivisionError

        w.primary.node.writer._wake = broken

    await _broken_by(0, sabotage, "primary crashed")


@pytest.mark.anyio
async def test_a_state_that_is_never_left_is_noticed():
    async def sabotage(w):
        w.primary.pause()
        await w.until(lambda: w.failover.position == "active", 10)
        w.watch._entered["failover"] = w.now - 10_000
        w.watch._limit = lambda machine, state: 130

    await _broken_by(0, sabotage, "failover is active")


def test_one_seed_is_one_run(seed):
    async def run():
        async with world(seed) as w:
            await w.mirrored()
            w.targets.fail("Page 1")
            await w.run(w.chance.uniform(0, 10))
            w.primary.kill()
            await w.run(20)
            w.primary.start()
            await w.settled(60)
            return w.lines

    def lines():
        return anyio.run(run, backend="trio", backend_options={"clock": JumpClock()})

    assert lines() == lines()
