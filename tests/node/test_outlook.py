"""What happens next, in one sentence, for every position."""

import math

import pytest
from msgspec.structs import replace

from sitescope_fo.failover.state import Handback, Hold, Journal, Live, ProfileState
from sitescope_fo.model.config import PRESETS, Profile
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Condition, Position, PrimaryState
from sitescope_fo.node.outlook import outlook

NOW = Now(1000.0, 1_790_000_000.0)
CONFIG = Profile(id="1", name="prod", primary_host="h", preset="lan", timing=PRESETS["lan"])
HOLD = Hold(by="unix:0", reason="move", set_wall=0, until_wall=9e9, remaining_s=10)


def say(position, *, conditions=(), live=None, **journal):
    state = ProfileState(
        config=CONFIG,
        journal=Journal(position=position, **journal),
        live=replace(Live(), **(live or {})),
        conditions=frozenset(conditions),
    )
    return outlook(state, NOW)


@pytest.mark.parametrize(
    ("position", "fields", "sentence"),
    [
        (Position.standby, {}, "takes over when the primary gives no proof of life for 15s"),
        (Position.standby, {"live": {"window_open": False}}, "not watched now: the check schedule is closed"),
        (Position.suspect, {"live": {"misses": 2}}, "waiting for 3 misses, 2 seen"),
        (Position.grace, {"live": {"last_pol": 995.0}}, "takes over in 10s"),
        (Position.grace, {"live": {"last_pol": 900.0}}, "takes over at the next failed probe"),
        (Position.announced, {"live": {"deadline": 1020.5}}, "the primary said it is back soon; takes over in 21s otherwise"),
        (Position.activating, {}, "starting the mirrored monitors, shortest frequency first"),
        (Position.active, {}, "steps back when the primary gives proof of life again"),
        (
            Position.active,
            {"live": {"primary_state": PrimaryState.running, "answering": True}},
            "steps back when the primary's health holds, or at an operator's word",
        ),
        (
            Position.active,
            {"conditions": {Condition.flap_lock}},
            "stays active: the primary flapped; `unlock` or six hours of primary health end this",
        ),
        (Position.active, {"conditions": {Condition.hold}, "hold": HOLD}, "stays active until the hold of unix:0 ends"),
        (Position.recovering, {"live": {"deadline": 1004.0}}, "the primary is back; hands back in 4s when it stays well"),
        (
            Position.handback,
            {"handback": Handback(id="h", step="H5", since_wall=0)},
            "handing monitoring back to the primary, step H5",
        ),
        (Position.handback, {}, "handing monitoring back to the primary, step ?"),
    ],
)
def test_each_position_has_its_sentence(position, fields, sentence):
    assert say(position, **fields).sentence == sentence


@pytest.mark.parametrize(
    "condition", [Condition.hold, Condition.no_mirror, Condition.isolated, Condition.frozen, Condition.fault]
)
@pytest.mark.parametrize("position", [Position.standby, Position.suspect, Position.grace, Position.announced])
def test_what_blocks_a_takeover_is_named(position, condition):
    said = say(position, conditions={condition}, live={"last_pol": 995.0, "deadline": 1020.0})
    assert said.sentence.endswith(f", but {condition} holds it back")


def test_the_hour_of_a_takeover_is_told_while_it_is_counted_down_to():
    assert say(Position.grace, live={"last_pol": 995.0}).activates_wall == NOW.wall + 10
    assert say(Position.announced, live={"deadline": 1020.0}).activates_wall == NOW.wall + 20
    assert say(Position.standby).activates_wall == 0.0


@pytest.mark.parametrize("position", [Position.grace, Position.announced])
def test_no_hour_is_told_while_something_blocks(position):
    said = say(position, conditions={Condition.hold}, live={"last_pol": 995.0, "deadline": 1020.0})
    assert said.activates_wall == 0.0


def test_no_position_is_without_a_sentence():
    for position in Position:
        assert say(position, live={"deadline": 1001.0, "last_pol": -math.inf}).sentence
