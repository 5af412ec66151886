"""Preferences: a list of sections, and the one that is chosen with what can be done in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static
from textual.worker import Worker

from sitescope_fo.console.dialogs.choice import Choice
from sitescope_fo.console.dialogs.confirm import Confirm
from sitescope_fo.console.dialogs.form import FormDialog
from sitescope_fo.console.dialogs.once import ShowOnce
from sitescope_fo.console.dialogs.text import ShowText
from sitescope_fo.console.dialogs.working import Progress, Working
from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import WIDE, Page
from sitescope_fo.console.taste import Taste
from sitescope_fo.console.view.preferences.every import SECTIONS
from sitescope_fo.console.view.preferences.section import Choose, Fill, Look, Row, Run, Scene, Section, Show, Step, Sure
from sitescope_fo.console.view.said import Cell
from sitescope_fo.console.widgets.table import Column, Rows, Table
from sitescope_fo.model.command import AnyCommand, CommandReply, Reload
from sitescope_fo.model.errors import SiteScopeError, from_body

if TYPE_CHECKING:
    from sitescope_fo.console.actions.action import Action

LIVE_S = 5.0
"""How often a section that changes by itself is asked for."""
_NAMES = (Column("section", 14), Column("what is in it", 20, flex=1, from_width=40))


class Preferences(Page):
    """See the module."""

    scope: ClassVar[str] = "preferences"
    BINDINGS = bindings_of("preferences")

    def __init__(self) -> None:
        super().__init__()
        self._sections = list(SECTIONS)
        self._scene: Scene | None = None
        """What the section that is shown was made from; None until the node has answered."""
        self._of: Section | None = None
        """The section that is shown."""
        self._rows: list[Row] = []
        self._why = ""
        """Why the node gave no answer."""

    def compose_body(self) -> ComposeResult:
        """The sections, and one of them."""
        with Horizontal():
            yield Table(_NAMES, id="sections")
            with Vertical(id="section"):
                yield Static("", id="about", markup=False)
                yield Table((), id="rows")
                yield Static("", id="more", markup=False)

    def on_mount(self) -> None:
        """The keys go to the list of sections."""
        self._list()
        self.query_one("#sections", Table).focus()
        self.set_interval(LIVE_S, self._live)

    def on_screen_resume(self) -> None:
        """It may have changed meanwhile."""
        super().on_screen_resume()
        self._ask()

    def on_resize(self) -> None:
        """A wider screen shows a section at once."""
        super().on_resize()
        if self.section() is not self._of:
            self._ask()

    def _list(self) -> None:
        table = self.query_one("#sections", Table)
        table.source = Rows([(Cell(one.name), Cell(one.about, "quiet")) for one in self._sections])
        table.renew()

    # --- the section ------------------------------------------------------------------------------------------------

    def section(self) -> Section | None:
        """The one that is on the screen: on a narrow one none until it is opened."""
        if self.size.width < WIDE and not self.has_class("-open"):
            return None
        return self._sections[self.query_one("#sections", Table).cursor]

    def row(self) -> Row | None:
        """The row under the cursor."""
        at = self.query_one("#rows", Table).cursor
        return self._rows[at] if at < len(self._rows) else None

    def _live(self) -> None:
        if self._of is not None and self._of.live and self.is_current:
            self._ask()

    def _ask(self) -> None:
        _: Worker[None] = self.run_worker(self._load, group="section", exclusive=True)

    async def _load(self) -> None:
        if (section := self.section()) is None:
            return
        if section is not self._of:
            self._of, self._scene, self._why = section, None, ""
            self._paint()
        answers: dict[str, Any] = {}
        why = ""
        for query in section.queries:
            try:
                answers[query] = await self.console.client.query(query)
            except SiteScopeError as error:
                if query != section.queries[0]:
                    answers[query] = None
                elif error.code == "not_found":
                    self._drop(section)
                    return
                else:
                    why = str(error)
        self._why = why
        self._scene = self._scene_of(answers) if not why else None
        self._paint()

    def _drop(self, section: Section) -> None:
        """A node of an older release has no such section."""
        self._sections.remove(section)
        self.query_one("#sections", Table).cursor = 0
        self.remove_class("-open")
        self._list()
        self.notify(f"This node has no {section.name}", severity="warning", markup=False)
        self._ask()

    def _scene_of(self, answers: Mapping[str, Any]) -> Scene:
        console = self.console
        profiles = self.status.profiles if self.status is not None else ()
        return Scene(
            answers=answers,
            wording=self.wording,
            now=console.now(),
            taste=console.taste,
            themes=tuple(sorted(console.available_themes)),
            acting=tuple(profile.name for profile in profiles if profile.may_check),
        )

    def _paint(self) -> None:
        section = self._of
        if section is None:
            return
        before = self.row()
        self._rows = list(section.rows(self._scene)) if self._scene is not None else []
        table = self.query_one("#rows", Table)
        table.set_columns([Column(head.title, head.width, head.flex, from_width=head.from_width) for head in section.heads])
        table.source = Rows([row.cells for row in self._rows])
        table.empty = self._why or (section.empty if self._scene is not None else "")
        at = next((at for at, row in enumerate(self._rows) if before is not None and row.key == before.key), table.cursor)
        table.cursor = min(at, max(0, len(self._rows) - 1))
        table.renew()
        self.query_one("#about", Static).update(f"{section.name}: {section.about}")
        self._tell()

    def _tell(self) -> None:
        row = self.row()
        self.query_one("#more", Static).update(row.more if row is not None else "")
        self.show_bars()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Another section, or another row."""
        if event.table.id == "rows":
            self._tell()
        elif self.section() is not self._of:
            self._ask()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Enter goes into the section, and there changes the row."""
        if event.table.id == "rows":
            self.call_later(self.action_do, "preferences.edit")
        else:
            self.do_open()

    def step_back(self) -> bool:
        """From the section to the list."""
        if not self.query_one("#rows", Table).has_focus:
            return False
        self.remove_class("-open")
        self.query_one("#sections", Table).focus()
        self.show_bars()
        return True

    def copied(self) -> str:
        """The row in full."""
        row = self.row()
        return "\n".join([" ".join(cell.text for cell in row.cells), row.more]) if row is not None else ""

    # --- what is possible -------------------------------------------------------------------------------------------

    def refusal(self, action: Action) -> str:
        """See `Page`."""
        why, section = super().refusal(action), self.section()
        if action.scope != self.scope or action.verb in {"reload", "open"}:
            return why
        if section is None:
            return "Open a section first, with Enter"
        if why and not section.local:
            return why
        step = self._step(action.verb)
        return step if isinstance(step, str) else ""

    def _step(self, verb: str) -> Step | str:
        section, scene, row = self._of, self._scene, self.row()
        if section is None or scene is None:
            return self._why or "The node has not answered yet"
        does = {"new": section.new, "edit": section.edit, "remove": section.remove, "test": section.test}[verb]
        if not callable(does):
            return does
        if row is not None:
            return does(msgspec.structs.replace(scene, row=row))
        whole = verb == "new" or (verb == "test" and not section.tests_rows)
        return does(scene) if whole else "There is nothing under the cursor"

    # --- actions ----------------------------------------------------------------------------------------------------

    def do_open(self) -> None:
        """Goes into the section."""
        self.add_class("-open")
        self._ask()
        self.query_one("#rows", Table).focus()

    def do_new(self) -> None:
        """Adds something to the section."""
        self._take("new")

    def do_edit(self) -> None:
        """Changes the row."""
        self._take("edit")

    def do_remove(self) -> None:
        """Removes it."""
        self._take("remove")

    def do_test(self) -> None:
        """Tries it."""
        self._take("test")

    async def do_reload(self) -> None:
        """The node reads its files, and the page what they say."""
        await self.command(Reload(), "The configuration was read again")
        self._ask()

    def _take(self, verb: str) -> None:
        step = self._step(verb)
        if not isinstance(step, str):
            self.follow(step)

    def follow(self, step: Step) -> None:
        """Carries a step out, and those that follow from it."""
        match step:
            case Fill():
                self._fill(step)
            case Sure(run=run):
                dialog = Confirm(step.heading, step.text, verb=step.verb, word=step.word)
                self.app.push_screen(dialog, lambda yes: self.follow(run) if yes else None)
            case Choose(options=options):
                words = {str(at): sentence for at, (sentence, _) in enumerate(options)}
                chosen = Choice(step.heading, list(words), words=words)
                self.app.push_screen(chosen, lambda at: self.follow(options[int(at)][1]) if at else None)
            case Show():
                text = step.text if isinstance(step.text, str) else step.text()
                self.app.push_screen(ShowOnce(step.heading, text, step.secret) if step.secret else ShowText(step.heading, text))
            case Run():
                self._wait(
                    step.saying, lambda progress: self._carry_out(step.body, progress), lambda reply: self._done(step, reply)
                )
            case Look():
                asked = step
                self._wait(
                    step.saying,
                    lambda _: self.console.client.query(asked.query, asked.params),
                    lambda answer: self.follow(asked.then(answer)),
                )

    def _wait(self, saying: str, work: Callable[[Progress], Any], done: Callable[[Any], None]) -> None:
        def ended(what: Any) -> None:  # noqa: ANN401  # what `work` gives
            if isinstance(what, SiteScopeError):
                self.complain(what)
            elif what is not None:
                done(what)

        self.app.push_screen(Working(saying, work), ended)

    async def _carry_out(self, body: AnyCommand, progress: Progress | None = None) -> CommandReply:
        reply = await self.console.client.command(body, progress=progress)
        if reply.error is not None:
            raise from_body(reply.error)
        return reply

    def _done(self, run: Run, reply: CommandReply) -> None:
        self._ask()
        step = run.then(reply) if run.then is not None else None
        if step is not None:
            self.follow(step)
        else:
            self.notify(reply.text or "Done", markup=False)

    def _fill(self, step: Fill) -> None:
        after: list[Callable[[], None]] = []

        async def save(values: Mapping[str, str]) -> str:
            made = await asyncio.get_running_loop().run_in_executor(None, step.made, values)
            if isinstance(made, Taste):
                after.append(lambda: self._like(made))
            elif made.saying:
                after.append(lambda: self.follow(made))
            else:
                reply = await self._carry_out(made.body)
                after.append(lambda: self._done(made, reply))
            return ""

        dialog = FormDialog(step.form, save)
        dialog.set_class(step.tall, "-tall")
        self.app.push_screen(dialog, lambda values: after[-1]() if values is not None else None)

    def _like(self, taste: Taste) -> None:
        """What can change at once does."""
        console = self.console
        console.taste, console.theme = taste, taste.theme
        console.reword(msgspec.structs.replace(self.wording, plain=taste.plain, local=taste.clock == "local"))
        console.keep_taste()
        self._ask()
