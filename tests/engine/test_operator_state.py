"""Acknowledgements and downtimes: whom they keep quiet and how long, over crash and takeover, and how two nodes merge them."""

import itertools

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sitescope_fo.engine import operator_state
from sitescope_fo.engine.alert_rules import Move, move, silenced
from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.cells import CellTable
from sitescope_fo.engine.operator_state import KEPT_S, operator_body, operator_heard
from sitescope_fo.engine.state import LedgerRow, ack_cell, downtime_cell
from sitescope_fo.model.fact import AckRemoved, CheckSkipped, DowntimeEnded, OperatorStateReceived
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Status
from sitescope_fo.model.wire import LATEST, Acknowledgement, Downtime, OperatorState, encode
from tests.engine.desk import WALL, Desk, E, G, N, W
from tests.engine.parts import OPS, alert, always, catalogue, key, monitor, once, repeat

NOW = Now(500.0, WALL)
TOLD = LedgerRow(
    profile="", monitor="web", alert="a", recipient=OPS, status=Status.error, transition=1, repeat=1, term=1, wall=WALL
)


def desk(rule=None, **fields):
    return Desk(catalogue(alerts=[alert(when=rule or once(), **fields)]))


def pair():
    primary = Desk(catalogue(alerts=[alert()]))
    return primary, Desk(catalogue(alerts=[alert()], profile="prod"), profile="prod", term=2, blind_from=WALL)


# ---------------------------------------------------------------- the rules


@pytest.mark.parametrize("status", [Status.warning, Status.error, Status.nodata])
def test_who_was_told_of_an_acknowledged_problem_gets_no_repeat_whatever_the_rule(status):
    told = msgspec.structs.replace(TOLD, status=Status.error)
    for rule, again in itertools.product((once(), always(), repeat(1, 1)), (False, True)):
        row = msgspec.structs.replace(told, again=again)
        assert move(alert(on=status, when=rule), status, 9, row, acknowledged=True)[0] is Move.nothing


def test_who_was_not_told_of_an_acknowledged_problem_is_told_of_it_once():
    assert move(alert(when=once(3)), Status.error, 3, None, acknowledged=True) == (Move.tell, 1)
    good = msgspec.structs.replace(TOLD, status=Status.good)
    assert move(alert(), Status.error, 1, good, acknowledged=True) == (Move.tell, 1)


def test_an_acknowledged_problem_that_is_over_is_told_as_recovered():
    assert move(alert(), Status.good, 1, TOLD, acknowledged=True) == (Move.recover, 1)


def test_a_row_that_a_downtime_broke_is_told_again_at_its_count_and_recovered_with_what_was_told():
    broken = silenced(alert(), TOLD)
    assert broken.newer_than(TOLD)
    assert move(alert(when=once(2)), Status.error, 1, broken)[0] is Move.nothing
    assert move(alert(when=once(2)), Status.error, 2, broken) == (Move.tell, 1)
    assert move(alert(), Status.good, 1, broken) == (Move.recover, 1)
    assert (broken.status, broken.wall) == (TOLD.status, TOLD.wall)


@pytest.mark.parametrize("told", [None, msgspec.structs.replace(TOLD, status=Status.good), silenced(alert(), TOLD)])
def test_a_downtime_changes_nothing_for_who_was_told_nothing_or_good_or_is_marked_already(told):
    assert silenced(alert(), told) is None


# ---------------------------------------------------------------- acknowledgements


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("rule", "mails"),
    [(always(), [1, 0, 0, 0, 1]), (repeat(1, 1), [1, 0, 0, 0, 1]), (once(), [1, 0, 0, 0, 1])],
)
async def test_an_acknowledged_problem_is_not_repeated_and_its_recovery_is_told(rule, mails):
    async with desk(rule).open() as one:
        counts = await one.checks(E)
        await one.acknowledge()
        assert counts + await one.checks(E, E, E, G) == mails
        assert one.left[-1].event == "recovery"


@pytest.mark.anyio
async def test_a_problem_acknowledged_before_its_first_mail_is_told_once():
    async with desk(always(2)).open() as one:
        await one.checks(E)
        await one.acknowledge()
        assert await one.checks(E, E, E) == [1, 0, 0]


