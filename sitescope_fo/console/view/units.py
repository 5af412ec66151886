"""Units of the values in lists. A row carries the number alone; its type says what it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sitescope_fo.console.view.said import value_text
from sitescope_fo.console.view.scale import figure
from sitescope_fo.model.snapshot import MonitorRow


class MainUnit(msgspec.Struct, frozen=True):
    """Of the first value that a type declares, which is the one in lists."""

    unit: str
    sure: bool
    """No other number could stand in its place. Else, in error, it may be another value: a ping that is lost has no time."""


Units = Mapping[str, MainUnit]
"""By monitor type."""


def units_of(types: Sequence[Mapping[str, Any]]) -> dict[str, MainUnit]:
    """From the answer of the query `types`."""
    found = {}
    for kind in types:
        numbers = [value.get("unit", "") for value in kind["values"] if value["kind"] == "number"]
        if numbers and kind["values"][0]["kind"] == "number" and numbers[0] != "count":
            found[kind["name"]] = MainUnit(numbers[0], sure=len(set(numbers)) == 1)
    return found


def value_of(row: MonitorRow, units: Units) -> str:
    """A row's value as it is shown: with its unit where that is certain."""
    main, value = units.get(row.type), row.value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if main is None or not main.unit or not number or not (main.sure or row.status in {"good", "warning"}):
        return value_text(value)
    return figure(float(value), main.unit)
