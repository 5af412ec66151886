"""The mirror as the machine sees it: whether there is something to take over with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.failover.conditions import MIRROR_HINT, leave
from sitescope_fo.failover.state import NEVER
from sitescope_fo.model.fact import EditsKept, MirrorFailed, MirrorMissing, MirrorStaged, MirrorVerified
from sitescope_fo.model.status import Condition, EvidenceKind

if TYPE_CHECKING:
    from sitescope_fo.failover.turn import Turn


def on_mirror(turn: Turn, fact: MirrorVerified) -> None:
    """A verified mirror is current."""
    turn.set_live(
        mirror_revision=fact.revision, mirror_monitors=fact.monitors, mirror_failing_since=NEVER, mirror_failing_what=""
    )
    turn.calm("mirror_failed", f"{turn.name}: mirrored again, {fact.monitors} monitors")
    if leave(turn, Condition.no_mirror):
        what = f"mirror {fact.revision[:12]} verified, {fact.monitors} monitors"
        turn.set_live(no_mirror_since=NEVER)
        turn.note(EvidenceKind.mirror, what)
        turn.log("protected", what)
        turn.calm("no_mirror", f"{turn.name}: protected again, {what}")


def unprotect(turn: Turn, what: str) -> None:
    """There is nothing to take over with."""
    if turn.add(Condition.no_mirror):
        turn.set_live(no_mirror_since=turn.mono)
        turn.note(EvidenceKind.mirror, what)
        turn.log("unprotected", what, level="WARNING", hint=MIRROR_HINT)
    turn.set_live(no_mirror_what=what, mirror_revision="", mirror_monitors=0)


def on_mirror_missing(turn: Turn, fact: MirrorMissing) -> None:
    """The current generation is missing, corrupt or cannot be loaded. While acting it only matters afterwards."""
    if turn.state.passive:
        unprotect(turn, fact.what)
    else:
        turn.set_live(mirror_revision="", mirror_monitors=0, no_mirror_what=fact.what)


def on_mirror_failed(turn: Turn, fact: MirrorFailed) -> None:
    """A pull failed. While the primary is silent that is no news."""
    if not turn.live.answering and turn.state.passive:
        return
    if turn.live.mirror_failing_since == NEVER:
        turn.set_live(mirror_failing_since=turn.mono)
        turn.log("mirror_failed", fact.what, level="WARNING", hint=fact.hint or MIRROR_HINT)
    turn.set_live(mirror_failing_what=fact.what)


def on_mirror_staged(turn: Turn, fact: MirrorStaged) -> None:
    """A sudden shrink waits for a yes."""
    what = f"The new mirror of {turn.name} has {fact.after} monitors instead of {fact.before}: it waits and is not current"
    turn.note(EvidenceKind.mirror, what)
    todo = (
        f"Accept it with `sitescope-fo mirror {turn.name} --accept`, or mend the primary; it becomes current after 24 h unchanged"
    )
    turn.alarm("mirror_staged", f"{turn.name}: mirror shrinks from {fact.before} to {fact.after} monitors", what, todo)


def on_edits(turn: Turn, fact: EditsKept) -> None:
    """What was typed while acting and does not travel home is kept."""
    what = f"Edits made on this failover while it acted for {turn.name} are kept in {fact.archive}; they did not travel home"
    todo = f"Make them again on the primary, or switch merge back on; see `sitescope-fo history show {turn.name}`"
    turn.note(EvidenceKind.merge, f"edits kept in {fact.archive}")
    turn.log("edits_kept", what, hint=todo)
    turn.mail("edits_kept", f"{turn.name}: edits made while acting are kept", what, todo)
