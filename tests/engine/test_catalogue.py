"""What runs, who is told, and which monitor a name means."""

import pytest

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.model.errors import Conflict, Usage
from sitescope_fo.model.monitor import Action, Group, MonitorKey
from tests.engine.parts import alert, catalogue, key, monitor, tree

WEB = monitor("web", path="Servers/Web/Home page")


def pair():
    return catalogue(WEB).with_tree("prod", tree(WEB, monitor("db", path="Servers/DB")))


def test_a_new_tree_gives_a_new_catalogue_and_leaves_the_old_one():
    before = catalogue(WEB)
    after = before.with_tree("prod", tree(monitor("db")))
    assert before.profiles == ("",)
    assert after.profiles == ("", "prod")
    assert after.without("prod").profiles == ("",)
    assert after.monitor(MonitorKey("prod", "db")).name == "db"
    assert after.monitor(MonitorKey("", "db")) is None
    assert Catalogue().monitors("nothing") == {}
    assert Catalogue().recipients("nothing", alert()) == ()


def test_alerts_cover_by_scope_and_only_when_enabled():
    alerts = [
        alert("node", scope=""),
        alert("group", scope="Servers/Web"),
        alert("self", scope="Servers/Web/Home page"),
        alert("other", scope="Servers/W"),
        alert("off", scope="", enabled=False),
    ]
    trees = catalogue(WEB, alerts=alerts)
    assert [a.name for a in trees.alerts_for(key())] == ["node", "group", "self"]
    assert trees.alerts_for(key()) is trees.alerts_for(key()), "worked out once"
    assert trees.alerts_for(key("unknown")) == ()


def test_recipients_come_from_actions_and_inline_addresses_once_each_else_from_the_mail_settings():
    actions = (Action(name="ops-mail", to=("a@example.org", "b@example.org")),)
    trees = catalogue(WEB, actions=actions)
    assert trees.recipients("", alert(actions=("ops-mail", "mail:c@example.org", "mail:a@example.org"))) == (
        "a@example.org",
        "b@example.org",
        "c@example.org",
    )
    assert trees.recipients("", alert(actions=())) == ("all@example.org",)
    assert trees.recipients("", alert(actions=("unheard",))) == ("all@example.org",)
    assert trees.mail("").sender == "sitescope@example.org"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("prod:Servers/Web/Home page", MonitorKey("prod", "web")),
        ("Servers/DB", MonitorKey("prod", "db")),
        ("/servers/db/", MonitorKey("prod", "db")),
        ("db", MonitorKey("prod", "db")),
        ("prod:db", MonitorKey("prod", "db")),
    ],
)
def test_a_monitor_is_found_by_path_with_or_without_profile_or_by_id(text, found):
    assert pair().find(text) == found


def test_a_path_may_contain_a_colon():
    assert catalogue(monitor("m", path="Web/prod: home")).with_tree("Web/prod", tree(WEB)).find("Web/prod: home") == key("m")


def test_a_name_that_fits_two_monitors_is_a_conflict_that_lists_them():
    with pytest.raises(Conflict) as caught:
        pair().find("Servers/Web/Home page")
    assert caught.value.exit_code == 6
    assert caught.value.code == "ambiguous"
    assert "prod:Servers/Web/Home page" in caught.value.hint
    assert "Servers/Web/Home page," in caught.value.hint


def test_an_unknown_name_is_refused_with_the_nearest_ones():
    with pytest.raises(Usage) as caught:
        pair().find("Servers/BD")
    assert caught.value.code == "not_found"
    assert "prod:Servers/DB" in caught.value.hint
    with pytest.raises(Usage) as caught:
        Catalogue().find("x")
    assert "monitor list" in caught.value.hint


def test_groups_and_names_for_people():
    trees = catalogue(WEB, groups=(Group(id="g", path="Servers/Web", name="Web"),))
    assert trees.group("", "Servers/Web").id == "g"
    assert trees.group("", "Servers") is None
    assert pair().name(MonitorKey("prod", "db")) == "prod:Servers/DB"
    assert trees.name(key("gone")) == "gone"


def test_the_alerts_of_a_monitor_are_those_whose_scope_covers_its_path_in_the_order_of_the_tree():
    scopes = ("Servers/web", "", "Servers", "Server", "Servers/web/x", "Servers/we", "Servers/web", "Other")
    alerts = [alert(f"a{number}", scope=scope, enabled=number != 6) for number, scope in enumerate(scopes)]
    found = catalogue(monitor(), alerts=alerts).alerts_for(key())
    assert [one.name for one in found] == ["a0", "a1", "a2"]
    assert list(found) == [one for one in alerts if one.enabled and one.covers("Servers/web")]
