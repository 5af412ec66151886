"""Ten thousand monitors, sleeping machines and checks that hang, with the real plan and runner in virtual time."""

import threading
from collections import Counter, defaultdict

import anyio
import pytest

from sitescope_fo.engine.runner import GIVE_UP_AFTER_S, HANGING_LEAST
from sitescope_fo.model.fact import CheckFinished, ChecksHang, CheckSkipped, RunsMissed, RunsSkipped
from sitescope_fo.model.monitor import CheckResult
from sitescope_fo.model.status import Status
from sitescope_fo.monitors.judge import judge
from tests.engine.conftest import VirtualLoop
from tests.engine.parts import SPEC, LoopClock, key, monitor
from tests.engine.test_runner import Stage

pytestmark = pytest.mark.anyio


class SleepyClock(LoopClock):
    """The boot-time clock of a machine that was asleep for `asleep_s`: the loop's own time does not know of it."""

    asleep_s = 0.0

    def mono(self):
        return super().mono() + self.asleep_s


def sleepy_stage(*monitors, **more):
    stage = Stage(*monitors, **more)
    stage.clock = stage.runner._clock = SleepyClock()
    return stage


async def test_after_an_activation_every_monitor_has_run_within_a_minute_in_the_order_of_frequencies():
    """R19, at the default limits."""
    every = {f"m{n}": (15.0, 30.0, 60.0, 60.0, 60.0, 60.0, 300.0, 3600.0)[n % 8] for n in range(10_000)}
    hosts = {name: {"host": f"h{n % 500}"} for n, name in enumerate(every)}
    stage = Stage(*(monitor(n, frequency_s=f, settings=hosts[n], description="0.1") for n, f in every.items()), profile="prod")
    began = anyio.current_time()
    await stage.play(25.0, ramp=True)
    first = {}
    for name, at, _ in stage.targets.started:
        first.setdefault(name, at - began)
    minute = {name: at for name, at in first.items() if every[name] <= 60.0}
    assert len(minute) == 7500
    assert max(minute.values()) <= 60.0
    assert len(first) == 10_000
    order = [every[name] for name in sorted(first, key=lambda name: (first[name], every[name]))]  # some start at once
    assert order == sorted(order)
    assert stage.plan.skipped == 0
    assert not stage.of(CheckSkipped)


async def test_after_two_hours_of_sleep_ten_thousand_monitors_run_once_each_without_a_burst():
    shapes = [(60.0, 600.0, 3600.0, 7000.0)[n % 4] for n in range(10_000)]
    stage = sleepy_stage(*(monitor(f"m{n}", frequency_s=f, description="0.05") for n, f in enumerate(shapes)))
    now = stage.clock.mono()
    ages = {key(f"m{n}"): f * (n * 0.618034 % 1.0) for n, f in enumerate(shapes)}
    stage.plan.set_monitors("", stage.monitors, now, ages=ages)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.runner.run)
        await anyio.sleep(2.0)
        stage.targets.started.clear()
        stage.facts.clear()
        stage.clock.asleep_s = 7200.0
        woke = anyio.current_time()
        await anyio.sleep(30.0)
        tasks.cancel_scope.cancel()
    runs = Counter(name for name, _, _ in stage.targets.started)
    assert len(runs) > 9_980, "all but those that were under way"
    assert sum(count > 1 for count in runs.values()) < 2500 / 60.0 * 30.0 * 1.1, "only what is due again by its frequency"
    per_second = Counter(int(at - woke) for _, at, _ in stage.targets.started)
    assert max(per_second.values()) <= 500 + 100
    assert not stage.of(CheckSkipped), "a pause is no overload"
    [missed] = stage.of(RunsMissed)
    assert missed.gap_s == pytest.approx(7200.0, abs=1.5)
    assert missed.monitors > 9_900
    assert missed.runs == pytest.approx(2500 * (119 + 11 + 1), rel=0.02)


async def test_a_check_that_the_machines_own_sleep_cut_off_is_no_error_but_runs_again():
    stage = sleepy_stage(monitor(frequency_s=600.0, timeout_s=10.0, description="hangs"), monitor("fine", frequency_s=600.0))
    stage.plan.set_monitors("", stage.monitors, stage.clock.mono(), ages={key(): 599.0, key("fine"): 0.0})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.runner.run)
        await anyio.sleep(5.0)
        assert stage.runner.in_flight() == {key()}
        stage.clock.asleep_s = 3600.0
        await anyio.sleep(5.0)
        assert not [fact for fact in stage.of(CheckFinished) if fact.key == key()], "neither given up nor timed out"
        await anyio.sleep(4.0)
        assert [name for name, _, _ in stage.targets.started].count("web") == 2
        await anyio.sleep(20.0)
        tasks.cancel_scope.cancel()
    ends = [fact.result.failure for fact in stage.of(CheckFinished) if fact.key == key()]
    assert ends == ["timeout"], "the second run counts, whatever it says"


async def test_an_answer_that_came_over_a_sleep_counts():
    stage = sleepy_stage(monitor(frequency_s=600.0, timeout_s=20.0, description="5"))
    stage.plan.set_monitors("", stage.monitors, stage.clock.mono(), ages={key(): 599.0})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.runner.run)
        await anyio.sleep(3.0)
        stage.clock.asleep_s = 100.0
        await anyio.sleep(10.0)
        tasks.cancel_scope.cancel()
    assert [fact.result.failure for fact in stage.of(CheckFinished)] == [""]


