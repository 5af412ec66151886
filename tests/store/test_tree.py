import contextlib
import os
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sitescope_fo.model.config import MailServer, MailSettings
from sitescope_fo.model.errors import ConfigInvalid
from sitescope_fo.model.monitor import Action, When
from sitescope_fo.model.schedule import Window
from sitescope_fo.model.status import Status
from sitescope_fo.store.tree import ParseCache, load_tree, tree_fingerprint
from tests.store.book import Ids
from tests.store.disks import Died, DyingDisk
from tests.store.trees import BOOK, load, monitor, write_tree

SHOP = """\
# The shop. Ask Ann before changing.
[group]
name = "Web shop"   # shown on the wall
depends_on = "Network/Gateway ping"

[[monitor]]
# the page everybody sees
type = "url"
name = "Home page"
frequency = "1m"
error_frequency = "20s"
verify_error = true
schedule = "business hours"
settings = { url = "https://shop.example/", timeout = "10s", match = "Welcome" }
error_if = ["status != 200", "round_trip_time > 2s"]

[[alert]]
name = "mail ops"
on = "error"
when = { kind = "once", after = 3 }
actions = ["ops-mail", "mail:ann@example.org"]

[[alert]]
name = "page only"
monitor = "Home page"
when = "first after 2 then every 5"
actions = ["ops-mail"]
recovery = false
"""
FILES = {
    "Web": SHOP,
    "Web/Back end": "[group]\n\n" + monitor("Queue", depends_on='"Web shop/Home page"'),
    "Network": "[group]\n" + monitor("Gateway ping", timeout='"3s"'),
    "": '[[alert]]\nname = "all"\nactions = []\n',
    "alerts.toml": '[[action]]\nname = "ops-mail"\nto = ["ops@example.org"]\n',
    "schedules.toml": '[[schedule]]\nname = "business hours"\nwindows = ["mon-tue 08:00-18:00", "sun 22:00-06:00"]\n',
    "preferences.toml": (
        '[mail]\nfrom = "SiteScope <s@example.org>"\nto = "ops@example.org"\n'
        'servers = [{ host = "mx1", security = "tls" }, { host = "mx2", port = 2525 }]\n'
    ),
    "remotes.toml": "anything = 1\n",
}


@pytest.fixture
def root(tmp_path):
    return write_tree(tmp_path, FILES)


def problems_of(root, **changes):
    with pytest.raises(ConfigInvalid) as found:
        load(root, **changes)
    assert found.value.exit_code == 3
    return [(p.file.removeprefix("groups/"), p.line, p.path, p.what, p.hint) for p in found.value.problems]


def test_a_tree_loads_with_defaults_applied_and_names_resolved(root):
    tree = load(root)
    home, queue, gateway = (next(m for m in tree.monitors if m.name == n) for n in ("Home page", "Queue", "Gateway ping"))
    assert [g.path for g in tree.groups] == ["Network", "Web shop", "Web shop/Back end"]
    assert (home.path, home.group) == ("Web shop/Home page", "Web shop")
    assert (home.frequency_s, home.error_frequency_s, home.timeout_s, home.verify_error) == (60.0, 20.0, 10.0, True)
    assert home.settings == {"url": "https://shop.example/", "match": "Welcome", "pause": 2.0, "redirects": 5}
    assert home.error_if == ("status != 200", "round_trip_time > 2s")
    assert home.schedule == "business hours"
    assert (gateway.frequency_s, gateway.timeout_s) == (600.0, 3.0)
    assert queue.depends_on == home.id
    by_name = {a.name: a for a in tree.alerts}
    assert {name: a.scope for name, a in by_name.items()} == {
        "all": "",
        "mail ops": "Web shop",
        "page only": "Web shop/Home page",
    }
    assert by_name["mail ops"].when == When(kind="once", after=3)
    assert by_name["page only"].when == When(kind="repeat", after=2, every=5)
    assert by_name["page only"].covers(home.path)
    assert not by_name["page only"].covers(queue.path)
    assert tree.actions == (
        Action(name="ops-mail", to=("ops@example.org",)),
        Action(name="mail:ann@example.org", to=("ann@example.org",)),
    )
    assert tree.schedules[0].windows[-2:] == (Window(day="sun", start=1320, end=1440), Window(day="mon", start=0, end=360))
    assert tree.mail == MailSettings(
        servers=(MailServer(host="mx1", port=465, security="tls"), MailServer(host="mx2", port=2525)),
        sender="SiteScope <s@example.org>",
        to=("ops@example.org",),
    )
    assert tree.warnings == ()


