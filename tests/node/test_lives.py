"""A node from start to stop to the next start: nothing is lost, nothing strange is found, defects stay small."""

import anyio
import msgspec
import pytest

from sitescope_fo.engine.cells import Cell
from sitescope_fo.engine.state import MONITOR, OUTBOX, PROFILE
from sitescope_fo.failover.state import Journal
from sitescope_fo.model import command as commands
from sitescope_fo.model.fact import Tick
from sitescope_fo.model.status import Condition, Position, Role
from sitescope_fo.node import core
from sitescope_fo.node.ports.work import ThreadWork
from sitescope_fo.store.cells import CellStore
from sitescope_fo.store.results import ResultLog
from tests.node.nodes import TIMING, Bench, group_file, make_home, protected_pair, take_over

pytestmark = pytest.mark.anyio


def stored(home):
    store = CellStore(home.state)
    store.open()
    try:
        return store.load()
    finally:
        store.close()


def put(home, cells):
    store = CellStore(home.state)
    store.open()
    store.commit(cells)
    store.close()


def results(home):
    log = ResultLog(home.daily)
    return [row.path for day in log.days() for row in log.read(day)]


async def test_a_stop_waits_for_running_checks_and_records_them(primary):
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        primary.checks.held = True
        primary.node.runner.run_now(primary.node.world.catalogue.find("Web/Home"))
        await primary.until(lambda: primary.checks.started, "the check")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(primary.node.stop_cleanly, "maintenance", 30.0)
            await anyio.wait_all_tasks_blocked()
            assert not primary.node.may_start("")
            primary.checks.release()
    assert results(primary.home) == ["Web/Home"]


async def test_a_stop_does_not_wait_for_ever(primary, monkeypatch):
    monkeypatch.setattr(core, "STOP_GRACE_S", 0.2)
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        primary.checks.held = True
        primary.node.runner.run_now(primary.node.world.catalogue.find("Web/Home"))
        await primary.until(lambda: primary.checks.started, "the check")
        with anyio.fail_after(5):
            await primary.node.stop_cleanly("maintenance", 30.0)


