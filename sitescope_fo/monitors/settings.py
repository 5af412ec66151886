"""The settings of a monitor: checked against its type, filled with defaults, read from the command line."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator, Mapping

from sitescope_fo.model.duration import format_duration, parse_duration
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import Setting
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec

TIMEOUT = SettingSpec(
    name="timeout", kind="duration", help="How long one run may take. Every type has it.", least=0.05, most=3600.0
)
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_KINDS = {
    "text": "a text",
    "secret": "a text",
    "choice": "a text",
    "integer": "a whole number",
    "number": "a number",
    "duration": "a duration as text, such as '10s'",
    "flag": "true or false",
    "list": "a list of texts",
}


def all_settings(spec: TypeSpec) -> dict[str, SettingSpec]:
    """Setting name -> spec, with what every type has."""
    return {setting.name: setting for setting in (*spec.settings, TIMEOUT)}


def settings_problems(spec: TypeSpec, settings: Mapping[str, Setting]) -> Iterator[tuple[str, str]]:
    """(setting name, what is wrong) for each unknown, bad or missing setting."""
    known = all_settings(spec)
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has: {', '.join(known)}"
            yield name, f"'{name}' is no setting of {spec.name}; {hint}"
    for name, setting in known.items():
        if name not in settings:
            if setting.required:
                yield name, f"'{name}' is missing: {setting.help}"
        elif problem := _value_problem(setting, settings[name]):
            yield name, problem


def prepare(spec: TypeSpec, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """The settings as a check receives them: defaults filled in, durations as seconds.

    An optional setting without default is absent when it was not set. Raises Usage when a duration is none.
    """
    prepared: dict[str, Setting] = {}
    for name, setting in all_settings(spec).items():
        value = settings.get(name, setting.default)
        if value is None:
            continue
        prepared[name] = parse_duration(value, where=name) if setting.kind == "duration" and isinstance(value, str) else value
    return prepared


def from_text(setting: SettingSpec, text: str) -> Setting:
    """A setting written on the command line (`--set count=3`); a list is split like a shell does.

    Raises Usage (`bad_setting`) when the text is none of that kind; ranges are left to `settings_problems`.
    """
    try:
        match setting.kind:
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case "flag":
                return _FLAGS[text.lower()]
            case "list":
                return shlex.split(text)
            case _:
                return text
    except (ValueError, KeyError) as error:
        what = f"'{text}' is not {_KINDS[setting.kind]}"
        raise Usage(what, where=setting.name, hint=setting.help, code="bad_setting") from error


def _value_problem(setting: SettingSpec, value: Setting) -> str:
    figure: float | None = None
    match setting.kind, value:
        case ("flag", bool()) | ("secret", str()):
            pass
        case "list", list():
            if not all(isinstance(part, str) for part in value):
                return f"'{setting.name}' must be {_KINDS['list']}"
        case "text", str():
            if setting.required and not value.strip():
                return f"'{setting.name}' is empty: {setting.help}"
        case "choice", str():
            if value not in setting.choices:
                return f"'{value}' is none of {', '.join(setting.choices)}"
        case "duration", str():
            try:
                figure = parse_duration(value)
            except Usage as error:
                return f"{error.what}. {error.hint}"
        case (("integer" | "number"), int() as given) | ("number", float() as given) if not isinstance(given, bool):
            figure = given
        case _:
            return f"'{setting.name}' must be {_KINDS[setting.kind]}"
    return "" if figure is None else _range_problem(setting, figure)


def _range_problem(setting: SettingSpec, figure: float) -> str:
    def say(bound: float) -> str:
        return format_duration(bound) if setting.kind == "duration" else f"{bound:g}"

    if setting.least is not None and not figure >= setting.least:
        return f"'{setting.name}' must be at least {say(setting.least)}"
    if setting.most is not None and not figure <= setting.most:
        return f"'{setting.name}' must be at most {say(setting.most)}"
    return ""
