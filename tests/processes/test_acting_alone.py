"""A failover that acts for a dead primary, and what happens to itself meanwhile. The tests share one takeover, in this order."""

import pytest

from tests.processes.daemon import until
from tests.processes.pair import STEP_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def acting(stage):
    pair = stage.build()
    try:
        pair.start()
        killed = pair.primary.kill()
        pair.takes_over(killed)
        yield pair
    finally:
        pair.end()


def test_its_own_pause_of_three_seconds_does_not_stop_monitoring(acting):
    term = acting.profile()["term"]
    paused = acting.failover.pause()
    acting.quiet_for(3.0)
    resumed = acting.failover.resume()
    acting.wait_checked(acting.failover, resumed)
    profile = acting.profile()
    assert (profile["position"], profile["may_check"], profile["term"]) == ("active", True, term)
    assert "isolated" not in profile["conditions"]
    noted = [event.event for event in acting.failover.events(paused)]
    assert "paused" in noted
    assert "frozen_over" in noted
    assert not any("standby" in move for move in acting.failover.moves(paused))


def test_restarted_it_resumes_in_the_same_term(acting):
    term = acting.profile()["term"]
    acting.failover.kill()
    acting.failover.start()
    until(lambda: acting.profile()["may_check"], STEP_S, "the failover to act again")
    resumed = acting.failover.status()["node"]["started"]
    profile = acting.profile()
    assert (profile["position"], profile["term"]) == ("active", term)
    assert resumed
    last = acting.failover.checks()[-1].started
    acting.wait_checked(acting.failover, last)


def test_when_both_are_restarted_the_primary_yields_and_monitoring_goes_home(acting):
    last = acting.failover.checks()[-1].started
    stopped = acting.failover.kill()
    acting.primary.start(wait=False)
    acting.failover.start(wait=False)
    standby = acting.steps_back(stopped)
    acting.wait_checked(acting.primary, standby.wall)
    assert acting.doubled(last, standby.wall + 5) == []
    acting.wait_protected()
