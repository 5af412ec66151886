"""The systemd monitor: output in the form of systemctl(1), a systemctl that prints it, and this machine's own."""

import os
import shutil
from pathlib import Path

import pytest

from sitescope_fo.model.monitor import Monitor
from sitescope_fo.model.status import Status
from sitescope_fo.monitors.judge import judge
from sitescope_fo.monitors.systemd import SPEC, measure

pytestmark = pytest.mark.anyio
NOW = 1763805600.0  # 2025-11-22 10:00:00 UTC

RUNNING = """\
Result=success
NRestarts=3
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
StateChangeTimestamp=Sat 2025-11-22 09:00:00 UTC
"""
FAILED = """\
Result=exit-code
NRestarts=0
LoadState=loaded
ActiveState=failed
SubState=failed
UnitFileState=disabled
StateChangeTimestamp=Sat 2025-11-22 09:59:50 UTC
"""
ABSENT = """\
Result=success
NRestarts=0
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
StateChangeTimestamp=
"""
TIMER = """\
Result=success
LoadState=loaded
ActiveState=active
SubState=waiting
UnitFileState=enabled
StateChangeTimestamp=Fri 2025-11-21 10:00:00 UTC
"""
STARTING = RUNNING.replace("=active\n", "=activating\n").replace("=running", "=auto-restart")


def verdict(result):
    return judge(Monitor(id="m", name="m", path="g/m", type="systemd"), SPEC, result).status


@pytest.mark.parametrize(
    ("printed", "values"),
    [
        (RUNNING, {"active_state": "active", "sub_state": "running", "load_state": "loaded", "unit_file_state": "enabled",
                   "result": "success", "restarts": 3, "since": 3600.0}),
        (FAILED, {"active_state": "failed", "sub_state": "failed", "load_state": "loaded", "unit_file_state": "disabled",
                  "result": "exit-code", "restarts": 0, "since": 10.0}),
        (ABSENT, {"active_state": "inactive", "sub_state": "dead", "load_state": "not-found",
                  "result": "success", "restarts": 0}),
        (TIMER, {"active_state": "active", "sub_state": "waiting", "load_state": "loaded", "unit_file_state": "enabled",
                 "result": "success", "since": 86400.0}),
        ("", {}),
        ("StateChangeTimestamp=n/a\nNRestarts=[not set]\nActiveState=active\n", {"active_state": "active"}),
        ("StateChangeTimestamp=Sat 2025-13-99 09:00:00 UTC\n", {}),
    ],
)  # fmt: skip
def test_what_systemctl_prints_becomes_values(printed, values):
    assert measure(printed, NOW) == values


@pytest.fixture
def systemctl(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def write(text):
        path = folder / "systemctl"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return folder

    return write


@pytest.mark.parametrize(
    ("printed", "status", "words"),
    [
        (RUNNING, Status.good, "nginx.service: active (running) for"),
        (FAILED, Status.error, "failed"),
        (ABSENT, Status.error, "there is no such unit"),
        (STARTING, Status.warning, "activating (auto-restart)"),
    ],
)
async def test_a_unit_is_asked_for_and_judged(check, systemctl, printed, status, words):
    folder = systemctl(f"echo \"$TZ $LC_ALL $*\" > {{0}}/asked\ncat <<'END'\n{printed}END")
    path = folder / "systemctl"
    path.write_text(path.read_text().replace("{0}", str(folder)))
    result = await check("systemd", unit="nginx.service")
    assert (result.failure, verdict(result), words in result.summary) == ("", status, True)
    asked = (folder / "asked").read_text().split()
    assert asked[:3] == ["UTC", "C", "show"]
    assert asked[-2:] == ["--", "nginx.service"]


async def test_a_machine_without_systemd_is_nodata_and_says_so(check, systemctl, monkeypatch):
    systemctl("echo 'System has not been booted with systemd as init system (PID 1).' >&2; exit 1")
    result = await check("systemd", unit="nginx.service")
    assert (result.failure, verdict(result)) == ("nodata", Status.nodata)
    assert result.summary.startswith("unavailable: no systemd answers on this machine (System has not")
    monkeypatch.setenv("PATH", "/nowhere")
    result = await check("systemd", unit="nginx.service")
    assert (result.failure, "not installed" in result.summary) == ("nodata", True)


async def test_a_systemd_that_hangs_is_a_time_out_and_one_that_talks_nonsense_a_failure(check, systemctl):
    systemctl("exec sleep 100")
    assert (await check("systemd", unit="a.service", timeout_s=0.2)).failure == "timeout"
    systemctl("echo hello")
    assert (await check("systemd", unit="b.service")).failure == "protocol"


@pytest.mark.parametrize("unit", ["--version", "a b", "../x", "a/b", "x" * 256, "a;b"])
async def test_no_name_reaches_systemctl_that_is_none(check, unit):
    assert [name for name, _ in check.registry.settings_problems("systemd", {"unit": unit})] == ["unit"]


@pytest.mark.parametrize("unit", ["nginx", "getty@tty1.service", r"dev-disk-by\x2duuid.swap", "-.mount", "system-x:y.slice"])
async def test_names_of_real_units_are_taken(check, unit):
    assert check.registry.settings_problems("systemd", {"unit": unit}) == ()


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="there is no systemctl here")
async def test_this_machines_own_systemctl_gives_an_answer_or_says_why_not(check):
    result = await check("systemd", unit="dbus.service")
    booted = Path("/run/systemd/system").exists()
    assert (result.failure, "active_state" in result.values) == (("", True) if booted else ("nodata", False))
