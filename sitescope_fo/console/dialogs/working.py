"""While the node does something that takes its time: how far it is, and Esc to stop waiting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from textual.app import ComposeResult
from textual.widgets import Static
from textual.worker import Worker

from sitescope_fo.console.dialogs.dialog import Dialog
from sitescope_fo.model.command import CommandReply
from sitescope_fo.model.errors import SiteScopeError

T = TypeVar("T")
Progress = Callable[[CommandReply], None]


class Working(Dialog[T | SiteScopeError]):
    """Ends with what came of it or the error, None when somebody left; the node then goes on without a spectator."""

    def __init__(self, saying: str, work: Callable[[Progress], Awaitable[T]]) -> None:
        super().__init__()
        self.heading = "One moment"
        self._saying, self._work = saying, work
        self._waiting: Worker[None] | None = None

    def compose_body(self) -> ComposeResult:
        """What is done."""
        yield Static(self._saying, id="text", markup=False)

    def on_mount(self) -> None:
        """Starts it."""
        self._waiting = self.run_worker(self._run())

    async def _run(self) -> None:
        try:
            done: T | SiteScopeError = await self._work(self._show)
        except SiteScopeError as error:
            done = error
        self.dismiss(done)

    def _show(self, reply: CommandReply) -> None:
        if reply.progress:
            self.query_one("#text", Static).update(f"{self._saying} {reply.progress:.0%}")

    def do_cancel(self) -> None:
        """Waits no longer."""
        if self._waiting is not None:
            self._waiting.cancel()
        self.dismiss(None)
