"""Whoever has read the pages of the list once learns of each change by its revision, and is told when to read anew."""

import anyio
import pytest

from sitescope_fo.engine.cells import Cell, CellTable
from sitescope_fo.engine.state import MONITOR
from sitescope_fo.model import command as commands
from sitescope_fo.model.monitor import CheckResult
from sitescope_fo.node import monitor_pages
from tests.node.nodes import group_file, protected_pair, take_over

pytestmark = pytest.mark.anyio


async def paged(bench, **params):
    page = await bench.ask("monitor_page", **params)
    return page, {"since": str(page["revision"]), "tree": page["tree"]}


def paths(answer):
    return [row["path"] for row in answer["rows"]]


async def settled(bench):
    """The first look at the files is over: nothing loads them again until they change."""
    await bench.until(lambda: bench.node.own.manifest is not None and bench.node.plan.scheduled(""), "the first manifest")


async def test_only_what_changed_after_a_page_is_told_and_only_once(primary):
    group_file(primary.home, "Web", "Home", "Shop")
    async with primary.running():
        await settled(primary)
        page, place = await paged(primary)
        assert paths(page) == ["Web/Home", "Web/Shop"]
        await primary.do(commands.MonitorRun(path="Web/Shop"))
        news = await primary.ask("snapshot", **place)
        assert (paths(news), news["whole"], news["more"]) == (["Web/Shop"], False, False)
        assert news["rows"] == [row for row in await primary.ask("monitors") if row["path"] == "Web/Shop"]
        again = await primary.ask("snapshot", since=str(news["revision"]), tree=news["tree"])
        assert (again["rows"], again["tree"]) == ([], place["tree"])


async def test_a_change_of_the_configuration_says_read_all_anew(primary):
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        await settled(primary)
        _, place = await paged(primary)
        await primary.do(commands.MonitorEdit(path="Web/Home", changes={"enabled": False}))
        news = await primary.ask("snapshot", **place)
        assert (news["whole"], news["rows"], news["more"]) == (True, [], False)
        assert news["tree"] != place["tree"]
        page, place = await paged(primary)
        assert [row["enabled"] for row in page["rows"]] == [False]
        assert not (await primary.ask("snapshot", **place))["whole"]


async def test_without_a_place_or_with_one_of_another_life_all_is_read_anew(primary):
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        await settled(primary)
        _, place = await paged(primary)
        for wrong in ({}, {"since": "0", "tree": ""}, {**place, "tree": "other-1"}, {**place, "since": "99999"}):
            assert (await primary.ask("snapshot", **wrong))["whole"]


async def test_a_takeover_changes_every_row_at_once(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        page, place = await paged(failover, profile="prod")
        assert [row["suspended"] for row in page["rows"]] == [True, True]
        await take_over(primary, failover)
        assert (await failover.ask("snapshot", profile="prod", **place))["whole"]


async def test_more_changes_than_fit_come_oldest_first_and_never_twice(primary, monkeypatch):
    monkeypatch.setattr(monitor_pages, "MOST_ROWS", 2)
    names = ["A", "B", "C", "D", "E"]
    group_file(primary.home, "Web", *names)
    async with primary.running():
        await settled(primary)
        _, place = await paged(primary)
        for name in reversed(names):
            await primary.do(commands.MonitorRun(path=f"Web/{name}"))
        seen, more = [], True
        with anyio.fail_after(10):
            while more:
                news = await primary.ask("snapshot", **place)
                assert 0 < len(news["rows"]) <= 2, news
                seen += paths(news)
                place, more = {"since": str(news["revision"]), "tree": news["tree"]}, news["more"]
        assert seen == [f"Web/{name}" for name in reversed(names)]


def test_a_batch_is_never_torn_between_two_answers():
    changes = [("a", 1), *((f"b{n}", 2) for n in range(monitor_pages.MOST_ROWS))]
    fit, until = monitor_pages._oldest(changes, 9)
    assert (fit, until) == ([("a", 1)], 1)
    assert monitor_pages._oldest(changes[1:], 9) == (changes[1:], 9)
    assert monitor_pages._oldest([(f"c{n}", 5) for n in range(monitor_pages.MOST_ROWS + 1)], 9)[0] == []


def test_a_table_tells_what_changed_since_and_when_it_cannot():
    table = CellTable({MONITOR})
    for n, name in enumerate("abca", start=1):
        table.apply({Cell(MONITOR, name): n, Cell("other", name): n})
    assert list(table.changed_since(MONITOR, 0)) == [("a", 4), ("c", 3), ("b", 2)]
    assert list(table.changed_since(MONITOR, 3)) == [("a", 4)]
    assert list(table.changed_since(MONITOR, 4)) == []
    for n in range(2000):
        table.apply({Cell(MONITOR, f"gone{n}"): 1})
        table.apply({Cell(MONITOR, f"gone{n}"): None})
    assert table.changed_since(MONITOR, 4) is None
    assert len(list(table.changed_since(MONITOR, table.revision - 1))) <= 1


async def counted(bench, **params):
    """The counters as anybody can count them in the rows."""
    rows = await bench.ask("monitors", **params)
    kinds = ("good", "warning", "error", "nodata", "disabled")
    found = {kind: sum(row["status"] == kind for row in rows) for kind in kinds}
    found |= {"total": len(rows), **{kind: sum(row[kind] for row in rows) for kind in ("suspended", "waiting", "acknowledged")}}
    return found | {"downtime": sum(row["downtime"] is not None for row in rows)}


async def told(bench):
    figures = (await bench.status())["monitors"]
    return {name: number for name, number in figures.items() if name != "running"}


async def test_the_counters_of_the_status_are_those_of_the_rows_whatever_happens(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        for bench, params in ((primary, {}), (failover, {"profile": "prod"})):
            assert await told(bench) == await counted(bench, **params)
        await primary.do(commands.MonitorRun(path="Web/Home"))
        await primary.do(
            commands.MonitorAdd(group="Web", table={"type": "port", "name": "New", "settings": {"host": "h", "port": 1}})
        )
        assert await told(primary) == await counted(primary)
        await primary.do(commands.MonitorEdit(path="Web/Shop", changes={"enabled": False}))
        assert await told(primary) == await counted(primary)
        await primary.do(commands.MonitorRemove(path="Web/Home"))
        assert await told(primary) == await counted(primary)
        await take_over(primary, failover)

        async def all_ran():
            assert await told(failover) == await counted(failover, profile="prod")
            return (await told(failover))["good"]

        await failover.until(all_ran, "a first run")
        part = await failover.profile()
        assert part["blind_windows"] == (await told(failover))["good"]


async def refused(monitor, *, home):
    return CheckResult(failure="refused", summary="refused")


async def test_an_acknowledgement_changes_its_row_alone_and_a_downtime_the_whole_list(primary):
    group_file(primary.home, "Web", "Home", "Shop")
    async with primary.running():
        await settled(primary)
        primary.checks.run = refused
        await primary.do(commands.MonitorRun(path="Web/Home"))
        _, place = await paged(primary)
        await primary.do(commands.Ack(path="Web/Home", comment="on it"))
        news = await primary.ask("snapshot", **place)
        assert [(row["path"], row["acknowledged"]) for row in news["rows"]] == [("Web/Home", True)]
        assert await told(primary) == await counted(primary)
        await primary.do(commands.DowntimeAdd(scope="Web", reason="move", for_s=600.0))
        assert (await primary.ask("snapshot", **place))["whole"]
        assert await told(primary) == await counted(primary)
