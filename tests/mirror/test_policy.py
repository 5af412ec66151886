"""When a mirror is due: every rule of the policy as a table over values."""

import math
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from sitescope_fo.mirror import policy
from sitescope_fo.mirror.outcome import Dropped, Failed, StagedShrink, Unchanged, Verified
from sitescope_fo.mirror.policy import MirrorClock, due, place_of, staleness
from sitescope_fo.mirror.record import Generation, Record
from sitescope_fo.model.config import Tree
from sitescope_fo.model.ports import Now
from sitescope_fo.model.schedule import Moment, Schedule, Window
from sitescope_fo.model.status import Position
from sitescope_fo.model.wire import Manifest
from tests.mirror.primary import WALL

EVERY = 14400.0


def at(mono):
    return Now(mono, WALL + mono)


def local(wall):
    return datetime.fromtimestamp(wall, UTC)


def next_due(clock, mono, place="flip", schedule=None):
    found = due(clock, EVERY, schedule, place, at(mono), local)
    return (found.at, found.reason) if found is not None else None


def verified(revision, place="flip"):
    return Verified(
        revision=revision,
        monitors=1,
        bytes=0,
        files=0,
        skipped=(),
        retargeted=(),
        tree=Tree(),
        generation=NOWHERE,
        place=place,
    )


NOWHERE = Generation(
    Path("nowhere"),
    Record(manifest=Manifest(node_id="", revision="", files=()), monitors=(), made_wall=0.0, serial=1),
)
FAILED = Failed(code="refused", what="nobody answers")


def pulled(clock, mono, outcome, *, full=False):
    return policy.finish(policy.begin(clock, at(mono)), outcome, at(mono), full=full)


def synced(mono=0.0, revision="a"):
    """A clock right after a first good mirror of `revision`."""
    return policy.hear(pulled(MirrorClock(), mono, verified(revision)), revision, at(mono))


@pytest.mark.parametrize("position", Position)
def test_every_position_says_what_may_become_of_a_generation(position):
    wanted = {"standby": "flip", "suspect": "flip", "grace": "drop", "announced": "drop"}
    assert place_of(position) == wanted.get(position.value, "keep")


def test_the_first_pull_is_due_at_once_where_it_may_become_current():
    assert next_due(MirrorClock(), 7.0) == (7.0, "start")
    assert next_due(MirrorClock(), 7.0, "drop") is None
    assert next_due(MirrorClock(), 7.0, "keep") is None


def test_in_sync_only_the_full_verification_is_due():
    assert next_due(synced(3.0), 10.0) == (3.0 + EVERY, "schedule")
    assert next_due(synced(3.0), 10.0, "keep") is None


def test_a_change_is_pulled_two_seconds_after_the_last_edit():
    clock = policy.hear(synced(), "b", at(100))
    assert next_due(clock, 100) == (102, "change")
    clock = policy.hear(clock, "b", at(101))
    assert next_due(clock, 101) == (102, "change")
    clock = policy.hear(clock, "c", at(101.5))
    assert next_due(clock, 101.5) == (103.5, "change")


def test_a_change_that_the_primary_saw_long_ago_has_settled_when_it_is_heard_of():
    clock = policy.hear(synced(), "b", at(100), 1.5)
    assert next_due(clock, 100) == (100.5, "change")
    instant, _ = next_due(policy.hear(synced(), "b", at(100), 60.0), 100)
    assert instant <= 100


def test_edits_without_a_pause_delay_a_pull_five_seconds_at_most():
    clock = synced()
    for n in range(20):
        clock = policy.hear(clock, f"r{n}", at(100 + n))
    assert next_due(clock, 119) == (105, "change")


def test_pulls_are_five_seconds_apart():
    clock = pulled(policy.hear(synced(), "b", at(100)), 102, verified("b"))
    clock = policy.hear(clock, "c", at(102.5))
    assert next_due(clock, 103) == (107, "change")


def test_a_change_that_is_taken_back_needs_no_pull():
    clock = policy.hear(policy.hear(synced(), "b", at(100)), "a", at(101))
    assert next_due(clock, 101) == (EVERY, "schedule")


def test_a_change_heard_during_a_pull_is_pulled_next():
    clock = policy.begin(policy.hear(synced(), "b", at(100)), at(102))
    clock = policy.hear(clock, "c", at(102.1))
    clock = policy.finish(clock, verified("b"), at(103), full=False)
    assert next_due(clock, 103) == (107, "change")


def test_failures_back_off_from_5_s_to_5_min_and_a_success_ends_it():
    clock = policy.hear(synced(), "b", at(100))
    waits = []
    mono = 102.0
    for _ in range(9):
        clock = pulled(clock, mono, FAILED)
        when, reason = next_due(clock, mono)
        waits.append(when - mono)
        assert reason == "retry"
        mono = when
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    clock = pulled(clock, mono, verified("b"))
    assert next_due(clock, mono) == (EVERY, "schedule")


def test_a_failed_full_verification_is_tried_again_as_one():
    clock = pulled(synced(), EVERY, FAILED, full=True)
    assert next_due(clock, EVERY) == (EVERY + 5, "schedule")


