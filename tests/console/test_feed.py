"""Title, words, filter and feed: what the console keeps of a node, without a terminal."""

import msgspec
import pytest

from sitescope_fo.console.feed import Feed
from sitescope_fo.console.view.filter import parse_filter
from sitescope_fo.console.view.role_change import role_changes
from sitescope_fo.console.view.said import Wording, age, countdown, steps, value_text
from sitescope_fo.console.view.title import Picture, title
from sitescope_fo.model.errors import Unreachable, Usage
from sitescope_fo.model.snapshot import MonitorRow, StatusReport
from tests.console.fakes import NOW, FakeNode, monitor, profile, stamp, status

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


def row(number=1, **changes):
    return msgspec.convert({**monitor(number, status="good"), **changes}, MonitorRow)


# --- title -----------------------------------------------------------------------------------------------------------------


def said(width=120, **picture):
    answer = msgspec.convert(picture.pop("answer", status()), StatusReport)
    left, right = title(Picture(status=answer, **picture), Wording(), NOW, width)
    return "".join(cell.text for cell in left), right.text


def test_the_title_names_role_state_profile_and_peer():
    left, clock = said()
    assert left.split("  ")[:4] == ["SiteScope Failover", "fo1.example", "✓ STANDBY prod", "primary ✓ running 2 ms now"]
    assert clock == "10:00:00Z"


def test_a_primary_is_called_sitescope_alone():
    left, _ = said(answer=status(role="primary"))
    assert left.startswith("SiteScope  fo1.example  ✓ RUNNING")
    assert "no failover protects it" in left


def test_a_countdown_is_the_last_thing_to_leave_a_narrow_screen():
    left, _ = said(40, answer=status(profiles=[profile(state="grace", activates_at=stamp(-9))]))
    assert "takes over in 9 s" in left


def test_a_status_that_is_old_is_called_stale():
    left, _ = said(age_s=12.0, trouble=Unreachable("The node did not answer"))
    assert "stale 10s: The node did not answer" in left


def test_read_only_is_marked():
    assert "read-only" in said(read_only=True)[0]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_the_title_never_runs_over(width):
    left, clock = said(
        width, answer=status(profiles=[profile("a long name of a profile", state="grace", activates_at=stamp(-9))])
    )
    assert len(left) + len(clock) <= max(width, 60) + 2


def test_the_profile_that_needs_eyes_is_shown_when_none_is_selected():
    both = status(profiles=[profile("calm"), profile("busy", state="active", position="active")])
    assert "> ACTIVE busy (of 2)" in said(answer=both)[0]
    assert "STANDBY calm" in said(answer=both, profile="calm")[0]


# --- changes of role -------------------------------------------------------------------------------------------------------


def changes(before, after):
    return [(c.title, c.calm) for c in role_changes(msgspec.convert(before, StatusReport), msgspec.convert(after, StatusReport))]


def test_a_change_of_role_is_told_once_with_its_reason():
    acting = profile(state="active", last_transition={"why": "no proof of life for 5 s"})
    before, after = status(), status(profiles=[acting])
    assert changes(before, after) == [("prod: standby -> active", False)]
    assert changes(after, after) == []
    told = role_changes(msgspec.convert(before, StatusReport), msgspec.convert(after, StatusReport))
    assert told[0].text == "no proof of life for 5 s"


def test_a_new_profile_and_the_first_look_are_no_change_of_role():
    assert changes(status(profiles=[]), status()) == []
    assert role_changes(None, msgspec.convert(status(), StatusReport)) == ()


def test_a_primary_tells_of_itself():
    running, yielded = status(role="primary"), status(role="primary")
    yielded["node"]["state"] = "yielded"
    assert changes(running, yielded) == [("fo1.example: running -> yielded", False)]
    assert changes(yielded, running) == [("fo1.example: yielded -> running", True)]


# --- words -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (7, "5s"), (59, "55s"), (60, "1m"), (7199, "119m"), (7200, "2h"), (172_800, "2d")]
)
def test_ages_go_in_steps_so_that_the_screen_stays_still(seconds, text):
    assert steps(seconds) == text


def test_ages_and_countdowns():
    assert age(stamp(2), NOW) == "now"
    assert age(stamp(-65), NOW) == "in 1m"
    assert age(None, NOW) == "-"
    assert countdown(stamp(-65), NOW) == "in 1 min 5 s"
    assert countdown(stamp(1), NOW) == "due"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (True, "yes"), (12, "12"), (0.123456, "0.1235"), (123456.7, "123457"), ("a\x1bb", "a?b")]
)
def test_values_are_short_and_harmless(value, text):
    assert value_text(value) == text


# --- filter ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True),
        ("rack", True),
        ("RACK 01", True),
        ("!rack", False),
        ("state:good", True),
        ("state:error,good", True),
        ("state:error", False),
        ("!state:error", True),
        ("type:port", True),
        ("group:servers", True),
        ("group:other", False),
        ("name:00001", True),
        ("re:port \\d+$", True),
        ("re:^port", False),
        ("state:acknowledged", False),
    ],
)
def test_filters(text, fits):
    assert parse_filter(text).fits(row(1)) is fits


@pytest.mark.parametrize("text", ["re:(", "colour:red", "!re:["])
def test_a_filter_that_makes_no_sense_says_why(text):
    with pytest.raises(Usage):
        parse_filter(text)


# --- feed ------------------------------------------------------------------------------------------------------------------


async def test_a_feed_reads_all_pages_then_only_what_changes():
    node, news = FakeNode(1200), []
    feed = Feed(node, lambda: news.append(1))
    await feed.ask_rows()
    assert len(feed.board) == 1200
    assert [params["offset"] for name, params in node.asked if name == "monitor_page"] == ["0", "500", "1000"]
    node.changes = [{**monitor(7), "status": "error"}]
    await feed.ask_rows()
    assert feed.board.row(("", "m7")).status == "error"
    assert node.asked[-1] == ("snapshot", {"since": "1", "tree": "t1"})


async def test_a_list_that_changed_as_a_whole_is_read_anew():
    node = FakeNode(10)
    feed = Feed(node, lambda: None)
    await feed.ask_rows()
    node.rows = node.rows[:3]
    node.answers["snapshot"] = {"revision": 9, "tree": "t2", "whole": True, "more": False, "rows": []}
    await feed.ask_rows()
    assert len(feed.board) == 3


async def test_a_node_that_is_gone_is_told_and_what_was_known_stays():
    node = FakeNode(10)
    feed = Feed(node, lambda: None)
    await feed.ask_status()
    node.answers["status"] = Unreachable("No node runs here", code="not_running")
    with pytest.raises(Unreachable):
        await feed.ask_status()
    assert feed.status is not None
    del node.answers["status"]
    await feed.ask_status()
    assert feed.trouble is None
