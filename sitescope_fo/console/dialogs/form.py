"""A form as a dialog: one line a field, what is wrong said while typing, and the node's own word at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.events import DescendantFocus, Key
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static, TextArea

from sitescope_fo.console.dialogs.dialog import Dialog
from sitescope_fo.console.view.form import Form, placed, problem_of, problems_of
from sitescope_fo.console.widgets.field import FieldRow
from sitescope_fo.model.errors import SiteScopeError

Save = Callable[[Mapping[str, str]], Awaitable[str]]
"""Carries the form out. Gives "" when it is done, else what is wrong, or raises SiteScopeError: the dialog stays open and says
it, at the field that is meant when the error names it."""


_LINES_HIGH = 2
_NOTE_WIDTH = 72
_SHARE = 0.6
"""Of the screen's height, for fields; the rest is frame, hint, trouble and buttons."""


class FormDialog(Dialog[dict[str, str]]):
    """Ends with the values after they were saved, None when nothing was."""

    def __init__(self, form: Form, save: Save) -> None:
        super().__init__()
        self.heading = form.title
        self._form = form
        self._save = save

    def compose_body(self) -> ComposeResult:
        """A note, the fields, and the help of the one that has the focus."""
        if self._form.note:
            yield Static(self._form.note, id="text", markup=False)
        with VerticalScroll(id="fields", can_focus=False):
            section = ""
            for field in self._form.fields:
                if field.section != section:
                    section = field.section
                    yield Label(section, classes="section", markup=False)
                yield FieldRow(field)
        yield Static("", id="hint", markup=False)

    def buttons(self) -> tuple[tuple[str, str, bool], ...]:
        """Cancel and save."""
        return (("cancel", "Cancel", False), ("save", self._form.verb, False))

    def on_mount(self) -> None:
        """The first field that can be changed has the focus."""
        first = next((row for row in self._rows() if not row.field.locked), None)
        if first is not None:
            first.entry.focus()

    def on_resize(self) -> None:
        """A form that needs more than most of the screen takes all of it, and scrolls."""
        rows = sum(_LINES_HIGH if field.kind == "lines" else 1 for field in self._form.fields)
        sections = len({field.section for field in self._form.fields} - {""})
        note = len(self._form.note) // _NOTE_WIDTH
        self.set_class(rows + 2 * sections + note > self.size.height * _SHARE, "-long")

    # --- values -----------------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[FieldRow]:
        return iter(self.query(FieldRow))

    def values(self) -> dict[str, str]:
        """What stands in the fields now."""
        return {row.field.name: row.value for row in self._rows()}

    def _row_of(self, widget: Widget | None) -> FieldRow | None:
        return next((row for row in self._rows() if row.entry is widget), None)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The help of the field."""
        if (row := self._row_of(event.widget)) is not None:
            self._hint(row)

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is wrong with what was typed."""
        self._changed(event.input)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """See `on_input_changed`."""
        self._changed(event.text_area)

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        """The cursor is perhaps on another line."""
        if event.text_area.has_focus and (row := self._row_of(event.text_area)) is not None:
            self._hint(row)

    def _changed(self, widget: Widget) -> None:
        row = self._row_of(widget)
        if row is None:
            return
        row.complain("")
        row.mark(wrong=bool(row.value.strip() and problem_of(row.field, row.value)))
        if widget.has_focus:
            self._hint(row)

    def _hint(self, row: FieldRow) -> None:
        """What is wrong, else what it would do now, else what the field is."""
        field, line = row.field, row.line.strip()
        problem = problem_of(field, row.value) if row.value.strip() else ""
        now = field.preview(line) if field.preview is not None and line and not problem else ""
        down = "Down lists what there is." if field.offers else ""
        hint = self.query_one("#hint", Static)
        hint.update(problem or " ".join(part for part in (now, field.help if not now else "", down) if part))
        hint.set_class(bool(problem), "-wrong")

    def on_key(self, event: Key) -> None:
        """Down and Up step through one-line fields; Down lists what a field offers."""
        row = self._row_of(self.focused)
        if row is None or not isinstance(self.focused, Input) or event.key not in {"down", "up"}:
            return
        event.stop()
        if event.key == "up":
            self.focus_previous()
        elif row.field.offers:
            self._offer(row)
        else:
            self.focus_next()

    def _offer(self, row: FieldRow) -> None:
        from sitescope_fo.console.dialogs.search import Search

        def taken(name: str | None) -> None:
            if name is not None:
                row.value = name

        self.app.push_screen(Search(row.field.label, [(name, "") for name in row.field.offers]), taken)

    # --- the end ----------------------------------------------------------------------------------------------------

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field; from the last one it saves."""
        event.stop()
        row = self._row_of(event.input)
        if row is not None and row.field is self._form.fields[-1]:
            self.call_later(self.do_save)
        else:
            self.focus_next()

    async def do_save(self) -> None:
        """Checks all fields, then asks the node. What it refuses is shown, and nothing that was typed is lost."""
        values = self.values()
        if wrong := problems_of(self._form, values):
            self._say(wrong, "")
            return
        button = self.query_one("#save", Button)
        button.disabled = True
        try:
            said: tuple[dict[str, str], str] = {}, await self._save(values)
        except SiteScopeError as error:
            said = placed(self._form, error)
        button.disabled = False
        self._say(*said)
        if not any(said):
            self.dismiss(values)

    def _say(self, wrong: Mapping[str, str], rest: str) -> None:
        """Each problem at its field, the rest above the buttons; the keys go to the first field that is wrong."""
        first: FieldRow | None = None
        for row in self._rows():
            problem = wrong.get(row.field.name, "")
            row.complain(problem)
            first = row if problem and first is None else first
        count = f"{len(wrong)} fields need a look" if len(wrong) > 1 else next(iter(wrong.values()), "")
        self.trouble("\n".join(text for text in (count, rest) if text))
        if first is not None:
            first.entry.focus()
