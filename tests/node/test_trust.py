"""Certificates, secrets and the passphrase by command: what is changed, what is told, and what never is."""

import base64
import json
import tomllib

import pytest

from sitescope_fo.model import command as commands
from sitescope_fo.model.config import HaConfig, Peer
from sitescope_fo.model.errors import ConfigInvalid
from sitescope_fo.node import config_view
from sitescope_fo.security.certificate import create_self_signed, read_pem
from sitescope_fo.security.keys import load_keys, save_keys
from sitescope_fo.security.lwsso import Root
from sitescope_fo.security.passphrase import derive_root
from sitescope_fo.security.secrets import TreeSecrets
from sitescope_fo.store.config_toml import set_node_value
from tests.node.nodes import protected_pair
from tests.node.test_offline import do, door, refused

PASSWORD = "correct horse battery"
URL = {"type": "url", "name": "Home", "frequency": "1h", "settings": {"url": "http://h/", "password": "secret:shop"}}


def test_a_certificate_is_made_listed_and_taken_away_on_a_stopped_node(primary_home):
    reply = do(primary_home, commands.CertCreate(names=("primary", "192.0.2.1"), days=20))
    [row] = door(primary_home).query("certificates", {})
    assert (row["role"], row["names"], row["verdict"]) == ("server", ["primary", "192.0.2.1"], "warning")
    assert row["fingerprint"] == reply.result["fingerprint"]
    [first] = read_pem(primary_home.certificates / "server.pem")
    assert refused(primary_home, commands.CertCreate(names=("primary",))).code == "certificate_exists"
    do(primary_home, commands.CertCreate(names=("other",), force=True))
    [renewed] = read_pem(primary_home.certificates / "server.pem")
    assert (renewed.names, renewed.key_sha256 == first.key_sha256) == (("other",), True)
    do(primary_home, commands.CertCreate(names=("other",), force=True, new_key=True))
    assert read_pem(primary_home.certificates / "server.pem")[0].key_sha256 != first.key_sha256
    set_node_value(primary_home, "web.tls", "true")
    assert refused(primary_home, commands.CertRemove(name="server")).code == "in_use"
    set_node_value(primary_home, "web.tls", "false")
    do(primary_home, commands.CertRemove(name="server"))
    assert door(primary_home).query("certificates", {}) == []


def test_a_certificate_for_another_name_than_the_nodes_own_says_so(primary_home):
    assert "it is not for primary" in do(primary_home, commands.CertCreate(names=("Primary",))).text


def test_a_certificate_to_trust_comes_as_text_or_in_base64(primary_home, tmp_path):
    create_self_signed(tmp_path / "theirs", "failover", 1_795_341_600.0)
    pem = (tmp_path / "theirs/server.pem").read_bytes()
    do(primary_home, commands.CertImport(role="trusted", text=pem.decode()))
    der = base64.b64decode("".join(pem.decode().splitlines()[1:-1]))
    do(primary_home, commands.CertImport(role="trusted", text=base64.b64encode(der).decode(), name="again"))
    assert [row["name"] for row in door(primary_home).query("certificates", {})] == ["again", "failover"]
    for text in ("", "!", "QUJD", pem.decode()[:100]):
        assert refused(primary_home, commands.CertImport(role="trusted", text=text)).code == "certificate_unreadable"
    assert refused(primary_home, commands.CertImport(role="server", text=pem.decode())).code == "no_private_key"


def test_looking_at_a_port_where_nobody_listens_is_told_as_such(primary_home):
    assert refused(primary_home, commands.CertFetch(host="127.0.0.1", port=1)).code == "refused"
    assert refused(primary_home, commands.CertFetch(host="127.0.0.1", port=0)).code == "bad_port"


@pytest.mark.anyio
async def test_a_running_node_without_tls_says_when_a_certificate_counts(primary):
    async with primary.running():
        reply = await primary.do(commands.CertCreate(names=("primary",)))
        assert "TLS is off on this node" in reply.text
        assert [row["role"] for row in await primary.ask("certificates")] == ["server"]


def test_a_secret_is_set_referred_to_and_stays_while_it_is(primary_home):
    reply = do(primary_home, commands.SecretSet(name="shop", password=PASSWORD))
    assert reply.result == {"name": "shop", "reference": "secret:shop"}
    do(primary_home, commands.GroupAdd(path="Web"))
    do(primary_home, commands.MonitorAdd(group="Web", table=URL))
    assert door(primary_home).query("secrets", {}) == [
        {"name": "shop", "used_by": ["Web/Home (settings.password)"], "set": True, "opens": True}
    ]
    error = refused(primary_home, commands.SecretRemove(name="shop"))
    assert (error.code, error.exit_code) == ("in_use", 5)
    do(primary_home, commands.MonitorRemove(path="Web/Home"))
    do(primary_home, commands.SecretRemove(name="shop"))
    assert door(primary_home).query("secrets", {}) == []
    assert refused(primary_home, commands.SecretRemove(name="shop")).code == "not_found"
    assert refused(primary_home, commands.SecretSet(name="a b", password="x")).code == "secret_name"
    assert refused(primary_home, commands.SecretSet(name="shop", password="")).code == "bad_secret"


