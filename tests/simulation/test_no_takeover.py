"""What is no reason to take over: slow replies (R3), short interruptions (R4), a living primary that cannot be trusted (R6)."""

import pytest

from tests.simulation.homes import stable_id
from tests.simulation.world import world

pytestmark = pytest.mark.anyio


async def test_replies_slower_than_soft_but_within_hard_cause_no_takeover(seed):
    async with world(seed, preset=("fast", "lan", "classic")[seed % 3]) as w:
        await w.mirrored()
        w.network.slow_answers = (1.05 * w.timing.soft_timeout_s, 0.95 * w.timing.hard_timeout_s)
        await w.run(min(12 * w.timing.activate_after_s, 360.0))
        assert w.watch.takeovers() == []
        w.network.slow_answers = (0.0, 0.0)
        await w.settled(30)


async def test_interruptions_shorter_than_promised_cause_no_takeover(seed):
    how = ("cut", "pause")[seed % 2]
    async with world(seed) as w:
        await w.mirrored()
        longest = w.timing.activate_after_s - w.timing.soft_timeout_s - 2.0
        for _ in range(8):
            (w.cut if how == "cut" else w.primary.pause)()
            await w.run(w.chance.uniform(0.2, 1.0) * longest)
            (w.heal if how == "cut" else w.primary.resume)()
            await w.run(w.chance.uniform(3, 8))
        assert w.watch.takeovers() == []
        await w.settled(10)


async def test_a_primary_that_admits_stalled_work_is_owed_the_same_patience(seed):
    async with world(seed) as w:
        await w.mirrored()
        w.primary.break_disk()
        await w.until(lambda: w.failover.position == "suspect", w.frequency_s + 2)
        longest = w.timing.activate_after_s - w.timing.soft_timeout_s - 2.0
        for _ in range(3):
            await w.run(w.chance.uniform(1, 5))
            w.cut()
            await w.run(longest)
            w.heal()
        assert w.watch.takeovers() == []
        w.primary.mend_disk()
        await w.settled(10)


def _wrong_passphrase(w):
    w.primary.passphrase = "another one"


def _wrong_identity(w):
    w.primary.node_id = stable_id("a stranger")


def _skewed(w):
    w.primary.step_wall(w.chance.choice([-1, 1]) * w.chance.uniform(120, 80_000))


def _expired(w):
    w.primary.certificate_fault = "tls_expired"


def _other_wire(w):
    w.primary.wire_version = 2


def _restore(w):
    w.primary.passphrase, w.primary.node_id = "the same on both", w.primary.node.node_id
    w.primary.certificate_fault, w.primary.clock.step, w.primary.wire_version = "", 0.0, 1


FAULTS = {
    _wrong_passphrase: "lwsso_token_wrong", _wrong_identity: "lwsso_identity", _skewed: "lwsso_clock_skew",
    _expired: "tls_expired", _other_wire: "wire_version",
}  # fmt: skip


async def test_a_living_primary_that_cannot_be_trusted_is_an_alarm_within_one_probe_and_never_a_takeover(seed):
    fault = list(FAULTS)[seed % len(FAULTS)]
    async with world(seed) as w:
        await w.mirrored()
        since = w.now
        fault(w)
        one_probe = w.timing.check_every_s + 0.1
        await w.until(lambda: "unverifiable" in w.failover.conditions, one_probe)
        alarms = [what for at, _, event, what in w.watch.logged if event == "alarm_unverifiable" and at >= since]
        assert len(alarms) == 1
        assert FAULTS[fault] in alarms[0]
        await w.until(lambda: w.watch.role_mails("alarm_unverifiable"), 2)
        await w.run(10 * w.timing.activate_after_s)
        assert w.watch.takeovers() == []
        assert w.watch.longest_gap(since) == 0
        assert len(w.watch.role_mails("alarm_unverifiable")) == 1, "told again after 15 min, not sooner"
        _restore(w)
        await w.settled(30)


async def test_the_first_miss_after_an_untrusted_answer_begins_to_count_anew(seed):
    async with world(seed) as w:
        await w.mirrored()
        _wrong_passphrase(w)
        await w.until(lambda: "unverifiable" in w.failover.conditions, 2)
        await w.run(w.chance.uniform(0, 60))
        gone = w.now
        w.primary.kill()
        await w.until(lambda: w.failover.position == "active", 7)
        assert w.now - gone >= w.timing.activate_after_s


async def test_a_foreign_service_at_the_primarys_address_is_told_and_counts_as_silence(seed):
    async with world(seed) as w:
        await w.mirrored()
        gone = w.now
        w.primary.kill()
        w.primary.foreign = True
        await w.until(lambda: w.watch.first_start("failover", gone), 6)
        assert w.watch.role_mails("alarm_foreign", gone)
