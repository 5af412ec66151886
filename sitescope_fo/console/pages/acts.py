"""A page on which keys act on one monitor: acknowledge, downtime, run now, on and off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from sitescope_fo.console.dialogs.choice import Choice
from sitescope_fo.console.dialogs.confirm import Confirm
from sitescope_fo.console.dialogs.form import FormDialog
from sitescope_fo.console.page import Page
from sitescope_fo.console.view import handling
from sitescope_fo.model.command import AnyCommand, DowntimeEnd, MonitorEnable, MonitorRun, Unack
from sitescope_fo.model.errors import SiteScopeError, from_body
from sitescope_fo.model.snapshot import MonitorRow
from sitescope_fo.model.width import clean

if TYPE_CHECKING:
    from sitescope_fo.console.actions.action import Action

ACTS = frozenset({"acknowledge", "downtime", "run", "enable", "details"})
_Severity = Literal["information", "warning", "error"]
_SEVERITY: dict[str, _Severity] = {"warning": "warning", "error": "error", "nodata": "warning"}


class ActsOnMonitor(Page):
    """Sub-classes say which monitor in `row`."""

    def row(self) -> MonitorRow | None:
        """The monitor that keys act on."""
        return None

    def refusal(self, action: Action) -> str:
        """See `Page`."""
        why = super().refusal(action)
        if not why and action.scope == self.scope and action.verb in ACTS:
            why = handling.refusal(action.verb, self.row(), self.status)
        return why

    def do_acknowledge(self) -> None:
        """Asks for a comment; an acknowledged problem asks whether it is to be taken back."""
        if (row := self.row()) is None:
            return
        if row.acknowledged:
            text = handling.ack_text(row, self.wording, self.console.now())
            self._confirm("Take an acknowledgement back", text, "Take back", Unack(path=handling.target(row)))
            return

        async def save(values: Mapping[str, str]) -> str:
            return await self.submit(handling.ack_of(row, values))

        self.app.push_screen(FormDialog(handling.ack_form(row), save))

    def do_downtime(self) -> None:
        """Asks for scope, reason and time; in a downtime, whether it is to end."""
        if (row := self.row()) is None:
            return
        if row.downtime is None:
            self._plan(row)
            return
        down, wording, now = row.downtime, self.wording, self.console.now()

        def chosen(what: str | None) -> None:
            if what == "end":
                text = handling.downtime_text(row, wording, now)
                self._confirm("End a downtime", text, "End it", DowntimeEnd(id=down.id))
            elif what == "plan":
                self._plan(row)

        words = {"end": f"End the running one: {clean(down.reason)}", "plan": "Plan another one"}
        self.app.push_screen(Choice("Downtime", ["end", "plan"], current="end", words=words), chosen)

    def _plan(self, row: MonitorRow) -> None:
        async def save(values: Mapping[str, str]) -> str:
            return await self.submit(handling.downtime_of(values))

        self.app.push_screen(FormDialog(handling.downtime_form(row), save))

    def do_run(self) -> None:
        """Runs it without holding the page; the result comes as a toast."""
        if (row := self.row()) is not None:
            self.notify(f"Running {clean(row.name)}", markup=False)
            self.run_worker(self._run(handling.target(row)), group="run")

    async def _run(self, path: str) -> None:
        try:
            reply = await self.console.client.command(MonitorRun(path=path))
            if reply.error is not None:
                raise from_body(reply.error)
        except SiteScopeError as error:
            self.complain(error)
            return
        if not isinstance(reply.result, dict):
            self.notify(reply.text or "Done", markup=False)
            return
        row = msgspec.convert(reply.result, MonitorRow)
        self.notify(handling.run_text(row), severity=_SEVERITY.get(row.status, "information"), markup=False)

    def do_enable(self) -> None:
        """Off asks first: nobody is told of a monitor that does not run."""
        if (row := self.row()) is None:
            return
        body = MonitorEnable(path=row.path, enabled=not row.enabled, profile=row.profile)
        if row.enabled:
            text = f"{clean(row.path)}\n\nSwitched off, it does not run, and nobody is told when it breaks."
            self._confirm("Switch a monitor off", text, "Switch off", body)
        else:
            self.run_worker(self.command(body, f"{row.name} is on"), group="enable")

    def _confirm(self, heading: str, text: str, verb: str, body: AnyCommand) -> None:
        def confirmed(yes: bool | None) -> None:  # noqa: FBT001  # the toolkit calls it so
            if yes:
                self.run_worker(self.command(body), group="confirmed")

        self.app.push_screen(Confirm(heading, text, verb=verb), confirmed)
