"""Generations: whole or not there, also when the machine stops between any two steps."""

import os
import shutil

import pytest

from sitescope_fo.mirror import generations, history, record
from sitescope_fo.mirror.bundle import batches
from sitescope_fo.mirror.generations import (
    SPARE_FROM,
    clean,
    commit_generation,
    current,
    lay_out_working,
    lay_spare,
    pin,
    pinned,
    working_edits,
)
from sitescope_fo.mirror.laying import FEW
from sitescope_fo.mirror.record import verify_generation
from sitescope_fo.mirror.staging import Stage, clean_staging
from sitescope_fo.model.errors import Bad
from sitescope_fo.model.wire import FilesRequest
from sitescope_fo.store.files import REAL
from sitescope_fo.store.zips import extract_zip
from tests.mirror.disk import Died, DyingDisk
from tests.mirror.primary import WALL, Primary


@pytest.fixture
def primary(tmp_path):
    return Primary(tmp_path / "primary").standard(groups=2, each=2)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mirror"


def stage(primary, folder, disk=REAL):
    """Everything a pull does up to the flip, without the network."""
    manifest = primary.builder.build()
    work = Stage(folder, manifest, disk)
    for batch in batches(work.begin(current(folder))):
        wanted = FilesRequest(revision=manifest.revision, paths=tuple(entry.path for entry in batch))
        work.add(primary.builder.bundle(wanted), batch)
    return work.finish((), WALL)


def mirror(primary, folder, disk=REAL, *, flip=True):
    return commit_generation(folder, stage(primary, folder, disk), flip=flip, disk=disk)


def content(path):
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file() and p.name != record.RECORD}


def test_a_generation_is_the_primary_file_by_file_with_modes(primary, folder):
    made = mirror(primary, folder)
    assert verify_generation(made.path) == ()
    assert current(folder) == made
    assert (folder / "current").readlink().as_posix() == f"generations/{made.revision}"
    here = content(folder / "current")
    assert here == {path: (primary.home.root / path).read_bytes() for path in here}
    assert sorted(here) == [entry.path for entry in primary.builder.build().files]
    assert (folder / "current/scripts/check.sh").stat().st_mode & 0o777 == 0o755
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_empty_folders_of_a_tree_are_there(tmp_path, folder):
    mirror(Primary(tmp_path / "empty"), folder)
    assert sorted(p.name for p in (folder / "current").iterdir() if p.is_dir()) == [
        "groups",
        "persistence",
        "scripts",
        "templates",
    ]


