"""The history page: listed, verified, shown, compared; restore says why not."""

import pytest

from sitescope_fo.console.app import Console
from sitescope_fo.console.dialogs.text import ShowText
from sitescope_fo.console.view import history as view
from sitescope_fo.console.widgets.table import Table
from sitescope_fo.model.command import HistoryVerify
from sitescope_fo.model.errors import Bad
from tests.console.fakes import FakeNode, stamp, status

pytestmark = pytest.mark.anyio
NEW, OLD = "20261122T093000Z-scheduled-5e1f0c77.zip", "20261122T053000Z-scheduled-11aa22bb.zip"


@pytest.fixture
def anyio_backend():
    return "asyncio"


def snapshot(name, ago_s):
    revision = name.rpartition("-")[2].removesuffix(".zip")
    return {
        "snapshot": name, "at": stamp(ago_s), "bytes": 51_200, "monitors": 120, "revision": revision * 8,
        "kind": "scheduled", "base": "",
    }  # fmt: skip


def what(name):
    return {"snapshot": name, "at": stamp(60), "kind": "scheduled", "revision": "5e1f0c77" * 8, "base": "", "archive_bytes": 9}


HELD = {
    **what(NEW),
    "verified": True,
    "counts": {"groups": 1, "monitors": 1, "files": 2, "bytes": 2048},
    "groups": [{"path": "Web", "id": "g", "monitors": 1}],
    "monitors": [{"path": "Web/Home", "id": "m", "type": "url", "enabled": True}],
    "files": [],
    "left_off": 0,
}
CHANGED = {
    "a": what(OLD),
    "b": what("current"),
    "same": False,
    "counts": {"monitor": {"added": 0, "removed": 0, "changed": 1}},
    "total": 1,
    "offset": 0,
    "next": None,
    "changes": [
        {
            "kind": "monitor", "change": "changed", "id": "m", "path": "Web/Home", "was": "",
            "keys": [{"key": "frequency", "old": "1m", "new": "5m"}], "keys_left_off": 0,
        }
    ],
}  # fmt: skip


def node(**options):
    answers = {"history": [snapshot(NEW, 1800), snapshot(OLD, 16_200)], "history_show": HELD, "history_diff": CHANGED}
    return FakeNode(answers=answers | options.pop("answers", {}), **options)


async def opened(pilot):
    await pilot.pause()
    await pilot.press("4")
    await settled(pilot)


async def settled(pilot):
    await pilot.pause()
    if under_way := [one for one in pilot.app.workers if one.group in {"history", "show", "verify"}]:
        await pilot.app.workers.wait_for_complete(under_way)
    await pilot.pause()


def rows(app):
    source = app.screen.query_one(Table).source
    return [[cell.text for cell in source.cells(index)] for index in range(len(source))]


def test_changed_keys_are_told_with_old_and_new():
    lines = view.change_lines([CHANGED])
    assert "monitor: 1 changed" in lines
    assert lines[-2:] == ["~ monitor Web/Home", "    frequency: 1m -> 5m"]
    assert view.change_lines([CHANGED | {"same": True}])[-1] == "No difference"


async def test_snapshots_are_listed_newest_first():
    app = Console(node())
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert [row[6] for row in rows(app)] == ["5e1f0c77", "11aa22bb"]
        assert rows(app)[0][3:6] == ["scheduled", "50 KiB", "120"]


async def test_all_are_verified_one_by_one_and_a_damaged_one_is_marked():
    fake = node()
    app = Console(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("V")
        await settled(pilot)
        assert fake.told == [HistoryVerify(name="prod", snapshot=name) for name in (NEW, OLD)]
        assert [row[8] for row in rows(app)] == ["✓ verified"] * 2
        fake.refuses = Bad("The snapshot is damaged", code="snapshot_damaged")
        await pilot.press("v")
        await settled(pilot)
        assert [row[8] for row in rows(app)] == ["✗ bad", "✓ verified"]


async def test_enter_shows_what_one_holds():
    app = Console(node())
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, ShowText)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen.scope == "history"


async def test_one_is_compared_with_the_mirror_and_two_marked_ones_with_each_other():
    fake = node()
    app = Console(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        for keys in (("d",), ("escape", "space", "down", "space", "d")):
            await pilot.press(*keys)
            await settled(pilot)
        asked = [(params["a"], params["b"]) for name, params in fake.asked if name == "history_diff"]
        assert asked == [(NEW, "current"), (OLD, NEW)]


@pytest.mark.parametrize(
    ("options", "key", "why"),
    [
        ({}, "R", view.RESTORE),
        ({"answers": {"history": []}}, "d", view.EMPTY),
        ({"read_only": True}, "v", "This console is read-only; Show verifies, too"),
        ({"status_answer": status(role="primary")}, "d", "Snapshots lie on the failover: open its console"),
    ],
)
async def test_what_is_not_possible_says_why(options, key, why):
    fake = node(**options)
    app = Console(fake)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press(key)
        await pilot.pause()
        assert [toast.message for toast in app._notifications] == [why]
        assert fake.told == []
