"""What must be so after a crash: the right role, the terms, no damaged file, nothing lost that was promised, no rubbish left."""

import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sitescope_fo.engine.state import OUTBOX, PRIMARY, PROFILE
from sitescope_fo.model.command import Mirror, ReleaseProfile, UnlockProfile
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.status import Position, Role
from sitescope_fo.node.codec import decode
from sitescope_fo.store.cells import CellStore
from sitescope_fo.store.config_toml import load_ha_config
from tests.simulation.homes import folder

ACTING = {Position.activating, Position.active, Position.recovering}
READY_S, WELL_S, TOLD_S = 20.0, 300.0, 60.0
AFTER_START = {
    "passive": {"standby", "suspect", "announced"},
    "acting": {"active"},
    "handback": {"handback", "standby", "active"},
}


@dataclass(frozen=True)
class Kept:
    """What the disk of a machine that died holds."""

    term: int
    position: str
    mails: frozenset
    """Message ids of role mails, which must leave. What an alert mail says, the next result or the other node may say better."""
    protects: bool
    problems: tuple

    @classmethod
    def read(cls, machine, w):
        ha = load_ha_config(machine.home)
        protects = bool(ha.profiles)
        cells, problems = {}, list(damaged(machine.home.root))
        if machine.home.state.exists():
            with tempfile.TemporaryDirectory(dir=folder()) as place:
                store = CellStore(_copied(machine.home.state, Path(place)))
                store.open()
                cells = decode(store.load())
                store.close()
        mails = frozenset(
            item.message_id for cell, item in cells.items() if cell.kind == OUTBOX and item.kind == "role" and not item.dead
        )
        kind = PRIMARY if machine.role is Role.primary else PROFILE
        journal = next((value for cell, value in cells.items() if cell.kind == kind), None)
        if machine.role is Role.primary or journal is None or not protects:
            return cls(journal.term if journal else 0, "", mails, protects, tuple(problems))
        position = journal.position
        where = "acting" if position in ACTING else "handback" if position is Position.handback else "passive"
        return cls(journal.term, where, mails, protects, tuple(problems))


def damaged(home):
    """SQLite files that are not whole, looked at in copies."""
    for path in home.rglob("*.sqlite"):
        with tempfile.TemporaryDirectory(dir=folder()) as place:
            db = sqlite3.connect(_copied(path, Path(place)))
            verdict = [row[0] for row in db.execute("PRAGMA integrity_check(3)")]
            db.close()
        if verdict != ["ok"]:
            yield f"{path}: {verdict}"


def _copied(path, into):
    for suffix in ("", "-wal"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            (into / source.name).write_bytes(source.read_bytes())
    return into / path.name


async def recovers(w, victim, kept):
    """Everything is started that is down and all must be well; `kept` is None for a disk that only failed."""
    if kept is None:
        w.tell(victim.name, "the disk failed")
    else:
        assert not kept.problems, kept.problems
        await w.run(w.chance.uniform(0.1, 2))
        victim.start()
        await w.until(lambda: victim.awake, READY_S, f"the {victim.name} starts again")
        _right_role(victim, kept)
    since = w.now
    await w.run(w.chance.uniform(0.1, 2))
    await _both_run(w)
    if protects(w):
        await _pair_well(w)
    await w.until(lambda: w.primary.position == "running", WELL_S, "a primary that runs")
    await w.until(lambda: w.checked_by("primary", since), 60, "every page checked")
    wanted = kept.mails if kept is not None else frozenset()
    await w.until(lambda: wanted <= {mail.message_id for mail in w.watch.mails}, TOLD_S, "mails that were to leave")
    await w.until(lambda: _truth(w), TOLD_S, "the last word about each page is the truth")
    w.targets.mend()
    await w.run(w.frequency_s + 1)
    await w.until(lambda: _truth(w), TOLD_S, "the last word about each page is the truth after it recovered")
    await whole(w)


async def _pair_well(w):
    end = w.now + WELL_S
    while not (_well(w) and current(w)):
        assert w.now < end, f"not within {WELL_S:g} s: a pair that is well, and its mirror what the primary has"
        if w.failover.awake and w.failover.node.watches:
            if w.mirror.staged:  # the story would have accepted it
                await w.failover.command(Mirror(name="prod", accept=True))
            for body in (ReleaseProfile(name="prod"), UnlockProfile(name="prod")):
                if w.failover.conditions & {"hold", "flap_lock"}:
                    await w.failover.command(body)
        await w.run(1)
        await _both_run(w)


def _truth(w):
    """Whether people were last told what each page is."""
    for page in w.pages:
        told = w.watch.alerts(page)
        if (told[-1].event if told else "recovery") != ("alert" if page in w.targets.failing else "recovery"):
            return False
    return True


def _well(w):
    return bool(w.failover.awake and w.failover.node.watches) and w.well and w.mirror.verified


def current(w):
    """Whether the failover has what the primary has."""
    manifest = w.primary.node.own.manifest
    return manifest is not None and w.mirror.revision == manifest.revision


def protects(w):
    return bool(load_ha_config(w.failover.home).profiles)


async def _both_run(w):
    end = w.now + READY_S
    while not _all_up(w):
        assert w.now < end, f"not within {READY_S:g} s: both run"
        await w.run(0.5)


def _all_up(w):
    for machine in w.machines.values():
        if not machine.powered:
            machine.power_on()
        elif machine.up and machine.ready and machine.node.stopping:  # by the story, which is over
            machine.kill()
        elif not machine.up:
            machine.start()
    return all(machine.awake for machine in w.machines.values())


def forgive_failed_starts(w):
    """A daemon that cannot start for its disk says so and is started again by its service manager."""
    crashed = w.watch.crashed

    def told(machine, error):
        leaf = error
        while isinstance(leaf, BaseExceptionGroup):
            leaf = leaf.exceptions[0]
        if not machine.ready and isinstance(leaf, SiteScopeError):
            w.tell(machine.name, f"could not start: {leaf}")
        else:
            crashed(machine, error)

    w.watch.crashed = told


def forgive_disk(w):
    """What a node says when its disk fails is no defect then."""
    violated = w.watch.violated

    def told(what):
        if not any(f": {name}: " in what for name in ("config_rejected", "working_tree_failed")):
            violated(what)

    w.watch.violated = told


def _right_role(machine, kept):
    """It goes on where its disk says it was."""
    role = machine.node.role
    assert role.value == machine.name
    if machine.name == "failover" and not kept.protects:
        assert not machine.node.watches
        return
    assert machine.term >= kept.term, f"term {kept.term} became {machine.term}"
    if kept.position:
        assert machine.position in AFTER_START[kept.position], f"{kept.position} became {machine.position}"
    events = [name for _, node, name, _ in machine.world.watch.logged if node == machine.name]
    for bad in ("state_unreadable", "results_set_aside", "last_good_used", "last_good_unusable"):
        assert bad not in events, bad


async def whole(w):
    """No file of either node is damaged or left over, and nothing is wrong that `check` or `status` could tell."""
    for machine in w.machines.values():
        assert not list(damaged(machine.home.root))
        left = [str(path.relative_to(machine.home.root)) for path in machine.home.root.rglob(".*.tmp")]
        assert not left, f"left over on the {machine.name}: {left}"
        status = await machine.query("status")
        assert not machine.node.configuration_problems(), machine.node.configuration_problems()
        assert not machine.node.writer.failing
        assert not machine.node.records.trouble, machine.node.records.trouble
        rows = await machine.query("check", what="config")
        assert status is not None
        assert rows is not None
