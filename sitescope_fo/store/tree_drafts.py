"""One group file, checked by itself: everything that can be said without the rest of the tree."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sitescope_fo.model.duration import parse_duration
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import Setting, When
from sitescope_fo.model.monitor_type import SettingSpec, TypeBook, TypeSpec
from sitescope_fo.model.status import Status
from sitescope_fo.model.when import MOST, parse_when
from sitescope_fo.store.toml_lines import KeyPath
from sitescope_fo.store.toml_reader import Document, TableReader, id_problem, nearest

LEAST_FREQUENCY_S = 1.0
_DEPENDS_ON = (Status.good, Status.warning, Status.error, Status.nodata)
_ALERT_ON = (Status.error, Status.warning, Status.good, Status.nodata)


class MonitorDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A monitor as written, defaults applied; `id` "" when it has none, `depends_on` still a path or an id."""

    at: KeyPath
    id: str
    name: str
    type: str
    frequency_s: float
    error_frequency_s: float
    verify_error: bool
    schedule: str
    enabled: bool
    timeout_s: float
    settings: dict[str, Setting]
    secrets: tuple[str, ...]
    """Names of the settings whose value is sealed."""
    error_if: tuple[str, ...]
    warning_if: tuple[str, ...]
    good_if: tuple[str, ...]
    depends_on: str
    depends_condition: Status
    description: str


