import math
import sqlite3
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.status import Status
from sitescope_fo.store.errors import StoreWriteFailed
from sitescope_fo.store.result_values import decode_values, encode_values
from sitescope_fo.store.results import Appended, ResultLog, ResultRow, Retained, export_sitescope

DAY = 86400.0
WALL = 1_795_341_600.0  # 2026-11-22T10:00:00Z
TODAY = "2026-11-22"


def row(seq, wall=WALL, **changes):
    values = {
        "profile": "",
        "monitor_id": "m1",
        "path": "Web/Home",
        "type": "url",
        "wall": wall,
        "status": Status.good,
        "state_string": "200 in 0.1 s",
        "values": {"status": 200, "round_trip_time": 0.1},
        "duration_s": 0.1,
        "term": 1,
        "node": "n1",
        "seq": seq,
    }
    return ResultRow(**(values | changes))


@pytest.fixture
def log(tmp_path):
    log = ResultLog(tmp_path / "daily")
    yield log
    log.close()


def test_results_go_to_the_utc_day_they_ended_in(log):
    midnight = 1_795_305_600.0
    rows = [row(1, midnight - 0.001), row(2, midnight)]
    assert log.append(rows) == Appended(2)
    assert log.days() == ("2026-11-21", "2026-11-22")
    assert [log.read(day) for day in log.days()] == [[rows[0]], [rows[1]]]


def test_an_error_that_only_asked_for_a_second_run_is_marked(log):
    rows = [row(1, status=Status.error, state_string="refused", unconfirmed=True), row(2, status=Status.error)]
    log.append(rows)
    assert log.read(TODAY) == rows
    first, second = (line.split("\t") for line in export_sitescope(log.rows(TODAY)))
    assert first[4] == "unconfirmed: refused"
    assert not second[4].startswith("unconfirmed")


def test_a_day_begun_by_an_earlier_version_is_read_as_it_is_and_gets_the_new_column_with_the_next_row(log):
    log.append([row(1)])
    log.close()
    path = log.folder / f"{TODAY}.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE results DROP COLUMN unconfirmed")
    db.close()
    assert log.read(TODAY) == list(log.rows(TODAY)) == [row(1)]
    assert log.last(MonitorKey("", "m1")) == row(1)
    assert (log.last_seq("n1"), log.highest_term()) == (1, 1)
    assert log.append([row(2, unconfirmed=True)]) == Appended(1)
    assert log.read(TODAY) == [row(1), row(2, unconfirmed=True)]


def test_a_result_is_recorded_once_however_often_it_comes(log):
    rows = [row(n) for n in range(5)]
    log.append(rows)
    assert log.append([*rows, row(9)]) == Appended(1)
    assert log.append([row(1, node="n2"), row(1, term=2)]) == Appended(2)
    assert len(log.read(TODAY)) == 8


def test_rows_come_oldest_first_and_narrowed(log):
    rows = [row(n, WALL + (n * 7) % 10, monitor_id=f"m{n % 2}", node="n1" if n < 6 else "n2") for n in range(10)]
    log.append(rows)
    by_time = sorted(rows, key=lambda r: r.wall)
    assert log.read(TODAY) == by_time
    assert list(log.rows(TODAY)) == by_time
    assert log.read(TODAY, monitor_id="m1") == [r for r in by_time if r.monitor_id == "m1"]
    assert list(log.rows(TODAY, monitor_id="m1")) == [r for r in by_time if r.monitor_id == "m1"]
    assert log.read(TODAY, limit=3) == by_time[:3]
    assert log.read(TODAY, limit=3, newest=True) == by_time[-3:]
    assert [r.seq for r in log.read(TODAY, node="n1", since_seq=2)] == [3, 4, 5]
    assert log.read("2020-01-01") == []


def test_a_whole_day_is_fetched_in_pages_without_loss(log):
    log.append(row(n, WALL + (n % 3)) for n in range(12_000))
    assert [r.seq for r in log.rows(TODAY)] == sorted(range(12_000), key=lambda n: (n % 3, n))


def test_the_last_result_of_a_monitor_is_found_in_an_older_day(log):
    log.append([row(1, WALL - 2 * DAY), row(2, WALL - 2 * DAY + 5), row(3, monitor_id="m2"), row(4, profile="prod")])
    assert log.last(MonitorKey("", "m1")).seq == 2
    assert log.last(MonitorKey("prod", "m1")).seq == 4
    assert log.last(MonitorKey("", "nobody")) is None
    assert log.last_seq("n1") == 4
    assert log.last_seq("n9") == 0


def test_reading_works_beside_an_open_writer_and_after_it(tmp_path, log):
    log.append([row(1)])
    assert len(ResultLog(tmp_path / "daily").read(TODAY)) == 1
    log.close()
    assert len(log.read(TODAY)) == 1


def test_the_same_rows_in_another_order_make_the_same_day(tmp_path):
    rows = [row(n, term=n % 3, node=f"n{n % 2}") for n in range(50)]
    logs = [ResultLog(tmp_path / name) for name in "ab"]
    logs[0].append(rows)
    for part in (rows[30:], rows[:30], rows[::-1]):
        logs[1].append(part)
    texts = ["\n".join(export_sitescope(log.rows(TODAY))) for log in logs]
    for log in logs:
        log.close()
    assert texts[0] == texts[1]


