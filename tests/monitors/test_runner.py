"""The runner and what it stands on: bounds, failures, defects, calls that hang."""

import asyncio
import errno
import socket
import ssl
import threading
from types import SimpleNamespace

import anyio
import pytest

from sitescope_fo.model.monitor import CheckResult, Monitor
from sitescope_fo.model.monitor_type import TypeSpec
from sitescope_fo.monitors.addresses import first, resolve
from sitescope_fo.monitors.aside import Aside
from sitescope_fo.monitors.failures import failure_of
from sitescope_fo.monitors.registry import Registry
from tests.monitors.conftest import Runner
from tests.monitors.server import for_ever, serving

pytestmark = pytest.mark.anyio


class Point:
    """An entry point whose module is given."""

    def __init__(self, load, name="odd"):
        self.name, self.value, self.load = name, f"somewhere:{name}", load


def plugged(run, **spec):
    module = SimpleNamespace(SPEC=TypeSpec(name="odd", title="Odd", help="", settings=(), values=(), **spec), run=run)
    return Registry(plugins=[Point(lambda: module)])


@pytest.fixture
async def odd(home):
    runners = []

    def make(run, **spec):
        runners.append(Runner(home, registry=plugged(run, **spec)))
        return runners[-1]

    yield make
    for runner in runners:
        await runner.live.aclose()


async def test_the_no_operation_runs(check):
    result = await check("noop")
    assert (result.failure, result.values) == ("", {})
    assert 0 <= result.duration_s < 1


async def test_a_defect_of_a_type_is_an_internal_failure_that_is_passed_on(odd):
    async def run(settings, context):
        raise KeyError("sesame")

    runner = odd(run)
    result = await runner("odd")
    assert (result.failure, result.summary) == ("internal", "the monitor type 'odd' failed: KeyError")
    assert [(name, type(error)) for name, error in runner.defects] == [("odd", KeyError)]


async def test_a_failure_inside_a_task_group_is_found(odd):
    async def refused():
        raise OSError("outer") from ConnectionRefusedError(errno.ECONNREFUSED, "no")

    async def run(settings, context):
        async with anyio.create_task_group() as group:
            group.start_soon(refused)

    runner = odd(run)
    assert (await runner("odd")).failure == "refused"
    assert runner.defects == []


async def test_the_time_out_of_the_settings_goes_before_the_monitors_own(odd):
    async def run(settings, context):
        assert "timeout" not in settings
        await anyio.sleep_forever()

    result = await odd(run)("odd", timeout="50ms", timeout_s=50.0)
    assert (result.failure, result.summary) == ("timeout", "no answer within 50ms")


async def test_cancelling_a_check_cancels_it(odd):
    ended = anyio.Event()

    async def run(settings, context):
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    with anyio.move_on_after(0.05) as scope:
        await odd(run)("odd")
    assert scope.cancelled_caught
    assert ended.is_set()


async def test_a_monitor_of_an_unknown_type_is_an_internal_failure(check):
    result = await check.live.run(Monitor(id="m", name="m", path="m", type="pong"), home=check.home)
    assert result.failure == "internal"
    assert check.defects


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no"), "unresolved"),
        (ssl.SSLError(1, "wrong version"), "tls"),
        (TimeoutError(), "timeout"),
        (OSError(errno.ETIMEDOUT, "slow"), "timeout"),
        (ConnectionResetError(), "reset"),
        (BrokenPipeError(), "reset"),
        (anyio.EndOfStream(), "reset"),
        (OSError(errno.EHOSTUNREACH, "no route"), "unreachable"),
        (OSError(errno.EIO, "disk"), "unreachable"),
        (PermissionError(errno.EACCES, "no", "/x"), "denied"),
        (FileNotFoundError(errno.ENOENT, "no", "/x"), "missing"),
        (OSError(errno.EMFILE, "too many"), "internal"),
        (ExceptionGroup("several", [ConnectionRefusedError(), OSError(errno.EIO, "x")]), "refused"),
    ],
)
async def test_errors_of_targets_become_failures(error, failure):
    kind, text = failure_of(error)
    assert kind == failure
    assert text


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyError("x"), ExceptionGroup("g", [ConnectionRefusedError(), TypeError()]), AssertionError()]
)
async def test_errors_of_our_own_code_are_no_failures(error):
    assert failure_of(error) is None


async def test_equal_calls_share_one_thread_and_a_hanging_one_blocks_no_other():
    aside, release, asked = Aside(2), threading.Event(), []

    def hang(name):
        asked.append(name)
        release.wait(30)
        return name

    answers = []

    async def ask():
        answers.append(await aside.call("slow", hang, "slow"))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        assert await aside.call("quick", str.upper, "quick") == "QUICK"
        release.set()
    assert asked == ["slow"]
    assert answers == ["slow"] * 5


