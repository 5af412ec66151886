"""One field of a form on the screen: its label, what one types in, and what is wrong with it."""

from __future__ import annotations

from typing import assert_never

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Label, Select, Static, TextArea

from sitescope_fo.console.view.form import Field
from sitescope_fo.console.widgets.toggle import Toggle

Entry = Input | TextArea | Select[str] | Toggle | Static


class FieldRow(Vertical):
    """See the module. The widget that takes the value has the id `field-NAME`."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field
        self._entry = _entry(field)

    def compose(self) -> ComposeResult:
        """Label and value side by side, a complaint below."""
        with Horizontal(classes="field"):
            yield Label(self.field.label, markup=False)
            yield self._entry
        yield Static("", classes="wrong hidden", markup=False)

    @property
    def entry(self) -> Widget:
        """What one types in."""
        return self._entry

    @property
    def value(self) -> str:
        """What stands in it now."""
        entry = self._entry
        match entry:
            case Toggle():
                return "yes" if entry.value else "no"
            case Input():
                return entry.value
            case TextArea():
                return entry.text
            case Select():
                return str(entry.value)
            case Static():
                return self.field.value
            case _:
                assert_never(entry)

    @value.setter
    def value(self, text: str) -> None:
        if isinstance(self._entry, Input):
            self._entry.value = text
            self._entry.cursor_position = len(text)

    @property
    def line(self) -> str:
        """Of `lines` the one with the cursor, else the value."""
        if isinstance(self._entry, TextArea):
            return self._entry.document.get_line(self._entry.cursor_location[0])
        return self.value

    def complain(self, problem: str) -> None:
        """Says below the field what is wrong; "" = nothing."""
        wrong = self.query_one(".wrong", Static)
        wrong.update(problem)
        wrong.set_class(not problem, "hidden")
        self.mark(wrong=bool(problem))

    def mark(self, *, wrong: bool) -> None:
        """Its colour."""
        self._entry.set_class(wrong, "-invalid")


def _entry(field: Field) -> Entry:
    name = entry_id(field.name)
    if field.locked:
        return Static(field.words.get(field.value, field.value), id=name, markup=False)
    match field.kind:
        case "choice":
            options = [(field.words.get(choice, choice) or "-", choice) for choice in field.choices]
            start = field.value if field.value in field.choices else field.choices[0]
            return Select(options, value=start, allow_blank=False, id=name, compact=True)
        case "bool":
            return Toggle(field.value == "yes", id=name)
        case "lines":
            return TextArea(field.value, id=name, compact=True, tab_behavior="focus")
        case _:
            known = SuggestFromList(field.offers, case_sensitive=False) if field.offers else None
            return Input(field.value, id=name, password=field.kind == "secret", compact=True, suggester=known)


def entry_id(name: str) -> str:
    """The id of the widget of a field."""
    return "field-" + "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
