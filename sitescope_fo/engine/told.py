"""Which alert mails about a monitor were taken by a server lately: for people. Who is told what next is the ledger's business.

Written in the same transaction as the ledger row that the mail leaves.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.cells import NOTHING, Cell, Cells, Decision
from sitescope_fo.engine.state import TOLD
from sitescope_fo.model.fact import MailSent
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Status

MAILS_KEPT = 20
"""Of one monitor."""


class ToldMail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail that left."""

    alert: str
    """Its id."""
    to: str
    status: Status
    wall: float


class ToldMails(msgspec.Struct, frozen=True, kw_only=True):
    """The last mails about one monitor, newest last. Durable."""

    profile: str
    monitor: str
    mails: tuple[ToldMail, ...] = ()


def told_cell(profile: str, monitor: str) -> Cell:
    """Where they lie."""
    return Cell(TOLD, f"{profile}\x1f{monitor}")


def on_sent(cells: Cells, fact: MailSent, now: Now) -> Decision:
    """Keeps an alert mail in mind."""
    if fact.told is None:
        return NOTHING
    cell = told_cell(fact.profile, fact.told.monitor)
    before: ToldMails = cells.get(cell) or ToldMails(profile=fact.profile, monitor=fact.told.monitor)
    mail = ToldMail(alert=fact.told.alert, to=fact.told.recipient, status=fact.told.status, wall=now.wall)
    return Decision({cell: msgspec.structs.replace(before, mails=(*before.mails, mail)[-MAILS_KEPT:])})


def forget_removed(cells: Cells, catalogue: Catalogue, profile: str) -> Decision:
    """Drops what is kept about monitors that the profile's tree no longer has."""
    monitors = catalogue.monitors(profile)
    gone: dict[Cell, Any] = {
        Cell(TOLD, cell_id): None
        for cell_id, kept in cells.of(TOLD).items()
        if kept.profile == profile and kept.monitor not in monitors
    }
    return Decision(gone) if gone else NOTHING
