"""The difference of two configurations: it says exactly what makes one of the other, by id, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.mirror.tree_diff import diff
from sitescope_fo.mirror.tree_outline import Thing, outline

SECRETS = {"url": frozenset({"password"})}
KEYS = st.dictionaries(
    st.sampled_from(["name", "type", "frequency", "settings.url", "enabled", "error_if"]),
    st.one_of(
        st.booleans(), st.integers(-2, 2), st.sampled_from([0.0, 1.0, float("nan")]), st.text(max_size=3),
        st.lists(st.integers(0, 1)),
    ),
    max_size=4,
)  # fmt: skip
THINGS = st.lists(
    st.builds(
        Thing,
        kind=st.sampled_from(["group", "monitor", "alert"]),
        id=st.integers(0, 5).map(str),
        path=st.sampled_from(["Web", "Web/Home", "Db/home", "Web/Shop"]),
        keys=KEYS,
    ),
    max_size=8,
).map(lambda things: list({(one.kind, one.id): one for one in things}.values()))


def text(things):
    return {(one.kind, one.id): {key: repr(value) for key, value in one.keys.items()} for one in things}


def applied(things, changes):
    """`things` (as `text`) after the changes, undoing nothing and inventing nothing."""
    made = {key: dict(keys) for key, keys in things.items()}
    for change in changes:
        key = (change.kind, change.id)
        assert (key in made) is (change.change != "added")
        keys = made.setdefault(key, {})
        for one in change.keys:
            assert keys.get(one.key) == (None if one.old is None else repr(one.old))
            keys.pop(one.key, None)
            if one.new is not None:
                keys[one.key] = repr(one.new)
        if change.change == "removed":
            assert made.pop(key) == {}
    return made


@given(THINGS, THINGS)
def test_the_changes_applied_to_the_old_give_the_new(old, new):
    assert applied(text(old), diff(old, new)) == text(new)


@given(THINGS)
def test_a_tree_does_not_differ_from_itself(things):
    assert diff(things, list(reversed(things))) == ()


@given(THINGS, THINGS)
def test_the_way_back_is_the_way_there_reversed(old, new):
    there, back = diff(old, new), diff(new, old)
    turned = {"added": "removed", "removed": "added", "changed": "changed"}

    def told(changes, turn):
        return {
            (c.kind, c.id, turned[c.change] if turn else c.change): [
                (k.key, repr(k.new), repr(k.old)) if turn else (k.key, repr(k.old), repr(k.new)) for k in c.keys
            ]
            for c in changes
        }

    assert told(there, turn=False) == told(back, turn=True)


def tree(**files):
    """An outline of group files by folder, `_` for `/`."""
    return outline({f"groups/{name.replace('_', '/')}/group.toml": text.encode() for name, text in files.items()}, {}, SECRETS)


WEB = '[group]\nid = "g"\nname = "Web"\n[[monitor]]\nid = "m"\nname = "Home"\ntype = "url"\nfrequency = "1m"\n'


def test_a_changed_key_says_the_old_and_the_new_value():
    [change] = diff(tree(a=WEB), tree(a=WEB.replace('"1m"', '"2m"') + 'settings = { url = "http://h/" }\n'))
    assert (change.kind, change.change, change.id, change.path, change.was) == ("monitor", "changed", "m", "Web/Home", "")
    assert [(key.key, key.old, key.new) for key in change.keys] == [
        ("frequency", "1m", "2m"), ("settings.url", None, "http://h/"),
    ]  # fmt: skip


def test_a_renamed_group_is_one_change_and_not_one_for_each_monitor_in_it():
    [change] = diff(tree(a=WEB), tree(b=WEB.replace('"Web"', '"Shop"')))
    assert (change.kind, change.path, change.was) == ("group", "Shop", "Web")


def test_a_monitor_that_went_to_another_group_says_from_where_to_where():
    home = WEB[WEB.index("[[") :]
    other = '[group]\nid = "h"\nname = "Db"\n'
    [change] = diff(tree(a=WEB, b=other), tree(a='[group]\nid = "g"\nname = "Web"\n', b=other + home))
    assert (change.path, change.was) == ("Db/Home", "Web/Home")
    assert [(key.key, key.old, key.new) for key in change.keys] == [("group", "Web", "Db")]


def test_what_has_no_id_on_one_side_is_known_by_its_path():
    bare = WEB.replace('id = "g"\n', "").replace('id = "m"\n', "")
    assert diff(tree(a=bare), tree(a=WEB)) == ()
    [change] = diff(tree(a=WEB), tree(a=bare.replace('"1m"', '"2m"')))
    assert (change.change, change.id) == ("changed", "m")


def test_a_namesake_with_another_id_is_another_thing():
    assert [c.change for c in diff(tree(a=WEB), tree(a=WEB.replace('"m"', '"n"')))] == ["removed", "added"]


def test_one_and_true_are_two_values():
    [change] = diff(tree(a=WEB + "enabled = true\n"), tree(a=WEB + "enabled = 1\n"))
    assert [(key.old, key.new) for key in change.keys] == [(True, 1)]


@pytest.mark.parametrize(
    "line",
    ['settings = { password = "clear" }', 'settings = { url = "sealed:v1:k:AAAA" }', 'settings = { url = "secret:smtp" }',
     'description.password = "clear"'],
)  # fmt: skip
def test_secrets_are_marked_as_such(line):
    [change] = diff(tree(a=WEB), tree(a=f"{WEB}{line}\n"))
    assert [key.hidden for key in change.keys] == [True]


def test_folders_without_a_file_name_the_groups_below_them():
    things = tree(Web_Shop_Cart='[[monitor]]\nname = "Home"\n', Web='[group]\nname = "Sites"\n')
    assert [thing.path for thing in things] == ["Sites", "Sites/Shop/Cart", "Sites/Shop/Cart/Home"]


def test_schedules_actions_mail_and_secrets_are_things_and_all_else_is_a_file():
    things = outline(
        {
            "persistence/schedules.toml": b'[[schedule]]\nname = "night"\nwindows = ["mon 01:00-02:00"]\n',
            "persistence/alerts.toml": b'[[action]]\nname = "ops"\nto = ["a@example.org"]\n',
            "persistence/preferences.toml": b'[mail]\nfrom = "a@b.c"\n[[mail.servers]]\nhost = "m"\npassword = "secret:x"\n',
            "persistence/secrets.toml": b'[[key]]\nid = "k"\n[secrets]\nsmtp = "sealed:v1:k:AAAA"\n',
            "groups/Web/group.toml": b"[group\n",
        },
        {"scripts/a.sh": {"sha256": "00", "mode": "755"}, "groups/Web/group.toml": {"sha256": "11"}},
        SECRETS,
    )
    found = {(thing.kind, thing.path): (thing.keys, set(thing.hidden)) for thing in things}
    assert found == {
        ("schedule", "night"): ({"name": "night", "windows": ["mon 01:00-02:00"]}, set()),
        ("action", "ops"): ({"name": "ops", "to": ["a@example.org"]}, set()),
        ("mail", "mail"): ({"from": "a@b.c", "servers.0.host": "m", "servers.0.password": "secret:x"}, {"servers.0.password"}),
        ("secret", "smtp"): ({"value": "sealed:v1:k:AAAA"}, {"value"}),
        ("file", "groups/Web/group.toml"): ({"sha256": "11"}, set()),
        ("file", "scripts/a.sh"): ({"sha256": "00", "mode": "755"}, set()),
    }  # fmt: skip
