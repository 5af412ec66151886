"""When the next mirror is due. Pure: frozen state, facts in, instants out.

| reason | when |
|---|---|
| start | at once, in a position that may mirror |
| change | the primary's revision is another than ours: after 2 s without a further change (at most 5 s after the first one) |
| schedule | every `mirror_every`, or by the profile's mirroring schedule: a full verification and a history zip |
| ripe | a staged shrink has waited long enough |
| retry | after a failure: 5 s, doubled each time, at most 5 min |

At most one pull in 5 s. In grace and announced nothing is started: a takeover uses what is current. While acting only changes of
a primary that answers again are fetched. Following changes does not depend on the mirroring schedule, which only replaces
`mirror_every` (guide: absolute or range schedule): a mirror that is hours behind for no reason protects nobody.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from sitescope_fo.mirror.outcome import Dropped, Failed, Place, PullOutcome, StagedShrink, Unchanged, Verified
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.ports import Now
from sitescope_fo.model.schedule import Schedule
from sitescope_fo.model.status import Position

DEBOUNCE_S = 2.0
LEAST_APART_S = 5.0
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 300.0
SETTLING_S = 30.0
SMALL_STEP_S = 3600.0
"""A wall clock that steps back across a scheduled moment must not fire it twice: moments up to 30 s after a full verification
are taken as done, unless the clock stepped back by more than an hour, which starts the calendar anew."""
LEAST_STALE_S = 60.0

Reason = Literal["start", "change", "schedule", "ripe", "retry"]
Local = Callable[[float], datetime]
"""POSIX seconds -> aware time in the node's zone (`Clock.local`)."""


