"""A threshold expression as a frozen value: what it asks, whether it holds, and why.

A comparison with a value that was not measured, or is of another kind, does not hold; so `x > 1` and `x <= 1` are both false
without x, and `not (x > 1)` is true.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Literal as OneOf
from typing import TypeGuard

import msgspec

from sitescope_fo.model.monitor import Value
from sitescope_fo.model.monitor_type import Unit
from sitescope_fo.monitors.units import show

Operator = OneOf["==", "!=", "<", "<=", ">", ">=", "contains"]
MATCHED_TEXT = 8192
"""`matches` looks at this many characters at most: the time of an ambiguous pattern grows with a power of the length."""

_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Name(msgspec.Struct, frozen=True):
    """A measured value; `unit` is known once the expression is bound to a monitor type."""

    name: str
    unit: Unit = ""

    def value(self, values: Mapping[str, Value]) -> Value | None:
        """What was measured, None when it was not."""
        return values.get(self.name)

    def __str__(self) -> str:
        return self.name


class Literal(msgspec.Struct, frozen=True):
    """A constant in base units, and the text it was written as."""

    constant: Value
    text: str
    unit: Unit = ""

    def value(self, values: Mapping[str, Value]) -> Value | None:
        """The constant."""
        return self.constant

    def __str__(self) -> str:
        return self.text


Operand = Name | Literal


class Comparison(msgspec.Struct, frozen=True):
    """`left op right`."""

    op: Operator
    left: Operand
    right: Operand

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether both sides are known, of one kind, and compare so."""
        return compare(self.op, self.left.value(values), self.right.value(values))

    def explain(self, values: Mapping[str, Value]) -> str:
        """Itself, with what was measured in brackets."""
        return f"{self}{_measured((self.left, self.right), values)}"

    def __str__(self) -> str:
        return f"{self.left} {self.op} {self.right}"


class Matches(msgspec.Struct, frozen=True):
    """`left matches 'pattern'`: the pattern is found anywhere in the first `MATCHED_TEXT` characters."""

    left: Operand
    text: str
    pattern: re.Pattern[str]

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether the text is known and the pattern is found in it."""
        value = self.left.value(values)
        return isinstance(value, str) and self.pattern.search(value, 0, MATCHED_TEXT) is not None

    def explain(self, values: Mapping[str, Value]) -> str:
        """Itself, with what was measured in brackets."""
        return f"{self}{_measured((self.left,), values)}"

    def __str__(self) -> str:
        return f"{self.left} matches {self.text}"


class Within(msgspec.Struct, frozen=True):
    """`left in [..]`, or `left not in [..]`."""

    left: Operand
    choices: tuple[Literal, ...]
    negated: bool = False

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether the value is known and equals one of the choices (none of them)."""
        value = self.left.value(values)
        if value is None:
            return False
        return any(compare("==", value, choice.constant) for choice in self.choices) is not self.negated

    def explain(self, values: Mapping[str, Value]) -> str:
        """Itself, with what was measured in brackets."""
        return f"{self}{_measured((self.left,), values)}"

    def __str__(self) -> str:
        return f"{self.left} {'not ' if self.negated else ''}in [{', '.join(str(choice) for choice in self.choices)}]"


class Flag(msgspec.Struct, frozen=True):
    """A true-or-false value standing alone."""

    left: Operand

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether it was measured and is true."""
        return self.left.value(values) is True

    def explain(self, values: Mapping[str, Value]) -> str:
        """Itself, with what was measured in brackets."""
        return f"{self}{_measured((self.left,), values)}"

    def __str__(self) -> str:
        return str(self.left)


class Not(msgspec.Struct, frozen=True):
    """`not part`."""

    part: Node

    def holds(self, values: Mapping[str, Value]) -> bool:
        """The opposite of the part."""
        return not self.part.holds(values)

    def explain(self, values: Mapping[str, Value]) -> str:
        """`not` before the part's own explanation."""
        return f"not ({self.part.explain(values)})"

    def __str__(self) -> str:
        return f"not {_bracketed(self.part, (All, AnyOf))}"


class All(msgspec.Struct, frozen=True):
    """`a and b and …`."""

    parts: tuple[Node, ...]

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether each part holds."""
        return all(part.holds(values) for part in self.parts)

    def explain(self, values: Mapping[str, Value]) -> str:
        """Every part when it holds, else the first that does not."""
        return _telling(self.parts, values, " and ", whole=self.holds(values), wanted=False)

    def __str__(self) -> str:
        return " and ".join(_bracketed(part, (All, AnyOf)) for part in self.parts)


class AnyOf(msgspec.Struct, frozen=True):
    """`a or b or …`."""

    parts: tuple[Node, ...]

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether at least one part holds."""
        return any(part.holds(values) for part in self.parts)

    def explain(self, values: Mapping[str, Value]) -> str:
        """The first part that holds, else all of them."""
        return _telling(self.parts, values, " or ", whole=not self.holds(values), wanted=True)

    def __str__(self) -> str:
        return " or ".join(_bracketed(part, (AnyOf,)) for part in self.parts)


Node = Comparison | Matches | Within | Flag | Not | All | AnyOf


class Expression(msgspec.Struct, frozen=True):
    """A parsed threshold: `text` as written, the tree under it, and the value names it asks for, in order."""

    text: str
    root: Node
    names: tuple[str, ...]

    def evaluate(self, values: Mapping[str, Value]) -> bool:
        """Whether it holds over the values of one run; never raises."""
        return self.root.holds(values)

    def explain(self, values: Mapping[str, Value]) -> str:
        """The part that decided, with what was measured: `round_trip_time > 2s (2.4s)`."""
        return self.root.explain(values)

    def __str__(self) -> str:
        return str(self.root)


def compare(op: Operator, left: Value | None, right: Value | None) -> bool:
    """`left op right`; False when a side is unknown or the two are of different kinds."""
    if isinstance(left, str) and isinstance(right, str):
        if op == "contains":
            return right in left
        return op in {"==", "!="} and (left == right) is (op == "==")
    if isinstance(left, bool) and isinstance(right, bool):
        return op in {"==", "!="} and (left == right) is (op == "==")
    if _is_number(left) and _is_number(right):
        if op in {"==", "!="}:
            return (left == right) is (op == "==")
        return op in _ORDER and _ORDER[op](left, right)
    return False


def kind_of(value: Value) -> OneOf["number", "text", "flag"]:
    """The kind of a value, in the words of `ValueSpec.kind`."""
    if isinstance(value, bool):
        return "flag"
    return "text" if isinstance(value, str) else "number"


def _is_number(value: Value | None) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _bracketed(part: Node, kinds: tuple[type, ...]) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)


def _measured(operands: tuple[Operand, ...], values: Mapping[str, Value]) -> str:
    names = [operand for operand in operands if isinstance(operand, Name)]
    units = [operand.unit for operand in operands if operand.unit]
    shown = []
    for name in names:
        value = name.value(values)
        text = "not measured" if value is None else show(value, name.unit or (units[0] if units else ""))
        shown.append(text if len(names) == 1 else f"{name.name} {text}")
    return f" ({', '.join(shown)})" if shown else ""


def _telling(parts: tuple[Node, ...], values: Mapping[str, Value], word: str, *, whole: bool, wanted: bool) -> str:
    if whole:
        return word.join(part.explain(values) for part in parts)
    return next(part.explain(values) for part in parts if part.holds(values) is wanted)
