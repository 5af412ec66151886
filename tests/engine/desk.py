"""One node as far as results and mails go: the real writer and decisions, a journal in memory, mails counted as they leave."""

from contextlib import asynccontextmanager

import anyio
import msgspec

from sitescope_fo.engine import alerting, exchange, judging, operator_state
from sitescope_fo.engine.cells import Cell
from sitescope_fo.engine.effects import Record
from sitescope_fo.engine.state import (
    ACK,
    BLIND,
    DOWNTIME,
    LEDGER,
    MONITOR,
    OUTBOX,
    BlindWindow,
    LedgerRow,
    MonitorState,
    OutboxItem,
    ack_cell,
)
from sitescope_fo.engine.writer import Writer
from sitescope_fo.model.effect import RejudgeAlerts
from sitescope_fo.model.fact import (
    Acknowledged,
    CheckFinished,
    CheckSkipped,
    ChecksReceived,
    DowntimeSet,
    Fact,
    LedgerReceived,
    MailFailed,
    MailLeaving,
    MailSent,
    OperatorStateReceived,
    TreeChanged,
)
from sitescope_fo.model.status import Status
from sitescope_fo.model.wire import Acknowledgement, Downtime, encode
from sitescope_fo.notify import outbox
from sitescope_fo.notify.alert_mail import Letterhead
from tests.engine.parts import SPECS, WALL, LoopClock, MemoryJournal, key, result

TYPES = {
    MONITOR: MonitorState,
    LEDGER: LedgerRow,
    OUTBOX: OutboxItem,
    BLIND: BlindWindow,
    ACK: Acknowledgement,
    DOWNTIME: Downtime,
}


class Rejudge(Fact, frozen=True, kw_only=True):
    """An isolation is over."""

    profile: str


