"""What two nodes tell each other: the same digest for the same rows, merges that repeat and reorder freely."""

import itertools

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sitescope_fo.engine.cells import Cell, CellTable
from sitescope_fo.engine.exchange import Told, checks_body, checks_parts, ledger_body, ledger_heard, merge_checks, merge_ledger
from sitescope_fo.engine.state import LEDGER, MONITOR, LedgerRow, MonitorState, monitor_cell
from sitescope_fo.model.fact import ChecksReceived, LedgerReceived
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Status
from sitescope_fo.model.wire import CheckState, CheckStates, Ledger, LedgerEntry, encode
from tests.engine.desk import Desk, E, G
from tests.engine.parts import WALL, alert, catalogue, key

NOW = Now(500.0, WALL)
entries = st.builds(
    LedgerEntry,
    monitor=st.sampled_from("mn"),
    alert=st.just("a"),
    recipient=st.sampled_from(["x@example.org", "y@example.org"]),
    status=st.sampled_from([Status.error, Status.good]),
    transition=st.integers(0, 3),
    repeat=st.integers(1, 2),
    term=st.integers(1, 3),
    wall=st.sampled_from([1.0, 2.0]),
)


def heard(cells, *bodies, profile="prod"):
    for body in bodies:
        cells.apply(merge_ledger(cells, LedgerReceived(profile=profile, data=encode(body)), NOW).changes)
    return cells


def one_truth(entries):
    """No two different entries of one age: a node never says two things at once."""
    ages = {}
    return all(
        ages.setdefault((e.monitor, e.recipient, e.term, e.transition, e.repeat, e.wall), e.status) is e.status for e in entries
    )


@hypothesis_settings(max_examples=60)
@given(st.lists(entries, max_size=5).filter(one_truth))
def test_ledgers_merge_to_the_same_in_any_order_and_any_number_of_times(rows):
    bodies = [Ledger(digest="", entries=(row,)) for row in rows]
    want = ledger_body(heard(CellTable(), *bodies), "prod").digest
    for order in itertools.islice(itertools.permutations(bodies), 24):
        assert ledger_body(heard(CellTable(), *order, *order), "prod").digest == want


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ({"term": 2, "transition": 0}, {"term": 1, "transition": 9}),
        ({"transition": 3}, {"transition": 2, "repeat": 9}),
        ({"repeat": 3}, {"repeat": 2, "wall": 99.0}),
        ({"wall": 2.0}, {"wall": 1.0}),
    ],
)
def test_the_later_word_wins(newer, older):
    base = {"monitor": "m", "alert": "a", "recipient": "x", "term": 1, "transition": 1, "repeat": 1, "wall": 1.0}
    late = Ledger(digest="", entries=(LedgerEntry(status=Status.good, **{**base, **newer}),))
    early = Ledger(digest="", entries=(LedgerEntry(status=Status.error, **{**base, **older}),))
    for order in ((late, early), (early, late)):
        [entry] = ledger_body(heard(CellTable(), *order), "prod").entries
        assert entry.status is Status.good


@pytest.mark.anyio
async def test_both_nodes_have_one_digest_for_what_they_both_know_and_it_says_nothing_of_intents():
    primary = Desk(catalogue(alerts=[alert()]))
    failover = Desk(catalogue(alerts=[alert()], profile="prod"), profile="prod")
    async with primary.open(), failover.open():
        empty = ledger_body(primary.writer.table, "").digest
        await primary.check(E)
        assert ledger_body(primary.writer.table, "").digest == empty, "a mail that waits is no news yet"
        await primary.deliver()
        mine = ledger_body(primary.writer.table, "")
        assert mine.digest != empty
        assert ledger_heard(failover.writer.table, "prod") == ""
        await failover.learn_from(primary)
        assert ledger_body(failover.writer.table, "prod").digest == mine.digest == ledger_heard(failover.writer.table, "prod")
        checks = checks_body(primary.writer.table.of(MONITOR).values(), "")
        assert checks_body(failover.writer.table.of(MONITOR).values(), "prod").digest == checks.digest
        assert ledger_body(failover.writer.table, "other").entries == ()


