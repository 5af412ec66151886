"""Forms as values: fields with what they are called, take, and mean. Validated while somebody types, without a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from sitescope_fo.model.duration import parse_duration
from sitescope_fo.model.errors import ConfigInvalid, SiteScopeError, Usage

Kind = Literal["text", "number", "duration", "choice", "bool", "list", "lines", "secret"]
"""`list`: words parted by commas; `lines`: one entry a line (thresholds), each checked; `bool` is `yes` or `no` in values."""

Check = Callable[[str], object]
"""Raises SiteScopeError for a value that does not do; of `lines`, for one line."""
MOST_SAID = 3
"""Problems that concern no field: this many are shown."""
_INDEX = re.compile(r"\[\d+\]$")
_ELEMENT = re.compile(r"^(?:(?:monitor|alert)\[\d+\]|group)\.")


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field. Its value is always text as somebody types it."""

    name: str
    label: str
    kind: Kind = "text"
    value: str = ""
    """What it starts with."""
    choices: tuple[str, ...] = ()
    words: dict[str, str] = {}
    """How choices are shown that are not shown as they are."""
    offers: tuple[str, ...] = ()
    """What may be meant: completed while typing, and listed by Down. Another text is possible unless `check` refuses it."""
    help: str = ""
    """A sentence, shown while the field has the focus."""
    needed: bool = False
    least: float | None = None
    most: float | None = None
    """Of numbers, and of durations in seconds."""
    check: Check | None = None
    preview: Callable[[str], str] | None = None
    """What a good value would do now, "" = nothing to say; of `lines`, for one line."""
    about: tuple[str, ...] = ()
    """Codes of refusals, and names of keys, that concern this field besides its own name."""
    section: str = ""
    """Fields of one section stand under its heading."""
    locked: bool = False
    """Shown and not changed."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One form."""

    title: str
    fields: tuple[Field, ...]
    note: str = ""
    """What somebody should know before typing: on a standby, that mirroring will overwrite it."""
    verb: str = "Save"

    def field(self, name: str) -> Field:
        """The field of that name."""
        return next(field for field in self.fields if field.name == name)


def problem_of(field: Field, text: str) -> str:
    """What is wrong with a value, "" when nothing is."""
    value = text.strip()
    if not value:
        return f"{field.label} is needed" if field.needed else ""
    try:
        _check(field, value)
    except SiteScopeError as error:
        return _said(error.what, error.hint)
    return ""


def placed(form: Form, error: SiteScopeError) -> tuple[dict[str, str], str]:
    """What the node says against a form: (field name -> what is wrong there, what concerns no field)."""
    found: dict[str, str] = {}
    rest: list[str] = []
    problems = error.problems if isinstance(error, ConfigInvalid) else ()
    said = [(problem.path, _said(problem.what, problem.hint), str(problem)) for problem in problems]
    for place, text, whole in said or [(error.where, _said(error.what, error.hint), str(error))]:
        name = _field_at(form, "" if said else error.code, place)
        if name and name not in found:
            found[name] = text
        elif not name:
            rest.append(whole)
    return found, "\n".join(rest[:MOST_SAID])


def _field_at(form: Form, code: str, place: str) -> str:
    """The field that a refusal is about; `place` is like `monitor[2].settings.host` or `error_if[0]`."""
    key = _ELEMENT.sub("", _INDEX.sub("", place))
    fields = [field for field in form.fields if not field.locked]
    by_code = (field.name for field in fields if code and code in field.about)
    return next(by_code, "") or next((field.name for field in fields if key and key in (field.name, *field.about)), "")


def _said(what: str, hint: str) -> str:
    return f"{what.rstrip('.')}. {hint}" if hint else what


def problems_of(form: Form, values: Mapping[str, str]) -> dict[str, str]:
    """Field name -> what is wrong, for those that are."""
    found = {field.name: problem_of(field, values.get(field.name, field.value)) for field in form.fields}
    return {name: problem for name, problem in found.items() if problem}


def changed(form: Form, values: Mapping[str, str]) -> dict[str, str]:
    """The fields that were changed, with their new values."""
    return {
        field.name: values[field.name]
        for field in form.fields
        if field.name in values and not field.locked and values[field.name].strip() != field.value.strip()
    }


def words_of(text: str) -> tuple[str, ...]:
    """The entries of a `list`."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def lines_of(text: str) -> tuple[str, ...]:
    """The entries of `lines`."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _check(field: Field, value: str) -> None:
    match field.kind:
        case "number":
            _range(field, _number(value))
        case "duration":
            _range(field, parse_duration(value))
        case "choice" if value not in field.choices:
            raise Usage(f"'{value}' is none of the choices", hint=", ".join(field.choices))
    if field.check is not None and field.kind == "lines":
        _check_lines(field.check, value)
    elif field.check is not None:
        field.check(value)


def _check_lines(check: Check, text: str) -> None:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            check(line.strip())
        except SiteScopeError as error:
            place = ", ".join(part for part in (f"Line {number}", error.where) if part)
            raise Usage(f"{place}: {error.what}", hint=error.hint, code=error.code) from error


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise Usage(f"'{value}' is no number", code="bad_number") from None


def _range(field: Field, number: float) -> None:
    if field.least is not None and number < field.least:
        raise Usage(f"At least {field.least:g} is needed", code="too_small")
    if field.most is not None and number > field.most:
        raise Usage(f"At most {field.most:g} is possible", code="too_big")
