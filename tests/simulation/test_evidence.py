"""Every change of role says what was seen: in the log, in the mail, in `status` (R23)."""

import msgspec
import pytest

from sitescope_fo.model.command import ReleaseProfile, Switchover
from sitescope_fo.store.textlog import TextLog
from tests.simulation.world import world

pytestmark = pytest.mark.anyio


async def _a_day_of_changes(w):
    """A crash and the way back, a switchover and the way back, an announced restart."""
    await w.mirrored()
    w.primary.kill()
    await w.until(lambda: w.failover.position == "active", 10)
    await w.run(5)
    w.primary.start()
    await w.settled(60)
    await w.run(1)  # the next probe says that the primary runs
    assert (await w.failover.command(Switchover(name="prod"))).outcome == "done"
    await w.failover.command(ReleaseProfile(name="prod"))
    await w.settled(60)
    await w.primary.stop()
    w.primary.start()
    await w.settled(30)
    await w.run(2)


async def test_each_change_of_role_states_in_the_log_what_was_seen(seed):
    async with world(seed) as w:
        await _a_day_of_changes(w)
        for machine in w.machines.values():
            changes = [change for change in w.watch.changes if change.node == machine.name and change.source]
            await machine.node.records.drain()
            lines = [line for line in TextLog(machine.home.event_log).tail(1000).lines if "event=role_changed" in line]
            assert len(lines) >= len(changes) >= 6  # those before it was ready are in the log only
            assert all("; seen: " in line for line in lines)


async def test_each_change_of_the_acting_node_is_mailed_with_what_was_seen(seed):
    async with world(seed) as w:
        await _a_day_of_changes(w)
        for change in w.watch.changes:
            event = {"active": "active", "yielded": "yielded"}.get(change.to)
            if event is None or (change.source, change.to) == ("recovering", "active"):
                continue
            mails = [mail for mail in w.watch.role_mails(event, change.at) if mail.node == change.node]
            assert mails, f"{change} was not mailed"
            assert mails[0].at <= change.at + 2
            assert "Seen:" in mails[0].body
            assert "What to do:" in mails[0].body


async def test_status_tells_the_last_transition_and_its_evidence_at_every_moment(seed):
    async with world(seed) as w:
        await w.mirrored()
        w.primary.kill()
        told = set()
        for _ in range(80):
            await w.run(0.1)
            if not w.failover.state.journal.last_transition:
                continue
            row = msgspec.to_builtins(await w.failover.query("status"))["profiles"][0]
            told.add(row["position"])
            assert row["last_transition"]["why"]
            assert row["last_transition"]["to"] == row["position"]
            assert row["evidence"]
        assert told >= {"suspect", "grace", "active"}
