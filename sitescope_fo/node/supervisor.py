"""The supervisor: what happens to errors that nobody expected.

A defect in one task must not end the monitoring of everything else, and must not be silent either: it is written to error.log
with its frames (never with local variables, which may hold secrets), shown in `status`, and the task starts anew. The writer is
not supervised: a defect in a decision ends the process, and the start rows of the machines decide what its successor may do.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio

from sitescope_fo.model.errors import Problem

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

AGAIN_S = 1.0
SLOWEST_AGAIN_S = 60.0
WELL_AFTER_S = 300.0
FRAMES = 6
SHOWN_S = 3600.0
"""How long a defect stays in `status` after it last happened; error.log keeps it."""
HINT = "This is a defect of the program: please report the line with its place"


def frames_of(error: BaseException) -> str:
    """`file:line < file:line …`, innermost first, through the first leaf of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    found = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(found))


def kind_of(error: BaseException) -> str:
    """The type of an error, of a group's first leaf. Its text stays out: it may quote a value."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


class Supervisor:
    """Guards the tasks of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._broken: dict[str, tuple[float, Problem]] = {}

    def problems(self) -> tuple[Problem, ...]:
        """The defects of the last hour, one for each part that broke."""
        now = self._node.ports.clock.mono()
        self._broken = {name: (at, problem) for name, (at, problem) in self._broken.items() if now - at < SHOWN_S}
        return tuple(problem for _, problem in self._broken.values())

    async def once(self, name: str, fn: Callable[..., Awaitable[object]], *args: object) -> bool:
        """Runs `fn(*args)` to its end. False when it broke, which is then written down."""
        try:
            await fn(*args)
        except Exception as error:  # noqa: BLE001  # the supervisor: the one place where the unexpected is caught, and told
            self.broken(name, error)
            return False
        return True

    async def forever(self, name: str, fn: Callable[[], Awaitable[object]]) -> None:
        """Runs `fn()` and, when it breaks, again after a pause that doubles from 1 s to 60 s; five good minutes forgive."""
        pause = AGAIN_S
        while True:
            started = self._node.ports.clock.mono()
            if await self.once(name, fn):
                return
            if self._node.ports.clock.mono() - started > WELL_AFTER_S:
                pause = AGAIN_S
            await anyio.sleep(pause)
            pause = min(2 * pause, SLOWEST_AGAIN_S)

    def broken(self, name: str, error: BaseException) -> None:
        """Writes a defect down and shows it."""
        node = self._node
        what = f"{name} broke ({kind_of(error)})"
        node.records.event("internal_error", what, level="ERROR", where=frames_of(error), hint=HINT)
        self._broken[name] = (node.ports.clock.mono(), Problem(file="error.log", what=what, hint=HINT))
