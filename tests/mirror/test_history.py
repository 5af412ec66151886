"""History: what was mirrored can be listed, proven, and unpacked over a root."""

import subprocess
import sys

import pytest

from sitescope_fo.mirror import history
from sitescope_fo.model.errors import Bad, Usage
from sitescope_fo.store.zips import verify_zip
from tests.mirror.primary import WALL, Primary
from tests.mirror.test_generations import content, mirror


@pytest.fixture
def primary(tmp_path):
    return Primary(tmp_path / "primary").standard()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mirror"


def test_a_snapshot_is_named_by_time_kind_and_revision_and_lists_what_it_is(primary, folder):
    made = mirror(primary, folder)
    path = history.write(folder, made, "scheduled", wall=WALL)
    assert path.name == f"20261122T100000Z-scheduled-{made.revision[:8]}.zip"
    assert path.stat().st_mode & 0o777 == 0o600
    [row] = history.list_history(folder)
    assert (row.snapshot, row.at, row.kind, row.revision) == (path.name, "2026-11-22T10:00:00.000Z", "scheduled", made.revision)
    assert row.bytes == path.stat().st_size
    assert history.verify(folder, path.name) == row
    assert verify_zip(path).sound


def test_unpacking_a_snapshot_over_an_empty_root_rebuilds_the_primary(primary, folder, tmp_path):
    primary.group("Gebäude 東京", ["Tür"])
    path = history.write(folder, mirror(primary, folder), "scheduled", wall=WALL)
    root = tmp_path / "rebuilt"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", path, root], check=True)
    assert content(root) == content(primary.home.root)


def test_the_newest_snapshot_is_listed_first_and_no_history_is_an_empty_list(primary, folder):
    assert history.list_history(folder) == ()
    made = mirror(primary, folder)
    for n in (0, 60, 30):
        history.write(folder, made, "scheduled", wall=WALL + n)
    assert [row.at[14:19] for row in history.list_history(folder)] == ["01:00", "00:30", "00:00"]


def test_backups_counts_the_scheduled_ones_and_edits_always_stay(primary, folder):
    made = mirror(primary, folder)
    for n in range(12):
        for kind in ("scheduled", "activation", "shrink"):
            history.write(folder, made, kind, wall=WALL + n)
    (folder / "working").mkdir()
    for n in range(12):
        history.edits_zip(folder, made.revision, ["x"], wall=WALL + n)
    gone = history.prune(folder, 2)
    kinds = [row.kind for row in history.list_history(folder)]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"scheduled": 2, "activation": 10, "shrink": 10, "edits": 12}
    assert len(gone) == 10 + 2 + 2
    assert max(gone) < max(row.snapshot for row in history.list_history(folder))


def test_two_edits_of_one_second_are_both_kept(primary, folder):
    made = mirror(primary, folder)
    (folder / "working").mkdir()
    first, second = (history.edits_zip(folder, made.revision, ["x"], wall=WALL) for _ in range(2))
    assert first != second
    assert {row.snapshot for row in history.list_history(folder)} == {first.name, second.name}
    history.verify(folder, second.name)


def test_a_damaged_generation_makes_no_snapshot(primary, folder):
    made = mirror(primary, folder)
    (made.path / "scripts/check.sh").write_text("evil")
    with pytest.raises(Bad) as refusal:
        history.write(folder, made, "scheduled", wall=WALL)
    assert refusal.value.code == "generation_corrupt"
    assert list((folder / "history").iterdir()) == []


def test_damage_anywhere_in_a_snapshot_is_found_and_it_is_still_listed(primary, folder):
    made = mirror(primary, folder)
    path = history.write(folder, made, "scheduled", wall=WALL)
    whole = path.read_bytes()
    refused = []
    for place in range(0, len(whole), max(len(whole) // 60, 1)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            row = history.verify(folder, path.name)
        except Bad as error:
            refused.append(error.code)
        else:
            # Bytes that carry no content, such as a date of the archive's own list.
            assert row.revision == made.revision
            assert verify_zip(path).sound
        assert len(history.list_history(folder)) == 1
    assert len(refused) > 30
    assert set(refused) == {"snapshot_damaged"}
    path.write_bytes(whole[: len(whole) // 2])
    assert history.list_history(folder)[0].kind == "damaged"
    with pytest.raises(Bad):
        history.verify(folder, path.name)
    assert history.prune(folder, 0) == ()


@pytest.mark.parametrize("name", ["missing.zip", "../history/x.zip", "", ".", "x"])
def test_a_snapshot_that_is_none_is_refused_with_a_hint(primary, folder, name):
    mirror(primary, folder)
    with pytest.raises(Usage) as refusal:
        history.verify(folder, name)
    assert refusal.value.code == "unknown_snapshot"
    assert refusal.value.hint
