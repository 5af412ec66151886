"""The list of monitors as values: order, filter, groups, each kept right as rows change."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.console.view.board import SORTS, Board
from sitescope_fo.console.view.filter import parse_filter
from sitescope_fo.console.view.said import Wording
from sitescope_fo.console.view.tree import ALL, TreeRows
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.snapshot import AckPart, DowntimePart, MonitorRow
from tests.console.fakes import monitor, stamp

ACK = AckPart(by="ann", at=stamp(600), comment="disk ordered")
DOWN = DowntimePart(id="d1", by="bob", reason="new switch", start=stamp(60), until=stamp(-3600))


def row(number, **changes):
    return msgspec.structs.replace(msgspec.convert(monitor(number), MonitorRow), **changes)


def board(*rows, **narrowed):
    made = Board()
    made.replace(rows)
    made.narrow(**narrowed)
    return made


def names(of):
    return [of.at(index).name for index in range(len(of.shown))]


def statuses(of):
    return [of.at(index).status for index in range(len(of.shown))]


def test_problems_come_first_and_those_that_somebody_looks_after_last_of_them():
    rows = [
        row(1, status="good"),
        row(2, status="error", acknowledged=True, ack=ACK),
        row(3, status="warning"),
        row(4, status="error", downtime=DOWN),
        row(5, status="nodata"),
        row(6, status="error"),
    ]
    assert [board(*rows).at(at).id for at in range(6)] == ["m6", "m3", "m5", "m2", "m4", "m1"]


def test_acknowledged_and_planned_problems_are_not_unhandled():
    rows = [
        row(1, status="error", acknowledged=True, ack=ACK),
        row(2, status="error", downtime=DOWN),
        row(3, status="error"),
        row(4, status="good"),
    ]
    assert names(board(*rows, unhandled=True)) == [rows[2].name]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", [0, 1, 2, 3]),
        ("state:error", [0, 3]),
        ("state:error,warning", [0, 1, 3]),
        ("state:unhandled", [0, 1]),
        ("state:acknowledged", [3]),
        ("state:downtime", [2]),
        ("type:url", [0]),
        ("!type:url", [1, 2, 3]),
        ("refused !url", [3]),
        ("re:0000[12]$", [1, 2]),
        ("group:servers/rack", []),
        ("group:servers", [0, 1, 2, 3]),
        ('group:"servers/rack 02"', [2]),
        ('"connection refused" !type:url', [3]),
        ('"connection ref', [0, 3]),
        ("state:error re:rack 0[03]", [0, 3]),
        ("!re:rack 0[03]", [1, 2]),
    ],
)
def test_a_filter_means_what_it_says(text, left):
    rows = [
        row(0, status="error", state_string="connection refused"),
        row(1, status="warning"),
        row(2, status="good", state_string="12 ms", downtime=DOWN),
        row(3, status="error", state_string="connection refused", acknowledged=True, ack=ACK),
    ]
    found = board(*rows, filter=parse_filter(text), sort="name")
    assert sorted(names(found)) == sorted(rows[at].name for at in left)


@pytest.mark.parametrize("text", ["colour:red", "re:("])
def test_a_filter_that_means_nothing_says_so(text):
    with pytest.raises(Usage) as refused:
        parse_filter(text)
    assert refused.value.code == "bad_filter"
    assert refused.value.hint


CHANGES = st.lists(
    st.tuples(
        st.integers(0, 19), st.sampled_from(["good", "warning", "error", "nodata", "disabled"]), st.booleans(), st.floats(0, 9)
    ),
    max_size=60,
)


@given(CHANGES, st.sampled_from(SORTS), st.booleans(), st.sampled_from(["", "state:error", "!url", "12 ms"]))
def test_rows_put_right_one_by_one_stand_as_if_all_were_sorted_anew(changes, sort, unhandled, text):
    kept = board(*(row(number) for number in range(15)), sort=sort, unhandled=unhandled, filter=parse_filter(text))
    for at, (number, status, acknowledged, value) in enumerate(changes):
        kept.change([row(number, status=status, acknowledged=acknowledged, value=value, state_string=f"{int(value)} ms")])
        if at % 3 == 0:
            kept.settle()
    kept.settle()
    anew = board(*kept.rows(), sort=sort, unhandled=unhandled, filter=parse_filter(text))
    assert kept.shown == anew.shown
    assert [kept.index_of(key) for key in kept.shown] == list(range(len(kept.shown)))
    assert {place: kept.groups.total(place) for place in anew.groups._counts} == {
        place: anew.groups.total(place) for place in anew.groups._counts
    }
    assert all(kept.groups.problems(place) == anew.groups.problems(place) for place in anew.groups._counts)


def test_by_last_run_the_latest_comes_first_and_what_never_ran_last():
    rows = [row(1, last_run=stamp(90)), row(2, last_run=None), row(3, last_run=stamp(5)), row(4, last_run=stamp(40_000))]
    found = board(*rows, sort="last run")
    assert [found.at(at).id for at in range(4)] == ["m3", "m1", "m4", "m2"]


def test_a_value_that_ticks_leaves_the_list_as_it_is():
    kept = board(row(1), row(2))
    before = kept.shown
    kept.change([row(1, value=7.0, last_run=stamp())])
    assert not kept.unordered
    kept.settle()
    assert kept.shown is before
    assert kept.drain() == {("", "m1")}


def placed(number, path, profile="", **changes):
    return row(number, path=path, name=path.rpartition("/")[2], profile=profile, **changes)


SHOP = [
    placed(1, "Shop/Web/Home page", status="error"),
    placed(2, "Shop/Web/Basket", status="warning", acknowledged=True, ack=ACK),
    placed(3, "Shop/Database", status="nodata"),
    placed(4, "Office/Printer", status="good"),
]


def tree(of, folded=(), profile="", *, plain=False):
    source = TreeRows(of.groups, of.groups.branches(set(folded), profile), Wording(plain=plain))
    return [tuple(cell.text for cell in source.cells(at)) for at in range(len(source))]


def test_the_tree_counts_in_each_group_what_nobody_looks_after():
    assert tree(board(*SHOP), plain=True) == [
        ("All monitors", "2 x", "4"),
        ("  Office", "", "1"),
        ("- Shop", "2 x", "3"),
        ("    Web", "1 x", "2"),
    ]


def test_below_a_folded_group_nothing_is_seen():
    assert [line[0] for line in tree(board(*SHOP), folded=[("", "Shop")], plain=True)] == ["All monitors", "  Office", "+ Shop"]


def test_several_profiles_are_trees_of_their_own():
    mixed = board(*SHOP, placed(9, "Shop/Mail", profile="prod", status="error"))
    assert [line[0].strip() for line in tree(mixed, plain=True)] == [
        "All monitors",
        "- this node",
        "Office",
        "- Shop",
        "Web",
        "- prod",
        "Shop",
    ]
    assert tree(mixed, profile="prod", plain=True) == [("All monitors", "3 x", "5"), ("  Shop", "1 x", "1")]
    mixed.narrow(place=("prod", "Shop"))
    assert names(mixed) == ["Mail"]


def test_a_group_narrows_to_what_lies_below_it_and_not_to_its_namesakes():
    found = board(*SHOP, placed(5, "Shop/Webcams/Gate"), place=("", "Shop/Web"))
    assert sorted(names(found)) == ["Basket", "Home page"]


def test_the_tree_follows_a_change_of_state():
    followed = board(*SHOP)
    followed.change([msgspec.structs.replace(SHOP[0], status="good"), placed(6, "Shop/Queue", status="warning")])
    assert tree(followed, plain=True)[2] == ("- Shop", "2 !", "4")


def test_ten_thousand_rows_are_found_by_their_key():
    many = board(*(row(number) for number in range(10_000)))
    key = random.Random(3).choice(many.shown)
    assert many.shown[many.index_of(key)] == key
    assert many.index_of(("", "nobody")) is None
    assert many.groups.total(ALL) == 10_000
