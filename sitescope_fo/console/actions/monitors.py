"""What works on the page of the same name."""

from __future__ import annotations

from sitescope_fo.console.actions.action import Action

MONITORS: tuple[Action, ...] = (
    Action(
        id="monitors.filter",
        keys=("slash",),
        name="Filter",
        help="Narrow the list: words, !word, state:error, type:url, group:shop, re:pattern.",
        bar=1,
        command="monitor list --filter",
    ),
    Action(
        id="monitors.unhandled",
        keys=("u",),
        name="Unhandled",
        help="Show only problems that nobody has acknowledged, or all again.",
        bar=2,
    ),
    Action(
        id="monitors.sort", keys=("s",), name="Sort", help="Next order: problems, name, value, last run, next run, type.", bar=6
    ),
)
