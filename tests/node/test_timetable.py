"""A tree starts in the rhythm that its monitors had, here or on the other node."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from sitescope_fo.engine.calendar import Calendars
from sitescope_fo.engine.cells import CellTable
from sitescope_fo.engine.exchange import merge_checks
from sitescope_fo.engine.plan import Plan
from sitescope_fo.engine.state import MonitorState, monitor_cell
from sitescope_fo.model import wire
from sitescope_fo.model.fact import ChecksReceived
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Status
from sitescope_fo.node.timetable import schedule
from tests.engine.parts import WALL, catalogue, key, monitor

NOW = Now(5000.0, WALL)
SHAPES = [monitor(name, frequency_s=600.0, error_frequency_s=30.0) for name in ("bad", "good", "new")]


def node_with(states, profile="", term=1):
    table = CellTable()
    table.apply({monitor_cell(state.key): state for state in states})
    return SimpleNamespace(
        writer=SimpleNamespace(table=table),
        ports=SimpleNamespace(clock=SimpleNamespace(now=lambda: NOW)),
        world=SimpleNamespace(catalogue=catalogue(*SHAPES, profile=profile)),
        plan=Plan(),
        calendars=Calendars(lambda wall: datetime.fromtimestamp(wall, UTC)),
        term_of=lambda _: term,
    )


def state(name, status, age_s, profile="", **more):
    return MonitorState(key=key(name, profile), status=status, last_wall=WALL - age_s, term=1, **more)


def heard_by_the_peer(states, profile):
    """The states as the other node keeps them after the exchange."""
    told = [wire.CheckState(monitor=s.key.id, status=s.status, state_string="", wall=s.last_wall) for s in states]
    body = wire.encode(wire.CheckStates(digest="d", states=tuple(told)))
    there = CellTable()
    there.apply(merge_checks(there, ChecksReceived(profile=profile, data=body), NOW).changes)
    return [there.get(monitor_cell(key(one.key.id, profile))) for one in states]


@pytest.mark.parametrize("from_peer", [False, True], ids=["restart", "hand-back"])
def test_a_monitor_in_error_goes_on_at_its_error_frequency_and_a_good_one_at_its_own(from_peer):
    there = "prod" if from_peer else ""
    states = [state("bad", Status.error, 20.0, there), state("good", Status.good, 20.0, there)]
    node = node_with(heard_by_the_peer(states, "") if from_peer else states)
    schedule(node, "", ages=True)
    assert node.plan.next_run(key("bad")) == pytest.approx(NOW.mono + 10.0)
    assert node.plan.next_run(key("good")) == pytest.approx(NOW.mono + 580.0)
    assert NOW.mono <= node.plan.next_run(key("new")) <= NOW.mono + 60.0


def test_at_a_takeover_what_the_primary_saw_in_error_comes_first_and_keeps_its_closer_rhythm():
    states = heard_by_the_peer([state("bad", Status.error, 20.0), state("good", Status.good, 20.0)], "prod")
    node = node_with(states, "prod", term=2)
    schedule(node, "prod", ramp=True)
    first = next(one for one in node.plan.pop_due(NOW.mono, 0) if one.profile)
    assert first == key("bad", "prod")
    assert node.plan.next_run(first) == pytest.approx(NOW.mono + 30.0)


def test_an_error_seen_once_gets_its_second_run_when_the_tree_starts_and_not_with_each_edit():
    node = node_with([state("good", Status.good, 20.0, unconfirmed=1), state("bad", Status.good, 20.0, unconfirmed=0)])
    schedule(node, "", ages=True)
    assert key("good") in node.plan.pop_due(NOW.mono, 0)
    assert node.plan.overdue == 0, "that of an earlier term is forgotten"
    node.plan.finished(key("good"), NOW.mono)
    schedule(node, "", ages=True)
    assert node.plan.overdue == 0