class Desk:
    """One node. `term` and `blind_from` are those of its acting period."""

    def __init__(self, catalogue, *, profile="", term=1, blind_from=0.0, name="node", rows=None):
        self.catalogue, self.profile, self.term, self.blind_from = catalogue, profile, term, blind_from
        self.letterhead = Letterhead(name, "SiteScope")
        self.journal = MemoryJournal()
        self.effects = []
        self.left = []
        self.alerting = True
        self.clock = LoopClock()
        self.writer = Writer(self.clock, self.journal, self.decide, self.effects.extend, lambda cells, now: float("inf"))
        if rows is not None:
            self.journal.rows = dict(rows)
            self.writer.load({Cell(*cell): msgspec.json.decode(data, type=TYPES[cell[0]]) for cell, data in rows.items()})

    def decide(self, cells, fact, now):
        match fact:
            case CheckFinished():
                return judging.on_check(
                    cells,
                    self.catalogue,
                    SPECS,
                    fact,
                    now,
                    blind_from_wall=self.blind_from,
                    letterhead=self.letterhead,
                    alerting=self.alerting,
                )
            case CheckSkipped():
                return judging.on_skip(cells, self.catalogue, fact, now)
            case MailLeaving() | MailSent() | MailFailed():
                return outbox.decide(cells, fact, now)
            case LedgerReceived():
                return exchange.merge_ledger(cells, fact, now)
            case ChecksReceived():
                return exchange.merge_checks(cells, fact, now)
            case TreeChanged():
                return alerting.forget_removed(cells, self.catalogue, fact.profile)
            case Rejudge():
                return alerting.rejudge(cells, self.catalogue, fact.profile, now, letterhead=self.letterhead)
            case _:
                return operator_state.decide(cells, self.catalogue, fact, now)

    @asynccontextmanager
    async def open(self):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.writer.run)
            yield self
            tasks.cancel_scope.cancel()

    async def tell(self, fact):
        await self.writer.settle(fact)

    async def check(self, status, name="web", *, term=None):
        """One result, a minute after the last."""
        await anyio.sleep(60.0)
        await self.tell(self.fact(status, name, term=term))

    def fact(self, status, name="web", *, term=None):
        """A run that has just ended."""
        return CheckFinished(
            key=key(name, self.profile),
            result=result(status),
            started_mono=self.clock.mono(),
            started_wall=self.clock.wall(),
            term=self.term if term is None else term,
        )

    async def checks(self, *statuses):
        """Results, each followed by the delivery of what it led to; how many mails each brought."""
        counts = []
        for status in statuses:
            await self.check(status)
            counts.append(len(await self.deliver()))
        return counts

    def waiting(self):
        return list(self.writer.table.of(OUTBOX).values())

    def due(self, may_notify=lambda profile: True):
        return outbox.due(self.writer.table, self.clock.now(), may_notify)

    async def deliver(self, *, mark=True):
        """Every mail that is due leaves; without `mark` the node is killed before it can note so."""
        items = self.due()
        self.left += items
        if mark:
            for item in items:
                await self.tell(self.sent(item))
        return items

    @staticmethod
    def sent(item):
        return MailSent(item=item.id, server="mail:25", profile=item.profile, told=outbox.told_entry(item))

    def state(self, name="web"):
        return self.writer.table.get(Cell(MONITOR, str(key(name, self.profile))))

    def ledger(self):
        return list(self.writer.table.of(LEDGER).values())

    def windows(self):
        return list(self.writer.table.of(BLIND).values())

    def rows(self):
        return [effect.row for effect in self.effects if isinstance(effect, Record)]

    def ledger_data(self):
        return encode(exchange.ledger_body(self.writer.table, self.profile))

    def checks_data(self):
        return encode(exchange.checks_body(self.writer.table.of(MONITOR).values(), self.profile))

    async def learn_from(self, other):
        """One exchange of state: the ledger and the last results."""
        await self.tell(LedgerReceived(profile=self.profile, data=other.ledger_data()))
        for data in exchange.checks_parts(other.checks_data()):
            await self.tell(ChecksReceived(profile=self.profile, data=data))

    async def acknowledge(self, name="web", *, for_s=0.0, comment="I look at it"):
        """Somebody takes the problem on."""
        now = self.clock.wall()
        value = Acknowledgement(
            monitor=name, by="ann", at=now, changed=now, node="n", comment=comment, until=now + for_s if for_s else 0.0
        )
        await self.tell(Acknowledged(key=key(name, self.profile), value=value))

    def acknowledgement(self, name="web"):
        """The one that holds, None when there is none."""
        return operator_state.Standing(self.writer.table, self.profile, self.clock.wall()).acknowledgement(name)

    def kept_acknowledgement(self, name="web"):
        """The one that is kept, over or not."""
        return self.writer.table.get(ack_cell(key(name, self.profile)))

    async def downtime(self, minutes, *, scope="Servers", name="", after_s=0.0, id_="d1"):
        """Planned work over the next results: the first `minutes` of them fall into it."""
        now = self.clock.wall()
        value = Downtime(
            id=id_,
            scope=scope,
            monitor=name,
            by="ann",
            at=now,
            changed=now,
            node="n",
            reason="new disks",
            start=now + after_s,
            end=now + after_s + minutes * 60.0 + 30.0,
        )
        await self.tell(DowntimeSet(profile=self.profile, value=value))

    async def hear_operators_of(self, other):
        """What people typed at the other node arrives."""
        data = encode(operator_state.operator_body(other.writer.table, other.profile))
        await self.tell(OperatorStateReceived(profile=self.profile, data=data))

    def reborn(self, **changes):
        """The node after a kill: what was durable, nothing else."""
        fields = {"profile": self.profile, "term": self.term, "blind_from": self.blind_from, **changes}
        return Desk(self.catalogue, rows=self.journal.rows, **fields)


G, W, E, N = Status.good, Status.warning, Status.error, Status.nodata
__all__ = ["WALL", "Desk", "E", "G", "N", "Rejudge", "RejudgeAlerts", "W"]
