"""Records reach the disk in order, also when the disk fails in between."""

import anyio
import pytest
from trio.testing import MockClock

from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.node import batcher as module
from sitescope_fo.node.batcher import Batcher
from sitescope_fo.node.ports.work import ThreadWork
from tests.mirror.primary import InlineWork

pytestmark = pytest.mark.anyio


class Disk:
    """A writer that fails when told to."""

    def __init__(self, *errors):
        self.written, self.batches, self.errors, self.told = [], 0, list(errors), []

    def write(self, records):
        self.batches += 1
        if self.errors and (error := self.errors.pop(0)):
            raise error
        self.written += records

    def batcher(self, work=None, **options):
        return Batcher(self.write, work or InlineWork(), "lane", **{"every_s": 0.0, "trouble": self.told.append, **options})


async def test_what_waits_is_written_in_one_batch():
    disk = Disk()
    records = disk.batcher()
    for n in range(5):
        records.add(n)
    assert await records.drain()
    assert (disk.written, disk.batches) == ([0, 1, 2, 3, 4], 1)
    assert await records.drain()
    assert disk.batches == 1


@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(autojump_threshold=0)})], ids=["virtual time"])
async def test_records_are_written_at_once_also_after_somebody_else_has_drained():
    disk = Disk()
    records = disk.batcher()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(records.run)
        await anyio.sleep(1.0)
        records.add("a")
        await records.drain()
        await anyio.sleep(1.0)
        records.add("b")
        await anyio.sleep(1.0)
        assert disk.written == ["a", "b"]
        await records.drain()
        await anyio.sleep(1.0)
        records.add("c")
        await anyio.sleep(1.0)
        assert disk.written == ["a", "b", "c"]
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(autojump_threshold=0)})], ids=["virtual time"])
async def test_a_failed_write_is_told_and_tried_again_each_second():
    disk = Disk(OSError("disk full"), SiteScopeError("damaged"))
    records = disk.batcher()
    records.add("a")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(records.run)
        await anyio.sleep(0.5)
        records.add("b")
        assert (disk.batches, disk.written) == (1, [])
        await anyio.sleep(2.0)
        assert (disk.batches, disk.written) == (3, ["a", "b"])
        tasks.cancel_scope.cancel()
    assert disk.told == ["disk full", "damaged"]


async def test_a_newer_record_never_overtakes_a_failed_older_one():
    disk = Disk(OSError("once"))
    records = disk.batcher(ThreadWork())
    records.add(1)

    async def second():
        records.add(2)
        await records.drain()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(records.drain)
        await anyio.lowlevel.checkpoint()
        tasks.start_soon(second)
    await records.drain()
    assert disk.written == [1, 2]


async def test_a_cancelled_write_loses_nothing():
    disk = Disk()
    work = ThreadWork()
    records = disk.batcher(work)
    records.add("kept")
    async with anyio.create_task_group() as tasks, work._lanes["lane"]:
        tasks.start_soon(records.drain)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert disk.written == []
    await records.drain()
    assert disk.written == ["kept"]


async def test_the_oldest_are_dropped_and_counted_beyond_the_limit():
    disk = Disk(OSError("full"))
    records = disk.batcher(most=3)
    for n in range(4):
        records.add(n)
    assert not await records.drain()
    records.add(4)
    assert records.dropped == 2
    await records.drain()
    assert disk.written == [2, 3, 4]
    assert module.MOST_WAITING >= 100_000


async def test_an_unexpected_error_reaches_the_supervisor_and_loses_nothing():
    disk = Disk(ZeroDivisionError())
    records = disk.batcher()
    records.add("kept")
    with pytest.raises(ZeroDivisionError):
        await records.drain()
    await records.drain()
    assert disk.written == ["kept"]
