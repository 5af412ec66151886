"""Processes that stand still for a while and go on."""

import pytest

from tests.processes.pair import ACTIVATE_AFTER_S, NOISE_S, PROMISE_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


def test_a_primary_that_stops_for_long_is_taken_over_and_starts_nothing_when_it_goes_on(fresh_pair):
    pair = fresh_pair
    paused = pair.primary.pause()
    moved, first = pair.takes_over(paused)
    assert first.started - paused <= PROMISE_S + NOISE_S
    pair.wait_checked(pair.failover, moved.wall)
    pair.primary.resume()
    standby = pair.steps_back(moved.wall)
    pair.wait_checked(pair.primary, standby.wall)
    assert pair.doubled(moved.wall, standby.wall + 5) == []


def test_a_short_pause_of_the_primary_causes_no_takeover(pair):
    paused = pair.primary.pause()
    pair.quiet_for(1.0)
    resumed = pair.primary.resume()
    pair.wait_checked(pair.primary, resumed)
    pair.quiet_for(ACTIVATE_AFTER_S)
    assert not pair.took_over(paused)


def test_a_pause_of_the_standby_itself_causes_no_takeover(pair):
    paused = pair.failover.pause()
    pair.quiet_for(ACTIVATE_AFTER_S + 2)
    pair.failover.resume()
    pair.quiet_for(3.0)
    assert not pair.took_over(paused)
    assert pair.profile()["state"] == "standby"
