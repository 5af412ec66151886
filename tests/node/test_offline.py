"""A stopped node: what its files can tell and what may be changed in them, under its lock."""

import msgspec
import pytest
from msgspec.structs import replace

from sitescope_fo.engine.state import PROFILE
from sitescope_fo.failover.state import Journal
from sitescope_fo.model import command as commands
from sitescope_fo.model.command import CommandRequest
from sitescope_fo.model.config import Peer
from sitescope_fo.model.errors import Conflict, Unreachable
from sitescope_fo.model.query import OFFLINE_QUERIES, QUERIES
from sitescope_fo.model.status import Position, Role
from sitescope_fo.node.offline import OfflineDoor
from sitescope_fo.security.keys import load_keys
from sitescope_fo.store.cells import CellStore
from sitescope_fo.store.config_toml import load_ha_config, load_node_config
from sitescope_fo.store.lock import acquire
from tests.node.nodes import group_file, make_home

PORT = {"type": "port", "name": "Home", "frequency": "1m", "settings": {"host": "h", "port": 80}}
ADD = commands.ProfileAdd(name="prod", primary_host="db1", without_primary=True)


def door(home):
    return OfflineDoor(home)


def do(home, body):
    reply = door(home).command(CommandRequest(id="x", body=body))
    assert reply.outcome == "done", reply
    return reply


def refused(home, body):
    reply = door(home).command(CommandRequest(id="x", body=body))
    assert reply.outcome in {"refused", "failed"}, reply
    return reply.error


def test_a_tree_is_built_changed_and_taken_down(primary_home):
    do(primary_home, commands.GroupAdd(path="Web"))
    do(primary_home, commands.MonitorAdd(group="Web", table=PORT))
    do(primary_home, commands.MonitorEdit(path="Web/Home", changes={"frequency": "2m"}))
    do(primary_home, commands.MonitorEnable(path="Web/Home", enabled=False))
    do(primary_home, commands.AlertAdd(scope="Web", name="mail", to=("a@example.org",)))
    do(primary_home, commands.AlertEdit(scope="Web", name="mail", when="always after 2"))
    [alert] = door(primary_home).query("alerts", {})
    assert (alert["when"], alert["to"]) == ("always after 2", ["a@example.org"])
    do(primary_home, commands.AlertRemove(scope="Web", name="mail"))
    do(primary_home, commands.MonitorRemove(path="Web/Home"))
    do(primary_home, commands.GroupRemove(path="Web"))
    assert door(primary_home).query("groups", {}) == []


def test_mail_passphrase_and_settings_are_set(primary_home):
    do(primary_home, commands.MailSet(host="mail", sender="a@example.org", to=("b@example.org",), user="u", password="secret"))
    mail = door(primary_home).query("mail", {})
    assert (mail["servers"][0]["password"], mail["from"], set(mail["templates"])) == (
        "set", "a@example.org", {"alert", "first_seen", "recovery", "role"},
    )  # fmt: skip
    reply = do(primary_home, commands.LwssoSet(passphrase="correct horse battery"))
    assert load_keys(primary_home.keys).lwsso[0].id == reply.result["key_id"]
    do(primary_home, commands.ConfigSet(key="web.port", value="9090"))
    assert load_node_config(primary_home).port == door(primary_home).query("config", {})["web.port"] == 9090


def test_profiles_are_added_edited_listed_and_removed(failover_home):
    do(failover_home, ADD)
    do(failover_home, commands.ProfileEdit(name="prod", changes={"backups": 7}))
    do(failover_home, commands.ProfileDefaults(notify=("ops@example.org",)))
    asked = door(failover_home)
    assert [(row["name"], row["backups"]) for row in asked.query("profiles", {})] == [("prod", 7)]
    assert asked.query("profile", {"name": "prod"})["activate_after"] == "3m"
    assert asked.query("defaults", {}) == {"notify": ["ops@example.org"]}
    assert asked.query("history", {"name": "prod"}) == []
    assert load_ha_config(failover_home).profiles[0].folder == "db1"
    do(failover_home, commands.ProfileRemove(name="prod"))
    assert asked.query("profiles", {}) == []


def test_a_profile_that_needs_its_primary_is_not_added_or_rebound_without_a_daemon(failover_home):
    error = refused(failover_home, replace(ADD, without_primary=False))
    assert (error.code, error.exit_code) == ("not_running", 4)
    assert "--offline" in error.hint
    do(failover_home, ADD)
    assert refused(failover_home, commands.ProfileRebind(name="prod")).code == "not_running"