def test_a_damaged_day_is_set_aside_and_new_results_are_kept(log, tmp_path):
    log.append([row(1)])
    log.close()
    path = tmp_path / "daily" / f"{TODAY}.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreWriteFailed) as found:
        log.read(TODAY)
    assert found.value.code == "day_unreadable"
    done = log.append([row(2)])
    assert done == Appended(1, (path.with_name(f"{TODAY}.sqlite.corrupt"),))
    assert done.set_aside[0].exists()
    assert [r.seq for r in log.read(TODAY)] == [2]
    assert log.days() == (TODAY,)


def test_a_full_disk_is_a_failed_write_and_the_next_one_works(log):
    log.append([row(1)])
    log._open[TODAY].execute("PRAGMA max_page_count = 5")
    with pytest.raises(StoreWriteFailed, match="full"):
        log.append([row(n, state_string="x" * 3000) for n in range(2, 30)])
    assert log.append([row(50)]) == Appended(1)
    assert [r.seq for r in log.read(TODAY)] == [1, 50]


WRITER = """
import sys
from pathlib import Path
from sitescope_fo.model.status import Status
from sitescope_fo.store.results import ResultLog, ResultRow
log = ResultLog(Path(sys.argv[1]))
n = int(sys.argv[2])
while True:
    rows = [ResultRow(profile="", monitor_id="m", path="a/b", type="t", wall=1795341600.0, status=Status.good,
                      state_string="", node="n", seq=s) for s in range(n, n + 10)]
    log.append(rows)
    n += 10
    print(n, flush=True)
"""


def test_a_process_killed_while_appending_loses_no_batch_it_was_promised(tmp_path):
    start = 0
    for _ in range(3):
        arguments = [sys.executable, "-c", WRITER, str(tmp_path), str(start)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(20):
                promised = int(process.stdout.readline())
            process.kill()
            promised = max([promised, *(int(line) for line in process.stdout.read().split("\n")[:-1])])
        log = ResultLog(tmp_path)
        kept = [r.seq for r in log.rows(TODAY)]
        assert kept == list(range(len(kept)))
        assert promised <= len(kept) <= promised + 10
        start = len(kept)
        with sqlite3.connect(tmp_path / f"{TODAY}.sqlite") as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()


def test_old_days_go_but_not_those_still_to_be_shipped(log):
    log.append(row(n, WALL - n * DAY) for n in range(6))
    done = log.retain(keep_s=2 * DAY, max_bytes=10**9, wall=WALL, protected_days=["2026-11-18"])
    assert done == Retained(("2026-11-17", "2026-11-19"))
    assert log.days() == ("2026-11-18", "2026-11-20", "2026-11-21", "2026-11-22")


def test_over_the_size_limit_the_oldest_go_even_unshipped_and_today_stays(log):
    log.append(row(n, WALL - n * DAY) for n in range(4))
    size = log.size_bytes(TODAY)
    done = log.retain(keep_s=99 * DAY, max_bytes=2 * size + 1, wall=WALL, protected_days=["2026-11-19"])
    assert done == Retained(("2026-11-19", "2026-11-20"), ("2026-11-19",))
    assert log.retain(keep_s=99 * DAY, max_bytes=0, wall=WALL).deleted == ("2026-11-21",)
    assert log.days() == (TODAY,)
    assert {p.name for p in log.folder.iterdir()} <= {f"{TODAY}.sqlite{part}" for part in ("", "-wal", "-shm")}


def test_writing_goes_on_in_a_day_whose_file_was_removed(log):
    log.append([row(1)])
    for path in log.folder.iterdir():
        path.unlink()
    log.append([row(2)])
    assert [r.seq for r in log.read(TODAY)] == [2]


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)


@given(st.dictionaries(st.text(max_size=5), NUMBERS | st.text() | st.booleans()))
def test_measured_values_come_back_as_they_were(values):
    assert decode_values(encode_values(values)) == values


@given(st.text(st.characters()), st.floats() | st.integers() | st.text(st.characters()))
def test_any_value_can_be_stored(name, value):
    assert len(decode_values(encode_values({name: value}))) == 1


def test_numbers_that_json_cannot_hold_become_their_text():
    assert decode_values(encode_values({"a": math.inf, "b": 2**64})) == {"a": "inf", "b": str(2**64)}


def test_the_guide_style_line_has_its_documented_columns():
    lines = list(export_sitescope([row(7, profile="prod", values={"b": 1.5, "a": True, "c": 3})]))
    assert lines == ["10:00:00 11/22/2026\tgood\tprod:Web\tHome\t200 in 0.1 s\tm1:7\ta=true\tb=1.5\tc=3"]


@settings(max_examples=200)
@given(st.text(), st.text(), st.dictionaries(st.text(min_size=1), st.text()))
def test_every_result_is_one_line_with_its_columns_whatever_it_holds(name, state, values):
    (line,) = export_sitescope([row(1, path=f"G/{name.replace('/', '')}", state_string=state, values=values)])
    assert len(line.split("\t")) == 6 + len(values)
    assert not set(line) & set("\n\r\x00\x0b")
