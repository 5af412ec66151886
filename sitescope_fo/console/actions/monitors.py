"""What works on the Monitors page, and on the page of one monitor."""

from __future__ import annotations

from sitescope_fo.console.actions.action import Action
from sitescope_fo.console.actions.monitor_edit import ALERTS, LIST_EDITS, ONE_EDITS

_LIST: tuple[Action, ...] = (
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
        help="Show only problems that nobody has acknowledged or planned, or all again.",
        bar=5,
        command="monitor list --status",
    ),
    Action(
        id="monitors.acknowledge",
        keys=("a",),
        name="Ack",
        help="Acknowledge the problem: say who looks after it, and until when; again takes it back.",
        bar=2,
        command="ack",
        changes=True,
    ),
    Action(
        id="monitors.run",
        keys=("r",),
        name="Run now",
        help="Run the monitor now and show its result, which is recorded like any other.",
        bar=3,
        command="monitor run",
        changes=True,
    ),
    Action(
        id="monitors.tree",
        keys=("t",),
        name="Groups",
        help="Open or close the tree of groups; a group narrows the list to what lies below it.",
        bar=4,
        command="group list",
    ),
    Action(
        id="monitors.downtime",
        keys=("d",),
        name="Downtime",
        help="Plan work on the monitor or its group: no alert until it is over; in one, end it.",
        bar=6,
        command="downtime add, downtime end",
        changes=True,
    ),
    Action(
        id="monitors.enable",
        keys=("e",),
        name="On/off",
        help="Switch the monitor off, or on again.",
        command="monitor enable, monitor disable",
        changes=True,
    ),
    Action(
        id="monitors.details",
        keys=("enter",),
        name="Details",
        help="All of one monitor: thresholds against its values, dependencies, last results, alerts, a plot of its past.",
        command="monitor show",
    ),
    Action(id="monitors.sort", keys=("s",), name="Sort", help="Next order: problems, name, value, last run, next run, type."),
    Action(id="monitors.fold", keys=("left", "h"), name="Fold", help="Fold the group in the tree.", palette=False),
    Action(id="monitors.unfold", keys=("right", "l"), name="Unfold", help="Unfold the group in the tree.", palette=False),
)

_ONE: tuple[Action, ...] = (
    Action(
        id="monitor.acknowledge",
        keys=("a",),
        name="Ack",
        help="Acknowledge the problem: say who looks after it, and until when; again takes it back.",
        bar=3,
        command="ack",
        changes=True,
    ),
    Action(
        id="monitor.run",
        keys=("r",),
        name="Run now",
        help="Run this monitor now; its result appears here.",
        bar=4,
        command="monitor run",
        changes=True,
    ),
    Action(
        id="monitor.downtime",
        keys=("d",),
        name="Downtime",
        help="Plan work on this monitor or its group; in a downtime, end it.",
        bar=5,
        command="downtime add, downtime end",
        changes=True,
    ),
    Action(
        id="monitor.enable",
        keys=("e",),
        name="On/off",
        help="Switch this monitor off, or on again.",
        command="monitor enable, monitor disable",
        changes=True,
    ),
    Action(
        id="monitor.longer",
        keys=("plus", "right_square_bracket"),
        name="Longer",
        help="A longer time in the plot: 1 hour, 6 hours, 1 day, 7 days.",
        command="monitor history",
        bar=1,
    ),
    Action(
        id="monitor.shorter",
        keys=("minus", "left_square_bracket"),
        name="Shorter",
        help="A shorter time in the plot: 7 days, 1 day, 6 hours, 1 hour.",
        bar=2,
    ),
    Action(id="monitor.value", keys=("v",), name="Next value", help="Plot the next of the values that the monitor measures."),
)

MONITORS: tuple[Action, ...] = (*_LIST, *LIST_EDITS, *_ONE, *ONE_EDITS, *ALERTS)
