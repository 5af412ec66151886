"""`check` and `status`: each row says what was seen and what to do, the counts are of what they say."""

import pytest
from msgspec.structs import replace

from sitescope_fo.model import command as commands
from sitescope_fo.model import wire
from sitescope_fo.model.errors import Refused, Unreachable, Unverifiable, Usage
from sitescope_fo.model.ports import PeerReply
from sitescope_fo.model.status import PrimaryState, Role
from sitescope_fo.node import testing
from tests.node.nodes import group_file, protected_pair, sight, take_over

pytestmark = pytest.mark.anyio
ADD = commands.ProfileAdd(name="prod", primary_host="localhost", without_primary=True)


def by_id(rows):
    return {row["id"]: row for row in rows}


def health(**fields):
    body = {
        "node_id": "primary-1", "boot_id": "b", "role": Role.primary, "host": "primary", "version": "0.1.0",
        "state": PrimaryState.running, "home": "", "user": "",
    }  # fmt: skip
    return wire.Health(**(body | fields))


def answers(skew_s=0.0, **fields):
    def answer(method, path, body):
        if path != wire.HEALTH:
            raise Unreachable("not now", code="refused")
        return PeerReply(status=200, body=wire.encode(health(**fields)), skew_s=skew_s, peer_id="primary-1")

    return answer


def fails(error):
    def answer(method, path, body):
        raise error

    return answer


async def test_a_fresh_node_is_told_what_is_missing(primary):
    async with primary.running():
        rows = by_id(await primary.ask("check"))
        assert {row: rows[row]["verdict"] for row in rows} == {
            "config": "good",
            "disk": "good",
            "mail": "warning",
            "state": "good",
            "load": "good",
            "passphrase": "warning",
            "licence": "good",
            "failover": "warning",
        }
        assert "community" in rows["licence"]["evidence"]
        assert "0 monitors wait" in rows["load"]["evidence"]
        for row in rows.values():
            assert row["evidence"]
            assert bool(row["remedy"]) == (row["verdict"] != "good")


async def test_a_failover_without_profiles_is_told_how_to_add_one(failover):
    async with failover.running():
        row = by_id(await failover.ask("check"))["profile"]
        assert (row["verdict"], "profile add" in row["remedy"]) == ("warning", True)


async def test_a_full_disk_is_bad(primary):
    async with primary.running():
        primary.disk_free = 1024
        row = by_id(await primary.ask("check"))["disk"]
        assert (row["verdict"], bool(row["remedy"])) == ("bad", True)


async def test_mail_and_passphrase_are_good_once_they_are_set(primary):
    async with primary.running():
        await primary.do(commands.MailSet(host="mail.example", sender="a@example.org", to=("b@example.org",)))
        await primary.do(commands.LwssoSet(passphrase="correct horse battery"))
        rows = by_id(await primary.ask("check"))
        assert (rows["mail"]["verdict"], rows["passphrase"]["verdict"]) == ("good", "good")


@pytest.mark.parametrize(
    ("instead", "row", "verdict", "word"),
    [
        (answers(), "service", "good", "answers"),
        (answers(), "lwsso", "good", "same passphrase"),
        (answers(), "version", "good", "0.1.0"),
        (answers(version="0.1.9"), "version", "warning", "0.1.9"),
        (answers(version="0.2.0"), "version", "bad", "0.2.0"),
        (answers(skew_s=-12.0), "clock", "warning", "12.0 s"),
        (answers(role=Role.failover), "role", "bad", "failover"),
        (answers(scheduler_age_s=40.0), "health", "bad", "40.0 s"),
        (answers(home="/elsewhere/SiteScope"), "path", "warning", "/elsewhere"),
        (answers(user="root"), "permission", "warning", "root"),
        (fails(Unreachable("refused", code="refused")), "service", "bad", "refused"),
        (fails(Unverifiable("other passphrase", code="lwsso_token_wrong", hint="set it")), "lwsso", "bad", "passphrase"),
        (fails(Unverifiable("12 s apart", code="lwsso_clock_skew", hint="chrony")), "clock", "bad", "12 s"),
        (fails(Unverifiable("expired", code="tls_expired", hint="renew")), "tls", "bad", "expired"),
        (fails(Unverifiable("wire 2", code="wire_version", hint="upgrade")), "version", "bad", "wire 2"),
    ],
)
async def test_each_trouble_of_a_pair_has_its_row(failover, instead, row, verdict, word):
    failover.cable.instead["localhost"] = instead
    async with failover.running():
        await failover.do(ADD)
        found = by_id(await failover.ask("check", what="pair", name="prod"))[f"prod: {row}"]
        assert (found["verdict"], word in found["evidence"]) == (verdict, True)
        assert found["remedy"] or verdict == "good"


