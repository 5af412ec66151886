"""What becomes of mails, and who was told what."""

from __future__ import annotations

from sitescope_fo.model.fact.root import Fact
from sitescope_fo.model.wire import LedgerEntry


class MailLeaving(Fact, frozen=True, kw_only=True):
    """An outbox item is about to be handed to a server: from here on its recipient may have been told."""

    item: str


class MailSent(Fact, frozen=True, kw_only=True):
    """An outbox item was taken by a server. `told` (of `profile`'s tree) is what its recipient knows now; None for role mails."""

    item: str
    server: str
    profile: str = ""
    told: LedgerEntry | None = None


class MailFailed(Fact, frozen=True, kw_only=True):
    """An outbox item was not taken; `permanent`: it never will be; `server`: no other would have been, so it keeps its turn."""

    item: str
    why: str
    permanent: bool
    server: bool = False


class LedgerReceived(Fact, frozen=True, kw_only=True):
    """The peer's ledger (wire form) for a tree; merged entry by entry, the higher (term, transition, repeat) wins."""

    profile: str
    data: bytes
