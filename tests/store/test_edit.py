import pytest

from sitescope_fo.model.errors import ConfigInvalid, Conflict, Refused, Usage
from sitescope_fo.store import edit
from sitescope_fo.store.edit import EditContext
from sitescope_fo.store.tree import tree_fingerprint
from tests.store.book import Ids
from tests.store.disks import Died, DyingDisk
from tests.store.trees import BOOK, load, monitor, write_tree

SHOP = """\
# The shop. Ask Ann before changing.
[group]
id = "g-web"
name = "Web shop"   # shown on the wall

# --- pages ---
[[monitor]]
id = "m-home"
type = "url"
name = "Home page"      # everybody sees it
frequency = "1m"
settings = { url = "https://shop.example/", match = "Welcome" }

# --- back end ---
[[monitor]]
id = "m-db"
type = "port"
name = "Database"
depends_on = "m-home"
[monitor.settings]
host = "db"   # the old one

[[alert]]
id = "a-ops"
name = "mail ops"
actions = ["mail:ops@example.org"]
"""


PORT = {"type": "port", "settings": {"host": "db"}}


@pytest.fixture
def root(tmp_path):
    return write_tree(tmp_path, {"Web": SHOP})


@pytest.fixture
def using():
    return EditContext(book=BOOK, new_id=Ids("new"))


def text(root, folder="Web"):
    return (root / "groups" / folder / "group.toml").read_text()


