"""`sitescope-fo demo` on a terminal: a pair on this machine, its failover's console, and keys that kill and revive the primary.

The nodes are daemons of their own, as in life; what is shown around them (a shop, a mail server) runs on another thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from textual.binding import Binding

from sitescope_fo.client.remote import RemoteClient
from sitescope_fo.console.actions.action import Action
from sitescope_fo.console.attached import attached
from sitescope_fo.console.safe_app import SafeConsole
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.node.demo import say, stop
from sitescope_fo.node.demo_stage import MailSink, Shop
from sitescope_fo.node.demo_story import Narrator, Story
from sitescope_fo.node.ports.clock import SystemClock
from sitescope_fo.store.home import Home

HINT = "Demo: F6 kills the primary, F7 brings it back, F8 breaks the shop, q ends it"
_HOME_PAGE = "/"

DEMO = (
    Action(
        id="everywhere.demo_kill",
        keys=("f6",),
        name="Kill primary",
        help="Demo: kill -9 of the primary; its failover takes over.",
    ),
    Action(
        id="everywhere.demo_revive",
        keys=("f7",),
        name="Revive primary",
        help="Demo: start the primary again; it gets monitoring back.",
    ),
    Action(
        id="everywhere.demo_break",
        keys=("f8",),
        name="Break the shop",
        help="Demo: the shop's home page answers 503, or 200 again.",
    ),
)


class Stage:
    """The pair and its surroundings on a loop of their own."""

    def __init__(self, folder: Path, portal: BlockingPortal) -> None:
        clock = SystemClock()
        self._portal = portal
        self._over = anyio.Event()
        self.shop, self._mail = Shop(), MailSink(clock.wall)
        self.story = Story(folder, self.shop, self._mail, Narrator(say, clock), clock)

    async def stand(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Surroundings and nodes, until `fall`. Raises SiteScopeError when a node does not come up."""
        async with anyio.create_task_group() as tasks:
            await self.shop.open(tasks)
            await self._mail.open(tasks)
            try:
                await self.story.prepare()
                task_status.started()
                await self._over.wait()
            finally:
                with anyio.CancelScope(shield=True):
                    await stop(self.story.nodes)
            tasks.cancel_scope.cancel()

    def fall(self) -> None:
        """Ends it all."""
        self._portal.call(self._over.set)

    def do(self, deed: Callable[[], Awaitable[Any]]) -> asyncio.Future[Any]:
        """Does something on the stage's loop, from the console's."""
        started: Future[Any] = self._portal.start_task_soon(deed)
        return asyncio.wrap_future(started)


class DemoConsole(SafeConsole):
    """The failover's console with three keys more."""

    BINDINGS: ClassVar = [Binding(action.keys[0], f"demo('{action.verb}')", action.name, show=False) for action in DEMO]
    stage: ClassVar[Stage]

    def on_mount(self) -> None:
        """Help and palette know the keys, too."""
        self.actions = {**{action.id: action for action in DEMO}, **self.actions}

    async def action_demo(self, verb: str) -> None:
        """One of the keys."""
        await getattr(self, f"do_{verb}")()

    async def do_demo_kill(self) -> None:
        """`kill -9`."""
        primary = self.stage.story.primary
        if not primary.pid:
            self.notify("The primary is gone already: F7 brings it back", severity="warning")
            return

        async def kill() -> None:
            primary.kill()
            await primary.gone()

        pid = primary.pid
        await self.stage.do(kill)
        self.notify(f"kill -9 {pid}: the failover takes over 5 s after the last proof of life")

    async def do_demo_revive(self) -> None:
        """Starts it again."""
        primary = self.stage.story.primary
        if primary.pid:
            self.notify("The primary runs: F6 kills it", severity="warning")
            return
        self.notify("The primary starts; it asks its failover before it monitors")
        self.run_worker(self._revived())

    async def _revived(self) -> None:
        try:
            await self.stage.do(self.stage.story.primary.start)
        except SiteScopeError as error:
            self.notify(str(error), title="The primary did not come up", severity="error", markup=False)

    async def do_demo_break(self) -> None:
        """503 or 200."""
        failing = self.stage.shop.failing
        if _HOME_PAGE in failing:
            failing.discard(_HOME_PAGE)
            self.notify("The shop's home page answers 200 again")
        else:
            failing.add(_HOME_PAGE)
            self.notify("The shop's home page answers 503")


def main() -> int:
    """Shows the demo until the console is left; its folder and its nodes go with it. The exit code."""
    with TemporaryDirectory(prefix="sitescope-demo-") as folder, start_blocking_portal() as portal:
        stage = Stage(Path(folder), portal)
        ended, _ = portal.start_task(stage.stand)
        DemoConsole.stage = stage
        try:
            return attached(RemoteClient.local(Home(stage.story.failover.home)), DemoConsole, hint=HINT)
        finally:
            stage.fall()
            ended.result()
            say("Both nodes have ended and their folder is removed. Play it step by step: sitescope-fo demo --script\n")
