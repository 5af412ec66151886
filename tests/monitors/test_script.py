"""The script monitor: real files, real plugins, real processes that refuse to go."""

import os
import resource
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

import anyio
import pytest

from sitescope_fo.model.monitor import Monitor
from sitescope_fo.model.status import Status
from sitescope_fo.monitors import commands
from sitescope_fo.monitors.commands import KEPT_BYTES
from sitescope_fo.monitors.judge import judge
from sitescope_fo.monitors.script import SPEC

pytestmark = pytest.mark.anyio
PLUGINS = Path("/usr/lib/nagios/plugins")


@pytest.fixture
def script(check):
    def write(text, name="probe.sh", mode=0o755):
        path = check.home / "scripts" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return name

    return write


def verdict(result, **lists):
    return judge(Monitor(id="m", name="m", path="g/m", type="script", **lists), SPEC, result).status


@pytest.mark.parametrize(
    ("code", "status"),
    [(0, Status.good), (1, Status.warning), (2, Status.error), (3, Status.nodata), (4, Status.error), (127, Status.error)],
)
async def test_the_exit_code_decides_as_for_monitoring_plugins(check, script, code, status):
    result = await check("script", script=script(f"#!/bin/sh\necho said {code}\nexit {code}\n"))
    assert result.values["exit_code"] == code
    assert (result.summary, verdict(result)) == (f"said {code}", status)


async def test_an_unknown_is_judged_when_the_monitor_names_the_exit_code(check, script):
    result = await check("script", script=script("#!/bin/sh\nexit 3\n"))
    assert verdict(result, error_if=("exit_code >= 2",)) is Status.error


async def test_output_and_performance_data_become_values(check, script):
    result = await check("script", script=script("#!/bin/sh\necho \"OK - fine | time=0.25s;1;2 'disk /'=20MB\"\necho more\n"))
    assert result.values["output"] == "OK - fine\nmore"
    assert result.values["perf_time"] == 0.25
    assert result.values["perf_disk"] == 20_000_000
    assert 0 < result.values["duration"] <= result.duration_s


async def test_arguments_arrive_as_they_are_and_no_shell_reads_them(check, script):
    name = script('#!/bin/sh\nfor a in "$@"; do echo "<$a>"; done\n')
    result = await check("script", script=name, args=["a b", "$HOME; id", "", "--x=*"])
    assert result.values["output"] == "<a b>\n<$HOME; id>\n<>\n<--x=*>"


async def test_the_environment_is_small_and_the_folder_is_the_scripts_own(check, script, monkeypatch):
    monkeypatch.setenv("A_SECRET", "sesame")
    result = await check("script", script=script("#!/bin/sh\npwd\nenv\ncat\n", "sub/probe.sh"))
    lines = result.values["output"].splitlines()
    assert lines[0] == str(check.home / "scripts" / "sub")
    assert "LC_ALL=C" in lines
    assert not any("sesame" in line for line in lines)


async def test_a_signal_that_ends_it_is_an_exit_code_above_128(check, script):
    result = await check("script", script=script("#!/bin/sh\nkill -SEGV $$\n"))
    assert result.values["exit_code"] == 128 + signal.SIGSEGV
    assert verdict(result) is Status.error


async def test_errors_on_standard_error_are_the_summary_when_nothing_else_is_said(check, script):
    result = await check("script", script=script("#!/bin/sh\necho no such thing >&2\nexit 2\n"))
    assert (result.summary, result.values["output"]) == ("no such thing", "")


async def test_output_is_kept_up_to_its_limit(check, script):
    result = await check("script", script=script("#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x\n"))
    assert len(result.values["output"]) == KEPT_BYTES
    assert result.values["exit_code"] == 0


async def test_a_script_that_prints_without_end_is_stopped(check, script):
    result = await check("script", script=script("#!/bin/sh\nexec yes\n"))
    assert result.failure == "protocol"
    assert "and was stopped" in result.summary


async def gone(pid):
    """Waits until no process has that id."""
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return  # ended, and for its new parent to reap
        await anyio.sleep(0.01)


async def test_a_script_that_ignores_sigterm_is_killed_with_its_children(check, script):
    name = script(
        f"#!{sys.executable}\n"
        "import os, signal, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "children = [os.fork() for _ in range(2)]\n"
        "if 0 not in children:\n"
        f"    open({str(check.home / 'pids')!r}, 'w').write(' '.join(map(str, [os.getpid(), *children])))\n"
        "while True:\n"
        "    signal.pause()\n"
    )
    result = await check("script", script=name, timeout_s=1.0)
    assert result.failure == "timeout"
    pids = [int(word) for word in (check.home / "pids").read_text().split()]
    assert len(pids) == 3
    with anyio.fail_after(10):
        for pid in pids:
            await gone(pid)


