"""The process monitor: the arithmetic on texts of /proc, and real processes of this machine."""

import os
import subprocess
import sys
import uuid

import anyio
import pytest

from sitescope_fo.model.monitor import Monitor
from sitescope_fo.model.status import Status
from sitescope_fo.monitors import process
from sitescope_fo.monitors.judge import judge
from sitescope_fo.monitors.process import SPEC, Process, Wanted, choose, measure, parse

pytestmark = pytest.mark.anyio
STAT = b"42 (a (b) c) S 1 42 42 0 -1 4194560 500 0 0 0 150 50 0 0 20 0 3 0 1000 9999999 256 18446744073709551615 1 1\n"


def verdict(result):
    return judge(Monitor(id="m", name="m", path="g/m", type="process"), SPEC, result).status


def test_a_line_of_the_kernel_is_read_whatever_the_name_holds():
    one = parse(STAT, b"/usr/bin/a\0--x\0\0", 7)
    assert (one.pid, one.name, one.command, one.user, one.state) == (42, "a (b) c", "/usr/bin/a --x", 7, "S")
    assert one.ticks == 200
    assert one.started_s == 1000 / os.sysconf("SC_CLK_TCK")
    assert one.memory == 256 * os.sysconf("SC_PAGE_SIZE")


def row(pid=1, **more):
    fields = {"name": "web", "command": "/usr/sbin/web -d", "user": 33, "state": "S", "ticks": 0, "started_s": 10.0, "memory": 5}
    return Process(pid=pid, **(fields | more))


def test_age_memory_and_zombies_add_up():
    values = measure((row(1), row(2, started_s=90.0, memory=7), row(3, state="Z", memory=0)), (), 1.0, 100.0)
    assert values == {"count": 2, "zombies": 1, "cpu_used": 0.0, "memory": 12, "memory_largest": 7, "oldest_age": 90.0,
                      "youngest_age": 10.0}  # fmt: skip
    assert measure((), (), 0.0, 1.0) == {"count": 0, "zombies": 0, "cpu_used": 0.0, "memory": 0, "memory_largest": 0}


def test_processor_time_is_of_those_seen_twice_and_a_reused_number_is_another_process():
    before = (row(1, ticks=100), row(2, ticks=5), row(3, ticks=1))
    after = (row(1, ticks=150), row(2, ticks=9999, started_s=99.0))
    assert measure(before, after, 2.0, 100.0)["cpu_used"] == 100 * 50 / os.sysconf("SC_CLK_TCK") / 2


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"name": "web"}, [1, 4]),
        ({"name": "webserver-with-a-long-name"}, [3]),
        ({"command": lambda text: "-d" in text}, [1, 3]),
        ({"name": "web", "user": 0}, [4]),
        ({"user": 33}, [1, 2, 3]),
        ({"name": "absent"}, []),
    ],
)
def test_everything_that_is_set_must_fit(chosen, found):
    table = (
        row(1),
        row(2, name="other", command=""),
        row(3, name="webserver-with-", command="/opt/webserver-with-a-long-name -d"),
        row(4, command="", user=0),
    )
    user = chosen.get("user")
    wanted = Wanted(chosen.get("name", ""), chosen.get("command"), "", 1.0)
    assert [one.pid for one in choose(table, wanted, user)] == found


@pytest.fixture
def marked():
    """Processes with a word of their own in the command line."""
    word = f"mark-{uuid.uuid4().hex}"
    running = []

    def start(code):
        running.append(subprocess.Popen([sys.executable, "-c", code, word], stdout=subprocess.PIPE))
        assert running[-1].stdout.readline()
        return running[-1]

    yield word, start
    for one in running:
        one.kill()
        one.wait()
        one.stdout.close()


async def test_real_processes_are_counted_and_measured(check, marked):
    word, start = marked
    start("print(flush=True); import signal; signal.pause()")
    start("print(flush=True)\nwhile True: pass")
    result = await check("process", command=f"/{word}$/", user=str(os.geteuid()), interval="500ms")
    values = result.values
    assert (values["count"], values["zombies"], verdict(result)) == (2, 0, Status.good)
    assert 1 < values["cpu_used"] < 250
    assert values["memory"] > values["memory_largest"] > 1_000_000
    assert 0 <= values["youngest_age"] <= values["oldest_age"] < 60


async def test_a_process_that_ended_is_not_running_even_when_nobody_reaped_it(check, marked):
    word, start = marked
    ended = start("print(flush=True)")
    with anyio.fail_after(10):
        while process.read_some(process.PROC, (ended.pid,))[0].state != "Z":
            await anyio.sleep(0.01)
    result = await check("process", command=word, interval="100ms")
    assert (result.values["count"], verdict(result)) == (0, Status.error)


def test_processes_that_vanish_between_two_looks_are_left_out(tmp_path):
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    assert process.read_some(process.PROC, (gone.pid,)) == ()
    assert os.getpid() in {one.pid for one in process.read_all(process.PROC)}


async def test_a_program_is_found_by_its_name_and_an_unknown_user_is_said(check):
    own = process.read_some(process.PROC, (os.getpid(),))[0]
    assert (await check("process", name=own.name, interval="100ms")).values["count"] >= 1
    result = await check("process", name="x", user="no-such-user-here")
    assert (result.failure, "no such user" in result.summary) == ("missing", True)


async def test_something_to_choose_by_is_needed(check):
    assert [name for name, _ in check.registry.settings_problems("process", {})] == ["name"]
    assert [name for name, _ in check.registry.settings_problems("process", {"command": "/(/"})] == ["command"]
