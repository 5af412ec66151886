"""cpu, memory and disk: the arithmetic on texts from real machines, and this machine's own figures."""

import os
import shutil
import threading

import anyio
import pytest

from sitescope_fo.monitors import cpu, disk, memory

pytestmark = pytest.mark.anyio

BEFORE = "cpu  1000 50 300 8000 400 10 40 200 77 0\ncpu0 1 2 3\n"
AFTER = "cpu  1080 50 320 8080 420 10 40 200 99 0\ncpu0 1 2 3\n"


def test_processor_time_is_shared_out_without_counting_guests_twice():
    assert cpu.shares(cpu.ticks(BEFORE), cpu.ticks(AFTER)) == (50.0, 10.0)


def test_no_tick_and_counters_that_run_back_are_no_negative_share():
    assert cpu.shares(cpu.ticks(BEFORE), cpu.ticks(BEFORE)) == (0.0, 0.0)
    used, waiting = cpu.shares(cpu.ticks(BEFORE), cpu.ticks(BEFORE.replace("8000 400", "8100 300").replace("1000", "1010")))
    assert 0 <= used <= 100
    assert waiting == 0


async def test_this_hosts_processors_are_measured(check):
    result = await check("cpu", interval="100ms")
    assert result.failure == ""
    assert 0 <= result.values["cpu_used"] <= 100
    assert result.values["load"] >= 0


MEMINFO = """\
MemTotal:        8000000 kB
MemFree:          100000 kB
MemAvailable:    2000000 kB
SwapTotal:       {swap} kB
SwapFree:        {free} kB
HugePages_Total:       0
"""


@pytest.mark.parametrize(("swap", "free", "used"), [(1000, 750, 25.0), (0, 0, 0.0)])
def test_memory_in_use_is_what_could_not_be_had_without_swapping(swap, free, used):
    assert memory.measure(MEMINFO.format(swap=swap, free=free)) == {
        "memory_used": 75.0,
        "memory_free": 2_048_000_000,
        "swap_used": used,
    }


async def test_this_hosts_memory_is_measured(check):
    result = await check("memory")
    assert 0 < result.values["memory_used"] < 100
    assert result.values["memory_free"] > 0


def statvfs(**figures):
    row = {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 1000, "f_bfree": 300, "f_bavail": 250, "f_files": 100, "f_ffree": 40,
           "f_favail": 40, "f_flag": 0, "f_namemax": 255} | figures  # fmt: skip
    return os.statvfs_result(tuple(row.values()))


def test_free_space_counts_as_df_does():
    assert disk.measure(statvfs()) == {
        "disk_free": 26.3,
        "disk_free_bytes": 250 * 4096,
        "disk_used": 73.7,
        "inodes_free": 40.0,
    }


def test_a_file_system_without_inodes_or_blocks_has_no_share_of_them():
    assert "inodes_free" not in disk.measure(statvfs(f_files=0))
    assert disk.measure(statvfs(f_blocks=0, f_bfree=0, f_bavail=0))["disk_free"] == 0


async def test_this_hosts_file_systems_are_measured(check, tmp_path):
    result = await check("disk", path=str(tmp_path))
    assert result.values["disk_free_bytes"] == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)
    assert (await check("disk", path=str(tmp_path / "absent"))).failure == "missing"
    assert check.registry.settings_problems("disk", {"path": "relative"}) == (("path", "'path' must start with /"),)


async def test_a_file_system_that_hangs_is_a_time_out_and_is_not_asked_twice(check, monkeypatch):
    asked, release = [], threading.Event()

    def hang(path):
        asked.append(path)
        release.wait(30)
        return statvfs()

    monkeypatch.setattr(os, "statvfs", hang)  # the kernel's part: no test can make a dead NFS server
    assert (await check("disk", path="/dead", timeout_s=0.1)).failure == "timeout"
    assert (await check("disk", path="/dead", timeout_s=0.1)).failure == "timeout"
    assert asked == ["/dead"]
    release.set()
    with anyio.fail_after(5):
        assert (await check("disk", path="/dead")).values["disk_free"] == 26.3
