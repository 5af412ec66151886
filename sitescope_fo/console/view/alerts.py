"""Alerts of a monitor or a group: which ones apply, the forms to add and edit one, and their commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from sitescope_fo.console.view.form import Field, Form, changed, words_of
from sitescope_fo.console.view.said import Cell
from sitescope_fo.console.view.standing import Standing, force_field
from sitescope_fo.model.command import AlertAdd, AlertEdit
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.when import parse_when
from sitescope_fo.model.width import clean

STATUSES = ("error", "warning", "good", "nodata")
USUAL = "once after 1"
RULES = ("once after 1", "once after 3", "always after 1", "always after 3", "first after 1 then every 10")
ROOT = "/"
AlertCommand = AlertAdd | AlertEdit


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of the query `alerts`."""

    scope: str
    name: str
    on: str
    when: str
    to: tuple[str, ...] = ()
    enabled: bool = True
    profile: str = ""


def scopes_of(path: str) -> tuple[str, ...]:
    """A path, the groups above it, and the whole node."""
    parts = path.split("/") if path else []
    return (*("/".join(parts[:count]) for count in range(len(parts), 0, -1)), ROOT)


def applying(rows: Iterable[AlertRow], path: str, profile: str) -> list[AlertRow]:
    """The alerts that apply to what stands at `path`: its own ones first, those of the groups above, those of a part of it."""
    above = scopes_of(path)
    inside = "" if not path else f"{path}/"
    of_tree = [row for row in rows if row.profile == profile]
    order = {scope: at for at, scope in enumerate(above)}
    found = [row for row in of_tree if row.scope in order or row.scope.startswith(inside)]
    return sorted(found, key=lambda row: (order.get(row.scope, len(order)), row.scope.casefold(), row.name.casefold()))


def alert_cells(row: AlertRow, path: str) -> tuple[Cell, ...]:
    """Its row in the list; what applies to a part only is quiet."""
    whole = row.scope in scopes_of(path)
    to = ", ".join(row.to) or "nobody: no address is set"
    return (
        Cell(clean(row.name), "" if whole else "quiet"),
        Cell(row.on, row.on),  # type: ignore[arg-type]  # a status is a tone
        Cell(row.when),
        Cell(clean(to), "" if row.to else "warning"),
        Cell("on" if row.enabled else "off", "" if row.enabled else "quiet"),
        Cell(clean(row.scope), "quiet"),
    )


def alert_form(path: str, stands: Standing, row: AlertRow | None = None) -> Form:
    """A new alert for what stands at `path`, or the one in `row` to be changed."""
    forced = force_field(stands)
    offered = scopes_of(path)
    place = Field(
        name="scope",
        label="For",
        value=row.scope if row is not None else offered[0],
        needed=True,
        offers=offered,
        locked=row is not None,
        help="A monitor, a group with all below it, or / for the whole node.",
        about=("not_found",),
    )
    fields = [
        place,
        Field(
            name="name",
            label="Name",
            value=row.name if row is not None else "",
            needed=True,
            help="A short name, which stands in the mail.",
            about=("duplicate_name", "new_name"),
        ),
        Field(
            name="on",
            label="On",
            kind="choice",
            choices=STATUSES,
            value=row.on if row is not None else STATUSES[0],
            help="The status that raises it. Recovery is told as well.",
        ),
        Field(
            name="when",
            label="When",
            value=row.when if row is not None else USUAL,
            needed=True,
            offers=RULES,
            check=parse_when,
            preview=when_words,
            help="once after 1, always after N, or first after X then every Y.",
            about=("bad_when", "--when"),
        ),
        Field(
            name="to",
            label="To",
            kind="list",
            value=", ".join(row.to) if row is not None else "",
            needed=row is not None and bool(row.to),
            help="Addresses, parted by commas." + ("" if row is not None else " Empty: the recipients of the mail settings."),
            about=("actions",),
        ),
    ]
    if row is not None:
        off = "Off: nobody is told by it."
        fields.append(Field(name="enabled", label="Enabled", kind="bool", value=_yes(value=row.enabled), help=off))
    return Form(
        title=f"Edit alert {row.name}" if row is not None else "New alert",
        fields=(*((forced,) if forced is not None else ()), *fields),
        note=stands.note,
        verb="Save" if row is not None else "Add",
    )


def _yes(*, value: bool) -> str:
    return "yes" if value else "no"


def when_words(text: str) -> str:
    """A rule as a sentence. Raises Usage."""
    rule = parse_when(text)
    count = "the first result" if rule.after == 1 else f"{rule.after} results in a row"
    match rule.kind:
        case "once":
            return f"Told once, after {count}."
        case "always":
            return f"Told after {count}, and again with each one that follows."
        case _:
            return f"Told after {count}, then with every {rule.every}th that follows."


def alert_add(values: Mapping[str, str], profile: str) -> AlertAdd:
    """What a New form asks for."""
    return AlertAdd(
        scope=values["scope"].strip(),
        name=values["name"].strip(),
        on=values["on"],
        when=values["when"].strip(),
        to=words_of(values["to"]),
        profile=profile,
        force=values.get("force") == "yes",
    )


def alert_edit(form: Form, values: Mapping[str, str], row: AlertRow) -> AlertEdit | None:
    """What an Edit form asks for; None when nothing was changed. Raises Usage."""
    new = {name: text.strip() for name, text in changed(form, values).items() if name != "force"}
    if not new:
        return None
    if "to" in new and not words_of(new["to"]):
        raise Usage(
            "An alert keeps at least one address", where="to", hint="To silence it, switch Enabled off", code="no_address"
        )
    return AlertEdit(
        scope=row.scope,
        name=row.name,
        new_name=new.get("name", ""),
        on=new.get("on", ""),
        when=new.get("when", ""),
        to=words_of(new.get("to", "")),
        enabled=new["enabled"] == "yes" if "enabled" in new else None,
        profile=row.profile,
        force=values.get("force") == "yes",
    )


def alert_sentence(row: AlertRow) -> str:
    """What it does, for a question about it."""
    to: Sequence[str] = row.to or ("nobody",)
    return f"{clean(row.name)} of {clean(row.scope)}: on {row.on}, {row.when}, to {clean(', '.join(to))}."
