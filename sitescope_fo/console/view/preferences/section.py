"""What a section of Preferences is: a list made from the node's answers, and for each key the step it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sitescope_fo.console.taste import Taste
from sitescope_fo.console.view.form import Field, Form
from sitescope_fo.console.view.said import Cell, Wording
from sitescope_fo.model.command import AnyCommand, CommandReply
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.width import clean

ROLES = ("viewer", "operator", "administrator")


class Head(msgspec.Struct, frozen=True):
    """One column: at least `width` wide; what is left goes to those with `flex`."""

    title: str
    width: int
    flex: int = 0
    from_width: int = 0
    """Shown only when the list is that wide."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row."""

    key: str
    """What it is called: the cursor follows it when the list changes."""
    cells: tuple[Cell, ...]
    more: str = ""
    """What does not fit into the row; shown below the list."""
    thing: Any = None
    """What it was made from."""


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """All that a section may know."""

    answers: Mapping[str, Any]
    """Query -> what the node answered."""
    row: Row = Row(key="", cells=())
    """The one under the cursor."""
    wording: Wording = Wording()
    now: float = 0.0
    taste: Taste = Taste()
    themes: tuple[str, ...] = ()
    acting: tuple[str, ...] = ()
    """Profiles that this node has taken over: their mirrored configuration can be edited here."""


# --- steps: what follows when a key was pressed ---------------------------------------------------------------------


class Show(msgspec.Struct, frozen=True, kw_only=True):
    """Text to read; `secret` is shown this once, and can be copied."""

    heading: str
    text: str | Callable[[], str]
    """Made when it is shown, if that takes time."""
    secret: str = ""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the node and what follows from its answer."""

    query: str
    params: Mapping[str, str]
    then: Callable[[Any], Step]
    saying: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A command, and what follows when it is done; None = a word that it is. `saying`: what is said meanwhile."""

    body: AnyCommand
    saying: str = ""
    then: Callable[[CommandReply], Step | None] | None = None


class Sure(msgspec.Struct, frozen=True, kw_only=True):
    """A command that waits for a yes, or for `word` to be typed."""

    heading: str
    text: str
    verb: str
    run: Run
    word: str = ""


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """A form. `made` gives what it comes to (another taste is the console's own matter); it may block, and raises SiteScopeError.

    A `Run` that says something takes its time: the form closes, and it can be watched and left.
    """

    form: Form
    made: Callable[[Mapping[str, str]], Run | Taste]
    tall: bool = False
    """One field that takes the whole screen."""


class Choose(msgspec.Struct, frozen=True, kw_only=True):
    """One of several steps, each by its sentence."""

    heading: str
    options: tuple[tuple[str, Step], ...]


Step = Show | Look | Run | Sure | Fill | Choose
Does = Step | str | Callable[[Scene], Step | str]
"""What a key does; a text says why it does nothing now."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One section."""

    name: str
    about: str
    heads: tuple[Head, ...]
    rows: Callable[[Scene], Sequence[Row]]
    queries: tuple[str, ...] = ()
    """All are asked; a node that does not know the first has no such section."""
    empty: str = ""
    """What an empty list says."""
    new: Does = "Nothing is added here"
    edit: Does = "This cannot be changed here"
    remove: Does = "This cannot be removed"
    test: Does = "There is nothing to test here"
    tests_rows: bool = False
    """A test is of the row under the cursor, not of the whole."""
    live: bool = False
    """It changes by itself: asked for again every few seconds."""
    local: bool = False
    """It is about this console, not the node."""


# --- what several sections need -------------------------------------------------------------------------------------


def text_of(value: Any) -> str:  # noqa: ANN401  # any JSON value
    """A setting as people write it; "-" for none."""
    if value is None or value in ("", [], ()):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(text_of, value))
    return clean(f"{value:g}" if isinstance(value, float) else str(value))


def twice(label: str, *, help: str, check: Callable[[str], object] | None = None, needed: bool = True) -> tuple[Field, ...]:  # noqa: A002
    """The two fields of a secret; `typed_twice` compares them."""
    return (
        Field(name="secret", label=label, kind="secret", needed=needed, help=help, check=check),
        Field(name="again", label="The same again", kind="secret", needed=needed, help="So that a slip of the finger is seen."),
    )


def typed_twice(values: Mapping[str, str]) -> str:
    """The secret. Raises Usage when it was not typed twice alike."""
    if values["secret"] != values["again"]:
        raise Usage("The two are not the same", hint="Type both again", code="differs")
    return values["secret"]


def verdicts(heading: str, rows: Any, wording: Wording) -> Show:  # noqa: ANN401  # JSON
    """Rows of a check: verdict and evidence, the remedy below."""
    lines = []
    for row in rows if isinstance(rows, list) else []:
        lines.append(f"{wording.state(row['verdict']).text:<10} {clean(row['id'])}: {clean(row['evidence'])}")
        if row.get("remedy") and row["verdict"] != "good":
            lines.append(f"{'':<10} > {clean(row['remedy'])}")
    return Show(heading=heading, text="\n".join(lines) or "There is nothing to check")
