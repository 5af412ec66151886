"""Forms of monitors: made from every type of the registry, and what they ask for is what the node's own files take."""

import pytest

from sitescope_fo.console.view import monitor_form as forms
from sitescope_fo.console.view.form import placed, problem_of, problems_of
from sitescope_fo.console.view.monitor_values import monitor_add, monitor_edit
from sitescope_fo.console.view.setting_fields import setting_text
from sitescope_fo.console.view.standing import standing
from sitescope_fo.model.errors import ConfigInvalid, Conflict, SiteScopeError
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.node.config_view import groups as group_rows
from sitescope_fo.node.config_view import monitor_config, types
from sitescope_fo.store import edit
from sitescope_fo.store.edit import EditContext
from sitescope_fo.store.tree import load_tree
from tests.console.fakes import profile, stamp
from tests.store.book import Ids

BOOK = Registry()
SPECS = forms.types_of(types(BOOK))
USING = EditContext(book=BOOK, new_id=Ids("id"))
ENOUGH = {
    "certificate": {"settings.host": "web1.example"},
    "dns": {"settings.name": "shop.example"},
    "file": {"settings.path": "/var/log/syslog"},
    "ping": {"settings.host": "web1.example"},
    "port": {"settings.host": "web1.example", "settings.port": "443"},
    "process": {"settings.name": "nginx"},
    "script": {"settings.script": "check.sh"},
    "systemd": {"settings.unit": "nginx"},
    "url": {"settings.url": "https://shop.example/"},
}
"""What has to be typed at least, besides the name."""
MEASURED = [
    {"name": "status", "value": 200, "unit": ""},
    {"name": "round_trip_time", "value": 2.4, "unit": "s"},
]


@pytest.fixture
def root(tmp_path):
    for folder in ("groups/Web", "persistence"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "groups/Web/group.toml").write_text('[group]\nname = "Web"\n')
    (tmp_path / "persistence/schedules.toml").write_text('[[schedule]]\nname = "nights"\nwindows = ["mon-fri 22:00-23:00"]\n')
    return tmp_path


def values_of(form, **typed):
    """What stands in the form after typing; `__` in a name is a dot."""
    return {field.name: field.value for field in form.fields} | {name.replace("__", "."): text for name, text in typed.items()}


def add(root, form, spec, typed):
    values = values_of(form) | typed
    assert problems_of(form, values) == {}
    body = monitor_add(spec, values)
    edit.add_monitor(root, body.group, body.table, using=USING)
    return body


def loaded(root):
    return load_tree(root, BOOK, None, new_id=Ids("new"), write_ids=False)


def sheet(root, path="Web/One", **more):
    """As the node answers `monitor`."""
    tree = loaded(root)
    monitor = next(one for one in tree.monitors if one.path == path)
    on = [one.path for one in tree.monitors if one.id == monitor.depends_on]
    chain = [{"path": on[0], "status": "good", "needs": "good"}] if on else []
    return {"path": path, "config": monitor_config(monitor, BOOK.specs), "dependencies": chain, **more}


def edited(root, form, spec, **typed):
    """The command for what was typed, after the files took it."""
    values = values_of(form, **typed)
    assert problems_of(form, values) == {}
    body = monitor_edit(spec, form, values, path="Web/One")
    if body is not None:
        edit.edit_monitor(root, body.path, body.changes, body.unset, settings=body.settings, using=USING)
    return body


@pytest.mark.parametrize("name", SPECS)
def test_every_type_has_a_form_whose_values_the_files_take_and_give_back(root, name):
    spec = SPECS[name]
    form = forms.new_form(spec, forms.Around(groups=("Web",)), group="Web")
    body = add(root, form, spec, {"name": "One", **ENOUGH.get(name, {})})
    assert set(body.table) <= {"type", "name", "settings"}
    assert set(body.table.get("settings", {})) == {key.removeprefix("settings.") for key in ENOUGH.get(name, {})}
    again = forms.edit_form(spec, forms.Around(), sheet(root))
    assert edited(root, again, spec) is None
    begun = {field.name: field.value for field in form.fields} | {"name": "One", **ENOUGH.get(name, {})}
    assert {field.name: field.value for field in again.fields} == {key: begun[key] for key in begun if key != "group"}


@pytest.mark.parametrize("name", SPECS)
def test_the_first_fields_are_what_has_to_be_typed(name):
    form = forms.new_form(SPECS[name], forms.Around(), group="Web")
    needed = [field.name for field in form.fields if field.needed]
    assert needed == [field.name for field in form.fields][: len(needed)]
    assert set(problems_of(form, values_of(form))) == set(needed) - {"group"}


@pytest.mark.parametrize("name", SPECS)
def test_every_setting_and_value_of_a_type_is_in_its_form(name):
    spec = SPECS[name]
    form = forms.new_form(spec, forms.Around(), group="")
    assert {f"settings.{setting.name}" for setting in spec.settings} <= {field.name for field in form.fields}
    assert all(value.name in form.field("error_if").help for value in spec.values)
    assert all(field.help.endswith(".") for field in form.fields)