@pytest.mark.anyio
async def test_an_acknowledgement_outlives_warnings_and_missing_knowledge_and_ends_when_the_monitor_is_good():
    async with desk(always()).open() as one:
        await one.checks(E)
        await one.acknowledge()
        assert await one.checks(W, N, E) == [0, 0, 0]
        assert one.acknowledgement().comment == "I look at it"
        await one.checks(G)
        assert one.acknowledgement() is None
        assert one.kept_acknowledgement().comment == "I look at it"
        assert await one.checks(E, E) == [1, 1], "a new problem asks for a new acknowledgement"


@pytest.mark.anyio
async def test_an_acknowledgement_that_expires_lets_reminders_go_on():
    async with desk(always()).open() as one:
        await one.checks(E)
        await one.acknowledge(for_s=150.0)
        assert await one.checks(E, E, E, E) == [0, 0, 1, 1]


@pytest.mark.anyio
async def test_an_acknowledgement_that_is_taken_back_lets_reminders_go_on_and_is_kept():
    async with desk(always()).open() as one:
        await one.checks(E)
        await one.acknowledge()
        await one.tell(AckRemoved(key=key(), by="ben", node="n"))
        assert (one.kept_acknowledgement().ended_by, one.kept_acknowledgement().by) == ("ben", "ann")
        assert await one.checks(E) == [1]


# ---------------------------------------------------------------- downtimes


@pytest.mark.anyio
@pytest.mark.parametrize("where", [{"scope": "Servers"}, {"scope": ""}, {"scope": "Servers/web", "name": "web"}])
async def test_in_a_downtime_nothing_is_told_and_everything_is_recorded(where):
    async with desk(always()).open() as one:
        await one.downtime(3, **where)
        assert await one.checks(E, G, E) == [0, 0, 0]
        assert [row.status for row in one.rows()] == [E, G, E]


@pytest.mark.anyio
@pytest.mark.parametrize("where", [{"scope": "Serv"}, {"scope": "Other"}, {"scope": "Servers/db", "name": "db"}])
async def test_a_downtime_of_something_else_keeps_nobody_quiet(where):
    async with desk().open() as one:
        await one.downtime(3, **where)
        assert await one.checks(E) == [1]


@pytest.mark.anyio
async def test_a_downtime_to_come_keeps_nobody_quiet_before_it_begins():
    async with desk(always()).open() as one:
        await one.downtime(2, after_s=90.0)
        assert await one.checks(E, E, E, E) == [1, 0, 0, 1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("rule", "before", "within", "afterwards", "mails"),
    [
        (once(), [], [E, E], [E, E], [1, 0]),
        (once(3), [], [E, E], [E, E, E, E], [0, 0, 1, 0]),
        (once(), [E], [E], [E, E], [1, 0]),  # told before, told again: it outlived the work
        (always(2), [E, E], [E], [E, E, E], [0, 1, 1]),
        (repeat(1, 2), [E], [E, E], [E, E, E], [1, 0, 1]),
        (once(2), [E], [N], [E, E], [0, 1]),
        (once(), [E], [G], [G, G], [1, 0]),  # recovered meanwhile: whoever believes in an error hears of it
        (once(), [E], [G], [E, E], [1, 0]),
        (once(), [], [E], [G], [0]),  # nobody was told, nobody is told
        (once(), [E], [W], [G], [1]),
    ],
)
async def test_a_problem_that_outlives_a_downtime_is_told_as_if_it_had_just_begun(rule, before, within, afterwards, mails):
    async with desk(rule).open() as one:
        await one.checks(*before)
        await one.downtime(len(within))
        assert await one.checks(*within) == [0] * len(within)
        assert await one.checks(*afterwards) == mails
        assert len({item.message_id for item in one.left}) == len(one.left)


@pytest.mark.anyio
async def test_skipped_runs_in_a_downtime_break_the_row_too():
    async with desk(once(2)).open() as one:
        await one.checks(E)
        await one.downtime(1)
        await one.tell(CheckSkipped(key=key(), why="not run: it depends on another"))
        await anyio.sleep(120.0)
        assert await one.checks(E, E) == [0, 1]


@pytest.mark.anyio
async def test_a_mail_that_waits_when_a_downtime_begins_does_not_leave_in_it():
    async with desk().open() as one:
        await one.check(E)
        await one.downtime(1)
        assert one.waiting() == []
        assert await one.checks(E, E) == [0, 1]


