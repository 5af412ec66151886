"""What operators plan: switchover and release, hold, stop and restart."""

import pytest

from tests.processes.daemon import until
from tests.processes.pair import ACTIVATE_AFTER_S, PROFILE, STEP_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


def test_a_switchover_and_its_release_overlap_nowhere(fresh_pair):
    pair = fresh_pair
    pair.wait_checked(pair.primary, 0.0)
    began = pair.failover.events()[-1].wall
    pair.failover.cli("switchover", PROFILE, "--yes", "--for", "10m")
    moved = pair.failover.reached("activating", STEP_S, began)
    pair.wait_checked(pair.failover, moved.wall)
    assert pair.primary.status()["node"]["state"] == "yielded"
    assert pair.primary.checks(moved.wall) == []
    assert "hold" in pair.profile()["conditions"]
    pair.failover.cli("release", PROFILE)
    standby = pair.steps_back(moved.wall)
    pair.wait_checked(pair.primary, standby.wall)
    last = pair.failover.checks(moved.wall)[-1]
    assert last.started < pair.primary.checks(moved.wall)[0].started
    assert pair.town.mail.about("Shop/") == []


def test_a_hold_prevents_the_takeover_until_it_is_released(fresh_pair):
    pair = fresh_pair
    pair.failover.cli("hold", PROFILE, "--reason", "network work", "--for", "1h")
    killed = pair.primary.kill()
    blocked = pair.failover.event(lambda e: e.event == "alarm_blocked", STEP_S, "the alarm", killed)
    assert "network work" in blocked.what
    pair.wait_letter("BLOCKED by hold", killed)
    pair.quiet_for(3.0)
    assert pair.profile()["position"] == "grace"
    assert pair.failover.checks() == []
    pair.failover.cli("release", PROFILE)
    pair.takes_over(killed)


def test_a_stop_says_goodbye_within_five_seconds_and_a_restart_in_time_is_no_takeover(pair):
    seconds, code = pair.primary.stop()
    assert code == 0
    assert seconds <= 5
    announced = pair.failover.reached("announced", STEP_S)
    pair.quiet_for(ACTIVATE_AFTER_S + 2)
    assert pair.profile()["position"] == "announced"
    pair.primary.start()
    pair.wait_protected()
    assert not pair.took_over(announced.wall)


def test_a_stop_of_the_standby_ends_within_five_seconds(pair):
    seconds, code = pair.failover.stop()
    assert code == 0
    assert seconds <= 5
    pair.failover.start()
    until(lambda: pair.profile()["state"] == "standby", STEP_S, "standby")
