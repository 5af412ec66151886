"""What the swarm has to come across in one run: made from the machine's own table and sources, so nothing new can be left out.

Each is a name that `rules.HITS` counts: a place, a condition and its end, a row of the table, a pair of place and fact, a cause
of a takeover, a refusal, an event of the log, a mail.
"""

import ast
from functools import cache
from pathlib import Path

from sitescope_fo import failover
from sitescope_fo.failover.flap import AUTOMATIC
from sitescope_fo.failover.table import LISTED
from sitescope_fo.model.status import Condition, Position, PrimaryState
from tests.failover.followed import NAMES

_SOURCES = Path(failover.__file__).parent
_SAID = {"log": "event {}", "mail": "mail {}", "alarm": "event alarm_{}", "calm": "event alarm_{}_over", "tell": "mail {}"}
UNREACHABLE = {
    (Position.recovering, "HoldReleased"): "a hold ends the return at once, and none begins under one",
    (Position.recovering, "FlapUnlocked"): "no return begins under a lock",
}
"""Pairs of the table that only a state made by hand has; the swarm must never see one."""


def _calls(name):
    tree = ast.parse((_SOURCES / name).read_text("utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _text(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def said():
    """Every log line, mail and alarm that stands in the sources of the machines, as a literal name."""
    for path in sorted(_SOURCES.glob("*.py")):
        for call in _calls(path.name):
            kind = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if kind in _SAID and call.args and (name := _text(call.args[0])):
                yield _SAID[kind].format(name)


def refusals():
    """Every code with which a machine refuses an order or a request."""
    for name, who in (("operator.py", "refused"), ("primary.py", "refused primary")):
        for call in _calls(name):
            if isinstance(call.func, ast.Name) and call.func.id == "_no" and (code := _text(call.args[-1])):
                yield f"{who} {code}"
    yield from (f"refused {code}" for code in ("no_mirror", "fault", "isolated", "hold_too_long"))


@cache
def wanted():
    """All names, in order."""
    places = [*Position, *(one for one in PrimaryState if one is not PrimaryState.unknown)]
    pairs = sorted(f"pair {place} {kind.__name__}" for place, kind in LISTED if (place, kind.__name__) not in UNREACHABLE)
    causes = sorted({*AUTOMATIC, "operator", "switchover"})
    orders = ("ActivateAsked", "SwitchoverAsked", "StandbyAsked", "HoldSet", "HoldReleased", "FlapUnlocked")
    return tuple(
        dict.fromkeys(
            [
                *(f"at {place}" for place in places),
                *(f"{word} {one}" for one in Condition for word in ("condition", "condition over")),
                *(f"row {name}" for name in NAMES),
                *pairs,
                *(f"cause {one}" for one in causes),
                *(f"carried out {one}" for one in orders),
                *refusals(),
                *said(),
                "dies before its decision was durable",
                "dies before its effects left",
            ]
        )
    )
