"""One monitor: how it is, why, what it is, and its past as a plot. Esc goes back to the list."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import WIDE
from sitescope_fo.console.pages.monitor_edit import EditsMonitors
from sitescope_fo.console.view import monitor as view
from sitescope_fo.console.view.board import Key, key_of
from sitescope_fo.console.view.handling import target
from sitescope_fo.console.view.monitors import Line
from sitescope_fo.console.view.plot import GUTTER, RANGES
from sitescope_fo.console.view.said import Cell
from sitescope_fo.console.widgets.bars import content_of, say
from sitescope_fo.console.widgets.plot import Plot
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.record import MonitorHistory
from sitescope_fo.model.snapshot import MonitorRow
from sitescope_fo.model.width import clean

ASK_EVERY_S = 2.0
PLOT_EVERY_S = 30.0
"""A plot of an hour moves by a column in half a minute; after each change of range or value it is asked for at once."""


class Monitor(EditsMonitors):
    """See the module. Starts with the row of the list; the rest follows."""

    scope: ClassVar[str] = "monitor"
    under: ClassVar[str] = "monitors"
    BINDINGS = bindings_of("monitor")

    def __init__(self, row: MonitorRow) -> None:
        super().__init__()
        self._row = row
        self._key: Key = key_of(row)
        self._path = target(row)
        self._sheet: view.Sheet | None = None
        self._history: MonitorHistory | None = None
        self._range, self._value = "6h", ""
        self._asked_at = self._plotted_at = float("-inf")
        self._ran: object = None
        self._trouble = ""

    def compose_body(self) -> ComposeResult:
        """On a wide screen two columns: what happens, and what it is."""
        yield Static("", id="heading", markup=False)
        with VerticalScroll(id="details"):
            with Vertical(id="left"):
                yield Static("", id="now", markup=False)
                yield Static("", id="caption", markup=False)
                yield Plot(id="plot")
                yield Static("", id="lately", markup=False)
            with Vertical(id="right"):
                yield Static("", id="what", markup=False)

    def on_mount(self) -> None:
        """Keys scroll."""
        self.query_one("#details").focus()
        self.news()

    def on_resize(self) -> None:
        """Another width, other line breaks."""
        super().on_resize()
        self.call_after_refresh(self._tell)

    # --- news -------------------------------------------------------------------------------------------------------

    def row(self) -> MonitorRow | None:
        """As the list knows it now; None when it is gone."""
        return self.feed.board.row(self._key)

    def news(self) -> None:
        """Asks again when the monitor ran or was changed, every two seconds at most; for the plot more rarely."""
        row, now = self.row(), self.feed.steady()
        if row is not None:
            self._row = row
        changed = row != self._ran
        if now - self._asked_at >= ASK_EVERY_S and changed:
            self._asked_at, self._ran = now, row
            self.run_worker(self._ask_sheet(), group="sheet", exclusive=True)
        if now - self._plotted_at >= PLOT_EVERY_S:
            self._replot()
        self._tell()

    async def _ask_sheet(self) -> None:
        try:
            sheet = msgspec.convert(await self.console.client.query("monitor", {"path": self._path}), view.Sheet)
        except (SiteScopeError, msgspec.ValidationError) as error:
            self._trouble = clean(str(error))
        else:
            self._trouble, self._sheet = "", sheet
        self._tell()

    def _replot(self) -> None:
        self._plotted_at = self.feed.steady()
        self.run_worker(self._ask_history(), group="plot", exclusive=True)

    async def _ask_history(self) -> None:
        plot = self.query_one(Plot)
        points = max(60, 2 * (self.size.width - GUTTER))
        params = {"path": self._path, "from": self._range, "points": str(points), "value": self._value}
        try:
            answer = await self.console.client.query("monitor_history", {key: text for key, text in params.items() if text})
            self._history = msgspec.convert(answer, MonitorHistory)
        except (SiteScopeError, msgspec.ValidationError) as error:
            plot.show(None, self.wording, clean(f"No plot: {error}"))
            return
        self._tell()

    def _tell(self) -> None:
        """Every part, as far as it says something else."""
        wording, now = self.wording, self.console.now()
        left, right = self._widths()
        row = self._sheet_now() or self._row
        gone = "  (it is gone from the list)" if self.row() is None and self.feed.loaded else ""
        heading = (Cell(clean(self._row.path)), Cell(f"  {self._row.type}", "quiet"), Cell(gone, "error"))
        self._put("heading", [heading])
        lines = view.now_lines(row, self.feed.units, wording, now, left)
        if self._trouble:
            lines.append((Cell(self._trouble, "error"),))
        sheet = self._sheet
        self._put("now", lines + (view.threshold_lines(sheet, wording, left) if sheet is not None else []))
        self._put("caption", [(), self._caption()])
        if self._history is not None:
            self.query_one(Plot).show(self._history, wording)
        if sheet is not None:
            told = self._history.alerts if self._history is not None else ()
            results = view.result_lines(sheet, wording, now, left)
            self._put("lately", [*results, *view.alert_lines(sheet, told, wording, now, left)])
            what = view.value_lines(sheet, right) + view.setting_lines(sheet, right) + view.chain_lines(sheet, wording, right)
            self._put("what", what)

    def _sheet_now(self) -> view.Sheet | None:
        """The sheet with what the list knows better: the row is four times a second, the sheet every two seconds."""
        if self._sheet is None:
            return None
        return msgspec.structs.replace(self._sheet, **msgspec.structs.asdict(self._row))

    def _caption(self) -> Line:
        history = self._history
        name = history.name if history is not None else ""
        ranges = [
            Cell(f"[{one}]" if one == self._range else f" {one} ", "acting" if one == self._range else "quiet") for one in RANGES
        ]
        return (Cell(clean(name) or "History", "acting"), Cell("  "), *ranges)

    def _widths(self) -> tuple[int, int]:
        width = self.size.width
        if width < WIDE:
            return width - 3, width - 3
        return width - self._right_width() - 3, self._right_width() - 3

    def _right_width(self) -> int:
        return max(40, self.size.width * 2 // 5)

    def _put(self, name: str, lines: list[Line]) -> None:
        widget = self.query_one(f"#{name}", Static)
        say(widget, Content("\n").join(content_of(line) for line in lines), layout=True)

    def copied(self) -> str:
        """Everything that is said of it."""
        parts = [str(self.query_one(f"#{name}", Static).content) for name in ("heading", "now", "lately", "what")]
        return "\n".join(parts)

    def step_back(self) -> bool:
        """Back to the list."""
        self.dismiss()
        return True

    # --- actions ----------------------------------------------------------------------------------------------------

    def do_longer(self) -> None:
        """The next longer range."""
        self._step(1)

    def do_shorter(self) -> None:
        """The next shorter range."""
        self._step(-1)

    def _step(self, by: int) -> None:
        names = list(RANGES)
        at = max(0, min(len(names) - 1, names.index(self._range) + by))
        if names[at] != self._range:
            self._range = names[at]
            self._replot()
            self._tell()

    def do_value(self) -> None:
        """The next value that can be plotted."""
        history = self._history
        if history is None or len(history.names) < 2:
            self.notify("There is no other value to plot", severity="warning")
            return
        at = history.names.index(history.name) + 1 if history.name in history.names else 0
        self._value = history.names[at % len(history.names)]
        self._replot()
