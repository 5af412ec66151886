"""The life of a pair, from its first start to its end, with everything in it that writes to a disk."""

from functools import cache

from sitescope_fo.model import command as commands
from sitescope_fo.model.config import HaConfig
from sitescope_fo.store.config_toml import load_ha_config, save_ha_config
from tests.crash.player import play
from tests.simulation.homes import OPS

SHAPE = {"monitors": 2, "frequency": "5s"}
EXTRA = 6


async def _do(machine, body):
    reply = await machine.command(body)
    assert reply.outcome == "done", reply
    return reply


def _monitor(name, group, **more):
    table = {"type": "port", "name": name, "frequency": "5s", "settings": {"host": "more.example", "port": 443, "timeout": "2s"}}
    return commands.MonitorAdd(group=group, table=table, **more)


async def _mirrored(w):
    await w.until(lambda: w.well and w.mirror.verified and _current(w), 60, "the mirror is what the primary has")


def _current(w):
    manifest = w.primary.node.own.manifest
    return manifest is not None and w.mirror.revision == manifest.revision


def unprotected(w):
    """Nobody has added a profile yet."""
    home = w.failover.home
    save_ha_config(home, HaConfig(node_id=load_ha_config(home).node_id))


async def beginning(w):
    """Both start for the first time, the pair is made, the first mirror is fetched."""
    unprotected(w)
    w.primary.start()
    w.failover.start()
    await w.until(lambda: w.primary.awake and w.failover.awake, 20)
    await _do(w.failover, commands.ProfileAdd(name="prod", primary_host="primary", preset="fast", notify=(OPS,)))
    await w.until(lambda: w.well and w.mirror.verified, 60, "a protected pair")


async def configuring(w):
    """The primary's configuration is edited in all ways and mirrored; it shrinks; the profile is edited."""
    await _start(w)
    await _do(w.primary, commands.GroupAdd(path="Extra"))
    for number in range(EXTRA):
        await _do(w.primary, _monitor(f"More {number}", "Extra"))
    await _do(w.primary, commands.AlertAdd(scope="Extra", name="tell", to=(OPS,)))
    await _do(w.primary, commands.MonitorEdit(path="Extra/More 0", changes={"frequency": "7s"}))
    await _do(w.primary, commands.MailSet(sender="other@example.org", user="me", password="secret"))
    await _do(w.primary, commands.MailTemplateSet(name="alert", text="Subject: {{ monitor }}\n\n{{ status }}"))
    await _do(w.primary, commands.ScheduleAdd(name="office", windows=("mon-fri 08:00-18:00",)))
    await _do(w.primary, commands.UserAdd(name="ann", role="viewer", password="correct horse 12"))
    await _mirrored(w)
    await _do(w.failover, commands.Mirror(name="prod"))
    await _do(w.failover, _monitor("Forced", "Extra", profile="prod", force=True))
    await _mirrored(w)
    await _do(w.primary, commands.MailTemplateSet(name="alert", text=""))
    await _do(w.primary, commands.GroupRemove(path="Extra", recursive=True))
    await w.until(lambda: w.mirror.staged, 30, "a shrink that waits")
    await _do(w.failover, commands.Mirror(name="prod", accept=True))
    await _mirrored(w)
    await _do(w.failover, commands.ProfileEdit(name="prod", changes={"stable_for_s": 5.0}))
    await _do(w.failover, commands.ProfileDefaults(notify=(OPS,)))
    await _do(w.failover, commands.ConfigSet(key="logs.keep", value="20d"))


async def takeover(w):
    """A page fails, is told and acknowledged, the primary dies, the failover acts and is edited, the primary comes back."""
    await _start(w)
    await _do(w.failover, commands.HoldProfile(name="prod", reason="test"))
    await _do(w.failover, commands.ReleaseProfile(name="prod"))
    w.targets.fail("Page 0")
    await w.until(lambda: w.watch.alerts("Page 0"), 20)
    await _do(w.primary, commands.Ack(path="Web/Page 0", comment="known"))
    planned = await _do(w.primary, commands.DowntimeAdd(scope="Web/Page 1", reason="new disks", for_s=600.0))
    await _do(w.primary, commands.DowntimeEnd(id=planned.result.id))
    await w.run(1)
    w.primary.kill()
    await w.until(lambda: w.failover.position == "active", 20)
    await _do(w.failover, commands.Unack(path="prod:Web/Page 0"))
    w.targets.fail("Page 1")
    await w.until(lambda: w.watch.alerts("Page 1"), 20)
    w.targets.mend("Page 0")
    await _do(w.failover, _monitor("Written while it acts", "Web", profile="prod"))
    await w.until(lambda: w.watch.alerts("Page 0")[-1].event == "recovery", 20)
    w.primary.start()
    await w.until(lambda: w.well, 60, "the way back")
    await w.run(6)


async def planned(w):
    """A switchover and back, then the pair is parted and both stop."""
    await _start(w)
    await _do(w.failover, commands.Switchover(name="prod"))
    w.targets.fail("Page 0")
    await w.until(lambda: w.watch.alerts("Page 0"), 20)
    await _do(w.failover, commands.Standby(name="prod"))
    await w.until(lambda: w.well, 60, "the way back")
    w.targets.mend()
    await w.run(6)
    await _do(w.failover, commands.ProfileRemove(name="prod"))
    await _do(w.primary, commands.PeerRemove(node_id=w.failover.node_id))
    await w.failover.stop()
    await w.primary.stop()


async def _start(w):
    w.primary.start()
    w.failover.start()
    await _mirrored_first(w)


async def _mirrored_first(w):
    await w.until(lambda: w.well and w.mirror.verified, 60, "a protected pair")


LIFE = {"beginning": beginning, "configuring": configuring, "takeover": takeover, "planned": planned}


@cache
def told(story):
    """What a story does when nothing goes wrong; told once a process."""
    return play(LIFE[story], **SHAPE)
