"""Work in threads: in order where a lane asks for it, and never so greedy that the loop waits."""

import threading

import anyio
import anyio.from_thread
import pytest

from sitescope_fo.node.ports.work import TURNS, ThreadWork

pytestmark = pytest.mark.anyio
SHORT_S = 0.1


async def test_a_worker_that_breathes_waits_until_the_loop_has_come_round():
    work, began, went_on = ThreadWork(), threading.Event(), threading.Event()

    def compute():
        began.set()
        work.breathe()
        went_on.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work.run_blocking, compute)
        await anyio.to_thread.run_sync(began.wait)
        assert not went_on.wait(SHORT_S)  # the loop itself is busy here, in this very line
    assert went_on.is_set()


async def test_breathing_costs_nothing_within_a_slice(monkeypatch):
    work, turns = ThreadWork(), []
    monkeypatch.setattr("sitescope_fo.node.ports.work.SLICE_S", 3600.0)
    monkeypatch.setattr("sitescope_fo.node.ports.work._turn", lambda: turns.append("turn"))

    def compute():
        for _ in range(1000):
            work.breathe()

    await work.run_blocking(compute)
    assert len(turns) <= TURNS  # once for the first breath of this worker


def test_outside_of_a_worker_breathing_does_nothing():
    ThreadWork().breathe()
