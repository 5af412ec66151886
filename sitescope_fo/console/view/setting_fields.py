"""The settings of a monitor type as fields, and what was typed as the values of a group file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sitescope_fo.console.view.form import Field, Kind, lines_of
from sitescope_fo.model.duration import format_duration, parse_duration
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import Setting
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec
from sitescope_fo.monitors.settings import all_settings, from_text, settings_problems

PREFIX = "settings."
SHOWN_SECRET = "(secret)"  # noqa: S105  # what the node tells instead of one
_KINDS: dict[str, Kind] = {
    "integer": "number",
    "number": "number",
    "duration": "duration",
    "flag": "bool",
    "choice": "choice",
    "list": "lines",
    "secret": "secret",
}


def setting_fields(spec: TypeSpec, texts: Mapping[str, str], section: str) -> tuple[list[Field], list[Field]]:
    """(fields of the settings that are needed, fields of the others); `texts` by field name is what they start with."""
    needed: list[Field] = []
    others: list[Field] = []
    for setting in all_settings(spec).values():
        (needed if setting.required else others).append(_field(spec, setting, texts.get(PREFIX + setting.name, ""), section))
    return needed, others


def _field(spec: TypeSpec, setting: SettingSpec, text: str, section: str) -> Field:
    kind = _KINDS.get(setting.kind, "lines" if "\n" in text else "text")
    choices = setting.choices if setting.default is not None or setting.required else ("", *setting.choices)
    helps = [setting.help]
    if kind == "lines":
        helps.append("One a line.")
    if kind == "secret":
        helps.append("It is never shown; empty: it stays as it is." if text else "It is never shown.")
    elif setting.name == "timeout":
        helps.append(f"Empty: {format_duration(spec.default_timeout_s)}.")
    return Field(
        name=PREFIX + setting.name,
        label=setting.name.replace("_", " "),
        kind=kind,
        value="" if kind == "secret" else text,
        choices=choices if kind == "choice" else (),
        help=" ".join(helps),
        needed=setting.required and kind != "secret",
        check=_check(spec, setting),
        section="" if setting.required else section,
    )


def _check(spec: TypeSpec, setting: SettingSpec) -> Callable[[str], object]:
    def check(text: str) -> None:
        value = [text] if setting.kind == "list" else setting_of(setting, text)
        if value is None:
            return
        problem = dict(settings_problems(spec, {setting.name: value})).get(setting.name, "")
        if problem:
            raise Usage(problem.rstrip("."), code="bad_setting")

    return check


def setting_of(setting: SettingSpec, text: str) -> Setting | None:
    """The value that was typed; None = nothing was, or it is what the node shows instead of a secret. Raises Usage."""
    if text.strip() in {"", SHOWN_SECRET}:
        return None
    match setting.kind:
        case "list":
            return list(lines_of(text))
        case "text" | "secret":
            return text
        case _:
            return from_text(setting, text.strip())


def setting_text(setting: SettingSpec, value: Setting | None) -> str:
    """A value as it is typed; durations may be seconds."""
    match value:
        case None:
            return "no" if setting.kind == "flag" else ""
        case bool():
            return "yes" if value else "no"
        case list():
            return "\n".join(value)
        case int() | float() if setting.kind == "duration":
            return format_duration(value)
        case _:
            return str(value)


def same_setting(setting: SettingSpec, one: Setting | None, other: Setting | None) -> bool:
    """Whether two values mean the same; `60s` is `1m`."""
    if setting.kind == "duration" and one is not None and other is not None:
        return seconds(one) == seconds(other)
    return one == other


def seconds(value: object) -> float:
    """A duration of a file (text) or of a loaded monitor (a number)."""
    return parse_duration(value) if isinstance(value, str) else float(value)  # type: ignore[arg-type]  # checked by the spec
