"""What people typed about monitors holds on whichever node monitors, and is on both when they hear each other again (R12)."""

import pytest

from sitescope_fo.engine.operator_state import operator_body
from sitescope_fo.model.command import Ack, DowntimeAdd, Unack
from tests.simulation.world import world

pytestmark = pytest.mark.anyio


def digests(w):
    """Of what each node keeps about the protected monitors."""
    kept = ((w.primary, ""), (w.failover, "prod"))
    return [operator_body(machine.node.writer.table, profile).digest for machine, profile in kept]


def equal(w):
    one, other = digests(w)
    return one == other != ""


async def done(machine, body):
    reply = await machine.command(body)
    assert reply.outcome == "done", reply
    return reply.result


async def test_a_downtime_of_the_primary_keeps_the_failover_quiet_and_what_outlives_it_is_told(seed):
    async with world(seed) as w:
        await w.mirrored()
        length = 6 * w.frequency_s + 60
        began = w.now
        await done(w.primary, DowntimeAdd(scope="/", reason="new disks", for_s=length))
        await w.until(lambda: equal(w), w.timing.check_every_s + 1, "the downtime on the failover")
        w.primary.kill()
        killed = w.now
        w.targets.fail("Page 1")
        await w.until(lambda: w.failover.position == "active", 30)
        await w.until(lambda: w.checked_by("failover", killed), w.frequency_s + 5)
        await w.run(2 * w.frequency_s)
        assert w.watch.alerts() == []
        await w.run(max(0.0, began + length - w.now))
        await w.until(w.watch.alerts, 2 * w.frequency_s + 5, "the mail about what outlived the downtime")
        assert [mail.node for mail in w.watch.alerts()] == ["failover"]


async def test_what_is_typed_at_either_node_is_on_both_within_a_probe_and_after_a_cut(seed):
    async with world(seed) as w:
        await w.mirrored()
        w.targets.fail("Page 1")
        await w.until(w.watch.alerts, w.frequency_s + 2)
        path = "Web/Page 1"
        await done(w.primary, Ack(path=path, comment="typed at the primary"))
        await w.until(lambda: equal(w), w.timing.check_every_s + 1, "the acknowledgement on the failover")
        await done(w.failover, DowntimeAdd(scope="prod:/", reason="typed at the failover", for_s=3600.0))
        await w.until(lambda: equal(w), 2 * w.timing.check_every_s + 1, "the downtime on the primary")
        await done(w.failover, Unack(path=f"prod:{path}"))
        w.cut()
        await done(w.primary, DowntimeAdd(scope="/", reason="typed behind the cut", for_s=3600.0))
        await w.run(1.0)
        w.heal()
        await w.until(lambda: equal(w), 10, "equal digests after the heal")
        body = operator_body(w.failover.node.writer.table, "prod")
        assert sorted(one.reason for one in body.downtimes) == ["typed at the failover", "typed behind the cut"]
        assert body.acknowledgements[0].ended