def test_a_monitor_inherits_the_dependency_of_its_nearest_group_but_never_on_itself(tmp_path):
    root = write_tree(
        tmp_path,
        {
            "Net": '[group]\ndepends_on = "Net/Router"\ndepends_condition = "warning"\n' + monitor("Router") + monitor("Switch"),
            "Net/Lab": monitor("Printer") + monitor("Own", depends_on='"Net/Switch"'),
        },
    )
    monitors = {m.name: m for m in load(root).monitors}
    router = monitors["Router"].id
    assert {n: m.depends_on for n, m in monitors.items()} == {
        "Router": "",
        "Switch": router,
        "Printer": router,
        "Own": monitors["Switch"].id,
    }
    assert monitors["Printer"].depends_condition is Status.warning


def test_missing_ids_are_written_as_lines_and_everything_else_survives(root):
    before = (root / "groups/Web/group.toml").read_text().splitlines()
    tree = load(root, write_ids=True)
    after = (root / "groups/Web/group.toml").read_text().splitlines()
    added = [line for line in after if line.startswith("id = ")]
    assert len(added) == 4
    assert [line for line in after if not line.startswith("id = ")] == before
    ids = {x.id for x in (*tree.groups, *tree.monitors, *tree.alerts)}
    assert len(ids) == 9
    assert {line.removeprefix('id = "').removesuffix('"') for line in added} <= ids
    again = load(root, new_id=Ids("other"), write_ids=True)
    assert again == tree


def test_the_second_load_after_ids_were_written_changes_nothing_on_disk(root):
    load(root, write_ids=True)
    before = tree_fingerprint(root)
    load(root, write_ids=True)
    assert tree_fingerprint(root) == before


def test_ids_are_kept_in_memory_when_they_must_not_be_written(root):
    cache, ids = ParseCache(), Ids()
    first = load(root, cache=cache, new_id=ids)
    assert load(root, cache=cache, new_id=ids) == first
    assert "id" not in (root / "groups/Web/group.toml").read_text()


def test_an_old_name_used_again_gets_an_id_of_its_own(tmp_path):
    root, cache, ids = write_tree(tmp_path, {"G": "[group]\n" + monitor("A")}), ParseCache(), Ids()
    (old,) = load(root, cache=cache, new_id=ids, write_ids=True).monitors
    file = root / "groups/G/group.toml"
    file.write_text(file.read_text().replace('"A"', '"B"') + monitor("A"))
    renamed, fresh = load(root, cache=cache, new_id=ids, write_ids=True).monitors
    assert (renamed.name, renamed.id) == ("B", old.id)
    assert fresh.id != old.id


def test_a_file_without_group_table_gets_one_for_its_id(tmp_path):
    root = write_tree(tmp_path, {"Web": "# mine\n" + monitor("A")})
    load(root, write_ids=True)
    text = (root / "groups/Web/group.toml").read_text()
    assert text.startswith('[group]\nid = "id-1"\n\n# mine\n[[monitor]]\nid = "id-2"\n')
    assert load(root, new_id=Ids("other")).groups[0].id == "id-1"


