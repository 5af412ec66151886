"""The last good configuration is whole at every moment, whatever is killed when."""

import pytest

from sitescope_fo.node.last_good import keep_last_good, last_good_root
from sitescope_fo.store.tree import load_tree
from tests.mirror.disk import Died, DyingDisk
from tests.node.nodes import BOOK, group_file


def load(home, root=None, *, write_ids=False):
    numbers = iter(range(1000))
    return load_tree(root or home.root, BOOK, None, new_id=lambda: f"id-{next(numbers)}", write_ids=write_ids)


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
