"""A process inside the simulation: tasks that belong together, stopped as by SIGSTOP and killed as by SIGKILL.

Every task a process starts inherits its context. Trio schedules all of them through one method; for a stopped process what would
run is held there, while its clock and its deadlines go on: exactly what SIGSTOP does, and the product needs no seam for it.
"""

import contextvars
import random

import anyio
import trio
from trio._core import _run

PROCESS = contextvars.ContextVar("process", default=None)
_schedule = _run.Runner.reschedule


def _reschedule(runner, task, next_send=_run._NO_SEND):
    _schedule(runner, task, next_send)
    process = task.context.get(PROCESS)
    if process is not None and process.stopped:
        runner.runq.pop()  # appended by the line above
        process.held.append((runner, task))


def take_over_scheduling(seed):
    """Lets trio's order of ready tasks depend on the seed only, and processes be stopped."""
    _run._ALLOW_DETERMINISTIC_SCHEDULING = True
    _run._r = random.Random(f"{seed}/order")
    _run.Runner.reschedule = _reschedule


def leave_scheduling():
    """Puts trio back as it was."""
    _run._ALLOW_DETERMINISTIC_SCHEDULING = False
    _run._r = random.Random()
    _run.Runner.reschedule = _schedule


class Process:
    """One life. `spawn` starts tasks in it, from wherever it is called; `main` runs until the life is over."""

    def __init__(self, neutral):
        self.stopped = False
        self.dead = False
        self.held = []
        self.ended = trio.Event()
        self._context = neutral.copy()
        self._context.run(PROCESS.set, self)
        self._scope = anyio.CancelScope()
        self._tasks = None

    def begin(self, tasks, main, broke):
        """Runs `main(task group)` as this process; `broke(error)` is told how it crashed by itself."""
        self._context.run(tasks.start_soon, self._run, main, broke)

    async def _run(self, main, broke):
        try:
            with self._scope:
                async with anyio.create_task_group() as self._tasks:
                    await main(self._tasks)
        except Exception as error:  # noqa: BLE001  # whatever ends a product process by itself is a finding
            broke(error)
        finally:
            self.dead = True
            self.ended.set()

    def spawn(self, fn, *args):
        """A task of this process."""
        self._context.run(self._tasks.start_soon, fn, *args)

    def stop(self):
        """SIGSTOP."""
        self.stopped = True

    def go_on(self):
        """SIGCONT."""
        self.stopped = False
        held, self.held = self.held, []
        for runner, task in held:
            runner.runq.append(task)

    def kill(self):
        """SIGKILL: nothing it does from now on has an effect."""
        self.dead = True
        self.go_on()
        self._scope.cancel()

    async def breathe(self):
        """What a port does first and last: a dead process gets nowhere."""
        if self.dead:
            await anyio.sleep_forever()