def test_windows_line_ends_survive_the_writing_of_ids(tmp_path):
    root = write_tree(tmp_path, {"Web": ("[group]\n" + monitor("A")).replace("\n", "\r\n")})
    load(root, write_ids=True)
    raw = (root / "groups/Web/group.toml").read_bytes()
    assert raw.count(b"\r\n") == raw.count(b"\n")
    assert b'[[monitor]]\r\nid = "id-2"\r\n' in raw


def test_a_layout_that_has_no_header_for_an_id_is_a_warning(tmp_path):
    root = write_tree(tmp_path, {"Web": 'monitor = [{ type = "port", name = "A", settings = { host = "h" } }]\n'})
    tree = load(root, write_ids=True)
    assert "No id can be written" in tree.warnings[0].what
    assert tree.monitors[0].id


def test_writing_ids_stopped_at_any_step_leaves_loadable_files(tmp_path):
    from sitescope_fo.store.tree import load_whole

    root = write_tree(tmp_path / "0", FILES)
    disk = DyingDisk()
    load_whole(root, BOOK, None, new_id=Ids(), write_ids=True, disk=disk)
    for step in range(1, disk.steps + 1):
        root = write_tree(tmp_path / str(step), FILES)
        with pytest.raises(Died):
            load_whole(root, BOOK, None, new_id=Ids(), write_ids=True, disk=DyingDisk(step, lose="data"))
        assert len(load(root, new_id=Ids("again")).monitors) == 3
    assert disk.steps == 4 * 6


def test_every_problem_of_every_file_is_told_at_once_with_its_place(root):
    write_tree(
        root,
        {
            "Web/Back end": (
                "top = 1\n"
                "[grupe]\n"
                "[[monitor]]\n"
                'type = "prt"\n'
                'name = "P/1"\n'
                "[[monitor]]\n"
                'type = "url"\n'
                'name = "a"\n'
                'frequency = "1"\n'
                'error_if = ["x", "status > 1"]\n'
                'depends_on = "Network/Gatway ping"\n'
                'schedule = "busyness hours"\n'
                'settings = { ulr = "q" }\n'
                "[[monitor]]\n"
                'type = "port"\n'
                'name = "A"\n'
                "enabled = 1\n"
                "[monitor.settings]\n"
                'hosst = "x"\n'
                "[[alert]]\n"
                'name = "q"\n'
                'on = "bad"\n'
                'actions = ["ops"]\n'
                'monitor = "B"\n'
                'when = { kind = "twice" }\n'
            ),
            "schedules.toml": '[[schedule]]\nname = "business hours"\nwindows = ["someday"]\n',
        },
    )
    found = problems_of(root)
    here = "Web/Back end/group.toml"
    assert [(f, line, path) for f, line, path, _, _ in found] == [
        (here, 1, "top"),
        (here, 2, "grupe"),
        (here, 4, "monitor[0].type"),
        (here, 5, "monitor[0].name"),
        (here, 9, "monitor[1].frequency"),
        (here, 10, "monitor[1].error_if[0]"),
        (here, 11, "monitor[1].depends_on"),
        (here, 12, "monitor[1].schedule"),
        (here, 13, "monitor[1].settings.ulr"),
        (here, 13, "monitor[1].settings.url"),
        (here, 16, "monitor[2].name"),
        (here, 17, "monitor[2].enabled"),
        (here, 18, "monitor[2].settings.host"),
        (here, 19, "monitor[2].settings.hosst"),
        (here, 22, "alert[0].on"),
        (here, 23, "alert[0].actions[0]"),
        (here, 24, "alert[0].monitor"),
        (here, 25, "alert[0].when.kind"),
        ("persistence/schedules.toml", 3, "schedule[0].windows"),
    ]
    hints = {path: hint for _, _, path, _, hint in found}
    assert hints["grupe"] == "Did you mean 'group'?"
    assert hints["monitor[0].type"] == "Did you mean 'port'?"
    assert hints["monitor[1].depends_on"] == "Did you mean 'Network/Gateway ping'?"
    assert hints["monitor[1].schedule"] == "Did you mean 'business hours'?"
    assert hints["monitor[2].settings.hosst"] == "Did you mean 'host'?"