class MirrorClock(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision rests on. Instants are on the boot-time clock unless they say wall."""

    current: str = ""
    """Revision of the current mirror, "" = none."""
    heard: str = ""
    """Revision the primary said it has, "" = not heard in this life."""
    first_differed: float = math.inf
    """Since when the primary has another revision than ours, without interruption."""
    last_changed: float = -math.inf
    """When it last said a revision that it had not said before."""
    edits_from: float = -math.inf
    """When the edits began that no pull has looked at yet."""
    settled: str = ""
    """A revision that needs no further pull now: staged, or kept beside the current one."""
    settled_in: Place | Literal["any"] = "any"
    """In which place that holds."""
    started: bool = False
    last_pull: float = -math.inf
    last_full: float = -math.inf
    last_full_wall: float = 0.0
    ripe_at: float = math.inf
    failures: int = 0
    retry_at: float = math.inf
    failed_full: bool = False
    failed_revision: str = ""
    """The primary's revision that could not be used, "" when it did not get that far."""


class Due(msgspec.Struct, frozen=True):
    """The next pull."""

    at: float
    reason: Reason

    @property
    def full(self) -> bool:
        """Whether every file is to be verified."""
        return self.reason == "schedule"


def place_of(position: Position) -> Place:
    """What a generation verified in `position` may become.

    Standby and suspect: current. Grace and announced: dropped, the takeover is decided on what is there. Acting and hand-back:
    kept beside the current one, for the merge.
    """
    if position in {Position.standby, Position.suspect}:
        return "flip"
    return "drop" if position in {Position.grace, Position.announced} else "keep"


def hear(clock: MirrorClock, revision: str, now: Now, age_s: float = 0.0) -> MirrorClock:
    """The primary said which revision it has, and that its files have not been changed for `age_s`: that counts as debounce."""
    changed = revision != clock.heard
    fresh = changed and clock.heard in {"", clock.current, clock.settled, clock.failed_revision}
    if changed and clock.failed_revision not in {"", revision}:
        # What could not be used was repaired: no reason to sit out the back-off.
        clock = msgspec.structs.replace(clock, failures=0, retry_at=math.inf, failed_revision="")
    return msgspec.structs.replace(
        clock,
        heard=revision,
        first_differed=math.inf if revision == clock.current else min(clock.first_differed, now.mono),
        last_changed=now.mono - age_s if changed else clock.last_changed,
        edits_from=now.mono if fresh else clock.edits_from,
    )


def begin(clock: MirrorClock, now: Now) -> MirrorClock:
    """A pull starts."""
    return msgspec.structs.replace(clock, started=True, last_pull=now.mono, retry_at=math.inf)


def finish(clock: MirrorClock, outcome: PullOutcome, now: Now, *, full: bool) -> MirrorClock:
    """A pull ended."""
    if isinstance(outcome, Failed):
        wait = min(FIRST_RETRY_S * 2.0**clock.failures, LONGEST_RETRY_S)
        return msgspec.structs.replace(
            clock,
            failures=min(clock.failures + 1, 30),
            retry_at=now.mono + wait,
            failed_full=full or clock.failed_full,
            failed_revision=outcome.revision,
        )
    clock = msgspec.structs.replace(clock, failures=0, retry_at=math.inf, failed_full=False, failed_revision="", ripe_at=math.inf)
    if full or clock.last_full == -math.inf:
        clock = msgspec.structs.replace(clock, last_full=now.mono, last_full_wall=now.wall)
    match outcome:
        case Unchanged():
            return took(clock, outcome.revision)
        case Verified(place="flip"):
            return took(clock, outcome.revision)
        case Verified():
            return msgspec.structs.replace(clock, settled=outcome.revision, settled_in=outcome.place)
        case StagedShrink():
            return msgspec.structs.replace(
                clock, settled=outcome.revision, settled_in="any", ripe_at=now.mono + outcome.remaining_s
            )
        case Dropped():
            return clock


def took(clock: MirrorClock, revision: str) -> MirrorClock:
    """`revision` is current now ("" = nothing is). The primary may have said a newer one meanwhile."""
    first = math.inf if clock.heard in {"", revision} else clock.first_differed
    return msgspec.structs.replace(clock, current=revision, settled="", first_differed=first)


def due(clock: MirrorClock, every_s: float, schedule: Schedule | None, place: Place, now: Now, local: Local) -> Due | None:
    """The next pull and why; its instant may lie in the past. None: nothing is due in this position."""
    if place == "drop":
        return None
    if place == "flip" and not clock.started:
        return Due(now.mono, "start")
    candidates = [Due(_change(clock, place), "change")]
    if clock.retry_at < math.inf:  # the back-off rules every reason
        candidates = [Due(clock.retry_at, "schedule" if clock.failed_full else "retry")]
    elif place == "flip":
        candidates += [Due(clock.ripe_at, "ripe"), Due(_scheduled(clock, every_s, schedule, now, local), "schedule")]
    first = min(candidates, key=lambda candidate: candidate.at)
    if first.at == math.inf:
        return None
    return Due(max(first.at, clock.last_pull + LEAST_APART_S), first.reason)


def _change(clock: MirrorClock, place: Place) -> float:
    if clock.heard in {"", clock.current}:
        return math.inf
    if clock.heard == clock.settled and clock.settled_in in {"any", place}:
        return math.inf
    return min(clock.last_changed + DEBOUNCE_S, clock.edits_from + LEAST_APART_S)


def _scheduled(clock: MirrorClock, every_s: float, schedule: Schedule | None, now: Now, local: Local) -> float:
    if clock.last_full == -math.inf:
        return math.inf
    if schedule is None:
        return clock.last_full + every_s
    if schedule.kind == "absolute":
        done = clock.last_full_wall + SETTLING_S
        after = done if done - now.wall <= SMALL_STEP_S else now.wall
        moment = schedule.next_moment(local(after))
        return now.mono + moment.timestamp() - now.wall if moment is not None else math.inf
    at = clock.last_full + every_s
    opens = schedule.next_open(local(now.wall + max(at - now.mono, 0.0)))
    return max(at, now.mono + opens.timestamp() - now.wall) if opens is not None else math.inf


def report_after_s(check_every_s: float) -> float:
    """How long the mirror may be behind a primary that answers before it is told.

    Two probes less than promise R21 allows (a minute or three probes): one goes by until a change is heard of, one until it is
    noticed that nothing came of it.
    """
    return max(LEAST_STALE_S, 3 * check_every_s) - 2 * check_every_s


def staleness(clock: MirrorClock, check_every_s: float, now: Now) -> str:
    """Why the mirror is stale, "" when it is not: a primary that answers has had another revision for too long.

    A staged shrink and a generation kept while acting are reported by themselves.
    """
    behind = now.mono - clock.first_differed
    if behind < report_after_s(check_every_s) or clock.heard == clock.settled:
        return ""
    return (
        f"the primary has revision {clock.heard[:12]}, the mirror is still"
        f" {clock.current[:12] or 'empty'} after {format_duration(round(behind))}"
    )
