"""The last good configuration is whole at every moment, whatever is killed when."""

import itertools
import shutil

import pytest

from sitescope_fo.node.last_good import keep_last_good, last_good_root
from sitescope_fo.store.tree import load_tree
from tests.mirror.disk import Died, DyingDisk
from tests.node.nodes import BOOK, group_file

NUMBERS = itertools.count()


def load(home, root=None, *, write_ids=False):
    return load_tree(root or home.root, BOOK, None, new_id=lambda: f"id-{next(NUMBERS)}", write_ids=write_ids)


def names(tree):
    return tuple(sorted(monitor.name for monitor in tree.monitors))


@pytest.fixture
def home(primary_home):
    group_file(primary_home, "Web", "Home", "Shop")
    return primary_home


def test_what_was_kept_loads_like_the_original(home):
    tree = load(home, write_ids=True)
    assert keep_last_good(home, tree.revision)
    kept = load(home, last_good_root(home))
    assert (kept.revision, names(kept)) == (tree.revision, ("Home", "Shop"))
    assert {monitor.id for monitor in kept.monitors} == {monitor.id for monitor in tree.monitors}


def test_nothing_is_kept_before_the_first_time(home):
    assert last_good_root(home) is None


def test_a_tree_that_changed_since_it_was_loaded_is_not_kept_under_its_name(home):
    tree = load(home, write_ids=True)
    group_file(home, "Web", "Home", "Broken")
    assert not keep_last_good(home, tree.revision)
    assert last_good_root(home) is None


def test_keeping_the_same_again_writes_nothing(home):
    tree = load(home, write_ids=True)
    keep_last_good(home, tree.revision)
    disk = DyingDisk(1)
    assert keep_last_good(home, tree.revision, disk)
    assert disk.steps == 0


@pytest.mark.parametrize("lose", ["", "names", "data"])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_one_whole(home, lose):
    old = load(home, write_ids=True)
    assert keep_last_good(home, old.revision)
    group_file(home, "Web", "Home", "Shop", "New")
    new = load(home, write_ids=True)
    at, seen = 0, set()
    while True:
        at += 1
        disk = DyingDisk(at, lose, home.last_good)
        try:
            assert keep_last_good(home, new.revision, disk)
        except Died:
            kept = load(home, last_good_root(home))
            assert (kept.revision, names(kept)) in {
                (old.revision, ("Home", "Shop")),
                (new.revision, ("Home", "New", "Shop")),
            }
            seen.add(kept.revision)
        else:
            break
    assert at > 10
    assert old.revision in seen
    assert load(home, last_good_root(home)).revision == new.revision


@pytest.mark.parametrize("lose", ["", "names", "data"])
def test_a_kill_while_an_older_copy_is_brought_up_to_date_leaves_a_whole_one(home, tmp_path, lose):
    group_file(home, "Gone", "Old")
    keep_last_good(home, load(home, write_ids=True).revision)
    group_file(home, "Web", "Home", "Shop", "Middle")
    middle = load(home, write_ids=True)
    keep_last_good(home, middle.revision)
    shutil.rmtree(home.groups / "Gone")
    group_file(home, "Fresh", "Deep")
    new = load(home, write_ids=True)
    shutil.copytree(home.last_good, tmp_path / "before", symlinks=True)
    at, seen = 0, set()
    while True:
        at += 1
        shutil.rmtree(home.last_good)
        shutil.copytree(tmp_path / "before", home.last_good, symlinks=True)
        try:
            assert keep_last_good(home, new.revision, DyingDisk(at, lose, home.last_good))
        except Died:
            kept = load(home, last_good_root(home))
            assert kept.revision in {middle.revision, new.revision}
            seen.add(kept.revision)
        else:
            break
    assert at > 10
    assert middle.revision in seen
    kept = load(home, last_good_root(home))
    assert (kept.revision, kept.warnings) == (new.revision, ())


def test_only_what_differs_is_written_into_the_older_copy(home):
    for group in range(50):
        group_file(home, f"Site {group}", "Home")
    for name in ("One", "Two", "Three"):
        group_file(home, "Web", name)
        disk = DyingDisk(10**9)
        assert keep_last_good(home, load(home, write_ids=True).revision, disk)
    steps = disk.steps
    group_file(home, "Site 7", "Other")
    disk = DyingDisk(10**9)
    assert keep_last_good(home, load(home, write_ids=True).revision, disk)
    assert disk.steps < steps + 10
    assert disk.steps < 100
