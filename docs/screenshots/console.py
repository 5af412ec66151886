"""Takes the pictures of the console: `make screenshots`, some 40 s.

A real pair (that of the demo) is set up on this machine, and the failover's console is driven by keys while its primary is killed
and comes back. Only the terminal is the toolkit's own, so that a picture is text in SVG.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from anyio.from_thread import start_blocking_portal
from textual.pilot import Pilot

from sitescope_fo.client.remote import RemoteClient
from sitescope_fo.console.app import Console
from sitescope_fo.console.demo import Stage
from sitescope_fo.console.taste import Taste
from sitescope_fo.store.home import Home

FOLDER = Path(__file__).parent
LONGEST_S = 30.0


async def keep(pilot: Pilot[str], name: str) -> None:
    """Saves the screen as it is."""
    await pilot.pause(0.6)
    picture = pilot.app.export_screenshot(title="sitescope-fo")
    svg = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)  # no font from the web
    (FOLDER / f"{name}.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")
    sys.stdout.write(f"{name}.svg\n")


async def until(pilot: Pilot[str], state: str) -> None:
    """Returns when the profile is in that state. Raises TimeoutError."""
    app = pilot.app
    assert isinstance(app, Console)  # noqa: S101  # what `taken` made
    async with asyncio.timeout(LONGEST_S):
        while app.feed.status is None or app.feed.status.profiles[0].state != state:
            await pilot.pause(0.2)


async def taken(stage: Stage) -> None:
    """All pictures, in the order of the story."""
    home = Home(stage.story.failover.home)
    async with Console(RemoteClient.local(home)).run_test(size=(100, 30)) as pilot:
        await until(pilot, "standby")
        await pilot.press("2")
        await keep(pilot, "failover")
        await pilot.press("h")
        await keep(pilot, "hold")
        await pilot.press("escape", "question_mark")
        await keep(pilot, "help")
        await pilot.press("escape")
        stage.shop.failing.add("/")
        stage.story.primary.kill()
        await until(pilot, "grace")
        await keep(pilot, "grace")
        await until(pilot, "active")
        await pilot.pause(4.0)
        await keep(pilot, "active")
        await pilot.press("1")
        await keep(pilot, "monitors")
        await pilot.press("home", "enter")
        await pilot.pause(1.5)
        await keep(pilot, "monitor")
        await pilot.press("escape", "3")
        await keep(pilot, "logs")
    for name, theme, size in (
        ("small", "harbour", (80, 24)),
        ("daylight", "daylight", (100, 30)),
        ("large", "okabe-ito", (200, 50)),
    ):
        async with Console(RemoteClient.local(home), taste=Taste(theme=theme)).run_test(size=size) as pilot:
            await until(pilot, "active")
            await keep(pilot, name)


def main() -> None:
    """Entry point."""
    with TemporaryDirectory(prefix="sitescope-pictures-") as folder, start_blocking_portal() as portal:
        stage = Stage(Path(folder), portal)
        ended, _ = portal.start_task(stage.stand)
        try:
            asyncio.run(taken(stage))
        finally:
            stage.fall()
            ended.result()


if __name__ == "__main__":
    main()
