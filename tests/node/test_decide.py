"""Every fact reaches whoever judges it, and role mails become durable with the decision they follow from."""

from datetime import UTC, datetime

import msgspec
import pytest

from sitescope_fo.engine.calendar import Calendars
from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.cells import Cell, CellTable
from sitescope_fo.engine.plan import HOST_FULL
from sitescope_fo.engine.state import (
    ACK,
    BLIND,
    DOWNTIME,
    HEARD,
    LEDGER,
    MONITOR,
    OUTBOX,
    PROFILE,
    PULSE,
    ack_cell,
    downtime_cell,
)
from sitescope_fo.failover import machine, primary
from sitescope_fo.failover.state import PrimarySide
from sitescope_fo.model import fact as facts
from sitescope_fo.model import wire
from sitescope_fo.model.config import HaConfig, MailServer, MailSettings, NodeConfig, Tree
from sitescope_fo.model.effect import RejudgeAlerts, RoleMail
from sitescope_fo.model.monitor import CheckResult, Monitor, MonitorKey
from sitescope_fo.model.ports import Now
from sitescope_fo.model.schedule import Schedule, Window
from sitescope_fo.model.status import PrimaryState, Role, Status
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.node import decide as module
from sitescope_fo.node.decide import OWN, Decider, key_cell
from sitescope_fo.node.world import World
from sitescope_fo.notify.alert_mail import Letterhead
from tests.failover.desk import profile

UTC_CALENDARS = Calendars(lambda wall: datetime.fromtimestamp(wall, UTC))
NOW = Now(1000.0, 1_790_000_000.0)
KEY = MonitorKey("", "m1")
MONITOR_VALUE = Monitor(
    id="m1", type="port", name="Home", path="Web/Home", settings={"host": "h", "port": 80}, frequency_s=60.0, timeout_s=5.0
)
MAIL = MailSettings(servers=(MailServer(host="mail"),), sender="s@example.org", to=("ops@example.org",))


def every_fact(kind=facts.Fact):
    """All concrete classes."""
    for sub in kind.__subclasses__():
        if sub is not facts.ProfileFact and sub.__module__.startswith(f"{facts.__name__}."):  # tests have some too
            yield sub
        yield from every_fact(sub)


def world(role):
    tree = Tree(revision="r", monitors=(MONITOR_VALUE,), mail=MAIL)
    catalogue = Catalogue().with_tree("", tree).with_tree("prod", tree)
    ha = HaConfig(node_id="n1", profiles=(profile(),) if role is Role.failover else ())
    head = Letterhead("host", "SiteScope")
    return World(config=NodeConfig(role=role), ha=ha, host="host", specs=Registry().specs, catalogue=catalogue, letterhead=head)


def table(role):
    cells = CellTable()
    if role is Role.failover:
        cells.apply(
            {Cell(PROFILE, "prod"): machine.initial(profile()), Cell(PROFILE, "two"): machine.initial(profile(name="two"))}
        )
    else:
        cells.apply({OWN: primary.restored(None, "boot", 10.0, NOW)})
    return cells


def decide(role, fact, cells=None, now=NOW):
    cells = cells or table(role)
    return Decider(lambda: world(role), UTC_CALENDARS).decide(cells, fact, now), cells


TYPED = {"by": "ann", "at": NOW.wall, "changed": NOW.wall, "node": "n1"}
ACK_VALUE = wire.Acknowledgement(monitor="m1", comment="I look at it", **TYPED)
DOWNTIME_VALUE = wire.Downtime(id="d1", scope="", reason="new disks", start=NOW.wall, end=NOW.wall + 60.0, **TYPED)
ENGINE = {
    facts.Acknowledged: (facts.Acknowledged(key=KEY, value=ACK_VALUE), ACK),
    facts.AckRemoved: (facts.AckRemoved(key=KEY, by="ann", node="n1"), ACK),
    facts.DowntimeSet: (facts.DowntimeSet(profile="", value=DOWNTIME_VALUE), DOWNTIME),
    facts.DowntimeEnded: (facts.DowntimeEnded(profile="", id="d1", by="ann", node="n1"), DOWNTIME),
    facts.OperatorStateReceived: (
        facts.OperatorStateReceived(profile="", data=wire.encode(wire.OperatorState(digest="d"))),
        HEARD,
    ),
    facts.CheckFinished: (
        facts.CheckFinished(
            key=KEY, result=CheckResult(values={"round_trip_time": 0.1}), started_mono=999, started_wall=NOW.wall - 1, term=0
        ),
        MONITOR,
    ),
    facts.CheckSkipped: (facts.CheckSkipped(key=KEY, why="its dependency is not good"), MONITOR),
    facts.NoopFinished: (facts.NoopFinished(started_mono=999.0), PULSE),
    facts.LedgerReceived: (
        facts.LedgerReceived(
            profile="",
            data=wire.encode(
                wire.Ledger(
                    digest="d",
                    entries=(
                        wire.LedgerEntry(
                            monitor="m1", alert="a", recipient="r", status=Status.error, transition=1, repeat=0, term=1, wall=1.0
                        ),
                    ),
                )
            ),
        ),
        LEDGER,
    ),
    facts.ChecksReceived: (
        facts.ChecksReceived(
            profile="",
            data=wire.encode(
                wire.CheckStates(
                    digest="d", states=(wire.CheckState(monitor="m1", status=Status.error, state_string="down", wall=5.0),)
                )
            ),
        ),
        MONITOR,
    ),
}
ABOUT_MAIL = {facts.MailLeaving, facts.MailSent, facts.MailFailed}
ABOUT_TREES = {facts.TreeChanged}
LOGGED_WHERE_IT_HAPPENS = {facts.TreeRejected}
NOTED_IN_RUN_LOG = {
    facts.RunsMissed: (facts.RunsMissed(gap_s=7200.0, monitors=9, runs=1071), "2h", ""),
    facts.RunsSkipped: (facts.RunsSkipped(runs={HOST_FULL: 3}, hosts=("web (9 wait)",)), "web (9 wait)", "max_per_host"),
    facts.ChecksHang: (facts.ChecksHang(given_up=4, hanging=5, paths=("a", "b", "c")), "(a, b, c …); 5 still hang", "stuck"),
}


