"""A bad edit never takes a node down: the last good configuration stays, also over a restart, and everybody is told."""

import pytest
from msgspec.structs import replace

from sitescope_fo.model import command as commands
from sitescope_fo.model.config import Peer
from sitescope_fo.model.errors import Problem
from sitescope_fo.model.fact import YieldAsked
from sitescope_fo.model.status import Role
from sitescope_fo.store.config_toml import set_node_value
from tests.node.nodes import Bench, group_file, make_home

pytestmark = pytest.mark.anyio

BAD = '[group]\nname = "Web"\n[[monitor]]\ntype = "prot"\nname = "Home"\n'


def paths(bench):
    return sorted(monitor.path for monitor in bench.node.world.catalogue.monitors("").values())


@pytest.fixture
def web(primary_home):
    return group_file(primary_home, "Web", "Home", "Shop")


async def broken(bench, web):
    """Saves a bad edit and waits until the node has looked at it."""
    web.write_text(BAD)
    return await bench.until(lambda: bench.said("config_rejected"), "the refusal")


async def test_a_bad_edit_changes_nothing_and_is_told_everywhere(primary, web):
    async with primary.running():
        line = await broken(primary, web)
        assert "groups/Web/group.toml:4" in line
        assert "the last good configuration stays in force" in line
        assert paths(primary) == ["Web/Home", "Web/Shop"]
        [problem] = (await primary.status())["problems"]
        assert (problem["file"], problem["line"]) == ("groups/Web/group.toml", 4)
        assert "noop" not in problem["hint"]
        rows = await primary.ask("check", what="config")
        assert [(row["id"], row["verdict"]) for row in rows] == [("config", "bad")]
        error = await primary.refused(commands.Reload())
        assert (error.exit_code, error.where) == (1, "groups/Web/group.toml:4 monitor[0].type")


async def test_a_repaired_edit_counts_at_once_and_clears_the_problem(primary, web):
    async with primary.running():
        await broken(primary, web)
        group_file(primary.home, "Web", "Home", "New")
        await primary.until(lambda: primary.said("config_good_again"), "the repaired configuration")
        assert paths(primary) == ["Web/Home", "Web/New"]
        assert (await primary.status())["problems"] == ()
        await primary.until(lambda: "New" in primary.checks.started, "a check of the new monitor")


async def test_a_restart_over_a_bad_edit_runs_what_ran_before(primary, web):
    async with primary.running():
        assert paths(primary) == ["Web/Home", "Web/Shop"]
    ids = {monitor.id for monitor in primary.node.world.catalogue.monitors("").values()}
    web.write_text(BAD)
    again = Bench(primary.home)
    async with again.running():
        assert paths(again) == ["Web/Home", "Web/Shop"]
        assert {monitor.id for monitor in again.node.world.catalogue.monitors("").values()} == ids
        assert "2 monitors of the last good one run" in await again.said("last_good_used")
        assert [row["verdict"] for row in await again.ask("check", what="config")] == ["bad"]
        await again.do(commands.MonitorRun(path="Web/Home"))
        group_file(again.home, "Web", "Other")
        await again.until(lambda: again.said("config_good_again"), "the repaired configuration")
        assert paths(again) == ["Web/Other"]


async def test_a_first_start_over_a_bad_edit_runs_nothing_and_says_why(primary, web):
    web.write_text(BAD)
    async with primary.running():
        assert paths(primary) == []
        assert (await primary.status())["problems"]
        assert await primary.said("last_good_used") == ""


async def test_a_mirror_gets_the_files_as_they_stand_also_the_bad_ones(primary, web):
    async with primary.running():
        before = await primary.until(lambda: primary.node.own.manifest, "the first manifest")
        await broken(primary, web)
        await primary.until(lambda: primary.node.own.manifest.revision != before.revision, "the new manifest")


async def test_what_is_edited_while_the_tree_is_loaded_is_not_missed(primary, web):
    own = primary.node.own
    async with primary.running():
        load = own._load

        async def load_and_edit():
            done = await load()
            if paths(primary) == ["Web/Home", "Web/One"]:
                group_file(primary.home, "Web", "Home", "Two")
            return done

        own._load = load_and_edit
        group_file(primary.home, "Web", "Home", "One")
        await primary.until(lambda: paths(primary) == ["Web/Home", "Web/Two"], "the second edit")


async def test_a_bad_config_toml_is_shown_and_the_settings_stay(primary):
    async with primary.running():
        good = primary.home.config.read_text()
        primary.home.config.write_text(good + "\n[web]\nprot = 1\n")
        await primary.until(lambda: primary.said("config_rejected"), "the refusal")
        assert [row["verdict"] for row in await primary.ask("check", what="config")][:1] == ["bad"]
        assert primary.node.world.config.port == 8080
        primary.home.config.write_text(good)
        set_node_value(primary.home, "checks.max", "9")
        await primary.until(lambda: primary.node.plan.max_checks == 9, "the new limit")
        assert (await primary.status())["problems"] == ()


async def test_a_template_that_cannot_be_used_is_a_problem_and_not_the_end(primary):
    async with primary.running():
        folder = primary.home.templates / "mail"
        folder.mkdir()
        (folder / "alert.txt").write_text("Subject: {{ broken")
        await primary.node.own.refresh(forced=True)
        assert any("template" in row["evidence"].lower() for row in await primary.ask("check", what="config"))


async def test_plug_ins_that_cannot_be_used_are_shown_and_do_not_make_the_configuration_bad(primary):
    async with primary.running():
        primary.plugin_problems = (Problem(file="plug-in acme", what="cannot be imported: ModuleNotFoundError"),)
        rows = await primary.ask("check", what="config")
        assert [(row["id"], row["verdict"]) for row in rows] == [("config", "good"), ("plug-in", "warning")]
        assert [problem["file"] for problem in (await primary.status())["problems"]] == ["plug-in acme"]


async def test_warnings_of_a_tree_are_shown(primary):
    (primary.home.groups / "empty").mkdir()
    async with primary.running():
        rows = await primary.ask("check", what="config")
        assert [row["verdict"] for row in rows] == ["good", "warning"]


async def test_the_own_monitors_of_a_primary_that_waits_are_not_started_by_an_edit(tmp_path):
    peer = Peer(node_id="failover-1", host="failover", port=8080)
    primary = Bench(make_home(tmp_path, Role.primary, ha=lambda ha: replace(ha, peers=(peer,))))
    group_file(primary.home, "Web", "Home")
    async with primary.running():
        asked = YieldAsked(peer="failover-1", profile="prod", term=5, yield_for_s=900.0, why="switchover")
        await primary.node.settle(asked)
        primary.checks.started.clear()
        group_file(primary.home, "Web", "Home", "New")
        await primary.node.own.refresh(forced=True)
        assert "Web/New" in paths(primary)
        rows = {row["path"]: row for row in await primary.ask("monitors")}
        assert rows["Web/New"]["suspended"]
        assert rows["Web/New"]["state_string"] == "suspended: this node waits for its failover"
        assert (await primary.refused(commands.MonitorRun(path="Web/New"))).code == "suspended"
        assert primary.checks.started == []
        status = await primary.status()
        assert (status["node"]["state"], status["monitors"]["suspended"]) == ("yielded", 2)
