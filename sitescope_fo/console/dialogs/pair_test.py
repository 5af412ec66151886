"""The Test dialog: is this pair fit? Rows appear as the node tells them, each with evidence and remedy."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from sitescope_fo.console.dialogs.dialog import Dialog
from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.view import pair_test as view
from sitescope_fo.console.widgets.bars import content_of, say
from sitescope_fo.console.widgets.table import Column, Table
from sitescope_fo.model.command import CommandReply, MailTest, ProfileTest
from sitescope_fo.model.errors import SiteScopeError, from_body
from sitescope_fo.model.query import CheckRow

COLUMNS = (Column("verdict", 9), Column("what", 11), Column("what was seen", 20, flex=1))
DETAIL_LINES = 4


class PairTest(Dialog[None]):
    """Tests the pair of a profile; on a primary `name` is what its failover lists it as. Esc leaves at any time."""

    BINDINGS: ClassVar = bindings_of("pair_test")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.heading = f"Test {name}"
        self._pair = name
        self._rows: list[CheckRow] = []
        self._running = False
        self._follows = True
        self._put = 0
        """Where the dialog itself put the cursor last."""

    def compose_body(self) -> ComposeResult:
        """Verdict, rows, the one under the cursor in full, and an address."""
        yield Static("", id="verdict", markup=False)
        yield Table(COLUMNS, id="rows")
        yield Static("", id="detail", markup=False)
        with Horizontal(classes="field"):
            yield Label("Test message to", markup=False)
            yield Input(placeholder="the default recipients", id="address", compact=True)

    def buttons(self) -> tuple[tuple[str, str, bool], ...]:
        """With the keys that do the same."""
        key = self.console.key_of
        return (
            ("cancel", "Close", False),
            ("copy", f"Copy all ({key('pair_test.copy')})", False),
            ("again", f"Run again ({key('pair_test.again')})", False),
            ("send", "Send test message", False),
        )

    def on_mount(self) -> None:
        """Starts at once."""
        self.query_one(Table).focus()
        if self.console.read_only:
            self.query_one("#send", Button).disabled = self.query_one("#address", Input).disabled = True
        self.do_again()

    def on_resize(self) -> None:
        """Another width, other line breaks."""
        self.call_after_refresh(self._tell)

    # --- the test ---------------------------------------------------------------------------------------------------

    def do_again(self) -> None:
        """From the first row on."""
        self.run_worker(self._test(), group="test", exclusive=True)

    async def _test(self) -> None:
        self._rows, self._running, self._follows = [], True, True
        self.trouble("")
        self._show()
        try:
            self._rows = await (self._looked_up() if self.console.read_only else self._tested())
        except SiteScopeError as error:
            self.trouble(str(error))
        finally:
            self._running = False
        self._show(view.worst(self._rows) if self._follows else None)

    async def _tested(self) -> list[CheckRow]:
        reply = await self.console.client.command(ProfileTest(name=self._pair), progress=self._came)
        if reply.error is not None:
            raise from_body(reply.error)
        return view.rows_of(reply.result)

    async def _looked_up(self) -> list[CheckRow]:
        """A read-only console carries nothing out; it may look, and gets all rows but those of disk and mail."""
        found = view.rows_of(await self.console.client.query("check", {"what": "pair", "name": self._pair}))
        self.trouble("This console is read-only: disk and mail were not tried")
        return found

    def _came(self, reply: CommandReply) -> None:
        rows = view.rows_of(reply.result)
        if len(rows) > len(self._rows):
            self._rows = rows
            self._show(len(rows) - 1 if self._follows else None)

    # --- the test message -------------------------------------------------------------------------------------------

    def do_mail(self) -> None:
        """The keys go to the address."""
        self.query_one("#address", Input).focus()

    def on_input_submitted(self) -> None:
        """Enter sends."""
        self.do_send()

    def do_send(self) -> None:
        """Sends one, unless one is on its way."""
        button = self.query_one("#send", Button)
        if not button.disabled:
            button.disabled = True
            self.run_worker(self._send(self.query_one("#address", Input).value.strip()), group="mail")

    async def _send(self, to: str) -> None:
        try:
            outcome: CommandReply | SiteScopeError = await self.console.client.command(MailTest(to=to))
        except SiteScopeError as error:
            outcome = error
        self._rows = [*self._rows, view.message_row(outcome, to)]
        self._follows = False
        self._show(len(self._rows) - 1)
        self.query_one("#send", Button).disabled = False

    # --- what is shown ----------------------------------------------------------------------------------------------

    def _show(self, cursor: int | None = None) -> None:
        table = self.query_one(Table)
        table.source = view.Rows(self._rows, self._pair, self.console.wording)
        with table.prevent(Table.Moved):
            table.renew()
            if cursor is not None:
                table.cursor = self._put = cursor
        self._tell()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Whoever moves the cursor keeps it."""
        self._follows = self._follows and event.table.cursor == self._put
        self._tell()

    def _tell(self) -> None:
        table, wording = self.query_one(Table), self.console.wording
        cells = view.verdict(self._rows, self._pair, wording, running=self._running)
        say(self.query_one("#verdict", Static), content_of(cells))
        row = self._rows[table.cursor] if table.cursor < len(self._rows) else None
        lines = view.detail(row, max(20, table.size.width - 1), DETAIL_LINES) if row is not None else []
        say(self.query_one("#detail", Static), Content("\n").join(content_of(line) for line in lines))

    def do_copy(self) -> None:
        """All rows as text."""
        self.console.copy_to_clipboard(f"{self.heading}\n{view.text_of(self._rows)}")
        self.console.notify("Copied")