class AlertDraft(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as written; `monitor` narrows it to one monitor of its group."""

    at: KeyPath
    id: str
    name: str
    monitor: str
    on: Status
    when: When
    actions: tuple[str, ...]
    recovery: bool
    enabled: bool


class GroupDraft(msgspec.Struct, frozen=True, kw_only=True):
    """One group file, or a folder that only holds sub-groups (`document` without text)."""

    folder: str
    document: Document
    written: bool
    """Whether the file has a [group] table."""
    id: str
    name: str
    depends_on: str
    depends_condition: Status
    description: str
    monitors: tuple[MonitorDraft, ...]
    alerts: tuple[AlertDraft, ...]


def draft_group(folder: str, file: str, content: bytes, book: TypeBook, sha256: str = "") -> GroupDraft:
    """Parses and checks one file; what is wrong stands in `document.problems`. Depends on nothing but its arguments."""
    document = Document(file, content, sha256)
    top = document.reader()
    if not folder:
        draft = GroupDraft(
            folder="",
            document=document,
            written=False,
            id="",
            name="",
            depends_on="",
            depends_condition=Status.good,
            description="",
            monitors=(),
            alerts=_alerts(top),
        )
        for key in ("group", "monitor"):
            if top.has(key):
                top.problem(key, f"The top file holds alerts of the whole node only, no [{key}]", "Put it into a folder below")
                top.each(key) if isinstance(top.table[key], list) else top.sub(key)
        top.finish()
        return draft
    group = top.sub("group")
    draft = GroupDraft(
        folder=folder,
        document=document,
        written=top.has("group"),
        id=_identity(group),
        name=group.name(default=folder.rpartition("/")[2]),
        depends_on=group.text("depends_on"),
        depends_condition=group.choice("depends_condition", Status.good, _DEPENDS_ON),
        description=group.text("description"),
        monitors=tuple(_monitor(table, book) for table in top.each("monitor")),
        alerts=_alerts(top),
    )
    group.finish()
    top.finish()
    return draft


def _identity(table: TableReader) -> str:
    value = table.text("id")
    if table.has("id") and isinstance(table.table["id"], str):
        why = id_problem(value)
        if why:
            table.problem("id", f"The id {value!r} {why}", "Delete the line; a new one is written")
            return ""
    return value


def _monitor(table: TableReader, book: TypeBook) -> MonitorDraft:
    spec = _spec(table, book)
    identity, name = _identity(table), table.name()
    settings, secrets, timeout_s = _settings(table, spec, book)
    draft = MonitorDraft(
        at=table.path,
        id=identity,
        name=name,
        type=spec.name if spec else "",
        frequency_s=table.duration_s("frequency", spec.default_frequency_s if spec else 600.0, least=LEAST_FREQUENCY_S),
        error_frequency_s=table.duration_s("error_frequency", 0.0, least=LEAST_FREQUENCY_S, off=True),
        verify_error=table.flag("verify_error", default=False),
        schedule=table.text("schedule"),
        enabled=table.flag("enabled", default=True),
        timeout_s=table.duration_s("timeout", timeout_s, least=0.05, most=3600.0),
        settings=settings,
        secrets=secrets,
        error_if=_expressions(table, "error_if", spec, book),
        warning_if=_expressions(table, "warning_if", spec, book),
        good_if=_expressions(table, "good_if", spec, book),
        depends_on=table.text("depends_on"),
        depends_condition=table.choice("depends_condition", Status.good, _DEPENDS_ON),
        description=table.text("description"),
    )
    table.finish()
    return draft


def _spec(table: TableReader, book: TypeBook) -> TypeSpec | None:
    name = table.text("type")
    spec = book.specs.get(name)
    if spec is None:
        offered = _offered(book)
        if not table.has("type"):
            table.problem("", "'type' is missing", f"One of {', '.join(offered)}")
        elif isinstance(table.table["type"], str):
            table.problem("type", f"Unknown monitor type '{name}'", nearest(name, offered) or f"One of {', '.join(offered)}")
    return spec


def _offered(book: TypeBook) -> list[str]:
    return sorted(name for name, spec in book.specs.items() if not spec.hidden)


def _expressions(table: TableReader, key: str, spec: TypeSpec | None, book: TypeBook) -> tuple[str, ...]:
    """The thresholds written, each one checked; the type's own when the key is absent. An empty list switches those off."""
    defaults: Mapping[str, tuple[str, ...]] = (
        {"error_if": spec.error_if, "warning_if": spec.warning_if, "good_if": spec.good_if} if spec else {}
    )
    expressions = table.texts(key, defaults.get(key, ()))
    if spec and table.has(key):
        for index, expression in enumerate(expressions):
            why = book.expression_problem(spec.name, expression)
            if why:
                table.document.problem((*table.path, key, index), f"'{expression}' is no threshold: {why}")
    return expressions


def _settings(table: TableReader, spec: TypeSpec | None, book: TypeBook) -> tuple[dict[str, Setting], tuple[str, ...], float]:
    """The settings with defaults and durations in seconds, which of them are secrets, and the time-out in seconds.

    Every type takes `timeout` among its settings (contract, "A group file"), also one that does not list it.
    """
    inside = table.sub("settings")
    if spec is None:
        return {}, (), 30.0
    specs = {setting.name: setting for setting in spec.settings}
    raw: dict[str, Setting] = {}
    for key, value in inside.table.items():
        if key not in specs and key != "timeout":
            inside.problem(key, f"'{spec.name}' has no setting '{key}'", nearest(key, (*specs, "timeout")))
        elif isinstance(value, str | int | float | bool):
            raw[key] = value
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            raw[key] = list(value)
        else:
            inside.problem(key, f"'{key}' must be a text, number, true/false or list of texts")
    timeout_s = spec.default_timeout_s
    if "timeout" in specs:
        seconds = _in_seconds(specs["timeout"], raw.get("timeout", specs["timeout"].default))
        timeout_s = float(seconds) if isinstance(seconds, float) else timeout_s
    else:
        raw.pop("timeout", None)
        timeout_s = inside.duration_s("timeout", timeout_s, least=0.05, most=3600.0)
    for key, why in book.settings_problems(spec.name, raw):
        inside.problem(key, f"'{key}' {why}" if not why.startswith("'") else why)
    settings = {
        name: _in_seconds(setting, raw.get(name, setting.default))
        for name, setting in specs.items()
        if name in raw or setting.default is not None
    }
    secrets = tuple(name for name in raw if specs[name].kind == "secret")
    return {name: value for name, value in settings.items() if value is not None}, secrets, timeout_s


def _in_seconds(spec: SettingSpec, value: Setting | None) -> Setting | None:
    """A duration setting as seconds; one that does not parse stays as it is, the book has said so."""
    if spec.kind != "duration" or not isinstance(value, str):
        return value
    try:
        return parse_duration(value)
    except Usage:
        return value


def _alerts(top: TableReader) -> tuple[AlertDraft, ...]:
    return tuple(_alert(table) for table in top.each("alert"))


def _alert(table: TableReader) -> AlertDraft:
    draft = AlertDraft(
        at=table.path,
        id=_identity(table),
        name=table.name(),
        monitor=table.name("monitor") if table.has("monitor") else "",
        on=table.choice("on", Status.error, _ALERT_ON),
        when=_when(table),
        actions=table.texts("actions"),
        recovery=table.flag("recovery", default=True),
        enabled=table.flag("enabled", default=True),
    )
    table.finish()
    return draft


def _when(table: TableReader) -> When:
    """`{ kind = "once", after = 3 }`, or the same in words."""
    if isinstance(table.table.get("when"), str):
        try:
            return parse_when(table.text("when"))
        except Usage as error:
            table.problem("when", error.what, error.hint)
            return When()
    inside = table.sub("when")
    kind = inside.text("kind", "once")
    if kind not in {"always", "once", "repeat"}:
        inside.problem(
            "kind", f"'kind' is '{kind}', it must be one of always, once, repeat", nearest(kind, ("always", "once", "repeat"))
        )
    rule = When(
        kind="always" if kind == "always" else "repeat" if kind == "repeat" else "once",
        after=inside.integer("after", 1, least=1, most=MOST),
        every=inside.integer("every", 1, least=1, most=MOST),
    )
    if inside.has("every") and kind != "repeat":
        inside.problem("every", "'every' belongs to the kind 'repeat'")
    inside.finish()
    return rule
