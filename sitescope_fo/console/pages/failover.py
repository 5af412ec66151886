"""Failover Preferences: the profiles of a failover with all that is known of them, or the failovers of a primary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from sitescope_fo.console.dialogs.confirm import Confirm
from sitescope_fo.console.dialogs.form import FormDialog
from sitescope_fo.console.dialogs.text import ShowText
from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import Page
from sitescope_fo.console.view import profile as view
from sitescope_fo.console.view import profile_form as forms
from sitescope_fo.console.view.form import changed, words_of
from sitescope_fo.console.view.mail_form import mail_set
from sitescope_fo.console.view.said import Cell
from sitescope_fo.console.widgets.bars import content_of
from sitescope_fo.console.widgets.table import Column, Rows, Table
from sitescope_fo.model.command import (
    Activate,
    AnyCommand,
    HoldProfile,
    Mirror,
    PeerAccept,
    PeerRemove,
    ProfileDefaults,
    ProfileEdit,
    ProfileRebind,
    ProfileRemove,
    ReleaseProfile,
    Standby,
    Switchover,
    UnlockProfile,
)
from sitescope_fo.model.duration import parse_duration
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.record import TimelineStep
from sitescope_fo.model.snapshot import PeerPart, ProfilePart
from sitescope_fo.model.width import cells as width_of
from sitescope_fo.model.width import wrap

if TYPE_CHECKING:
    from sitescope_fo.console.actions.action import Action

PROFILES = (
    Column("profile", 10, flex=1),
    Column("state", 13),
    Column("primary", 14, flex=1),
    Column("life", 4, right=True),
    Column("mirror", 8),
    Column("next", 18, flex=4),
)
PEERS = (
    Column("failover", 20, flex=1),
    Column("state", 26, flex=1),
    Column("listed as", 12, flex=1),
    Column("seen", 6, right=True),
)
TIMELINE = (Column("when", 11), Column("state", 14), Column("why, and what was seen", 30, flex=1))
_LABEL = 11
_OF_A_FAILOVER = frozenset(
    {"hold", "release", "mirror", "switchover", "activate", "standby", "unlock", "edit", "rebind", "defaults", "new"}
)
"""Actions that a primary has no profile for."""


class Failover(Page):
    """See the module."""

    scope: ClassVar[str] = "failover"
    BINDINGS = bindings_of("failover")

    def __init__(self) -> None:
        super().__init__()
        self._shown: object = None
        self._told: object = None
        self._steps: list[TimelineStep] = []
        self._numbers: list[int] = []

    def compose_body(self) -> ComposeResult:
        """The list, the sheet of the one under the cursor, and its timeline."""
        yield Table(PROFILES, empty="No profile yet: press n to protect a primary", id="profiles")
        with VerticalScroll(id="sheet", can_focus=False):
            yield Static("", id="lines")
        yield Table(TIMELINE, empty="No change of role on record yet", id="timeline")

    def on_mount(self) -> None:
        """The keys go to the list."""
        self.query_one("#profiles", Table).focus()
        self.news()

    # --- news -------------------------------------------------------------------------------------------------------

    @property
    def primary(self) -> bool:
        """This node is a primary: the list holds its failovers."""
        return self.status is not None and self.status.node.role == "primary"

    def news(self) -> None:
        """The list and the sheet, as far as they say something else."""
        status, wording, now = self.status, self.wording, self.console.now()
        if status is None:
            return
        table = self.query_one("#profiles", Table)
        if self.primary:
            rows = [view.peer_row(peer, wording, now) for peer in status.peers]
            table.set_columns(PEERS)
            table.empty = "No failover protects this node: set one up, and add a profile there for this node"
        else:
            rows = [view.profile_row(profile, wording, now) for profile in status.profiles]
        if rows != self._shown:
            self._shown = rows
            table.source = Rows(rows)
            table.styles.height = min(len(rows) + 1, 7) if rows else 2
            table.renew()
        self._tell()

    def _tell(self) -> None:
        status, wording, now = self.status, self.wording, self.console.now()
        profile = self.profile()
        if profile is not None:
            lines: tuple[view.Line, ...] = view.profile_sheet(profile, wording, now)
            mark: object = profile.last_transition, profile.name
        else:
            lines = view.primary_sheet(status, wording, now) if self.primary and status is not None else ()
            mark = status.node.state if status is not None else ""
        room = max(20, self.size.width - 3 - _LABEL - 2)  # padding, and a scroll bar when there is one
        text = Content("\n").join(_line(line, room) for line in lines)
        widget = self.query_one("#lines", Static)
        if text != widget.content:
            widget.update(text)
        if mark != self._told and (profile is not None or self.primary):
            self._told = mark
            self.run_worker(self._ask_timeline(profile.name if profile is not None else ""), exclusive=True)

    async def _ask_timeline(self, name: str) -> None:
        steps = await self.ask("timeline", {"name": name} if name else {})
        if steps is None:
            return
        self._steps = msgspec.convert(steps, list[TimelineStep])
        rows, self._numbers = view.timeline_rows(self._steps, self.wording, self.console.now())
        table = self.query_one("#timeline", Table)
        table.source = Rows(rows)
        table.renew()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Another profile, another sheet."""
        if event.table.id == "profiles":
            profile = self.profile()
            if profile is not None:
                self.console.profile = profile.name
            self._tell()
            self.show_bars()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Enter edits the profile under the cursor."""
        if event.table.id == "timeline":
            self.app.push_screen(ShowText("Change of role", self._step_in_full(event.index)))
        elif not self.primary:
            self.call_later(self.action_do, "failover.edit")

    def _step_in_full(self, index: int) -> str:
        if index >= len(self._numbers):
            return ""
        step = self._steps[-1 - self._numbers[index]]
        seen = [f"{line.at}  {line.kind}: {line.what}" for line in step.evidence]
        return "\n".join([f"{step.at}  {step.source or '-'} -> {step.to}, term {step.term}", step.why, "", *seen])

    def profile(self) -> ProfilePart | None:
        """The profile under the cursor."""
        if self.status is None or self.primary:
            return None
        at = self.query_one("#profiles", Table).cursor
        return self.status.profiles[at] if at < len(self.status.profiles) else None

    def peer(self) -> PeerPart | None:
        """On a primary: the failover under the cursor."""
        if self.status is None or not self.primary:
            return None
        at = self.query_one("#profiles", Table).cursor
        return self.status.peers[at] if at < len(self.status.peers) else None

    def copied(self) -> str:
        """The whole sheet."""
        return str(self.query_one("#lines", Static).content)

    # --- what is possible -------------------------------------------------------------------------------------------

    def refusal(self, action: Action) -> str:
        """See `Page`: the engine has the last word, this greys what it would refuse anyway."""
        if why := super().refusal(action):
            return why
        verb = action.verb if action.scope == self.scope else ""
        if self.primary and verb in _OF_A_FAILOVER:
            return "This is a primary: its failover decides. Open the failover's console"
        profile = self.profile()
        if verb and verb not in {"new", "defaults"} and profile is None and not self.primary:
            return "There is no profile yet: press n to protect a primary"
        if profile is None:
            return ""
        return _refusal(verb, profile)

    # --- actions ----------------------------------------------------------------------------------------------------

    def do_hold(self) -> None:
        """Asks for how long and why."""
        if (profile := self.profile()) is None:
            return
        name = profile.name

        async def save(values: Mapping[str, str]) -> str:
            for_s = parse_duration(values["for"], where="for")
            return await self._tell_node(HoldProfile(name=name, reason=values["reason"].strip(), for_s=for_s))

        self.app.push_screen(FormDialog(forms.hold_form(name), save))

    async def do_release(self) -> None:
        """Ends the hold."""
        if (profile := self.profile()) is not None:
            await self.command(ReleaseProfile(name=profile.name))

    async def do_unlock(self) -> None:
        """Lifts the lock."""
        if (profile := self.profile()) is not None:
            await self.command(UnlockProfile(name=profile.name))

    def do_mirror(self) -> None:
        """Mirrors in the background; the toast says how it ended."""
        if (profile := self.profile()) is not None:
            self.notify(f"Mirroring {profile.primary.host}", markup=False)
            self.run_worker(self.command(Mirror(name=profile.name)))

    def do_accept(self) -> None:
        """Takes the staged mirror, or trusts the failover under the cursor."""
        if (peer := self.peer()) is not None:
            text = f"{peer.host}:{peer.port} asks to protect this node as {peer.listed_as}. It will read the whole configuration."
            self._confirm("Accept a failover", text, "Accept", PeerAccept(node_id=peer.node_id))
        elif (profile := self.profile()) is not None:
            text = f"The staged mirror of {profile.name} removes many monitors: {profile.mirror.staged}."
            self._confirm("Accept a staged mirror", text, "Accept", Mirror(name=profile.name, accept=True), word=profile.name)

    def do_activate(self) -> None:
        """Takes over now."""
        self._dangerous(
            "Activate", "This node starts to monitor and to alert in place of the primary.", lambda name: Activate(name=name)
        )

    def do_standby(self) -> None:
        """Hands back."""
        self._dangerous("Standby", "This node stops monitoring and the primary goes on.", lambda name: Standby(name=name))

    def do_switchover(self) -> None:
        """Asks for how long."""
        if (profile := self.profile()) is None:
            return
        name = profile.name

        async def save(values: Mapping[str, str]) -> str:
            return await self._tell_node(Switchover(name=name, for_s=parse_duration(values["for"], where="for")))

        self.app.push_screen(FormDialog(forms.switchover_form(name, self._situation(profile)), save))

    def do_rebind(self) -> None:
        """Forgets the bound node."""
        text = "Whichever node answers next at its address with the right passphrase is then protected."
        self._dangerous("Rebind", text, lambda name: ProfileRebind(name=name))

    def do_remove(self) -> None:
        """Removes the profile, or forgets the failover."""
        if (peer := self.peer()) is not None:
            text = (
                f"{peer.host}:{peer.port} is forgotten: it no longer reads the configuration, and no longer protects this node."
            )
            self._confirm("Remove a failover", text, "Remove", PeerRemove(node_id=peer.node_id), word=peer.listed_as)
            return
        text = "Its primary is then no longer protected. Mirror and history stay on disk."
        self._dangerous("Remove", text, lambda name: ProfileRemove(name=name))

    def _dangerous(self, verb: str, consequence: str, body: Any) -> None:  # noqa: ANN401  # makes a command of a name
        if (profile := self.profile()) is not None:
            text = f"{self._situation(profile)}\n\n{consequence}"
            self._confirm(f"{verb} {profile.name}", text, verb, body(profile.name), word=profile.name)

    def _situation(self, profile: ProfilePart) -> str:
        node = self.status.node if self.status is not None else None
        title, host = (node.title, node.host) if node is not None else ("", "")
        return view.situation(profile, self.console.now(), title=title, host=host)

    def _confirm(self, heading: str, text: str, verb: str, body: AnyCommand, *, word: str = "") -> None:
        def confirmed(yes: bool | None) -> None:  # noqa: FBT001  # the toolkit calls it so
            if yes:
                self.run_worker(self.command(body))

        self.app.push_screen(Confirm(heading, text, verb=verb, word=word), confirmed)

    def do_test(self) -> None:
        """Opens the Test dialog."""
        from sitescope_fo.console.dialogs.pair_test import PairTest

        name = self.profile().name if self.profile() else self.peer().listed_as if self.peer() else ""  # type: ignore[union-attr]
        if name:
            self.app.push_screen(PairTest(name))

    def do_new(self) -> None:
        """The form of a new profile."""

        async def save(values: Mapping[str, str]) -> str:
            return await self._tell_node(forms.profile_add(values))

        self.app.push_screen(FormDialog(forms.profile_form(), save))

    async def do_edit(self) -> None:
        """The form with what is set."""
        profile = self.profile()
        current = await self.ask("profile", {"name": profile.name}) if profile is not None else None
        if current is None:
            return
        form = forms.profile_form(current)

        async def save(values: Mapping[str, str]) -> str:
            changes = forms.profile_changes(form, values)
            return await self._tell_node(ProfileEdit(name=current["name"], changes=changes)) if changes else ""

        self.app.push_screen(FormDialog(form, save))

    async def do_defaults(self) -> None:
        """Recipients of role mails, and the mail server."""
        found, mail = await self.ask("defaults"), await self.ask("mail")
        if found is None or mail is None:
            return
        form = forms.defaults_form(tuple(found["notify"]), mail)

        async def save(values: Mapping[str, str]) -> str:
            new = changed(form, values)
            said = ""
            if "notify" in new:
                said = await self._tell_node(ProfileDefaults(notify=words_of(new["notify"])))
            if not said and set(new) - {"notify"}:
                said = await self._tell_node(mail_set({name: value for name, value in new.items() if name != "notify"}))
            return said

        self.app.push_screen(FormDialog(form, save))

    async def _tell_node(self, body: AnyCommand) -> str:
        """A command of a form: "" when it is done, else what the node says against it."""
        try:
            reply = await self.console.client.command(body)
        except SiteScopeError as error:
            return f"{error.what}. {error.hint}"
        if reply.error is not None:
            where = f" ({reply.error.where})" if reply.error.where else ""
            return f"{reply.error.what}{where}. {reply.error.hint}"
        self.notify(reply.text or "Done", markup=False)
        return ""


def _line(line: view.Line, room: int) -> Content:
    """A label and its text; what is too long goes on below the text, not below the label."""
    *first, last = line.cells
    taken = sum(width_of(cell.text) for cell in first)
    parts = wrap(last.text, room - taken if not taken else room, 3) if taken + width_of(last.text) > room else [last.text]
    cells = [*first, Cell(f"\n{'':{_LABEL + 2}}".join(parts), last.tone)]
    return Content.assemble((f"{line.label:>{_LABEL}}  ", "$state-disabled"), content_of(cells))


def _refusal(verb: str, profile: ProfilePart) -> str:
    acting = profile.may_check or profile.position in {"activating", "active", "recovering", "handback"}
    match verb:
        case "release" if not profile.hold:
            return "Nothing is held"
        case "unlock" if "flap_lock" not in profile.conditions:
            return "There is no flap lock"
        case "accept" if not profile.mirror.staged:
            return "No mirror is staged"
        case "activate" | "switchover" if acting:
            return "This node has taken over already"
        case "standby" if not acting:
            return "This node is in standby already"
        case "remove" if acting:
            return "It acts: hand back first, with Standby"
        case _:
            return ""
