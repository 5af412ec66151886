"""Looking at what was mirrored: named by a word, proven before it is shown, compared without parsing what is the same."""

import pytest

from sitescope_fo.mirror import history, kept_tree
from sitescope_fo.mirror.kept_tree import compare, read_kept, things_of
from sitescope_fo.model.errors import Bad, Conflict, Refused, Usage
from tests.mirror.primary import WALL, Primary
from tests.mirror.test_generations import mirror


@pytest.fixture
def primary(tmp_path):
    return Primary(tmp_path / "primary").standard()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mirror"


def breath():
    pass


def snapshot(primary, folder, after=0):
    return history.write(folder, mirror(primary, folder), "scheduled", wall=WALL + after).name


def test_the_newest_the_current_and_a_name_of_a_snapshot_are_the_same_configuration(primary, folder):
    name = snapshot(primary, folder)
    trees = [read_kept(folder, word) for word in (name, name[:9], "newest", "current")]
    assert [tree.kind for tree in trees] == ["scheduled", "scheduled", "scheduled", "mirror"]
    assert len({(tree.revision, *sorted(tree.files)) for tree in trees}) == 1
    for tree in trees:
        kinds = [thing.kind for thing in things_of(tree, {}, breath)]
        assert {kind: kinds.count(kind) for kind in set(kinds)} == {"group": 3, "monitor": 30, "mail": 1, "file": 2}


def test_a_word_that_names_nothing_or_two_is_refused(primary, folder):
    for word in ("newest", "current"):
        with pytest.raises(Refused):
            read_kept(folder, word)
    snapshot(primary, folder)
    snapshot(primary, folder, after=60)
    with pytest.raises(Conflict):
        read_kept(folder, "2026")
    for word in ("1999", "", "../history", "..", "/etc/passwd"):
        with pytest.raises((Usage, Conflict)):
            read_kept(folder, word)


def test_a_damaged_zip_and_a_damaged_mirror_are_never_shown(primary, folder):
    name = snapshot(primary, folder)
    path = folder / history.HISTORY / name
    path.write_bytes(path.read_bytes()[:-400] + b"\0" * 400)
    with pytest.raises(Bad) as refusal:
        read_kept(folder, name)
    assert refusal.value.code == "snapshot_damaged"
    made = kept_tree.current(folder)
    (made.path / "scripts/check.sh").write_text("evil")
    with pytest.raises(Bad) as refusal:
        read_kept(folder, "current")
    assert refusal.value.code == "generation_corrupt"


def test_a_comparison_names_the_changed_keys_and_parses_only_what_differs(primary, folder):
    before = snapshot(primary, folder)
    primary.group("Group 1", [f"Monitor {n}" for n in range(1, 11)], frequency="2m")
    primary.write("scripts/check.sh", "#!/bin/sh\nexit 1\n", 0o755)
    mirror(primary, folder)
    breaths = []
    found = compare(read_kept(folder, before), read_kept(folder, "current"), {}, lambda: breaths.append(1))
    told = [(c.kind, c.change, c.path, len(c.keys)) for c in found.changes]
    assert told[0] == ("monitor", "removed", "Group 1/Monitor 0", 4)
    assert told[1:3] == [("monitor", "changed", "Group 1/Monitor 1", 1), ("monitor", "added", "Group 1/Monitor 10", 4)]
    assert told[-1] == ("file", "changed", "scripts/check.sh", 1)
    assert len(told) == 1 + 9 + 1 + 1
    assert len(breaths) == 2


def test_what_depends_on_something_in_a_file_that_did_not_change_says_its_path(primary, folder):
    from tests.mirror.primary import group_text, uid

    before = snapshot(primary, folder)
    gateway = uid("Group 2/Monitor 3")
    text = group_text("Group 0", [f"Monitor {n}" for n in range(10)]).replace(
        "[[monitor]]", f'depends_on = "{gateway}"\n[[monitor]]', 1
    )
    primary.write("groups/Group 0/group.toml", text)
    mirror(primary, folder)
    found = compare(read_kept(folder, before), read_kept(folder, "current"), {}, breath)
    [change] = found.changes
    assert [(key.key, key.new) for key in change.keys] == [("depends_on", gateway)]
    assert found.new_paths[gateway] == "Group 2/Monitor 3"


def test_two_snapshots_of_one_revision_do_not_differ(primary, folder):
    one, two = snapshot(primary, folder), snapshot(primary, folder, after=60)
    assert compare(read_kept(folder, one), read_kept(folder, two), {}, breath).changes == ()
