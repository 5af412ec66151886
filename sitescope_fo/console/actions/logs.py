"""What works on the page of the same name."""

from __future__ import annotations

from sitescope_fo.console.actions.action import Action

LOGS: tuple[Action, ...] = (
    Action(
        id="logs.filter",
        keys=("slash",),
        name="Filter",
        help="Show only lines with this text; the node looks through the whole file for them.",
        bar=1,
        command="log show --match",
    ),
    Action(
        id="logs.follow",
        keys=("f",),
        name="Follow",
        help="Stay at the end and show new lines as they come; any step up stops it.",
        bar=2,
        command="log tail --follow",
    ),
    Action(id="logs.level", keys=("l",), name="Level", help="Show all lines, warnings and errors, or errors only.", bar=3),
    Action(
        id="logs.jump",
        keys=("t",),
        name="Time",
        help="Jump to a moment: 10:15, 2026-11-22 10:15, or back from now like 2h.",
        bar=4,
    ),
    Action(
        id="logs.which",
        keys=("o", "left_square_bracket"),
        name="Other log",
        help="Choose the log: events of the failover, errors, runs, audit, and their older parts.",
        command="log list",
        bar=5,
    ),
    Action(
        id="logs.search",
        keys=("s",),
        name="Search",
        help="Find a text in the lines that are loaded; n and N go on.",
        palette=True,
    ),
    Action(id="logs.next", keys=("n",), name="Next match", help="The next line with the text that was searched."),
    Action(id="logs.before", keys=("N",), name="Match before", help="The line with the text before this one."),
    Action(id="logs.show", keys=("enter",), name="Whole line", help="Show the line under the cursor in full.", palette=False),
)
