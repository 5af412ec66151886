import os
import stat

import pytest

from sitescope_fo.store.files import (
    flip_link,
    make_private_dir,
    read_bytes_limited,
    remove_tree,
    sweep_temps,
    temp_file,
    write_atomic,
)
from tests.store.disks import Died, DyingDisk, steps_of

WRITE_STEPS = 6  # create, write (two halves), fsync, replace, fsync of the folder


def test_a_write_takes_the_steps_that_make_it_durable(tmp_path):
    assert steps_of(lambda disk: write_atomic(tmp_path / "a", b"new", disk=disk)) == WRITE_STEPS


@pytest.mark.parametrize("lose", ["", "names", "data"], ids=["killed", "names lost", "data lost"])
@pytest.mark.parametrize("step", range(1, WRITE_STEPS + 1))
def test_a_write_stopped_at_any_step_leaves_the_old_or_the_new_content(tmp_path, step, lose):
    path = tmp_path / "file"
    write_atomic(path, b"old content")
    with pytest.raises(Died):
        write_atomic(path, b"new content", disk=DyingDisk(step, lose=lose))
    assert path.read_bytes() in {b"old content", b"new content"}
    sweep_temps(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("lose", ["names", "data"])
def test_a_write_that_returned_survives_a_power_loss(tmp_path, lose):
    disk = DyingDisk(lose=lose)
    write_atomic(tmp_path / "file", b"new", disk=disk)
    disk.at = disk.steps + 1
    with pytest.raises(Died):
        disk.fsync_dir(tmp_path)
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_failed_write_leaves_no_temp_file_and_the_old_content(tmp_path):
    class FullDisk(DyingDisk):
        def fsync(self, fd):
            raise OSError(28, "No space left on device")

    write_atomic(tmp_path / "file", b"old")
    with pytest.raises(OSError, match="No space"):
        write_atomic(tmp_path / "file", b"new", disk=FullDisk())
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_written_file_has_exactly_the_mode_asked_for(tmp_path):
    old = os.umask(0o077)
    try:
        write_atomic(tmp_path / "open", b"", 0o644)
        write_atomic(tmp_path / "private", b"")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600


def test_a_temp_name_left_by_a_dead_process_with_our_pid_is_passed_over(tmp_path):
    write_atomic(tmp_path / "first", b"1")
    from sitescope_fo.store import files

    following = next(files._serial) + 1
    (tmp_path / f".{os.getpid()}-{following}.tmp").write_bytes(b"left over")
    write_atomic(tmp_path / "second", b"2")
    assert (tmp_path / "second").read_bytes() == b"2"


def test_writing_through_a_link_replaces_the_link_and_not_its_target(tmp_path):
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "link").symlink_to("target")
    write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "target").read_bytes() == b"precious"
    assert (tmp_path / "link").read_bytes() == b"new"


def test_an_exception_while_filling_a_temp_file_leaves_the_old_file(tmp_path):
    write_atomic(tmp_path / "file", b"old")

    def fill():
        with temp_file(tmp_path / "file") as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fill()
    assert (tmp_path / "file").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("lose", ["", "names", "data"], ids=["killed", "names lost", "data lost"])
@pytest.mark.parametrize("step", range(1, 4))
def test_a_link_flipped_points_at_the_old_or_the_new_folder(tmp_path, step, lose):
    flip_link(tmp_path / "current", "generations/a")
    with pytest.raises(Died):
        flip_link(tmp_path / "current", "generations/b", disk=DyingDisk(step, lose=lose))
    assert str((tmp_path / "current").readlink()) in {"generations/a", "generations/b"}


def test_a_folder_is_made_private_with_its_parents_whatever_the_umask(tmp_path):
    old = os.umask(0o000)
    try:
        make_private_dir(tmp_path / "a" / "b")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    (tmp_path / "a" / "b").chmod(0o755)
    make_private_dir(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_reading_stops_at_the_limit_and_at_what_is_no_file(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert read_bytes_limited(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4"):
        read_bytes_limited(tmp_path / "file", 4)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        read_bytes_limited(tmp_path / "fifo", 5)
    (tmp_path / "link").symlink_to("file")
    assert read_bytes_limited(tmp_path / "link", 5) == b"12345"
    with pytest.raises(OSError, match="symbolic links"):
        read_bytes_limited(tmp_path / "link", 5, follow=False)


def test_removing_a_tree_never_follows_a_link(tmp_path):
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / "file").touch()
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "link").symlink_to(tmp_path / "keep")
    (tmp_path / "link").symlink_to(tmp_path / "keep")
    for name in ("gone", "link", "never there"):
        remove_tree(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["keep"]
    assert (tmp_path / "keep" / "file").exists()