def test_a_profile_that_acts_is_not_removed_from_a_stopped_node(failover_home):
    do(failover_home, ADD)
    store = CellStore(failover_home.state)
    store.open()
    store.commit({(PROFILE, "prod"): msgspec.json.encode(Journal(position=Position.active, term=3))})
    store.close()
    error = refused(failover_home, commands.ProfileRemove(name="prod"))
    assert (error.code, error.exit_code) == ("acting", 5)
    assert [profile.name for profile in load_ha_config(failover_home).profiles] == ["prod"]


def test_a_peer_is_accepted_and_removed(tmp_path):
    peer = Peer(node_id="f1", host="f", port=8080, accepted=False)
    home = make_home(tmp_path, Role.primary, ha=lambda ha: replace(ha, peers=(peer,)))
    do(home, commands.PeerAccept(node_id="f1"))
    [row] = door(home).query("peers", {})
    assert (row["node_id"], row["accepted"], row["role"], row["last_seen"]) == ("f1", True, "failover", "")
    do(home, commands.PeerRemove(node_id="f1"))
    assert door(home).query("peers", {}) == []


def test_commands_of_the_other_role_are_refused(primary_home, failover_home):
    for home, body in ((primary_home, ADD), (failover_home, commands.PeerAccept(node_id="x"))):
        error = refused(home, body)
        assert (error.code, error.exit_code, bool(error.where)) == ("wrong_role", 5, True)


@pytest.mark.parametrize(
    "body", [commands.MonitorAdd(group="prod:Web", table=PORT), commands.GroupAdd(path="Web", profile="prod")]
)
def test_a_mirrored_tree_is_not_edited_while_the_node_is_stopped(failover_home, body):
    do(failover_home, ADD)
    error = refused(failover_home, body)
    assert (error.code, error.where) == ("passive_edit", "prod")


def test_a_node_that_runs_keeps_its_files_to_itself(primary_home):
    lock = acquire(primary_home)
    try:
        with pytest.raises(Conflict) as caught:
            door(primary_home).command(CommandRequest(id="x", body=commands.GroupAdd(path="Web")))
        assert caught.value.exit_code == 6
        assert door(primary_home).query("groups", {}) == []
    finally:
        lock.release()


def test_the_lock_is_free_again_after_a_refused_command(primary_home):
    refused(primary_home, commands.GroupRemove(path="Nothing"))
    acquire(primary_home).release()


@pytest.mark.parametrize(
    "body", [commands.Reload(), commands.Mirror(name="p"), commands.MonitorRun(path="x"), commands.MailTest()]
)
def test_what_needs_a_running_node_says_so(primary_home, body):
    with pytest.raises(Unreachable) as caught:
        door(primary_home).command(CommandRequest(id="x", body=body))
    assert (caught.value.code, caught.value.exit_code) == ("not_running", 4)


@pytest.mark.parametrize("query", sorted(set(QUERIES) - OFFLINE_QUERIES))
def test_what_only_a_running_node_knows_is_not_invented(primary_home, query):
    with pytest.raises(Unreachable) as caught:
        door(primary_home).query(query, {})
    assert caught.value.code == "not_running"


@pytest.mark.parametrize("query", sorted(OFFLINE_QUERIES - {"profile", "history", "history_show", "history_diff"}))
def test_every_offline_query_has_an_answer(primary_home, query):
    assert door(primary_home).query(query, {}) is not None


def test_the_configuration_is_checked_with_all_files_at_once(primary_home):
    asked = door(primary_home)
    assert [row["id"] for row in asked.query("check", {"what": "config"})] == ["config"]
    assert [(row["id"], row["verdict"]) for row in asked.query("check", {"what": "node"})] == [
        ("config", "good"),
        ("daemon", "bad"),
    ]
    with pytest.raises(Unreachable):
        asked.query("check", {"what": "pair"})
    group_file(primary_home, "Web", "Home").write_text('[group]\nname = "Web"\nnmae = 1\n')
    primary_home.config.write_text(primary_home.config.read_text() + "\n[nonsense]\n")
    rows = asked.query("check", {"what": "config"})
    assert [row["verdict"] for row in rows] == ["bad", "bad"]
    primary_home.ha_config.unlink()
    evidence = " ".join(row["evidence"] for row in asked.query("check", {"what": "config"}))
    for file in ("config.toml", "ha.config.toml", "groups/Web/group.toml:3"):
        assert file in evidence


def test_a_node_with_both_roles_is_bad_configuration(primary_home):
    text = primary_home.ha_config.read_text()
    primary_home.ha_config.write_text(text + '\n[[profile]]\nid = "1"\nname = "prod"\nprimary_host = "h"\n')
    [row] = door(primary_home).query("check", {"what": "config"})
    assert (row["verdict"], "A primary protects nobody" in row["evidence"]) == ("bad", True)
    error = refused(primary_home, commands.ConfigSet(key="web.port", value="1"))
    assert (error.code, error.exit_code) == ("both_roles", 3)
