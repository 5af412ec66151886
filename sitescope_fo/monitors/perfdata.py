"""Output of a monitoring plugin: text before the first `|`, performance data after it (Monitoring Plugins Guidelines).

    TEXT | perfdata
    long text
    more long text | more perfdata
    perfdata only from here on

Performance data is `'label'=value[UOM];warn;crit;min;max`, separated by blanks; a quote in a label is written twice.
"""

from __future__ import annotations

import re

import msgspec

from sitescope_fo.model.monitor import Value
from sitescope_fo.model.monitor_type import Unit
from sitescope_fo.monitors.units import SUFFIXES

MOST = 200
"""Values taken from one output."""
_ITEM = re.compile(r"(?:'((?:[^']|'')+)'|([^\s='|]+))=([^\s;]*)(?:;\S*)?")
_FIGURE = re.compile(r"([-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?)([^\d.,]*)")
_UNITS: dict[str, tuple[Unit, float]] = {
    **{name: SUFFIXES[name] for name in ("s", "ms", "%", "B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB")},
    "us": ("s", 1e-6),
    "ns": ("s", 1e-9),
    "kB": ("bytes", 1000.0),
    "c": ("count", 1.0),
}


class PluginOutput(msgspec.Struct, frozen=True):
    """The text without performance data, and the values in it, in base units (seconds, bytes, percent)."""

    text: str
    values: dict[str, Value]


def read_output(output: str) -> PluginOutput:
    """Takes an output apart; what is no performance data is left out of the values, never an error."""
    lines = output.splitlines()
    text: list[str] = []
    data: list[str] = []
    for number, line in enumerate(lines):
        if number and len(data) > 1:
            data.append(line)
            continue
        before, bar, after = line.partition("|")
        text.append(before.rstrip())
        if bar:
            data += [after] if number == 0 else ["", after]
    return PluginOutput("\n".join(text).strip(), _values(" ".join(data)))


def value_name(label: str) -> str:
    """`perf_` and the label with everything but ASCII letters, digits and `_` made `_`; `/` is `perf_root`."""
    word = re.sub(r"[^A-Za-z0-9_]+", "_", label).strip("_")
    return f"perf_{word or ('root' if label == '/' else 'value')}"


def _values(data: str) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for quoted, bare, figure in _ITEM.findall(data):
        number = _number(figure)
        if number is None:
            continue
        name = wanted = value_name(quoted.replace("''", "'") or bare)
        copies = 1
        while name in values:
            copies += 1
            name = f"{wanted}_{copies}"
        values[name] = number
        if len(values) >= MOST:
            break
    return values


def _number(figure: str) -> float | int | None:
    """None for `U` (not determined) and anything else that is no number. Decimal commas are read, as plugins print them too."""
    found = _FIGURE.fullmatch(figure)
    if found is None:
        return None
    digits, unit = found.groups()
    factor = _UNITS.get(unit, ("", 1.0))[1]
    if factor == 1.0 and digits.lstrip("+-").isdigit() and len(digits) < 19:
        return int(digits)
    return float(digits.replace(",", ".")) * factor
