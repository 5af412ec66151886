"""Adding, changing and removing monitors, groups and alerts: on the Monitors page, on the page of one, on that of alerts."""

from __future__ import annotations

from sitescope_fo.console.actions.action import Action

LIST_EDITS: tuple[Action, ...] = (
    Action(
        id="monitors.new",
        keys=("n",),
        name="New monitor",
        help="Add a monitor: choose its type, then fill in its form.",
        command="monitor add, monitor types",
        changes=True,
    ),
    Action(
        id="monitors.edit",
        keys=("E",),
        name="Edit",
        help="Change the monitor: settings, thresholds, when it runs. Only what was changed is written.",
        command="monitor edit",
        changes=True,
    ),
    Action(
        id="monitors.duplicate",
        keys=("c",),
        name="Copy monitor",
        help="Add a monitor like this one, under another name. Its secrets are not copied.",
        command="monitor add",
        changes=True,
    ),
    Action(
        id="monitors.remove",
        keys=("x", "delete"),
        name="Remove",
        help="Remove the monitor and its own alerts; recorded results stay.",
        command="monitor remove",
        changes=True,
    ),
    Action(
        id="monitors.new_group",
        keys=("N",),
        name="New group",
        help="Add a group of monitors, and the groups above it that are missing.",
        command="group add",
        changes=True,
    ),
    Action(
        id="monitors.remove_group",
        keys=("X",),
        name="Remove group",
        help="Remove the group that the list shows, or that of the monitor, with all that is in it.",
        command="group remove",
        changes=True,
    ),
    Action(
        id="monitors.alerts",
        keys=("L",),
        name="Alerts",
        help="See and change who is told of the monitor, or of the group when the keys are in the tree.",
        command="alert list",
    ),
)

ONE_EDITS: tuple[Action, ...] = (
    Action(
        id="monitor.edit",
        keys=("E",),
        name="Edit",
        help="Change this monitor: settings, thresholds, when it runs. Only what was changed is written.",
        command="monitor edit",
        changes=True,
    ),
    Action(
        id="monitor.duplicate",
        keys=("c",),
        name="Copy monitor",
        help="Add a monitor like this one, under another name. Its secrets are not copied.",
        command="monitor add",
        changes=True,
    ),
    Action(
        id="monitor.remove",
        keys=("x", "delete"),
        name="Remove",
        help="Remove this monitor and its own alerts; recorded results stay.",
        command="monitor remove",
        changes=True,
    ),
    Action(
        id="monitor.alerts",
        keys=("L",),
        name="Alerts",
        help="See and change who is told of this monitor.",
        command="alert list",
    ),
)

ALERTS: tuple[Action, ...] = (
    Action(
        id="alerts.new",
        keys=("n",),
        name="New alert",
        help="Add an alert: for what, on which status, when, to whom.",
        bar=1,
        command="alert add",
        changes=True,
    ),
    Action(
        id="alerts.edit",
        keys=("E", "enter"),
        name="Edit",
        help="Change the alert under the cursor, or switch it off.",
        bar=2,
        command="alert edit",
        changes=True,
    ),
    Action(
        id="alerts.test",
        keys=("t",),
        name="Test",
        help="Send a test of the alert to its recipients, now.",
        bar=3,
        command="alert test",
        changes=True,
    ),
    Action(
        id="alerts.remove",
        keys=("x", "delete"),
        name="Remove",
        help="Remove the alert under the cursor.",
        bar=4,
        command="alert remove",
        changes=True,
    ),
)