def test_nothing_is_written_while_there_is_a_problem(root):
    write_tree(root, {"Bad": "x"})
    before = tree_fingerprint(root)
    problems_of(root, write_ids=True)
    assert tree_fingerprint(root) == before


@pytest.mark.parametrize(
    ("content", "line", "word"),
    [
        (b'[group]\nname = "Web', 2, "not TOML"),
        (b"[group]\n[group]\n", 2, "not TOML"),
        (b'[group]\nname = "caf\xe9"\n', 2, "not UTF-8"),
        (b"\xef\xbb\xbf[group]\n", 1, "byte order mark"),
        (b"[group]\nx = " + b"[" * 100_000, 0, "nested too deeply"),
        (b"[group]\nx = " + b"9" * 5000, 0, "not TOML"),
        (b'[group]\n\n[[monitor]]\ntype = "port"\nname = ', 5, "not TOML"),
    ],
    ids=["torn", "twice", "latin-1", "bom", "deep", "huge number", "cut short"],
)
def test_a_file_that_is_no_toml_is_one_problem_with_its_line(tmp_path, content, line, word):
    root = write_tree(tmp_path, {"Good": monitor("A", depends_on='"Web/gone with the broken file"'), "Web": ""})
    (root / "groups/Web/group.toml").write_bytes(content)
    ((file, found_line, _, what, _),) = problems_of(root)
    assert (file, found_line) == ("Web/group.toml", line)
    assert word in what


def test_names_are_unique_without_regard_to_case_and_composition(tmp_path):
    root = write_tree(
        tmp_path,
        {
            "a": '[group]\nname = "Caf\u00e9"\n' + monitor("X") + monitor("x"),
            "b": '[group]\nname = "CAFE\u0301"\n',
            "a/sub": '[group]\nname = "X"\n',
        },
    )
    assert [(file, path) for file, _, path, _, _ in problems_of(root)] == [
        ("a/group.toml", "monitor[1].name"),
        ("a/sub/group.toml", "group.name"),
        ("b/group.toml", "group.name"),
    ]


def test_a_copied_id_is_refused_and_the_hint_says_what_to_do(tmp_path):
    copied = monitor("A", id='"same"')
    root = write_tree(tmp_path, {"a": copied, "b": copied})
    ((file, line, path, what, hint),) = problems_of(root)
    assert (file, line, path) == ("b/group.toml", 5, "monitor[0].id")
    assert "'a/A'" in what
    assert "Delete the id line" in hint


@pytest.mark.parametrize(
    "name",
    ["", "  ", " a", "a ", "a/b", "a\x00b", "a\u2028b", "\u0007", "x" * 101, "\u00e9" * 51],
    ids=repr,
)
def test_a_bad_name_is_refused_for_groups_monitors_and_alerts(tmp_path, name):
    quoted = '"' + "".join(f"\\U{ord(c):08x}" for c in name) + '"'
    text = f"[group]\nname = {quoted}\n" + monitor("M", name=quoted) + f"[[alert]]\nname = {quoted}\n"
    root = write_tree(tmp_path, {"G": text})
    assert [path for _, _, path, _, _ in problems_of(root)] == ["group.name", "monitor[0].name", "alert[0].name"]


def test_a_name_in_decomposed_form_is_shown_composed(tmp_path):
    root = write_tree(tmp_path, {"G": monitor("cafe\u0301")})
    assert load(root).monitors[0].path == "G/caf\u00e9"


