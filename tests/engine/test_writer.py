"""The writer: durable first, effects afterwards, in order; and it goes on when the disk does not."""

import anyio
import msgspec
import pytest

from sitescope_fo.engine.cells import NOTHING, Cell, Decision
from sitescope_fo.engine.effects import Record
from sitescope_fo.engine.state import MONITOR
from sitescope_fo.engine.writer import FLUSH_CELLS, FLUSH_S, LINGER_S, RETRY_S, Writer
from sitescope_fo.model.effect import LogEvent
from sitescope_fo.model.fact import (
    CheckFinished,
    CheckSkipped,
    Fact,
    LoopGap,
    NodeStarted,
    NoopFinished,
    StoreFailed,
    StoreRecovered,
    Tick,
)
from sitescope_fo.model.status import Status
from sitescope_fo.store.results import ResultRow
from tests.engine.parts import LoopClock, MemoryJournal, key, result

pytestmark = pytest.mark.anyio
NOTE = Cell("note")
VOLATILE = Cell("volatile")


class Said(Fact, frozen=True, kw_only=True):
    """Appends to the note, durable or not, and says so in an effect."""

    text: str
    durable: bool = True


def decide(cells, fact, now):
    match fact:
        case Said():
            cell = NOTE if fact.durable else VOLATILE
            text = (cells.get(cell) or "") + fact.text
            return Decision({cell: text}, (LogEvent(event="said", what=text),))
        case StoreFailed():
            return Decision({Cell("fault"): fact.why}, (LogEvent(event="failed", what=fact.why),))
        case StoreRecovered():
            return Decision({Cell("fault"): None}, (LogEvent(event="recovered", what=""),))
        case _:
            return NOTHING


class Stage:
    """A writer over an in-memory journal. `log` lists commits and effects in the order they happened."""

    def __init__(self, journal=None, wake=None):
        self.journal = journal or MemoryJournal()
        self.log = self.journal.log
        self.writer = Writer(
            LoopClock(),
            self.journal,
            decide,
            lambda effects: self.log.extend(("effect", e.event, e.what) for e in effects),
            wake or (lambda cells, now: float("inf")),
        )

    def effects(self):
        return [entry[1:] for entry in self.log if entry[0] == "effect"]


async def playing(stage, scene):
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.writer.run)
        await scene()
        tasks.cancel_scope.cancel()


async def test_effects_are_released_only_after_their_decision_is_durable():
    stage = Stage()

    async def scene():
        await stage.writer.settle(Said(text="a"))
        assert stage.log == [("commit", {("note", "")}), ("effect", "said", "a")]
        assert stage.journal.rows[("note", "")] == msgspec.json.encode("a")

    await playing(stage, scene)


async def test_a_crash_before_the_commit_ends_leaves_neither_state_nor_effects():
    class Crashing(MemoryJournal):
        async def commit(self, changes):
            await anyio.sleep_forever()

    stage = Stage(Crashing())

    async def scene():
        stage.writer.submit(Said(text="a"))
        await anyio.sleep(5.0)

    await playing(stage, scene)
    assert stage.log == []
    assert stage.writer.table.get(NOTE) is None


async def test_queued_facts_are_decided_in_order_over_each_other_and_committed_at_once():
    stage = Stage()
    for letter in "abc":
        stage.writer.submit(Said(text=letter))

    async def scene():
        await stage.writer.settle(Said(text="d"))
        assert stage.effects() == [("said", "a"), ("said", "ab"), ("said", "abc"), ("said", "abcd")]
        assert [entry for entry in stage.log if entry[0] == "commit"] == [("commit", {("note", "")})]

    await playing(stage, scene)


async def test_what_is_not_durable_is_not_written_and_an_unchanged_value_is_not_written_again():
    stage = Stage()

    async def scene():
        await stage.writer.settle(Said(text="x", durable=False))
        await stage.writer.settle(Said(text="a"))
        await stage.writer.settle(Said(text=""))
        assert [entry for entry in stage.log if entry[0] == "commit"] == [("commit", {("note", "")})]
        assert stage.writer.table.get(VOLATILE) == "x"

    await playing(stage, scene)


async def test_a_loaded_state_is_there_and_is_not_written_back():
    stage = Stage()
    stage.writer.load({NOTE: "before"})

    async def scene():
        await stage.writer.settle(Said(text=""))
        assert stage.effects() == [("said", "before")]
        assert not [entry for entry in stage.log if entry[0] == "commit"]

    await playing(stage, scene)


