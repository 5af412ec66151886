"""The monitor types a node knows: the built-in ones, loaded at first use, and plug-ins by the entry-point group of that name."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast

import msgspec

from sitescope_fo.model.errors import Problem, Usage
from sitescope_fo.model.monitor import Setting
from sitescope_fo.model.monitor_type import TypeSpec, nearest_type
from sitescope_fo.monitors import settings as setting_rules
from sitescope_fo.monitors.context import MonitorType
from sitescope_fo.monitors.thresholds import compiled

GROUP = "sitescope_fo.monitors"
BUILT_IN = (
    "ping",
    "port",
    "url",
    "dns",
    "certificate",
    "script",
    "cpu",
    "memory",
    "disk",
    "process",
    "file",
    "systemd",
    "noop",
)
Refusals = Callable[[Mapping[str, Setting]], Iterable[tuple[str, str]]]


class Registry:
    """The `TypeBook` of this node. `problems` lists the plug-ins that could not be used, once `specs` has been asked for."""

    def __init__(self, plugins: Iterable[EntryPoint] | None = None) -> None:
        self._plugins = plugins
        self._problems: list[Problem] = []

    @cached_property
    def _types(self) -> dict[str, MonitorType]:
        types = {name: _built_in(name) for name in BUILT_IN}
        for plugin in entry_points(group=GROUP) if self._plugins is None else self._plugins:
            try:
                found = _plugged(plugin, types)
            except Exception as error:  # noqa: BLE001  # a supervisor's boundary: foreign code must not stop the node
                self._problems.append(_broken(plugin, error))
            else:
                types[found.SPEC.name] = found
        return types

    @cached_property
    def specs(self) -> Mapping[str, TypeSpec]:
        """Type name -> spec, built-in types first."""
        return {name: kind.SPEC for name, kind in self._types.items()}

    @property
    def offered(self) -> tuple[TypeSpec, ...]:
        """The types people may choose from."""
        return tuple(spec for spec in self.specs.values() if not spec.hidden)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Plug-ins that were left out, and why."""
        return tuple(self._problems) if self._types else ()

    def signature(self) -> str:
        """Another text when what this book says about settings and thresholds may be another: for caches of checked files.

        Made of all specs, and of release and source files of each plug-in. Blocking.
        """
        digest = hashlib.sha256(msgspec.json.encode(list(self.specs.values())))
        for plugin in entry_points(group=GROUP) if self._plugins is None else self._plugins:
            release = plugin.dist.version if plugin.dist is not None else ""
            digest.update(msgspec.json.encode([plugin.name, plugin.value, release, *source_stamps(plugin.module)]))
        return digest.hexdigest()

    def type(self, name: str) -> MonitorType:
        """The type of that name; a built-in one is found without loading any other. Raises Usage (`unknown_type`)."""
        if name in BUILT_IN:
            return _built_in(name)
        if name not in self._types:
            near = nearest_type(self.offered, name)
            known = ", ".join(spec.name for spec in self.offered)
            hint = f"Did you mean '{near}'?" if near else f"Known types: {known}"
            raise Usage(f"'{name}' is no monitor type", hint=hint, code="unknown_type")
        return self._types[name]

    def spec(self, name: str) -> TypeSpec:
        """The spec of that type. Raises Usage (`unknown_type`)."""
        return self.type(name).SPEC

    def expression_problem(self, type_name: str, expression: str) -> str:
        """Why `expression` is no threshold for that type, "" when it is one."""
        try:
            compiled(expression, self.spec(type_name))
        except Usage as error:
            return str(error)
        return ""

    def settings_problems(self, type_name: str, settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
        """(setting name, what is wrong) for each bad or missing setting. Raises Usage (`unknown_type`)."""
        kind = self.type(type_name)
        found = list(setting_rules.settings_problems(kind.SPEC, settings))
        reported = {name for name, _ in found}
        found += [row for row in _refusals(kind)(settings) if row[0] not in reported]
        return tuple(found)

    def prepare(self, type_name: str, settings: Mapping[str, Setting]) -> dict[str, Setting]:
        """Settings as the check receives them: defaults filled in, durations in seconds. Raises Usage."""
        return setting_rules.prepare(self.spec(type_name), settings)

    def setting_from_text(self, type_name: str, name: str, text: str) -> Setting:
        """A setting written as text (`--set count=3`). Raises Usage (`unknown_type`, `bad_setting`)."""
        known = setting_rules.all_settings(self.spec(type_name))
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"It has: {', '.join(known)}"
            raise Usage(f"'{name}' is no setting of {type_name}", hint=hint, code="bad_setting")
        return setting_rules.from_text(known[name], text)


def source_stamps(module: str) -> list[tuple[str, int, int]]:
    """(path, size, mtime in ns) of the source of an imported module: of its package when it has one, else of its own file."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if not file:
        return []
    own = Path(file)
    files = own.parent.rglob("*.py") if "." in module or own.name == "__init__.py" else [own]
    return sorted((str(path), (info := path.stat()).st_size, info.st_mtime_ns) for path in files)


def _built_in(name: str) -> MonitorType:
    return cast("MonitorType", importlib.import_module(f"sitescope_fo.monitors.{name}"))


def _plugged(plugin: EntryPoint, known: Mapping[str, MonitorType]) -> MonitorType:
    """The type an entry point leads to. Raises Usage when it is none, and whatever its code raises."""
    found = plugin.load()
    spec = getattr(found, "SPEC", None)
    if not isinstance(spec, TypeSpec) or not callable(getattr(found, "run", None)):
        raise Usage("has no SPEC of type TypeSpec or no run function")
    if spec.name in known:
        raise Usage(f"the type '{spec.name}' exists already")
    for expression in (*spec.error_if, *spec.warning_if, *spec.good_if):
        try:
            compiled(expression, spec)
        except Usage as error:
            raise Usage(f"its default threshold '{expression}' is wrong: {error}") from error
    return cast("MonitorType", found)


def _broken(plugin: EntryPoint, error: Exception) -> Problem:
    text = str(error) if isinstance(error, Usage) else f"{type(error).__name__}: {error}"
    return Problem(
        file=plugin.value,
        what=f"the monitor plug-in '{plugin.name}' cannot be used: {text}",
        hint="Its monitors do not run until it is repaired or removed",
    )


def _refusals(kind: MonitorType) -> Refusals:
    return cast("Refusals", getattr(kind, "problems", lambda _: ()))
