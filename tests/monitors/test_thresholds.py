"""Threshold expressions: what they accept, refuse, decide and explain."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor_type import TypeSpec, ValueSpec
from sitescope_fo.monitors.expression import Matches
from sitescope_fo.monitors.patterns import compile_pattern
from sitescope_fo.monitors.thresholds import DEEPEST, LONGEST, check, compiled, parse

SPEC = TypeSpec(
    name="url",
    title="URL",
    help="",
    settings=(),
    values=(
        ValueSpec(name="status", kind="number", help=""),
        ValueSpec(name="round_trip_time", kind="number", unit="s", help=""),
        ValueSpec(name="loss", kind="number", unit="%", help=""),
        ValueSpec(name="size", kind="number", unit="bytes", help=""),
        ValueSpec(name="days_left", kind="number", unit="days", help=""),
        ValueSpec(name="answer", kind="text", help=""),
        ValueSpec(name="secure", kind="flag", help=""),
    ),
)
OPEN = TypeSpec(name="script", title="", help="", settings=(), values=SPEC.values, open_ended=True)
MEASURED = {
    "status": 404,
    "round_trip_time": 2.4,
    "loss": 12.5,
    "size": 5_000_000,
    "days_left": 3.0,
    "answer": "it's DOWN, code 17",
    "secure": True,
}


def holds(text, values=MEASURED, spec=SPEC):
    return compiled(text, spec).evaluate(values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status != 200", True),
        ("status == 404.0", True),
        ("round_trip_time > 2s", True),
        ("round_trip_time > 2400ms", False),
        ("round_trip_time >= 2400ms", True),
        ("2s < round_trip_time", True),
        ("round_trip_time < 1h30m", True),
        ("round_trip_time > 2", True),
        ("loss > 12%", True),
        ("loss > 12.5 %", False),
        ("size < 5MB", False),
        ("size >= 5MB", True),
        ("size < 5MiB", True),
        ("days_left < 14 days", True),
        ("days_left < 71h", False),
        ("days_left <= 72h", True),
        ("answer contains 'DOWN'", True),
        ("answer contains 'down'", False),
        ("answer contains 'it''s'", True),
        ('answer contains "it\'s"', True),
        (r"answer matches 'code \d+$'", True),
        (r"answer matches '^code'", False),
        ("status in [200, 404]", True),
        ("status not in [200, 301]", True),
        ("status not in [200, 404]", False),
        ("secure", True),
        ("not secure", False),
        ("secure == false", False),
        ("secure != false", True),
        ("status == 200 or loss > 1% and secure", True),
        ("(status == 200 or loss > 1%) and not secure", False),
        ("not status == 200 and not (loss > 50%)", True),
        ("failure == 'timeout'", False),
    ],
)
def test_an_expression_decides_over_measured_values(text, expected):
    assert holds(text) is expected


@pytest.mark.parametrize(
    "text",
    ["status > 1", "status <= 1", "status != 1", "status in [1]", "status not in [1]", "secure", "answer != 'x'",
     "answer contains ''", "answer matches ''"],
)  # fmt: skip
def test_a_comparison_with_a_value_that_was_not_measured_is_false(text):
    assert holds(text, {}) is False
    assert holds(f"not ({text})", {}) is True


@pytest.mark.parametrize("text", ["perf_x == 'a'", "perf_x != 'a'", "perf_x < 3 and perf_x == 'b'", "perf_x contains '1'"])
def test_a_value_of_another_kind_than_expected_makes_a_comparison_false(text):
    assert holds(text, {"perf_x": 1}, OPEN) is False


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("status = 200", "column 8", "'=='"),
        ("status >", "column 9", "the end"),
        ("status is 3", "column 8", "'is'"),
        ("status >= 1 adn secure", "column 13", "Did you mean 'and'"),
        ("1 < status < 3", "column 12", "Join comparisons"),
        ("answer == 'DOWN", "column 11", "does not end"),
        ("(status > 1", "column 12", "')' is missing for the '(' in column 1"),
        ("status in []", "column 12", "expected a constant"),
        ("status in 5", "column 11", "'[' is missing"),
        ("round_trip_time > 5sec", "column 19", "is no unit"),
        ("size > 5Mib", "column 8", "Did you mean 'MiB'"),
        ("5 > 3", "column 1", "names no measured value"),
        ("", "column 1", "the end"),
        ("status > 9999999999999999", "column 10", "too many digits"),
        ("answer matches status", "column 16", "text in quotes"),
        ("answer matches '('", "column 16", "no regular expression"),
        ("answer matches '(a+)+'", "column 16", "exponential"),
        ("__import__('os')", "column 11", "'('"),
        ("status.real > 1", "column 7", "no meaning"),
    ],
)
def test_an_expression_that_is_none_is_refused_with_its_column(text, column, words):
    with pytest.raises(Usage) as caught:
        parse(text)
    assert column == caught.value.where
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("roundtrip_time > 1s", "Did you mean 'round_trip_time'?"),
        ("colour == 'red'", "It has: status, round_trip_time"),
        ("round_trip_time > 5%", "'round_trip_time' is a time, 5% is a percentage"),
        ("size > 5s", "is a size"),
        ("status > 5s", "is a plain number"),
        ("status == 'up'", "'status' is a plain number, 'up' is not"),
        ("status in [200, 'x']", "'x' is not"),
        ("answer > 'a'", "'>' does not fit answer"),
        ("status contains '4'", "'contains' does not fit status"),
        ("status matches '4'", "'matches' does not fit status"),
        ("status", "Compare it, such as status == …"),
        ("status and secure", "Compare it"),
        ("size > days_left", "'size' is a size and 'days_left' is a number of days"),
        ("secure == 'yes'", "true or false"),
        ("secure > true", "does not fit"),
    ],
)
def test_an_expression_that_does_not_fit_its_type_says_why(text, words):
    problem = check(parse(text), SPEC)
    assert words in problem
    assert re.search(r"column \d+", problem)


def test_an_open_ended_type_takes_unknown_names_but_not_typing_errors():
    assert check(parse("perf_users > 5"), OPEN) == ""
    assert "Did you mean 'status'" in check(parse("statsu > 5"), OPEN)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("round_trip_time > 2s", "round_trip_time > 2s (2.4s)"),
        ("loss > 5%", "loss > 5% (12.5%)"),
        ("size > 1MiB", "size > 1MiB (5MB)"),
        ("days_left < 14 days", "days_left < 14 days (3 days)"),
        ("status == 1 or loss > 5%", "loss > 5% (12.5%)"),
        ("status == 404 and loss > 5%", "status == 404 (404) and loss > 5% (12.5%)"),
        ("status == 404 and loss > 50%", "loss > 50% (12.5%)"),
        ("answer contains 'DOWN'", "answer contains 'DOWN' ('it's DOWN, code 17')"),
        ("not secure", "not (secure (true))"),
        ("failure == 'x'", "failure == 'x' (not measured)"),
        ("status > loss", "'status' is a plain number"),
    ],
)
def test_an_explanation_shows_what_was_measured(text, words):
    if problem := check(parse(text), SPEC):
        assert words in problem
    else:
        assert compiled(text, SPEC).explain(MEASURED) == words


def test_length_and_depth_are_limited():
    parse("(" * DEEPEST + "secure" + ")" * DEEPEST)
    for bomb in ("(" * (DEEPEST + 1) + "secure", "not " * 200 + "secure", "secure or " * LONGEST + "secure"):
        with pytest.raises(Usage):
            parse(bomb)


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+$", r"(a|aa)*", r"((a+)b?)*x", r"(a?a)+b", r"(a{1,500})+", r"(?:x+){5}", r"(a)\1", r"(?x)(a+ #)\n)+", r"(?P<n>\d*)*",
     "a" * 501, "[", "(?P=n)", "[[a]", r"(?=a+)*b"],
)  # fmt: skip
def test_a_pattern_that_is_broken_or_could_run_away_is_refused(pattern):
    with pytest.raises(Usage) as caught:
        compile_pattern(pattern)
    assert caught.value.code == "bad_pattern"


@pytest.mark.parametrize(
    "pattern",
    [r"\d+\.\d+", r"(\d{1,3}\.){3}\d{1,3}", r"[(+]+", r"(?:foo|bar)++", r"(?>a+)+", r"(ab)+", r"\(a+\)+", r"(?i)err.*code",
     r"(a*)?", r"[]a(+]+(b)*", "a{", "(?#a+)b+"],
)  # fmt: skip
def test_an_ordinary_pattern_is_accepted(pattern):
    assert isinstance(compile_pattern(pattern), re.Pattern)


def test_matches_looks_at_a_bounded_part_of_the_text():
    assert holds("answer matches 'end'", {"answer": "x" * 9000 + "end"}) is False
    assert holds("answer contains 'end'", {"answer": "x" * 9000 + "end"}) is True


PIECES = st.sampled_from(
    ["status", "answer", "secure", "and", "or", "not", "in", "contains", "matches", "(", ")", "[", "]", ",", "==", "!=", "<",
     ">=", "'a'", '"b"', "''", "5", "2s", "1h30m", "10 days", "3%", "-1.5", "true", "false", " ", "'", "=", "é", "(a+)+", "\\"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=30).map(" ".join), st.lists(PIECES, max_size=30).map("".join)))
def test_no_text_makes_the_parser_do_anything_but_parse_or_refuse(text):
    try:
        expression = parse(text)
    except Usage:
        return
    assert isinstance(check(expression, SPEC), str)
    assert isinstance(expression.evaluate(MEASURED), bool)
    assert isinstance(expression.explain(MEASURED), str)
    assert parse(str(expression)).root == expression.root


NAMES = st.sampled_from([value.name for value in SPEC.values])
NUMBERS = st.one_of(
    st.integers(-(10**9), 10**9).map(str),
    st.decimals(-1000, 1000, places=3).map(str),
    st.tuples(st.integers(0, 9999), st.sampled_from(["ms", "s", "m", "h", "d", " days", "%", "B", "KiB", " TB"])).map(
        lambda pair: f"{pair[0]}{pair[1]}"
    ),
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=8).map(
    lambda text: "'" + text.replace("'", "''") + "'"
)
TESTS = st.one_of(
    st.tuples(NAMES, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.one_of(NUMBERS, NAMES, TEXTS)).map(" ".join),
    st.tuples(NAMES, TEXTS).map(" contains ".join),
    NAMES.map(lambda name: rf"{name} matches '^\w+ [a-z]?'"),
    st.tuples(NAMES, st.sampled_from([" in ", " not in "]), st.lists(NUMBERS, min_size=1, max_size=3)).map(
        lambda parts: f"{parts[0]}{parts[1]}[{', '.join(parts[2])}]"
    ),
    NAMES,
)
EXPRESSIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) and ({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) or ({pair[1]})"),
        inner.map(lambda one: f"not ({one})"),
    ),
    max_leaves=6,
)
VALUES = st.fixed_dictionaries(
    {},
    optional={name.name: st.one_of(st.integers(), st.floats(), st.text(max_size=5), st.booleans()) for name in SPEC.values},
)


@given(EXPRESSIONS, VALUES)
def test_what_is_printed_means_the_same(text, values):
    expression = parse(text)
    again = parse(str(expression))
    assert again.root == expression.root
    assert again.evaluate(values) is expression.evaluate(values)


class Watched(dict):
    """Notes every name that is asked for."""

    def __init__(self, values):
        super().__init__(values)
        self.asked = set()

    def get(self, key, default=None):
        self.asked.add(key)
        return super().get(key, default)


@given(EXPRESSIONS, VALUES)
def test_an_expression_asks_only_for_the_names_it_lists(text, values):
    expression = parse(text)
    watched = Watched(values)
    expression.evaluate(watched)
    expression.explain(watched)
    assert watched.asked <= set(expression.names)


@given(EXPRESSIONS, VALUES)
def test_binding_to_a_type_changes_no_decision_but_through_units(text, values):
    if check(parse(text), SPEC):
        return
    bound = compiled(text, SPEC)
    assert bound.names == parse(text).names
    assert isinstance(bound.evaluate(values), bool)
    assert not isinstance(bound.root, Matches) or bound.root == parse(text).root