def test_dependencies_in_a_circle_on_itself_and_on_groups_are_refused(tmp_path):
    text = "".join(monitor(a, depends_on=f'"G/{b}"') for a, b in (("A", "B"), ("B", "C"), ("C", "A"), ("D", "D"), ("E", "A")))
    root = write_tree(tmp_path, {"G": text + monitor("F", depends_on='"G"')})
    found = {path: what for _, _, path, what, _ in problems_of(root)}
    assert found == {
        "monitor[0].depends_on": "Dependencies run in a circle: G/A -> G/B -> G/C -> G/A",
        "monitor[3].depends_on": "A monitor cannot depend on itself",
        "monitor[5].depends_on": "'G' is no monitor; a dependency is on one monitor",
    }


def test_a_dependency_may_be_written_as_an_id(tmp_path):
    root = write_tree(tmp_path, {"G": monitor("A", id='"abc"') + monitor("B", depends_on='"abc"')})
    assert load(root).monitors[1].depends_on == "abc"


def test_symbolic_links_in_groups_are_refused(tmp_path):
    root = write_tree(tmp_path / "tree", {"Real": monitor("A")})
    (tmp_path / "outside").mkdir()
    (root / "groups/Linked").symlink_to(tmp_path / "outside")
    (root / "groups/Half").mkdir()
    (root / "groups/Half/group.toml").symlink_to(root / "groups/Real/group.toml")
    assert [(f, w) for f, _, _, w, _ in problems_of(root)] == [
        ("Half/group.toml", "Symbolic links are not followed in groups"),
        ("Linked", "Symbolic links are not followed in groups"),
    ]


def test_a_file_over_the_limit_is_refused(tmp_path):
    root = write_tree(tmp_path, {"G": "#" * (8 * 1024 * 1024 + 1)})
    ((_, _, _, what, hint),) = problems_of(root)
    assert "Cannot be read" in what
    assert "8 MiB" in hint


def test_groups_nested_without_end_are_refused(tmp_path):
    root = write_tree(tmp_path, {"/".join("d" * 40): "[group]\n"})
    assert "32 levels deep" in problems_of(root)[0][3]


def test_a_tree_without_groups_folder_is_no_empty_tree(tmp_path):
    assert problems_of(tmp_path)[0][3] == "The groups folder is missing"
    (tmp_path / "groups").mkdir()
    assert load(tmp_path).monitors == ()


def test_folders_without_a_file_are_groups_only_above_others(tmp_path):
    root = write_tree(tmp_path, {"Site/Rack": monitor("A")})
    (root / "groups/Empty/Deep").mkdir(parents=True)
    (root / "groups/Site/old.toml").write_text("")
    first, again = load(root), load(root, new_id=Ids("x"))
    assert [g.path for g in first.groups] == ["Site", "Site/Rack"]
    assert first.groups[0].id == again.groups[0].id
    assert [(w.file, w.what) for w in first.warnings] == [
        ("groups/Site/old.toml", "This file is not read"),
        ("groups/Empty", "This folder has no group.toml and is not read"),
    ]


def test_the_top_file_takes_alerts_only(tmp_path):
    root = write_tree(tmp_path, {"": '[group]\nname = "x"\n' + monitor("A")})
    assert [path for _, _, path, _, _ in problems_of(root)] == ["monitor", "group"]


class OneSecret:
    def seal(self, plain):
        return f"sealed:{plain}"

    def open(self, sealed):
        if sealed == "secret:known":
            return "opened"
        raise ConfigInvalid("There is no such secret", hint="Set it", code="secret_unreadable")


def test_secrets_are_opened_and_one_that_cannot_be_is_a_warning_only(tmp_path):
    def url(name, value):
        return monitor(name, type='"url"', settings=f'{{ url = "u", password = "{value}" }}')

    text = url("A", "secret:known") + url("B", "secret:lost") + url("C", "in clear")
    mail = '[mail]\nservers = [{ host = "m", password = "secret:known" }]\n'
    root = write_tree(tmp_path, {"G": text, "preferences.toml": mail})
    tree = load(root, secrets=OneSecret())
    assert [m.settings["password"] for m in tree.monitors] == ["opened", "", "in clear"]
    assert tree.mail.servers[0].password == "opened"
    assert [(w.line, w.path, w.what) for w in tree.warnings] == [
        (8, "monitor[1].settings.password", "There is no such secret"),
        (12, "monitor[2].settings.password", "A secret stands in clear"),
    ]
    assert load(root).monitors[0].settings["password"] == "secret:known"