async def test_monitors_wait_while_their_profile_is_frozen_and_lose_no_run():
    stage = Stage(*(monitor(f"m{n}", frequency_s=86400.0) for n in range(20)), profile="prod")
    stage.allowed = False
    stage.plan.set_monitors("prod", stage.monitors, anyio.current_time(), ramp=True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.runner.run)
        await anyio.sleep(120.0)
        assert stage.targets.started == []
        stage.allowed = True
        await anyio.sleep(3.0)
        tasks.cancel_scope.cancel()
    assert len(stage.targets.started) == 20


# ---------------------------------------------------------------- checks that hang


class BlockingTargets:
    """A check that really blocks: a thread that nothing can cancel, until `freed`."""

    def __init__(self):
        self.freed = threading.Event()
        self.started = []
        self.limiter = anyio.CapacityLimiter(1000)

    async def run(self, monitor, *, home):
        self.started.append((monitor.id, anyio.current_time(), home))
        if monitor.type == "stuck":
            await anyio.to_thread.run_sync(self.freed.wait, 30.0, limiter=self.limiter)
        return CheckResult(summary="fine")


# A mock clock of trio jumps only while no thread runs, so this one is for asyncio.
@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": VirtualLoop})], ids=["asyncio"])
async def test_checks_of_a_type_that_all_hang_neither_take_every_place_nor_pile_up(anyio_backend):
    hung = [monitor(f"s{n}", type="stuck", frequency_s=60.0, timeout_s=5.0) for n in range(40)]
    fine = [monitor(f"f{n}", frequency_s=10.0) for n in range(5)]
    stage = Stage(*hung, *fine, max_checks=10)
    stage.targets = stage.runner._checks = BlockingTargets()
    stage.plan.set_monitors("", stage.monitors, anyio.current_time())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.runner.run)
        try:
            await anyio.sleep(300.0)
            begun = Counter(name[0] for name, _, _ in stage.targets.started)
            assert begun["s"] <= HANGING_LEAST + 10, "those that were under way when the first ones were given up"
            assert len(stage.runner.hanging) == begun["s"]
            late = [at for name, at, _ in stage.targets.started if name[0] == "f" and at > anyio.current_time() - 200.0]
            assert len(late) == 5 * 20, "the others go on in their rhythm"
            ends = defaultdict(list)
            for fact in stage.of(CheckFinished):
                ends[fact.key.id].append(fact.result)
            assert all(ends[one.id] for one in hung), "each says what became of it"
            refused = [result for one in hung for result in ends[one.id] if "checks of type stuck hang" in result.summary]
            assert refused
            assert judge(hung[0], SPEC, refused[0]).status is Status.nodata, "nobody looked at their targets"
            said = stage.of(ChecksHang)
            assert 1 <= len(said) <= 6, "at most one a minute"
            assert sum(fact.given_up for fact in said) == begun["s"]
            one = next(iter(stage.runner.hanging))
            assert stage.runner.hanging_for(one) > 100.0
        finally:
            stage.targets.freed.set()
        with anyio.fail_after(100_000.0):
            while stage.runner.hanging:
                await anyio.sleep(1.0)
        stage.facts.clear()
        await anyio.sleep(70.0)
        assert {fact.key.id for fact in stage.of(CheckFinished) if not fact.result.failure} >= {one.id for one in hung}
        assert stage.runner.hanging_for(one) is None
        tasks.cancel_scope.cancel()


async def test_hanging_checks_are_told_at_most_once_a_minute():
    stage = Stage(*(monitor(f"m{n}", frequency_s=600.0, timeout_s=1.0, description="stuck") for n in range(4)), max_checks=100)
    ages = {key(f"m{n}"): 600.0 - at for n, at in enumerate((1.0, 2.0, 20.0, 40.0))}
    stage.plan.set_monitors("", stage.monitors, anyio.current_time(), ages=ages)
    await stage.go_on(130.0)
    told = [(fact.given_up, fact.hanging) for fact in stage.of(ChecksHang)]
    assert told[0] == (1, 1)
    assert told[1:] == [(3, 4)]
    assert GIVE_UP_AFTER_S == 5.0


async def test_skips_are_told_with_their_reasons_at_most_once_a_minute():
    crowd = [monitor(f"m{n}", frequency_s=5.0, settings={"host": "big"}, description="2") for n in range(20)]
    stage = Stage(*crowd)
    stage.plan.limit(max_checks=100, max_per_host=2, ramp_per_s=500.0)
    await stage.play(150.0)
    told = stage.of(RunsSkipped)
    assert len(told) == 3
    assert sum(sum(fact.runs.values()) for fact in told) <= stage.plan.skipped
    assert told[1].runs["no room at its host"] > 0.8 * sum(told[1].runs.values())
    assert told[1].hosts[0].startswith("big (")


async def test_a_plan_without_trouble_says_nothing():
    stage = Stage(*(monitor(f"m{n}", frequency_s=5.0) for n in range(20)))
    await stage.play(150.0)
    assert not [*stage.of(RunsSkipped), *stage.of(ChecksHang), *stage.of(RunsMissed), *stage.of(CheckSkipped)]
