"""What people say about monitors: acknowledge, plan work, see it in rows, lists and counters, and keep it over a restart."""

import pytest

from sitescope_fo.engine.state import DOWNTIME
from sitescope_fo.model import command as commands
from sitescope_fo.model.service import Level, Who
from sitescope_fo.model.status import Role
from sitescope_fo.node.monitor_rows import stamp
from tests.node.nodes import Bench, group_file, log_lines, make_home, protected_pair, take_over

pytestmark = pytest.mark.anyio

BOB = Who(name="bob", level=Level.operator)
VIEWER = Who(name="alice", level=Level.viewer)
SHOP = "Web/Shop"


async def failing(bench, name="Shop", profile=""):
    """Waits until the monitor has run and failed."""
    bench.checks.down.add(name)
    await bench.do(commands.MonitorRun(path=f"{profile}:Web/{name}" if profile else f"Web/{name}"))


async def row(bench, name="Shop", profile=""):
    rows = await bench.ask("monitors", profile=profile) if profile else await bench.ask("monitors")
    return next(row for row in rows if row["name"] == name)


@pytest.fixture
async def web(primary):
    group_file(primary.home, "Web", "Home", "Shop")
    async with primary.running():
        for name in ("Home", "Shop"):
            await primary.do(commands.MonitorRun(path=f"Web/{name}"))
        yield primary


# ---------------------------------------------------------------- acknowledgements


async def test_an_acknowledgement_shows_who_when_why_and_until_when(web):
    await failing(web)
    reply = await web.submit(commands.Ack(path=SHOP, comment=" disk is ordered ", for_s=7200.0), who=BOB)
    assert reply.text == "Web/Shop: acknowledged until it is good, at most for 2h"
    shown = await row(web)
    assert shown["acknowledged"] is True
    assert {key: shown["ack"][key] for key in ("by", "comment")} == {"by": "bob", "comment": "disk is ordered"}
    assert shown["ack"]["at"] < shown["ack"]["until"]
    assert shown["downtime"] is None
    [listed] = await web.ask("acks")
    assert (listed["path"], listed["status"], listed["profile"], listed["by"]) == (SHOP, "error", "", "bob")
    assert reply.result.path == SHOP
    assert (await web.status())["monitors"]["acknowledged"] == 1
    assert (await web.ask("monitor", path=SHOP))["ack"]["comment"] == "disk is ordered"
    assert any("Ack path=Web/Shop comment=" in line and "bob" in line for line in await web.events("audit"))


async def test_an_acknowledged_problem_leaves_the_list_of_those_that_nobody_handles(web):
    await failing(web)
    assert [r["name"] for r in await web.ask("monitors", status="unhandled")] == ["Shop"]
    page = await web.ask("monitor_page")
    await web.do(commands.Ack(path=SHOP, comment="mine"))
    assert await web.ask("monitors", status="unhandled") == []
    assert [r["name"] for r in await web.ask("monitors", status="acknowledged")] == ["Shop"]
    changes = await web.ask("snapshot", since=str(page["revision"]), tree=page["tree"])
    assert changes["whole"] or [r["name"] for r in changes["rows"]] == ["Shop"], "whoever follows the list hears of it"