async def test_a_place_is_free_again_when_its_call_ends_even_if_nobody_waits_any_more():
    aside, release = Aside(1), threading.Event()

    def fail_late():
        release.wait(30)
        raise OSError(errno.EIO, "late")

    with anyio.move_on_after(0.02):
        await aside.call("a", fail_late)
    with anyio.move_on_after(0.02) as scope:
        await aside.call("b", str, 1)
    assert scope.cancelled_caught
    release.set()
    with anyio.fail_after(5):
        assert await aside.call("b", str, 1) == "1"


async def test_look_ups_of_checks_leave_the_loops_own_threads_alone():
    release = threading.Event()
    aside = Aside(64)

    def hang(name):
        release.wait(30)

    async with anyio.create_task_group() as group:
        for number in range(64):
            group.start_soon(aside.call, number, hang, number)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(5):
            assert await asyncio.get_running_loop().getaddrinfo("localhost", 80)
        release.set()


async def test_the_first_address_that_answers_wins_and_the_slow_one_is_dropped():
    dropped = []

    async def attempt(address):
        if address == "slow":
            try:
                await anyio.sleep_forever()
            finally:
                dropped.append(address)
        if address == "closed":
            raise ConnectionRefusedError
        return address

    addresses = tuple((2, name) for name in ("slow", "closed", "good"))
    assert await first(addresses, attempt) == "good"
    assert dropped == ["slow"]


async def test_when_no_address_answers_the_first_ones_error_is_told():
    async def attempt(address):
        raise OSError(errno.EHOSTUNREACH if address == "a" else errno.ECONNREFUSED, address)

    with pytest.raises(OSError, match="a") as caught:
        await first(((2, "a"), (2, "b")), attempt)
    assert caught.value.errno == errno.EHOSTUNREACH


async def test_a_numeric_address_needs_no_look_up_and_keeps_to_the_wanted_version():
    aside = Aside(0)  # no place for any look-up
    assert await resolve(aside, "192.0.2.7") == ((socket.AF_INET, "192.0.2.7"),)
    assert await resolve(aside, "::1") == ((socket.AF_INET6, "::1"),)
    with pytest.raises(socket.gaierror):
        await resolve(aside, "::1", socket.AF_INET)


async def test_a_hundred_checks_of_a_stuck_server_all_end_at_their_time_out(check):
    results = []

    async def one(port):
        results.append(await check("port", host="127.0.0.1", port=port, expect="x", timeout_s=0.5))

    async with serving(for_ever) as port, anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(one, port)
    assert [result.failure for result in results] == ["timeout"] * 100


async def test_a_result_keeps_what_its_type_said(odd):
    async def run(settings, context):
        return CheckResult(values={"a": 1}, summary="said", failure="nodata", duration_s=-5)

    result = await odd(run, open_ended=True)("odd")
    assert (result.values, result.summary, result.failure) == ({"a": 1}, "said", "nodata")
    assert result.duration_s >= 0


async def test_what_is_the_same_each_time_is_prepared_once_until_the_monitor_is_edited(odd, home):
    prepared, ran = [], []

    async def run(given, context):
        ran.append((given, context))
        return CheckResult()

    runner = odd(run)
    kind = runner.registry.type("odd")
    kind.prepared = lambda settings: prepared.append(dict(settings)) or len(prepared)
    first_version = Monitor(id="m", name="m", path="g/m", type="odd")
    other = Monitor(id="n", name="n", path="g/n", type="odd")
    edited = Monitor(id="m", name="m", path="g/m", type="odd", timeout_s=5.0)
    for monitor in (first_version, first_version, other, first_version, edited, edited):
        await runner.live.run(monitor, home=home)
    await runner.live.run(edited, home=home / "elsewhere")
    assert [given for given, _ in ran] == [1, 1, 2, 1, 3, 3, 3]
    assert ran[0][1] is ran[5][1]
    assert [context.home for _, context in ran[5:]] == [home, home / "elsewhere"]


async def test_settings_that_cannot_be_prepared_fail_the_check_each_time_and_no_other(odd, home):
    async def run(given, context):
        return CheckResult(summary="ran")

    def prepared(settings):
        raise ValueError("no")

    runner = odd(run)
    runner.registry.type("odd").prepared = prepared
    monitor = Monitor(id="m", name="m", path="g/m", type="odd")
    failures = [(await runner.live.run(monitor, home=home)).failure for _ in range(2)]
    assert failures == ["internal", "internal"]
    assert (await runner.live.run(Monitor(id="n", name="n", path="g/n", type="noop"), home=home)).failure == ""
