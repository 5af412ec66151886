"""What was: a plot of bars with its states, the steps of a role, the files of the logs."""

from sitescope_fo.cli.past_sheet import bars
from sitescope_fo.model.record import HistoryPoint
from tests.cli.doors import CannedDoor
from tests.cli.past_answers import HISTORY, LOGS, STEPS


def test_a_history_shows_bars_states_and_who_was_told(run):
    shown = run("monitor", "history", "Web/Home", door=CannedDoor(monitor_history=HISTORY)).out
    assert "Web/Home: 6 results from 06:00:00 to 12:00:00 UTC" in shown
    assert "round_trip_time: at least 100 ms, at most 3.1 s, last 200 ms" in shown
    for line in ("those before 06:00:00 are left out", "nobody looked", "now", "the cut was healed", "tell: error", "ops@x"):
        assert line in shown


def test_bars_reach_from_the_lowest_to_the_highest_and_leave_gaps():
    def point(value):
        return HistoryPoint(at="", min=value, max=value, last=value, status="good", results=1)

    points = (point(1.0), point(None), point(2.0), point(None))
    assert bars(points, 1.0, 2.0, utf8=True) == "▁ █"
    assert bars(points, 1.0, 2.0, utf8=False) == "_ @"
    assert bars((point(5.0),), 5.0, 5.0, utf8=True) == "▁"


def test_a_timeline_shows_each_step_with_its_newest_evidence(run):
    shown = run("profile", "timeline", "prod", door=CannedDoor(timeline=STEPS)).out
    assert "silent for 3 min; seen: miss_timeout no answer within 5 s" in shown
    assert "activating" in shown
    assert "Nothing has changed yet" in run("profile", "timeline", "prod", door=CannedDoor(timeline=[])).out


def test_the_files_of_the_logs_are_listed_with_the_time_they_cover(run):
    assert "2.0 KiB  2026-11-22T10:00:00.000Z" in run("log", "list", door=CannedDoor(logs=LOGS)).out
