"""Threshold expressions: `status != 200 or round_trip_time > 2s`.

    expression := term { "or" term }            term := factor { "and" factor }
    factor     := "not" factor | "(" expression ")" | test
    test       := operand [ op operand | "contains" text | "matches" text | ["not"] "in" "[" literal { "," literal } "]" ]
    operand    := name | literal                op := == != < <= > >=
    literal    := number [unit] | 'text' | "text" | true | false

A quote inside a text is written twice. Text compares by case. Nothing is ever executed: the parser builds a value that can only
look names up in the measured values.
"""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import get_args

import msgspec

from sitescope_fo.model.duration import parse_duration
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor_type import TypeSpec, ValueSpec
from sitescope_fo.monitors.binding import bind
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
    Operator,
    Within,
)
from sitescope_fo.monitors.patterns import compile_pattern
from sitescope_fo.monitors.tokens import Token, refused, tokenize
from sitescope_fo.monitors.units import SUFFIXES

LONGEST = 1000
"""Characters in one expression."""
DEEPEST = 20
"""Brackets and `not` inside each other."""
_OPERATORS = frozenset(get_args(Operator))


def parse(text: str) -> Expression:
    """The expression written in `text`, not yet bound to a monitor type.

    Raises Usage (`bad_threshold`) whose `where` is the column (1-based).
    """
    if len(text) > LONGEST:
        raise refused(f"an expression has at most {LONGEST} characters, this one {len(text)}", LONGEST + 1)
    return _Parser(tokenize(text)).expression(text)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Expression:
    return parse(text)


@lru_cache(maxsize=8192)
def _bound(text: str, spec: _Vocabulary) -> Expression:
    return bind(_parsed(text), spec.name, spec.values, open_ended=spec.open_ended)


class _Vocabulary(msgspec.Struct, frozen=True):
    """The hashable part of a TypeSpec that an expression depends on."""

    name: str
    values: tuple[ValueSpec, ...]
    open_ended: bool


def compiled(text: str, spec: TypeSpec) -> Expression:
    """The expression parsed and bound to a type, from a cache. Raises Usage (`bad_threshold`)."""
    return _bound(text, _Vocabulary(spec.name, spec.values, spec.open_ended))


def check(expression: Expression, spec: TypeSpec) -> str:
    """Why the expression cannot be a threshold of that type ("" when it can)."""
    try:
        bind(expression, spec.name, spec.values, open_ended=spec.open_ended)
    except Usage as error:
        return str(error)
    return ""


class _Parser:
    """Recursive descent over the tokens; depth is counted, so that no input can exhaust the stack."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.names: list[str] = []

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> Token | None:
        """The current token if it is one of the words or signs, and on to the next."""
        token = self.token
        if token.kind in {"word", "sign"} and token.text in texts:
            self.at += 1
            return token
        return None

    def need(self, text: str, why: str) -> None:
        if not self.take(text):
            raise refused(f"'{text}' is missing{why}, found {self.token}", self.token.column)

    def expression(self, text: str) -> Expression:
        root = self.any_of()
        if self.token.kind != "end":
            near = difflib.get_close_matches(self.token.text, ["and", "or", "not", "in", "contains", "matches"], n=1)
            hint = f"Did you mean '{near[0]}'?" if near else "Join comparisons with 'and' or 'or'"
            raise refused(f"did not expect {self.token}", self.token.column, hint)
        if not self.names:
            raise refused("the expression names no measured value", 1)
        return Expression(text, root, tuple(dict.fromkeys(self.names)))

    def any_of(self) -> Node:
        parts = [self.all_of()]
        while self.take("or"):
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def all_of(self) -> Node:
        parts = [self.factor()]
        while self.take("and"):
            parts.append(self.factor())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def factor(self) -> Node:
        if not (opened := self.take("not", "(")):
            return self.test()
        self.depth += 1
        if self.depth > DEEPEST:
            raise refused(f"more than {DEEPEST} brackets and 'not' inside each other", opened.column)
        inner: Node
        if opened.text == "not":
            inner = Not(self.factor())
        else:
            inner = self.any_of()
            self.need(")", f" for the '(' in column {opened.column}")
        self.depth -= 1
        return inner

    def test(self) -> Node:
        left = self.operand()
        if sign := self.take(*_OPERATORS):
            right = self.text_literal("contains") if sign.text == "contains" else self.operand()
            return Comparison(msgspec.convert(sign.text, Operator), left, right)
        if self.take("matches"):
            column = self.token.column
            literal = self.text_literal("matches")
            return Matches(left, literal.text, compile_pattern(str(literal.constant), where=f"column {column}"))
        if self.take("in"):
            return Within(left, self.choices())
        if self.take("not"):
            self.need("in", " after 'not'")
            return Within(left, self.choices(), negated=True)
        return Flag(left)

    def operand(self) -> Operand:
        token = self.token
        if token.kind == "word" and token.text not in {"true", "false", "and", "or", "in", "contains", "matches"}:
            self.at += 1
            self.names.append(token.text)
            return Name(token.text)
        return self.literal("a value name or a constant")

    def choices(self) -> tuple[Literal, ...]:
        self.need("[", " after 'in'")
        choices = [self.literal("a constant")]
        while self.take(","):
            choices.append(self.literal("a constant"))
        self.need("]", " at the end of the list")
        return tuple(choices)

    def text_literal(self, operator: str) -> Literal:
        if self.token.kind != "text":
            raise refused(f"'{operator}' needs a text in quotes, found {self.token}", self.token.column)
        return self.literal("a text")

    def literal(self, expected: str) -> Literal:
        token = self.token
        if word := self.take("true", "false"):
            return Literal(word.text == "true", word.text)
        if token.kind == "text":
            self.at += 1
            quote = token.text[0]
            return Literal(token.text[1:-1].replace(quote * 2, quote), token.text)
        if token.kind == "number":
            self.at += 1
            return self.number(token)
        raise refused(f"expected {expected}, found {token}", token.column)

    def number(self, token: Token) -> Literal:
        figure, suffix = token.number()
        text = token.text
        if not suffix and self.token.kind in {"word", "sign"} and self.token.text in SUFFIXES:
            suffix = self.token.text
            text = f"{text} {suffix}"
            self.at += 1
        if not suffix:
            return Literal(float(figure) if "." in figure else int(figure), text)
        if any(letter.isdigit() for letter in suffix):
            try:
                return Literal(parse_duration(text), text, "s")
            except Usage as error:
                raise refused(error.what, token.column, error.hint) from error
        if suffix not in SUFFIXES:
            near = difflib.get_close_matches(suffix, SUFFIXES, n=1, cutoff=0.4)
            hint = f"Did you mean '{near[0]}'?" if near else f"Known units: {' '.join(SUFFIXES)}"
            raise refused(f"'{suffix}' is no unit", token.column, hint)
        unit, factor = SUFFIXES[suffix]
        return Literal(float(figure) * factor, text, unit)
