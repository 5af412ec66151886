"""A log of any size is read in pages, up and down, from a moment on, and only the lines one wants."""

import msgspec
import pytest

from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.record import LogFile, LogPage
from sitescope_fo.model.service import Level, Who
from sitescope_fo.node.offline import OfflineDoor
from sitescope_fo.store import log_pages
from sitescope_fo.store.stamp import iso_millis
from sitescope_fo.store.textlog import TextLog, event_line

pytestmark = pytest.mark.anyio
VIEWER = Who(name="alice", level=Level.viewer)
LEVELS = ("INFO", "WARNING", "ERROR")
LINES = [event_line(1000.0 + n, LEVELS[n % 3], {"event": f"e{n}", "what": "ü" * (n % 7)}) for n in range(300)]


@pytest.fixture
def log(primary_home):
    """A log of 300 lines, one a second, in a home that does not run."""
    TextLog(primary_home.event_log).append(LINES)
    return primary_home


def ask(home, query="log", **params):
    return OfflineDoor(home).query(query, params)


def page(home, **params):
    return msgspec.convert(ask(home, **params), LogPage)


def test_pages_up_from_the_end_give_every_line_once(log, monkeypatch):
    monkeypatch.setattr(log_pages, "BLOCK", 512)
    seen, at = [], page(log, lines="7")
    assert at.end
    while at.lines:
        seen = [*at.lines, *seen]
        if not at.prev:
            break
        at = page(log, lines="7", before=str(at.prev))
    assert seen == LINES


def test_pages_down_from_any_line_go_on_where_the_last_one_ended(log):
    last = page(log, lines="50")
    seen, at = [], page(log, lines="7", since=str(last.offsets[0]))
    while at.lines:
        seen += at.lines
        at = page(log, lines="7", since=str(at.next))
    assert seen == LINES[-50:]
    assert at.end


def test_every_moment_is_found_by_halving(log):
    for second in (999.0, 1000.0, 1000.5, 1123.0, 1298.5, 1299.0):
        first = next(n for n in range(300) if 1000.0 + n >= second)
        assert page(log, lines="3", at=iso_millis(second)).lines == tuple(LINES[first : first + 3])
    assert page(log, at=iso_millis(1299.5)).lines == ()


def test_lines_without_a_stamp_belong_to_those_above(primary_home):
    text = "".join(f"{line}\n  more\n  and more\n" for line in LINES)
    primary_home.event_log.write_text(text)
    assert page(primary_home, lines="1", at=iso_millis(1200.0)).lines == (LINES[200],)


def test_only_wanted_lines_are_given_and_a_call_reads_a_bounded_part(log, monkeypatch):
    assert page(log, lines="3", level="error").lines == tuple(LINES[2::3][-3:])
    assert len(page(log, lines="500", level="WARNING").lines) == 200
    assert page(log, match="EVENT=E17 ").lines == (LINES[17],)
    monkeypatch.setattr(log_pages, "READ_AT_MOST", 1000)
    monkeypatch.setattr(log_pages, "BLOCK", 512)
    at, found = page(log, match="event=e0 "), []
    steps = 0
    while not found and at.prev:
        at = page(log, match="event=e0 ", before=str(at.prev))
        found, steps = list(at.lines), steps + 1
    assert found == [LINES[0]]
    assert steps > 3
    forward = page(log, match="event=e299 ", since="1")
    assert (forward.lines, forward.end) == ((), False)


def test_a_piece_of_a_line_at_the_end_waits_until_it_is_whole(log):
    with log.event_log.open("a") as file:
        file.write("half a li")
    last = page(log, lines="1")
    assert (last.lines, last.end) == ((LINES[-1],), False)
    with log.event_log.open("a") as file:
        file.write("ne\n")
    assert page(log, since=str(last.next)).lines == ("half a line",)


def test_the_end_of_a_log_that_was_turned_over_shows_older_lines_too(primary_home):
    small = TextLog(primary_home.event_log, max_bytes=2000, keep=3)
    for line in LINES:
        small.append([line])
    shown = page(primary_home, lines="60")
    assert shown.lines == tuple(LINES[-60:])
    assert shown.offsets[0] is None
    assert shown.offsets[-1] is not None
    files = [msgspec.convert(one, LogFile) for one in ask(primary_home, "logs")]
    assert [one.name for one in files] == ["high_availability", *(f"high_availability.{n}" for n in (1, 2, 3))]
    assert files[0].until == LINES[-1][:24]
    older = page(primary_home, name="high_availability.2", lines="1")
    assert older.lines[0].startswith(files[2].until)


def test_a_log_that_is_not_there_is_empty(primary_home):
    assert page(primary_home, name="error") == LogPage(lines=(), offsets=(), prev=0, next=0, size=0, end=True)
    assert page(primary_home, name="error.1", at="5m").end


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"name": "error.9"}, "not_found"),
        ({"level": "loud"}, "bad_filter"),
        ({"before": "x"}, "usage"),
        ({"at": "x"}, "bad_moment"),
    ],
)
def test_a_page_that_makes_no_sense_is_refused(log, params, code):
    with pytest.raises(SiteScopeError) as caught:
        page(log, **params)
    assert (caught.value.code, caught.value.exit_code) == (code, 2)


async def test_old_parts_of_the_audit_are_for_administrators_too(primary):
    async with primary.running():
        primary.node.records.audit("x", "y", "done")
        with pytest.raises(SiteScopeError) as caught:
            await primary.api.query(VIEWER, "log", {"name": "audit.1"})
        assert caught.value.code == "permission"
        assert "audit" not in {one["name"] for one in await primary.api.query(VIEWER, "logs", {})}
        assert "audit" in {one["name"] for one in await primary.ask("logs")}
