"""New, Copy and Edit of a monitor: a form made from its type."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from sitescope_fo.console.view.form import Check, Field, Form
from sitescope_fo.console.view.monitor_values import LEVELS, Texts, current_texts, default_texts
from sitescope_fo.console.view.setting_fields import PREFIX, SHOWN_SECRET, setting_fields
from sitescope_fo.console.view.standing import OWN, Standing, force_field
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import Value
from sitescope_fo.model.monitor_type import TypeSpec
from sitescope_fo.monitors.thresholds import compiled

CONDITIONS = ("good", "warning", "error", "nodata")
LEAST_FREQUENCY_S = 1.0
_MOST_COMPARED = 500
"""Comparing letters with 10,000 names at each key would be felt."""


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What a form offers, and what becomes of the edit."""

    groups: tuple[str, ...] = ()
    monitors: tuple[str, ...] = ()
    """Paths in the tree of the monitor."""
    schedules: tuple[str, ...] = ()
    depends: str = ""
    """What the monitor's group depends on: it does, too, unless it says otherwise."""
    stands: Standing = OWN


def types_of(answer: Any) -> dict[str, TypeSpec]:  # noqa: ANN401  # JSON
    """The types of the `types` query, by name."""
    return {spec.name: spec for spec in msgspec.convert(answer, list[TypeSpec])}


def type_rows(types: Mapping[str, TypeSpec]) -> list[tuple[str, str]]:
    """(name, what it is) of each, to choose from; the sentence also holds what others call it, so that a search finds it."""
    return [(spec.name, spec.help + (f" ({', '.join(spec.other_words)})" if spec.other_words else "")) for spec in types.values()]


def inherited(groups: Iterable[Mapping[str, Any]], group: str, profile: str) -> str:
    """What the monitors of a group depend on by it or by the nearest group above; "" = nothing. `groups`: that query."""
    depends = {row["path"]: row["depends_on"] for row in groups if row["profile"] == profile}
    parts = group.split("/")
    above = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((depends[path] for path in above if depends.get(path)), "")


def new_form(spec: TypeSpec, around: Around, *, group: str, sheet: Mapping[str, Any] | None = None) -> Form:
    """A new monitor of that type; with `sheet` a copy of that one. Secrets are not copied."""
    texts = _own(current_texts(spec, sheet), around) if sheet is not None else default_texts(spec)
    lost = [name.removeprefix(PREFIX) for name, text in texts.items() if text == SHOWN_SECRET]
    note = around.stands.note
    if lost:
        note = f"{note}\nNot copied, because it is secret: {', '.join(lost)}. Type it again.".strip()
    texts = {name: "" if text == SHOWN_SECRET else text for name, text in texts.items()}
    name = f"{texts.get('name', '')} copy" if sheet is not None else ""
    place = Field(
        name="group",
        label="Group",
        value=group,
        needed=True,
        offers=around.groups,
        check=group_problem,
        help="Where it stands, like Servers/Web; a new group is made.",
        about=("not_found",),
    )
    return Form(
        title=f"Copy {sheet['config']['name']}" if sheet is not None else f"New {spec.name} monitor",
        fields=_fields(spec, {**texts, "name": name}, around, (place,)),
        note=note,
        verb="Add",
    )


def edit_form(spec: TypeSpec, around: Around, sheet: Mapping[str, Any]) -> Form:
    """What is set, to be changed. A threshold says whether it holds for what was measured last."""
    values = {row["name"]: row["value"] for row in sheet.get("values", ())}
    fields = _fields(spec, _own(current_texts(spec, sheet), around), around, (), values)
    return Form(title=f"Edit {sheet['path']} ({spec.name})", fields=fields, note=around.stands.note)


def _own(texts: Texts, around: Around) -> Texts:
    """Without what comes from the group."""
    if texts["depends_on"] and texts["depends_on"] == around.depends:
        return {**texts, "depends_on": "", "depends_condition": "good"}
    return texts


