"""Edits on a running node: where they may be made, what becomes of them, what is said about it."""

import anyio
import pytest

from sitescope_fo.model import command as commands
from sitescope_fo.model.errors import Unreachable
from sitescope_fo.model.fact import HoldSet
from sitescope_fo.node.profile_edits import PASSIVE_HINT
from sitescope_fo.store.config_toml import load_ha_config
from tests.node.nodes import TIMING, group_file, protected_pair, take_over

pytestmark = pytest.mark.anyio

PORT = {"type": "port", "name": "New", "frequency": "1h", "settings": {"host": "new.example", "port": 80}}


def paths(bench, profile):
    return sorted(monitor.path for monitor in bench.node.world.catalogue.monitors(profile).values())


async def test_a_monitor_that_is_added_runs_at_once(primary):
    async with primary.running():
        await primary.do(commands.GroupAdd(path="Web"))
        await primary.do(commands.MonitorAdd(group="Web", table=PORT))
        assert paths(primary, "") == ["Web/New"]
        await primary.do(commands.MonitorRun(path="Web/New"))
        assert primary.checks.started


async def test_an_edit_on_a_standby_is_refused_with_the_way_to_do_it(tmp_path):
    async with protected_pair(tmp_path) as (_, failover):
        error = await failover.refused(commands.MonitorAdd(group="Web", table=PORT))
        assert (error.code, error.exit_code, error.hint) == ("passive_edit", 5, PASSIVE_HINT)
        assert paths(failover, "prod") == ["Web/Home", "Web/Shop"]


