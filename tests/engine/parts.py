"""Real parts for engine tests: virtual clock, inline work, an in-memory journal, trees."""

from datetime import UTC, datetime

import anyio
import msgspec

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.state import ACK, BLIND, DOWNTIME, LEDGER, MONITOR, OUTBOX
from sitescope_fo.model.config import MailServer, MailSettings, Tree
from sitescope_fo.model.monitor import Alert, CheckResult, Monitor, MonitorKey, When
from sitescope_fo.model.monitor_type import TypeSpec, ValueSpec
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Status
from sitescope_fo.store.errors import StoreWriteFailed

WALL = 1_800_000_000.0
OPS = "ops@example.org"
SPEC = TypeSpec(
    name="level",
    title="Level",
    help="A level.",
    settings=(),
    values=(ValueSpec(name="level", kind="number", help="0 good, 1 warning, 2 error"),),
    error_if=("level >= 2",),
    warning_if=("level >= 1",),
)
SPECS = {"level": SPEC}
LEVEL = {Status.good: 0, Status.warning: 1, Status.error: 2}


class LoopClock:
    """The loop's own (virtual) time, on both clocks."""

    def mono(self):
        return anyio.current_time()

    def wall(self):
        return WALL + anyio.current_time()

    def now(self):
        return Now(self.mono(), self.wall())

    def local(self, wall):
        return datetime.fromtimestamp(wall, UTC)


class InlineWork:
    """Blocking work, done at once."""

    async def run_blocking(self, fn, *args, lane=""):
        await anyio.lowlevel.checkpoint()
        return fn(*args)


class MemoryJournal:
    """Keeps what would be on disk. `broken` makes commits fail; `log` lists what happened in which order."""

    def __init__(self):
        self.rows = {}
        self.broken = False
        self.log = []

    def durable(self, kind):
        return kind in {MONITOR, LEDGER, OUTBOX, BLIND, ACK, DOWNTIME, "note"}

    def encode(self, cell, value):
        return msgspec.json.encode(value) if self.durable(cell.kind) else None

    async def commit(self, changes):
        await anyio.lowlevel.checkpoint()
        if self.broken:
            raise StoreWriteFailed("disk full")
        self.log.append(("commit", set(changes)))
        for cell, data in changes.items():
            if data is None:
                self.rows.pop(cell, None)
            else:
                self.rows[cell] = data


def monitor(name="web", **fields):
    values = {"id": name, "name": name, "path": f"Servers/{name}", "type": "level", "frequency_s": 60.0, **fields}
    return Monitor(**values)


def alert(name="ops", **fields):
    values = {"id": f"alert-{name}", "name": name, "scope": "Servers", "on": Status.error, "actions": (f"mail:{OPS}",), **fields}
    return Alert(**values)


def tree(*monitors, alerts=(), **fields):
    mail = MailSettings(servers=(MailServer(host="mail.example.org"),), sender="sitescope@example.org", to=("all@example.org",))
    return Tree(monitors=monitors or (monitor(),), alerts=tuple(alerts), **{"mail": mail, **fields})


def catalogue(*monitors, alerts=(), profile="", **fields):
    return Catalogue().with_tree(profile, tree(*monitors, alerts=alerts, **fields))


def result(status=Status.good):
    if status is Status.nodata:
        return CheckResult(failure="nodata", summary="nothing to see")
    return CheckResult(values={"level": LEVEL[status]}, summary=f"level {LEVEL[status]}", duration_s=0.1)


def key(name="web", profile=""):
    return MonitorKey(profile, name)


def once(n=1):
    return When(kind="once", after=n)


def always(n=1):
    return When(kind="always", after=n)


def repeat(first, every):
    return When(kind="repeat", after=first, every=every)
