"""Fits an expression to a monitor type: every name is one of its values, kinds agree, units convert."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor_type import ValueSpec
from sitescope_fo.monitors.expression import (
    All,
    AnyOf,
    Comparison,
    Expression,
    Flag,
    Literal,
    Matches,
    Name,
    Node,
    Not,
    Operand,
    Within,
    kind_of,
)
from sitescope_fo.monitors.units import UNIT_WORDS, conversion

FAILURE = ValueSpec(
    name="failure",
    kind="text",
    help="How the check did not get its answer (timeout, refused, unresolved …), '' when it did. Every type has it.",
)


def bind(expression: Expression, type_name: str, values: tuple[ValueSpec, ...], *, open_ended: bool) -> Expression:
    """The same expression with literals converted to each value's own unit. Raises Usage (`bad_threshold`)."""
    known = {value.name: value for value in (*values, FAILURE)}
    for name in expression.names:
        if name not in known:
            _unknown(name, known, type_name, expression, open_ended=open_ended)
    return Expression(expression.text, _Binder(known, expression).node(expression.root), expression.names)


def _unknown(name: str, known: Mapping[str, ValueSpec], type_name: str, expression: Expression, *, open_ended: bool) -> None:
    """An open-ended type may measure any name, so only what looks like a typing error is refused there."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.75 if open_ended else 0.6)
    if near or not open_ended:
        hint = f"Did you mean '{near[0]}'?" if near else f"It has: {', '.join(known)}"
        raise _refused(f"'{name}' is no value of {type_name}", name, expression, hint)


def _refused(what: str, seen: str, expression: Expression, hint: str = "") -> Usage:
    column = expression.text.find(seen) + 1
    where = f"column {column}" if column else ""
    return Usage(what, where=where, hint=hint, code="bad_threshold")


class _Binder:
    def __init__(self, known: Mapping[str, ValueSpec], expression: Expression) -> None:
        self.known = known
        self.expression = expression

    def node(self, node: Node) -> Node:
        match node:
            case AnyOf(parts):
                return AnyOf(tuple(self.node(part) for part in parts))
            case All(parts):
                return All(tuple(self.node(part) for part in parts))
            case Not(part):
                return Not(self.node(part))
            case Comparison():
                return self.comparison(node)
            case Matches(left, text, pattern):
                self.wants(left, "text", "matches")
                return Matches(left, text, pattern)
            case Within(left, choices, negated):
                spec = self.spec(left)
                return Within(self.named(left), tuple(self.literal(choice, spec) for choice in choices), negated)
            case Flag(left):
                self.wants(left, "flag", "standing alone", f"Compare it, such as {left} == …")
                return node

    def comparison(self, node: Comparison) -> Comparison:
        left, right = self.spec(node.left), self.spec(node.right)
        if node.op == "contains":
            self.wants(node.left, "text", "contains")
        elif node.op not in {"==", "!="}:
            self.wants(node.left, "number", node.op)
            self.wants(node.right, "number", node.op)
        if left and right and (left.kind, left.unit) != (right.kind, right.unit):
            raise _refused(
                f"'{left.name}' is {_describe(left)} and '{right.name}' is {_describe(right)}", right.name, self.expression
            )
        return Comparison(node.op, self.fitted(node.left, right), self.fitted(node.right, left))

    def fitted(self, operand: Operand, other: ValueSpec | None) -> Operand:
        return self.literal(operand, other) if isinstance(operand, Literal) else self.named(operand)

    def named(self, operand: Operand) -> Operand:
        spec = self.spec(operand)
        return Name(spec.name, spec.unit) if spec else operand

    def spec(self, operand: Operand) -> ValueSpec | None:
        return self.known.get(operand.name) if isinstance(operand, Name) else None

    def literal(self, literal: Literal, spec: ValueSpec | None) -> Literal:
        if spec is None:
            return literal
        if kind_of(literal.constant) != spec.kind:
            raise _refused(f"'{spec.name}' is {_describe(spec)}, {literal.text} is not", literal.text, self.expression)
        factor = conversion(literal.unit, spec.unit)
        if factor is None:
            raise _refused(
                f"'{spec.name}' is {_describe(spec)}, {literal.text} is {UNIT_WORDS[literal.unit]}",
                literal.text,
                self.expression,
            )
        if factor == 1.0 or isinstance(literal.constant, str):
            return literal
        return Literal(literal.constant * factor, literal.text, spec.unit)

    def wants(self, operand: Operand, kind: str, use: str, hint: str = "") -> None:
        """An operand whose kind is known must be of this one."""
        spec = self.spec(operand)
        found = spec.kind if spec else kind_of(operand.constant) if isinstance(operand, Literal) else kind
        if found != kind:
            shown = "true or false" if found == "flag" else f"a {found}"
            raise _refused(f"'{use}' does not fit {operand}, which is {shown}", str(operand), self.expression, hint)


def _describe(spec: ValueSpec) -> str:
    if spec.kind == "number":
        return UNIT_WORDS[spec.unit]
    return "a text" if spec.kind == "text" else "true or false"