def test_only_what_was_changed_is_asked_for(root):
    spec = SPECS["url"]
    add(root, forms.new_form(spec, forms.Around(), group="Web"), spec, {"name": "One", **ENOUGH["url"]})
    form = forms.edit_form(spec, forms.Around(schedules=("nights",)), sheet(root))
    body = edited(
        root,
        form,
        spec,
        name="Two",
        frequency="30s",
        verify_error="yes",
        schedule="nights",
        error_if="status != 200\n\nround_trip_time > 2s",
        settings__headers="Accept: a, b\nX-One: 1",
        settings__timeout="5s",
        settings__follow_redirects="no",
    )
    assert body.changes == {
        "name": "Two",
        "frequency": "30s",
        "verify_error": True,
        "schedule": "nights",
        "error_if": ["status != 200", "round_trip_time > 2s"],
    }
    assert body.settings == {"headers": ["Accept: a, b", "X-One: 1"], "timeout": "5s", "follow_redirects": False}
    assert body.unset == ()
    config = sheet(root, "Web/Two")["config"]
    assert (config["frequency"], config["timeout"], config["settings"]["headers"]) == ("30s", "5s", ["Accept: a, b", "X-One: 1"])


def test_what_goes_back_to_its_default_is_taken_out_of_the_file(root):
    spec = SPECS["url"]
    typed = {
        "name": "One",
        "frequency": "30s",
        "error_frequency": "5s",
        "schedule": "nights",
        "error_if": "status != 200",
        "settings.match": "Welcome",
        "settings.method": "HEAD",
        "settings.timeout": "5s",
        **ENOUGH["url"],
    }
    add(root, forms.new_form(spec, forms.Around(), group="Web"), spec, typed)
    form = forms.edit_form(spec, forms.Around(), sheet(root))
    body = edited(
        root,
        form,
        spec,
        frequency="600s",
        error_frequency="",
        schedule="",
        error_if="",
        settings__match="",
        settings__method="GET",
        settings__timeout="",
    )
    assert (body.changes, body.settings) == ({}, {})
    left = {"frequency", "error_frequency", "schedule", "error_if", "settings.match", "settings.method", "settings.timeout"}
    assert set(body.unset) == left
    assert "HEAD" not in (root / "groups/Web/group.toml").read_text()


def test_the_same_time_written_otherwise_is_no_change(root):
    spec = SPECS["ping"]
    add(root, forms.new_form(spec, forms.Around(), group="Web"), spec, {"name": "One", **ENOUGH["ping"]})
    form = forms.edit_form(spec, forms.Around(), sheet(root))
    assert edited(root, form, spec, frequency="600s", settings__reply_timeout="3000ms") is None


def test_a_secret_is_never_shown_stays_when_nothing_is_typed_and_is_not_copied(root):
    spec = SPECS["url"]
    config = {"name": "One", "frequency": "1m", "timeout": "30s", "settings": {"url": "https://a/", "password": "(secret)"}}
    known = {"path": "Web/One", "config": config}
    form = forms.edit_form(spec, forms.Around(), known)
    assert form.field("settings.password").value == ""
    assert "stays" in form.field("settings.password").help
    assert monitor_edit(spec, form, values_of(form), path="Web/One") is None
    typed = monitor_edit(spec, form, values_of(form, settings__password="new"), path="Web/One")
    assert typed.settings == {"password": "new"}
    copy = forms.new_form(spec, forms.Around(), group="Web", sheet=known)
    assert "password" in copy.note
    assert "password" not in monitor_add(spec, values_of(copy)).table["settings"]


def test_a_copy_has_everything_but_the_name(root):
    spec = SPECS["port"]
    typed = {"name": "One", "frequency": "15s", "warning_if": "round_trip_time > 1s", **ENOUGH["port"]}
    first = add(root, forms.new_form(spec, forms.Around(), group="Web"), spec, typed)
    copy = forms.new_form(spec, forms.Around(), group="Web", sheet=sheet(root))
    assert copy.field("name").value == "One copy"
    assert add(root, copy, spec, {}).table == {**first.table, "name": "One copy"}


def test_a_threshold_says_line_and_column_while_it_is_wrong():
    form = forms.new_form(SPECS["url"], forms.Around(), group="Web")
    field = form.field("error_if")
    assert problem_of(field, "status != 200\nround_trp_time > 2s") == (
        "Line 2, column 1: 'round_trp_time' is no value of url. Did you mean 'round_trip_time'?"
    )
    assert problem_of(field, "status != 200\n") == ""


