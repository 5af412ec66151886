import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.store.textlog import LogChunk, TextLog, event_line


@pytest.fixture
def log(tmp_path):
    return TextLog(tmp_path / "run.log", max_bytes=100, keep=2)


def test_lines_are_added_and_read_on_from_an_offset(log):
    log.append(["one", "two"])
    chunk = log.read(0)
    assert chunk == LogChunk(("one", "two"), 8)
    log.append(["three"])
    assert log.read(chunk.next) == LogChunk(("three",), 14)
    assert log.read(0, limit=1) == LogChunk(("one",), 4)


def test_a_line_without_its_end_is_not_shown_yet(log):
    log.path.write_bytes(b"whole\nhal")
    assert log.read(0) == LogChunk(("whole",), 6)
    assert log.tail(5) == LogChunk(("whole",), 6)


def test_a_full_log_rotates_and_the_oldest_part_goes(log):
    for n in range(40):
        log.append([f"line {n:03}"])
    assert sorted(p.name for p in log.path.parent.iterdir()) == ["run.log", "run.log.1", "run.log.2"]
    assert all(p.stat().st_size <= 100 for p in log.path.parent.iterdir())
    assert log.path.stat().st_mode & 0o777 == 0o600
    lines = log.tail(25).lines
    assert lines == tuple(f"line {n:03}" for n in range(15, 40))


def test_reading_starts_over_after_a_rotation(log):
    log.append(["x" * 90])
    chunk = log.read(0)
    log.append(["y" * 50])
    assert log.read(chunk.next) == LogChunk(("y" * 50,), 51)


def test_the_tail_of_a_long_log_is_right(tmp_path):
    log = TextLog(tmp_path / "big.log", max_bytes=10**7)
    log.append(f"line {n} {'x' * 100}" for n in range(5000))
    assert [line.split()[1] for line in log.tail(1500).lines] == [str(n) for n in range(3500, 5000)]


def test_a_log_that_is_not_there_is_empty(log):
    assert log.tail(3) == log.read(77) == LogChunk((), 0)


def test_an_event_is_the_line_of_the_contract():
    fields = {
        "profile": "prod",
        "event": "mirror_failed",
        "term": 3,
        "what": 'disk "a" full',
        "where": "x",
        "hint": "line 1\nline 2",
        "age_s": 4.25,
        "held": False,
        "nothing": None,
        "name": "two words",
    }
    assert event_line(1_795_341_600.1234, "warning", fields) == (
        '2026-11-22T10:00:00.123Z WARNING profile=prod event=mirror_failed term=3 what="disk \\"a\\" full" where="x"'
        ' hint="line 1\\nline 2" age_s=4.25 held=false name="two words"'
    )


@given(st.text(st.characters()))
def test_an_event_is_always_one_line_whatever_it_says(text):
    line = event_line(0.9999, "info", {"what": text, "name": text})
    assert line.splitlines() == [line]
    quoted = r'"(?:[^"\\]|\\.)*"'
    assert re.fullmatch(rf"1970-01-01T00:00:01.000Z INFO what={quoted} name=(?:{quoted}|[A-Za-z0-9_.:/@+%-]+)", line)
    assert line.encode()
