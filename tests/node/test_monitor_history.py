"""The plot of one monitor: what was measured, what was told, and the times in which nobody or both nodes looked."""

import msgspec
import pytest

from sitescope_fo.engine.cells import CellTable
from sitescope_fo.engine.told import MAILS_KEPT, on_sent, told_cell
from sitescope_fo.model import command as commands
from sitescope_fo.model.errors import SiteScopeError, Usage
from sitescope_fo.model.fact import MailSent
from sitescope_fo.model.monitor import CheckResult, Monitor
from sitescope_fo.model.ports import Now
from sitescope_fo.model.record import MonitorHistory
from sitescope_fo.model.status import Status
from sitescope_fo.model.wire import LedgerEntry
from sitescope_fo.node import monitor_history, plot
from sitescope_fo.node.moments import moment_of
from sitescope_fo.store.results import ResultRow
from tests.node.nodes import BOOK, Bench, group_file, protected_pair, take_over

pytestmark = pytest.mark.anyio


def row(wall, status="good", value=None, **more):
    values = {} if value is None else {"round_trip_time": value}
    return ResultRow(
        profile="", monitor_id="m", path="m", type="port", wall=wall, status=Status(status), state_string="", values=values,
        node="n", seq=int(wall * 1000) % 2**31, **more,
    )  # fmt: skip


def test_results_fall_into_stretches_that_keep_the_extremes_and_the_worst():
    rows = [row(1.0, "good", 0.5), row(2.0, "error", 3.0), row(3.0, "warning", 1.0), row(41.0, "nodata")]
    first, last = plot.points_of(rows, "round_trip_time", 0.0, 100.0, 10)
    assert (first.min, first.max, first.last, first.status, first.results) == (0.5, 3.0, 1.0, "error", 3)
    assert (last.at, last.min, last.last, last.status) == ("1970-01-01T00:00:40.000Z", None, None, "nodata")


def test_a_status_lasts_until_the_next_result_but_not_for_ever():
    rows = [row(10.0, "good"), row(20.0, "good"), row(30.0, "error"), row(40.0, "good"), row(500.0, "good")]
    spans = [(s.since[14:19], s.until[14:19], s.status) for s in plot.spans_of(rows, 510.0, 60.0)]
    assert spans == [
        ("00:10", "00:30", "good"),
        ("00:30", "00:40", "error"),
        ("00:40", "01:40", "good"),
        ("08:20", "08:30", "good"),
    ]
    assert plot.spans_of([], 10.0, 60.0) == ()


def test_only_the_newest_spans_are_told(monkeypatch):
    monkeypatch.setattr(plot, "MOST_SPANS", 2)
    rows = [row(float(n), "good" if n % 2 else "error") for n in range(1, 9)]
    assert [span.status for span in plot.spans_of(rows, 9.0, 60.0)] == ["good", "error"]


def test_thresholds_that_compare_the_plotted_value_with_a_number_are_lines():
    monitor = Monitor(
        id="m", name="m", path="m", type="port", error_if=("round_trip_time > 2s or match == 'no'", "not (round_trip_time < 1s)"),
        warning_if=("800ms <= round_trip_time",), good_if=("match == 'yes'",),
    )  # fmt: skip
    lines = plot.lines_of(monitor, BOOK.specs["port"], "round_trip_time")
    assert [(line.level, line.op, line.value) for line in lines] == [("error", ">", 2.0), ("warning", ">=", 0.8)]
    assert lines[0].expression == "round_trip_time > 2s or match == 'no'"
    assert plot.lines_of(monitor, BOOK.specs["port"], "") == ()


def test_the_value_that_is_plotted_first_has_a_unit():
    names = plot.value_names(BOOK.specs["url"], {"more": 3, "text": "x", "flag": True})
    assert plot.value_shown(BOOK.specs["url"], names) == "round_trip_time"
    assert names[0] == "status"
    assert names[-1] == "more"
    assert plot.value_shown(None, ()) == ""


def test_a_moment_is_iso_or_so_long_ago():
    assert moment_of("90s", 1000.0, where="from") == 910.0
    assert moment_of("1970-01-01T00:10:00Z", 1000.0, where="from") == 600.0
    assert moment_of("1970-01-01T00:10:00", 1000.0, where="from") == 600.0
    for wrong in ("yesterday", "10x", "-5m", ""):
        with pytest.raises(Usage):
            moment_of(wrong, 1000.0, where="from")


def test_of_the_mails_about_a_monitor_only_the_last_are_kept():
    cells = CellTable()
    for n in range(MAILS_KEPT + 5):
        entry = LedgerEntry(
            monitor="m", alert="a", recipient=f"{n}@x", status=Status.error, transition=n, repeat=1, term=1, wall=0.0
        )
        cells.apply(on_sent(cells, MailSent(item="i", server="s", profile="prod", told=entry), Now(0.0, float(n))).changes)
    kept = cells.get(told_cell("prod", "m")).mails
    assert [mail.to for mail in kept] == [f"{n}@x" for n in range(5, MAILS_KEPT + 5)]
    assert on_sent(cells, MailSent(item="i", server="s"), Now(0.0, 0.0)).changes == {}


def history(answer):
    return msgspec.convert(answer, MonitorHistory)


