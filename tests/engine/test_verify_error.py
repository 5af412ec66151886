"""An error of a monitor with `verify_error` counts when a second run has seen it; the first is only written down."""

import msgspec
import pytest

from sitescope_fo.engine.effects import Record, VerifyError
from sitescope_fo.engine.judging import on_skip
from sitescope_fo.engine.state import MonitorState
from sitescope_fo.model.fact import CheckSkipped
from tests.engine.desk import Desk, E, G, N, W
from tests.engine.parts import alert, catalogue, key, monitor

pytestmark = pytest.mark.anyio


def desk(**more):
    profile = more.get("profile", "")
    return Desk(catalogue(monitor(verify_error=True), alerts=[alert()], profile=profile), **more)


def asked(desk):
    return [effect for effect in desk.effects if isinstance(effect, VerifyError)]


def marks(desk):
    return [(row.status, row.unconfirmed) for row in desk.rows()]


async def test_a_first_error_changes_neither_status_nor_since_nor_counts_and_tells_nobody():
    async with desk().open() as d:
        assert await d.checks(G, G) == [0, 0]
        before = d.state()
        assert await d.checks(E) == [0]
        assert msgspec.structs.replace(d.state(), unconfirmed=-1) == before
        assert marks(d) == [(G, False), (G, False), (E, True)]
        assert [one.key for one in asked(d)] == [key()]


async def test_the_second_error_counts_and_is_mailed_once():
    async with desk().open() as d:
        assert await d.checks(G, E, E, E, E) == [0, 0, 1, 0, 0]
        assert marks(d)[1:] == [(E, True), (E, False), (E, False), (E, False)]
        assert d.state().counts[E] == 3
        assert d.state().since_wall == pytest.approx(d.rows()[2].wall - 0.1), "since the run that counted"
        assert len(asked(d)) == 1


async def test_a_good_second_run_makes_the_error_as_if_it_had_not_been():
    async with desk().open() as d:
        assert await d.checks(G, E, G, E, G, W, E, W) == [0] * 8
        assert [mark for _, mark in marks(d)] == [False, True, False, True, False, False, True, False]
        assert d.state().status is W
        assert d.state().unconfirmed == -1


@pytest.mark.parametrize("before", [(), (N,)])
async def test_a_new_monitor_is_verified_too(before):
    async with desk().open() as d:
        await d.checks(*before, E)
        assert marks(d)[-1] == (E, True)
        await d.checks(E)
        assert d.state().status is E


async def test_a_manual_run_is_verified_by_a_manual_run():
    async with desk().open() as d:
        await d.checks(G)
        error = msgspec.structs.replace(d.fact(E), manual=True)
        await d.tell(error)
        assert asked(d) == [VerifyError(key=key(), manual=True)]


async def test_the_first_check_of_a_takeover_is_verified_and_the_blind_window_ends_with_the_run_that_counts():
    async with desk(profile="p", term=2, blind_from=1.0).open() as d:
        assert await d.checks(E) == [0]
        assert d.windows() == []
        assert d.state().term == -1, "it still waits for its first result"
        assert await d.checks(E) == [1]
        [window] = d.windows()
        assert window.end == d.state().last_wall


async def test_what_the_primary_knew_to_be_in_error_needs_no_second_run_on_the_failover():
    async with desk(profile="p", term=1).open() as primary:
        await primary.checks(E, E)
        async with desk(profile="p", term=2).open() as failover:
            await failover.learn_from(primary)
            await failover.checks(E)
            assert marks(failover) == [(E, False)]
            assert asked(failover) == []


async def test_an_error_that_waits_for_its_second_run_is_none_of_the_peers_business():
    async with desk(profile="p", term=1).open() as primary:
        await primary.checks(G)
        before = primary.checks_data()
        await primary.checks(E)
        assert primary.checks_data() == before


async def test_a_kill_between_the_two_runs_forgets_nothing():
    d = desk()
    async with d.open():
        await d.checks(G, E)
    again = d.reborn()
    async with again.open():
        assert again.state().status is G
        assert await again.checks(E) == [1]
        assert marks(again) == [(E, False)]


async def test_a_seen_error_of_an_earlier_term_is_verified_anew():
    d = desk(profile="p", term=2)
    async with d.open():
        await d.checks(G, E)
        d.term = 4
        await d.checks(E)
        assert [mark for _, mark in marks(d)] == [False, True, True]


async def test_a_dependency_that_goes_bad_between_the_runs_makes_it_nodata_and_the_next_error_is_verified():
    async with desk().open() as d:
        await d.checks(G, E)
        await d.tell(CheckSkipped(key=key(), why="not run: it depends on Gateway"))
        assert d.state().status is N
        assert await d.checks(E) == [0]
        assert marks(d)[-1] == (E, True)


async def test_a_late_result_of_an_earlier_term_asks_for_nothing():
    async with desk(profile="p", term=3).open() as d:
        await d.checks(G)
        await d.check(E, term=1)
        assert asked(d) == []
        assert marks(d)[-1] == (E, False)


async def test_without_verify_error_the_first_error_counts():
    plain = Desk(catalogue(monitor(), alerts=[alert()]))
    async with plain.open() as d:
        assert await d.checks(G, E) == [0, 1]
        assert asked(d) == []


async def test_only_results_of_monitors_with_an_error_frequency_carry_their_start_to_the_plan():
    for error_frequency_s in (0.0, 5.0):
        d = Desk(catalogue(monitor(error_frequency_s=error_frequency_s, verify_error=False)))
        async with d.open():
            await d.checks(G)
        [record] = [effect for effect in d.effects if isinstance(effect, Record)]
        assert (record.started_mono is not None) == bool(error_frequency_s)
        skip = on_skip(d.writer.table, d.catalogue, CheckSkipped(key=key(), why="dependency"), d.clock.now())
        assert (skip.effects[0].started_mono is not None) == bool(error_frequency_s)


def test_a_state_of_an_earlier_version_is_read():
    old = msgspec.json.decode(b'{"key":{"profile":"","id":"web"},"status":"good","last_wall":5.0}', type=MonitorState)
    assert old.unconfirmed == -1