async def test_another_node_at_the_address_is_named(failover):
    failover.cable.instead["localhost"] = answers()
    async with failover.running():
        await failover.do(ADD)
        await failover.until(lambda: failover.node.world.ha.profiles[0].node_id, "the binding")
        failover.cable.instead["localhost"] = answers(node_id="stranger")
        found = by_id(await failover.ask("check", what="pair", name="prod"))["prod: identity"]
        assert found["verdict"] == "bad"
        assert "profile rebind" in found["remedy"]


async def test_a_name_that_does_not_resolve_ends_the_rows_there(failover):
    async with failover.running():
        await failover.do(commands.ProfileAdd(name="prod", primary_host="no.such.host.invalid", without_primary=True))
        rows = by_id(await failover.ask("check", what="pair", name="prod"))
        assert rows["prod: name"]["verdict"] == "bad"
        assert "prod: service" not in rows
        assert rows["prod: mirror"]["verdict"] == "bad"


@pytest.mark.parametrize(
    ("asked", "answered", "own", "verdict"),
    [(4, 4, False, "good"), (4, 1, False, "bad"), (0, 0, False, "warning"), (4, 4, True, "warning")],
)
async def test_the_gate_says_whether_this_node_would_be_the_one_cut_off(failover, asked, answered, own, verdict):
    failover.points.asked, failover.points.answered, failover.points.own = asked, answered, own
    async with failover.running():
        await failover.do(ADD)
        assert by_id(await failover.ask("check", what="pair", name="prod"))["prod: gate"]["verdict"] == verdict


async def test_an_unknown_pair_is_refused(primary, failover):
    async with primary.running(), failover.running():
        for bench in (primary, failover):
            with pytest.raises(Usage) as caught:
                await bench.ask("check", what="pair", name="nothing")
            assert caught.value.code == "not_found"


async def test_the_first_address_that_takes_a_connection_is_named(failover):
    failover.cable.instead["localhost"] = answers()
    failover.look.closed = {"192.0.2.1"}
    async with failover.running():
        await failover.do(ADD)
        row = by_id(await failover.ask("check", what="pair", name="prod"))["prod: connect"]
        assert row["verdict"] == "good"
        assert "192.0.2.2:8080 takes connections, in 3 ms" in row["evidence"]
        failover.look.closed = {"192.0.2.1", "192.0.2.2"}
        rows = by_id(await failover.ask("check", what="pair", name="prod"))
        assert rows["prod: connect"]["verdict"] == "bad"
        assert "192.0.2.1" in rows["prod: connect"]["evidence"]
        assert "prod: service" not in rows


