"""What survives the process survives it unchanged."""

import math

import msgspec
import pytest

from sitescope_fo.engine.cells import Cell
from sitescope_fo.engine.state import (
    ACK,
    BLIND,
    DOWNTIME,
    HEARD,
    LEDGER,
    MONITOR,
    OUTBOX,
    PRIMARY,
    PROFILE,
    PULSE,
    TOLD,
    BlindWindow,
    LedgerRow,
    MonitorState,
    OutboxItem,
    Pulse,
)
from sitescope_fo.engine.told import ToldMail, ToldMails
from sitescope_fo.failover import machine
from sitescope_fo.failover.state import (
    Evidence,
    Handback,
    Hold,
    Journal,
    Overlap,
    PrimaryJournal,
    PrimarySide,
    ProfileState,
    Transition,
)
from sitescope_fo.failover.timeline import TIMELINE, TimelineEntry
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.status import Condition, EvidenceKind, Position, Role, Status
from sitescope_fo.node import codec, state_file
from sitescope_fo.node.codec import StateJournal, decode
from sitescope_fo.store.errors import StateUnreadable
from tests.failover.desk import profile
from tests.node.test_decide import ACK_VALUE, DOWNTIME_VALUE, NOW, world

SEEN = Evidence(wall=1.5, kind=EvidenceKind.miss_timeout, what="no answer within 5 s")
LEDGER_ROW = LedgerRow(
    profile="prod", monitor="m", alert="a", recipient="r@x", status=Status.error, transition=3, repeat=1, term=7, wall=2.5
)
JOURNAL = Journal(
    position=Position.handback,
    since_wall=1.0,
    term=4,
    highest_term_heard=5,
    hold=Hold(by="me", reason="r", set_wall=1, until_wall=2, remaining_s=3, switchover=True),
    takeovers=(1.0, 2.0),
    handback=Handback(id="h", step="H5", since_wall=1, term=6),
    overlaps=(Overlap(since_wall=1.0, why="w"),),
    last_transition=Transition(source=Position.active, to=Position.handback, wall=1, why="w", evidence=(SEEN,)),
)
PRIMARY_JOURNAL = PrimaryJournal(term=3, highest_term_heard=9, done_handbacks=("a", "b"))
DURABLE = {
    MONITOR: MonitorState(
        key=MonitorKey("prod", "m"), status=Status.warning, value=1.5, values={"a": True, "b": "x"}, counts={Status.good: 2}
    ),
    LEDGER: LEDGER_ROW,
    OUTBOX: OutboxItem(
        id="i", kind="alert", profile="prod", key="k", to="r@x", subject="s", text="t\nü", message_id="<1@x>", created_wall=1.0,
        tells=LEDGER_ROW, blind=(1.0, 2.0),
    ),
    BLIND: BlindWindow(profile="prod", monitor="m", path="Web/Home", term=1, start=1.0, end=2.0),
    TOLD: ToldMails(profile="prod", monitor="m", mails=(ToldMail(alert="a", to="r@x", status=Status.good, wall=1.0),)),
    TIMELINE: TimelineEntry(
        profile="prod", number=3, source="grace", to="activating", wall=1.0, why="w", term=2, evidence=(SEEN,)
    ),
    ACK: ACK_VALUE,
    DOWNTIME: DOWNTIME_VALUE,
    PROFILE: ProfileState(config=profile(), journal=JOURNAL),
    PRIMARY: PrimarySide(journal=PRIMARY_JOURNAL, deadline=math.inf),
}  # fmt: skip
AS_READ = DURABLE | {PROFILE: JOURNAL, PRIMARY: PRIMARY_JOURNAL}


def written(kind, value):
    return StateJournal(None, None).encode(Cell(kind, "id"), value)


def test_every_durable_kind_is_tried_here():
    assert set(DURABLE) == set(codec._TYPES)


@pytest.mark.parametrize("kind", DURABLE)
def test_a_durable_value_comes_back_as_it_was(kind):
    assert StateJournal(None, None).durable(kind)
    data = written(kind, DURABLE[kind])
    assert decode({(kind, "id"): data}) == {Cell(kind, "id"): AS_READ[kind]}


@pytest.mark.parametrize(("kind", "value"), [(PULSE, Pulse(started_mono=1, finished_mono=2)), (HEARD, "digest")])
def test_what_is_worth_nothing_after_a_restart_is_not_written(kind, value):
    assert not StateJournal(None, None).durable(kind)
    assert written(kind, value) is None


def test_kinds_of_a_newer_release_are_passed_over():
    assert decode({("lease", "x"): b"{}", ("writer", "retry"): b"{}"}) == {}


@pytest.mark.parametrize("data", [b"", b"{", b'{"position":"dancing"}', b'{"term":"four"}', b"\xff"])
def test_a_value_that_cannot_be_read_makes_the_state_unreadable(data):
    with pytest.raises(StateUnreadable):
        decode({(PROFILE, "prod"): data})


def test_fields_of_a_newer_release_are_passed_over():
    data = msgspec.json.encode({**msgspec.to_builtins(JOURNAL), "lease": "x"})
    assert decode({(PROFILE, "prod"): data}) == {Cell(PROFILE, "prod"): JOURNAL}


def test_a_node_starts_with_a_machine_for_each_configured_profile():
    acting = Journal(position=Position.active, term=4)
    values = {Cell(PROFILE, "prod"): acting, Cell(PROFILE, "removed"): JOURNAL, Cell(LEDGER, "l"): LEDGER_ROW}
    node = world(Role.failover)
    cells = state_file.restored(values, node.ha, node.config, "boot", NOW)
    assert cells == {Cell(PROFILE, "prod"): machine.restored(profile(), acting), Cell(LEDGER, "l"): LEDGER_ROW}
    assert Condition.frozen in cells[Cell(PROFILE, "prod")].conditions
    assert state_file.strangers(values, node.ha) == {Cell(PROFILE, "removed")}


def test_a_primary_starts_with_its_side_whatever_it_has():
    node = world(Role.primary)
    cells = state_file.restored({}, node.ha, node.config, "boot", NOW)
    assert list(cells) == [Cell(PRIMARY)]
    assert cells[Cell(PRIMARY)].boot_id == "boot"