@pytest.mark.anyio
async def test_a_mail_that_waits_about_another_monitor_leaves_in_the_downtime():
    two = catalogue(monitor(), monitor("db"), alerts=[alert()])
    async with Desk(two).open() as one:
        await one.check(E, "db")
        await one.downtime(1, scope="Servers/web", name="web")
        assert len(await one.deliver()) == 1


@pytest.mark.anyio
async def test_a_downtime_that_is_ended_early_is_over_and_kept():
    async with desk().open() as one:
        await one.downtime(60)
        await one.checks(E)
        await one.tell(DowntimeEnded(profile="", id="d1", by="ben", node="n"))
        assert await one.checks(E) == [1]
        [kept] = operator_state.downtimes_of(one.writer.table, "")
        assert (kept.reason, kept.by, kept.ended_by) == ("new disks", "ann", "ben")


# ---------------------------------------------------------------- crash and takeover


@pytest.mark.anyio
async def test_both_survive_a_kill():
    async with desk(always()).open() as one:
        await one.checks(E)
        await one.acknowledge()
        await one.downtime(2, scope="Other")
    again = one.reborn()
    async with again.open():
        assert again.acknowledgement().by == "ann"
        assert [downtime.scope for downtime in operator_state.downtimes_of(again.writer.table, "")] == ["Other"]
        assert await again.checks(E) == [0]


@pytest.mark.anyio
async def test_an_acknowledged_problem_stays_so_after_a_takeover():
    primary, failover = pair()
    async with primary.open(), failover.open():
        await primary.checks(E)
        await primary.acknowledge()
        await failover.learn_from(primary)
        await failover.hear_operators_of(primary)
        assert await failover.checks(E, E, G) == [0, 0, 1]


@pytest.mark.anyio
async def test_a_downtime_of_the_primary_holds_on_the_failover_and_what_outlives_it_is_told_there():
    primary, failover = pair()
    async with primary.open(), failover.open():
        await primary.checks(E)
        await primary.downtime(2)
        await primary.checks(E)
        await failover.learn_from(primary)
        await failover.hear_operators_of(primary)
        assert await failover.checks(E, E) == [0, 1]


@pytest.mark.anyio
async def test_what_ends_on_the_failover_has_ended_on_the_primary_after_the_hand_back():
    primary, failover = pair()
    async with primary.open(), failover.open():
        await primary.checks(E)
        await primary.acknowledge()
        await failover.hear_operators_of(primary)
        await failover.checks(G)
        await primary.hear_operators_of(failover)
        assert primary.acknowledgement() is None
        [event] = [effect for effect in primary.effects if getattr(effect, "event", "") == "operator_state"]
        assert "1 acknowledgements and downtimes" in event.what


@pytest.mark.anyio
async def test_the_later_word_wins_although_the_clock_it_was_typed_at_is_behind():
    primary, failover = pair()
    async with primary.open(), failover.open():
        await failover.check(E)
        await failover.acknowledge(comment="typed where the clock is ahead")
        ahead = msgspec.structs.replace(failover.kept_acknowledgement(), changed=failover.clock.wall() + 20.0, node="f")
        body = encode(OperatorState(digest="d", acknowledgements=(ahead,)))
        await primary.tell(OperatorStateReceived(profile="", data=body))
        await primary.tell(AckRemoved(key=key(), by="ben", node="p"))
        await failover.hear_operators_of(primary)
        assert failover.acknowledgement() is None


# ---------------------------------------------------------------- merging

MOMENTS = st.sampled_from([WALL - 3.0, WALL - 2.0, WALL - 1.0, WALL])
typed = {
    "by": st.sampled_from(["ann", "ben"]),
    "at": MOMENTS,
    "changed": MOMENTS,
    "node": st.sampled_from("pf"),
    "ended": st.booleans(),
}
acks = st.builds(
    Acknowledgement,
    monitor=st.sampled_from("mn"),
    comment=st.sampled_from("xy"),
    until=st.sampled_from([0.0, WALL + 9.0]),
    **typed,
)
downtimes = st.builds(
    Downtime,
    id=st.sampled_from("12"),
    scope=st.sampled_from(["", "Servers"]),
    reason=st.sampled_from("xy"),
    start=st.just(WALL - 5.0),
    end=st.sampled_from([WALL + 5.0, WALL + 6.0]),
    **typed,
)


