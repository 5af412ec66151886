"""`--set KEY=VALUE`: the text of the command line as the value that the monitor's type asks for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sitescope_fo.model.duration import parse_duration
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import Setting
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, nearest_type

_YES, _NO = frozenset({"yes", "true", "on", "1"}), frozenset({"no", "false", "off", "0"})
_TIMEOUT = SettingSpec(name="timeout", kind="duration", help="How long one run may take.")
"""Every type has it."""
_LONGEST_SECRET = 65536


def parse_types(answer: Any) -> dict[str, TypeSpec]:  # noqa: ANN401  # the JSON of a query
    """The types of the `types` query, by name."""
    listed = answer.values() if isinstance(answer, Mapping) else answer
    return {spec.name: spec for spec in msgspec.convert(list(listed), list[TypeSpec])}


def find_type(types: Mapping[str, TypeSpec], name: str) -> TypeSpec:
    """The type called `name`. Raises Usage (`unknown_type`) with the nearest name."""
    if name not in types:
        near = nearest_type(types.values(), name)
        hint = f"Did you mean '{near}'?" if near else f"One of: {', '.join(sorted(types))}"
        raise Usage(f"There is no monitor type '{name}'", where="--type", hint=hint, code="unknown_type")
    return types[name]


_REFERENCE = "secret:"
"""What stands in front of the name of a sealed secret: that may stand anywhere."""


def convert_settings(specs: Iterable[TypeSpec], given: Sequence[str], from_files: Sequence[str]) -> dict[str, Setting]:
    """The settings that `--set KEY=VALUE` and `--set-from KEY=FILE` say.

    `specs` is the monitor's type; with several, a setting must be of one kind in all that have it. Raises Usage.
    """
    known: dict[str, list[SettingSpec]] = {"timeout": [_TIMEOUT]}
    for spec in specs:
        for setting in spec.settings:
            known.setdefault(setting.name, []).append(setting)
    settings: dict[str, Setting] = {}
    for option, texts in (("--set", given), ("--set-from", from_files)):
        for text in texts:
            key, value = _split(text, option)
            setting = _setting(known, key, f"{option} {key}")
            if option == "--set-from":
                value = _read(value, f"{option} {key}")
            elif setting.kind == "secret" and not value.startswith(_REFERENCE):
                raise Usage(
                    f"'{key}' is a secret and must not stand on a command line",
                    where=f"--set {key}",
                    hint=f"Use --set-from {key}=FILE or {key}=- (standard input), or refer to one: {key}={_REFERENCE}NAME",
                    code="secret_argument",
                )
            _put(settings, setting, value)
    return settings


def _split(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise Usage(
            f"'{text}' is no KEY=VALUE", where=option, hint=f"Write it like {option} host=web1.example", code="bad_setting"
        )
    return key.strip(), value


def _setting(known: Mapping[str, list[SettingSpec]], key: str, where: str) -> SettingSpec:
    found = known.get(key)
    if not found:
        hint = _nearest(key, known) or f"One of: {', '.join(sorted(known))}"
        raise Usage(f"There is no setting '{key}'", where=where, hint=hint, code="unknown_setting")
    if len({one.kind for one in found}) > 1:
        hint = "Start the node, so that the monitor's type can be looked up"
        raise Usage(f"What '{key}' takes depends on the monitor's type", where=where, hint=hint, code="unknown_type")
    return found[0]


def _read(name: str, where: str) -> str:
    """The content of a file, `-` = standard input, without the last line's end."""
    try:
        if name == "-":
            text = sys.stdin.read(_LONGEST_SECRET + 1)
        else:
            with Path(name).open(encoding="utf-8") as file:
                text = file.read(_LONGEST_SECRET + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Usage(
            f"The file cannot be read: {why}", where=f"{where}={name}", hint="Give a readable file", code="bad_file"
        ) from error
    if len(text) > _LONGEST_SECRET:
        raise Usage("The file is too long for a setting", where=f"{where}={name}", hint="At most 64 KiB", code="bad_file")
    return text.removesuffix("\n").removesuffix("\r")


def _put(settings: dict[str, Setting], setting: SettingSpec, text: str) -> None:
    if setting.kind != "list":
        settings[setting.name] = _scalar(setting, text)
        return
    old = settings.get(setting.name)
    settings[setting.name] = [*(old if isinstance(old, list) else []), *_items(setting, text)]


def _items(setting: SettingSpec, text: str) -> list[str]:
    """One item, or several as a JSON list; repeating `--set` appends."""
    if not text.startswith("["):
        return [text]
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.MsgspecError as error:
        raise _bad(setting, text, 'a list like ["a", "b"], or one item each time it is given') from error


def _scalar(setting: SettingSpec, text: str) -> Setting:
    word = text.strip().lower()
    match setting.kind:
        case "integer" | "number":
            return _figure(setting, text)
        case "flag":
            if word not in _YES | _NO:
                raise _bad(setting, text, "yes or no")
            return word in _YES
        case "duration":
            parse_duration(text, where=f"--set {setting.name}")
            return text.strip()
        case "choice" if text not in setting.choices:
            raise _bad(setting, text, f"one of {', '.join(setting.choices)}")
        case _:
            return text


def _figure(setting: SettingSpec, text: str) -> int | float:
    try:
        figure = int(text) if setting.kind == "integer" else float(text)
    except ValueError as error:
        raise _bad(setting, text, "a whole number" if setting.kind == "integer" else "a number") from error
    low, high = setting.least, setting.most
    if (low is not None and figure < low) or (high is not None and figure > high) or figure != figure:  # noqa: PLR0124  # NaN
        limits = [f"at least {low:g}" if low is not None else "", f"at most {high:g}" if high is not None else ""]
        raise _bad(setting, text, " and ".join(filter(None, limits)) or "a number")
    return figure


def _bad(setting: SettingSpec, text: str, wanted: str) -> Usage:
    return Usage(
        f"'{text}' is not possible for '{setting.name}'",
        where=f"--set {setting.name}",
        hint=f"It takes {wanted}",
        code="bad_setting",
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else ""
