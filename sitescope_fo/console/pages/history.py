"""The snapshots of a mirror: listed, verified, shown, compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from textual.app import ComposeResult
from textual.widgets import Static

from sitescope_fo.console.dialogs.text import ShowText
from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import Page
from sitescope_fo.console.view import history as view
from sitescope_fo.console.widgets.table import Column, Rows, Table
from sitescope_fo.model.command import HistoryVerify
from sitescope_fo.model.errors import SiteScopeError, from_body

if TYPE_CHECKING:
    from sitescope_fo.console.actions.action import Action

COLUMNS = (
    Column("", 1),
    Column("at", 16),
    Column("age", 4, right=True),
    Column("kind", 10),
    Column("size", 8, right=True),
    Column("monitors", 8, right=True),
    Column("revision", 8),
    Column("base", 8, from_width=90),
    Column("proof", 11, flex=1),
)
ASK_EVERY_S = 15.0
MOST_PAGES = 5
"""Pages of a comparison that are read: 1,000 changes."""


class History(Page):
    """See the module."""

    scope: ClassVar[str] = "history"
    BINDINGS = bindings_of("history")

    def __init__(self) -> None:
        super().__init__()
        self._found: list[view.Snapshot] = []
        self._marked: list[str] = []
        self._proofs: dict[str, str] = {}
        self._of: tuple[str, int] | None = None

    def compose_body(self) -> ComposeResult:
        """What it is about, and the list."""
        yield Static("", id="shown", classes="note", markup=False)
        yield Table(COLUMNS, empty=view.EMPTY, id="snapshots")

    def on_mount(self) -> None:
        """The keys go to the list."""
        self.query_one(Table).focus()
        self.news()

    @property
    def primary(self) -> bool:
        """Whether this node is a primary, which mirrors nobody."""
        return self.status is not None and self.status.node.role == "primary"

    def profile(self) -> str:
        """The profile that is selected, else the first one, "" for none."""
        names = [one.name for one in self.status.profiles] if self.status is not None else []
        return self.console.profile if self.console.profile in names else next(iter(names), "")

    def news(self) -> None:
        """Asks again when another profile is selected, and now and then."""
        if self.status is None:
            return
        name = self.profile()
        turn = int(self.feed.steady() // ASK_EVERY_S)
        if self._of != (name, turn):
            if self._of is None or self._of[0] != name:
                self._found, self._marked, self._proofs = [], [], {}
            self._of = (name, turn)
            if name:
                self.run_worker(self._ask(name), group="history", exclusive=True)
        self._tell()

    async def _ask(self, name: str) -> None:
        answer = await self.ask("history", {"name": name})
        if answer is not None and self.profile() == name:
            self._found = msgspec.convert(answer, list[view.Snapshot])
            self._tell()

    def _tell(self) -> None:
        name, table, now = self.profile(), self.query_one(Table), self.console.now()
        said = view.ON_A_PRIMARY if self.primary else f"Snapshots of {name}, newest first" if name else view.NO_PROFILE
        self.query_one("#shown", Static).update(said)
        table.empty = view.EMPTY if name else ""
        cells = [
            view.row(one, self.wording, now, marked=one.snapshot in self._marked, proof=self._proofs.get(one.snapshot, ""))
            for one in self._found
        ]
        table.source = Rows(cells)
        table.renew()

    def snapshot(self) -> str:
        """The one under the cursor, "" for none."""
        at = self.query_one(Table).cursor
        return self._found[at].snapshot if at < len(self._found) else ""

    def copied(self) -> str:
        """The name of its file."""
        return self.snapshot()

    def refusal(self, action: Action) -> str:
        """See `Page`. Verifying is a command, which a read-only console does not send."""
        if why := super().refusal(action):
            return why
        if action.scope != self.scope:
            return ""
        if self.primary:
            return "Snapshots lie on the failover: open its console"
        if action.verb == "restore":
            return view.RESTORE
        if not self._found:
            return view.EMPTY
        if action.verb.startswith("verify") and self.console.read_only:
            return "This console is read-only; Show verifies, too"
        return ""

    # --- actions ----------------------------------------------------------------------------------------------------

    def on_table_opened(self, event: Table.Opened) -> None:
        """Enter shows it."""
        self.call_later(self.action_do, "history.show")

    def step_back(self) -> bool:
        """Esc stops verifying."""
        under_way = [worker for worker in self.workers if worker.group == "verify" and worker.is_running]
        for worker in under_way:
            worker.cancel()
        return bool(under_way)

    def do_mark(self) -> None:
        """At most two are marked: a third takes the place of the older mark."""
        one = self.snapshot()
        self._marked = [name for name in self._marked if name != one] if one in self._marked else [*self._marked, one][-2:]
        self._tell()

    def do_verify(self) -> None:
        """The one under the cursor."""
        self.run_worker(self._verify(self.profile(), [self.snapshot()]), group="verify", exclusive=True)

    def do_verify_all(self) -> None:
        """All, each with its own verdict."""
        names = [one.snapshot for one in self._found]
        self.run_worker(self._verify(self.profile(), names), group="verify", exclusive=True)

    async def _verify(self, profile: str, names: list[str]) -> None:
        bad = 0
        for name in names:
            self._proofs[name] = "waiting"
            self._tell()
            proof = ""
            try:
                reply = await self.console.client.command(HistoryVerify(name=profile, snapshot=name))
                if reply.error is not None:
                    raise from_body(reply.error)
                proof = "verified"
            except SiteScopeError as error:
                proof = "bad" if error.code == "snapshot_damaged" else ""
                bad += 1
                self.complain(error)
            finally:
                self._proofs[name] = proof
            self._tell()
        if not bad:
            self.notify(f"{len(names)} of {len(names)} verified: every file is as recorded", markup=False)

    def do_show(self) -> None:
        """Reads it without holding the page."""
        self.run_worker(self._show(self.profile(), self.snapshot()), group="show", exclusive=True)

    async def _show(self, profile: str, name: str) -> None:
        answer = await self.ask("history_show", {"name": profile, "snapshot": name})
        if answer is not None:
            self._proofs[name] = "verified"
            self._tell()
            self.app.push_screen(ShowText(name, "\n".join(view.held_lines(answer))))

    def do_diff(self) -> None:
        """Two marked ones, the older first, or the one under the cursor against the mirror in force."""
        order = [one.snapshot for one in reversed(self._found)]
        pair = sorted(self._marked, key=order.index) if len(self._marked) == 2 else [self.snapshot(), "current"]
        self.run_worker(self._diff(self.profile(), pair[0], pair[1]), group="show", exclusive=True)

    async def _diff(self, profile: str, old: str, new: str) -> None:
        answers: list[Mapping[str, Any]] = []
        offset: int | None = 0
        while offset is not None and len(answers) < MOST_PAGES:
            answer = await self.ask("history_diff", {"name": profile, "a": old, "b": new, "offset": str(offset)})
            if answer is None:
                return
            answers.append(answer)
            offset = answer["next"]
        self.app.push_screen(ShowText("What changed", "\n".join(view.change_lines(answers))))

    def do_restore(self) -> None:
        """Refused with the reason, see `refusal`."""
