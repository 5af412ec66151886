"""Starts the checks that the plan says are due, and reports what became of them.

Right before each start it asks `may_start`, whatever was true when the monitor was queued. A check is cancelled shortly after
its time-out; one that ignores even that is given up: its place is free again, its result is an error, and while it hangs the
monitor is not started a second time. A type of which too many checks hang is not started any more until one of them ends.

A check that was under way while the whole engine was away, and did not get its answer, says nothing about its target: it is run
again instead.

Checks run in tasks that live on: a new task and a deadline of its own cost more than many a check. One that must be cancelled
takes its task along.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.plan import NOOP, PAUSE_S, Plan
from sitescope_fo.engine.run_notes import RunNotes
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.fact import CheckFinished, CheckSkipped, Fact, FirstCheckStarted, NoopFinished
from sitescope_fo.model.monitor import CheckResult, Monitor, MonitorKey
from sitescope_fo.model.ports import Checks, Clock

CANCEL_AFTER_S = 1.0
"""How long after its time-out a check is cancelled; its type normally ends it in time."""
GIVE_UP_AFTER_S = 5.0
"""How long after its time-out a check that ignores cancellation is given up."""
PACE_S = 0.005
"""What falls due within this time is started together: at 2,000 starts a second, looking for each alone costs 0.03 of a core."""
TOGETHER = 16
"""So many are started before the loop sees to others again: a peer's probe must not wait for a hundred connects."""
HANGING_SHARE = 4
"""Of one type at most a quarter of `max_checks` checks, and at least `HANGING_LEAST`, may hang before no more are started."""
HANGING_LEAST = 5


