"""One way in for operators: an id gives one answer, levels count, the audit holds no secret, a defect is nobody's silence."""

from typing import Literal, get_args, get_origin

import anyio
import msgspec
import pytest

from sitescope_fo.model import command as commands
from sitescope_fo.model.command import AnyCommand, CommandRequest
from sitescope_fo.model.errors import Refused, SiteScopeError, Unreachable, Usage
from sitescope_fo.model.query import QUERIES
from sitescope_fo.model.service import Level, Who
from sitescope_fo.node.operator_api import describe
from sitescope_fo.node.queries import Queries
from tests.node.nodes import ROOT, group_file

pytestmark = pytest.mark.anyio

VIEWER = Who(name="alice", level=Level.viewer)
OPERATOR = Who(name="bob", level=Level.operator)


async def test_the_same_id_gives_the_same_answer_and_does_it_once(primary):
    async with primary.running():
        first = await primary.submit(commands.GroupAdd(path="Web"), named="one")
        again = await primary.submit(commands.GroupAdd(path="Web"), named="one")
        assert first.outcome == "done"
        assert again == first
        assert await primary.api.progress(ROOT, "one") == first


async def test_an_id_stands_for_one_command_of_one_person(primary):
    async with primary.running():
        await primary.submit(commands.GroupAdd(path="Web"), named="one")
        for who, body in ((ROOT, commands.GroupAdd(path="Other")), (VIEWER, commands.GroupAdd(path="Web"))):
            with pytest.raises(Usage) as caught:
                await primary.submit(body, named="one", who=who)
            assert caught.value.code == "id_reused"


async def test_an_unknown_id_is_refused(primary):
    async with primary.running():
        with pytest.raises(Refused) as caught:
            await primary.api.progress(ROOT, "never")
        assert caught.value.code == "not_found"


async def test_nobody_does_what_is_above_his_level(failover):
    async with failover.running():
        for who, body, needs in (
            (VIEWER, commands.HoldProfile(name="prod", reason="r"), "operator"),
            (OPERATOR, commands.Activate(name="prod"), "administrator"),
            (OPERATOR, commands.ProfileRemove(name="prod"), "administrator"),
            (OPERATOR, commands.LwssoSet(passphrase="long enough passphrase"), "administrator"),
        ):
            reply = await failover.submit(body, who=who)
            assert (reply.outcome, reply.error.code, reply.error.exit_code) == ("refused", "permission", 5)
            assert needs in reply.error.what
        assert (await failover.submit(commands.HoldProfile(name="prod", reason="r"), who=OPERATOR)).error.code == "not_found"


OF_TYPE = {str: "x", bool: True, float: 1.0, dict: {}, tuple: ("x",)}


def sample(kind):
    """A command of that class with the fields it must have."""
    must = [field for field in msgspec.structs.fields(kind) if field.required]
    return kind(**{field.name: sample_of(field.type) for field in must})


def sample_of(kind):
    return get_args(kind)[0] if get_origin(kind) is Literal else OF_TYPE[get_origin(kind) or kind]


async def test_the_engine_refuses_every_command_of_somebody_who_only_looks(failover):
    looking = msgspec.structs.replace(ROOT, read_only=True)
    before = {path: path.read_bytes() for path in failover.home.root.rglob("*.toml")}
    async with failover.running():
        for kind in AnyCommand.__args__:
            reply = await failover.submit(sample(kind), who=looking)
            assert (reply.outcome, reply.error.code, reply.error.exit_code) == ("refused", "read_only", 5), kind
        lines = await failover.events("audit")
        assert len(lines) == len(AnyCommand.__args__)
        assert all("outcome=refused" in line for line in lines)
        assert await failover.api.query(looking, "status", {}) is not None
    assert {path: path.read_bytes() for path in before} == before


async def test_the_audit_log_is_for_administrators(primary):
    async with primary.running():
        with pytest.raises(Refused) as caught:
            await primary.api.query(OPERATOR, "log", {"name": "audit"})
        assert caught.value.code == "permission"
        assert not (await primary.api.query(OPERATOR, "log", {"name": "run"}))["lines"]


