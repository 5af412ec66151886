"""What works in the Test dialog of a pair, besides what works in every dialog."""

from __future__ import annotations

from sitescope_fo.console.actions.action import Action

PAIR_TEST: tuple[Action, ...] = (
    Action(
        id="pair_test.again",
        keys=("r",),
        name="Run again",
        help="Test the pair again, from the first row on.",
        command="profile test",
        palette=False,
    ),
    Action(
        id="pair_test.mail",
        keys=("m",),
        name="Test message",
        help="Go to the address, and from there send a test message to it.",
        command="mail test",
        palette=False,
    ),
    Action(
        id="pair_test.copy",
        keys=("y",),
        name="Copy all",
        help="Copy all rows with evidence and remedies to the terminal's clipboard.",
        palette=False,
    ),
)