async def test_an_acknowledgement_ends_with_its_problem_and_can_be_taken_back(web):
    await failing(web)
    await web.do(commands.Ack(path=SHOP, comment="mine"))
    reply = await web.do(commands.Unack(path=SHOP))
    assert "is taken back" in reply.text
    assert (await row(web))["ack"] is None
    await web.do(commands.Ack(path=SHOP, comment="mine again"))
    web.checks.down.clear()
    await web.do(commands.MonitorRun(path=SHOP))
    assert (await row(web))["acknowledged"] is False
    assert "Web/Shop is good: the acknowledgement by unix:0 has ended" in await web.said("ack_ended")


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (commands.Ack(path="Web/Shap", comment="c"), "not_found", "Did you mean Web/Shop"),
        (commands.Ack(path="Web/Home", comment="c"), "nothing_to_acknowledge", "downtime add"),
        (commands.Ack(path=SHOP, comment="  "), "no_comment", "Say why"),
        (commands.Ack(path=SHOP, comment="x" * 1001), "too_long", "1000"),
        (commands.Ack(path=SHOP, comment="c", for_s=0.0), "bad_duration", "at most 365d"),
        (commands.Ack(path=SHOP, comment="c", for_s=366 * 86400.0), "bad_duration", "at most 365d"),
        (commands.Unack(path=SHOP), "not_acknowledged", "lists"),
        (commands.Unack(path="Nowhere"), "not_found", "monitor list"),
        (commands.DowntimeAdd(scope="Wob", reason="r", for_s=60.0), "not_found", "Did you mean Web"),
        (commands.DowntimeAdd(scope="Web/Shap", reason="r", for_s=60.0), "not_found", "Did you mean Web/Shop"),
        (commands.DowntimeAdd(scope="", reason="r", for_s=60.0), "not_found", ""),
        (commands.DowntimeAdd(scope="/", reason=" ", for_s=60.0), "no_reason", "Say why"),
        (commands.DowntimeAdd(scope="/", reason="r", for_s=-5.0), "bad_duration", "365d"),
        (commands.DowntimeAdd(scope="/", reason="r", for_s=366 * 86400.0), "bad_duration", "365d"),
        (commands.DowntimeAdd(scope="/", reason="r", for_s=60.0, start="tomorrow"), "bad_moment", "2026-11-22T22:00"),
        (commands.DowntimeAdd(scope="/", reason="r", for_s=60.0, start="2001-01-01"), "bad_moment", "later --from"),
        (commands.DowntimeAdd(scope="/", reason="r", for_s=60.0, start="9998-01-01"), "bad_moment", "later"),
        (commands.DowntimeEnd(id="beef"), "not_found", "none"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_makes_no_sense_is_refused_with_what_to_do(web, body, code, said):
    await failing(web)
    error = await web.refused(body)
    assert error.code == code
    assert said in error.hint
    assert await web.ask("acks") == []
    assert await web.ask("downtimes", all="yes") == []


async def test_a_monitor_that_is_switched_off_or_never_ran_has_nothing_to_acknowledge(web):
    await web.do(commands.MonitorEnable(path=SHOP, enabled=False))
    error = await web.refused(commands.Ack(path=SHOP, comment="c"))
    assert "is disabled" in error.what
    web.checks.held = True
    group_file(web.home, "New", "Door")
    await web.do(commands.Reload())
    assert "has no result yet" in (await web.refused(commands.Ack(path="New/Door", comment="c"))).what


async def test_a_viewer_says_nothing_about_monitors(web):
    for body in (commands.Ack(path=SHOP, comment="c"), commands.DowntimeAdd(scope="/", reason="r", for_s=60.0)):
        assert (await web.submit(body, who=VIEWER)).error.code == "permission"


# ---------------------------------------------------------------- downtimes


@pytest.mark.parametrize(("scope", "shown", "names"), [("/", "/", 2), ("web", "Web", 2), ("Web/Shop", "Web/Shop", 1)])
async def test_a_downtime_covers_the_node_a_group_or_a_monitor(web, scope, shown, names):
    reply = await web.submit(commands.DowntimeAdd(scope=scope, reason="new disks", for_s=3600.0), who=BOB)
    assert reply.outcome == "done"
    assert f"{shown} ({names} monitor" in reply.text
    [listed] = await web.ask("downtimes")
    assert (listed["scope"], listed["state"], listed["monitors"], listed["by"]) == (shown, "running", names, "bob")
    assert listed["from"] < listed["until"]
    covered = [row for row in await web.ask("monitors", status="downtime") if row["downtime"]["reason"] == "new disks"]
    assert len(covered) == names
    assert covered[0]["downtime"]["id"] == listed["id"] == reply.result.id
    assert (await web.status())["monitors"]["downtime"] == names


async def test_a_downtime_can_be_planned_cancelled_and_ended_early(web):
    soon = stamp(web.node.ports.clock.wall() + 3600.0)
    await web.do(commands.DowntimeAdd(scope="Web", reason="move", for_s=3600.0, start=soon))
    [planned] = await web.ask("downtimes")
    assert (planned["state"], planned["from"]) == ("planned", soon)
    assert (await row(web))["downtime"] is None
    assert (await web.do(commands.DowntimeEnd(id=planned["id"]))).text == f"Downtime {planned['id']} (Web) is cancelled"
    await web.do(commands.DowntimeAdd(scope="Web", reason="now", for_s=3600.0))
    [running] = await web.ask("downtimes")
    reply = await web.do(commands.DowntimeEnd(id=running["id"]))
    assert reply.text == f"Downtime {running['id']} (Web) is over"
    assert await web.ask("downtimes") == []
    over, cancelled = await web.ask("downtimes", all="yes")
    assert cancelled["reason"] == "move"
    assert (over["state"], over["ended_by"], over["reason"]) == ("over", "unix:0", "now")
    assert (await web.refused(commands.DowntimeEnd(id=running["id"]))).code == "downtime_over"
    assert (await row(web))["downtime"] is None


# ---------------------------------------------------------------- restart


async def test_both_are_there_after_a_kill(tmp_path):
    home = make_home(tmp_path, Role.primary)
    group_file(home, "Web", "Home", "Shop")
    async with Bench(home).running() as one:
        await failing(one)
        await one.do(commands.Ack(path=SHOP, comment="mine"))
        await one.do(commands.DowntimeAdd(scope="Web/Home", reason="new disks", for_s=3600.0))
    async with Bench(home).running() as again:
        assert (await row(again))["ack"]["comment"] == "mine"
        assert (await row(again, "Home"))["downtime"]["reason"] == "new disks"
    assert any("DowntimeAdd scope=Web/Home" in line for line in log_lines(home.logs / "audit.log"))


# ---------------------------------------------------------------- the pair


async def test_what_is_typed_at_either_node_of_a_pair_is_soon_known_at_the_other(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await failing(primary)
        await primary.do(commands.Ack(path=SHOP, comment="typed at the primary"))
        await failover.until(lambda: failover.ask("acks"), "the acknowledgement on the failover")
        assert (await row(failover, profile="prod"))["ack"]["comment"] == "typed at the primary"
        await failover.do(commands.DowntimeAdd(scope="prod:Web", reason="typed at the failover", for_s=3600.0))
        [there] = await primary.until(lambda: primary.ask("downtimes"), "the downtime on the primary")
        assert (there["scope"], there["profile"], there["reason"]) == ("Web", "", "typed at the failover")
        await failover.do(commands.Unack(path="prod:Web/Shop"))
        await primary.until(lambda: _none(primary, "acks"), "the acknowledgement taken back")


async def _none(bench, query):
    return not await bench.ask(query)


async def test_what_the_primary_knew_holds_on_the_failover_that_took_over_and_what_is_typed_there_comes_home(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await failing(primary)
        failover.checks.down.add("Shop")
        await primary.do(commands.Ack(path=SHOP, comment="before"))
        await failover.until(lambda: failover.ask("acks"), "the acknowledgement on the failover")
        await take_over(primary, failover)
        assert (await row(failover, profile="prod"))["ack"]["comment"] == "before"
        await failover.do(commands.DowntimeAdd(scope="Web/Home", reason="typed meanwhile", for_s=3600.0))
        await failover.do(commands.Unack(path=SHOP))
        failover.cable.cut.clear()
        await failover.until(lambda: failover.node.profile_state("prod").position == "standby", "the hand-back")
        assert await primary.ask("acks") == []
        [home] = await primary.ask("downtimes")
        assert (home["scope"], home["reason"]) == ("Web/Home", "typed meanwhile")


async def test_the_whole_node_on_a_failover_says_whose_monitors_it_means(tmp_path):
    async with protected_pair(tmp_path) as (_, failover):
        [scope] = [(await failover.do(commands.DowntimeAdd(scope="/", reason="r", for_s=60.0))).result]
        assert (scope.profile, scope.scope, scope.monitors) == ("prod", "/", 2)
        group_file(failover.home, "Web", "Self")
        await failover.do(commands.Reload())
        for asked in ("/", "Web"):
            error = await failover.refused(commands.DowntimeAdd(scope=asked, reason="r", for_s=60.0))
            assert (error.code, error.exit_code) == ("ambiguous", 6)
            assert f"prod:{asked}" in error.hint
        own = (await failover.do(commands.DowntimeAdd(scope=":/", reason="r", for_s=60.0))).result
        assert (own.profile, own.monitors) == ("", 1)


async def test_what_is_kept_for_a_removed_profile_goes_with_it(tmp_path):
    async with protected_pair(tmp_path) as (_, failover):
        await failover.do(commands.DowntimeAdd(scope="prod:/", reason="r", for_s=60.0))
        await failover.do(commands.ProfileRemove(name="prod"))
        await failover.until(lambda: not failover.node.writer.table.of(DOWNTIME), "the downtime gone")