async def test_a_plot_shows_results_thresholds_and_the_mails_that_left_also_after_a_restart(primary_home):
    bench = Bench(primary_home)
    group_file(bench.home, "Web", "Home")

    async def refused(monitor, *, home):
        return CheckResult(failure="refused", summary="refused", duration_s=0.01)

    async with bench.running():
        await bench.do(commands.MailSet(host="mail.example"))
        await bench.do(commands.AlertAdd(scope="Web", name="tell", on="error", when="once after 1", to=("ops@x",)))
        await bench.do(commands.MonitorRun(path="Web/Home"))
        bench.checks.run = refused
        await bench.do(commands.MonitorRun(path="Web/Home"))

        async def told():
            return [one.outcome for one in history(await bench.ask("monitor_history", path="Web/Home")).alerts] == ["sent"]

        await bench.until(told, "the mail")
    async with Bench(primary_home).running() as again:
        shown = history(await again.ask("monitor_history", path="Web/Home", points="1"))
        assert (shown.name, shown.unit, shown.cut) == ("round_trip_time", "s", None)
        [point] = shown.points
        assert (point.status, point.last) == ("error", 0.001)
        assert point.results >= 2
        assert [line.value for line in shown.thresholds] == [5.0]
        assert [span.status for span in shown.states][-1] == "error"
        assert [(one.name, one.to, one.status) for one in shown.alerts] == [("tell", "ops@x", "error")]
        assert history(await again.ask("monitor_history", path="Web/Home", **{"from": "1d", "to": "1h"})).points == ()


async def test_a_takeover_shows_as_a_blind_window(tmp_path):
    async with protected_pair(tmp_path, "Home") as (primary, failover):
        await take_over(primary, failover)

        async def seen():
            return history(await failover.ask("monitor_history", path="prod:Web/Home")).blind

        assert len(await failover.until(seen, "a first run")) == 1


async def test_more_results_than_are_read_are_said_to_be_missing(primary, monkeypatch):
    group_file(primary.home, "Web", "Home")
    monkeypatch.setattr(monitor_history, "MOST_RESULTS", 3)
    monkeypatch.setattr(monitor_history, "PAGE", 2)
    async with primary.running():
        for _ in range(4):
            await primary.do(commands.MonitorRun(path="Web/Home"))
        shown = history(await primary.ask("monitor_history", path="Web/Home"))
        assert sum(point.results for point in shown.points) == 3
        assert shown.cut is not None


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "missing_parameter"),
        ({"path": "Web/Hmoe"}, "not_found"),
        ({"path": "Web/Home", "from": "tomorrow"}, "bad_moment"),
        ({"path": "Web/Home", "from": "1h", "to": "2h"}, "bad_moment"),
        ({"path": "Web/Home", "points": "many"}, "bad_number"),
        ({"path": "Web/Home", "value": "round_trip_tiem"}, "bad_value"),
    ],
)
async def test_a_plot_of_nothing_is_refused_with_a_hint(primary, params, code):
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        with pytest.raises(SiteScopeError) as caught:
            await primary.ask("monitor_history", **params)
        assert (caught.value.code, caught.value.exit_code, bool(caught.value.hint)) == (code, 2, True)


async def test_the_sheet_of_a_monitor_holds_each_threshold_against_the_last_result(primary):
    group_file(primary.home, "Web", "Home", "Shop", "Door")
    async with primary.running():
        await primary.do(commands.MonitorEdit(path="Web/Shop", changes={"depends_on": "Web/Home"}))
        await primary.do(
            commands.MonitorEdit(path="Web/Door", changes={"depends_on": "Web/Shop", "error_if": ["round_trip_time > 0"]})
        )
        before = await primary.ask("monitor", path="Web/Door")
        assert before["thresholds"][0]["holds"] in {None, True}
        await primary.do(commands.MonitorRun(path="Web/Door"))
        shown = await primary.ask("monitor", path="Web/Door")
        first = shown["thresholds"][0]
        assert (first["level"], first["expression"], first["holds"]) == ("error", "round_trip_time > 0", True)
        assert first["values"] == {"round_trip_time": 0.001}
        assert "(" in first["text"]
        assert [value["unit"] for value in shown["values"]] == ["s"]
        assert [one["path"] for one in shown["dependencies"]] == ["Web/Shop", "Web/Home"]
        assert (shown["counts"], shown["error_frequency_s"]) == ({"error": 1}, 0.0)


async def test_the_timeline_of_a_role_outlives_a_restart_and_a_takeover(tmp_path):
    async with protected_pair(tmp_path, "Home") as (primary, failover):
        await take_over(primary, failover)
        steps = await failover.ask("timeline", name="prod")
        assert [(step["from"], step["to"]) for step in steps][-2:] == [("grace", "activating"), ("activating", "active")]
        assert all(step["why"] and step["evidence"] for step in steps)
        assert steps[-1]["term"] == 2
        assert await failover.ask("timeline", name="prod", limit="1") == steps[-1:]
        own = await primary.ask("timeline")
        assert [step["to"] for step in own][:2] == ["boot_check", "running"]
        assert await primary.ask("timeline", name="prod") == own
        with pytest.raises(SiteScopeError):
            await failover.ask("timeline")
        home = failover.home
    async with Bench(home).running() as again:
        assert (await again.ask("timeline", name="prod"))[: len(steps)] == steps