async def test_a_stopping_primary_says_goodbye_to_the_failover_it_accepted(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await primary.until(lambda: primary.node.primary_side().peers, "the announcement")
        await primary.node.stop_cleanly("maintenance", 45.0)
        state = failover.node.profile_state("prod")
        assert state.position is Position.announced
        assert any("maintenance" in line for line in await failover.events())


async def test_a_failover_that_stops_while_acting_tells_before_it_goes(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await failover.do(commands.MailSet(host="mail.example", sender="a@example.org", to=("ops@example.org",)))
        await take_over(primary, failover)
        await failover.node.stop_cleanly("update", 0.0)
        assert [message.subject for message in failover.mail.sent if "NOBODY monitors" in message.subject]


async def test_the_state_file_is_closed_once_and_last(primary):
    closed = []
    store = primary.node.store
    close = store.close

    def told():
        if store._db is not None:
            closed.append(primary.node.writer.revision)
        close()

    store.close = told
    async with primary.running():
        await primary.do(commands.GroupAdd(path="Web"))
        await primary.node.stop_cleanly("maintenance", 30.0)
        assert closed == []
    assert len(closed) == 1


async def test_what_was_known_of_monitors_survives_a_restart(primary):
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        await primary.do(commands.MonitorRun(path="Web/Home"))
    again = Bench(primary.home)
    async with again.running():
        [row] = await again.ask("monitors")
        assert row["status"] == "good"
        assert [one["seq"] for one in await again.ask("results", path="Web/Home")] == [1]


async def test_a_profile_removed_while_the_node_was_stopped_leaves_nothing_for_its_namesake(failover_home):
    put(
        failover_home,
        {
            (PROFILE, "prod"): msgspec.json.encode(Journal(position=Position.active, term=9)),
            (MONITOR, "prod\x1fm1"): msgspec.json.encode({"key": {"profile": "prod", "id": "m1"}}),
        },
    )
    failover = Bench(failover_home)
    async with failover.running():
        await failover.do(commands.ProfileAdd(name="prod", primary_host="nowhere", without_primary=True, **TIMING))
        state = failover.node.profile_state("prod")
        assert (state.position, state.journal.term) == (Position.standby, 0)


@pytest.mark.parametrize("damage", ["value", "file"])
async def test_a_state_that_cannot_be_read_is_set_aside_and_told(tmp_path, damage):
    async with protected_pair(tmp_path) as (_, failover):
        pass
    home = failover.home
    if damage == "value":
        put(home, {(PROFILE, "prod"): b'{"position": "dancing"}'})
    else:
        home.state.write_bytes(b"this is no database" * 1000)
        for suffix in ("-wal", "-shm"):
            home.state.with_name(home.state.name + suffix).unlink(missing_ok=True)
    again = Bench(home)
    async with again.running():
        state = again.node.profile_state("prod")
        assert state.position is Position.standby
        assert Condition.fault in state.conditions
        assert "kept as" in await again.said("state_unreadable")
    assert list(home.high_availability.glob("state.sqlite.corrupt-*"))


async def test_a_failover_restarted_while_acting_starts_nothing_before_it_knows(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await take_over(primary, failover)
        await failover.do(commands.MonitorRemove(path="prod:Web/Shop"))
    again = Bench(failover.home)
    async with again.running():
        state = again.node.profile_state("prod")
        assert state.position is Position.active
        assert not again.node.may_start("prod") or Condition.frozen not in state.conditions
        await again.until(lambda: again.node.world.catalogue.monitors("prod"), "the working tree")
        assert sorted(m.path for m in again.node.world.catalogue.monitors("prod").values()) == ["Web/Home"]


async def test_a_defect_in_one_part_leaves_the_others_running(tmp_path):
    async with protected_pair(tmp_path) as (_, failover):
        watch = failover.node.watches["prod"]

        def broken(*args):
            raise ZeroDivisionError

        watch.keeper.heard = broken
        await failover.until(failover.node.supervisor.problems, "the defect")
        asked = len(failover.cable.asked)
        await failover.until(lambda: len(failover.cable.asked) > asked + 5, "more probes")
        part = await failover.profile()
        assert (part["position"], part["primary"]["state"]) == ("standby", "running")


async def test_checks_go_on_after_a_defect_of_their_runner(primary):
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        await primary.do(commands.MonitorRun(path="Web/Home"))
        primary.checks.held = True
        primary.node.runner.run_now(primary.node.world.catalogue.find("Web/Home"))
        await primary.until(lambda: len(primary.checks.started) == 2, "the check")
        primary.checks.held = False
        take_overruns = primary.node.plan.take_overruns

        def broken_once():
            primary.node.plan.take_overruns = take_overruns
            raise ZeroDivisionError

        primary.node.plan.take_overruns = broken_once
        primary.node.runner.wake()
        await primary.until(primary.node.supervisor.problems, "the defect")
        assert (await primary.do(commands.MonitorRun(path="Web/Home"))).result.status == "good"


async def test_mails_go_on_after_a_defect_on_their_way(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await failover.do(commands.MailSet(host="mail.example", sender="a@example.org", to=("ops@example.org",)))
        failover.mail.refuses = ZeroDivisionError()
        await take_over(primary, failover)
        await failover.until(failover.node.supervisor.problems, "the defect")
        failover.mail.refuses = None
        await failover.until(lambda: failover.mail.sent, "the mails")
        await failover.until(lambda: not failover.node.writer.table.of(OUTBOX), "an empty outbox")


async def test_a_disk_that_hangs_delays_no_probe(tmp_path):
    class SlowOwn(ThreadWork):
        hanging = False

        async def run_blocking(self, fn, *args, lane=""):
            if lane == "own" and self.hanging:
                await anyio.sleep_forever()
            return await super().run_blocking(fn, *args, lane=lane)

    work = SlowOwn()
    failover = Bench(make_home(tmp_path, Role.failover), work=work)
    async with failover.running():
        await failover.do(commands.ProfileAdd(name="prod", primary_host="nowhere", without_primary=True, **TIMING))
        work.hanging = True
        await failover.node.settle(Tick())
        asked = len(failover.cable.asked)
        await failover.until(lambda: len(failover.cable.asked) > asked + 5, "more probes")
        assert failover.node.profile_state("prod").position is not Position.activating
        assert failover.node.writer.table.get(Cell(PROFILE, "prod")) is not None