async def test_children_left_behind_by_a_finished_script_do_not_hold_the_check(check, script):
    result = await check("script", script=script("#!/bin/sh\nsleep 1000 &\necho $!\n"))
    assert (result.failure, result.values["exit_code"]) == ("", 0)
    with anyio.fail_after(10):
        await gone(int(result.values["output"]))


async def test_a_command_that_no_signal_ends_does_not_hold_the_check_and_is_not_started_again(check, script, monkeypatch):
    killed = []
    monkeypatch.setattr(commands.os, "killpg", lambda group, number: killed.append(group))  # as if it hung in the kernel
    name = script("#!/bin/sh\nexec sleep 1000\n")
    assert (await check("script", script=name, timeout_s=0.3)).failure == "timeout"
    again = await check("script", script=name, timeout_s=30.0)
    assert (again.failure, len(set(killed))) == ("timeout", 1)
    monkeypatch.undo()
    os.killpg(killed[0], signal.SIGKILL)
    script("#!/bin/sh\necho again\n")
    with anyio.fail_after(10):
        while (result := await check("script", script=name)).failure:
            await anyio.sleep(0.01)
    assert result.summary == "again"


async def test_a_script_that_runs_out_of_time_may_tidy_up_before_it_is_killed(check, script):
    tidied = check.home / "tidied"
    name = script(f"#!/bin/sh\ntrap 'echo bye > {tidied}; exit' TERM\nwhile :; do sleep 0.02; done\n")
    assert (await check("script", script=name, timeout_s=0.4)).failure == "timeout"
    with anyio.fail_after(10):
        while not tidied.exists():
            await anyio.sleep(0.01)


DAEMON = """#!{python}
import os, time
if os.fork():
    {leader}
os.setsid()
if os.fork():
    os._exit(0)
open({pid!r}, "w").write(str(os.getpid()))
time.sleep(1000)
"""


@pytest.mark.parametrize(("leader", "failure"), [("os._exit(0)", ""), ("time.sleep(1000)", "timeout")])
async def test_a_daemon_that_keeps_the_output_open_does_not_hold_the_check(check, script, leader, failure):
    pid = check.home / "pid"
    name = script(DAEMON.format(python=sys.executable, pid=str(pid), leader=leader))
    with anyio.fail_after(8):
        result = await check("script", script=name, timeout_s=1.5)
        while not (pid.exists() and pid.read_text()):
            await anyio.sleep(0.01)
    os.kill(int(pid.read_text()), signal.SIGKILL)  # in a session of its own it is out of reach
    assert result.failure == failure


async def test_both_streams_may_be_full_at_once(check, script):
    text = "#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8; do head -c 50000 /dev/zero >&2; head -c 50000 /dev/zero | tr '\\0' x; done\n"
    result = await check("script", script=script(text))
    assert (result.failure, len(result.values["output"])) == ("", KEPT_BYTES)


LIBC_OWN = 0x1_8000_0000  # signals 32 and 33, which glibc keeps for its threads


async def test_a_script_starts_with_signals_of_its_own_and_without_our_files(check, script):
    ours, ours_too = os.pipe()
    os.set_inheritable(ours, True)
    try:
        name = script(
            "#!/bin/sh\ngrep -E 'Sig(Blk|Ign)' /proc/self/status\nls /proc/$$/fd\ncut -d' ' -f5,6 /proc/$$/stat\necho $$\n"
        )
        lines = (await check("script", script=name)).values["output"].splitlines()
    finally:
        os.close(ours)
        os.close(ours_too)
    assert [int(line.split()[1], 16) & ~LIBC_OWN for line in lines[:2]] == [0, 0]
    *files, groups, pid = lines[2:]
    assert {"0", "1", "2"} <= set(files) <= {"0", "1", "2", "10", "255"}  # a shell holds its script at 10 or 255
    assert groups == f"{pid} {pid}"


def zombies():
    stats = [path.read_text().rpartition(")")[2].split() for path in Path("/proc").glob("[0-9]*/stat") if path.exists()]
    return [row for row in stats if row[0] == "Z" and row[1] == str(os.getpid())]


async def test_nothing_is_left_of_many_scripts_however_they_end(check, script):
    names = [script(f"#!/bin/sh\n{text}\n", f"{number}.sh") for number, text in enumerate(ENDS)]

    async def one(name, number):
        await check("script", script=name, args=[str(number)], timeout_s=0.2)

    await one(names[0], 0)
    before = len(list(Path("/proc/self/fd").iterdir()))
    async with anyio.create_task_group() as group:
        for number in range(10):
            for name in [*names, "absent.sh"]:
                group.start_soon(one, name, number)
    with anyio.fail_after(10):
        while check.live._commands._running:
            await anyio.sleep(0.01)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert zombies() == []


