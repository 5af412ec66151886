"""Schedules: when monitors run, and when profiles watch and mirror."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sitescope_fo.console.view.form import Field, Form, lines_of
from sitescope_fo.console.view.preferences.section import Choose, Fill, Head, Row, Run, Scene, Section, Step, Sure, text_of
from sitescope_fo.console.view.said import Cell, countdown
from sitescope_fo.model.command import ScheduleAdd, ScheduleEdit, ScheduleRemove
from sitescope_fo.model.width import clean

_KINDS = {
    "range": (
        "windows",
        "Windows",
        'One a line, such as "mon-fri 08:00-18:00"; one that ends before it starts goes past midnight.',
    ),
    "absolute": ("moments", "Moments", 'One a line, such as "mon-sun 06:00".'),
}
SHOWN_USERS = 8
_NOTE = "The times are those of the node's own time zone."


def _rows(scene: Scene) -> list[Row]:
    return [_row(one, scene) for one in scene.answers["schedules"]]


def _row(one: Mapping[str, Any], scene: Scene) -> Row:
    times = "; ".join([*one["windows"], *one["moments"]])
    used = [clean(name) for name in one["used_by"]]
    change = one["next_off"] if one["open"] else one["next_on"]
    word = "" if one["open"] is None else "open, " if one["open"] else "closed, "
    turn = "strikes" if one["open"] is None else "closes" if one["open"] else "opens"
    upcoming = f"{turn} {countdown(change, scene.now)}" if change else "for ever" if one["open"] else "never again"
    name = f"{one['profile']}:{one['name']}" if one["profile"] else one["name"]
    return Row(
        key=name,
        cells=(
            Cell(clean(name)),
            Cell(one["kind"]),
            Cell(clean(times)),
            Cell(f"{word}{upcoming}", "good" if one["open"] else ""),
            Cell(str(len(used)) if used else "-", "" if used else "quiet"),
        ),
        more=f"{clean(times)}. {_users(used)}",
        thing=one,
    )


def _users(names: list[str]) -> str:
    if not names:
        return "Nothing uses it."
    return f"Used by {', '.join(names[:SHOWN_USERS])}" + (
        f" and {len(names) - SHOWN_USERS} more." if names[SHOWN_USERS:] else "."
    )


def _new(scene: Scene) -> Step:
    return Choose(
        heading="New schedule",
        options=(
            ("Range: says when something may happen", _add("range", scene)),
            ("Absolute: says at which moments it happens", _add("absolute", scene)),
        ),
    )


def _add(kind: str, scene: Scene) -> Fill:
    key, label, help_text = _KINDS[kind]
    fields = [
        Field(name="name", label="Name", needed=True, help="Monitors and profiles refer to it by this name."),
        Field(name="times", label=label, kind="lines", needed=True, help=help_text),
    ]
    if scene.acting:
        help_text = "Whose configuration gets it: this node's own, or that of a profile that it has taken over."
        fields.append(Field(name="profile", label="For", kind="choice", choices=("", *scene.acting), help=help_text))

    def made(values: Mapping[str, str]) -> Run:
        given: dict[str, Any] = {
            "name": values["name"].strip(),
            "profile": values.get("profile", ""),
            key: lines_of(values["times"]),
        }
        return Run(body=ScheduleAdd(**given))

    return Fill(form=Form(title=f"New schedule: {kind}", note=_NOTE, fields=tuple(fields), verb="Add"), made=made)


def _edit(scene: Scene) -> Step | str:
    one: Mapping[str, Any] = scene.row.thing
    if why := _not_here(scene, one):
        return why
    key, label, help_text = _KINDS[one["kind"]]
    used = bool(one["used_by"])
    fields = (
        Field(name="name", label="Name", needed=True, value=one["name"], locked=used, help="Of a schedule that nothing uses."),
        Field(name="times", label=label, kind="lines", needed=True, value="\n".join(one[key]), help=help_text),
    )

    def made(values: Mapping[str, str]) -> Run:
        name = values["name"].strip()
        new_name = name if name != one["name"] else ""
        given: dict[str, Any] = {
            "name": one["name"],
            "new_name": new_name,
            "profile": one["profile"],
            key: lines_of(values["times"]),
        }
        return Run(body=ScheduleEdit(**given))

    note = f"{_NOTE} It is in use and keeps its name." if used else _NOTE
    return Fill(form=Form(title=f"Schedule {clean(one['name'])}", note=note, fields=fields), made=made)


def _remove(scene: Scene) -> Step | str:
    one: Mapping[str, Any] = scene.row.thing
    if one["used_by"]:
        return f"It is used by {text_of(one['used_by'][:3])}: change that first"
    if why := _not_here(scene, one):
        return why
    run = Run(body=ScheduleRemove(name=one["name"], profile=one["profile"]))
    return Sure(heading="Remove a schedule", text=f"{clean(one['name'])}\n\nNothing uses it.", verb="Remove", run=run)


def _not_here(scene: Scene, one: Mapping[str, Any]) -> str:
    if one["profile"] and one["profile"] not in scene.acting:
        return f"{clean(one['profile'])} is in standby here, and its schedules are the primary's: change them there"
    return ""


SCHEDULES = Section(
    name="Schedules",
    about="When monitors run, and when profiles watch and mirror",
    queries=("schedules",),
    heads=(
        Head("schedule", 14, flex=2),
        Head("kind", 8, from_width=60),
        Head("times", 10, flex=3, from_width=76),
        Head("next change", 24, flex=1),
        Head("users", 5),
    ),
    rows=_rows,
    empty="No schedule yet: press n to add one",
    new=_new,
    edit=_edit,
    remove=_remove,
    test="A schedule shows its next change here",
)