def test_a_threshold_says_whether_it_holds_for_what_was_measured_last():
    config = {"name": "One", "frequency": "1m", "timeout": "30s", "settings": {"url": "https://a/"}}
    form = forms.edit_form(SPECS["url"], forms.Around(), {"path": "Web/One", "config": config, "values": MEASURED})
    now = form.field("error_if").preview
    assert now("round_trip_time > 2s") == "Holds now: round_trip_time > 2s (2.4s)."
    assert now("status != 200") == "Does not hold now: status != 200 (200)."
    assert now("size < 10") == "The last run did not measure size."


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("settings.port", "99999", "'port' must be at most 65535"),
        ("settings.port", "https", "'https' is no number"),
        ("frequency", "often", "'often' is not a duration. Write it like 500ms, 15s, 3m, 4h, 1d or 1h30m"),
        ("name", "a/b", "A name has no '/', which separates groups in a path"),
        ("group", "a//b", "'a//b' is no path of a group. Write it like Servers/Web"),
        ("schedule", "nigths", "There is no schedule 'nigths'. Did you mean 'nights'?"),
        ("depends_on", "Web/Gate", "There is no monitor 'Web/Gate'. Did you mean 'Web/Gateway'?"),
    ],
)
def test_a_bad_value_is_said_while_it_is_typed(name, text, said):
    around = forms.Around(schedules=("nights",), monitors=("Web/Gateway",))
    assert problem_of(forms.new_form(SPECS["port"], around, group="Web").field(name), text) == said


def refusal(root, table):
    with pytest.raises(SiteScopeError) as refused:
        edit.add_monitor(root, "Web", table, using=USING)
    return refused.value


def test_what_the_node_refuses_stands_at_its_field(root):
    spec = SPECS["certificate"]
    form = forms.new_form(spec, forms.Around(), group="Web")
    table = {"type": "certificate", "name": "One", "settings": {"host": "a", "file": "b"}, "error_if": ["days > 1"]}
    error = refusal(root, {**table, "schedule": "none", "depends_on": "Web/None", "frequency": "1ms"})
    assert isinstance(error, ConfigInvalid)
    found, rest = placed(form, error)
    assert {"error_if", "schedule", "depends_on", "frequency"} <= set(found)
    assert any(name.startswith("settings.") for name in found)
    assert found["depends_on"].startswith("There is no monitor 'Web/None'")
    assert rest == ""


def test_a_name_that_is_taken_stands_at_the_name(root):
    spec = SPECS["cpu"]
    form = forms.new_form(spec, forms.Around(), group="Web")
    add(root, form, spec, {"name": "One"})
    error = refusal(root, {"type": "cpu", "name": "ONE"})
    assert isinstance(error, Conflict)
    assert placed(form, error) == ({"name": "There is 'Web/One' already. Choose another name"}, "")


def test_what_a_group_depends_on_is_not_taken_for_the_monitors_own(root):
    spec = SPECS["cpu"]
    edit.add_monitor(root, "Web", {"type": "cpu", "name": "Gate"}, using=USING)
    edit.add_group(root, "Web/Shop", depends_on="Web/Gate", using=USING)
    edit.add_monitor(root, "Web/Shop", {"type": "cpu", "name": "One"}, using=USING)

    class Shelf:
        profiles = ("",)

        def tree(self, name):
            return loaded(root)

    depends = forms.inherited(group_rows(Shelf(), None), "Web/Shop", "")
    assert depends == "Web/Gate"
    known = sheet(root, "Web/Shop/One")
    assert known["dependencies"]
    form = forms.edit_form(spec, forms.Around(depends=depends), known)
    assert form.field("depends_on").value == ""
    assert "Web/Gate" in form.field("depends_on").help


def test_a_standby_says_before_typing_that_the_edit_is_overwritten_and_waits_for_a_yes():
    answer = {"name": "prod", "primary_host": "primary.example", "merge_back": False, "status": profile()}
    stands = standing(answer)
    form = forms.new_form(SPECS["cpu"], forms.Around(stands=stands), group="prod:Web")
    assert "the next mirror overwrites an edit" in form.note
    assert form.fields[0].name == "force"
    values = values_of(form, name="One")
    assert list(problems_of(form, values)) == ["force"]
    assert monitor_add(SPECS["cpu"], values | {"force": "yes"}).force
    back = standing({**answer, "merge_back": True})
    assert "is for edits made while this node acts" in back.note


def test_a_node_that_acts_says_what_becomes_of_the_edit():
    acting = profile(position="active", state="active", may_check=True, since=stamp(60))
    answer = {"name": "prod", "primary_host": "primary.example", "merge_back": True, "status": acting}
    assert standing(answer).note.endswith("the edit is kept for primary.example at the hand-back.")
    assert not standing(answer).passive
    assert "Merge back is off" in standing({**answer, "merge_back": False}).note


def test_settings_are_written_as_somebody_types_them():
    settings = {setting.name: setting for setting in SPECS["url"].settings}
    reply = next(setting for setting in SPECS["ping"].settings if setting.name == "reply_timeout")
    assert setting_text(settings["headers"], ["a: b, c", "d: e"]) == "a: b, c\nd: e"
    assert setting_text(settings["verify_tls"], value=False) == "no"
    assert setting_text(reply, 90.0) == "1m30s"
    assert setting_text(settings["body"], None) == ""
