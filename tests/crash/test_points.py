"""A crash, a power loss or a failing disk at any durable step of a pair's life ends as it should (R18, R14).

Every step has a number: (story, work item, step). A default run tries a sample, the same each time, in which no way through the
product comes twice; with SITESCOPE_TEST_ALL_POINTS=1 (`make soak`) every trial at every step, about 9,000.
"""

import os
import random
from collections import defaultdict

import pytest

from tests.crash.life import LIFE, SHAPE, told
from tests.crash.player import play

pytestmark = pytest.mark.simulation
ALL = "SITESCOPE_TEST_ALL_POINTS"
SHARDS = 2
EVERYTHING = bool(int(os.environ.get(ALL, "0")))
"""Read at import: the suite clears what begins with SITESCOPE_ from the environment of a test."""
SAMPLED = 18
"""Trials of one story and shard in the default run: 0.1 s of processor time each."""


def chosen_of(points, shard=0, shards=1, *, everything=EVERYTHING):
    """work item -> [(step, how)]: all, or a sample in which every way through the product comes first."""
    trials = [(point, how) for point in points for how in point.hows()]
    if not everything:
        random.Random(20261122).shuffle(trials)  # the same in each run
        first, more, seen = [], [], set()
        for point, how in trials:
            (more if point.name in seen else first).append((point, how))
            seen.add(point.name)
        trials = [*first, *more][: SAMPLED * shards]
    chosen = defaultdict(list)
    for point, how in trials[shard::shards]:
        chosen[point.item].append((point.step, how))
    return chosen


@pytest.mark.timeout(3600 if EVERYTHING else 120)
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("story", LIFE)
def test_a_pair_survives_a_crash_or_a_failing_disk_at_every_durable_step(story, shard):
    chosen = chosen_of(told(story).points, shard, SHARDS)
    played = play(LIFE[story], chosen, **SHAPE)
    assert played.trials == sum(map(len, chosen.values())) > 0
    print(f"\n{story}: {played.trials} trials over {len(played.points)} durable steps")
    assert not played.failures, "\n".join(
        [f"{len(played.failures)} of {played.trials}", *(text for _, text in played.failures[:3])]
    )


@pytest.mark.parametrize("story", LIFE)
def test_the_same_story_has_the_same_steps(story):
    first, second = told(story).points, play(LIFE[story], **SHAPE).points
    assert [(p.item, p.step, p.kind, p.site) for p in first] == [(p.item, p.step, p.kind, p.site) for p in second]


@pytest.mark.parametrize("story", LIFE)
def test_no_node_writes_to_its_disk_on_its_event_loop(story):
    assert told(story).strays == []


@pytest.mark.parametrize("how", ["kill", "EIO"])
def test_a_trial_that_fails_is_found_and_the_story_goes_on(how, monkeypatch):
    async def never(w, victim, kept):
        raise AssertionError(f"as if the {victim.name} had not come back")

    monkeypatch.setattr("tests.crash.player.recovers", never)
    points = [point for point in told("beginning").points if how in point.hows()]
    chosen = {points[9].item: [(points[9].step, how)]}
    played = play(LIFE["beginning"], chosen, **SHAPE)
    assert len(played.points) == len(told("beginning").points)
    ((trial, text),) = played.failures
    assert trial == (points[9].item, points[9].step, how)
    assert "had not come back" in text
    assert "timeline" in text
