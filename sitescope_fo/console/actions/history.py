"""What works on the page of the same name."""

from __future__ import annotations

from sitescope_fo.console.actions.action import Action

HISTORY: tuple[Action, ...] = (
    Action(
        id="history.show",
        keys=("enter",),
        name="Show",
        help="Verify the snapshot under the cursor and show what it holds.",
        bar=1,
        command="history show",
    ),
    Action(
        id="history.diff",
        keys=("d",),
        name="Compare",
        help="What changed between two marked snapshots, or from the one under the cursor to the current mirror.",
        bar=2,
        command="history diff",
    ),
    Action(
        id="history.mark",
        keys=("space",),
        name="Mark",
        help="Mark the snapshot under the cursor to compare it with another one; again takes the mark off.",
        bar=3,
    ),
    Action(
        id="history.verify",
        keys=("v",),
        name="Verify",
        help="Prove every file of the snapshot under the cursor against its recorded hash.",
        bar=4,
        command="history verify",
    ),
    Action(
        id="history.verify_all",
        keys=("V",),
        name="Verify all",
        help="Verify all snapshots, one after the other; Esc stops after the one under way.",
        command="history verify",
    ),
    Action(
        id="history.restore",
        keys=("R",),
        name="Restore",
        help="Put a snapshot back; it comes with the return of a rebuilt primary.",
        bar=5,
    ),
)
