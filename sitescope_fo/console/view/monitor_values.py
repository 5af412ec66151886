"""The values of a monitor form: what fields start with, and the command that what was typed asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sitescope_fo.console.view.form import Form, lines_of
from sitescope_fo.console.view.setting_fields import PREFIX, same_setting, seconds, setting_of, setting_text
from sitescope_fo.model.command import MonitorAdd, MonitorEdit
from sitescope_fo.model.duration import format_duration, parse_duration
from sitescope_fo.model.monitor_type import TypeSpec
from sitescope_fo.monitors.settings import all_settings

LEVELS = (("error_if", "Error if"), ("warning_if", "Warning if"), ("good_if", "Good if"))
_DURATIONS = frozenset({"frequency", "error_frequency"})
_FLAGS = frozenset({"verify_error", "enabled"})
_LISTS = frozenset(name for name, _ in LEVELS)
Texts = Mapping[str, str]
"""What stands in fields, by their names."""


def default_texts(spec: TypeSpec) -> dict[str, str]:
    """What holds when nothing is set."""
    return {
        "frequency": format_duration(spec.default_frequency_s),
        "error_frequency": "",
        "verify_error": "no",
        "enabled": "yes",
        "schedule": "",
        "depends_on": "",
        "depends_condition": "good",
        "description": "",
        "error_if": "\n".join(spec.error_if),
        "warning_if": "\n".join(spec.warning_if),
        "good_if": "\n".join(spec.good_if),
        f"{PREFIX}timeout": format_duration(spec.default_timeout_s),
        **{PREFIX + setting.name: setting_text(setting, setting.default) for setting in spec.settings},
    }


def current_texts(spec: TypeSpec, sheet: Mapping[str, Any]) -> dict[str, str]:
    """What holds for the monitor of a `monitor` answer. A secret that is set is `(secret)`."""
    config = sheet["config"]
    chain = sheet.get("dependencies") or ()
    settings = config.get("settings", {})
    texts = default_texts(spec) | {
        "name": config["name"],
        "frequency": config["frequency"],
        "error_frequency": config.get("error_frequency", "") if config.get("error_frequency_s") else "",
        "verify_error": "yes" if config.get("verify_error") else "no",
        "enabled": "yes" if config.get("enabled", True) else "no",
        "depends_on": chain[0]["path"] if config.get("depends_on") and chain else "",
        f"{PREFIX}timeout": config["timeout"],
    }
    texts |= {key: str(config.get(key, "")) for key in ("schedule", "depends_condition", "description")}
    texts |= {key: "\n".join(config.get(key, ())) for key in _LISTS}
    texts |= {
        PREFIX + name: setting_text(setting, settings.get(name, setting.default))
        for name, setting in all_settings(spec).items()
        if name in settings or name != "timeout"
    }
    return texts


def monitor_add(spec: TypeSpec, values: Texts) -> MonitorAdd:
    """What a New or Copy form asks for: only what is not as the type has it. Raises Usage."""
    keys, settings, _ = _differences(spec, default_texts(spec), values)
    table = {"type": spec.name, "name": values["name"].strip(), **keys, **({"settings": settings} if settings else {})}
    return MonitorAdd(group=values["group"].strip().strip("/"), table=table, force=values.get("force") == "yes")


def monitor_edit(spec: TypeSpec, form: Form, values: Texts, *, path: str, profile: str = "") -> MonitorEdit | None:
    """What an Edit form asks for: only what was changed; None when nothing was. Raises Usage."""
    before = {field.name: field.value for field in form.fields}
    keys, settings, unset = _differences(spec, before, values)
    if values["name"].strip() != before["name"]:
        keys["name"] = values["name"].strip()
    if not (keys or settings or unset):
        return None
    return MonitorEdit(
        path=path, changes=keys, settings=settings, unset=tuple(unset), profile=profile, force=values.get("force") == "yes"
    )


def _differences(spec: TypeSpec, before: Texts, values: Texts) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """(keys, settings, what goes back to its default) of everything that is not as `before`."""
    keys: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    unset: list[str] = []
    defaults, known = default_texts(spec), all_settings(spec)
    for name, default in defaults.items():
        if name.startswith(PREFIX):
            setting = known[name.removeprefix(PREFIX)]
            read: Callable[[str], Any] = partial(setting_of, setting)
            same: Callable[[Any, Any], bool] = partial(same_setting, setting)
        else:
            read, same = partial(_typed, name), partial(_same, name)
        new, old, usual = read(values.get(name, before.get(name, ""))), read(before.get(name, "")), read(default)
        kept_secret = name.startswith(PREFIX) and known[name.removeprefix(PREFIX)].kind == "secret" and new is None
        if kept_secret or same(new, old):
            continue
        if new is None or same(new, usual):
            if not same(old, usual):
                unset.append(name)
        elif name.startswith(PREFIX):
            settings[name.removeprefix(PREFIX)] = new
        else:
            keys[name] = new
    return keys, settings, unset


def _typed(name: str, text: str) -> Any:  # noqa: ANN401  # a value of a group file
    """The value of a key; None = nothing is set."""
    value = text.strip()
    if name in _FLAGS:
        return value == "yes"
    if name in _LISTS:
        return list(lines_of(value)) or None
    if name in _DURATIONS and value:
        parse_duration(value, where=name)
    return value or None


def _same(name: str, one: Any, other: Any) -> bool:  # noqa: ANN401
    if name in _DURATIONS and one and other:
        return seconds(one) == seconds(other)
    return bool(one == other)
