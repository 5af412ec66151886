"""The forms of the console against a real node: what they ask for is carried out, and what it refuses stands in the form."""

import pytest
from textual.widgets import Button, Static

from sitescope_fo.console.app import Console
from sitescope_fo.console.dialogs.confirm import Confirm
from sitescope_fo.console.dialogs.form import FormDialog
from sitescope_fo.model.command import GroupAdd
from sitescope_fo.model.status import Role
from tests.console.test_monitor_edit import entry, press, put, said
from tests.node.nodes import ROOT, Bench, make_home, protected_pair

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Direct:
    """A `NodeClient` of a node in this event loop."""

    where, read_only = "here", False

    def __init__(self, bench):
        self.bench = bench

    async def query(self, name, params=None, *, timeout_s=20.0):
        return await self.bench.api.query(ROOT, name, dict(params or {}))

    async def command(self, body, *, progress=None):
        return await self.bench.submit(body)

    async def aclose(self):
        pass


async def listed(bench, app, pilot, *paths):
    """Waits until the list holds exactly these."""

    def holds():
        return sorted(row.path for row in app.feed.board.rows()) == sorted(paths)

    await bench.until(holds, f"a list of {paths}")
    await pilot.pause()


async def saved(bench, app, pilot):
    """Saves the form and waits until it closed."""
    await press(pilot, "ctrl+s")
    await bench.until(lambda: not isinstance(app.screen, FormDialog), "the form to close")


async def test_a_monitor_is_added_runs_is_changed_copied_and_removed(tmp_path):
    bench = Bench(make_home(tmp_path, Role.primary))
    async with bench.running():
        await bench.do(GroupAdd(path="Web"))
        app = Console(Direct(bench))
        async with app.run_test(size=(100, 30)) as pilot:
            await listed(bench, app, pilot)
            await press(pilot, "n", *"tcp", "enter")
            for name, text in {"group": "Web", "name": "Shop", "settings.host": "shop.example", "settings.port": "443"}.items():
                await put(app, pilot, name, text)
            await saved(bench, app, pilot)
            await bench.until(lambda: "Shop" in bench.checks.started, "the first run")
            await listed(bench, app, pilot, "Web/Shop")

            await press(pilot, "c")
            await saved(bench, app, pilot)
            await listed(bench, app, pilot, "Web/Shop", "Web/Shop copy")
            await bench.until(lambda: "Shop copy" in bench.checks.started, "the run of the copy")

            app.screen.table.cursor = next(at for at in range(2) if app.feed.board.at(at).name == "Shop")
            await press(pilot, "E")
            assert "Holds now" in await preview(app, pilot, "round_trip_time < 5s")
            await put(app, pilot, "name", "Shop copy")
            await press(pilot, "ctrl+s")
            await bench.until(lambda: said(app, "#trouble"), "a refusal")
            assert "There is 'Web/Shop copy' already" in str(entry(app, "name").query_one(".wrong", Static).content)
            await put(app, pilot, "name", "Front")
            await saved(bench, app, pilot)
            await listed(bench, app, pilot, "Web/Front", "Web/Shop copy")
            config = (await bench.ask("monitor", path="Web/Front"))["config"]
            assert (list(config["error_if"]), config["settings"]["port"]) == (["round_trip_time < 5s"], 443)

            await press(pilot, "X")
            assert isinstance(app.screen, Confirm)
            await press(pilot, "escape", "x")
            path = app.feed.board.at(app.screen_stack[-2].table.cursor).path
            app.screen.query_one("#go", Button).press()
            await listed(bench, app, pilot, *({"Web/Front", "Web/Shop copy"} - {path}))


async def preview(app, pilot, text):
    await put(app, pilot, "error_if", text)
    return said(app, "#hint")


async def test_an_edit_on_a_standby_needs_a_yes_and_is_then_taken(tmp_path):
    async with protected_pair(tmp_path, "Home") as (_, failover):
        app = Console(Direct(failover))
        async with app.run_test(size=(100, 30)) as pilot:
            await listed(failover, app, pilot, "Web/Home")
            await press(pilot, "E")
            assert "prod is in standby here" in said(app, "#text")
            await put(app, pilot, "frequency", "7m")
            await press(pilot, "ctrl+s")
            assert isinstance(app.screen, FormDialog)
            await press(pilot, "space")
            await saved(failover, app, pilot)
            assert "event=forced_edit" in await failover.said("forced_edit")
