"""A form as a dialog: one line a field, what is wrong said while typing, and the node's own word at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.events import DescendantFocus
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Select, Static, TextArea

from sitescope_fo.console.dialogs.dialog import Dialog
from sitescope_fo.console.view.form import Field, Form, problem_of, problems_of
from sitescope_fo.console.widgets.toggle import Toggle
from sitescope_fo.model.errors import SiteScopeError

Save = Callable[[Mapping[str, str]], Awaitable[str]]
"""Carries the form out. Gives "" when it is done, else what is wrong: the dialog stays open and says it."""


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
                with Horizontal(classes="field"):
                    yield Label(field.label, markup=False)
                    yield self._input(field)
        yield Static("", id="hint", markup=False)

    def _input(self, field: Field) -> Widget:
        name = _id(field.name)
        if field.locked:
            return Static(field.value, id=name, markup=False)
        match field.kind:
            case "choice":
                options = [(choice or "-", choice) for choice in field.choices]
                start = field.value if field.value in field.choices else field.choices[0]
                return Select(options, value=start, allow_blank=False, id=name, compact=True)
            case "bool":
                return Toggle(field.value == "yes", id=name)
            case "lines":
                return TextArea(field.value, id=name, compact=True, tab_behavior="focus")
            case _:
                return Input(field.value, id=name, password=field.kind == "secret", compact=True)

    def buttons(self) -> tuple[tuple[str, str, bool], ...]:
        """Cancel and save."""
        return (("cancel", "Cancel", False), ("save", self._form.verb, False))

    def on_mount(self) -> None:
        """The first field that can be changed has the focus."""
        first = next((field for field in self._form.fields if not field.locked), None)
        if first is not None:
            self.query_one(f"#{_id(first.name)}").focus()

    # --- values -----------------------------------------------------------------------------------------------------

    def values(self) -> dict[str, str]:
        """What stands in the fields now."""
        return dict(self._values())

    def _values(self) -> Iterator[tuple[str, str]]:
        for field in self._form.fields:
            widget = self.query_one(f"#{_id(field.name)}")
            if isinstance(widget, Toggle):
                yield field.name, "yes" if widget.value else "no"
            elif isinstance(widget, Select):
                yield field.name, str(widget.value)
            elif isinstance(widget, TextArea):
                yield field.name, widget.text
            elif isinstance(widget, Input):
                yield field.name, widget.value
            else:
                yield field.name, field.value

    def _field_of(self, widget: Widget | None) -> Field | None:
        names = {_id(field.name): field for field in self._form.fields}
        return names.get(widget.id or "") if widget is not None else None

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The help of the field."""
        field = self._field_of(event.widget)
        if field is not None:
            self._hint(field, self.values()[field.name])

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is wrong with what was typed."""
        field = self._field_of(event.input)
        if field is not None:
            self._hint(field, event.value)
            event.input.set_class(bool(problem_of(field, event.value)), "-invalid")

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """See `on_input_changed`."""
        field = self._field_of(event.text_area)
        if field is not None:
            self._hint(field, event.text_area.text)

    def _hint(self, field: Field, value: str) -> None:
        problem = problem_of(field, value) if value.strip() else ""
        self.query_one("#hint", Static).update(problem or field.help)
        self.query_one("#hint").set_class(bool(problem), "-wrong")

    # --- the end ----------------------------------------------------------------------------------------------------

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field; from the last one it saves."""
        event.stop()
        if self._field_of(event.input) is self._form.fields[-1]:
            self.call_later(self.do_save)
        else:
            self.focus_next()

    async def do_save(self) -> None:
        """Checks all fields, then asks the node. What it refuses is shown, and nothing that was typed is lost."""
        values = self.values()
        if wrong := problems_of(self._form, values):
            name, problem = next(iter(wrong.items()))
            self.trouble(problem)
            self.query_one(f"#{_id(name)}").focus()
            return
        button = self.query_one("#save", Button)
        button.disabled = True
        try:
            said = await self._save(values)
        except SiteScopeError as error:
            said = " ".join(part for part in (f"{error.what}.", f"({error.where})" if error.where else "", error.hint) if part)
        button.disabled = False
        if said:
            self.trouble(said)
            return
        self.dismiss(values)


def _id(name: str) -> str:
    return "field-" + "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