def changed_lines(before, after):
    """(lines gone, lines come), in order."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def monitors(root):
    return {m.path: m for m in load(root, new_id=Ids("other")).monitors}


def test_adding_a_monitor_appends_its_block_and_leaves_the_rest(root, using):
    table = {"type": "port", "name": "SSH", "frequency": "30s", "settings": {"host": 'h "q"', "timeout": "2s"}}
    result = edit.add_monitor(root, "web SHOP", table, using=using)
    assert text(root) == SHOP + (
        '\n[[monitor]]\nid = "new-1"\ntype = "port"\nname = "SSH"\nfrequency = "30s"\n'
        'settings = { host = "h \\"q\\"", timeout = "2s" }\n'
    )
    assert result == edit.EditResult(files=("groups/Web/group.toml",))
    assert monitors(root)["Web shop/SSH"].settings == {"host": 'h "q"', "timeout": 2.0}


def test_changing_a_monitor_changes_only_its_lines(root, using):
    result = edit.edit_monitor(
        root,
        "Web shop/Home page",
        {"frequency": "5m", "enabled": False},
        settings={"match": "Hello", "redirects": 3},
        using=using,
    )
    gone, come = changed_lines(SHOP, text(root))
    assert gone == ['frequency = "1m"', 'settings = { url = "https://shop.example/", match = "Welcome" }']
    assert come == [
        'frequency = "5m"',
        'settings = { url = "https://shop.example/", match = "Hello", redirects = 3 }',
        "enabled = false",
    ]
    assert result.kept_copy is None
    home = monitors(root)["Web shop/Home page"]
    assert (home.frequency_s, home.enabled, home.settings["redirects"], home.id) == (300.0, False, 3, "m-home")


def test_settings_in_a_table_of_their_own_are_changed_there(root, using):
    edit.edit_monitor(root, "Web shop/Database", {}, settings={"host": "db2", "timeout": "1s"}, using=using)
    assert changed_lines(SHOP, text(root)) == (
        ['host = "db"   # the old one'],
        ['host = "db2"   # the old one', 'timeout = "1s"'],
    )
    edit.edit_monitor(root, "Web shop/Database", {}, ["settings.timeout"], using=using)
    assert text(root) == SHOP.replace('"db" ', '"db2" ')


def test_dotted_settings_are_changed_where_they_stand(tmp_path, using):
    block = '[[monitor]]\ntype = "port"\nname = "A"\nsettings.host = "h" # x\nsettings.timeout = "1s"\n'
    root = write_tree(tmp_path, {"G": "[group]\n" + block})
    edit.edit_monitor(root, "G/A", {}, ["settings.timeout"], settings={"host": "i"}, using=using)
    assert text(root, "G") == '[group]\n[[monitor]]\ntype = "port"\nname = "A"\nsettings.host = "i" # x\n'


def test_a_key_can_be_dropped_and_dropping_what_is_not_there_is_refused(root, using):
    edit.edit_monitor(root, "Web shop/Database", {}, ["depends_on"], using=using)
    assert changed_lines(SHOP, text(root)) == (['depends_on = "m-home"'], [])
    for key in ("schedul", "settings.hots"):
        with pytest.raises(Usage) as refusal:
            edit.edit_monitor(root, "Web shop/Database", {}, [key], using=using)
        assert refusal.value.code == "not_found"


def test_a_layout_that_the_text_edit_does_not_know_is_written_anew_and_kept(tmp_path, using):
    inline = '# precious\nmonitor = [\n  { type = "port", name = "A", settings = { host = "h" } }, # one\n]\n'
    root = write_tree(tmp_path, {"G": inline})
    result = edit.edit_monitor(root, "G/A", {"frequency": "9s"}, using=using)
    assert monitors(root)["G/A"].frequency_s == 9.0
    assert result.kept_copy.read_text() == inline
    assert result.kept_copy.parent == root / "high_availability" / "backups" / "edited"
    again = edit.edit_monitor(root, "G/A", {"frequency": "8s"}, using=using)
    assert again.kept_copy is None


def test_removing_a_monitor_takes_its_block_and_keeps_a_copy_of_its_comments(root, using):
    result = edit.remove_monitor(root, "Web shop/Database", using=using)
    start, end = SHOP.index("# --- back end"), SHOP.index("[[alert]]")
    assert text(root) == SHOP[:start] + SHOP[end:]
    assert result.kept_copy.read_text() == SHOP
    assert list(monitors(root)) == ["Web shop/Home page"]


def test_removing_leaves_the_comment_above_what_follows(tmp_path, using):
    root = write_tree(tmp_path, {"G": "[group]\n\n" + monitor("A") + "\n# about B\n" + monitor("B")})
    assert edit.remove_monitor(root, "G/A", using=using).kept_copy is None
    assert text(root, "G") == "[group]\n\n# about B\n" + monitor("B")
    edit.remove_monitor(root, "G/B", using=using)
    assert text(root, "G") == "[group]\n"


def test_a_monitor_that_others_depend_on_is_not_removed(root, using):
    with pytest.raises(Refused, match="Web shop/Database") as refusal:
        edit.remove_monitor(root, "Web shop/Home page", using=using)
    assert refusal.value.code == "in_use"
    assert text(root) == SHOP


def test_a_monitor_goes_with_its_own_alerts_and_no_other(root, using):
    edit.add_alert(root, "Web shop/Database", {"name": "one"}, using=using)
    edit.add_alert(root, "Web shop/Home page", {"name": "two"}, using=using)
    edit.add_alert(root, "Web shop/Database", {"name": "three"}, using=using)
    edit.remove_monitor(root, "Web shop/Database", using=using)
    assert [(alert.scope, alert.name) for alert in load(root).alerts] == [("Web shop", "mail ops"), ("Web shop/Home page", "two")]


def test_a_new_name_goes_to_alerts_and_to_what_depends_on_the_monitor(root, using):
    edit.add_alert(root, "Web shop/Home page", {"name": "one"}, using=using)
    edit.add_group(root, "Other", depends_on="web shop/home page", using=using)
    edit.add_monitor(root, "Other", {**PORT, "name": "By path", "depends_on": "Web shop/Home page"}, using=using)
    before = text(root)
    edit.edit_monitor(root, "Web shop/Home page", {"name": "Front"}, using=using)
    assert changed_lines(before, text(root)) == (
        ['name = "Home page"      # everybody sees it', 'monitor = "Home page"'],
        ['name = "Front"      # everybody sees it', 'monitor = "Front"'],
    )
    assert text(root, "Other").count('depends_on = "Web shop/Front"') == 2
    tree = load(root)
    assert {monitor.depends_on for monitor in tree.monitors if monitor.name != "Front"} == {"m-home"}
    assert ("Web shop/Front", "one") in [(alert.scope, alert.name) for alert in tree.alerts]


def test_a_new_name_that_is_taken_is_refused(root, using):
    with pytest.raises(Conflict, match="Database"):
        edit.edit_monitor(root, "Web shop/Home page", {"name": "database"}, using=using)
    assert text(root) == SHOP


def test_switching_a_monitor_off_and_on_touches_one_line(root, using):
    edit.set_enabled(root, "Web shop/Home page", enabled=False, using=using)
    edit.set_enabled(root, "Web shop/Home page", enabled=True, using=using)
    assert changed_lines(SHOP, text(root)) == ([], ["enabled = true"])


def test_a_group_is_added_with_its_missing_parents(root, using):
    result = edit.add_group(root, "web shop/Lab/Rack 1", using=using, description="Room 5")
    assert result.files == ("groups/Web/Lab/group.toml", "groups/Web/Lab/Rack 1/group.toml")
    assert text(root, "Web/Lab/Rack 1") == '[group]\nid = "new-2"\nname = "Rack 1"\ndescription = "Room 5"\n'
    assert [g.path for g in load(root, new_id=Ids("x")).groups] == ["Web shop", "Web shop/Lab", "Web shop/Lab/Rack 1"]


@pytest.mark.parametrize("name", [".hidden", "..", "group.toml"])
def test_a_group_whose_name_is_no_sane_folder_gets_a_slug(tmp_path, using, name):
    root = write_tree(tmp_path, {})
    edit.add_group(root, name, using=using)
    (group,) = load(root).groups
    assert group.name == name
    assert {p.name for p in (root / "groups").iterdir()} <= {"hidden-new1", "group-new1", "group-toml-new1"}


def test_a_group_whose_folder_belongs_to_another_group_gets_one_of_its_own(tmp_path, using):
    root = write_tree(tmp_path, {"Web": '[group]\nid = "x"\nname = "Renamed"\n'})
    edit.add_group(root, "Web", using=using)
    assert sorted(p.name for p in (root / "groups").iterdir()) == ["Web", "web-new1"]
    assert [g.path for g in load(root).groups] == ["Renamed", "Web"]


def test_an_empty_group_is_removed_and_a_full_one_only_when_told_so(root, using):
    edit.add_group(root, "Empty", using=using)
    edit.remove_group(root, "Empty", using=using)
    with pytest.raises(Refused) as refusal:
        edit.remove_group(root, "Web shop", using=using)
    assert refusal.value.code == "group_not_empty"
    result = edit.remove_group(root, "Web shop", recursive=True, using=using)
    assert load(root).groups == ()
    assert (result.kept_copy / "group.toml").read_text() == SHOP


def test_an_alert_goes_to_its_scope(root, using):
    table = {"name": "x", "on": "error", "when": {"kind": "once", "after": 1}, "actions": ["mail:a@b.example"]}
    for scope in ("/", "Web shop", "Web shop/Home page"):
        edit.add_alert(root, scope, table, using=using)
        with pytest.raises(Conflict):
            edit.add_alert(root, scope, table | {"name": "X"}, using=using)
    assert {a.scope for a in load(root, new_id=Ids("o")).alerts if a.name == "x"} == {"", "Web shop", "Web shop/Home page"}
    edit.edit_alert(root, "Web shop/Home page", "x", {"name": "y", "enabled": False}, using=using)
    edit.edit_alert(root, "/", "X", {"actions": []}, ["on"], using=using)
    with pytest.raises(Conflict):
        edit.edit_alert(root, "Web shop", "x", {"name": "mail ops"}, using=using)
    edit.remove_alert(root, "Web shop", "x", using=using)
    alerts = {(a.scope, a.name): a for a in load(root, new_id=Ids("o")).alerts}
    assert set(alerts) == {("", "x"), ("Web shop", "mail ops"), ("Web shop/Home page", "y")}
    assert not alerts["Web shop/Home page", "y"].enabled
    assert alerts["", "x"].actions == ()


def test_an_alert_on_a_folder_without_file_keeps_the_id_of_its_group(tmp_path, using):
    root = write_tree(tmp_path, {"Site/Rack": monitor("A")})
    before = load(root).groups[0].id
    edit.add_alert(root, "Site", {"name": "x"}, using=using)
    assert load(root).groups[0].id == before


def test_preferences_are_set_key_by_key(root, using):
    values = {"from": "s@example.org", "servers": [{"host": "mx", "port": 25}]}
    edit.set_preferences(root, "mail", values, using=using)
    file = root / "persistence/preferences.toml"
    file.write_text("# ours\n" + file.read_text())
    result = edit.set_preferences(root, "mail", {"to": ["o@example.org"], "from": None, "timeout": None}, using=using)
    assert file.read_text() == '# ours\n[mail]\nservers = [{ host = "mx", port = 25 }]\nto = ["o@example.org"]\n'
    assert result.kept_copy is None
    with pytest.raises(ConfigInvalid):
        edit.set_preferences(root, "mail", {"to": ["nobody"]}, using=using)


def unknown_names(root, using):
    return [
        (lambda: edit.add_monitor(root, "Web shp", {"name": "x"}, using=using), "'Web shop'"),
        (lambda: edit.edit_monitor(root, "Web shop/Home pag", {}, using=using), "'Web shop/Home page'"),
        (lambda: edit.remove_monitor(root, "Web shop/Databas", using=using), "'Web shop/Database'"),
        (lambda: edit.set_enabled(root, "nothing like it", enabled=True, using=using), "monitor list"),
        (lambda: edit.remove_group(root, "Webshop", using=using), "'Web shop'"),
        (lambda: edit.add_alert(root, "Web shop/Hom page", {"name": "x"}, using=using), "'Web shop/Home page'"),
        (lambda: edit.edit_alert(root, "Web shop", "mail op", {}, using=using), "'mail ops'"),
        (lambda: edit.remove_alert(root, "/", "mail ops", using=using), "alert list"),
    ]


@pytest.mark.parametrize("number", range(8))
def test_an_unknown_name_is_told_with_the_nearest_one(root, using, number):
    act, hint = unknown_names(root, using)[number]
    with pytest.raises(Usage) as refusal:
        act()
    assert (refusal.value.code, refusal.value.exit_code) == ("not_found", 2)
    assert hint in refusal.value.hint


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda r, u: edit.add_monitor(r, "Web shop", {"name": "HOME page", "type": "port"}, using=u), Conflict),
        (lambda r, u: edit.add_group(r, "web SHOP", using=u), Conflict),
        (lambda r, u: edit.add_group(r, "Web shop/home page", using=u), Conflict),
        (lambda r, u: edit.add_group(r, "Web shop/home page/x", using=u), Conflict),
        (lambda r, u: edit.edit_monitor(r, "Web shop/Database", {"name": "Home page"}, using=u), Conflict),
        (lambda r, u: edit.add_group(r, "a//b", using=u), Usage),
        (lambda r, u: edit.add_group(r, "a\nb", using=u), Usage),
        (lambda r, u: edit.add_monitor(r, "Web shop", {"name": "x", "type": "prt"}, using=u), ConfigInvalid),
        (lambda r, u: edit.add_monitor(r, "Web shop", {"name": "x\ud800", "type": "port"}, using=u), Usage),
        (lambda r, u: edit.edit_monitor(r, "Web shop/Database", {"frequency": "0s"}, using=u), ConfigInvalid),
        (lambda r, u: edit.edit_monitor(r, "Web shop/Database", {"colour": "red"}, using=u), ConfigInvalid),
        (lambda r, u: edit.edit_monitor(r, "Web shop/Database", {}, ["name"], using=u), ConfigInvalid),
    ],
)
def test_a_refused_edit_leaves_every_file_untouched(root, using, act, kind):
    before = tree_fingerprint(root)
    with pytest.raises(kind):
        act(root, using)
    assert tree_fingerprint(root) == before


def test_an_edit_stopped_at_any_step_leaves_a_tree_that_loads(tmp_path):
    disk = DyingDisk()
    edit.add_group(write_tree(tmp_path / "0", {"Web": SHOP}), "A/B/C", using=EditContext(book=BOOK, new_id=Ids(), disk=disk))
    for step in range(1, disk.steps + 1):
        root = write_tree(tmp_path / str(step), {"Web": SHOP})
        with pytest.raises(Died):
            edit.add_group(root, "A/B/C", using=EditContext(book=BOOK, new_id=Ids(), disk=DyingDisk(step, lose="data")))
        assert len(monitors(root)) == 2
    assert disk.steps > 15


def test_a_file_changed_by_somebody_else_meanwhile_is_not_overwritten(root):
    class Slow(Ids):
        """A person saves the file while the edit is under way."""

        def __call__(self):
            write_tree(root, {"Web": SHOP + "# by hand\n"})
            return super().__call__()

    with pytest.raises(Conflict) as refusal:
        edit.add_monitor(
            root,
            "Web shop",
            {"name": "x", "type": "port", "settings": {"host": "h"}},
            using=EditContext(book=BOOK, new_id=Slow()),
        )
    assert refusal.value.code == "changed_meanwhile"
    assert text(root) == SHOP + "# by hand\n"