DAMAGES = {
    "changed": lambda path: path.write_text("#!/bin/sh\nexit 1\n"),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:3]),
    "gone": lambda path: path.unlink(),
    "another mode": lambda path: path.chmod(0o777),
    "a link to the same": lambda path: (path.rename(path.with_name("other")), path.symlink_to("other")),
    "one more": lambda path: (path.parent / "extra").write_text(""),
    "one more link": lambda path: (path.parent / "extra").symlink_to("/etc"),
    "no record": lambda path: (path.parent.parent / record.RECORD).unlink(),
    "torn record": lambda path: (path.parent.parent / record.RECORD).write_text('{"manifest":'),
    "edited record": lambda path: (path.parent.parent / record.RECORD).write_bytes(
        (path.parent.parent / record.RECORD).read_bytes().replace(b'"serial":1', b'"serial":9')
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_any_damage_is_found_by_verification(primary, folder, damage):
    made = mirror(primary, folder)
    damage(made.path / "scripts/check.sh")
    assert verify_generation(made.path)


def test_a_damaged_stage_is_never_committed(primary, folder):
    first = mirror(primary, folder)
    primary.group("Group 0", ["Another"])
    staged = stage(primary, folder)
    (staged / "scripts/check.sh").write_text("evil")
    with pytest.raises(Bad) as refusal:
        commit_generation(folder, staged, flip=True)
    assert refusal.value.code == "generation_corrupt"
    assert current(folder) == first


def test_damage_in_one_generation_does_not_reach_its_neighbour(primary, folder):
    first = mirror(primary, folder)
    primary.group("Group 0", ["Another"])
    second = mirror(primary, folder)
    (second.path / "scripts/check.sh").write_text("evil")
    assert verify_generation(second.path)
    assert verify_generation(first.path) == ()


def test_a_damaged_file_here_is_fetched_anew(primary, folder):
    first = mirror(primary, folder)
    (first.path / "scripts/check.sh").write_text("evil")
    primary.group("Group 0", ["Another"])
    missing = Stage(folder, primary.builder.build()).begin(first)
    assert [entry.path for entry in missing] == ["groups/Group 0/group.toml", "scripts/check.sh"]


def test_a_damaged_generation_of_the_same_revision_is_replaced(primary, folder):
    first = mirror(primary, folder)
    (first.path / "scripts/check.sh").write_text("evil")
    again = mirror(primary, folder)
    assert again.revision == first.revision
    assert verify_generation(again.path) == ()


def test_clean_keeps_the_current_the_pinned_and_the_newest_two(primary, folder):
    made = []
    for n in range(6):
        primary.group("Group 0", [f"Monitor {n}"])
        made.append(mirror(primary, folder, flip=n < 2).revision)
        if n == 0:
            pin(folder, made[0])
    gone = clean(folder)
    assert sorted(gone) == sorted(made[2:4])
    assert {g.revision for g in generations.generations(folder)} == {made[0], made[1], made[4], made[5]}
    assert current(folder).revision == made[1]
    assert pinned(folder) == made[0]


def test_a_pin_moves_and_can_be_lifted(primary, folder):
    folder.mkdir()
    assert pinned(folder) is None
    pin(folder, "a")
    pin(folder, "b")
    assert pinned(folder) == "b"
    generations.unpin(folder)
    assert pinned(folder) is None


# --- the working tree -----------------------------------------------------------------------------------------------


def edit(folder, path, text):
    target = folder / "working" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def test_the_working_tree_is_an_editable_copy_that_leaves_its_generation_alone(primary, folder):
    (primary.home.scripts / "check.sh").chmod(0o555)
    made = mirror(primary, folder)
    working = lay_out_working(folder, made.revision)
    assert content(working) == content(made.path)
    assert (working / "scripts/check.sh").stat().st_mode & 0o777 == 0o755
    assert generations.working_base(folder) == made.revision
    assert working_edits(folder, made.revision) == []
    edit(folder, "groups/New/group.toml", "x")
    edit(folder, "scripts/check.sh", "y")
    (working / "templates/mail.txt").unlink()
    assert working_edits(folder, made.revision) == ["groups/New/group.toml", "scripts/check.sh", "templates/mail.txt"]
    assert verify_generation(made.path) == ()


def test_edits_of_an_older_working_tree_are_kept_before_it_is_replaced(primary, folder):
    made = mirror(primary, folder)
    lay_out_working(folder, made.revision)
    edit(folder, "groups/New/group.toml", "typed by a person")
    lay_out_working(folder, made.revision)
    assert working_edits(folder, made.revision) == []
    [row] = history.list_history(folder)
    assert (row.kind, row.base) == ("edits", made.revision)


def test_edits_that_are_kept_already_are_not_kept_twice(primary, folder):
    made = mirror(primary, folder)
    lay_out_working(folder, made.revision)
    edit(folder, "groups/New/group.toml", "typed by a person")
    kept = history.edits_zip(folder, made.revision, working_edits(folder, made.revision), wall=WALL)
    assert kept.name == "20261122T100000Z-edits.zip"
    assert generations.retire_working(folder) is None
    assert not (folder / "working").exists()
    assert [row.snapshot for row in history.list_history(folder)] == [kept.name]


def test_a_working_tree_nobody_edited_leaves_nothing_behind(primary, folder):
    lay_out_working(folder, mirror(primary, folder).revision)
    assert generations.retire_working(folder) is None
    assert history.list_history(folder) == ()


def test_a_working_tree_is_never_laid_out_from_a_damaged_generation(primary, folder):
    made = mirror(primary, folder)
    (made.path / "scripts/check.sh").write_text("evil")
    with pytest.raises(Bad):
        lay_out_working(folder, made.revision)
    with pytest.raises(Bad):
        lay_out_working(folder, "0" * 64)
    assert not (folder / "working").exists()


# --- the spare tree -------------------------------------------------------------------------------------------------


class CountingDisk(DyingDisk):
    """Notes the files that are made."""

    def __init__(self):
        super().__init__()
        self.made = []

    def create(self, path, mode):
        self.made.append(path.name)
        return super().create(path, mode)


def test_a_tree_that_has_served_becomes_the_next_one_and_only_what_differs_is_written(primary, folder):
    for n in range(SPARE_FROM):
        primary.write(f"scripts/{n}.sh", f"# {n}\n")
    for n in range(3):
        primary.group("Group 0", [f"Monitor {n}"])
        mirror(primary, folder)
        clean(folder)
    assert len(generations.generations(folder)) == 2
    primary.group("Group 0", ["Another"])
    disk = CountingDisk()
    made = mirror(primary, folder, disk)
    assert sorted(disk.made) == [record.RECORD, "group.toml"]
    assert verify_generation(made.path) == ()
    assert content(made.path) == {entry.path: (primary.home.root / entry.path).read_bytes() for entry in made.files}
    assert not lay_spare(folder, least=SPARE_FROM + 100)
    assert lay_spare(folder)
    assert not lay_spare(folder)


def make_folder(path):
    path.unlink()
    path.mkdir()
    (path / "below").write_text("")


SPARE_DAMAGES = {name: damage for name, damage in DAMAGES.items() if "record" not in name} | {
    "empty": lambda path: shutil.rmtree(path.parent.parent) or path.parent.parent.mkdir(),
    "a file": lambda path: shutil.rmtree(path.parent.parent) or path.parent.parent.write_text("x"),
    "a link": lambda path: shutil.rmtree(path.parent.parent) or path.parent.parent.symlink_to("/etc"),
    "a folder in place of a file": make_folder,
    "a file in place of a folder": lambda path: shutil.rmtree(path.parent) or path.parent.write_text("x"),
    "folders that nobody needs": lambda path: (path.parent / "a/b/c").mkdir(parents=True),
    "a pipe": lambda path: os.mkfifo(path.parent / "pipe"),
    "a folder gone": lambda path: shutil.rmtree(path.parent),
}


@pytest.mark.parametrize("damage", SPARE_DAMAGES.values(), ids=SPARE_DAMAGES.keys())
def test_nothing_of_a_damaged_spare_tree_gets_into_a_generation(primary, folder, damage):
    mirror(primary, folder)
    assert lay_spare(folder, least=1)
    damage(folder / "spare/scripts/check.sh")
    primary.group("Group 0", ["Another"])
    made = mirror(primary, folder)
    assert verify_generation(made.path) == ()
    assert made.revision == primary.revision
    folders = {p.relative_to(made.path).as_posix() for p in made.path.rglob("*") if p.is_dir()}
    assert folders == {"groups", "groups/Group 0", "groups/Group 1", "persistence", "scripts", "templates"}


# --- the machine stops ----------------------------------------------------------------------------------------------

LOSSES = ["", "data", "names"]


def deaths(folder, lose, act, least=30):
    """Runs `act(disk)` with a death at each step in turn; yields after each death, until it gets through."""
    at = 0
    while True:
        at += 1
        try:
            act(DyingDisk(at, lose, folder))
        except Died:
            yield at
        else:
            assert at > least
            return


@pytest.mark.parametrize("lose", LOSSES)
def test_a_stop_at_any_step_of_a_mirror_leaves_the_old_or_the_new_one_current_and_whole(primary, folder, lose):
    old = mirror(primary, folder).revision
    primary.group("Group 0", ["Another"])
    new = primary.revision
    seen = set()
    for at in deaths(folder, lose, lambda disk: mirror(primary, folder, disk)):
        found = current(folder)
        assert found is not None, f"died before step {at}"
        assert verify_generation(found.path) == (), f"died before step {at}"
        assert found.revision in {old, new}
        for generation in generations.generations(folder):
            assert verify_generation(generation.path) == (), f"died before step {at}"
        seen.add(found.revision)
        clean_staging(folder)
    assert current(folder).revision == new
    assert old in seen


@pytest.mark.parametrize("lose", LOSSES)
def test_a_stop_at_any_step_of_a_mirror_of_many_files_made_from_a_spare_tree_leaves_a_whole_one(primary, folder, lose):
    for n in range(FEW):
        primary.write(f"scripts/{n}.sh", f"# {n}\n")
    old = mirror(primary, folder).revision
    primary.group("Group 0", ["Another"])
    primary.write("scripts/0.sh", "# changed\n")
    (primary.home.scripts / "1.sh").unlink()
    seen = set()

    def act(disk):
        lay_spare(folder, least=1)
        mirror(primary, folder, disk)

    for at in deaths(folder, lose, act, least=10):
        found = current(folder)
        assert verify_generation(found.path) == (), f"died before step {at}"
        assert found.revision in {old, primary.revision}
        seen.add(found.revision)
        clean_staging(folder)
    assert current(folder).revision == primary.revision
    assert old in seen


@pytest.mark.parametrize("lose", LOSSES)
def test_a_stop_at_any_step_of_the_first_mirror_of_many_files_leaves_none_or_a_whole_one(primary, folder, lose):
    for n in range(FEW):
        primary.write(f"scripts/{n}.sh", f"# {n}\n")
    for at in deaths(folder, lose, lambda disk: mirror(primary, folder, disk)):
        found = current(folder)
        assert found is None or verify_generation(found.path) == (), f"died before step {at}"
        clean_staging(folder)
    assert current(folder).revision == primary.revision


@pytest.mark.parametrize("lose", LOSSES)
def test_a_stop_at_any_step_of_the_first_mirror_leaves_none_or_a_whole_one(primary, folder, lose):
    for at in deaths(folder, lose, lambda disk: mirror(primary, folder, disk)):
        found = current(folder)
        assert found is None or verify_generation(found.path) == (), f"died before step {at}"
        clean_staging(folder)
    assert current(folder).revision == primary.revision


@pytest.mark.parametrize("lose", LOSSES)
def test_a_stop_at_any_step_of_laying_out_leaves_a_whole_working_tree_or_none_and_no_edit_lost(primary, folder, lose, tmp_path):
    first = mirror(primary, folder).revision
    before = content(lay_out_working(folder, first))
    edit(folder, "groups/New/group.toml", "typed by a person")
    primary.group("Group 0", ["Another"])
    second = mirror(primary, folder).revision
    for at in deaths(folder, lose, lambda disk: lay_out_working(folder, second, disk=disk)):
        base = generations.working_base(folder)
        kept = [row for row in history.list_history(folder) if row.kind == "edits"]
        if base == first:
            assert working_edits(folder, first) == ["groups/New/group.toml"], f"died before step {at}"
        elif base == second:
            assert working_edits(folder, second) == []
        else:
            assert not (folder / "working").exists(), f"died before step {at}"
        assert base == first or kept, f"died before step {at}: the edit is lost"
        clean_staging(folder)
    assert generations.working_base(folder) == second
    [kept] = history.list_history(folder)
    history.verify(folder, kept.snapshot)
    extract_zip(folder / "history" / kept.snapshot, tmp_path / "unpacked")
    assert content(tmp_path / "unpacked") == before | {"groups/New/group.toml": b"typed by a person"}


@pytest.mark.parametrize("lose", LOSSES)
def test_a_stop_at_any_step_of_a_history_zip_leaves_none_or_a_whole_one(primary, folder, lose):
    made = mirror(primary, folder)
    for at in deaths(folder, lose, lambda disk: history.write(folder, made, "scheduled", wall=WALL, disk=disk), 6):
        for row in history.list_history(folder):
            assert history.verify(folder, row.snapshot), f"died before step {at}"
        clean_staging(folder)
    assert len(history.list_history(folder)) == 1
    assert [p.name for p in (folder / "history").iterdir() if p.name.startswith(".")] == []