def test_every_class_of_fact_is_known_to_this_test_and_has_its_place():
    routed = {*module._EVERY_MACHINE, *module._PRIMARY_SIDE, *every_fact(facts.ProfileFact)}
    engine = {*ENGINE, *ABOUT_MAIL, *ABOUT_TREES, *LOGGED_WHERE_IT_HAPPENS, *NOTED_IN_RUN_LOG}
    assert routed | engine == set(every_fact()), "a new fact needs a place in node/decide.py and here"
    assert not routed & engine


@pytest.mark.parametrize("kind", NOTED_IN_RUN_LOG, ids=lambda kind: kind.__name__)
def test_trouble_with_running_checks_is_a_line_of_run_log_with_what_to_do(kind):
    fact, what, hint = NOTED_IN_RUN_LOG[kind]
    decision, _ = decide(Role.primary, fact)
    [note] = decision.effects
    assert what in note.what
    assert hint in note.hint
    assert not decision.changes


@pytest.mark.parametrize("kind", ENGINE, ids=lambda kind: kind.__name__)
def test_facts_of_checks_change_the_cells_they_are_about(kind):
    fact, changed = ENGINE[kind]
    cells = table(Role.failover)
    cells.apply({ack_cell(KEY): ACK_VALUE, downtime_cell("", "d1"): DOWNTIME_VALUE})
    decision, _ = decide(Role.failover, fact, cells)
    assert changed in {cell.kind for cell in decision.changes}


def outbox_of(cells):
    return list(cells.of(OUTBOX).values())


def test_a_role_mail_is_in_the_outbox_with_the_decision_it_follows_from():
    stop = facts.StoreFailed(why="disk full")
    decision, cells = decide(Role.failover, stop)
    mails = [value for cell, value in decision.changes.items() if cell.kind == OUTBOX]
    assert {mail.to for mail in mails} == {"ops@example.org"}
    assert not any(isinstance(effect, RoleMail | RejudgeAlerts) for effect in decision.effects)
    cells.apply(decision.changes)
    item = outbox_of(cells)[0]
    sent, _ = decide(Role.failover, facts.MailSent(item=item.id, server="mail"), cells)
    assert sent.changes[Cell(OUTBOX, item.key)] is None
    failed, _ = decide(Role.failover, facts.MailFailed(item=item.id, why="later", permanent=False), cells)
    assert failed.changes[Cell(OUTBOX, item.key)].attempts == 1


@pytest.mark.parametrize(
    "fact", [facts.Tick(), facts.LoopGap(gap_s=9.0), facts.StoreFailed(why="full")], ids=lambda f: type(f).__name__
)
def test_facts_of_the_node_reach_every_machine(fact):
    decision, _ = decide(Role.failover, fact)
    if not isinstance(fact, facts.Tick):
        assert {cell.id for cell in decision.changes if cell.kind == PROFILE} == {"prod", "two"}
    decision, _ = decide(Role.primary, facts.StopAsked(why="maintenance", eta_s=30))
    assert decision.changes[OWN].state is PrimaryState.stopping


def test_a_fact_of_one_profile_touches_no_other():
    fact = facts.MirrorVerified(profile="prod", revision="r", monitors=1, wall=NOW.wall)
    decision, _ = decide(Role.failover, fact)
    assert {cell for cell in decision.changes if cell.kind == PROFILE} == {Cell(PROFILE, "prod")}