SECRET = "correct horse battery staple"


async def test_the_audit_says_who_did_what_and_no_secret(primary):
    async with primary.running():
        await primary.submit(commands.LwssoSet(passphrase=SECRET))
        await primary.submit(commands.LwssoSet(passphrase=SECRET[:5]))
        await primary.submit(commands.MailSet(host="mail.example", user="u", password=SECRET))
        await primary.submit(commands.GroupAdd(path="Web"))
        table = {"type": "url", "name": "Shop", "settings": {"url": "http://h/", "password": SECRET}}
        await primary.submit(commands.MonitorAdd(group="Web", table=table))
        await primary.submit(commands.MonitorEdit(path="Web/Shop", settings={"password": SECRET}))
        await primary.submit(commands.MonitorEdit(path="Web/Shop", changes={"settings": {"password": SECRET}}))
        await primary.submit(commands.MailTemplateSet(name="alert", text=SECRET))
        lines = await primary.events("audit")
        everything = "\n".join([*lines, *await primary.events(), *await primary.events("error")])
        assert SECRET not in everything
        assert len(lines) == 8
        assert "who=unix:0 command=LwssoSet outcome=done" in lines[0]
        assert 'command="MailSet host=mail.example user=u"' in lines[2]
        assert 'command="MonitorAdd group=Web table=Shop"' in lines[4]
        assert 'command="MonitorEdit path=Web/Shop settings=password"' in lines[5]


def test_a_description_shows_plain_fields_only():
    assert (
        describe(commands.HoldProfile(name="prod", reason="move", for_s=60.0)) == "HoldProfile name=prod reason=move for_s=60.0"
    )
    assert (
        describe(commands.ProfileEdit(name="p", changes={"backups": 3, "tls": True})) == "ProfileEdit name=p changes=backups,tls"
    )
    assert describe(commands.LwssoSet(passphrase="x")) == "LwssoSet"


async def test_a_command_that_breaks_is_told_as_our_fault_without_its_values(primary, monkeypatch):
    async with primary.running():

        async def broken(who, body):
            raise ZeroDivisionError(SECRET)

        monkeypatch.setattr(primary.api._config, "apply", broken)
        reply = await primary.submit(commands.GroupAdd(path="Web"))
        assert (reply.outcome, reply.error.exit_code, reply.error.code) == ("failed", 70, "internal")
        errors = await primary.events("error")
        assert any("the command GroupAdd broke (ZeroDivisionError)" in line and "test_operator_api.py" in line for line in errors)
        assert SECRET not in "\n".join(errors)
        assert [problem["file"] for problem in (await primary.status())["problems"]] == ["error.log"]
        assert [row["verdict"] for row in await primary.ask("check", what="config")] == ["good"]
        assert [row["id"] for row in await primary.ask("check", what="node") if row["verdict"] == "bad"] == ["program"]


async def test_a_disk_that_fails_is_told_with_its_file(primary, monkeypatch):
    async with primary.running():

        async def full(who, body):
            raise OSError(28, "No space left on device", "/full")

        monkeypatch.setattr(primary.api._config, "apply", full)
        error = await primary.refused(commands.GroupAdd(path="Web"))
        assert (error.exit_code, error.where) == (70, "/full")
        assert "No space left on device" in error.what


async def test_what_takes_longer_is_answered_in_between_and_its_progress_can_be_asked(primary):
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        await primary.until(lambda: primary.node.may_start(""), "the start")
        primary.checks.held = True
        reply = await primary.submit(commands.MonitorRun(path="Web/Home"), named="slow", wait_s=0.0)
        assert reply.outcome == "running"
        primary.checks.release()
        with anyio.fail_after(10):
            while (reply := await primary.api.progress(ROOT, "slow")).outcome == "running":
                await anyio.sleep(0.01)
        assert (reply.outcome, reply.result.status) == ("done", "good")


