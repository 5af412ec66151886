"""The mirror follows a connected primary (R13), and is always a whole one (R14)."""

import pytest

from tests.simulation.homes import group_text
from tests.simulation.world import world

pytestmark = pytest.mark.anyio
DEBOUNCE_S = 2.0
TRANSFER_S = 0.5


async def test_an_edit_on_the_primary_is_mirrored_within_two_probes_and_the_debounce(seed):
    async with world(seed) as w:
        await w.mirrored()
        for number in range(4):
            await w.run(w.chance.uniform(5, 15))
            w.primary.edit_group(group_text([*w.pages, f"New {number}"], w.frequency))
            before = w.primary.node.own.manifest.revision
            await w.until(lambda b=before: w.primary.node.own.manifest.revision != b, 2, "the primary notices its files")
            revision, since = w.primary.node.own.manifest.revision, w.now
            bound = 2 * w.timing.check_every_s + DEBOUNCE_S + TRANSFER_S
            await w.until(lambda r=revision: w.mirror.revision == r, bound, "the mirror")
            assert w.watch.flips[-1][0] >= since
        assert w.mirror.monitors == len(w.pages) + 1


async def test_edits_without_pause_are_mirrored_all_the_same(seed):
    async with world(seed) as w:
        await w.mirrored()
        began = w.now
        for number in range(15):
            w.primary.edit_group(group_text([*w.pages, f"New {number}"], w.frequency))
            await w.run(w.chance.uniform(0.5, 1.9))
        assert len([at for at, _ in w.watch.flips if at > began]) >= 2, "it does not wait for the last edit"
        await w.until(lambda: w.mirror.revision == w.primary.node.own.manifest.revision, 10)


async def test_a_failover_that_is_killed_again_and_again_while_it_mirrors_always_has_a_whole_mirror(seed):
    async with world(seed) as w:
        await w.mirrored()
        for number in range(6):
            w.primary.edit_group(group_text([*w.pages, f"New {number}"], w.frequency))
            await w.run(w.chance.uniform(2.5, 4.5))
            w.failover.kill()
            w.failover.start()
            await w.until(lambda: w.failover.awake and "no_mirror" not in w.failover.conditions, 2)
        await w.settled(60)
        await w.until(lambda: w.mirror.revision == w.primary.node.own.manifest.revision, 30)


async def test_a_sudden_shrink_waits_and_a_takeover_uses_what_was_before(seed):
    async with world(seed, monitors=20) as w:
        await w.mirrored()
        w.primary.edit_group(group_text(w.pages[:3], w.frequency))
        await w.until(lambda: w.mirror.staged, 15)
        gone = w.now
        w.primary.kill()
        await w.until(lambda: w.failover.position == "active", 10)
        await w.until(lambda: w.checked_by("failover", gone), w.frequency_s + 2, "all twenty pages")


async def test_what_is_edited_during_a_hand_back_reaches_the_mirror(seed):
    async with world(seed) as w:
        await w.mirrored()
        w.primary.kill()
        await w.until(lambda: w.failover.position == "active", 10)
        w.primary.edit_group(group_text([*w.pages, "Written while it was down"], w.frequency))
        w.primary.start()
        await w.settled(90)
        await w.until(lambda: w.mirror.monitors == len(w.pages) + 1, 15)
