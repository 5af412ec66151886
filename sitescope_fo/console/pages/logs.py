"""The logs of the node: live, filtered, searched, and read by offset however long they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from textual.app import ComposeResult
from textual.widgets import Input, Static

from sitescope_fo.console.dialogs.choice import Choice
from sitescope_fo.console.dialogs.line import AskLine
from sitescope_fo.console.dialogs.text import ShowText
from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import Page
from sitescope_fo.console.view.log import LEVELS, LogRows, LogWindow, moment_of
from sitescope_fo.console.widgets.table import Column, Table
from sitescope_fo.model.moment import size_text
from sitescope_fo.model.record import LogFile, LogPage

COLUMNS = (Column("when", 14), Column("line", 40, flex=1))
LINES = 200
"""Lines asked for at a time."""
FOLLOW_EVERY_S = 1.0


class Logs(Page):
    """See the module."""

    scope: ClassVar[str] = "logs"
    BINDINGS = bindings_of("logs")

    def __init__(self) -> None:
        super().__init__()
        self._window = LogWindow()
        self._file, self._with, self._level, self._searched = "high_availability", "", "", ""
        self._follow = True
        self._asking = False

    def compose_body(self) -> ComposeResult:
        """Filter, what is shown, lines."""
        yield Input(placeholder="text that lines must have", id="filter", compact=True)
        yield Static("", id="shown", classes="note", markup=False)
        yield Table(COLUMNS, empty="No line fits", id="lines")

    def on_mount(self) -> None:
        """The end of the log, and what comes."""
        self.query_one(Table).focus()
        self.set_interval(FOLLOW_EVERY_S, self._tick)
        self.run_worker(self._open(), exclusive=True, group="log")

    # --- asking -----------------------------------------------------------------------------------------------------

    async def _ask_page(self, **params: str) -> LogPage | None:
        """One page, unless one is under way already."""
        if self._asking:
            return None
        self._asking = True
        wanted = {"name": self._file, "lines": str(LINES), "match": self._with, "level": self._level, **params}
        try:
            answer = await self.ask("log", {key: value for key, value in wanted.items() if value})
        finally:
            self._asking = False
        return msgspec.convert(answer, LogPage) if answer is not None else None

    async def _open(self, at: str = "") -> None:
        page = await self._ask_page(**({"at": at} if at else {}))
        if page is None:
            return
        self._window.open(page)
        self._follow = not at
        self._show(0 if at else len(self._window.lines) - 1)

    def _tick(self) -> None:
        """New lines, while one follows and can see them."""
        if self._follow and self.is_current:
            self.run_worker(self._more_below(), group="log")

    async def _more_below(self) -> None:
        page = await self._ask_page(since=str(self._window.after))
        if page is None or not page.lines:
            return
        cut = self._window.below(page)
        self._show(len(self._window.lines) - 1 if self._follow else self.query_one(Table).cursor - cut)

    async def _more_above(self) -> None:
        page = await self._ask_page(before=str(self._window.before))
        if page is not None and page.lines:
            self._show(self.query_one(Table).cursor + self._window.above(page))
        elif page is not None:
            self._window.before = page.prev

    def _show(self, cursor: int) -> None:
        table = self.query_one(Table)
        table.source = LogRows(self._window, self.wording, self._searched)
        with table.prevent(Table.Moved):
            table.renew()
            table.cursor = cursor
        self._say()

    def _say(self) -> None:
        parts = [self._file, size_text(self._window.size)]
        parts += [f"with '{self._with}'"] if self._with else []
        parts += [f"{self._level} and worse"] if self._level else []
        parts += ["following"] if self._follow else ["stopped: f follows"]
        self.query_one("#shown", Static).update(", ".join(parts))

    # --- moving -----------------------------------------------------------------------------------------------------

    def on_table_moved(self, event: Table.Moved) -> None:
        """Near an end more is asked for; a step up stops following."""
        last, here = len(self._window.lines) - 1, event.table.cursor
        if here < last and self._follow:
            self._follow = False
            self._say()
        if here < LINES // 4 and self._window.before:
            self.run_worker(self._more_above(), group="log")
        elif here > last - LINES // 4 and not self._window.end:
            self.run_worker(self._more_below(), group="log")

    def on_table_opened(self, event: Table.Opened) -> None:
        """Enter shows the line in full."""
        self.do_show()

    def copied(self) -> str:
        """The line under the cursor."""
        at = self.query_one(Table).cursor
        return self._window.lines[at] if at < len(self._window.lines) else ""

    # --- actions ----------------------------------------------------------------------------------------------------

    def do_filter(self) -> None:
        """Opens the filter line."""
        box = self.query_one("#filter", Input)
        box.add_class("-open")
        box.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Asks the node for the lines that fit."""
        self._with = event.value.strip()
        self.query_one("#filter").set_class(bool(self._with), "-open")
        self.query_one(Table).focus()
        self.run_worker(self._open(), exclusive=True, group="log")

    def do_follow(self) -> None:
        """To the end, and on with it."""
        self._follow = not self._follow
        if self._follow:
            self.run_worker(self._open(), exclusive=True, group="log")
        self._say()

    def do_level(self) -> None:
        """The next level."""
        self._level = LEVELS[(LEVELS.index(self._level) + 1) % len(LEVELS)]
        self.run_worker(self._open(), exclusive=True, group="log")

    def do_jump(self) -> None:
        """Asks for a moment."""

        def chosen(text: str | None) -> None:
            if text:
                at = moment_of(text, self.console.now(), self.wording)
                self.run_worker(self._open(at), exclusive=True, group="log")

        label = "10:15, 2026-11-22 10:15, or back from now like 2h"
        check = lambda text: moment_of(text, self.console.now(), self.wording)  # noqa: E731  # a value like the others
        self.app.push_screen(AskLine("Jump to a time", label, check=check), chosen)

    async def do_which(self) -> None:
        """Offers all logs with their sizes."""
        answer = await self.ask("logs")
        if answer is None:
            return
        files = msgspec.convert(answer, list[LogFile])
        words: Mapping[str, Any] = {file.name: f"{file.name:<22} {size_text(file.bytes):>9}  {file.since[:19]}" for file in files}

        def chosen(name: str | None) -> None:
            if name:
                self._file = name
                self.run_worker(self._open(), exclusive=True, group="log")

        self.app.push_screen(Choice("Which log", [file.name for file in files], current=self._file, words=words), chosen)

    def do_search(self) -> None:
        """Asks for a text."""

        def chosen(text: str | None) -> None:
            if text:
                self._searched = text
                self._go(0, 1)

        self.app.push_screen(AskLine("Search", "A text in the lines that are loaded", value=self._searched), chosen)

    def do_next(self) -> None:
        """The next match."""
        self._go(1, 1)

    def do_before(self) -> None:
        """The match before."""
        self._go(-1, -1)

    def _go(self, first: int, step: int) -> None:
        table = self.query_one(Table)
        if not self._searched:
            self.do_search()
            return
        found = self._window.find(self._searched, table.cursor + first, step)
        if found is None:
            self.notify(f"'{self._searched}' is not in the lines that are loaded: / looks through the whole file", markup=False)
            return
        self._follow = False
        self._show(found)

    def do_show(self) -> None:
        """The whole line."""
        if line := self.copied():
            self.app.push_screen(ShowText("Line", line))