def _fields(
    spec: TypeSpec, texts: Texts, around: Around, first: tuple[Field, ...], values: Mapping[str, Value] | None = None
) -> tuple[Field, ...]:
    needed, settings = setting_fields(spec, texts, f"Settings of {spec.name}")
    forced = force_field(around.stands)
    return (
        *((forced,) if forced is not None else ()),
        *first,
        Field(
            name="name",
            label="Name",
            value=texts.get("name", ""),
            needed=True,
            check=_name,
            help="Its name in the group.",
            about=("duplicate_name",),
        ),
        *needed,
        Field(
            name="frequency",
            label="Every",
            kind="duration",
            value=texts["frequency"],
            least=LEAST_FREQUENCY_S,
            help=f"How often it runs: 30s, 1m, 1h. Empty: {format_duration(spec.default_frequency_s)}.",
        ),
        Field(name="enabled", label="Enabled", kind="bool", value=texts["enabled"], help="Off: it does not run."),
        *settings,
        *_thresholds(spec, texts, values),
        *_timing(texts, around),
    )


def _thresholds(spec: TypeSpec, texts: Texts, values: Mapping[str, Value] | None) -> list[Field]:
    known = ", ".join(f"{value.name} ({value.unit})" if value.unit else value.name for value in spec.values)
    return [
        Field(
            name=name,
            label=label,
            kind="lines",
            value=texts[name],
            check=partial(compiled, spec=spec),
            preview=partial(holds, spec=spec, values=values) if values else None,
            help=f"One expression a line, one is enough. Empty: as the type says. Values: {known}.",
            section="Thresholds",
        )
        for name, label in LEVELS
    ]


def _timing(texts: Texts, around: Around) -> list[Field]:
    section = "When it runs"
    return [
        Field(
            name="error_frequency",
            label="In error every",
            kind="duration",
            value=texts["error_frequency"],
            least=LEAST_FREQUENCY_S,
            help="How often it runs while in error. Empty: no difference.",
            section=section,
        ),
        Field(
            name="verify_error",
            label="Verify error",
            kind="bool",
            value=texts["verify_error"],
            help="Run again at once before an error counts.",
            section=section,
        ),
        Field(
            name="schedule",
            label="Schedule",
            value=texts["schedule"],
            offers=around.schedules,
            check=one_of(around.schedules, "schedule"),
            help="Run only within this schedule. Empty: always.",
            section=section,
        ),
        Field(
            name="depends_on",
            label="Depends on",
            value=texts["depends_on"],
            offers=around.monitors,
            check=one_of(around.monitors, "monitor"),
            help="It runs only while this monitor is in the condition below."
            + (f" Empty: as its group, {around.depends}." if around.depends else ""),
            section=section,
        ),
        Field(
            name="depends_condition",
            label="Condition",
            kind="choice",
            choices=CONDITIONS,
            value=texts["depends_condition"],
            help="What the monitor it depends on has to be.",
            section=section,
        ),
        Field(name="description", label="Description", value=texts["description"], help="What it is for.", section=section),
    ]


def _name(text: str) -> None:
    if "/" in text:
        raise Usage("A name has no '/', which separates groups in a path", code="bad_name")


def group_problem(text: str) -> None:
    """Refuses what is no path of a group. Raises Usage."""
    if not all(part.strip() for part in text.strip("/").split("/")):
        raise Usage(f"'{text}' is no path of a group", hint="Write it like Servers/Web", code="bad_name")


def one_of(known: tuple[str, ...], kind: str) -> Check | None:
    """A check that refuses what does not exist; without anything known the node has the word."""
    folded = {name.casefold() for name in known}

    def check(text: str) -> None:
        if text.casefold() not in folded:
            near = next((name for name in known if name.casefold().startswith(text.casefold())), "")
            near = near or next(iter(difflib.get_close_matches(text, known[:_MOST_COMPARED], n=1)), "")
            raise Usage(f"There is no {kind} '{text}'", hint=f"Did you mean '{near}'?" if near else "Down lists them")

    return check if known else None


def holds(text: str, *, spec: TypeSpec, values: Mapping[str, Value]) -> str:
    """Whether an expression holds for what was measured last. Raises Usage."""
    expression = compiled(text, spec)
    missing = [name for name in expression.names if name not in values]
    if missing and len(missing) == len(expression.names):
        return f"The last run did not measure {', '.join(missing)}."
    word = "Holds now" if expression.evaluate(values) else "Does not hold now"
    return f"{word}: {expression.explain(values)}."
