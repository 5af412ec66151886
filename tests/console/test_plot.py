"""The plot as text: lines, scales, hatches, with and without Unicode."""

import msgspec
import pytest

from sitescope_fo.console.view.canvas import Canvas
from sitescope_fo.console.view.plot import GUTTER, plot
from sitescope_fo.console.view.said import Wording
from sitescope_fo.console.view.scale import figure, scale_of, ticks
from sitescope_fo.model.record import MonitorHistory
from sitescope_fo.model.width import cells
from tests.console import past
from tests.console.fakes import NOW


def drawn(width=80, height=14, *, plain=False, **changes):
    history = msgspec.convert(past.history({"path": "Shop/Web", "from": "6h"}, **changes), MonitorHistory)
    return plot(history, width, height, Wording(plain=plain))


def text(lines):
    return ["".join(cell.text for cell in line) for line in lines]


def test_a_line_of_dots_has_no_gap():
    canvas = Canvas(4, 2)
    canvas.line(0, 0, 7, 7)
    assert canvas.letter(0, 0) == "\u2811"
    assert all(canvas.letter(column, column // 2) for column in range(4))


def test_dots_outside_are_left_out():
    canvas = Canvas(2, 2, plain=True)
    canvas.line(-3, -3, 5, 5)
    assert [[canvas.letter(column, row) for column in range(2)] for row in range(2)] == [["*", ""], ["", "*"]]


@pytest.mark.parametrize(
    ("low", "high", "parts", "expected"),
    [
        (0.3, 2.4, 4, (0.0, 3.0, 1.0)),
        (0.0, 0.0, 4, (0.0, 1.0, 0.5)),
        (97.0, 99.5, 4, (97.0, 100.0, 1.0)),
        (-5.0, 5.0, 2, (-5.0, 5.0, 5.0)),
        (5.0, 5.0, 3, (4.5, 5.5, 0.5)),
    ],
)
def test_a_scale_holds_its_values_between_round_figures(low, high, parts, expected):
    scale = scale_of(low, high, parts)
    assert (round(scale.low, 9), round(scale.high, 9), round(scale.step, 9)) == expected


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.25, "s", "250 ms"),
        (2.0, "s", "2 s"),
        (0.0, "s", "0 s"),
        (90.0, "s", "1 min 30 s"),
        (1536.0, "bytes", "1.5 KiB"),
        (40.0, "%", "40 %"),
        (12.0, "days", "12 d"),
        (1234567.0, "count", "1.23e+06"),
        (3.0, "", "3"),
    ],
)
def test_a_figure_carries_its_unit(value, unit, said):
    assert figure(value, unit) == said


def test_moments_along_the_foot_are_round():
    assert [label for _, label in ticks(NOW - 6 * 3600, NOW, 6, local=False)] == [
        "04:00",
        "05:00",
        "06:00",
        "07:00",
        "08:00",
        "09:00",
        "10:00",
    ]
    week = [label for _, label in ticks(NOW - 7 * 86_400, NOW, 7, local=False)]
    assert week[0] == "16 Nov"
    assert week[-1] == "22 Nov"


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(("width", "height"), [(78, 10), (98, 14), (150, 20), (18, 5)])
def test_a_plot_never_takes_more_room_than_it_has(width, height, plain):
    lines = drawn(width, height, plain=plain)
    assert len(lines) <= height
    assert max(map(cells, text(lines))) <= width


def test_what_an_operator_looks_for_is_there():
    said = "\n".join(text(drawn()))
    assert "error > 2 s" in said
    assert "warning > 800 ms" in said
    assert "nobody watched" in said
    assert "both nodes watched" in said
    assert "06:00" in said
    assert "\u2588" in said  # the error in the band of states
    assert "3 s" in said


def test_a_plain_terminal_gets_plain_letters():
    said = "\n".join(text(drawn(plain=True)))
    assert said.isascii()
    assert {"*", "-", "/", "#", "X", "!"} <= set(said)


def test_the_value_is_not_drawn_where_nobody_watched():
    lines = text(drawn(plain=True))
    blind = range(GUTTER + round(70 * 0.46), GUTTER + round(70 * 0.54))
    assert not any(line[column : column + 1] == "*" for line in lines for column in blind)
    assert any(line[column : column + 1] == "/" for line in lines for column in blind)


def test_a_threshold_far_above_the_value_is_named_and_does_not_flatten_it():
    far = [{"level": "error", "expression": "round_trip_time > 100s", "op": ">", "value": 100.0}]
    lines = text(drawn(thresholds=far))
    assert "3 s" in "\n".join(lines)
    assert any("error > 1 min 40 s" in line for line in lines)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"points": []}, "no number was measured in this time"),
        ({"points": [], "name": ""}, "this monitor measures no number"),
        ({"cut": "2026-11-22T05:00:00Z"}, "older results than 2026-11-22T05:00:00Z are too many to be read"),
    ],
)
def test_what_is_missing_is_said(changes, said):
    assert any(said in line for line in text(drawn(120, 16, **changes)))


def test_a_single_point_is_drawn():
    points = [{"at": "2026-11-22T09:00:00Z", "min": 1.0, "max": 1.0, "last": 1.0, "status": "good", "results": 1}]
    assert sum(line.count("*") for line in text(drawn(plain=True, points=points, thresholds=[]))) == 1
