"""Console: what this operator likes. Kept in a file of the operator's own, not on the node."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sitescope_fo.console.taste import Taste
from sitescope_fo.console.view.form import Field, Form
from sitescope_fo.console.view.preferences.section import Fill, Head, Row, Scene, Section, Step, text_of
from sitescope_fo.console.view.said import Cell

_ABOUT = {
    "theme": "The colours; Ctrl+T tries them one by one.",
    "clock": "How times are written; Ctrl+U turns it.",
    "mouse": "Clicks and the wheel work; off, the terminal's own selection does. From the next start on.",
    "slow": "One look a second instead of four, for thin lines. From the next start on.",
    "ascii": "Plain letters instead of marks such as \u2713.",
    "keys": 'Other keys for actions, under [keys] in this file: "everywhere.help" = "f1". The names are in docs/keys.md.',
}


def _rows(scene: Scene) -> list[Row]:
    taste = scene.taste
    values = {name: text_of(getattr(taste, name)) for name in ("theme", "clock", "mouse", "slow", "ascii")}
    moved = f"{len(taste.keys)} of their own" if taste.keys else "as they come"
    values["keys"] = f"{moved}; file {taste.file or 'none'}"
    return [Row(key=name, cells=(Cell(name), Cell(value)), more=_ABOUT[name]) for name, value in values.items()]


def _edit(scene: Scene) -> Step | str:
    if scene.row.key == "keys":
        return f"Edit {scene.taste.file or 'console.toml'} with your editor and start the console again"
    taste = scene.taste
    choices = {"theme": scene.themes, "clock": ("utc", "local")}
    fields = tuple(
        Field(
            name=name,
            label="Plain letters" if name == "ascii" else name.capitalize(),
            kind="choice" if name in choices else "bool",
            choices=choices.get(name, ()),
            value=text_of(getattr(taste, name)),
            help=_ABOUT[name],
        )
        for name in ("theme", "clock", "mouse", "slow", "ascii")
    )

    def made(values: Mapping[str, str]) -> Taste:
        flags = {name: values[name] == "yes" for name in ("mouse", "slow", "ascii")}
        return msgspec.structs.replace(taste, theme=values["theme"], clock=values["clock"], **flags)

    note = f"Kept in {taste.file}." if taste.file else "There is no file to keep it in."
    return Fill(form=Form(title="Console", note=note, fields=fields), made=made)


CONSOLE = Section(
    name="Console",
    about="Theme, clock, mouse, keys: yours, not the node's",
    heads=(Head("setting", 10), Head("value", 20, flex=1)),
    rows=_rows,
    new="The settings are all here: change them with e",
    edit=_edit,
    remove="A setting is not removed: change it with e",
    local=True,
)