async def test_runs_are_forgotten_oldest_first(primary, monkeypatch):
    monkeypatch.setattr("sitescope_fo.node.operator_api.RUNS_KEPT", 3)
    async with primary.running():
        for n in range(5):
            await primary.submit(commands.Reload(), named=f"run-{n}")
        with pytest.raises(Refused):
            await primary.api.progress(ROOT, "run-1")
        assert (await primary.api.progress(ROOT, "run-2")).outcome == "done"


async def test_before_its_state_is_loaded_a_node_gives_no_answer(primary):
    for ask in (
        lambda: primary.api.query(ROOT, "status", {}),
        lambda: primary.api.submit(ROOT, CommandRequest(id="x", body=commands.Reload())),
    ):
        with pytest.raises(Unreachable) as caught:
            await ask()
        assert caught.value.code == "starting"


async def test_every_query_of_the_contract_has_an_answer(primary):
    assert set(Queries(primary.node)._answers) == set(QUERIES)
    group_file(primary.home, "Web", "Home")
    needed = {"monitor": {"path": "Web/Home"}, "monitor_history": {"path": "Web/Home"}, "results": {"path": "Web/Home"}}
    async with primary.running():
        await primary.do(commands.MonitorRun(path="Web/Home"))
        for name in QUERIES:
            if name not in {"profile", "history", "history_show", "history_diff"}:
                assert await primary.ask(name, **needed.get(name, {})) is not None


@pytest.mark.parametrize(
    ("query", "params", "code"),
    [
        ("stauts", {}, "not_found"),
        ("monitor", {}, "missing_parameter"),
        ("monitor", {"path": "Web/Hmoe"}, "not_found"),
        ("results", {"path": "nothing"}, "not_found"),
        ("results", {"path": "Web/Home", "day": "tomorrow"}, "bad_day"),
        ("results", {"path": "Web/Home", "limit": "many"}, "bad_number"),
        ("monitors", {"limit": "-1"}, "bad_number"),
        ("monitors", {"profile": "prod"}, "not_found"),
        ("profile", {"name": "prod"}, "not_found"),
        ("history", {"name": "prod"}, "not_found"),
        ("mail", {"profile": "prod"}, "not_found"),
        ("log", {"name": "secrets"}, "not_found"),
        ("log", {"since": "yesterday"}, "usage"),
        ("export", {"format": "xml"}, "bad_format"),
        ("export", {"day": "2026-13-01"}, "bad_day"),
        ("check", {"what": "everything"}, "usage"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_with_a_hint(primary, query, params, code):
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        with pytest.raises(SiteScopeError) as caught:
            await primary.ask(query, **params)
        assert (caught.value.code, caught.value.exit_code, bool(caught.value.hint)) == (code, 2, True)


async def test_monitors_can_be_asked_for_by_group_status_and_page(primary):
    group_file(primary.home, "Web", "Home", "Shop")
    group_file(primary.home, "Db", "Main")
    async with primary.running():

        async def names(**params):
            return [row["path"] for row in await primary.ask("monitors", **params)]

        await primary.do(commands.MonitorRun(path="Web/Shop"))
        assert await names() == ["Db/Main", "Web/Home", "Web/Shop"]
        assert await names(group="Web") == ["Web/Home", "Web/Shop"]
        assert await names(status="good", group="Web") == ["Web/Shop"]
        assert await names(offset="1", limit="1") == ["Web/Home"]


async def test_one_monitor_shows_what_it_depends_on_and_its_last_results(primary):
    group_file(primary.home, "Web", "Home", "Shop")
    async with primary.running():
        await primary.do(commands.MonitorEdit(path="Web/Shop", changes={"depends_on": "Web/Home"}))
        await primary.do(commands.MonitorRun(path="Web/Shop"))
        shown = await primary.ask("monitor", path="Web/Shop")
        assert shown["depends"] == "Web/Home"
        assert [row["status"] for row in shown["last"]] == ["good"]
        assert shown["config"]["frequency"] == "1h"


async def test_types_do_not_offer_what_is_not_for_people(primary):
    async with primary.running():
        assert "noop" not in {spec["name"] for spec in await primary.ask("types")}
