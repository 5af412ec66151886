"""What the product may know about a monitor type without importing it: its settings, values and default thresholds."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

import msgspec

from sitescope_fo.model.monitor import Setting, Value

SettingKind = Literal["text", "integer", "number", "duration", "flag", "choice", "list", "secret"]
Unit = Literal["", "s", "%", "bytes", "days", "count"]


class SettingSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of a type. A duration is written as text ("10s") and checked when loaded; the check receives seconds."""

    name: str
    kind: SettingKind
    help: str
    required: bool = False
    default: Setting | None = None
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


class ValueSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One value a check of this type measures; thresholds may name it. `open_ended` types (script perfdata) may give more."""

    name: str
    kind: Literal["number", "text", "flag"]
    help: str
    unit: Unit = ""


class TypeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One monitor type."""

    name: str
    title: str
    help: str
    settings: tuple[SettingSpec, ...]
    values: tuple[ValueSpec, ...]
    error_if: tuple[str, ...] = ()
    warning_if: tuple[str, ...] = ()
    good_if: tuple[str, ...] = ()
    default_frequency_s: float = 600.0
    default_timeout_s: float = 30.0
    host_setting: str = ""
    """The setting that names the target: a host, `host:port` or URL; "" = the type watches the node it runs on."""
    measures_self: bool = False
    """True for types that always watch the node they run on (cpu, memory, disk)."""
    open_ended: bool = False
    """Thresholds may name values that are only known after a run."""
    hidden: bool = False
    """It works and is not offered to people."""
    other_words: tuple[str, ...] = ()
    """What people call it who come from elsewhere: told as a hint, so that a group file has one word for one thing."""


def nearest_type(specs: Iterable[TypeSpec], word: str) -> str:
    """The name of the type that `word` may mean; "" when none is near."""
    words = {name: spec.name for spec in specs for name in (*spec.other_words, spec.name)}
    found = difflib.get_close_matches(word.lower(), words, n=1)
    return words[found[0]] if found else ""


class TypeBook(Protocol):
    """The registry, as configuration loading sees it."""

    @property
    def specs(self) -> Mapping[str, TypeSpec]:
        """Type name -> spec."""
        ...

    def expression_problem(self, type_name: str, expression: str) -> str:
        """Why `expression` is no threshold for that type, "" when it is one."""
        ...

    def settings_problems(self, type_name: str, settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
        """(setting name, what is wrong) for each bad or missing setting."""
        ...


Values = Mapping[str, Value]
