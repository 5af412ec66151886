"""Rhythm, second runs, crowds and long lists on a whole node."""

import anyio
import pytest

from sitescope_fo.engine.entry import Entry
from sitescope_fo.model import command as commands
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.fact import ChecksHang
from sitescope_fo.model.monitor import CheckResult, MonitorKey
from tests.node.nodes import Bench, group_file

pytestmark = pytest.mark.anyio


def moody(bench, *failures):
    """Checks that fail as `failures` says ("" = good), then stay as the last one."""
    answers = list(failures)

    async def run(monitor, *, home):
        bench.checks.started.append(monitor.name)
        failure = answers.pop(0) if len(answers) > 1 else answers[0]
        return CheckResult(values={} if failure else {"round_trip_time": 0.001}, failure=failure, summary=failure or "open")

    bench.checks.run = run


def with_keys(home, **keys):
    path = group_file(home, "Web", "Home")
    lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
    path.write_text(path.read_text() + lines)


async def test_a_monitor_in_error_is_planned_at_its_error_frequency_and_after_a_restart_still(primary):
    with_keys(primary.home, error_frequency='"2m"')
    moody(primary, "refused")
    async with primary.running():
        reply = await primary.do(commands.MonitorRun(path="Web/Home"))
        assert reply.result.status == "error"
        key = primary.node.world.catalogue.find("Web/Home")
        await primary.until(lambda: _wait_s(primary, key) <= 120.0, "the closer interval")
        await primary.node.stop_cleanly("restart", 1.0)
    again = Bench(primary.home)
    async with again.running():
        assert _wait_s(again, key) <= 120.0
        moody(again, "")
        await again.do(commands.MonitorRun(path="Web/Home"))
        await again.until(lambda: _wait_s(again, key) > 120.0, "its regular place")


def _wait_s(bench, key):
    return bench.node.plan.next_run(key) - bench.node.ports.clock.mono()


async def test_a_manual_run_that_sees_an_error_gives_the_result_of_the_second_run(primary):
    with_keys(primary.home, verify_error="true")
    moody(primary, "refused", "", "refused", "reset")
    async with primary.running():
        assert (await primary.do(commands.MonitorRun(path="Web/Home"))).result.status == "good"
        assert (await primary.do(commands.MonitorRun(path="Web/Home"))).result.status == "error"
        assert primary.checks.started == ["Home"] * 4
        rows = await primary.ask("results", path="Web/Home")
        assert [(row["status"], row["unconfirmed"]) for row in rows] == [
            ("error", True),
            ("good", False),
            ("error", True),
            ("error", False),
        ]
        lines = (await primary.ask("export"))["lines"]
        assert sum("unconfirmed: " in line for line in lines) == 2


async def test_an_error_seen_once_before_a_kill_gets_its_second_run_at_once_after_the_restart(primary):
    with_keys(primary.home, verify_error="true")
    moody(primary, "")
    async with primary.running():
        await primary.do(commands.MonitorRun(path="Web/Home"))
        moody(primary, "refused", "")
        fails_first = primary.checks.run

        async def then_hangs(monitor, *, home):
            if len(primary.checks.started) == 2:
                primary.checks.started.append(monitor.name)
                await anyio.sleep_forever()
            return await fails_first(monitor, home=home)

        primary.checks.run = then_hangs
        await primary.submit(commands.MonitorRun(path="Web/Home"), wait_s=0.0)
        await primary.until(lambda: len(primary.checks.started) == 3, "the second run to start")
    again = Bench(primary.home)
    moody(again, "refused")
    async with again.running():
        await again.until(lambda: again.checks.started, "the second run")
        rows = await again.until(lambda: _rows(again, 3), "its result")
        assert [(row["status"], row["unconfirmed"]) for row in rows] == [("good", False), ("error", True), ("error", False)]


async def _rows(bench, count):
    rows = await bench.ask("results", path="Web/Home")
    return rows if len(rows) >= count else None


async def test_a_longer_error_frequency_is_a_warning_and_the_tree_is_loaded(primary):
    with_keys(primary.home, error_frequency='"2h"')
    async with primary.running():
        rows = await primary.ask("check", what="config")
        assert [row["verdict"] for row in rows] == ["good", "warning"]
        assert "'error_frequency' is longer than the frequency of 1h and has no effect" in rows[1]["evidence"]


