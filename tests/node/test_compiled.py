"""A large configuration is parsed once: neither a restart nor an edit, neither a mirror nor a takeover parses it again."""

import pytest

from sitescope_fo.mirror import generations
from sitescope_fo.model import command as commands
from sitescope_fo.model.effect import PinWorking
from tests.bench.estate import Estate
from tests.node.nodes import Bench, protected_pair

pytestmark = pytest.mark.anyio

ESTATE = Estate(monitors=300, groups=10, frequency="1h")
"""Large enough for a compiled cache (store.tree_compiled.LEAST_TEXT), no larger."""


@pytest.fixture
def home(primary_home):
    ESTATE.write(primary_home.root)
    return primary_home


async def saved(bench, file="own.drafts"):
    return await bench.until((bench.home.cache / file).is_file, "the compiled cache")


def own(bench):
    return bench.node.world.catalogue.tree("")


async def test_a_restart_parses_no_group_file_again(home):
    first = Bench(home)
    async with first.running():
        await saved(first)
    again = Bench(home)
    async with again.running():
        assert own(again) == own(first)
        assert len(own(again).monitors) == ESTATE.monitors
        assert again.node.own.cache.parsed == 0


async def test_an_edit_parses_the_edited_file_only(home):
    node = Bench(home)
    async with node.running():
        cache = node.node.own.cache
        before = cache.parsed
        ESTATE.files(home.root)[3].write_text(ESTATE.text(3).replace("ping 00092", "renamed"))
        await node.until(lambda: any(m.name == "renamed" for m in own(node).monitors), "the edit")
        assert cache.parsed == before + 1
        await node.do(commands.MonitorEnable(path="Site 00003/renamed", enabled=False))
        assert cache.parsed == before + 2


async def test_a_cache_of_other_monitor_types_counts_as_none(home):
    first = Bench(home)
    async with first.running():
        await saved(first)
    file = home.cache / "own.drafts"
    head, _, rest = file.read_bytes().partition(b"\n")
    file.write_bytes(head[:-1] + (b"0" if head[-1:] != b"0" else b"1") + b"\n" + rest)
    again = Bench(home)
    async with again.running():
        assert own(again) == own(first)
        assert again.node.own.cache.parsed >= ESTATE.groups
        await again.until(lambda: file.read_bytes().startswith(head), "the cache made anew")


async def test_a_node_without_room_for_the_cache_runs_and_says_so_once(home):
    home.cache.write_text("in the way")
    node = Bench(home)
    async with node.running():
        await node.until(lambda: any("compiled" in line for line in node.node.records.logs["run"].tail(50).lines), "the line")
        assert len(own(node).monitors) == ESTATE.monitors


async def test_neither_a_takeover_nor_a_restart_of_a_standby_parses_the_mirror_again(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        ESTATE.write(primary.home.root)
        watch = failover.node.watches["prod"]

        def mirrored():
            return len(failover.node.world.catalogue.monitors("prod")) > ESTATE.monitors

        await failover.until(mirrored, "the mirror")
        file = f"mirror-{watch.folder.name}.drafts"
        await saved(failover, file)
        parsed = watch.cache.parsed
        await watch.pin_working(PinWorking(profile="prod", term=1, resume=False))
        assert watch.tree_root == watch.folder / generations.WORKING
        assert mirrored()
        assert watch.cache.parsed == parsed
    again = Bench(failover.home)
    async with again.running():
        assert len(again.node.world.catalogue.monitors("prod")) > ESTATE.monitors
        assert again.node.watches["prod"].cache.parsed == 0
