"""Checks are started when due and allowed, reported whatever becomes of them, and none can stop the others."""

from collections import Counter
from pathlib import Path

import anyio
import pytest

from sitescope_fo.engine.plan import Plan
from sitescope_fo.engine.runner import CANCEL_AFTER_S, GIVE_UP_AFTER_S, Runner
from sitescope_fo.model.fact import CheckFinished, CheckSkipped, FirstCheckStarted, NoopFinished
from sitescope_fo.model.monitor import CheckResult
from tests.engine.parts import LoopClock, catalogue, key, monitor

pytestmark = pytest.mark.anyio
HOME = Path("/nowhere")


class Targets:
    """Checks that take as long as the monitor's description says; `stuck` ones ignore cancellation until `freed`."""

    def __init__(self):
        self.started = []
        self.freed = anyio.Event()

    async def run(self, monitor, *, home):
        self.started.append((monitor.id, anyio.current_time(), home))
        kind = monitor.description
        if kind == "bug":
            raise ZeroDivisionError("a bug in a plug-in")
        if kind == "stuck":
            with anyio.move_on_after(1000.0, shield=True):  # a failing test must end too
                await self.freed.wait()
        elif kind == "hangs":
            await anyio.sleep_forever()
        else:
            await anyio.sleep(float(kind or 0.1))
        return CheckResult(summary="fine")


class Stage:
    """A runner with everything around it."""

    def __init__(self, *monitors, profile="", max_checks=100):
        self.monitors = monitors
        self.facts = []
        self.targets = Targets()
        self.allowed = True
        self.term = 3
        self.trouble = ""
        self.plan = Plan(max_checks=max_checks)
        self.catalogue = catalogue(*monitors, profile=profile)
        self.runner = Runner(
            self.plan,
            self.targets,
            LoopClock(),
            self.facts.append,
            may_start=lambda name: self.allowed,
            term_of=lambda name: self.term,
            dependency=lambda monitor, name: self.trouble,
            catalogue=lambda: self.catalogue,
            home_of=lambda name: HOME / name,
        )
        self.profile = profile

    async def play(self, seconds, *, ramp=False):
        """Runs for so many virtual seconds."""
        self.plan.set_monitors(self.profile, self.monitors, anyio.current_time(), ramp=ramp)
        await self.go_on(seconds)

    async def go_on(self, seconds):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.runner.run)
            await anyio.sleep(seconds)
            self.targets.freed.set()
            tasks.cancel_scope.cancel()

    def of(self, kind):
        return [fact for fact in self.facts if isinstance(fact, kind)]


async def test_a_result_carries_when_it_was_started_and_in_which_term():
    stage = Stage(monitor(frequency_s=10.0))
    began = anyio.current_time()
    await stage.play(25.0)
    first, second, *_ = stage.of(CheckFinished)
    assert first.key == key()
    assert first.result.summary == "fine"
    assert first.term == 3
    assert not first.manual
    assert began <= first.started_mono <= began + 10.0
    assert second.started_mono - first.started_mono == pytest.approx(10.0)
    assert first.started_wall - first.started_mono == pytest.approx(second.started_wall - second.started_mono)


async def test_the_noop_monitor_comes_through_every_second_also_without_any_monitor():
    stage = Stage()
    stage.allowed = False
    stage.plan.set_monitors("", (), 0.0)
    await stage.go_on(10.5)
    assert 10 <= len(stage.of(NoopFinished)) <= 11


async def test_the_noop_monitor_waits_when_every_place_is_taken():
    stage = Stage(*(monitor(f"m{n}", frequency_s=1.0, description="stuck", timeout_s=100.0) for n in range(2)), max_checks=2)
    await stage.play(30.0)
    assert len(stage.of(NoopFinished)) <= 2


async def test_permission_is_asked_right_before_each_start():
    stage = Stage(monitor(frequency_s=1.0), monitor("b", frequency_s=1.0))
    asked = []
    stage.runner._may_start = lambda name: asked.append(anyio.current_time()) or len(asked) <= 3
    await stage.play(5.0)
    assert len(stage.targets.started) == 3
    assert len(asked) > 6
    assert [at for _, at, _ in stage.targets.started] == asked[:3]


async def test_what_waits_for_room_when_its_profile_is_suspended_is_not_started():
    stage = Stage(*(monitor(f"m{n}", frequency_s=2.0, description="5") for n in range(6)), max_checks=2)
    stage.plan.set_monitors("", stage.monitors, anyio.current_time())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.runner.run)
        await anyio.sleep(4.0)
        assert len(stage.runner.in_flight()) == 2
        assert stage.plan.overdue > 0
        stage.allowed = False
        before = len(stage.targets.started)
        await anyio.sleep(20.0)
        assert len(stage.targets.started) == before
        assert len(stage.of(CheckFinished)) == before, "results of checks that ran when it was suspended still count"
        assert stage.runner.in_flight() == frozenset()
        tasks.cancel_scope.cancel()


async def test_the_first_start_of_a_profile_in_a_term_is_said_once():
    stage = Stage(monitor("a", frequency_s=5.0), monitor("b", frequency_s=1.0), profile="prod")
    await stage.play(6.0, ramp=True)
    [first] = stage.of(FirstCheckStarted)
    assert (first.profile, first.term, first.path) == ("prod", 3, "Servers/b")
    assert stage.facts.index(first) < stage.facts.index(stage.of(CheckFinished)[0])
    assert stage.targets.started[0][2] == HOME / "prod"
    stage.term = 5
    await stage.go_on(6.0)
    assert [fact.term for fact in stage.of(FirstCheckStarted)] == [3, 5]