async def test_hanging_checks_and_crowded_hosts_are_in_status_check_and_run_log(primary):
    group_file(primary.home, "Web", *(f"M{n}" for n in range(4)))
    async with primary.running():
        node = primary.node
        for n in range(40):
            node.plan._hosts.wait(_waiting(node, n))
        node.runner._hanging[MonitorKey("", "x")] = None
        status = await primary.status()
        assert (status["health"]["hanging"], status["health"]["overdue"]) == (1, 40)
        load = next(row for row in await primary.ask("check") if row["id"] == "load")
        assert load["verdict"] == "warning"
        assert "big: 0 run and 40 wait" in load["evidence"]
        assert "checks.max_per_host" in load["remedy"]
        node.runner._hanging.clear()
        await node.settle(ChecksHang(given_up=1, hanging=1, paths=("Web/M0",)))
        await node.records.drain()
        line = (await primary.ask("log", name="run"))["lines"][-1]
        assert 'hint="Look at what they wait for' in line
        assert "Web/M0" in line


def _waiting(node, n):
    entry = Entry(MonitorKey("", f"w{n}"), 60.0, 0.0, "big", 0.0)
    node.plan._entries[entry.key] = entry
    node.plan._queued.add(entry.key)
    return entry


# ---------------------------------------------------------------- pages


async def test_pages_filters_and_counts_are_made_by_the_node(primary):
    group_file(primary.home, "Web", "Home", "Shop")
    group_file(primary.home, "Webmail", "Inbox")
    group_file(primary.home, "Db", "Main")
    moody(primary, "refused")
    async with primary.running():
        await primary.do(commands.MonitorRun(path="Web/Shop"))

        async def page(**params):
            answer = await primary.ask("monitor_page", **params)
            return [row["path"] for row in answer["rows"]], answer["total"], answer["next"]

        assert await page() == (["Db/Main", "Web/Home", "Web/Shop", "Webmail/Inbox"], 4, None)
        assert await page(limit="3") == (["Db/Main", "Web/Home", "Web/Shop"], 4, 3)
        assert await page(limit="3", offset="3") == (["Webmail/Inbox"], 4, None)
        assert await page(offset="9") == ([], 4, None)
        assert await page(limit="0") == ([], 4, None)
        assert (await page(group="web"))[0] == ["Web/Home", "Web/Shop"]
        assert (await page(status="error"))[0] == ["Web/Shop"]
        assert (await page(status="error,nodata", limit="1"))[1:] == (4, 1)
        assert (await page(type="port"))[1] == 4
        assert (await page(type="ping"))[1] == 0
        assert (await page(filter="WEB !mail"))[0] == ["Web/Home", "Web/Shop"]
        assert (await page(filter="refused"))[0] == ["Web/Shop"]
        assert (await page(filter="web error"))[0] == ["Web/Shop"]
        assert (await page(filter="!"))[1] == 4
        for bad in ({"status": "eror"}, {"type": "pong"}):
            with pytest.raises(SiteScopeError) as caught:
                await page(**bad)
            assert caught.value.code == "bad_filter"
            assert "Did you mean" in caught.value.hint


async def test_suspended_monitors_are_found_by_that_word(primary):
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        primary.node.stopping = True
        assert [row["path"] for row in await primary.ask("monitors", status="suspended")] == []
        assert (await primary.ask("monitor_page", status="nodata"))["total"] == 1


async def test_a_list_follows_an_edit_of_the_tree(primary):
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        assert (await primary.ask("monitor_page"))["total"] == 1
        await primary.do(commands.MonitorRemove(path="Web/Home"))
        assert (await primary.ask("monitor_page"))["total"] == 0


async def test_no_answer_holds_more_than_a_thousand_rows(primary):
    group_file(primary.home, "Web", *(f"M{n:04}" for n in range(1200)))
    async with primary.running():
        for query, rows in (("monitors", lambda answer: answer), ("monitor_page", lambda answer: answer["rows"])):
            assert len(rows(await primary.ask(query, limit="100000"))) == 1000
            assert len(rows(await primary.ask(query, offset="1000"))) == 200
        with anyio.fail_after(20.0):
            assert (await primary.ask("monitor_page", limit="1", filter="m1199"))["rows"][0]["name"] == "M1199"
