"""A line between the nodes that is not cut, only bad: late, reset, trickling, corrupting."""

import pytest

from tests.processes.bad_line import BadLine
from tests.processes.daemon import until
from tests.processes.pair import ACTIVATE_AFTER_S, NOISE_S, PROFILE, PROMISE_S, STEP_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


@pytest.fixture
def line(fresh_pair):
    """The way from the failover to its primary."""
    found = BadLine(fresh_pair.primary.port)
    fresh_pair.failover.cli("profile", "edit", PROFILE, "--port", str(found.port))
    fresh_pair.wait_protected()
    until(lambda: found.passed, STEP_S, "a connection over the line")
    yield found
    found.close()


def test_late_answers_and_resets_in_between_cause_no_takeover(fresh_pair, line):
    began, passed = fresh_pair.now(), line.passed
    line.mood = "flaky"
    fresh_pair.quiet_for(3 * ACTIVATE_AFTER_S)
    line.mood = "good"
    assert line.passed > passed + 1, "each reset makes a new connection"
    fresh_pair.wait_protected()
    assert not fresh_pair.took_over(began)


def test_corrupted_answers_are_no_proof_of_life_and_an_alarm_and_pass_without_a_takeover(fresh_pair, line):
    began = fresh_pair.now()
    line.mood = "corrupt"
    fresh_pair.failover.event(lambda e: e.event.startswith("alarm_"), STEP_S, "an alarm", began)
    line.mood = "good"
    fresh_pair.wait_protected()
    assert not fresh_pair.took_over(began)


def test_answers_that_trickle_are_silence_and_are_taken_over_in_time(fresh_pair, line):
    began = fresh_pair.now()
    line.mood = "trickle"
    moved, first = fresh_pair.takes_over(began)
    assert first.started - began <= PROMISE_S + NOISE_S
    line.mood = "good"
    fresh_pair.steps_back(moved.wall)