async def test_a_failed_commit_is_a_fact_and_the_batch_is_decided_again_from_memory():
    stage = Stage()
    stage.journal.broken = True

    async def scene():
        await stage.writer.settle(Said(text="a"))
        assert stage.effects() == [("failed", "disk full"), ("said", "a")]
        assert stage.writer.table.get(NOTE) == "a"
        assert stage.writer.table.get(Cell("fault")) == "disk full"
        assert stage.writer.failing == "disk full"
        await stage.writer.settle(Said(text="b"))
        assert stage.effects()[-1] == ("said", "ab")
        assert stage.effects().count(("failed", "disk full")) == 1

    await playing(stage, scene)


async def test_when_the_disk_is_back_everything_decided_meanwhile_is_written():
    stage = Stage()
    stage.journal.broken = True

    async def scene():
        await stage.writer.settle(Said(text="a"))
        await stage.writer.settle(Said(text="b"))
        stage.journal.broken = False
        await anyio.sleep(RETRY_S + 1.5)
        assert stage.journal.rows[("note", "")] == msgspec.json.encode("ab")
        assert stage.effects()[-1] == ("recovered", "")
        assert stage.writer.table.get(Cell("fault")) is None
        assert stage.writer.failing == ""
        await stage.writer.settle(Said(text="c"))
        assert stage.journal.rows[("note", "")] == msgspec.json.encode("abc")

    await playing(stage, scene)


async def test_recovery_is_not_announced_before_it_is_true():
    stage = Stage()
    stage.journal.broken = True

    async def scene():
        await stage.writer.settle(Said(text="a"))
        for _ in range(5):
            await anyio.sleep(RETRY_S)
            assert stage.writer.failing
        assert ("recovered", "") not in stage.effects()

    await playing(stage, scene)


async def test_a_value_that_changes_and_changes_back_while_the_disk_is_full_ends_as_it_is_in_memory():
    """The disk may hold any of them: what a failed commit left is not known."""
    stage = Stage()

    async def scene():
        await stage.writer.settle(Said(text="a"))
        stage.journal.broken = True
        await stage.writer.settle(Said(text="b"))
        stage.writer.table.apply({NOTE: "a"})
        await stage.writer.settle(Said(text=""))
        stage.journal.broken = False
        await anyio.sleep(RETRY_S + 1.5)
        assert stage.journal.rows[("note", "")] == msgspec.json.encode("a")

    await playing(stage, scene)


class Vote(Fact, frozen=True, kw_only=True):
    """Changes the note only while the store is well."""


async def test_what_a_failed_commit_may_have_left_on_disk_is_put_right():
    """After the failure the batch is decided otherwise; the disk must not keep the first decision."""
    stage = Stage()

    def wary(cells, fact, now):
        if isinstance(fact, Vote):
            return NOTHING if cells.get(Cell("fault")) else Decision({NOTE: "first", Cell("note", "new"): "first"})
        return decide(cells, fact, now)

    stage.writer._decide = wary

    class HalfWritten(MemoryJournal):
        async def commit(self, changes):
            if self.broken:
                self.rows.update(changes)
            await super().commit(changes)

    stage.journal = stage.writer._journal = HalfWritten()

    async def scene():
        await stage.writer.settle(Said(text="a"))
        stage.journal.broken = True
        await stage.writer.settle(Vote())
        assert stage.journal.rows[("note", "")] == msgspec.json.encode("first")
        assert stage.writer.table.get(NOTE) == "a"
        stage.journal.broken = False
        await anyio.sleep(RETRY_S + 1.5)
        assert stage.journal.rows[("note", "")] == msgspec.json.encode("a")
        assert ("note", "new") not in stage.journal.rows

    await playing(stage, scene)


async def test_what_recovery_itself_decides_is_durable_before_its_effects():
    stage = Stage()
    stage.journal.broken = True

    def noting(cells, fact, now):
        if isinstance(fact, StoreRecovered):
            return Decision({NOTE: "recovered"}, (LogEvent(event="recovered", what=""),))
        return decide(cells, fact, now)

    stage.writer._decide = noting

    async def scene():
        await stage.writer.settle(Said(text="a"))
        stage.journal.broken = False
        await anyio.sleep(RETRY_S + 1.5)
        assert stage.journal.rows[("note", "")] == msgspec.json.encode("recovered")
        assert stage.log.index(("effect", "recovered", "")) > stage.log.index(("commit", {("note", "")}))

    await playing(stage, scene)


