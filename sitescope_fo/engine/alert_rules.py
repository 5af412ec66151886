"""What one alert does about one result for one recipient: a table, judged against what the recipient was last told.

| monitor is | last told | does |
|---|---|---|
| nodata (and the alert is not about nodata) | anything | nothing: no knowledge is no news |
| in the alert's status | something else, or never told | tell, once the rule's count is reached; at once when `at_once` |
| in the alert's status | that | remind, when the rule says so and its count is reached |
| good | any other status | recover: a mail, or a silent note when the alert sends no recovery mails |
| in another status | the alert's status | note silently that the row is broken, so that its return is told again |
| in another status | anything else | nothing |
| in a downtime | anything | nothing; a row that was told is marked, so that the same status is told again afterwards |
| acknowledged, not good | anything but good or never | nothing: who was told of this problem gets no repeats |

Last told is the ledger or, when newer, the mail that waits for the recipient. Counters alone never decide: after a crash, a
takeover or a hand-back they are wrong, while the ledger says what is in people's mailboxes.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from sitescope_fo.engine.state import LedgerRow
from sitescope_fo.model.monitor import Alert, When
from sitescope_fo.model.status import Status


class Move(StrEnum):
    """What is done."""

    nothing = "nothing"
    tell = "tell"
    remind = "remind"
    recover = "recover"
    note = "note"


def move(
    alert: Alert,
    status: Status,
    count: int,
    told: LedgerRow | None,
    *,
    at_once: bool = False,
    acknowledged: bool = False,
) -> tuple[Move, int]:
    """The move and the repeat number of its mail (1 for the first of a row).

    `count`: results in a row with that status. `at_once`: a judgement after a takeover or an isolation, which waits for no count
    and reminds of nothing. `acknowledged`: somebody knows of the problem; only who was not told of it yet is told. A downtime
    is not for here: nothing is judged in it, see `silenced`.
    """
    if status is Status.nodata and alert.on is not Status.nodata:
        return Move.nothing, 0
    if status is alert.on:
        if acknowledged and status is not Status.good and told is not None and told.status is not Status.good:
            return Move.nothing, 0
        if told is None or told.status is not status or told.again:
            return (Move.tell, 1) if at_once or count >= alert.when.after else (Move.nothing, 0)
        return (Move.nothing, 0) if at_once else _reminder(alert.when, count, told.repeat)
    if told is None:
        return Move.nothing, 0
    if status is Status.good and told.status is not Status.good:
        return (Move.recover if alert.recovery else Move.note), 1
    return (Move.note if told.status is alert.on else Move.nothing), 1


def silenced(alert: Alert, told: LedgerRow | None) -> LedgerRow | None:
    """The ledger row after a result in a downtime; None when it stays: a problem that outlives the downtime is told anew."""
    if told is None or told.status is not alert.on or told.again:
        return None
    return msgspec.structs.replace(told, transition=told.transition + 1, again=True)


def _reminder(when: When, count: int, repeat: int) -> tuple[Move, int]:
    if when.kind == "always" and count >= when.after:
        return Move.remind, repeat + 1
    if when.kind == "repeat" and (due := mails_due(when, count)) > repeat:
        return Move.remind, due
    return Move.nothing, 0


def mails_due(when: When, count: int) -> int:
    """How many mails of a `first after X then every Y` rule a row of `count` results asks for."""
    return 0 if count < when.after else 1 + (count - when.after) // when.every


def least_count(alert: Alert, told: LedgerRow) -> int:
    """How many results in a row the recipient's last mail proves: a node that takes over counts on from there."""
    if alert.when.kind == "repeat":
        return alert.when.after + (told.repeat - 1) * alert.when.every
    return alert.when.after
