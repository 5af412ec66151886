"""The compiled cache changes how long a load takes and nothing else, whatever happens to its file."""

import os
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sitescope_fo.model.errors import ConfigInvalid
from sitescope_fo.store.tree import ParseCache
from sitescope_fo.store.tree_compiled import CompiledDrafts
from tests.store.book import Ids
from tests.store.disks import Died, DyingDisk
from tests.store.trees import load, monitor, write_tree

ALERT = '[[alert]]\nname = "all"\nwhen = "first after 2 then every 5"\nactions = ["mail:ann@example.org"]\n'
FILES = {
    "": ALERT,
    "Web": '[group]\ndepends_on = "Net/Gateway"\n' + monitor("Home", error_if='["a > 1"]', enabled="false") + ALERT,
    "Web/Sub": monitor("Deep", settings='{ host = "h", timeout = "3s" }', description='"ä\\n"'),
    "Net": monitor("Gateway", frequency='"5m"')
    + monitor("Web", type='"url"', settings='{ url = "u", match = "x", redirects = 3 }'),
}


@pytest.fixture
def root(tmp_path):
    return write_tree(tmp_path / "tree", FILES)


def opened(folder, circumstances="now", *, least_text=0, **more):
    return ParseCache(CompiledDrafts(folder / "cache" / "own.drafts", lambda: circumstances, least_text=least_text, **more))


def kept(root, folder):
    """The tree, loaded into a fresh cache that is saved."""
    cache = opened(folder)
    tree = load(root, cache=cache)
    assert cache.unsaved
    assert cache.save()
    return tree


def test_a_second_start_parses_nothing_and_gives_the_same_tree(root, tmp_path):
    tree, cache = kept(root, tmp_path), opened(tmp_path)
    assert load(root, cache=cache) == tree == load(root)
    assert cache.parsed == 0
    assert not cache.unsaved


def test_after_an_edit_only_that_file_is_parsed(root, tmp_path):
    kept(root, tmp_path)
    write_tree(root, {"Net": FILES["Net"] + monitor("New")})
    cache = opened(tmp_path)
    assert load(root, cache=cache) == load(root)
    assert cache.parsed == 1
    assert cache.save()
    again = opened(tmp_path)
    load(root, cache=again)
    assert again.parsed == 0


def test_a_file_that_moves_to_another_folder_is_checked_anew(root, tmp_path):
    kept(root, tmp_path)
    (root / "groups" / "Net").rename(root / "groups" / "Other")
    write_tree(root, {"Web": FILES["Web"].replace("Net/", "Other/")})
    cache = opened(tmp_path)
    assert load(root, cache=cache) == load(root)


def test_only_the_owner_may_read_it(root, tmp_path):
    kept(root, tmp_path)
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "cache" / "own.drafts").stat().st_mode) == 0o600


@pytest.mark.parametrize("same", [True, False], ids=["same", "other"])
def test_it_counts_only_in_the_circumstances_it_was_made_in(root, tmp_path, same):
    kept(root, tmp_path)
    cache = opened(tmp_path, "now" if same else "after an upgrade")
    load(root, cache=cache)
    assert (cache.parsed == 0) is same


def test_small_trees_are_not_worth_a_file(root, tmp_path):
    cache = opened(tmp_path, least_text=10_000)
    load(root, cache=cache)
    assert not cache.unsaved
    assert not cache.save()
    assert not (tmp_path / "cache").exists()


def test_what_is_kept_already_is_not_written_again(root, tmp_path):
    kept(root, tmp_path)
    disk = DyingDisk(1)
    cache = opened(tmp_path, disk=disk)
    load(root, cache=cache)
    assert not cache.save()
    assert disk.steps == 0


def test_a_file_with_a_number_that_does_not_fit_is_parsed_each_time(root, tmp_path):
    write_tree(root, {"Big": monitor("Huge", type='"url"', settings=f'{{ url = "u", redirects = {2**80} }}')})
    kept(root, tmp_path)
    cache = opened(tmp_path)
    assert load(root, cache=cache) == load(root)
    assert cache.parsed == 1