def test_only_changed_files_are_parsed_again(root):
    cache = ParseCache()
    load(root, cache=cache)
    parsed = cache.parsed
    write_tree(root, {"Network": "[group]\n" + monitor("Gateway ping") + monitor("New")})
    tree = load(root, cache=cache)
    assert cache.parsed == parsed + 1
    assert tree.monitors[1].name == "New"
    assert {m.name: m.id for m in tree.monitors} == {m.name: m.id for m in load(root, cache=cache).monitors}


def listing(root):
    """Every file below `root` with its hash, as somebody who has just proven them would say it."""
    return {p.relative_to(root).as_posix(): sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()}


def without_ids(tree):
    return [(m.path, m.type, m.settings, m.schedule) for m in tree.monitors], [g.path for g in tree.groups], tree.revision


def warnings_of(tree):
    return sorted(str(problem) for problem in tree.warnings)


@pytest.mark.parametrize("extra", [{}, {"A/B/C": "[group]\n" + monitor("Deep")}, {"A-B/C": "[group]\n", "A/C": "[group]\n"}])
def test_a_proven_tree_loads_as_one_that_is_walked(root, extra):
    write_tree(root, extra)
    (root / "groups/Web/notes.toml").touch()
    (root / "groups/Bare/Deeper").mkdir(parents=True)
    (root / "groups/Bare/Deeper/passed.toml").touch()
    cache = ParseCache()
    for again in range(2):  # without anything known, and with all of it
        walked, proven = load(root, cache=cache if again else None), load(root, cache=cache, proven=listing(root))
        assert without_ids(proven) == without_ids(walked)
        assert warnings_of(proven) == warnings_of(walked)


def test_of_a_proven_tree_only_files_with_new_content_are_opened(root):
    cache = ParseCache()
    first = load(root, cache=cache, proven=listing(root))
    write_tree(root, {"Network": "[group]\n" + monitor("Gateway ping") + monitor("New")})
    proven = listing(root)
    for path in (root / "groups").rglob("group.toml"):
        if path.parent.name != "Network":
            path.write_text("this would not load")
    tree = load(root, cache=cache, proven=proven)
    assert {m.path for m in tree.monitors} == {m.path for m in first.monitors} | {"Network/New"}


def test_problems_of_a_proven_tree_are_told_each_time(root):
    write_tree(root, {"Network": "[group]\n" + monitor("Gateway ping", colour='"red"')})
    cache = ParseCache()
    told = [problems_of(root, cache=cache, proven=listing(root)) for _ in range(2)]
    assert told[0] == told[1] == problems_of(root)


def test_a_proven_tree_beyond_the_limits_is_refused_as_one_that_is_walked(tmp_path):
    root = write_tree(tmp_path, {"/".join(["d"] * 40): "[group]\n"})
    assert problems_of(root, proven=listing(root)) == problems_of(root)


def test_the_revision_follows_content_and_names_and_nothing_else(root, tmp_path_factory):
    first = load(root).revision
    other = write_tree(tmp_path_factory.mktemp("copy"), FILES)
    assert load(other).revision == first
    (other / "groups/Web").rename(other / "groups/Web2")
    assert load(other).revision != first
    write_tree(root, {"remotes.toml": "anything = 2\n"})
    assert load(root).revision != first


