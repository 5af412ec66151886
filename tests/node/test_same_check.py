"""A failover takes over from a primary that admits stalled work only where it would do better itself."""

import msgspec
import pytest

from sitescope_fo.model import command as commands
from sitescope_fo.node.same_check import SameCheck

pytestmark = pytest.mark.anyio


def admitting(bench, **words):
    """A reply that admits something."""
    return msgspec.structs.replace(bench.node.vitals.health(), **words)


async def with_a_server(bench):
    await bench.do(commands.MailSet(host="mx.example", sender="a@x.example", to=("ops@x.example",)))


async def test_a_primary_that_admits_nothing_needs_no_look(failover):
    async with failover.running():
        assert SameCheck(failover.node, "").passes(failover.node.vitals.health())


async def test_mail_counts_after_a_server_was_greeted_from_here(failover):
    async with failover.running():
        await with_a_server(failover)
        same, stuck = SameCheck(failover.node, ""), admitting(failover, outbox_stuck=True)
        assert not same.passes(stuck)
        await failover.until(lambda: same.passes(stuck), "a greeting")


async def test_a_server_that_takes_no_mail_from_here_either_is_no_reason(failover):
    async with failover.running():
        await with_a_server(failover)
        failover.mail.troubles["mx.example"] = "421 too busy"
        same, stuck = SameCheck(failover.node, ""), admitting(failover, outbox_stuck=True)
        same.passes(stuck)
        await failover.node.executor.idle()
        assert not same.passes(stuck)


async def test_without_any_mail_server_nobody_sends_mail(failover):
    async with failover.running():
        same, stuck = SameCheck(failover.node, ""), admitting(failover, outbox_stuck=True)
        same.passes(stuck)
        await failover.node.executor.idle()
        assert not same.passes(stuck)


async def test_a_full_disk_there_is_a_reason_unless_it_is_full_here(failover):
    async with failover.running():
        same, full = SameCheck(failover.node, ""), admitting(failover, disk_full=True)
        assert same.passes(full)
        failover.disk_free = 0
        await failover.until(lambda: failover.node.vitals.disk_full, "a look at the disk")
        assert not same.passes(full)


async def test_a_stalled_scheduler_there_is_a_reason(failover):
    async with failover.running():
        assert SameCheck(failover.node, "").passes(admitting(failover, scheduler_age_s=25.0))
