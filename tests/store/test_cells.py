import os
import sqlite3
import subprocess
import sys

import pytest

from sitescope_fo.store.cells import CellStore
from sitescope_fo.store.errors import StateUnreadable, StoreWriteFailed

WALL = 1_795_341_600.0


@pytest.fixture
def store(tmp_path):
    store = CellStore(tmp_path / "state.sqlite")
    store.open()
    yield store
    store.close()


def test_cells_survive_and_deleted_ones_do_not(store):
    store.commit({("profile", "p1"): b"one", ("term", "p1"): b"\x00\xff"})
    store.commit({("profile", "p1"): None, ("term", "p1"): b"2", ("outbox", "ü"): b""})
    again = CellStore(store.path)
    again.open()
    assert again.load() == {("term", "p1"): b"2", ("outbox", "ü"): b""}
    again.close()


def test_the_state_file_is_private_and_durable_by_its_settings(store):
    store.commit({("a", "b"): b"c"})
    assert {oct(p.stat().st_mode & 0o777) for p in store.path.parent.iterdir()} == {"0o600"}
    assert store._need().execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._need().execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_commit_is_written_whole_or_not_at_all(store):
    store.commit({("a", "1"): b"old"})
    with pytest.raises(StoreWriteFailed):
        store.commit({("a", "1"): b"new", ("a", "2"): object()})
    assert _reopened(store) == {("a", "1"): b"old"}


def _reopened(store):
    fresh = CellStore(store.path)
    fresh.open()
    cells = fresh.load()
    fresh.close()
    return cells


def test_after_a_failed_commit_the_next_one_opens_the_file_anew(store):
    other = sqlite3.connect(store.path, isolation_level=None)
    store._need().execute("PRAGMA busy_timeout = 1")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreWriteFailed, match="locked"):
        store.commit({("a", "1"): b"x"})
    other.execute("ROLLBACK")
    other.close()
    store.commit({("a", "1"): b"x"})
    assert store.load() == {("a", "1"): b"x"}


def test_a_state_file_that_vanished_under_the_node_fails_loudly_and_is_not_begun_anew(store):
    store.commit({("a", "1"): b"x"})
    store.path.rename(store.path.with_name("moved"))
    for _ in range(2):
        with pytest.raises(StoreWriteFailed):
            store.commit({("a", "2"): b"y"})
    assert not store.path.exists()


def test_a_full_disk_is_a_failed_write(store):
    store._need().execute("PRAGMA max_page_count = 10")
    with pytest.raises(StoreWriteFailed, match="full"):
        store.commit({("a", str(n)): bytes(4096) for n in range(20)})
    assert _reopened(store) == {}


def damage_nothing_but_garbage(path):
    path.write_bytes(b"this is no database at all, and long enough to be looked at" * 100)


def damage_a_page(path):
    data = bytearray(path.read_bytes())
    data[4096:8192] = os.urandom(4096)
    path.write_bytes(data)


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [damage_nothing_but_garbage, damage_a_page, damage_truncate])
def test_a_damaged_file_is_reported_and_set_aside_and_a_new_one_begun(store, damage):
    store.commit({("a", str(n)): bytes(1000) for n in range(100)})
    store.close()
    damage(store.path)
    with pytest.raises(StateUnreadable) as found:
        store.open()
    assert (found.value.exit_code, found.value.code) == (3, "state_unreadable")
    aside = store.set_aside(WALL)
    assert aside.name == "state.sqlite.corrupt-20261122T100000Z"
    assert aside.exists()
    store.open()
    assert store.load() == {}
    store.close()
    damage_nothing_but_garbage(store.path)
    assert store.set_aside(WALL).name == "state.sqlite.corrupt-20261122T100000Z-2"


def test_a_file_of_a_newer_release_is_refused_and_left_as_it_is(store):
    store._need().execute("UPDATE meta SET value = '2'")
    store.close()
    before = store.path.read_bytes()
    with pytest.raises(StateUnreadable) as found:
        store.open()
    assert found.value.code == "state_schema"
    assert store.path.read_bytes() == before


COMMITTER = """
import sys
from pathlib import Path
from sitescope_fo.store.cells import CellStore
store = CellStore(Path(sys.argv[1]))
store.open()
n = int(store.load().get(("count", "a"), b"0"))
while True:
    n += 1
    value = str(n).encode()
    store.commit({("count", "a"): value, ("count", "b"): value, ("pad", str(n % 50)): bytes(3000)})
    print(n, flush=True)
"""


def test_a_process_killed_while_committing_loses_nothing_it_was_promised(tmp_path):
    path = tmp_path / "state.sqlite"
    for round_ in range(5):
        with subprocess.Popen([sys.executable, "-c", COMMITTER, str(path)], stdout=subprocess.PIPE, text=True) as process:
            for _ in range(20 + 7 * round_):
                promised = int(process.stdout.readline())
            process.kill()
            rest = process.stdout.read().split("\n")
        promised = max([promised, *(int(line) for line in rest[:-1])])
        store = CellStore(path)
        store.open()
        cells = store.load()
        store.close()
        assert cells["count", "a"] == cells["count", "b"]
        assert promised <= int(cells["count", "a"]) <= promised + 1
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
