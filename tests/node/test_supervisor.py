"""A defect ends nothing but what it is in, is told with its place, and never with a value."""

import itertools

import anyio
import pytest
from trio.testing import MockClock

from sitescope_fo.node.supervisor import SHOWN_S, Supervisor
from tests.mirror.primary import LoopClock

pytestmark = pytest.mark.anyio
VIRTUAL = pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(autojump_threshold=0)})], ids=["virtual time"])


class FakeNode:
    def __init__(self):
        self.ports, self.records, self.told = self, self, []
        self.clock = LoopClock()

    def event(self, event, what, **fields):
        self.told.append((event, what, fields))


@pytest.fixture
def node():
    return FakeNode()


async def test_a_task_that_ends_well_is_left_alone(node):
    async def fine():
        pass

    assert await Supervisor(node).once("fine", fine)
    await Supervisor(node).forever("fine", fine)
    assert node.told == []


async def test_a_defect_is_told_with_its_place_and_without_its_text(node):
    async def broken(secret):
        raise ValueError(secret)

    supervisor = Supervisor(node)
    assert not await supervisor.once("the talk", broken, "hunter2")
    [(event, what, fields)] = node.told
    assert (event, what, fields["level"]) == ("internal_error", "the talk broke (ValueError)", "ERROR")
    assert fields["where"].startswith("test_supervisor.py:")
    assert "hunter2" not in str(node.told)
    assert [problem.what for problem in supervisor.problems()] == ["the talk broke (ValueError)"]


async def test_the_first_leaf_of_a_group_is_what_is_told(node):
    async def broken():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(inner)

    async def inner():
        raise KeyError("x")

    await Supervisor(node).once("group", broken)
    assert node.told[0][1] == "group broke (KeyError)"


@VIRTUAL
async def test_a_task_that_breaks_starts_anew_ever_more_slowly_until_it_holds(node):
    starts = []

    async def task():
        starts.append(anyio.current_time())
        if len(starts) == 9:
            await anyio.sleep(400)
        if len(starts) < 11:
            raise RuntimeError

    await Supervisor(node).forever("task", task)
    pauses = [round(b - a) for a, b in itertools.pairwise(starts)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 401, 2]


@VIRTUAL
async def test_a_defect_leaves_the_status_an_hour_after_it_last_happened(node):
    async def broken():
        raise RuntimeError

    supervisor = Supervisor(node)
    for name in ("a", "b", "a"):
        await supervisor.once(name, broken)
    assert len(supervisor.problems()) == 2
    await anyio.sleep(SHOWN_S - 1)
    await supervisor.once("b", broken)
    await anyio.sleep(2)
    assert [problem.what for problem in supervisor.problems()] == ["b broke (RuntimeError)"]


async def test_cancellation_is_no_defect(node):
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Supervisor(node).forever, "task", anyio.sleep_forever)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert node.told == []
