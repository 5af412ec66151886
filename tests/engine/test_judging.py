"""From results to states, rows and windows."""

import pytest

from sitescope_fo.engine.cells import Cell, CellTable
from sitescope_fo.engine.judging import DEPENDENCY, WINDOWS_KEPT, dependency_trouble, on_check, on_noop, on_skip
from sitescope_fo.engine.state import PULSE, MonitorState, monitor_cell
from sitescope_fo.model.fact import CheckFinished, CheckSkipped, NoopFinished
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Status
from tests.engine.desk import WALL, Desk, E, G, N, W
from tests.engine.parts import SPECS, alert, catalogue, key, monitor, result

NOW = Now(500.0, WALL)


@pytest.mark.anyio
async def test_a_state_says_since_when_how_often_and_what_decided():
    async with Desk(catalogue()).open() as one:
        await one.check(E)
        began = one.state().since_wall
        await one.check(E)
        state = one.state()
        assert (state.status, state.counts, state.value) == (E, {E: 2}, 2)
        assert state.because.startswith("level >= 2")
        assert state.state_string == "level 2"
        assert state.since_wall == began
        assert state.last_wall == pytest.approx(began + 60.0)
        await one.check(G)
        assert one.state().counts == {G: 1}
        assert one.state().since_wall == one.state().last_wall


@pytest.mark.anyio
async def test_nodata_neither_breaks_nor_lengthens_a_row():
    async with Desk(catalogue()).open() as one:
        for status in (E, E, N, N, E):
            await one.check(status)
        assert one.state().counts == {E: 3}


@pytest.mark.anyio
async def test_each_result_is_recorded_with_the_end_of_its_run():
    async with Desk(catalogue(profile="prod"), profile="prod", term=7).open() as one:
        await one.check(W)
        [row] = one.rows()
        assert (row.profile, row.monitor_id, row.path, row.type) == ("prod", "web", "Servers/web", "level")
        assert (row.status, row.values, row.term, row.duration_s) == (W, {"level": 1}, 7, 0.1)
        assert row.wall == pytest.approx(one.state().last_wall + 0.1)


def finished(status=G, *, term=1, name="web", profile="prod", kind="level"):
    return CheckFinished(key=key(name, profile), result=result(status), started_mono=500.0, started_wall=WALL, term=term)


def test_an_unknown_type_and_a_threshold_that_does_not_fit_are_seen_as_errors():
    for odd in (monitor(type="unheard"), monitor(error_if=("levle > 1",))):
        decision = on_check(CellTable(), catalogue(odd, profile="prod"), SPECS, finished(), NOW, blind_from_wall=0.0)
        [effect] = decision.effects
        assert effect.row.status is E
        assert "unheard" in effect.row.state_string or "levle" in effect.row.state_string


@pytest.mark.parametrize(
    ("blind_from", "last_wall", "start"),
    [(WALL - 200, WALL - 900, WALL - 200), (0.0, WALL - 900, WALL - 900), (0.0, 0.0, WALL), (WALL + 50, 0.0, WALL)],
)
def test_a_blind_window_begins_with_the_last_thing_known(blind_from, last_wall, start):
    cells = CellTable()
    cells.apply({monitor_cell(key("web", "prod")): MonitorState(key=key("web", "prod"), last_wall=last_wall, term=-1)})
    decision = on_check(cells, catalogue(profile="prod"), SPECS, finished(), NOW, blind_from_wall=blind_from)
    [window] = [value for cell, value in decision.changes.items() if cell.kind == "blind"]
    assert (window.start, window.end) == (start, WALL)


def test_blind_windows_of_old_terms_are_dropped():
    cells, trees = CellTable(), catalogue(profile="prod")
    for term in range(1, 100, 2):
        cells.apply(on_check(cells, trees, SPECS, finished(term=term), NOW, blind_from_wall=WALL - 9).changes)
    terms = sorted(window.term for window in cells.of("blind").values())
    assert terms[-1] == 99
    assert terms[0] > 99 - 2 - WINDOWS_KEPT


def test_the_noop_becomes_the_pulse_of_the_scheduler():
    pulse = on_noop(NoopFinished(started_mono=499.0), NOW).changes[Cell(PULSE)]
    assert (pulse.started_mono, pulse.finished_mono) == (499.0, 500.0)


# ---------------------------------------------------------------- skips


def test_an_overrun_is_only_counted():
    cells = CellTable()
    decision = on_skip(cells, catalogue(), CheckSkipped(key=key(), why="", status="overrun", runs=3), NOW)
    assert decision.effects == ()
    assert decision.changes[monitor_cell(key())].skipped == 3


@pytest.mark.anyio
async def test_a_skip_for_a_dependency_is_nodata_with_the_reason_and_tells_nobody():
    async with Desk(catalogue(alerts=[alert(on=N), alert("error")])).open() as one:
        await one.checks(E)
        for _ in range(2):
            await one.tell(CheckSkipped(key=key(), why="not run: it depends on Gateway"))
        state = one.state()
        assert (state.status, state.because, state.state_string) == (N, DEPENDENCY, "not run: it depends on Gateway")
        assert state.counts == {E: 1}
        assert one.waiting() == []
        assert [row.status for row in one.rows()] == [E, N, N]
        assert await one.checks(E, G) == [0, 1]


@pytest.mark.anyio
async def test_a_skip_is_no_first_run_of_a_term():
    async with Desk(catalogue(profile="prod"), profile="prod", term=4).open() as one:
        await one.tell(CheckSkipped(key=key("web", "prod"), why="not run"))
        assert one.state().term == -1
        assert one.windows() == []
        await one.check(G)
        assert one.state().term == 4
        assert len(one.windows()) == 1


def trouble(status, *, wanted=Status.good, because="", enabled=True, known=True):
    cells = CellTable()
    gateway = monitor("gateway", path="Network/Gateway", enabled=enabled)
    if known:
        cells.apply({monitor_cell(key("gateway")): MonitorState(key=key("gateway"), status=status, because=because)})
    web = monitor(depends_on="gateway", depends_condition=wanted)
    return dependency_trouble(cells, catalogue(web, gateway), web, "")


@pytest.mark.parametrize(
    ("case", "runs"),
    [
        ({"status": G}, True),
        ({"status": W}, True),  # it works, if slowly
        ({"status": E}, False),
        ({"status": N}, True),  # not knowing is no reason to look away
        ({"status": N, "because": DEPENDENCY}, False),  # what it depends on is down in its turn
        ({"status": E, "enabled": False}, True),
        ({"status": E, "known": False}, True),
        ({"status": E, "wanted": Status.error}, True),
        ({"status": G, "wanted": Status.error}, False),
        ({"status": W, "wanted": Status.error}, False),
    ],
)
def test_a_monitor_runs_when_what_it_depends_on_is_as_wanted(case, runs):
    assert (trouble(**case) == "") is runs


def test_the_reason_names_the_monitor_and_both_states():
    assert trouble(E) == "not run: it depends on Network/Gateway, which is error, not good"


def test_a_dependency_that_is_gone_forbids_nothing():
    web = monitor(depends_on="gone")
    assert dependency_trouble(CellTable(), catalogue(web), web, "") == ""
    assert dependency_trouble(CellTable(), catalogue(), monitor(), "") == ""