async def test_a_primary_says_no_first_start():
    stage = Stage(monitor(frequency_s=1.0))
    await stage.play(3.0)
    assert stage.of(CheckFinished)
    assert not stage.of(FirstCheckStarted)


async def test_a_monitor_whose_dependency_is_down_is_skipped_with_the_reason():
    stage = Stage(monitor(frequency_s=1.0))
    stage.trouble = "not run: it depends on Gateway, which is error, not good"
    await stage.play(3.5)
    assert {fact.why for fact in stage.of(CheckSkipped)} == {stage.trouble}
    assert stage.targets.started == []


async def test_a_check_that_hangs_ends_in_an_error_at_its_time_out():
    stage = Stage(monitor(frequency_s=60.0, timeout_s=10.0, description="hangs"))
    await stage.play(75.0)
    end = stage.of(CheckFinished)[0]
    assert end.result.failure == "timeout"
    assert end.result.duration_s == pytest.approx(10.0 + CANCEL_AFTER_S)
    assert "no answer within 10s" in end.result.summary


async def test_a_stuck_check_stops_neither_the_others_nor_is_it_started_twice():
    stuck = monitor("stuck", frequency_s=30.0, timeout_s=5.0, description="stuck")
    stage = Stage(stuck, monitor("fine", frequency_s=1.0), max_checks=1)
    stage.plan.set_monitors("", stage.monitors, anyio.current_time())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.runner.run)
        await anyio.sleep(100.0)
        ends = [fact for fact in stage.of(CheckFinished) if fact.key == key("stuck")]
        assert len(ends) in (3, 4)
        assert {fact.result.failure for fact in ends} == {"timeout"}
        assert ends[0].result.duration_s == pytest.approx(5.0 + GIVE_UP_AFTER_S)
        assert "still hangs" in ends[1].result.summary
        assert Counter(name for name, _, _ in stage.targets.started)["stuck"] == 1
        assert Counter(name for name, _, _ in stage.targets.started)["fine"] > 80
        assert stage.runner.hanging == {key("stuck")}
        stage.targets.freed.set()
        await anyio.sleep(60.0)
        assert stage.runner.hanging == frozenset()
        assert stage.of(CheckFinished)[-1].result.failure == ""
        assert Counter(name for name, _, _ in stage.targets.started)["stuck"] > 1
        tasks.cancel_scope.cancel()


async def test_a_bug_in_a_check_is_its_own_result():
    stage = Stage(monitor("bad", frequency_s=1.0, description="bug"), monitor("fine", frequency_s=1.0))
    await stage.play(4.0)
    bad = [fact.result for fact in stage.of(CheckFinished) if fact.key == key("bad")]
    assert len(bad) >= 3
    assert bad[0].failure == "internal"
    assert "ZeroDivisionError: a bug in a plug-in" in bad[0].summary
    assert sum(fact.key == key("fine") for fact in stage.of(CheckFinished)) >= 3


async def test_runs_that_could_not_be_made_are_reported_as_skipped():
    stage = Stage(monitor(frequency_s=1.0, description="3.5", timeout_s=10.0))
    await stage.play(10.0)
    skips = stage.of(CheckSkipped)
    assert {fact.status for fact in skips} == {"overrun"}
    assert sum(fact.runs for fact in skips) == stage.plan.skipped >= 6


async def test_a_change_of_the_plan_wakes_the_runner():
    stage = Stage(monitor(frequency_s=600.0))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.runner.run)
        await anyio.sleep(0.5)
        stage.plan.set_monitors("", stage.monitors, anyio.current_time(), ramp=True)
        await anyio.sleep(0.05)
        assert len(stage.targets.started) == 1
        await anyio.sleep(0.2)
        assert stage.runner.run_now(key())
        await anyio.sleep(0.05)
        assert len(stage.targets.started) == 2
        await anyio.sleep(0.2)
        assert [fact.manual for fact in stage.of(CheckFinished)] == [False, True]
        tasks.cancel_scope.cancel()


async def test_a_monitor_that_left_the_tree_or_was_disabled_while_it_was_due_is_not_started():
    stage = Stage(monitor("gone", frequency_s=1.0), monitor("off", frequency_s=1.0))
    stage.catalogue = catalogue(monitor("off", enabled=False))
    await stage.play(3.0)
    assert stage.targets.started == []
    assert stage.runner.in_flight() == frozenset()


async def test_checks_take_turns_in_a_few_tasks_and_one_that_was_cancelled_takes_no_place_with_it():
    crowd = [monitor(f"m{n}", frequency_s=3.0, description="0.05") for n in range(20)]
    stage = Stage(*crowd, monitor("late", frequency_s=10.0, timeout_s=2.0, description="hangs"))
    stage.plan.set_monitors("", stage.monitors, anyio.current_time())
    async with anyio.create_task_group() as tasks:
        before = len(anyio.get_running_tasks())
        tasks.start_soon(stage.runner.run)
        await anyio.sleep(100.0)
        ends = Counter(fact.key.id for fact in stage.of(CheckFinished))
        assert all(ends[one.id] >= 32 for one in crowd)
        assert ends["late"] >= 9
        assert {fact.result.failure for fact in stage.of(CheckFinished) if fact.key.id == "late"} == {"timeout"}
        assert len(anyio.get_running_tasks()) - before <= 1 + 20 + 1
        tasks.cancel_scope.cancel()
