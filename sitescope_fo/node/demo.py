"""`sitescope-fo demo`: a whole pair on this machine, in a temporary folder, from setup to hand-back."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.node.demo_node import DemoNode
from sitescope_fo.node.demo_stage import MailSink, Shop
from sitescope_fo.node.demo_story import PROFILE, Narrator, Story
from sitescope_fo.node.ports.clock import SystemClock

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a program."""


def main(*, script: bool) -> int:
    """Plays the demo and gives its exit code: 0 when every step came true, 1 when one did not, 128 + N after signal N.

    With `script` it ends by itself; without, the pair stays up for a look around until Ctrl-C. It ends only processes that it
    started, and its folder goes with it.
    """
    with TemporaryDirectory(prefix="sitescope-demo-") as folder:  # mkdtemp makes it 0700
        return anyio.run(_run, Path(folder), script)


def say(text: str) -> None:
    """Writes to the terminal at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


async def _run(folder: Path, script: bool) -> int:  # noqa: FBT001  # anyio.run passes arguments positionally
    clock = SystemClock()
    shop, mail, narrator = Shop(), MailSink(clock.wall), Narrator(say, clock)
    code = 0
    async with anyio.create_task_group() as tasks:
        await shop.open(tasks)
        await mail.open(tasks)
        story = Story(folder, shop, mail, narrator, clock)
        ended: list[int] = []
        with anyio.CancelScope() as scope:
            tasks.start_soon(_end_on_signal, scope, ended)
            try:
                await story.play()
                await _farewell(narrator, story, script=script)
            except* SiteScopeError as failed:
                code = 1
                _fail(failed, story.nodes)
        with anyio.CancelScope(shield=True):
            await stop(story.nodes)
        tasks.cancel_scope.cancel()
    if ended:
        say("\nStopped; both nodes have ended and their folder is removed.\n")
        return _SIGNALLED + ended[0]
    return code


async def _end_on_signal(scope: anyio.CancelScope, ended: list[int]) -> None:
    with anyio.open_signal_receiver(*_ENDING) as signals:
        async for number in signals:
            ended.append(number)
            scope.cancel()


async def stop(nodes: tuple[DemoNode, ...]) -> None:
    """Ends the daemons of all nodes."""
    async with anyio.create_task_group() as tasks:
        for node in nodes:
            tasks.start_soon(node.stop)


def _fail(failed: BaseExceptionGroup[SiteScopeError], nodes: tuple[DemoNode, ...]) -> None:
    error: BaseException = failed
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    say("\n")
    for line in [line for node in nodes for line in node.tail()]:
        say(f"{line}\n")
    sys.stderr.write(f"error: {error}\n")


async def _farewell(narrator: Narrator, story: Story, *, script: bool) -> None:
    narrator.scene(
        "What to try next",
        "On two machines: `sitescope-fo setup` on each, `lwsso set` with the same passphrase, monitors on the primary,"
        " `profile add` on the failover. docs/demo.md explains each step above.",
    )
    if script:
        return
    home, failover = story.primary.home, story.failover.home
    narrator.scene(
        "The pair stays up until Ctrl-C. In another terminal:",
        "",
    )
    narrator.lines(
        f"sitescope-fo --home {failover} status\n"
        f"sitescope-fo --home {home} monitor list\n"
        f"sitescope-fo --home {failover} switchover {PROFILE} --yes\n"
        f"sitescope-fo --home {failover} release {PROFILE}\n"
        f"sitescope-fo --home {failover} log tail --follow\n"
        f"kill -9 {story.primary.pid}"
    )
    await anyio.sleep_forever()
