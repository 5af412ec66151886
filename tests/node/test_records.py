"""Logs and results of one node: numbers go on over restarts, old days go, nothing is lost at a stop."""

import anyio
import pytest
from msgspec.structs import replace

from sitescope_fo.model.config import NodeConfig
from sitescope_fo.model.status import Status
from sitescope_fo.node.ports.work import ThreadWork
from sitescope_fo.node.records import Records
from sitescope_fo.store.results import ResultLog, ResultRow
from tests.mirror.primary import WALL, LoopClock
from tests.node.nodes import log_lines

pytestmark = pytest.mark.anyio


def row(wall=WALL, monitor="m1", term=1):
    return ResultRow(
        profile="", monitor_id=monitor, path="Web/Home", type="port", status=Status.good, state_string="open", wall=wall,
        term=term, node="", seq=0,
    )  # fmt: skip


class FixedClock(LoopClock):
    def wall(self):
        return WALL


def records(home):
    return Records(home, "node-1", ThreadWork(), FixedClock())


async def test_results_are_numbered_on_over_a_restart(primary_home):
    first = records(primary_home)
    await first.open()
    first.result(row())
    first.result(row())
    await first.close()
    second = records(primary_home)
    await second.open()
    second.result(row())
    await second.close()
    rows = ResultLog(primary_home.daily).read("2026-11-22")
    assert [(one.node, one.seq) for one in rows] == [("node-1", 1), ("node-1", 2), ("node-1", 3)]


async def test_a_damaged_day_stops_neither_the_start_nor_the_recording(primary_home):
    first = records(primary_home)
    await first.open()
    first.result(row(wall=WALL - 86400))
    await first.close()
    (primary_home.daily / "2026-11-22.sqlite").write_bytes(b"no database at all" * 100)
    second = records(primary_home)
    await second.open()
    second.result(row())
    await second.close()
    assert [one.seq for one in ResultLog(primary_home.daily).read("2026-11-22")] == [2]
    assert any("results_set_aside" in line for line in log_lines(primary_home.event_log))


async def test_an_error_stands_in_both_logs_and_other_events_in_one(primary_home):
    log = records(primary_home)
    log.event("fault", 'the "disk"\nis full', level="ERROR", profile="prod", term=3, where="/x", hint="Free space")
    log.event("started", "hello")
    log.run("started")
    await log.close()
    events = log_lines(primary_home.event_log)
    assert len(events) == 2
    assert log_lines(primary_home.error_log) == events[:1]
    assert 'profile=prod event=fault term=3 what="the \\"disk\\"\\nis full" where="/x" hint="Free space"' in events[0]
    assert events[0].startswith("2026-11-22T10:00:00.000Z ERROR ")
    assert len(log_lines(primary_home.run_log)) == 1


async def test_days_beyond_the_limit_go_while_the_node_runs(primary_home):
    log = records(primary_home)
    await log.open()
    for days in (0, 1, 20):
        log.result(row(wall=WALL - days * 86400))
    await log.drain()
    config = replace(NodeConfig(), logs_keep_s=14 * 86400.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(log.retain, lambda: config)
        with anyio.fail_after(10):
            while len(log.results.days()) > 2:
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    await log.close()
    assert log.results.days() == ("2026-11-21", "2026-11-22")
    assert any("2026-11-02 dropped" in line for line in log_lines(primary_home.run_log))


async def test_logs_that_cannot_be_written_are_told_until_they_can(primary_home):
    log = records(primary_home)
    primary_home.event_log.mkdir()
    log.event("lost", "nobody reads this yet")
    await log.drain()
    assert log.trouble
    primary_home.event_log.rmdir()
    await log.drain()
    assert log.trouble == ""
    assert len(log_lines(primary_home.event_log)) == 1