async def test_a_forced_edit_on_a_standby_counts_until_the_next_mirror(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        reply = await failover.do(commands.MonitorAdd(group="prod:Web", table=PORT, force=True))
        assert "the next mirror of prod overwrites this edit" in reply.text
        assert "event=forced_edit" in await failover.said("forced_edit")

        async def overwritten():
            view = failover.node.watches["prod"].keeper.view
            return view.revision == primary.node.own.manifest.revision and not view.drift

        await failover.until(overwritten, "the next mirror")
        assert paths(failover, "prod") == ["Web/Home", "Web/Shop"]


async def test_a_forced_edit_shows_as_drift_and_is_what_a_takeover_runs(tmp_path):
    async with protected_pair(tmp_path, activate_after_s=2.0) as (primary, failover):
        revision = primary.node.own.manifest.revision
        failover.cable.cut.add("primary")
        await failover.do(commands.MonitorRemove(path="prod:Web/Shop", force=True))
        mirror = (await failover.profile())["mirror"]
        assert (mirror["drift"], mirror["verified"], mirror["monitors"]) == (True, True, 1)
        assert mirror["revision"] != revision
        await take_over(primary, failover)
        assert paths(failover, "prod") == ["Web/Home"]


async def test_a_forced_edit_that_makes_no_sense_leaves_the_mirror_as_it_is(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        error = await failover.refused(commands.MonitorRemove(path="prod:Web/Nothing", force=True))
        assert error.exit_code == 2
        assert (await failover.profile())["mirror"]["revision"] == primary.node.own.manifest.revision
        assert not list((failover.node.watches["prod"].folder / "staging").glob("forced*"))


async def test_an_edit_while_acting_goes_to_the_working_tree_and_says_that_it_stays_here(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await take_over(primary, failover)
        reply = await failover.do(commands.MonitorAdd(group="Web", table=PORT))
        assert "merge back is off: this edit does not travel home" in reply.text
        assert paths(failover, "prod") == ["Web/Home", "Web/New", "Web/Shop"]
        working = failover.node.watches["prod"].folder / "working" / "groups" / "Web" / "group.toml"
        assert 'name = "New"' in working.read_text()
        await failover.until(lambda: "New" in failover.checks.started, "a check of the new monitor")


async def test_edits_made_while_acting_are_kept_as_an_archive_at_the_hand_back(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await take_over(primary, failover)
        await failover.do(commands.MonitorAdd(group="Web", table=PORT))
        failover.cable.cut.clear()
        await failover.until(lambda: failover.node.profile_state("prod").position == "standby", "the hand-back")
        assert paths(failover, "prod") == ["Web/Home", "Web/Shop"]
        history = await failover.ask("history", name="prod")
        assert [row["kind"] for row in history].count("edits") == 1
        assert [line for line in await failover.events() if "event=edits_kept" in line] != []


async def test_with_merge_back_on_an_edit_while_acting_says_nothing_of_staying(tmp_path):
    async with protected_pair(tmp_path, merge_back=True) as (primary, failover):
        await take_over(primary, failover)
        assert "merge back" not in (await failover.do(commands.MonitorAdd(group="Web", table=PORT))).text


async def test_a_path_that_several_trees_have_must_be_named_in_full(tmp_path):
    async with protected_pair(tmp_path) as (_, failover):
        group_file(failover.home, "Web", "Own")
        await failover.node.own.refresh(forced=True)
        error = await failover.refused(commands.MonitorAdd(group="Web", table=PORT))
        assert (error.code, error.exit_code) == ("ambiguous", 6)
        assert "prod:Web" in error.hint


async def test_a_new_group_on_a_failover_is_its_own(tmp_path):
    async with protected_pair(tmp_path) as (_, failover):
        await failover.do(commands.GroupAdd(path="Standby"))
        await failover.do(commands.MonitorAdd(group="Standby", table=PORT))
        assert paths(failover, "") == ["Standby/New"]
        await failover.until(lambda: "New" in failover.checks.started, "its own monitor to run")


async def test_a_profile_is_bound_to_the_primary_it_first_meets(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        assert (await failover.profile())["primary"]["node_id"] == "primary-1"
        assert load_ha_config(failover.home).profiles[0].node_id == "primary-1"
        await primary.until(lambda: primary.node.world.ha.peers, "the announcement")
        [peer] = (await primary.status())["peers"]
        assert (peer["listed_as"], peer["role"], peer["accepted"]) == ("prod", "failover", True)


async def test_a_profile_for_an_absent_primary_needs_the_word_offline(failover):
    async with failover.running():
        error = await failover.refused(commands.ProfileAdd(name="prod", primary_host="nowhere"))
        assert (error.code, error.exit_code) == ("refused", 4)
        assert "--offline" in error.hint
        assert load_ha_config(failover.home).profiles == ()
        reply = await failover.do(commands.ProfileAdd(name="prod", primary_host="nowhere", without_primary=True))
        assert "not bound yet" in reply.text
        part = await failover.profile()
        assert (part["state"], part["primary"]["state"]) == ("unprotected", "unknown")


async def test_a_fresh_profile_says_since_when_it_stands(failover):
    async with failover.running():
        await failover.do(commands.ProfileAdd(name="prod", primary_host="nowhere", without_primary=True))
        since = (await failover.profile())["since"]
        assert since >= (await failover.status())["node"]["started"]


async def test_a_failover_protects_neither_itself_nor_another_failover(failover, tmp_path):
    (tmp_path / "second").mkdir()
    other = failover.__class__(_second_failover(tmp_path / "second"), failover.cable)
    async with failover.running(), other.running():
        error = await failover.refused(commands.ProfileAdd(name="me", primary_host="failover"))
        assert (error.code, error.exit_code) == ("own_address", 5)
        error = await failover.refused(commands.ProfileAdd(name="peer", primary_host="other"))
        assert (error.code, error.exit_code) == ("wrong_role", 5)
        assert "protects a primary" in error.hint


def _second_failover(folder):
    from sitescope_fo.model.status import Role
    from tests.node.nodes import make_home

    home = make_home(folder, Role.failover, ha=lambda ha: ha.__class__(node_id="failover-2"))
    home.config.write_text(home.config.read_text().replace('host = "failover"', 'host = "other"'))
    return home


async def test_two_profiles_of_one_name_cannot_be_added_at_once(failover):
    async with failover.running():
        replies = []

        async def add(port):
            body = commands.ProfileAdd(name="prod", primary_host="nowhere", primary_port=port, without_primary=True)
            replies.append(await failover.submit(body))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(add, 1)
            tasks.start_soon(add, 2)
        assert sorted(reply.outcome for reply in replies) == ["done", "failed"]
        assert len(failover.node.world.ha.profiles) == 1


async def test_concurrent_changes_of_the_pairs_file_lose_nothing(failover):
    async with failover.running():
        async with anyio.create_task_group() as tasks:
            for n in range(5):
                body = commands.ProfileAdd(name=f"p{n}", primary_host=f"h{n}", without_primary=True)
                tasks.start_soon(failover.do, body)
            tasks.start_soon(failover.do, commands.ProfileDefaults(notify=("ops@example.org",)))
        ha = load_ha_config(failover.home)
        assert sorted(profile.name for profile in ha.profiles) == [f"p{n}" for n in range(5)]
        assert ha.notify == ("ops@example.org",)


async def test_an_edited_profile_probes_its_new_address_and_keeps_its_mirror(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        folder = failover.node.watches["prod"].folder
        failover.cable.nodes["rebuilt"] = primary
        failover.cable.asked.clear()
        await failover.do(commands.ProfileEdit(name="prod", changes={"primary_host": "rebuilt"}))
        await failover.until(lambda: any(host == "rebuilt" for _, host, _, _ in failover.cable.asked), "a probe there")
        assert failover.node.watches["prod"].folder == folder
        assert (await failover.profile())["mirror"]["verified"]


async def test_a_removed_profile_leaves_no_task_and_no_tree(tmp_path):
    async with protected_pair(tmp_path) as (_, failover):
        await failover.do(commands.ProfileRemove(name="prod"))
        failover.cable.asked.clear()
        assert failover.node.profile_state("prod") is None
        assert failover.node.world.catalogue.profiles == ("",)
        assert failover.node.watches == {}
        assert (await failover.status())["profiles"] == ()
        await failover.do(commands.ProfileDefaults(notify=()))
        assert [line for line in await failover.events("error") if "internal_error" in line] == []


async def test_a_profile_can_be_removed_while_its_tasks_have_not_begun(failover):
    async with failover.running():
        add = commands.ProfileAdd(name="prod", primary_host="nowhere", without_primary=True, **TIMING)
        for _ in range(3):
            await failover.do(add)
            await failover.do(commands.ProfileRemove(name="prod"))
        failover.cable.asked.clear()
        await failover.do(commands.ProfileDefaults(notify=()))
        assert failover.node.profile_states() == ()
        assert await failover.events("error") == []


async def test_a_profile_that_acts_is_not_removed(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        await take_over(primary, failover)
        error = await failover.refused(commands.ProfileRemove(name="prod"))
        assert (error.code, error.exit_code) == ("acting", 5)
        assert "standby prod" in error.hint


async def test_rebinding_names_the_new_primary(tmp_path):
    async with protected_pair(tmp_path) as (_, failover):
        reply = await failover.do(commands.ProfileRebind(name="prod"))
        assert "primary-1" in reply.text
        assert await failover.said("rebound")


@pytest.mark.parametrize(
    "body",
    [
        commands.ProfileAdd(name="x", primary_host="h", without_primary=True),
        commands.ProfileRemove(name="x"),
        commands.ProfileRebind(name="x"),
        commands.ProfileEdit(name="x", changes={}),
        commands.ProfileDefaults(notify=()),
        commands.Mirror(name="x"),
        commands.HoldProfile(name="x", reason="r"),
        commands.HistoryVerify(name="x"),
    ],
)
async def test_a_primary_has_no_profiles(primary, body):
    async with primary.running():
        error = await primary.refused(body)
        assert (error.code, error.exit_code) == ("wrong_role", 5)


@pytest.mark.parametrize("body", [commands.PeerAccept(node_id="x"), commands.PeerRemove(node_id="x")])
async def test_a_failover_has_no_peers_to_accept(failover, body):
    async with failover.running():
        assert (await failover.refused(body)).code == "wrong_role"


async def test_settings_that_may_change_at_run_time_do_and_the_others_ask_for_a_restart(primary):
    async with primary.running():
        await primary.do(commands.ConfigSet(key="checks.max", value="7"))
        assert (primary.node.world.config.max_checks, primary.node.plan.max_checks) == (7, 7)
        reply = await primary.do(commands.ConfigSet(key="web.port", value="9999"))
        assert reply.result["restart"] is True
        assert "restart" in reply.text
        assert (await primary.ask("config"))["web.port"] == 9999
        assert primary.node.world.config.port == 8080
        rows = await primary.ask("check", what="config")
        assert [(row["verdict"], row["evidence"]) for row in rows if row["id"] == "restart"] == [
            ("warning", "web.port of config.toml changed and not in force yet")
        ]


async def test_an_unbound_profile_survives_a_disk_that_cannot_keep_the_binding(failover, monkeypatch):
    cable = failover.cable
    async with failover.running():
        await failover.do(commands.ProfileAdd(name="prod", primary_host="p", without_primary=True, **TIMING))
        cable.instead["p"] = _health_only
        failover.home.ha_config.unlink()
        failover.home.ha_config.mkdir()
        await failover.until(lambda: failover.said("bind_failed"), "the failed binding")
        asked = len(cable.asked)
        await failover.until(lambda: len(cable.asked) > asked + 2, "more probes")


def _health_only(method, path, body):
    from sitescope_fo.model import wire
    from sitescope_fo.model.ports import PeerReply
    from sitescope_fo.model.status import PrimaryState, Role

    if path != wire.HEALTH:
        raise Unreachable("not now", code="refused")
    health = wire.Health(node_id="p-1", boot_id="b", role=Role.primary, host="p", version="0.1.0", state=PrimaryState.running)
    return PeerReply(status=200, body=wire.encode(health), peer_id="p-1")


async def test_a_hold_outlives_an_edit_of_its_profile(tmp_path):
    async with protected_pair(tmp_path) as (_, failover):
        await failover.node.settle(HoldSet(profile="prod", by="me", reason="move", for_s=60))
        await failover.do(commands.ProfileEdit(name="prod", changes={"backups": 5}))
        part = await failover.profile()
        assert part["hold"]["reason"] == "move"
        assert load_ha_config(failover.home).profiles[0].backups == 5