@dataclass(eq=False, slots=True)
class _Hand:
    """A task that runs one check after the other. Without a run it waits for `called`."""

    scope: anyio.CancelScope
    called: anyio.Event
    run: _Run | None = None


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
    interrupted: bool = False
    """The engine was away while it ran."""
    hand: _Hand | None = None


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
        self._hanging_types: Counter[str] = Counter()
        self._notes = RunNotes(plan, submit)
        self._looked = math.inf
        self._deadlines: list[tuple[float, int, _Run]] = []
        self._idle: list[_Hand] = []
        self._seq = 0
        self._first_in: dict[str, int] = {}
        self._wake = anyio.Event()
        self._tasks: TaskGroup | None = None
        plan.on_change = self.wake
        plan.may_start = self._allowed

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

    def hanging_for(self, key: MonitorKey) -> float | None:
        """For how many seconds the given-up check of a monitor has been under way; None when none hangs."""
        run = self._hanging.get(key)
        return None if run is None else max(0.0, self._clock.mono() - run.started_mono)

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
        clocks = self._clock.now()
        now = clocks.mono
        if self._was_away(now):
            self._interrupt(now - self._looked)
        self._looked = now
        self._give_up(now)
        self._plan.follow(clocks)
        started = self._plan.pop_due(now, max(len(self._running), self._plan.max_checks - TOGETHER))
        for key in started:
            self._start(key, now)
        if len(started) == TOGETHER:
            self.wake()
        if pause := self._plan.take_pause():
            self._notes.paused(pause)
        self._notes.look(now, self._hanging)
        for key, runs in self._plan.take_overruns().items():
            why = "the last run had not ended, or there was no room"
            self._submit(CheckSkipped(key=key, why=why, status="overrun", runs=runs))

    def _was_away(self, now: float) -> bool:
        """Whether nobody has looked at the plan for so long that the process must have been stopped or asleep."""
        return now - self._looked > PAUSE_S

    def _interrupt(self, gap_s: float) -> None:
        """What is under way gets the time back in which the engine was away."""
        self._deadlines = [(at + gap_s, seq, run) for at, seq, run in self._deadlines]
        for run in self._running.values():
            run.interrupted = True

    def _forget_runs(self) -> None:
        for key in (*self._running, NOOP):
            self._plan.finished(key, self._clock.mono())
        self._running.clear()
        self._hanging.clear()
        self._hanging_types.clear()
        self._deadlines.clear()
        self._idle.clear()

    async def _next(self) -> None:
        """Sleeps until something is due, a check must be given up, or something changed."""
        until = min(self._plan.next_due(), self._deadlines[0][0] if self._deadlines else math.inf)
        with anyio.move_on_after(max(PACE_S, until - self._clock.mono())):
            await self._wake.wait()
        self._wake = anyio.Event()

    # --- starting ---------------------------------------------------------------------------------------------------

    def _start(self, key: MonitorKey, now: float) -> None:
        manual = self._plan.manual(key)
        if key == NOOP:
            self._go(self._noop, key)
            return
        monitor = self._catalogue().monitor(key)
        if monitor is None or not monitor.enabled:
            self._leave(key)
            return
        if not self._may_start(key.profile):
            self._leave(key)
            if not manual:
                self._plan.postpone(key, now)
            return
        term = self._term_of(key.profile)
        if key in self._hanging:
            ago = format_duration(max(0.001, now - self._hanging[key].started_mono))
            unstarted = _Run(key, monitor, term, manual, now, self._clock.wall())
            self._report_hanging(unstarted, f"the check started {ago} ago still hangs")
            self._leave(key)
            return
        if self._hanging_types[monitor.type] >= self._most_hanging:
            self._refuse_type(_Run(key, monitor, term, manual, now, self._clock.wall()))
            return
        why = "" if manual else self._dependency(monitor, key.profile)
        if why:
            self._submit(CheckSkipped(key=key, why=why))
            self._leave(key)
            return
        run = _Run(key, monitor, term, manual, now, self._clock.wall())
        self._running[key] = run
        self._watch(now + monitor.timeout_s + CANCEL_AFTER_S, run)
        self._say_first(run)
        self._hand_over(run)

    def _watch(self, until: float, run: _Run) -> None:
        self._seq += 1
        heapq.heappush(self._deadlines, (until, self._seq, run))

    def _hand_over(self, run: _Run) -> None:
        if self._idle:
            run.hand = hand = self._idle.pop()
            hand.run = run
            hand.called.set()
        else:
            run.hand = hand = _Hand(anyio.CancelScope(), anyio.Event(), run)
            self._go(self._work, hand)

    def _go(self, fn: Callable[..., object], *args: object) -> None:
        if self._tasks is None:
            raise RuntimeError("the runner starts checks only from run()")
        self._tasks.start_soon(fn, *args)  # type: ignore[arg-type]  # every fn here is async

    def _say_first(self, run: _Run) -> None:
        profile = run.key.profile
        if profile and self._first_in.get(profile) != run.term:
            self._first_in[profile] = run.term
            self._submit(FirstCheckStarted(profile=profile, term=run.term, path=run.monitor.path))

    def _allowed(self, profile: str) -> bool:
        return self._may_start(profile)

    def _leave(self, key: MonitorKey) -> None:
        self._plan.finished(key, self._clock.mono())
        if self._plan.wants_room:
            self.wake()

    # --- running ----------------------------------------------------------------------------------------------------

    async def _noop(self, key: MonitorKey) -> None:
        started = self._clock.mono()
        await anyio.lowlevel.checkpoint()
        self._submit(NoopFinished(started_mono=started))
        self._leave(key)

    async def _work(self, hand: _Hand) -> None:
        """One check after the other, until one has to be cancelled."""
        with hand.scope:
            while hand.run is not None:
                run, result = hand.run, await self._result(hand.run)
                self._end(run, result)
                if hand.scope.cancel_called:
                    return
                hand.run, hand.called = None, anyio.Event()
                self._idle.append(hand)
                await hand.called.wait()
        if hand.run is not None and hand.scope.cancelled_caught:
            self._end(hand.run, self._no_answer(hand.run, f"no answer within {format_duration(hand.run.monitor.timeout_s)}"))

    def _end(self, run: _Run, result: CheckResult) -> None:
        """What a check that has ended leads to."""
        if run.over:
            self._release(run)
        elif result.failure and (run.interrupted or self._was_away(self._clock.mono())):
            self._run_again(run)
        else:
            self._finish(run, result)

    def _release(self, run: _Run) -> None:
        """A check that was given up has ended after all."""
        del self._hanging[run.key]
        self._hanging_types[run.monitor.type] -= 1

    def _run_again(self, run: _Run) -> None:
        del self._running[run.key]
        run.over = True
        self._leave(run.key)
        self._plan.postpone(run.key, self._clock.mono())
        self.wake()

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
        """Cancels what has passed its time-out, and gives up what is still there some seconds later."""
        while self._deadlines and (self._deadlines[0][2].over or self._deadlines[0][0] <= now + 1e-6):
            at, _, run = heapq.heappop(self._deadlines)
            if run.over:
                continue
            if run.hand is not None and not run.hand.scope.cancel_called:
                run.hand.scope.cancel()
                self._watch(at - CANCEL_AFTER_S + GIVE_UP_AFTER_S, run)
                continue
            self._hanging[run.key] = run
            self._hanging_types[run.monitor.type] += 1
            self._notes.given_up(run.monitor.path)
            self._report_hanging(run, "the check did not end at its time-out and was given up")
            del self._running[run.key]
            run.over = True
            self._leave(run.key)

    def _report_hanging(self, run: _Run, what: str) -> None:
        self._report(run, self._no_answer(run, what))

    @property
    def _most_hanging(self) -> int:
        return max(HANGING_LEAST, self._plan.max_checks // HANGING_SHARE)

    def _refuse_type(self, run: _Run) -> None:
        """A check that would probably hang too is not started, and says so: nobody looked at its target."""
        kind = run.monitor.type
        what = f"not run: {self._hanging_types[kind]} checks of type {kind} hang, no more are started until one of them ends"
        self._report(run, CheckResult(failure="nodata", summary=what))
        self._leave(run.key)

    def _no_answer(self, run: _Run, what: str) -> CheckResult:
        return CheckResult(failure="timeout", summary=what, duration_s=max(0.0, self._clock.mono() - run.started_mono))