def test_a_folder_that_cannot_be_written_is_an_error_of_the_disk_and_the_tree_stays_loaded(root, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    cache = opened(tmp_path)
    tree = load(root, cache=cache)
    with pytest.raises(OSError, match="exists"):
        cache.save()
    assert load(root, cache=cache) == tree


def test_problems_are_the_same_with_and_without_it(root, tmp_path):
    kept(root, tmp_path)
    write_tree(root, {"Extra": monitor("X", depends_on='"Net/Gone"'), "Web/Sub": monitor("Deep") + monitor("deep")})
    with pytest.raises(ConfigInvalid) as cold:
        load(root)
    cache = opened(tmp_path)
    with pytest.raises(ConfigInvalid) as cached:
        load(root, cache=cache)
    assert cached.value.problems == cold.value.problems
    assert cache.parsed == 2
    write_tree(root, FILES | {"Extra": monitor("X")})
    load(root, cache=cache)
    assert cache.parsed == 3  # the repaired one; the others stand in the file or were seen


def test_a_kill_at_any_step_of_saving_leaves_a_cache_that_serves_or_counts_as_none(root, tmp_path):
    kept(root, tmp_path)
    write_tree(root, {"Net": FILES["Net"] + monitor("New")})
    tree = load(root)
    for at in range(1, 20):
        disk = DyingDisk(at)
        cache = opened(tmp_path, disk=disk)
        load(root, cache=cache)
        try:
            cache.save()
        except Died:
            after = opened(tmp_path)
            assert load(root, cache=after) == tree
            assert after.parsed in {0, 1}
        else:
            break
    assert at > 3


def cut(data, at):
    return data[:at]


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def swap(data, at):
    return data[at:] + data[:at]


@given(damage=st.sampled_from([cut, flip, swap]), where=st.floats(0, 1, exclude_max=True))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_damaged_cache_counts_as_none(root, tmp_path, damage, where):
    tree, file = kept(root, tmp_path), tmp_path / "cache" / "own.drafts"
    whole = file.read_bytes()
    damaged = damage(whole, int(where * len(whole)))
    file.write_bytes(damaged)
    cache = opened(tmp_path)
    assert load(root, cache=cache) == tree
    assert cache.parsed == (0 if damaged == whole else len(FILES))
    file.unlink()


GROUPS = st.sampled_from(["A", "B", "A/C", "D"])
TITLES = st.sampled_from(["m1", "m2", "M1", "n"])
MONITORS = st.builds(
    lambda title, extra: monitor(title, **extra),
    TITLES,
    st.sampled_from(
        [
            {},
            {"frequency": '"1m"', "id": '"one"'},
            {"depends_on": '"A/m1"'},
            {"depends_on": '"D/m2"', "depends_condition": '"error"'},
            {"error_if": '["x > 1", "y"]'},
            {"error_if": '["x > 1"]', "warning_if": "[]"},
            {"settings": '{ host = "h", timeout = "9s" }', "schedule": '"nights"'},
            {"type": '"url"', "settings": '{ url = "u", password = "clear" }'},
            {"frequncy": '"1m"'},
        ]
    ),
)
TEXTS = st.one_of(
    st.lists(MONITORS, min_size=1, max_size=3).map("".join),
    st.sampled_from(['[group]\nname = "Same"\n', '[group]\ndepends_on = "A/m1"\n' + monitor("n"), ALERT, "[[monitor]\n", ""]),
)
STEPS = st.one_of(
    st.tuples(st.just("write"), GROUPS, TEXTS),
    st.tuples(st.just("same size and time"), GROUPS, st.sampled_from(["m1", "n2", "m2"])),
    st.tuples(st.just("delete"), GROUPS, st.none()),
    st.tuples(st.just("damage"), st.none(), st.integers(0, 400)),
    st.tuples(st.just("clock"), GROUPS, st.sampled_from([0, 2**31, 4 * 10**9])),
    st.tuples(st.just("restart"), st.none(), st.none()),
    st.tuples(st.just("save"), st.none(), st.none()),
)


def outcome(root, cache):
    """The tree, or the whole report of problems."""
    try:
        return load(root, cache=cache, new_id=Ids())
    except ConfigInvalid as error:
        return error.problems


def change(root, file, step):
    """One thing that may happen between two loads."""
    what, group, value = step
    target = root / "groups" / (group or "") / "group.toml"
    if what == "write":
        write_tree(root, {group: value})
    elif what == "same size and time" and target.exists():
        before = target.stat()
        text = target.read_text()
        target.write_text(text.replace('"m1"', f'"{value}"'))
        os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif what == "delete":
        target.unlink(missing_ok=True)
    elif what == "clock" and target.exists():
        os.utime(target, (value, value))
    elif what == "damage" and file.exists():
        data = bytearray(file.read_bytes())
        data[value % len(data)] ^= 255
        file.write_bytes(data)


@given(files=st.dictionaries(GROUPS, TEXTS, min_size=1), steps=st.lists(STEPS, max_size=12))
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_happens_a_load_with_cache_says_what_a_load_without_says(files, steps, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    root, file = write_tree(folder / "tree", files), folder / "cache" / "own.drafts"
    cache = opened(folder)
    for step in [("load", None, None), *steps]:
        change(root, file, step)
        if step[0] == "restart":
            cache = opened(folder)
        if step[0] == "save":
            cache.save()
            continue
        cache.ids.clear()  # ids of what has none on disk come from the counter, in the same order as without
        assert outcome(root, cache) == outcome(root, ParseCache())
