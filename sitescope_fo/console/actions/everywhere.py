"""What works on every page."""

from __future__ import annotations

from sitescope_fo.console.actions.action import Action

EVERYWHERE = (
    Action(
        id="everywhere.monitors",
        keys=("1",),
        name="Monitors",
        help="Show the monitors, problems first.",
        command="monitor list",
    ),
    Action(
        id="everywhere.failover",
        keys=("2",),
        name="Failover",
        help="Show the failover profiles: who monitors, is the standby fit, what happens next.",
        command="status, profile list, profile timeline, peer list",
    ),
    Action(id="everywhere.logs", keys=("3",), name="Logs", help="Read the logs of this node.", command="log show"),
    Action(
        id="everywhere.history",
        keys=("4",),
        name="History",
        help="Look at the mirror's snapshots: list, verify, compare.",
        command="history list",
    ),
    Action(
        id="everywhere.preferences",
        keys=("5",),
        name="Preferences",
        help="See and change the settings of this node: mail, schedules, certificates, users.",
        command="config show",
    ),
    Action(
        id="everywhere.help",
        keys=("question_mark", "f1"),
        name="Help",
        help="Search everything that can be done here, and its key.",
        bar=1,
    ),
    Action(id="everywhere.palette", keys=("ctrl+p",), name="Palette", help="Type the name of any action and do it."),
    Action(
        id="everywhere.next_profile",
        keys=("p",),
        name="Next profile",
        help="Select the next failover profile: the title bar speaks of it, and pages narrow to it.",
    ),
    Action(id="everywhere.theme", keys=("ctrl+t",), name="Theme", help="Pick another theme; it is kept for you."),
    Action(id="everywhere.clock", keys=("ctrl+u",), name="Clock", help="Show times in UTC or in local time."),
    Action(id="everywhere.copy", keys=("y",), name="Copy", help="Copy the row under the cursor to the terminal's clipboard."),
    Action(
        id="everywhere.screenshot",
        keys=("ctrl+s",),
        name="Screenshot",
        help="Save this screen as an SVG file in the current folder.",
    ),
    Action(id="everywhere.redraw", keys=("ctrl+l",), name="Redraw", help="Paint the whole screen anew."),
    Action(id="everywhere.back", keys=("escape",), name="Back", help="One step back.", palette=False),
    Action(
        id="everywhere.quit",
        keys=("q",),
        name="Quit",
        help="Leave the console; with the engine in this process, choose whether it goes on.",
        bar=2,
    ),
)

TABLE = (
    Action(id="table.down", keys=("down", "j"), name="Down", help="Next row.", palette=False),
    Action(id="table.up", keys=("up", "k"), name="Up", help="Row before.", palette=False),
    Action(id="table.page_down", keys=("pagedown", "ctrl+f"), name="Page down", help="A screen down.", palette=False),
    Action(id="table.page_up", keys=("pageup", "ctrl+b"), name="Page up", help="A screen up.", palette=False),
    Action(id="table.top", keys=("home", "g"), name="Top", help="First row.", palette=False),
    Action(id="table.bottom", keys=("end", "G"), name="Bottom", help="Last row.", palette=False),
    Action(id="table.open", keys=("enter",), name="Open", help="Open what the cursor is on.", palette=False),
)

DIALOG = (
    Action(id="dialog.cancel", keys=("escape",), name="Cancel", help="Leave the dialog; nothing is changed.", palette=False),
    Action(id="dialog.save", keys=("ctrl+s",), name="Save", help="Save the form.", palette=False),
)
