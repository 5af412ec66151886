"""After a pause of the process nobody may act on what was true before it."""

import anyio
import pytest

from sitescope_fo.engine.cells import NOTHING, Cell, Decision
from sitescope_fo.engine.writer import Writer
from sitescope_fo.model.fact import LoopGap, NoopFinished, Tick
from tests.engine.parts import LoopClock, MemoryJournal

pytestmark = pytest.mark.anyio
PAUSE_S = 5.0
LIMIT_S = 2.0


class StoppedClock(LoopClock):
    """The boot-time clock of a process that was stopped for `paused_s`: the loop's own time does not know of it."""

    paused_s = 0.0

    def mono(self):
        return super().mono() + self.paused_s


class SlowJournal(MemoryJournal):
    """A commit takes a second, and says what could be seen of the writer meanwhile."""

    def __init__(self, look):
        super().__init__()
        self.look, self.seen = look, []

    async def commit(self, changes):
        await anyio.sleep(1.0)
        self.seen.append(self.look())


async def test_a_pause_is_the_first_fact_and_the_loop_counts_as_asleep_until_it_is_durable():
    clock, facts = StoppedClock(), []
    journal = SlowJournal(lambda: clock.mono() - writer.last_tick > LIMIT_S)

    def decide(cells, fact, now):
        facts.append(fact)
        return NOTHING if isinstance(fact, Tick) else Decision({Cell("note"): len(facts)})

    writer = Writer(clock, journal, decide, lambda effects: None, lambda cells, now: float("inf"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.run)
        await anyio.sleep(0.5)
        clock.paused_s = PAUSE_S
        facts.clear()
        await writer.settle(NoopFinished(started_mono=0.0))
        assert isinstance(facts[0], LoopGap)
        assert facts[0].gap_s >= PAUSE_S
        assert journal.seen == [True]
        assert clock.mono() - writer.last_tick <= LIMIT_S
        tasks.cancel_scope.cancel()