async def test_time_passes_for_decisions_at_least_every_second_and_when_they_ask():
    ticks = []

    stage = Stage(wake=lambda cells, now: 1000.3 if now.mono < 1000.3 else float("inf"))
    stage.writer._decide = lambda cells, fact, now: ticks.append((type(fact), now.mono)) or NOTHING
    began = anyio.current_time()

    async def scene():
        await anyio.sleep(3.05)

    await playing(stage, scene)
    assert all(kind is Tick for kind, _ in ticks)
    times = [at for _, at in ticks]
    assert times == sorted(times)
    assert all(later - earlier <= 1.0 + 1e-6 for earlier, later in zip([began, *times], times, strict=False))
    assert len(times) <= 10


async def test_a_pause_of_the_engine_is_told_before_anything_that_waited():
    seen = []

    class Slow(MemoryJournal):
        async def commit(self, changes):
            await anyio.sleep(7.0)

    stage = Stage(Slow())
    stage.writer._decide = lambda cells, fact, now: seen.append(fact) or decide(cells, fact, now)

    async def scene():
        stage.writer.submit(Said(text="a"))
        await anyio.sleep(3.0)
        await stage.writer.settle(Said(text="b"))

    await playing(stage, scene)
    first, *_ = (index for index, fact in enumerate(seen) if isinstance(fact, LoopGap))
    assert seen[first] == LoopGap(gap_s=7.0)
    assert first < seen.index(Said(text="b"))


async def test_readers_hear_of_a_change_and_of_nothing_else():
    stage = Stage()
    heard = []

    async def listen():
        while True:
            await stage.writer.changed()
            heard.append(stage.writer.revision)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        await anyio.lowlevel.checkpoint()
        tasks.start_soon(stage.writer.run)
        await stage.writer.settle(CheckSkipped(key=key(), why="nothing listens to this"))
        await anyio.sleep(2.0)
        assert heard == []
        await stage.writer.settle(Said(text="a"))
        await anyio.lowlevel.checkpoint()
        await anyio.sleep(0.1)
        assert heard == [1]
        tasks.cancel_scope.cancel()


def finished(name="web", *, manual=False):
    return CheckFinished(key=key(name), result=result(), started_mono=0.0, started_wall=0.0, term=1, manual=manual)


def row(name):
    return ResultRow(
        profile="", monitor_id=name, path=name, type="level", wall=0.0, status=Status.good, state_string="", node="", seq=0
    )


def counting(cells, fact, now):
    """Each result counts in its monitor's cell and gives a row; the rest is as above."""
    if isinstance(fact, CheckFinished):
        cell = Cell(MONITOR, fact.key.id)
        return Decision({cell: (cells.get(cell) or 0) + 1}, (Record(row=row(fact.key.id)),))
    return decide(cells, fact, now)


class Checking(Stage):
    """A stage on which results of checks come in."""

    def __init__(self):
        super().__init__()
        self.rows = []
        self.writer._decide = counting
        self.writer._release = self.rows.extend

    def commits(self):
        return [cells for kind, cells, *_ in self.log if kind == "commit"]


async def test_results_gather_and_are_recorded_soon_but_committed_together_within_a_second():
    stage = Checking()

    async def scene():
        for second in (0.1, 0.5):
            stage.writer.submit(finished("a"))
            stage.writer.submit(finished("b"))
            await anyio.sleep(second)
        assert len(stage.rows) == 4
        assert stage.writer.revision == 2
        assert stage.commits() == []
        await anyio.sleep(FLUSH_S - 0.5)
        assert stage.commits() == [{(MONITOR, "a"), (MONITOR, "b")}]
        assert stage.journal.rows[MONITOR, "a"] == b"2"
        await anyio.sleep(5.0)
        assert len(stage.commits()) == 1

    await playing(stage, scene)


async def test_what_must_be_durable_takes_the_waiting_monitor_states_with_it():
    """So the disk never knows of a mail without the results that led to it."""
    stage = Checking()

    async def scene():
        stage.writer.submit(finished("a"))
        await anyio.sleep(0.2)
        stage.writer.submit(finished("b"))
        stage.writer.submit(Said(text="x"))
        await anyio.sleep(0.01)
        assert stage.commits() == [{(MONITOR, "a"), (MONITOR, "b"), ("note", "")}]

    await playing(stage, scene)


