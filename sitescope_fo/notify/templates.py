"""Mail templates: the built-in ones, those of a home's `templates/mail/*.txt`, and how they become subject and text.

A template that cannot be used never keeps a mail from leaving: the built-in one takes its place and the problem is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Template, TemplateError

from sitescope_fo.model.errors import Problem
from sitescope_fo.notify.built_in import BUILT_IN
from sitescope_fo.notify.errors import TemplateBroken
from sitescope_fo.notify.template_rules import LONGEST_TEXT, compile_template
from sitescope_fo.notify.words import LONGEST_SUBJECT, one_line

_FAILS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
"""What printing a template can raise: filters and comparisons work on plain values."""

FOLDER = "templates/mail"
"""Where a home keeps its own templates, each named like the built-in one with `.txt` behind."""


class AlertData(msgspec.Struct, frozen=True, kw_only=True):
    """What the templates alert, first_seen and recovery can print. Times are UTC and spelled out, durations too."""

    monitor: str
    path: str
    type: str
    status: str
    state: str
    since: str
    count: int
    alert: str
    when: str
    every: str
    node: str
    term: int
    role: str = ""
    profile: str = ""
    target: str = ""
    because: str = ""
    values: tuple[str, ...] = ()
    was: str = ""
    """Recovery: the status that was told before."""
    told: str = ""
    """Recovery: when that was."""
    repeat: int = 1
    next_mail: str = ""
    blind_from: str = ""
    blind_to: str = ""
    blind_for: str = ""


class RoleData(msgspec.Struct, frozen=True, kw_only=True):
    """What the template role can print."""

    subject: str
    text: str
    event: str
    node: str
    at: str
    profile: str = ""
    term: int = 0


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A rendered mail. `problem`: why the home's own template was not used, "" when all is well."""

    subject: str
    text: str
    problem: str = ""


SAMPLE_ALERT = AlertData(
    monitor="Home page",
    path="Servers/Web/Home page",
    type="url",
    status="error",
    state="status 503, round trip 1.2 s",
    because="status != 200 (status = 503)",
    values=("status = 503", "round_trip_time = 1.2"),
    since="2026-11-22 10:00:00 UTC",
    count=3,
    alert="mail ops",
    when="once after 3",
    every="1m",
    target="shop.example",
    node="failover.example",
    role="SiteScope Failover",
    profile="prod",
    term=4,
    was="warning",
    told="2026-11-22 09:40:00 UTC",
    next_mail="You hear again when it is good.",
    blind_from="2026-11-22 09:57:00 UTC",
    blind_to="2026-11-22 10:00:00 UTC",
    blind_for="3m",
)
SAMPLE_ROLE = RoleData(
    subject="failover.example took over for prod",
    text="The primary shop.example:8080 has not answered since 2026-11-22 09:57:00 UTC.",
    event="activated",
    node="failover.example",
    at="2026-11-22 10:00:00 UTC",
    profile="prod",
    term=4,
)


class TemplateSet:
    """The templates in force for one tree. `problems` lists the own ones that cannot be used."""

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        self.problems: tuple[Problem, ...] = ()
        self._own: dict[str, Template] = {}
        for name, source in sorted((own or {}).items()):
            file = f"{FOLDER}/{name}.txt"
            try:
                self._own[name] = check_template(name, source)
            except TemplateBroken as error:
                problem = Problem(file=file, what=error.what, hint=error.hint or "The built-in template is used")
                self.problems = (*self.problems, problem)

    def render(self, name: str, data: AlertData | RoleData) -> Letter:
        """Subject and text. Never fails: what the own template cannot print the built-in one does, and `problem` says so."""
        own = self._own.get(name)
        if own is not None:
            try:
                return _printed(own, data)
            except _FAILS as error:
                what = f"{FOLDER}/{name}.txt could not be used: {error}"
                return msgspec.structs.replace(_printed(_STOCK[name], data), problem=what)
        return _printed(_STOCK[name], data)


def check_template(name: str, source: str) -> Template:
    """The template in `source`, after it printed sample data. Raises TemplateBroken."""
    if name not in BUILT_IN:
        known = ", ".join(BUILT_IN)
        raise TemplateBroken(f"There is no mail template '{name}'", where=name, hint=f"There are {known}", code="not_found")
    template = compile_template(source, where=name)
    try:
        letter = _printed(template, _sample(name))
    except _FAILS as error:
        fields = ", ".join(_sample(name).__struct_fields__)
        raise TemplateBroken(f"The template fails on sample data: {error}", where=name, hint=f"Its fields: {fields}") from error
    if not letter.subject:
        raise TemplateBroken("The first line of a mail template is its subject", where=f"{name}:1")
    return template


def preview(name: str, source: str = "") -> Letter:
    """How a mail looks with sample data; `source` "" shows the built-in template. Raises TemplateBroken."""
    return _printed(check_template(name, source or BUILT_IN.get(name, "")), _sample(name))


def read_templates(root: Path) -> dict[str, str]:
    """The own templates of a home or mirrored tree, by name. Blocking.

    What cannot be read as text comes as an empty template, which `TemplateSet` reports.
    """
    found: dict[str, str] = {}
    for name in BUILT_IN:
        file = root / FOLDER / f"{name}.txt"
        try:
            found[name] = file.read_text("utf-8")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError):
            found[name] = ""
    return found


def _sample(name: str) -> AlertData | RoleData:
    return SAMPLE_ROLE if name == "role" else SAMPLE_ALERT


def _printed(template: Template, data: AlertData | RoleData) -> Letter:
    fields: dict[str, Any] = msgspec.structs.asdict(data)
    pieces, size = [], 0
    for piece in template.generate(fields):
        pieces.append(piece)
        size += len(piece)
        if size > LONGEST_TEXT:
            break
    whole = "".join(pieces)[:LONGEST_TEXT]
    subject, _, text = whole.lstrip("\n").partition("\n")
    return Letter(subject=one_line(subject, LONGEST_SUBJECT), text=text.strip("\n") + "\n")


_STOCK: dict[str, Template] = {name: compile_template(source, where=name) for name, source in BUILT_IN.items()}
STOCK = TemplateSet()