@pytest.mark.anyio
async def test_a_new_secret_reaches_a_running_monitor_and_no_log_or_answer(primary):
    async with primary.running():
        await primary.do(commands.GroupAdd(path="Web"))
        await primary.do(commands.MonitorAdd(group="Web", table=URL))
        assert [(row["name"], row["set"]) for row in await primary.ask("secrets")] == [("shop", False)]
        await primary.do(commands.SecretSet(name="shop", password=PASSWORD))
        [monitor] = primary.node.world.catalogue.monitors("").values()
        assert monitor.settings["password"] == PASSWORD
        answers = [await primary.ask("secrets"), await primary.ask("monitor", path="Web/Home"), await primary.events("audit")]
        said = json.dumps(answers)
        assert PASSWORD not in said
        assert "SecretSet name=shop" in said
    assert PASSWORD.encode() not in b"".join(path.read_bytes() for path in primary.home.root.rglob("*") if path.is_file())


def test_a_secret_that_this_node_cannot_open_is_told(primary_home, failover_home):
    do(primary_home, commands.SecretSet(name="shop", password=PASSWORD))
    there = failover_home.persistence / "secrets.toml"
    there.write_bytes((primary_home.persistence / "secrets.toml").read_bytes())
    [row] = door(failover_home).query("secrets", {})
    assert (row["set"], row["opens"]) == (True, False)
    with pytest.raises(ConfigInvalid):
        TreeSecrets.read(failover_home.root, load_keys(failover_home.keys)).open("secret:shop")


def test_the_passphrase_says_since_when_and_the_same_again_changes_nothing(primary_home):
    assert door(primary_home).query("lwsso", {})["set"] is False
    key_id = do(primary_home, commands.LwssoSet(passphrase=PASSWORD)).result["key_id"]
    first = door(primary_home).query("lwsso", {})
    assert (first["set"], first["key_id"], first["rotating"], bool(first["since"])) == (True, key_id, False, True)
    do(primary_home, commands.LwssoSet(passphrase=PASSWORD))
    assert door(primary_home).query("lwsso", {}) == first


@pytest.mark.anyio
async def test_the_peers_are_asked_whether_they_take_the_token(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        failover.cable.nodes["localhost"] = primary
        await failover.do(commands.ProfileEdit(name="prod", changes={"primary_host": "localhost"}))
        rows = (await failover.do(commands.LwssoCheck())).result["rows"]
        assert [(row["id"], row["verdict"]) for row in rows] == [("lwsso", "bad")]
        keys = load_keys(failover.home.keys).with_root(derive_root(PASSWORD))
        save_keys(failover.home.keys, keys)
        failover.node.ports.keys.add_root(keys.lwsso[0])
        rows = (await failover.do(commands.LwssoCheck(name="prod"))).result["rows"]
        assert [(row["id"], row["verdict"]) for row in rows] == [
            ("prod: lwsso", "good"), ("prod: clock", "good"), ("prod: identity", "good"),
        ]  # fmt: skip
        assert (await failover.refused(commands.LwssoCheck(name="dev"))).code == "not_found"
        failover.cable.cut.add("localhost")
        reply = await failover.do(commands.LwssoCheck())
        assert (reply.result["bad"], reply.result["rows"][-1]["verdict"]) == (1, "bad")
        told = await failover.ask("lwsso")
        assert [(peer["name"], peer["same"]) for peer in told["peers"]] == [("prod", None)]


def test_the_community_edition_has_no_limits(primary_home):
    assert door(primary_home).query("license", {})["limits"] == "none"


def test_a_secret_setting_is_never_written_in_clear(primary_home):
    do(primary_home, commands.GroupAdd(path="Web"))
    do(primary_home, commands.MonitorAdd(group="Web", table={**URL, "settings": {"url": "http://h/", "password": PASSWORD}}))
    file = primary_home.groups / "Web" / "group.toml"
    first = tomllib.loads(file.read_text())["monitor"][0]["settings"]
    assert first["url"] == "http://h/"
    assert TreeSecrets.read(primary_home.root, load_keys(primary_home.keys)).open(first["password"]) == PASSWORD
    do(primary_home, commands.MonitorEdit(path="Web/Home", settings={"password": "another horse", "user": "u"}))
    second = tomllib.loads(file.read_text())["monitor"][0]["settings"]
    assert second["user"] == "u"
    assert TreeSecrets.read(primary_home.root, load_keys(primary_home.keys)).open(second["password"]) == "another horse"
    do(primary_home, commands.MonitorEdit(path="Web/Home", settings={"password": "secret:shop"}))
    assert tomllib.loads(file.read_text())["monitor"][0]["settings"]["password"] == "secret:shop"
    do(primary_home, commands.MonitorEdit(path="Web/Home", changes={"settings": {"password": "third horse"}}))
    written = b"".join(path.read_bytes() for path in primary_home.root.rglob("*") if path.is_file())
    for word in (PASSWORD, "another horse", "third horse"):
        assert word.encode() not in written
    assert [row["verdict"] for row in door(primary_home).query("check", {"what": "config"})] == ["good"]


@pytest.mark.parametrize(
    ("used", "key_id", "same"),
    [
        ((), "", None),
        (("new",), "new", True),
        (("old",), "old", False),
        (("new", "old"), "new", True),
        (("old", "new"), "new", True),
    ],
)
def test_a_peer_has_the_passphrase_when_it_used_it_in_either_direction(used, key_id, same):
    ha = HaConfig(node_id="n", peers=(Peer(node_id="b", host="h", port=1, listed_as="prod"),))
    told = config_view.lwsso((Root(id="new", secret=b""),), ha, {"b": used} if used else {})
    assert told["peers"] == [{"node_id": "b", "name": "prod", "key_id": key_id, "same": same}]
