"""Starts the checks that the plan says are due, and reports what became of them.

Right before each start it asks `may_start`, whatever was true when the monitor was queued. A check is cancelled shortly after
its time-out; one that ignores even that is given up: its place is free again, its result is an error, and while it hangs the
monitor is not started a second time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.plan import NOOP, Plan
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.fact import CheckFinished, CheckSkipped, Fact, FirstCheckStarted, NoopFinished
from sitescope_fo.model.monitor import CheckResult, Monitor, MonitorKey
from sitescope_fo.model.ports import Checks, Clock

CANCEL_AFTER_S = 1.0
"""How long after its time-out a check is cancelled; its type normally ends it in time."""
GIVE_UP_AFTER_S = 5.0
"""How long after its time-out a check that ignores cancellation is given up."""


@dataclass(eq=False, slots=True)
class _Run:
    """One check under way."""

    key: MonitorKey
    monitor: Monitor
    term: int
    manual: bool
    started_mono: float
    started_wall: float
    over: bool = False


class Runner:
    """The hands of the plan. `run` until cancelled; every method returns at once."""

    def __init__(  # noqa: PLR0913  # the seams of one node, each named
        self,
        plan: Plan,
        checks: Checks,
        clock: Clock,
        submit: Callable[[Fact], None],
        *,
        may_start: Callable[[str], bool],
        term_of: Callable[[str], int],
        dependency: Callable[[Monitor, str], str],
        catalogue: Callable[[], Catalogue],
        home_of: Callable[[str], Path],
    ) -> None:
        self._plan, self._checks, self._clock, self._submit = plan, checks, clock, submit
        self._may_start, self._term_of, self._dependency = may_start, term_of, dependency
        self._catalogue, self._home_of = catalogue, home_of
        self._running: dict[MonitorKey, _Run] = {}
        self._hanging: dict[MonitorKey, _Run] = {}
        self._deadlines: list[tuple[float, int, _Run]] = []
        self._seq = 0
        self._first_in: dict[str, int] = {}
        self._wake = anyio.Event()
        self._tasks: TaskGroup | None = None
        plan.on_change = self.wake

    def wake(self) -> None:
        """Looks at the plan again. The plan calls it after every change."""
        self._wake.set()

    def in_flight(self) -> frozenset[MonitorKey]:
        """The monitors that are being checked now."""
        return frozenset(self._running)

    @property
    def hanging(self) -> frozenset[MonitorKey]:
        """Monitors whose check was given up and still has not ended."""
        return frozenset(self._hanging)

    def run_now(self, key: MonitorKey) -> bool:
        """Starts a scheduled monitor as soon as there is room. False when it is not scheduled, or running already."""
        return self._plan.run_now(key)

    async def run(self) -> None:
        """Starts checks for ever. After a defect ended it, it may be run anew; what was under way then has no result."""
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                while True:
                    self._start_due()
                    await self._next()
        finally:
            self._forget_runs()

    def _start_due(self) -> None:
        now = self._clock.mono()
        self._give_up(now)
        for key in self._plan.pop_due(now, len(self._running)):
            self._start(key, now)
        for key, runs in self._plan.take_overruns().items():
            why = "the last run had not ended, or there was no room"
            self._submit(CheckSkipped(key=key, why=why, status="overrun", runs=runs))

    def _forget_runs(self) -> None:
        for key in (*self._running, NOOP):
            self._plan.finished(key, self._clock.mono())
        self._running.clear()
        self._hanging.clear()
        self._deadlines.clear()

    async def _next(self) -> None:
        """Sleeps until something is due, a check must be given up, or something changed."""
        until = min(self._plan.next_due(), self._deadlines[0][0] if self._deadlines else math.inf)
        with anyio.move_on_after(max(0.0, until - self._clock.mono())):
            await self._wake.wait()
        self._wake = anyio.Event()

    # --- starting ---------------------------------------------------------------------------------------------------

    def _start(self, key: MonitorKey, now: float) -> None:
        manual = self._plan.manual(key)
        if key == NOOP:
            self._go(self._noop, key)
            return
        monitor = self._catalogue().monitor(key)
        if monitor is None or not monitor.enabled or not self._may_start(key.profile):
            self._leave(key)
            return
        term = self._term_of(key.profile)
        if key in self._hanging:
            ago = format_duration(max(0.001, now - self._hanging[key].started_mono))
            unstarted = _Run(key, monitor, term, manual, now, self._clock.wall())
            self._report_hanging(unstarted, f"the check started {ago} ago still hangs")
            self._leave(key)
            return
        why = "" if manual else self._dependency(monitor, key.profile)
        if why:
            self._submit(CheckSkipped(key=key, why=why))
            self._leave(key)
            return
        run = _Run(key, monitor, term, manual, now, self._clock.wall())
        self._running[key] = run
        self._seq += 1
        heapq.heappush(self._deadlines, (now + monitor.timeout_s + GIVE_UP_AFTER_S, self._seq, run))
        self._say_first(run)
        self._go(self._check, run)

    def _go(self, fn: Callable[..., object], *args: object) -> None:
        if self._tasks is None:
            raise RuntimeError("the runner starts checks only from run()")
        self._tasks.start_soon(fn, *args)  # type: ignore[arg-type]  # every fn here is async

    def _say_first(self, run: _Run) -> None:
        profile = run.key.profile
        if profile and self._first_in.get(profile) != run.term:
            self._first_in[profile] = run.term
            self._submit(FirstCheckStarted(profile=profile, term=run.term, path=run.monitor.path))

    def _leave(self, key: MonitorKey) -> None:
        self._plan.finished(key, self._clock.mono())
        self.wake()

    # --- running ----------------------------------------------------------------------------------------------------

    async def _noop(self, key: MonitorKey) -> None:
        started = self._clock.mono()
        await anyio.lowlevel.checkpoint()
        self._submit(NoopFinished(started_mono=started))
        self._leave(key)

    async def _check(self, run: _Run) -> None:
        result: CheckResult | None = None
        with anyio.move_on_after(run.monitor.timeout_s + CANCEL_AFTER_S):
            result = await self._result(run)
        if run.over:
            del self._hanging[run.key]
            return
        if result is None:
            result = self._no_answer(run, f"no answer within {format_duration(run.monitor.timeout_s)}")
        self._finish(run, result)

    async def _result(self, run: _Run) -> CheckResult:
        """The runner supervises checks: a bug in one type is that check's result, not the end of all monitoring."""
        try:
            return await self._checks.run(run.monitor, home=self._home_of(run.key.profile))
        except Exception as error:  # noqa: BLE001  # see above
            what = f"the check itself failed: {type(error).__name__}: {error}"
            return CheckResult(failure="internal", summary=what[:500], duration_s=self._clock.mono() - run.started_mono)

    def _finish(self, run: _Run, result: CheckResult) -> None:
        del self._running[run.key]
        run.over = True
        self._report(run, result)
        self._leave(run.key)

    def _report(self, run: _Run, result: CheckResult) -> None:
        self._submit(
            CheckFinished(
                key=run.key,
                result=result,
                started_mono=run.started_mono,
                started_wall=run.started_wall,
                term=run.term,
                manual=run.manual,
            )
        )

    def _give_up(self, now: float) -> None:
        while self._deadlines and (self._deadlines[0][2].over or self._deadlines[0][0] <= now + 1e-6):
            run = heapq.heappop(self._deadlines)[2]
            if run.over:
                continue
            self._hanging[run.key] = run
            self._report_hanging(run, "the check did not end at its time-out and was given up")
            del self._running[run.key]
            run.over = True
            self._leave(run.key)

    def _report_hanging(self, run: _Run, what: str) -> None:
        self._report(run, self._no_answer(run, what))

    def _no_answer(self, run: _Run, what: str) -> CheckResult:
        return CheckResult(failure="timeout", summary=what, duration_s=max(0.0, self._clock.mono() - run.started_mono))
