"""Keeps the console's picture of the node up to date: the status once a second, monitors up to four times."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import anyio
import msgspec

from sitescope_fo.console.node_client import NodeClient
from sitescope_fo.console.view.board import Board
from sitescope_fo.console.view.units import Units, units_of
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.snapshot import MonitorRow, StatusReport

STATUS_EVERY_S = 1.0
ROWS_EVERY_S = 0.25
SLOW_S = 1.0
PAGE = 500
"""Rows a page: 10,000 monitors arrive in twenty answers, between which the engine does its work."""
ARRANGE_EVERY_S = 1.0
"""Order and filter follow at most this often: a list that jumps under the cursor cannot be read."""


class Feed:
    """Polls one node. `changed` is called after each piece of news, on the console's loop."""

    def __init__(self, client: NodeClient, changed: Callable[[], None], *, slow: bool = False) -> None:
        self._client = client
        self._changed = changed
        self._rows_every_s = SLOW_S if slow else ROWS_EVERY_S
        self.board = Board()
        self.status: StatusReport | None = None
        self.status_at = 0.0
        """When the status came, on the console's own steady clock; 0 = never."""
        self.trouble: SiteScopeError | None = None
        """Why the node does not answer; None while it does."""
        self.loaded = False
        """All rows have come once."""
        self.units: Units = {}
        """What the values of monitor types count."""
        self._tree: Any = None
        self._revision = 0
        self._arranged_at = 0.0

    def age_s(self) -> float:
        """How old the status is."""
        return self.steady() - self.status_at if self.status_at else 0.0

    @staticmethod
    def steady() -> float:
        """Seconds of a clock that nobody steps."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def run(self) -> None:
        """Polls until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._forever, self.ask_status, STATUS_EVERY_S)
            tasks.start_soon(self._forever, self.ask_rows, self._rows_every_s)

    async def _forever(self, ask: Callable[[], Any], every_s: float) -> None:
        while True:
            try:
                await ask()
            except SiteScopeError as error:
                if self.trouble is None or self.trouble.code != error.code:
                    self.trouble = error
                    self._changed()
            await anyio.sleep(every_s)

    async def ask_status(self) -> None:
        """One look at the status. Raises SiteScopeError."""
        answer = await self._client.query("status")
        self.status = msgspec.convert(answer, StatusReport)
        self.status_at = self.steady()
        self.trouble = None
        self._changed()

    async def ask_rows(self) -> None:
        """What changed since the last look, or all rows after the list itself changed. Raises SiteScopeError."""
        if self._tree is None:
            await self._load()
            return
        answer = await self._client.query("snapshot", {"since": str(self._revision), "tree": str(self._tree)})
        if answer["whole"]:
            await self._load()
            return
        self._revision = answer["revision"]
        if answer["rows"]:
            self.board.change(msgspec.convert(answer["rows"], list[MonitorRow]))
        now = self.steady()
        if self.board.unordered and now - self._arranged_at >= ARRANGE_EVERY_S:
            self._arranged_at = now
            self.board.settle()
            self._changed()
        elif answer["rows"]:
            self._changed()
        if answer["more"]:
            await self.ask_rows()

    async def _load(self) -> None:
        """All pages; when the list changes meanwhile, from the beginning."""
        rows: list[MonitorRow] = []
        offset: int | None = 0
        tree: Any = None
        while offset is not None:
            page = await self._client.query("monitor_page", {"offset": str(offset), "limit": str(PAGE)})
            if tree is not None and page["tree"] != tree:
                rows, offset, tree = [], 0, None
                continue
            if tree is None:
                tree, self._revision = page["tree"], page["revision"]
            some = msgspec.convert(page["rows"], list[MonitorRow])
            rows += some
            offset = page["next"]
            if not self.loaded:
                self._show_some(some, first=len(rows) == len(some))
        self._tree = tree
        self.loaded = True
        self.board.replace(rows)
        self._changed()
        if not self.units:
            await self._ask_units()

    async def _ask_units(self) -> None:
        try:
            self.units = units_of(await self._client.query("types"))
        except SiteScopeError:
            return  # values stand without units, until the list is loaded again
        self._changed()

    def _show_some(self, rows: list[MonitorRow], *, first: bool) -> None:
        """While the first load runs: the first page at once, the others beside it."""
        if first:
            self.board.replace(rows)
        else:
            self.board.change(rows)
            self.board.settle()
        self._changed()
