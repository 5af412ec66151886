"""The towns in namespaces: they are what they say, and nothing of them stays behind."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes import netns
from tests.processes.daemon import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(30)]


@pytest.fixture(autouse=True)
def possible():
    if reason := netns.missing():
        pytest.skip(reason)


def names():
    return {path.name for path in netns.FOLDER.iterdir()}


def hears(region, node, address):
    words = [*region.inside(node), "ping", "-c", "1", "-W", "1", address]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_each_fault_cuts_what_it_says_and_a_heal_ends_it():
    primary, failover = netns.Region.primary_host, netns.Region.failover_host
    all_ways = {("primary", netns.TOWN), ("failover", netns.TOWN), ("primary", failover), ("failover", primary)}
    region = netns.Region()

    def heard():
        with ThreadPoolExecutor() as at_once:
            answers = at_once.map(lambda way: hears(region, *way), all_ways)
            return {way for way, well in zip(all_ways, answers, strict=True) if well}

    def all_is_well():
        return heard() == all_ways

    try:
        until(all_is_well, 10, "all ways to be open")
        for fault, node, left in (
            (region.part, "primary", {"primary", "failover"}),
            (region.silence, "primary", {"failover"}),
            (region.isolate, "failover", {"primary"}),
        ):
            fault(node)
            assert heard() == {(one, netns.TOWN) for one in left}, fault
            region.heal()
            until(all_is_well, 10, f"all ways to be open after {fault.__name__}")
    finally:
        region.close()


def test_what_a_killed_run_left_behind_goes_and_what_another_run_uses_stays():
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    alive = subprocess.Popen(["sleep", "60"])
    left, used = (f"{netns.PREFIX}{process.pid}x0-town" for process in (dead, alive))
    netns.ip("", f"netns add {left}", f"netns add {used}")
    orphan = subprocess.Popen(["ip", "netns", "exec", left, "sleep", "60"])
    try:
        until(lambda: netns.run("ip", "netns", "pids", left), 10, "the orphan in its namespace")
        netns.sweep()
        assert left not in names()
        assert used in names()
        assert orphan.wait(10) == -9
    finally:
        for process in (alive, orphan):
            process.kill()
            process.wait()
        netns.ip("", f"netns delete {used}")