@pytest.mark.parametrize(
    ("shown", "row", "verdict", "word"),
    [
        (None, "tls", "bad", "no TLS at"),
        (sight("localhost"), "tls", "good", "TLSv1.3"),
        (sight("localhost"), "tls on both", "bad", "this one does not"),
        (sight("localhost"), "certificate", "good", "equal to localhost"),
        (sight("LocalHost"), "certificate", "bad", "upper and lower case differ"),
        (sight("other"), "certificate", "bad", "not for localhost"),
        (sight("localhost"), "trust", "good", "believed"),
        (sight("localhost", untrusted="self-signed", remedy="cert fetch"), "trust", "bad", "self-signed"),
        (sight("localhost", not_after=1.0), "trust", "warning", "ends in"),
    ],
)
async def test_each_step_of_tls_has_its_row(failover, shown, row, verdict, word):
    failover.cable.instead["localhost"] = answers()
    failover.look.sight = shown
    async with failover.running():
        await failover.do(replace(ADD, tls=True))
        found = by_id(await failover.ask("check", what="pair", name="prod"))[f"prod: {row}"]
        assert (found["verdict"], word in found["evidence"]) == (verdict, True), found
        assert found["remedy"] or verdict == "good"


async def test_a_port_that_speaks_tls_and_was_asked_without_it_is_named(failover):
    failover.cable.instead["localhost"] = fails(Unreachable("reset", code="reset"))
    failover.look.sight = sight("localhost")
    async with failover.running():
        await failover.do(ADD)
        row = by_id(await failover.ask("check", what="pair", name="prod"))["prod: tls"]
        assert (row["verdict"], "speaks TLS" in row["evidence"]) == ("bad", True)