def test_a_repaired_configuration_does_not_sit_out_the_back_off():
    unloadable = Failed(code="mirror_unloadable", what="bad key", revision="b")
    clock = policy.hear(synced(), "b", at(100))
    for mono in (102, 107, 117, 137, 177):
        clock = pulled(clock, mono, unloadable)
    assert next_due(clock, 180) == (257, "retry")
    assert next_due(policy.hear(clock, "b", at(180)), 180) == (257, "retry")
    assert next_due(policy.hear(clock, "c", at(190)), 190) == (192, "change")


def test_a_staged_shrink_is_left_alone_until_it_is_ripe_or_changes():
    staged = StagedShrink(revision="b", before=30, after=0, removed=(), remaining_s=1000.0)
    clock = pulled(policy.hear(synced(), "b", at(100)), 102, staged)
    assert next_due(clock, 103) == (1102, "ripe")
    assert next_due(clock, 103, "keep") is None
    clock = policy.hear(clock, "c", at(200))
    assert next_due(clock, 200) == (202, "change")


def test_theirs_is_fetched_once_while_acting_and_taken_at_once_afterwards():
    clock = pulled(policy.hear(synced(), "b", at(100)), 102, verified("b", "keep"))
    assert next_due(clock, 103, "keep") is None
    assert next_due(clock, 200, "flip") == (107, "change")


def test_a_dropped_generation_is_fetched_again_when_the_primary_is_back():
    clock = pulled(policy.hear(synced(), "b", at(100)), 102, Dropped(revision="b"))
    assert next_due(clock, 103, "drop") is None
    assert next_due(clock, 120, "flip") == (107, "change")


def test_a_full_verification_sets_the_next_one_and_a_small_pull_does_not():
    clock = pulled(synced(), 1000, Unchanged(revision="a", monitors=1, full=False))
    assert next_due(clock, 1001) == (EVERY, "schedule")
    clock = pulled(clock, 2000, Unchanged(revision="a", monitors=1, full=True), full=True)
    assert next_due(clock, 2001) == (2000 + EVERY, "schedule")


# WALL is a Sunday, 10:00 UTC.
NOON = Schedule(name="noon", kind="absolute", moments=(Moment(day="sun", minute=12 * 60), Moment(day="mon", minute=0)))
NIGHT = Schedule(name="night", kind="range", windows=(Window(day="sun", start=22 * 60, end=24 * 60),))


def test_an_absolute_schedule_names_the_moments():
    clock = synced()
    assert next_due(clock, 100, schedule=NOON) == (7200, "schedule")
    clock = pulled(clock, 7200.5, Unchanged(revision="a", monitors=1, full=True), full=True)
    assert next_due(clock, 7201, schedule=NOON) == (14 * 3600, "schedule")


def test_a_moment_that_passed_during_an_outage_is_made_up_for():
    when, reason = next_due(synced(), 9000, schedule=NOON)
    assert (when, reason) == (7200, "schedule")


def test_a_small_step_back_of_the_wall_clock_fires_no_moment_twice():
    clock = pulled(synced(), 7200, Unchanged(revision="a", monitors=1, full=True), full=True)
    stepped = Now(7201, WALL + 7201 - 5)
    found = due(clock, EVERY, NOON, "flip", stepped, local)
    assert found.at > 7201 + 3600


def test_a_range_schedule_holds_the_full_verification_back_until_it_opens():
    assert next_due(synced(), 100, schedule=NIGHT) == (12 * 3600, "schedule")
    inside = synced(12 * 3600)
    short = due(inside, 600.0, NIGHT, "flip", at(12 * 3600 + 1), local)
    assert (short.at, short.reason, short.full) == (12 * 3600 + 600, "schedule", True)


@pytest.mark.parametrize("schedule", [NOON, NIGHT])
def test_a_schedule_does_not_hold_back_changes(schedule):
    clock = policy.hear(synced(), "b", at(100))
    assert next_due(clock, 100, schedule=schedule) == (102, "change")


def test_a_schedule_that_never_opens_asks_for_nothing():
    assert next_due(synced(), 1, schedule=Schedule(name="never", kind="range")) is None
    assert next_due(synced(), 1, schedule=Schedule(name="never", kind="absolute")) is None


@pytest.mark.parametrize(("check_every", "figure"), [(0.5, 59), (15, 30), (20, 20), (60, 60)])
def test_a_stale_mirror_is_told_two_probes_before_a_minute_or_three_probes_are_over(check_every, figure):
    clock = policy.hear(synced(), "b", at(100))
    assert staleness(clock, check_every, at(100 + figure - 1)) == ""
    assert "revision b" in staleness(clock, check_every, at(100 + figure))


def test_a_mirror_in_sync_or_waiting_for_a_yes_is_not_stale():
    assert staleness(synced(), 15, at(10**6)) == ""
    staged = StagedShrink(revision="b", before=30, after=0, removed=(), remaining_s=1000.0)
    assert staleness(pulled(policy.hear(synced(), "b", at(100)), 102, staged), 15, at(900)) == ""
    assert staleness(MirrorClock(), 15, at(900)) == ""


def test_nothing_ever_makes_an_instant_that_is_no_number():
    clock = msgspec.structs.replace(MirrorClock(), started=True)
    assert next_due(clock, 5.0) is None
    assert not math.isnan(pulled(clock, 5.0, FAILED).retry_at)