def test_the_fingerprint_notices_every_kind_of_change(root):
    seen = {tree_fingerprint(root)}
    file = root / "groups/Network/group.toml"

    def changed(what):
        seen.add(tree_fingerprint(root))
        return len(seen) == what

    assert changed(1)
    os.utime(file, (1, 1))
    assert changed(2)
    file.write_text(file.read_text() + "\n")
    assert changed(3)
    file.rename(file.with_name("renamed"))
    assert changed(4)
    (root / "groups/Empty").mkdir()
    assert changed(5)
    (root / "groups/.hidden.tmp").touch()
    assert changed(5)
    (root / "persistence/users.toml").touch()
    assert changed(6)


def test_two_thousand_monitors_load_and_a_change_parses_one_file(tmp_path):
    files = {f"G{g:02}": "[group]\n" + "".join(monitor(f"M{m}") for m in range(50)) for g in range(40)}
    files["G00"] += monitor("Last", depends_on='"G39/M49"')
    root, cache = write_tree(tmp_path, files), ParseCache()
    tree = load(root, cache=cache, write_ids=True)
    assert len(tree.monitors) == 2001
    assert len({m.id for m in tree.monitors}) == 2001
    load(root, cache=cache)
    parsed = cache.parsed
    (root / "groups/G07/group.toml").write_text((root / "groups/G07/group.toml").read_text().replace('"M3"', '"Renamed"'))
    changed = load(root, cache=cache)
    assert cache.parsed == parsed + 1
    assert {m.id for m in changed.monitors} == {m.id for m in tree.monitors}
    assert {m.name for m in changed.monitors} - {m.name for m in tree.monitors} == {"Renamed"}


HOSTILE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(root):
    """Loads; nothing but ConfigInvalid may come out, and its problems must be printable."""
    problems = ()
    with contextlib.suppress(ConfigInvalid):
        try:
            load(root)
        except ConfigInvalid as error:
            problems = error.problems
            raise
    for problem in problems:
        assert str(problem)
        assert problem.line >= 0


@HOSTILE
@given(st.binary(max_size=200))
def test_no_bytes_in_a_group_file_make_loading_fail_otherwise(tmp_path, data):
    root = write_tree(tmp_path, {"G": ""})
    (root / "groups/G/group.toml").write_bytes(data)
    outcome(root)


SCALARS = st.sampled_from(
    [
        '""',
        '"x"',
        '"1m"',
        "1",
        "-1",
        "0.5",
        "nan",
        "true",
        "1979-05-27",
        "[]",
        "[[]]",
        '["a",1]',
        "{}",
        "{a=1}",
        "'l'",
        '"""m\\n"""',
    ]
)
KEYS = st.sampled_from(
    [
        "id",
        "type",
        "name",
        "frequency",
        "settings",
        "settings.url",
        "error_if",
        "when",
        "actions",
        "depends_on",
        "on",
        "enabled",
        "'q'",
    ]
)
HEADERS = st.sampled_from(
    ["[group]", "[[monitor]]", "[[alert]]", "[monitor.settings]", "[alert.when]", "[monitor]", "[[group]]", "[x.y]", ""]
)


@HOSTILE
@given(st.lists(st.tuples(HEADERS, st.lists(st.tuples(KEYS, SCALARS), max_size=4)), max_size=6))
def test_no_mix_of_keys_and_kinds_makes_loading_fail_otherwise(tmp_path, blocks):
    text = "".join(f"{header}\n" + "".join(f"{key} = {value} # c\n" for key, value in keys) for header, keys in blocks)
    outcome(write_tree(tmp_path, {"G": text, "": text}))


@HOSTILE
@given(st.integers(0, len(SHOP)), st.integers(0, 12), st.text(max_size=3))
def test_no_damage_to_a_real_file_makes_loading_fail_otherwise(root, place, cut, insert):
    write_tree(root, {"Web": SHOP[:place] + insert.replace("\r", "") + SHOP[place + cut :]})
    outcome(root)


def test_load_tree_is_what_the_node_calls(root):
    tree = load_tree(root, BOOK, None, new_id=Ids(), write_ids=False)
    assert len(tree.monitors) == 3
