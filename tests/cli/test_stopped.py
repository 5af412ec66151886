"""On a stopped node configuration can still be read and edited, through its files and under its lock."""

import pytest

from sitescope_fo.model.status import Role
from tests.cli.doors import make_home


@pytest.fixture
def at(run, home):
    """Runs a command on a stopped primary."""
    from sitescope_fo.security.keys import new_keys, save_keys

    save_keys(make_home(home, Role.primary).keys, new_keys())
    return lambda *args: run("--home", home, *args)


def test_groups_monitors_and_alerts_are_edited_and_listed(at):
    assert at("group", "add", "Servers/Web").code == 0
    added = at(
        "monitor", "add", "Servers/Web", "--type", "port", "--name", "Shop", "--set", "host=h", "--set", "port=443",
        "--frequency", "1m", "--error-if", "round_trip_time > 2s",
    )  # fmt: skip
    assert (added.code, added.err) == (0, "")
    assert at("alert", "add", "Servers/Web", "--name", "mail ops", "--to", "ops@example.org").code == 0
    assert [row["path"] for row in at("group", "list", "--json").json()] == ["Servers", "Servers/Web"]
    [alert] = at("alert", "list", "--json").json()
    assert (alert["scope"], alert["on"], alert["when"], alert["to"]) == (
        "Servers/Web",
        "error",
        "once after 1",
        ["ops@example.org"],
    )
    assert at("monitor", "edit", "Servers/Web/Shop", "--set", "port=8443").code == 0
    assert at("monitor", "disable", "Servers/Web/Shop").code == 0
    assert at("monitor", "remove", "Servers/Web/Shop").code == 0
    assert at("alert", "remove", "Servers/Web", "--name", "mail ops").code == 0
    assert at("group", "remove", "Servers", "--recursive").code == 0
    assert at("group", "list", "--json").json() == []


def test_a_duplicate_group_is_a_conflict(at):
    at("group", "add", "Servers")
    said = at("group", "add", "Servers", "--json")
    assert said.code == 6
    assert all(said.json()["error"].values())


def test_settings_are_shown_and_set(at):
    assert at("config", "set", "web.port", "9090").code == 0
    assert str(at("config", "show", "--json").json()["web.port"]) == "9090"
    said = at("config", "set", "web.prot", "1", "--json")
    assert said.code == 2
    assert "web.port" in said.json()["error"]["hint"]


def test_a_bad_file_is_reported_by_check_config(at, home):
    (home / "groups" / "web").mkdir()
    (home / "groups" / "web" / "group.toml").write_text('[group]\nname = "Web"\n[[monitor]]\ntype = "prot"\nname = "x"\n')
    said = at("check", "config")
    assert said.code == 3
    assert "groups/web/group.toml:4" in said.out + said.err
    assert at("config", "validate").code == 3


def test_the_passphrase_can_be_set(at):
    said = at("lwsso", "set", "--generate")
    assert (said.code, len(said.out.strip())) == (0, 39)


def test_mail_is_set_and_its_templates_are_previewed(at):
    assert at("mail", "set", "--host", "mail.example", "--port", "25", "--from", "a@b.example", "--to", "c@d.example").code == 0
    assert "mail.example" in at("mail", "show").out
    assert at("mail", "template", "preview", "alert").out.startswith("Subject: ")
