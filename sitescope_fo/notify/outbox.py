"""Mails that must leave. Pure decisions: what waits, what is due, what a delivery or its failure means.

A mail lies in the cell of its key before anything is sent, and leaves it when a server has taken it: a crash in between sends it
again with the same Message-ID. A newer mail with the same key takes the older one's place and its turn.

Before a server gets an alert mail, the ledger says that its recipient may have been told. So whoever judges next knows of a mail
that was taken by a server but whose sender died, or gave its work away, before it knew.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable

import msgspec

from sitescope_fo.engine.cells import NOTHING, Cell, Cells, Decision
from sitescope_fo.engine.state import LEDGER, OUTBOX, LedgerRow, OutboxItem
from sitescope_fo.model.effect import LogEvent, RoleMail
from sitescope_fo.model.fact import MailFailed, MailLeaving, MailSent
from sitescope_fo.model.ports import Now
from sitescope_fo.model.wire import LedgerEntry
from sitescope_fo.notify.templates import STOCK, RoleData, TemplateSet
from sitescope_fo.notify.words import LONGEST_SUBJECT, one_line, said_time

FIRST_RETRY_S = 5.0
LAST_RETRY_S = 300.0
STUCK_S = 600.0
LEAST_LATER_S = 0.001
"""A row that replaces one with the same number is newer than it, also after the wall clock stepped back."""
MOST_DEAD = 200
"""Refused mails are kept for people; the oldest beyond these go."""
SEPARATOR = "\x1e"


class Figures(msgspec.Struct, frozen=True):
    """How the outbox stands: mails waiting, seconds the oldest waits, refused ones kept for people."""

    depth: int = 0
    oldest_s: float = 0.0
    dead: int = 0

    @property
    def stuck(self) -> bool:
        """A mail waits for more than ten minutes."""
        return self.oldest_s > STUCK_S


def put(cells: Cells, item: OutboxItem, now: Now) -> Decision:
    """Makes `item` wait. It takes over the turn, the attempts and the pause of an unsent one with the same key."""
    before: OutboxItem | None = cells.get(Cell(OUTBOX, item.key))
    if before is None or before.dead:
        waiting = msgspec.structs.replace(item, waiting_since_mono=now.mono)
    else:
        waiting = msgspec.structs.replace(
            item,
            waiting_since_mono=before.waiting_since_mono,
            attempts=before.attempts,
            next_try_mono=before.next_try_mono,
            last_error=before.last_error,
        )
    return Decision({Cell(OUTBOX, item.key): waiting})


def compose_role(
    cells: Cells, effect: RoleMail, recipients: Iterable[str], now: Now, *, node: str, templates: TemplateSet = STOCK
) -> Decision:
    """One mail to each recipient. Without recipients the mail becomes a line in the log that says so."""
    told = tuple(dict.fromkeys(recipients))
    if not told:
        what = f"nobody is set to be told: {effect.subject}"
        hint = "Set recipients: profile defaults --notify, or mail set --to"
        return Decision(
            effects=(LogEvent(event="mail_unaddressed", what=what, level="WARNING", profile=effect.profile, hint=hint),)
        )
    letter = templates.render(
        "role",
        RoleData(
            subject=one_line(effect.subject, LONGEST_SUBJECT),
            text=effect.text,
            event=effect.event,
            node=node,
            at=said_time(now.wall),
            profile=effect.profile,
            term=effect.term,
        ),
    )
    key = effect.key or f"{effect.event}/{effect.profile}/{effect.term}/{now.wall!r}"
    decision = NOTHING
    for recipient in told:
        cell_id = f"@role\x1f{effect.profile}\x1f{key}\x1f{recipient}"
        mail_id = _role_message_id(node, effect, key, recipient, now)
        item = OutboxItem(
            id=f"{cell_id}{SEPARATOR}{mail_id}",
            kind="role",
            profile=effect.profile,
            key=cell_id,
            to=recipient,
            subject=letter.subject,
            text=letter.text,
            message_id=mail_id,
            created_wall=now.wall,
            event=effect.event,
        )
        decision = decision.then(put(cells, item, now))
    if letter.problem:
        decision = decision.then(Decision(effects=(LogEvent(event="mail_template", what=letter.problem, level="ERROR"),)))
    return decision


def decide(cells: Cells, fact: MailLeaving | MailSent | MailFailed, now: Now) -> Decision:
    """What happened to a mail on its way."""
    match fact:
        case MailLeaving():
            return on_leaving(cells, fact, now)
        case MailSent():
            return on_sent(cells, fact, now)
        case MailFailed():
            return on_failed(cells, fact, now)


def on_leaving(cells: Cells, fact: MailLeaving, now: Now) -> Decision:
    """The ledger row that says what the recipient may know from now on: what was told before, to be told again.

    It keeps the number and the term of the row before it, so that a mail that is judged from it has the Message-ID of the one
    that leaves now. After an alert it has the alert's status: when the monitor is good, a recovery mail follows.
    """
    item: OutboxItem | None = cells.get(_cell(fact.item))
    if item is None or item.id != fact.item or item.tells is None:
        return NOTHING
    cell = Cell(LEDGER, item.tells.id)
    kept: LedgerRow | None = cells.get(cell)
    recovery = item.event == "recovery"
    if kept is None:
        untold = msgspec.structs.replace(item.tells, transition=0, repeat=0, term=0, wall=now.wall, again=True)
        return NOTHING if recovery else Decision({cell: untold})
    status = kept.status if recovery else item.tells.status
    if not item.tells.newer_than(kept) or (status is kept.status and (kept.again or not recovery)):
        return NOTHING
    return Decision(
        {cell: msgspec.structs.replace(kept, status=status, again=True, wall=max(now.wall, kept.wall + LEAST_LATER_S))}
    )


def on_sent(cells: Cells, fact: MailSent, now: Now) -> Decision:
    """The mail is gone and the ledger says what its recipient knows, also when a newer one has taken its place meanwhile."""
    cell = _cell(fact.item)
    item: OutboxItem | None = cells.get(cell)
    current = item is not None and item.id == fact.item
    decision = Decision({cell: None}) if current else NOTHING
    tells = item.tells if item is not None and current else _row(fact.profile, fact.told)
    if tells is None:
        return decision
    row = msgspec.structs.replace(tells, wall=now.wall)
    kept: LedgerRow | None = cells.get(Cell(LEDGER, row.id))
    return decision.then(Decision({Cell(LEDGER, row.id): row})) if row.newer_than(kept) else decision


def on_failed(cells: Cells, fact: MailFailed, now: Now) -> Decision:
    """Tries again in 5 s, then twice as late each time up to 5 min; a refused mail is kept, not tried again, and said loudly.

    A mail that met trouble of the server itself has no pause of its own: whoever delivers waits for the server.
    """
    cell = _cell(fact.item)
    item: OutboxItem | None = cells.get(cell)
    if item is None or item.id != fact.item or item.dead:
        return NOTHING
    attempts = item.attempts + 1
    pause = 0.0 if fact.server else retry_pause_s(attempts, LAST_RETRY_S)
    after = msgspec.structs.replace(
        item, attempts=attempts, next_try_mono=now.mono + pause, last_error=fact.why, dead=fact.permanent
    )
    changes: dict[Cell, OutboxItem | None] = {cell: after}
    about = f"mail to {item.to} ({item.subject})"
    if fact.permanent:
        for old in sorted((i for i in cells.of(OUTBOX).values() if i.dead), key=lambda i: i.created_wall)[:-MOST_DEAD]:
            changes[Cell(OUTBOX, old.key)] = None
        said = LogEvent(
            event="mail_refused",
            what=f"{about} was refused and is not tried again: {fact.why}",
            level="ERROR",
            profile=item.profile,
            hint="Check the address and the mail settings, then `mail test`",
        )
        return Decision(changes, (said,))
    if attempts & (attempts - 1):
        return Decision(changes)
    said = LogEvent(
        event="mail_deferred",
        what=f"{about} could not be sent, attempt {attempts}: {fact.why}",
        level="WARNING",
        profile=item.profile,
        hint="It is kept and tried again; `mail test` shows what the server says",
    )
    return Decision(changes, (said,))


def retry_pause_s(failures: int, longest_s: float) -> float:
    """Seconds to wait after so many failures in a row: 5, 10, 20 and so on."""
    return min(longest_s, FIRST_RETRY_S * 2.0 ** min(failures - 1, 10))


def due(cells: Cells, now: Now, may_notify: Callable[[str], bool]) -> list[OutboxItem]:
    """The mails to send now: role mails first, then the oldest first. Role mails always may leave."""
    allowed: dict[str, bool] = {}
    found = []
    for item in cells.of(OUTBOX).values():
        if item.dead or not _time_has_come(item, now):
            continue
        if item.kind == "alert":
            if item.profile not in allowed:
                allowed[item.profile] = may_notify(item.profile)
            if not allowed[item.profile]:
                continue
        found.append(item)
    return sorted(found, key=lambda item: (item.kind != "role", item.waiting_since_mono, item.created_wall, item.id))


def next_due(cells: Cells, now: Now) -> float:
    """When the first waiting mail is to be tried, on the boot-time clock; inf when none waits."""
    return min(
        (now.mono if _time_has_come(i, now) else i.next_try_mono for i in cells.of(OUTBOX).values() if not i.dead),
        default=math.inf,
    )


def figures(cells: Cells, now: Now, may_notify: Callable[[str], bool] | None = None) -> Figures:
    """Depth and age. Alert mails that may not leave now are not late: their node does not notify."""
    waiting = [i for i in cells.of(OUTBOX).values() if not i.dead]
    late = [now.mono - i.waiting_since_mono for i in waiting if i.kind == "role" or may_notify is None or may_notify(i.profile)]
    dead = sum(1 for i in cells.of(OUTBOX).values() if i.dead)
    return Figures(depth=len(waiting), oldest_s=max(0.0, max(late, default=0.0)), dead=dead)


def drop_alert_mails(cells: Cells, profile: str) -> Decision:
    """Takes the profile's alert mails out, for when it starts or stops acting: another node tells people from then on."""
    gone = {Cell(OUTBOX, key): None for key, i in cells.of(OUTBOX).items() if i.kind == "alert" and i.profile == profile}
    return Decision(dict(gone)) if gone else NOTHING


def told_entry(item: OutboxItem) -> LedgerEntry | None:
    """What the recipient knows once the mail is gone, as it travels with `MailSent`."""
    row = item.tells
    if row is None:
        return None
    return LedgerEntry(
        monitor=row.monitor,
        alert=row.alert,
        recipient=row.recipient,
        status=row.status,
        transition=row.transition,
        repeat=row.repeat,
        term=row.term,
        wall=row.wall,
        again=row.again,
    )


def _row(profile: str, entry: LedgerEntry | None) -> LedgerRow | None:
    return None if entry is None else LedgerRow(profile=profile, **msgspec.structs.asdict(entry))


def _cell(item_id: str) -> Cell:
    return Cell(OUTBOX, item_id.partition(SEPARATOR)[0])


def _time_has_come(item: OutboxItem, now: Now) -> bool:
    """A pause longer than any we give was set by another life of the machine, whose boot-time clock stood higher."""
    return item.next_try_mono <= now.mono or item.next_try_mono > now.mono + LAST_RETRY_S


def _role_message_id(node: str, effect: RoleMail, key: str, recipient: str, now: Now) -> str:
    parts = [node, key, effect.profile, effect.term, effect.event, recipient, now.wall]
    return f"<{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]}@role.sitescope-fo>"