def heard(cells, *bodies, now=NOW):
    for body in bodies:
        fact = OperatorStateReceived(profile="prod", data=encode(body))
        cells.apply(operator_state.merge_operator(cells, Catalogue(), fact, now).changes)
    return cells


def body_of(value):
    return OperatorState(digest="x", **{"acknowledgements" if isinstance(value, Acknowledgement) else "downtimes": (value,)})


@hypothesis_settings(max_examples=80)
@given(st.lists(acks | downtimes, max_size=5))
def test_merging_gives_the_same_in_any_order_and_any_number_of_times(values):
    bodies = [body_of(value) for value in values]
    want = operator_body(heard(CellTable(), *bodies), "prod")
    for order in itertools.islice(itertools.permutations(bodies), 24):
        assert operator_body(heard(CellTable(), *order, *order), "prod") == want


@hypothesis_settings(max_examples=80)
@given(st.lists(acks | downtimes, max_size=6), st.lists(acks | downtimes, max_size=6))
def test_after_both_have_heard_each_other_nothing_is_lost_and_their_digests_are_equal(mine, theirs):
    one, other = (heard(CellTable(), *map(body_of, values)) for values in (mine, theirs))
    before = operator_body(one, "prod"), operator_body(other, "prod")
    heard(one, before[1])
    heard(other, before[0])
    after = operator_body(one, "prod")
    assert after.digest == operator_body(other, "prod").digest
    assert operator_heard(one, "prod") == before[1].digest
    kept = {("a", a.monitor): a.version for a in after.acknowledgements} | {("d", d.id): d.version for d in after.downtimes}
    for value in (*mine, *theirs):
        name = ("a", value.monitor) if isinstance(value, Acknowledgement) else ("d", value.id)
        assert kept[name] >= value.version, "each thing is still there, in this version or a later one"


def test_the_digest_is_the_same_whatever_the_profile_is_called_and_empty_for_nothing():
    assert operator_body(CellTable(), "prod").digest == ""
    value = Acknowledgement(monitor="m", comment="c", by="a", at=WALL, changed=WALL, node="p")
    one, other = CellTable(), CellTable()
    one.apply({ack_cell(key("m")): value, ack_cell(key("m", "test")): value})
    other.apply({ack_cell(key("m", "prod")): value})
    assert operator_body(one, "").digest == operator_body(other, "prod").digest


def test_a_change_of_the_last_moment_there_is_can_still_be_written_down():
    value = Acknowledgement(monitor="web", comment="c", by="a", at=WALL, changed=LATEST, node="p")
    cells = CellTable()
    cells.apply({ack_cell(key()): value})
    cells.apply(operator_state.on_ack_removed(cells, AckRemoved(key=key(), by="ben", node="p"), NOW).changes)
    assert msgspec.json.decode(msgspec.json.encode(cells.get(ack_cell(key()))), type=Acknowledgement).ended


def test_what_is_over_is_kept_for_a_month_and_then_forgotten_and_not_taken_up_again():
    ended = {"by": "a", "at": WALL, "changed": WALL, "node": "p"}
    old = Downtime(id="1", scope="", reason="r", start=WALL, end=WALL + 1.0, **ended)
    ack = Acknowledgement(monitor="web", comment="c", until=WALL + 1.0, **ended)
    gone = Acknowledgement(monitor="removed", comment="c", **ended)
    known = catalogue()
    cells = CellTable()
    cells.apply({downtime_cell("", "1"): old, ack_cell(key()): ack, ack_cell(key("removed")): gone})
    month, later = Now(0.0, WALL + KEPT_S), Now(0.0, WALL + KEPT_S + 2.0)
    assert operator_state.forget_old(cells, known, "", month).changes == {}
    body = operator_body(cells, "")
    cells.apply(operator_state.forget_old(cells, known, "", later).changes)
    assert operator_body(cells, "").digest == ""
    again = operator_state.merge_operator(cells, known, OperatorStateReceived(profile="", data=encode(body)), later)
    assert downtime_cell("", "1") not in again.changes


def test_a_body_that_cannot_be_read_changes_nothing_and_is_told():
    decision = operator_state.merge_operator(CellTable(), Catalogue(), OperatorStateReceived(profile="", data=b"{}x"), NOW)
    assert decision.changes == {}
    assert decision.effects[0].event == "exchange_unreadable"