@pytest.mark.anyio
async def test_a_peers_result_is_taken_over_with_its_counts_and_leaves_the_monitor_waiting_for_its_first_run():
    primary = Desk(catalogue())
    failover = Desk(catalogue(profile="prod"), profile="prod")
    async with primary.open(), failover.open():
        await primary.checks(E, E, E)
        await failover.learn_from(primary)
        mine, theirs = failover.state(), primary.state()
        assert (mine.status, mine.counts, mine.value, mine.term) == (E, {E: 3}, 2, -1)
        assert (mine.since_wall, mine.last_wall) == (theirs.since_wall, theirs.last_wall)


def test_an_older_result_of_the_peer_never_replaces_a_newer_own_one():
    cells = CellTable()
    own = MonitorState(key=key("m", "prod"), status=E, last_wall=WALL, term=4)
    cells.apply({monitor_cell(own.key): own})
    for wall, status in ((WALL - 1, E), (WALL, E), (WALL + 1, G)):
        theirs = CheckState(monitor="m", status=G, state_string="", wall=wall, counts={"good": 2, "unheard": 1})
        data = encode(CheckStates(digest=str(wall), states=(theirs,)))
        cells.apply(merge_checks(cells, ChecksReceived(profile="prod", data=data), NOW).changes)
        assert cells.get(monitor_cell(own.key)).status is status
    assert cells.get(monitor_cell(own.key)).term == 4
    assert cells.get(monitor_cell(own.key)).counts == {G: 2}


@pytest.mark.parametrize("data", [b"", b"{", b'{"wire": 9}', b'{"wire": 1, "digest": 3}'])
def test_a_body_that_cannot_be_read_changes_nothing_and_is_said(data):
    for decision in (
        merge_ledger(CellTable(), LedgerReceived(profile="prod", data=data), NOW),
        merge_checks(CellTable(), ChecksReceived(profile="prod", data=data), NOW),
    ):
        assert decision.changes == {}
        [said] = decision.effects
        assert (said.event, said.level, said.profile) == ("exchange_unreadable", "ERROR", "prod")


def ledger_row(number, **fields):
    values = {"profile": "", "status": Status.error, "transition": 1, "repeat": 1, "term": 1, "wall": 1.0, **fields}
    return LedgerRow(monitor=f"m{number}", alert="a", recipient="x", **values)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=20))
def test_a_ledger_kept_up_row_by_row_is_the_same_as_one_looked_at_for_the_first_time(steps):
    table, told = CellTable(), Told("")
    for number, transition in steps:  # transition 0 removes the row
        row = ledger_row(number, transition=transition)
        table.apply({Cell(LEDGER, row.id): row if transition else None})
        anew = ledger_body(table, "")
        kept = told.body(table)
        assert told.digest(table) == kept.digest == anew.digest
        assert sorted(kept.entries, key=repr) == sorted(anew.entries, key=repr)


def test_ledgers_of_other_rows_have_other_digests():
    def digest(*rows):
        table = CellTable()
        table.apply({Cell(LEDGER, row.id): row for row in rows})
        return ledger_body(table, "").digest

    first, second = ledger_row(1), ledger_row(2)
    changed = ledger_row(1, repeat=2)
    found = [digest(), digest(first), digest(second), digest(first, second), digest(changed), digest(changed, second)]
    assert len(set(found)) == len(found)
    assert digest(first, ledger_row(3, profile="other")) == digest(first)


def test_check_states_travel_in_parts_that_make_up_the_whole():
    states = [MonitorState(key=MonitorKey("", f"m{number}"), last_wall=1.0 + number, status=Status.good) for number in range(7)]
    data = encode(checks_body(states, ""))
    whole, parts = CellTable(), CellTable()
    whole.apply(merge_checks(whole, ChecksReceived(profile="p", data=data), NOW).changes)
    split = checks_parts(data, 3)
    assert len(split) == 3
    for part in split:
        parts.apply(merge_checks(parts, ChecksReceived(profile="p", data=part), NOW).changes)
    assert len(whole.of(MONITOR)) == 7
    assert dict(parts.of(MONITOR)) == dict(whole.of(MONITOR))