ENDS = ("exit 0", "exec sleep 1000", "trap '' TERM; sleep 1000", "exec yes", "sleep 1000 & exit 1")


async def test_a_node_without_free_files_says_so_and_leaves_no_process(check, script):
    name = script("#!/bin/sh\nexec sleep 1000\n")
    assert (await check("script", script=script("#!/bin/sh\n", "warm.sh"))).failure == ""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    for room in range(5):  # two pipes and a pidfd are five
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + room, hard))
        try:
            result = await check("script", script=name, timeout_s=1)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert (result.failure, "open files" in result.summary) == ("internal", True)
        assert os.dup(0) == free
        os.close(free)
    assert check.live._commands._running == set()
    assert zombies() == []


async def test_a_node_that_stops_takes_its_scripts_along(check, script):
    pid = check.home / "pid"
    name = script(f"#!/bin/sh\ntrap '' TERM\necho $$ > {pid}\nwhile :; do sleep 1; done\n")
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(partial(check, "script", script=name, timeout_s=60))
            while not (pid.exists() and pid.read_text()):
                await anyio.sleep(0.01)
            group.cancel_scope.cancel()
        await check.live.aclose()
    assert not Path(f"/proc/{int(pid.read_text())}").exists()


@pytest.mark.parametrize(
    "name", ["../outside.sh", "sub/../../outside.sh", "/bin/true", "/usr/lib/nagios/plugins/../../../../bin/true"]
)
async def test_nothing_outside_scripts_and_plugin_folders_is_started(check, name):
    (check.home / "outside.sh").write_text("#!/bin/sh\n")
    (check.home / "scripts" / "sub").mkdir()
    monitor = Monitor(id="m", name="m", path="g/m", type="script", settings={"script": name})
    result = await check.live.run(monitor, home=check.home)
    assert result.failure == "denied"


async def test_a_path_that_leaves_the_folder_is_a_problem_of_the_settings(check):
    problems = check.registry.settings_problems("script", {"script": "../x", "args": ["a\0b"]})
    assert [name for name, _ in problems] == ["script", "args"]


async def test_symlinks_are_refused_as_file_and_as_folder(check, script):
    script("#!/bin/sh\n", "real/probe.sh")
    (check.home / "scripts" / "link.sh").symlink_to(check.home / "scripts" / "real" / "probe.sh")
    (check.home / "scripts" / "folder").symlink_to(check.home / "scripts" / "real")
    for name in ("link.sh", "folder/probe.sh"):
        result = await check("script", script=name)
        assert (result.failure, "symlinks" in result.summary) == ("denied", True)


async def test_what_cannot_start_says_why(check, script):
    assert (await check("script", script="absent.sh")).failure == "missing"
    plain = await check("script", script=script("#!/bin/sh\n", mode=0o644))
    assert (plain.failure, "chmod +x" in plain.summary) == ("denied", True)
    headless = await check("script", script=script("echo hello\n"))
    assert (headless.failure, "#! line" in headless.summary) == ("denied", True)
    (check.home / "scripts" / "folder").mkdir()
    assert (await check("script", script="folder")).failure == "denied"


def plugin(name):
    path = PLUGINS / name
    if not path.exists():
        pytest.skip("monitoring-plugins-basic is not installed")
    return str(path)


@pytest.mark.real_service
@pytest.mark.parametrize(("code", "status"), [(0, Status.good), (1, Status.warning), (2, Status.error), (3, Status.nodata)])
async def test_check_dummy_of_monitoring_plugins_is_understood(check, code, status):
    result = await check("script", script=plugin("check_dummy"), args=[str(code), "because"])
    assert verdict(result) is status
    assert "because" in result.summary


@pytest.mark.real_service
async def test_performance_data_of_real_plugins_has_base_units(check):
    disk = await check("script", script=plugin("check_disk"), args=["-w", "1%", "-c", "1%", "-p", "/"])
    assert disk.values["exit_code"] in {0, 2}
    assert disk.values["perf_root"] >= 1_000_000
    assert disk.values["perf_root"] == pytest.approx(shutil.disk_usage("/").used, rel=0.1)
    load = await check("script", script=plugin("check_load"), args=["-w", "999", "-c", "999"])
    assert load.values["perf_load1"] == pytest.approx(os.getloadavg()[0], abs=5)


@pytest.mark.real_service
async def test_a_plugin_that_is_a_link_inside_its_folder_may_run(check):
    result = await check("script", script=plugin("check_ftp"), args=["-H", "127.0.0.1", "-p", "1", "-t", "2"])
    assert verdict(result) is Status.error