def test_facts_of_an_unknown_profile_change_nothing():
    for fact in (facts.HoldReleased(profile="gone", by="x"), facts.GateSampled(profile="gone", asked=1, answered=1)):
        decision, _ = decide(Role.failover, fact)
        assert (decision.changes, decision.effects) == ({}, ())


def test_a_profile_comes_by_being_set_and_goes_with_all_that_was_known_of_it():
    cells = CellTable()
    decision, _ = decide(Role.failover, facts.ProfileSet(profile="prod", config=profile(), edited=False), cells)
    cells.apply(decision.changes)
    assert cells.get(Cell(PROFILE, "prod")).journal.since_wall == NOW.wall
    key = MonitorKey("prod", "m1")
    result = facts.CheckFinished(key=key, result=CheckResult(), started_mono=1, started_wall=1, term=1)
    decision, _ = decide(Role.failover, result, cells)
    cells.apply(decision.changes)
    assert cells.get(key_cell(key)) is not None
    decision, _ = decide(Role.failover, facts.ProfileRemoved(profile="prod"), cells)
    cells.apply(decision.changes)
    assert cells.get(key_cell(key)) is None
    assert cells.get(Cell(PROFILE, "prod")) is None


def test_facts_of_the_primarys_side_say_nothing_to_a_failover():
    decision, _ = decide(Role.failover, facts.PeersListed(node_ids=("x",), pause_limit_s=2.0))
    assert (decision.changes, decision.effects) == ({}, ())


def test_monitors_of_a_removed_tree_are_forgotten():
    cells = table(Role.failover)
    gone = MonitorKey("", "gone")
    for key in (KEY, gone):
        result = facts.CheckFinished(key=key, result=CheckResult(), started_mono=1, started_wall=1, term=0)
        decision, _ = decide(Role.failover, result, cells)
        cells.apply(decision.changes)
    decision, _ = decide(Role.failover, facts.TreeChanged(profile="", revision="r", monitors=1), cells)
    cells.apply(decision.changes)
    assert cells.get(key_cell(KEY)) is not None
    assert cells.get(key_cell(gone)) is None


def test_who_may_check_notify_and_judge_follows_from_role_and_machine():
    cells = table(Role.failover)
    for asked in (module.may_check, module.may_notify, module.may_judge):
        assert asked(cells, Role.failover, "") is True
        assert asked(cells, Role.failover, "prod") is False
        assert asked(cells, Role.failover, "unknown") is False
    boot = table(Role.primary)
    assert module.may_check(boot, Role.primary, "") is False
    boot.apply({OWN: PrimarySide(state=PrimaryState.running)})
    assert module.may_check(boot, Role.primary, "") is True
    assert module.may_check(CellTable(), Role.primary, "") is False
    assert (module.term_of(cells, Role.failover, "prod"), module.term_of(cells, Role.failover, "")) == (0, 0)


def test_the_next_deadline_is_the_nearest_of_all_machines():
    decider = Decider(lambda: world(Role.failover), UTC_CALENDARS)
    assert decider.wake(CellTable(), NOW) == float("inf")
    cells = table(Role.failover)
    for name in ("prod", "two"):
        decision, _ = decide(
            Role.failover, facts.HoldSet(profile=name, by="x", reason="r", for_s=60 if name == "two" else 7200), cells
        )
        cells.apply(decision.changes)
    assert NOW.mono < decider.wake(cells, NOW) <= NOW.mono + 60


def test_a_blind_window_begins_when_a_run_was_due_not_in_the_closed_hours_before():
    midnight = datetime(2026, 11, 23, tzinfo=UTC).timestamp()  # a Monday
    hours = Schedule(name="hours", kind="range", windows=(Window(day="mon", start=480, end=540),))
    watched = msgspec.structs.replace(MONITOR_VALUE, schedule="hours")
    tree = Tree(revision="r", monitors=(watched,), mail=MAIL, schedules=(hours,))
    state = machine.initial(profile())
    journal = msgspec.structs.replace(state.journal, term=3, blind_from_wall=midnight + 3 * 3600)
    cells = CellTable()
    cells.apply({Cell(PROFILE, "prod"): msgspec.structs.replace(state, journal=journal)})
    fact = facts.CheckFinished(
        key=MonitorKey("prod", "m1"),
        result=CheckResult(values={"round_trip_time": 0.001}),
        started_mono=1000.0,
        started_wall=midnight + 8 * 3600 + 5,
        term=3,
    )
    now_world = msgspec.structs.replace(world(Role.failover), catalogue=Catalogue().with_tree("prod", tree))
    decision = Decider(lambda: now_world, UTC_CALENDARS).decide(cells, fact, Now(1000.0, midnight + 8 * 3600 + 5))
    [window] = [value for cell, value in decision.changes.items() if cell.kind == BLIND]
    assert (window.start - midnight, window.end - midnight) == (8 * 3600, 8 * 3600 + 5)