async def test_an_effect_that_others_see_leaves_only_after_all_that_led_to_it_is_durable():
    stage = Checking()

    async def scene():
        stage.writer.submit(finished("a"))
        await anyio.sleep(0.2)
        stage.writer.submit(Said(text="x", durable=False))
        await anyio.sleep(0.01)
        assert stage.commits() == [{(MONITOR, "a")}]

    await playing(stage, scene)


@pytest.mark.parametrize("urgent", [finished("b", manual=True), Said(text="x")], ids=["a run somebody waits for", "another fact"])
async def test_results_do_not_gather_while_somebody_waits(urgent):
    stage = Checking()

    async def scene():
        await anyio.sleep(0.2)
        stage.writer.submit(NoopFinished(started_mono=0.0))
        stage.writer.submit(finished("a"))
        await anyio.sleep(LINGER_S / 5)
        assert stage.rows == []
        stage.writer.submit(urgent)
        await anyio.sleep(LINGER_S / 5)
        assert len(stage.rows) == 2

    await playing(stage, scene)


async def test_settled_results_are_durable():
    stage = Checking()

    async def scene():
        await stage.writer.settle(finished("a"))
        assert stage.commits() == [{(MONITOR, "a")}]

    await playing(stage, scene)


async def test_many_waiting_monitor_states_are_written_before_the_second_is_over():
    stage = Checking()

    async def scene():
        for number in range(FLUSH_CELLS):
            stage.writer.submit(finished(f"m{number}"))
        await anyio.sleep(2 * LINGER_S)
        stage.writer.submit(finished("last"))
        await anyio.sleep(2 * LINGER_S)
        assert [len(cells) for cells in stage.commits()] == [FLUSH_CELLS + 1]

    await playing(stage, scene)


async def test_monitor_states_that_waited_when_the_disk_failed_are_on_disk_once_it_is_back():
    stage = Checking()

    async def scene():
        stage.writer.submit(finished("a"))
        await anyio.sleep(0.2)
        stage.journal.broken = True
        stage.writer.submit(finished("b"))
        await stage.writer.settle(Said(text="x"))
        assert stage.writer.failing
        stage.writer.submit(finished("b"))
        stage.journal.broken = False
        await anyio.sleep(RETRY_S + 1.5)
        assert (stage.journal.rows[MONITOR, "a"], stage.journal.rows[MONITOR, "b"]) == (b"1", b"2")
        assert not stage.writer.failing

    await playing(stage, scene)


async def test_what_waits_when_the_writer_is_cancelled_can_still_be_written():
    stage = Checking()

    async def scene():
        stage.writer.submit(finished("a"))
        await anyio.sleep(0.2)

    await playing(stage, scene)
    assert stage.commits() == []
    await stage.writer.flush()
    await stage.writer.flush()
    assert stage.commits() == [{(MONITOR, "a")}]


class SlowHead(LoopClock):
    """Each look at the clock finds it a millisecond later, as when deciding takes that long."""

    def __init__(self):
        self.ahead = 0.0

    def mono(self):
        self.ahead += 0.001
        return super().mono() + self.ahead


async def test_a_flood_of_results_leaves_the_loop_to_others_in_between_and_keeps_their_order():
    stage = Checking()
    stage.writer._clock = SlowHead()
    others = []

    async def other():
        while True:
            others.append(len(stage.rows))
            await anyio.lowlevel.checkpoint()

    for number in range(100):
        stage.writer.submit(finished(f"m{number}"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other)
        tasks.start_soon(stage.writer.run)
        await stage.writer.settle(Said(text="x", durable=False))
        tasks.cancel_scope.cancel()
    assert [one.row.monitor_id for one in stage.rows if isinstance(one, Record)] == [f"m{number}" for number in range(100)]
    assert len({seen for seen in others if 0 < seen < 100}) >= 10


async def test_the_start_of_a_node_stays_the_first_fact_of_its_life_when_the_disk_fails():
    seen = []

    def noting(cells, fact, now):
        seen.append(type(fact).__name__)
        return decide(cells, fact, now)

    stage = Stage()
    stage.writer._decide = noting
    stage.journal.broken = "EIO"
    stage.writer.submit(NodeStarted(boot_id="b"))
    stage.writer.submit(Said(text="x"))

    async def scene():
        await stage.writer.changed()

    await playing(stage, scene)
    assert seen[:6] == ["NodeStarted", "Said", "Tick", "NodeStarted", "StoreFailed", "Said"]