async def test_both_nodes_say_whether_the_other_one_reaches_them(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        there = by_id(await failover.ask("check", what="pair", name="prod"))["prod: way back"]
        assert (there["verdict"], "this node at failover:8080" in there["evidence"]) == ("good", True)
        here = by_id(await primary.ask("check", what="pair"))["prod: way back"]
        assert (here["verdict"], "this node at primary:8080" in here["evidence"]) == ("good", True)
        failover.cable.instead["failover"] = fails(Unreachable("No answer in time", code="timeout", hint="A firewall?"))
        there = by_id(await failover.ask("check", what="pair", name="prod"))["prod: way back"]
        assert (there["verdict"], there["remedy"]) == ("bad", "A firewall?")
        assert "does not reach this node at failover:8080: No answer in time" in there["evidence"]


async def test_a_node_of_another_version_that_knows_no_way_back_is_no_failure(failover):
    def answer(method, path, body):
        if path == wire.REACH:
            raise Refused("There is no such route", code="not_found")
        return PeerReply(status=200, body=wire.encode(health()), peer_id="primary-1")

    failover.cable.instead["localhost"] = answer
    async with failover.running():
        await failover.do(ADD)
        row = by_id(await failover.ask("check", what="pair", name="prod"))["prod: way back"]
        assert (row["verdict"], bool(row["remedy"])) == ("unknown", True)


async def test_disk_and_mail_servers_of_this_node_belong_to_the_test(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await primary.do(commands.MailSet(host="there.example", sender="a@example.org", to=("b@example.org",)))
        await failover.until(lambda: failover.node.world.catalogue.mail("prod").servers, "the mirrored settings")
        await failover.do(
            commands.MailSet(host="here.example", sender="a@example.org", to=("b@example.org",), backup="spare.example:25")
        )
        rows = by_id((await failover.do(commands.ProfileTest(name="prod"))).result["rows"])
        assert {rows[row]["verdict"] for row in ("disk", "mail server", "prod: alert mail")} == {"good"}
        assert failover.mail.sent == []
        assert "the mirror has" in rows["disk"]["evidence"]
        failover.disk_free = 900 * 1024**2
        failover.mail.troubles = {"here.example": "here.example:25 did not answer", "there.example": "no route"}
        rows = by_id((await failover.do(commands.ProfileTest(name="prod"))).result["rows"])
        verdicts = [rows[row]["verdict"] for row in ("disk", "mail server", "prod: alert mail")]
        assert verdicts == ["warning", "warning", "bad"]
        assert all(rows[row]["remedy"] for row in ("disk", "mail server", "prod: alert mail"))


async def test_the_rows_of_a_test_are_told_as_they_come(failover):
    heard = []

    def progress(share, text, result=None):
        heard.append((share, text, len(result["rows"])))

    failover.cable.instead["localhost"] = answers()
    async with failover.running():
        await failover.do(ADD)
        _, result = await testing.profile_test(failover.node, "prod", "", progress)
    assert [count for _, _, count in heard] == list(range(1, len(result["rows"]) + 1))
    assert [share for share, _, _ in heard] == sorted(share for share, _, _ in heard)
    assert heard[0][1] == "prod: name"


async def test_the_test_of_a_profile_counts_what_is_bad_and_sends_the_mail(failover):
    async with failover.running():
        await failover.do(commands.MailSet(host="mail.example", sender="a@example.org", to=("b@example.org",)))
        await failover.do(ADD)
        reply = await failover.do(commands.ProfileTest(name="prod", mail="me@example.org"))
        rows = by_id(reply.result["rows"])
        assert reply.result["bad"] == sum(row["verdict"] == "bad" for row in rows.values()) > 0
        assert rows["mail"]["verdict"] == "good"
        assert [message.to for message in failover.mail.sent if "est" in message.subject] == ["me@example.org"]


# --- status ---------------------------------------------------------------------------------------------------------


async def test_a_standby_counts_its_mirrored_monitors_and_never_its_own(tmp_path):
    async with protected_pair(tmp_path, "Home", "Shop") as (primary, failover):
        group_file(failover.home, "Standby", "Self")
        await failover.node.own.refresh(forced=True)
        await failover.do(commands.MonitorRun(path="Standby/Self"))
        status = await failover.status()
        assert (status["monitors"]["total"], status["monitors"]["suspended"], status["monitors"]["running"]) == (2, 2, 0)
        assert status["profiles"][0]["monitors"]["total"] == 2
        rows = {(row["profile"], row["path"]): row for row in await failover.ask("monitors")}
        assert rows["", "Standby/Self"]["status"] == "good"
        assert rows["prod", "Web/Home"]["suspended"]
        assert (await primary.status())["monitors"]["total"] == 2


async def test_a_failover_without_a_profile_counts_nothing(failover):
    group_file(failover.home, "Standby", "Self")
    async with failover.running():
        assert (await failover.status())["monitors"]["total"] == 0
        assert len(await failover.ask("monitors")) == 1


async def test_a_failover_that_acts_counts_what_it_runs(tmp_path):
    async with protected_pair(tmp_path, "Home", "Shop") as (primary, failover):
        await take_over(primary, failover)

        async def all_good():
            return (await failover.status())["monitors"]["good"] == 2

        await failover.until(all_good, "the first results")
        counts = (await failover.status())["monitors"]
        assert (counts["running"], counts["suspended"], counts["waiting"]) == (2, 0, 0)
        part = await failover.profile()
        assert (part["may_check"], part["primary"]["state"], part["blind_windows"]) == (True, "unknown", 2)


async def test_mail_settings_and_templates_of_a_profile_are_the_mirrored_ones(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await primary.do(commands.MailSet(host="there.example", sender="a@example.org", to=("b@example.org",)))
        await primary.do(commands.MailTemplateSet(name="alert", text="Subject: {{ monitor }}\n\nof the primary"))
        await failover.until(lambda: failover.node.world.catalogue.mail("prod").servers, "the mirrored settings")
        mail = await failover.ask("mail", profile="prod")
        assert mail["servers"][0]["host"] == "there.example"
        assert "of the primary" in mail["templates"]["alert"]
        assert (await failover.ask("mail"))["servers"] == []
        assert "of the primary" not in (await failover.ask("mail"))["templates"]["alert"]
        assert failover.node.mail_settings("prod").servers[0].host == "there.example"


async def test_self_targets_that_were_turned_round_are_listed(tmp_path):
    async with protected_pair(tmp_path, "Home") as (primary, failover):
        table = {"type": "port", "name": "Self", "frequency": "1h", "settings": {"host": "primary", "port": 22}}
        await primary.do(commands.MonitorAdd(group="Web", table=table))

        async def listed():
            return (await failover.profile())["mirror"]["retargeted"]

        assert [path for path in await failover.until(listed, "the list") if "Self" in path]
