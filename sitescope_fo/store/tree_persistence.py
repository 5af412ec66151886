"""The tree's persistence/ files that loading reads: mail preferences, schedules, alert actions."""

from __future__ import annotations

import re

import msgspec

from sitescope_fo.model.config import MailServer, MailSettings
from sitescope_fo.model.errors import Problem
from sitescope_fo.model.local_time import MINUTES_A_DAY
from sitescope_fo.model.monitor import Action
from sitescope_fo.model.schedule import DAYS, Day, Moment, Schedule, Window
from sitescope_fo.store.toml_reader import Document, TableReader, fold, nearest

ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_TIME = r"([01]?\d|2[0-4]):([0-5]\d)"
_DAYS = r"(mon|tue|wed|thu|fri|sat|sun)(?:\s*-\s*(mon|tue|wed|thu|fri|sat|sun))?"
_WINDOW = re.compile(rf"{_DAYS}\s+{_TIME}\s*-\s*{_TIME}")
_MOMENT = re.compile(rf"{_DAYS}\s+{_TIME}")
_WINDOW_HINT = 'Write it like "mon-fri 08:00-18:00"'
_MOMENT_HINT = 'Write it like "mon-fri 06:00"'
_SECURITIES = ("none", "starttls", "tls")


class Persistence(msgspec.Struct, frozen=True, kw_only=True):
    """What the files say. A password is still as written: sealed, or a reference to a sealed secret."""

    mail: MailSettings = MailSettings()
    schedules: tuple[Schedule, ...] = ()
    actions: tuple[Action, ...] = ()
    documents: dict[str, Document] = {}


def read_persistence(files: dict[str, bytes]) -> tuple[Persistence, list[Problem]]:
    """Checks every file; remotes, users and secrets belong to others and only have to be TOML."""
    documents = {name: Document(f"persistence/{name}", content) for name, content in files.items()}
    mail = MailSettings()
    schedules: tuple[Schedule, ...] = ()
    actions: tuple[Action, ...] = ()
    for name, document in documents.items():
        if document.problems:
            continue
        if name == "preferences.toml":
            mail = _preferences(document)
        elif name == "schedules.toml":
            schedules = _schedules(document)
        elif name == "alerts.toml":
            actions = _actions(document)
    problems = [problem for document in documents.values() for problem in document.problems]
    return Persistence(mail=mail, schedules=schedules, actions=actions, documents=documents), problems


def _preferences(document: Document) -> MailSettings:
    top = document.reader()
    mail = top.sub("mail")
    settings = MailSettings(
        servers=tuple(_server(table) for table in mail.each("servers")),
        sender=_addresses(mail, "from")[0] if mail.text("from") else "",
        to=_addresses(mail, "to"),
        timeout_s=mail.duration_s("timeout", 20.0, least=1.0, most=600.0),
    )
    mail.finish()
    top.finish()
    return settings


def _addresses(table: TableReader, key: str) -> tuple[str, ...]:
    """Mail addresses; `Name <a@b>` is one too."""
    found = table.texts(key)
    for text in found:
        inner = re.fullmatch(r"[^<>]*<([^<>]+)>", text.strip())
        if not ADDRESS.fullmatch(inner[1] if inner else text):
            table.problem(key, f"'{text}' is no mail address")
    return found


def _server(table: TableReader) -> MailServer:
    host = table.text("host")
    if not host:
        table.problem("", "'host' is missing")
    security = table.text("security", "none")
    if security not in _SECURITIES:
        table.problem(
            "security", f"'security' is '{security}', it must be one of none, starttls, tls", nearest(security, _SECURITIES)
        )
    server = MailServer(
        host=host,
        port=table.integer("port", 465 if security == "tls" else 25, least=1, most=65535),
        security="tls" if security == "tls" else "starttls" if security == "starttls" else "none",
        user=table.text("user"),
        password=table.text("password"),
    )
    table.finish()
    return server


def _schedules(document: Document) -> tuple[Schedule, ...]:
    top = document.reader()
    schedules = [_schedule(table) for table in top.each("schedule")]
    top.finish()
    _refuse_duplicates(document, "schedule", [s.name for s in schedules])
    return tuple(schedules)


def _refuse_duplicates(document: Document, what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name and fold(name) in seen:
            document.problem((what, index, "name"), f"There is another {what} '{name}'")
        seen.add(fold(name))


def _schedule(table: TableReader) -> Schedule:
    name = table.name()
    spans, strikes = table.texts("windows"), table.texts("moments")
    windows = [w for text in spans for w in _windows(table, text)]
    moments = [m for text in strikes for m in _moments(table, text)]
    if table.has("windows") == table.has("moments"):
        table.problem(
            "", "A schedule has either 'windows' (a range) or 'moments' (absolute)", f"{_WINDOW_HINT} or {_MOMENT_HINT}"
        )
    elif not spans and not strikes:
        table.problem("", "A schedule without times would let nothing run for ever", f"{_WINDOW_HINT} or {_MOMENT_HINT}")
    table.finish()
    return Schedule(
        name=name, kind="absolute" if table.has("moments") else "range", windows=tuple(windows), moments=tuple(moments)
    )


def _days(first: str, last: str | None) -> list[Day]:
    """The days from `first` to `last`, over the end of the week too."""
    names = [str(day) for day in DAYS]
    start = names.index(first)
    count = (names.index(last) - start) % 7 + 1 if last else 1
    return [DAYS[(start + i) % 7] for i in range(count)]


def _windows(table: TableReader, text: str) -> list[Window]:
    """The windows of one line; one that ends before it starts goes on after midnight."""
    found = _WINDOW.fullmatch(text.strip().lower())
    start, end = (_minutes(found[3], found[4]), _minutes(found[5], found[6])) if found else (0, 0)
    if not found or start == end or start >= MINUTES_A_DAY or end > MINUTES_A_DAY:
        table.problem("windows", f"'{text}' is no range", _WINDOW_HINT)
        return []
    windows = []
    for day in _days(found[1], found[2]):
        windows.append(Window(day=day, start=start, end=end if end > start else MINUTES_A_DAY))
        if 0 < end < start:
            windows.append(Window(day=DAYS[(DAYS.index(day) + 1) % 7], start=0, end=end))
    return windows


def _moments(table: TableReader, text: str) -> list[Moment]:
    found = _MOMENT.fullmatch(text.strip().lower())
    minute = _minutes(found[3], found[4]) if found else 0
    if not found or minute >= MINUTES_A_DAY:
        table.problem("moments", f"'{text}' is no moment", _MOMENT_HINT)
        return []
    return [Moment(day=day, minute=minute) for day in _days(found[1], found[2])]


def _minutes(hours: str, minutes: str) -> int:
    return int(hours) * 60 + int(minutes)


def _actions(document: Document) -> tuple[Action, ...]:
    top = document.reader()
    actions = []
    for table in top.each("action"):
        name = table.name()
        kind = table.text("kind", "mail")
        if kind != "mail":
            table.problem("kind", f"Unknown kind of action '{kind}'", "Use mail")
        to = _addresses(table, "to")
        if not to:
            table.problem("", "'to' is missing", 'Add to = ["ops@example.org"]')
        table.finish()
        actions.append(Action(name=name, to=to))
    top.finish()
    _refuse_duplicates(document, "action", [a.name for a in actions])
    return tuple(actions)
