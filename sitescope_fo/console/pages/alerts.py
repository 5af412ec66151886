"""The alerts that apply to a monitor or a group: add, change, test, remove. Esc goes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.app import ComposeResult
from textual.widgets import Static

from sitescope_fo.console.dialogs.confirm import Confirm
from sitescope_fo.console.dialogs.form import FormDialog
from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import Page
from sitescope_fo.console.view import alerts as view
from sitescope_fo.console.view.standing import OWN, Standing, standing
from sitescope_fo.console.widgets.table import Column, Rows, Table
from sitescope_fo.model.command import AlertRemove, AlertTest
from sitescope_fo.model.width import clean

if TYPE_CHECKING:
    from sitescope_fo.console.actions.action import Action

COLUMNS = (
    Column("alert", 14, flex=2),
    Column("on", 8),
    Column("when", 16, flex=1),
    Column("to", 18, flex=3),
    Column("", 4),
    Column("for", 12, flex=2, path=True),
)


class Alerts(Page):
    """See the module."""

    scope: ClassVar[str] = "alerts"
    under: ClassVar[str] = "monitors"
    BINDINGS = bindings_of("alerts")

    def __init__(self, path: str, profile: str) -> None:
        super().__init__()
        self._path, self._profile = path, profile
        self._stands: Standing = OWN
        self._rows: list[view.AlertRow] = []

    def compose_body(self) -> ComposeResult:
        """What they are for, and the list."""
        name = f"{self._profile}:{self._path}" if self._profile else self._path
        yield Static(f"Alerts of {clean(name) or 'the whole node'}", classes="note", markup=False)
        yield Table(COLUMNS, empty=f"Nobody is told: press {self.console.key_of('alerts.new')} to add an alert", id="alerts")

    def on_mount(self) -> None:
        """The keys go to the list."""
        self.table.focus()
        self.run_worker(self._renew(), group="alerts", exclusive=True)

    @property
    def table(self) -> Table:
        """The alerts."""
        return self.query_one("#alerts", Table)

    async def _renew(self) -> None:
        """Asks anew: after the page opened, and after each own change."""
        rows = await self.ask("alerts")
        profile = await self.ask("profile", {"name": self._profile}) if self._profile else None
        if rows is None:
            return
        self._stands = standing(profile) if profile is not None else OWN
        self._rows = view.applying(msgspec.convert(rows, list[view.AlertRow]), self._path, self._profile)
        self.table.source = Rows([view.alert_cells(row, self._path) for row in self._rows])
        self.table.renew()
        self.show_bars()

    def row(self) -> view.AlertRow | None:
        """The alert under the cursor."""
        at = self.table.cursor
        return self._rows[at] if at < len(self._rows) else None

    def refusal(self, action: Action) -> str:
        """See `Page`."""
        why = super().refusal(action)
        if not why and action.scope == self.scope and action.verb != "new" and self.row() is None:
            return "There is no alert under the cursor"
        return why

    def copied(self) -> str:
        """See `Page`."""
        row = self.row()
        return view.alert_sentence(row) if row is not None else ""

    def step_back(self) -> bool:
        """Back to where it was opened."""
        self.dismiss()
        return True

    def on_table_opened(self) -> None:
        """Enter edits."""
        self.call_later(self.action_do, "alerts.edit")

    # --- actions ----------------------------------------------------------------------------------------------------

    def do_new(self) -> None:
        """The form of a new one, for what the page is about."""

        async def save(values: Mapping[str, str]) -> str:
            return await self._saved(view.alert_add(values, self._profile))

        self.app.push_screen(FormDialog(view.alert_form(self._path, self._stands), save))

    def do_edit(self) -> None:
        """The form with what is set."""
        if (row := self.row()) is None:
            return
        form = view.alert_form(self._path, self._stands, row)

        async def save(values: Mapping[str, str]) -> str:
            body = view.alert_edit(form, values, row)
            return await self._saved(body) if body is not None else ""

        self.app.push_screen(FormDialog(form, save))

    async def _saved(self, body: view.AlertCommand) -> str:
        await self.submit(body)
        self.run_worker(self._renew(), group="alerts", exclusive=True)
        return ""

    def do_test(self) -> None:
        """Sends it without holding the page; the toast says which server took it."""
        if (row := self.row()) is not None:
            self.notify(f"Sending a test of {clean(row.name)}", markup=False)
            self.run_worker(self.command(AlertTest(scope=row.scope, name=row.name)), group="test")

    def do_remove(self) -> None:
        """Asks first."""
        if (row := self.row()) is None:
            return
        body = AlertRemove(scope=row.scope, name=row.name, profile=row.profile, force=self._stands.passive)
        note = f"\n{self._stands.note}" if self._stands.note else ""

        def confirmed(yes: bool | None) -> None:  # noqa: FBT001  # the toolkit calls it so
            if yes:
                self.run_worker(self._remove(body), group="confirmed")

        text = f"{view.alert_sentence(row)}{note}"
        self.app.push_screen(Confirm("Remove an alert", text, verb="Remove"), confirmed)

    async def _remove(self, body: AlertRemove) -> None:
        if await self.command(body) is not None:
            await self._renew()
