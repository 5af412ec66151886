"""Takes mails from the outbox to the servers: one at a time for each setting, so that a dead server delays only its own mails.

While a server takes nothing, one mail at a time asks how it is, each time another one: a mail that makes a server hang up cannot
stand before the others for ever, and of a thousand mails only few reach a server that takes mails and never says so. The first
success lets all of them go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from sitescope_fo.engine.cells import Cell, Cells
from sitescope_fo.engine.state import OUTBOX, OutboxItem
from sitescope_fo.model.config import MailSettings
from sitescope_fo.model.fact import Fact, MailFailed, MailLeaving, MailSent
from sitescope_fo.model.ports import Clock, Mailer, Message
from sitescope_fo.notify.errors import MailDeferred, MailRefused, ServerTrouble
from sitescope_fo.notify.outbox import due, retry_pause_s, told_entry
from sitescope_fo.notify.words import sender_of

LOOK_S = 1.0
"""How soon it is noticed that a mail may leave at last."""
LONGEST_PAUSE_S = 60.0
"""A server in trouble is tried at least this often: one connection a minute burdens nobody."""
LEAST_PAUSE_S = 0.1
"""State changes with every check; the outbox is looked at no more often than this."""


class Bus(Protocol):
    """Where facts go, see `engine.writer.Writer`."""

    def submit(self, fact: Fact) -> None:
        """Queues a fact."""
        ...

    async def settle(self, fact: Fact) -> None:
        """Queues a fact and returns once it is decided and durable."""
        ...


class Courier:
    """Sends what is due for ever. `changed` returns after the next change of `cells`.

    Before an alert mail leaves, it is durable that its recipient may be told (`settle`), and `may_notify` is asked again. A mail
    is reported as sent only after a server took it: killed in between, the next life sends it again under the same Message-ID.
    """

    def __init__(
        self,
        cells: Cells,
        mailer: Mailer,
        clock: Clock,
        bus: Bus,
        *,
        may_notify: Callable[[str], bool],
        settings_for: Callable[[str], MailSettings],
        changed: Callable[[], Awaitable[None]],
        sender_host: str = "",
    ) -> None:
        self._cells, self._mailer, self._clock, self._submit = cells, mailer, clock, bus.submit
        self._settle = bus.settle
        self._may_notify, self._settings_for, self._changed = may_notify, settings_for, changed
        self._sender_host = sender_host
        self._busy: set[MailSettings] = set()
        self._troubles: dict[MailSettings, int] = {}
        self._paused: dict[MailSettings, float] = {}
        self._reported: dict[str, int] = {}
        self._leaving: dict[str, OutboxItem] = {}
        self._left = anyio.Event()

    async def at_rest(self, profile: str) -> None:
        """Returns when no alert mail of the profile is with a server; what became of each was submitted before."""
        while any(item.kind == "alert" and item.profile == profile for item in self._leaving.values()):
            await self._left.wait()

    async def run(self) -> None:
        """Sends for ever. After a defect ended it, it may be run anew."""
        self._busy.clear()
        async with anyio.create_task_group() as tasks:
            while True:
                self._start_lanes(tasks)
                await self._next()
                await anyio.sleep(LEAST_PAUSE_S)

    def _start_lanes(self, tasks: TaskGroup) -> None:
        """One task for each server setting that has something to send and no task yet."""
        lanes: dict[MailSettings, list[OutboxItem]] = {}
        waiting = {item.id for item in self._cells.of(OUTBOX).values()}
        self._reported = {item: attempt for item, attempt in self._reported.items() if item in waiting}
        for item in due(self._cells, self._clock.now(), self._may_notify):
            if not self._was_reported(item):
                lanes.setdefault(self._settings(item), []).append(item)
        now = self._clock.mono()
        for settings, items in lanes.items():
            if settings not in self._busy and self._paused.get(settings, now) <= now:
                self._busy.add(settings)
                tasks.start_soon(self._lane, settings, items)

    async def _next(self) -> None:
        """Whatever becomes of a mail changes the cells, also when a lane gets free."""
        with anyio.move_on_after(LOOK_S):
            await self._changed()

    async def _lane(self, settings: MailSettings, items: list[OutboxItem]) -> None:
        """Sends the mails in order, and stops when the server is in trouble: the others would fare no better."""
        if settings in self._troubles:
            first = min(items, key=lambda item: item.attempts)
            items = [first, *(item for item in items if item is not first)]
        for item in items:
            if not self._still_due(item):
                continue
            if not await self._hand_over(settings, item):
                self._troubles[settings] = failures = self._troubles.get(settings, 0) + 1
                self._paused[settings] = self._clock.mono() + retry_pause_s(failures, LONGEST_PAUSE_S)
                break
            self._troubles.pop(settings, None)
            self._paused.pop(settings, None)
        self._busy.discard(settings)

    def _was_reported(self, item: OutboxItem) -> bool:
        """Whether the writer has yet to learn what became of this very attempt."""
        return self._reported.get(item.id) == item.attempts

    def _still_due(self, item: OutboxItem) -> bool:
        current: OutboxItem | None = self._cells.get(Cell(OUTBOX, item.key))
        if current is None or current.id != item.id or self._was_reported(item):
            return False
        return item.kind == "role" or self._may_notify(item.profile)

    async def _hand_over(self, settings: MailSettings, item: OutboxItem) -> bool:
        self._leaving[item.id] = item
        try:
            if item.tells is not None:
                await self._settle(MailLeaving(item=item.id))
                if not self._still_due(item):
                    return True
            return await self._send(settings, item)
        finally:
            del self._leaving[item.id]
            left, self._left = self._left, anyio.Event()
            left.set()

    async def _send(self, settings: MailSettings, item: OutboxItem) -> bool:
        """False when the server is in trouble; a mail that failed by itself is no reason to keep the next one waiting."""
        message = Message(
            message_id=item.message_id,
            sender=sender_of(settings, self._sender_host),
            to=item.to,
            subject=item.subject,
            body=item.text,
            wall=item.created_wall,
            headers=(("X-SiteScope-Event", item.event), *([("X-SiteScope-Profile", item.profile)] if item.profile else [])),
        )
        try:
            server = await self._mailer.send(settings, message)
        except MailRefused as error:
            self._say(item, MailFailed(item=item.id, why=str(error), permanent=True))
            return True
        except ServerTrouble as error:
            self._say(item, MailFailed(item=item.id, why=str(error), permanent=False, server=True))
            return False
        except MailDeferred as error:
            self._say(item, MailFailed(item=item.id, why=str(error), permanent=False))
            return True
        self._say(item, MailSent(item=item.id, server=server, profile=item.profile, told=told_entry(item)))
        return True

    def _say(self, item: OutboxItem, fact: Fact) -> None:
        self._reported[item.id] = item.attempts
        self._submit(fact)

    def _settings(self, item: OutboxItem) -> MailSettings:
        """Role mails go by the node's own settings, alerts by their tree's."""
        return self._settings_for("" if item.kind == "role" else item.profile)
