"""One machine of the pair: a home that stays, a clock that goes on, and one process at a time that is a whole product node."""

import math
import random
import shutil
import uuid

import anyio

from sitescope_fo.model.command import CommandRequest
from sitescope_fo.model.service import Level, Who
from sitescope_fo.model.status import Role
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.node.core import Node, Ports
from sitescope_fo.node.key_ring import KeyRing
from sitescope_fo.node.operator_api import OperatorApi
from sitescope_fo.node.peer_api import PeerApi
from sitescope_fo.security.keys import load_keys
from sitescope_fo.store.config_toml import load_ha_config, load_node_config
from sitescope_fo.store.home import open_home
from tests.simulation.http import HttpClient, application
from tests.simulation.ports import SimChecks, SimClock, SimMailer, SimRandomness, SimReferencePoints, SimWork
from tests.simulation.process import Process
from tests.simulation.wire import SimClient

BOOK = Registry()
OPERATOR = Who(name="unix:0", level=Level.administrator)
NAME = "prod"


class Machine:
    """`start`, `kill`, `power_off`, `pause`, `resume`, `stop`: what happens to its process. Faults are attributes."""

    def __init__(self, world, name, home, *, boot, drift):
        self.world, self.name, self.home = world, name, open_home(home)
        self.clock = SimClock(boot, drift)
        self.node_id = load_ha_config(self.home).node_id
        self.lives = 0
        self.process = self.node = self.api = self.app = self.operator = None
        self.ready = False
        self.powered = True
        self.network = True
        self.isolated_at = math.inf
        self.disk_broken = False
        self.foreign = False
        self.certificate_fault = ""
        self.passphrase = "the same on both"
        """One, or several with the newest first, as during a rotation."""
        self.wire_version = 1

    # --- what others see --------------------------------------------------------------------------------------------

    @property
    def reachable(self):
        """Whether packets come and go."""
        return self.powered and self.network

    @property
    def words(self):
        """The passphrases in force, newest first."""
        return self.passphrase if isinstance(self.passphrase, tuple) else (self.passphrase,)

    @property
    def up(self):
        return self.process is not None and not self.process.dead

    @property
    def awake(self):
        """Its process is there, loaded, and not stopped."""
        return self.up and self.ready and not self.process.stopped

    @property
    def role(self):
        return self.node.role

    @property
    def profile(self):
        """The key of the pair's tree on this node."""
        return "" if self.role is Role.primary else NAME

    @property
    def state(self):
        """The machine of the profile on a failover, the primary's side on a primary."""
        return self.node.primary_side() if self.role is Role.primary else self.node.profile_state(NAME)

    @property
    def position(self):
        """`standby`, `active`, `running` …; "" while no process is ready."""
        if not (self.up and self.ready):
            return ""
        state = self.state
        return str(state.state.value if self.role is Role.primary else state.position.value)

    @property
    def conditions(self):
        return {c.value for c in self.state.conditions} if self.up and self.ready else set()

    @property
    def term(self):
        return self.state.journal.term

    @property
    def may_start(self):
        """Whether its process would start a check of the pair's tree at this moment."""
        return self.awake and self.node.may_start(self.profile)

    # --- its process ------------------------------------------------------------------------------------------------

    def start(self):
        """A new process over the home."""
        assert not self.up, f"{self.name} runs already"
        self.lives += 1
        self.ready = False
        self.world.tell(self.name, f"--- start, life {self.lives}")
        self.process = process = Process(self.world.neutral)
        self.world.live(process, self._main, lambda error: self.world.watch.crashed(self, error))
        return self

    async def _main(self, tasks):
        process, world = self.process, self.world

        def chance(what):
            return random.Random(f"{world.seed}/{self.name}/{self.lives}/{what}")

        work = SimWork(process, self, chance("work"), world.slowest_work_s)
        ring = KeyRing(self.home, load_keys(self.home.keys))
        ha = load_ha_config(self.home)
        randomness = SimRandomness(f"{world.seed}/{self.name}/{self.lives}")
        ports = Ports(
            clock=self.clock,
            work=work,
            randomness=randomness,
            checks=SimChecks(process, self, chance("checks")),
            mailer=SimMailer(process, self, chance("mail")),
            client=HttpClient(process, self, work, randomness) if world.http else SimClient(process, self),
            references=SimReferencePoints(process, self),
            book=BOOK,
            secrets_for=ring.secrets_for,
            disk_free=lambda: 10 * 1024**3,
            keys=ring,
            user="sitescope",
            pid=self.lives,
        )
        node = Node(self.home, load_node_config(self.home), ha, ports, host=self.name)
        self.node, self.api, self.operator = node, PeerApi(node), OperatorApi(node)
        if world.http:
            self.app = application(self, process, work, randomness)
        world.watch.look_over(self, process)
        try:
            await tasks.start(node.run)
            self.ready = True
            world.watch.batch(self)
        except BaseException:
            node.store.close()
            raise
        try:
            await anyio.sleep_forever()
        finally:
            node.store.close()
            node.records.results.close()

    def kill(self):
        """kill -9."""
        self.world.fault(self, "killed")
        self.process.kill()
        self.ready = False

    def power_off(self):
        """Process and network end; nothing answers any more, not even a refusal."""
        if self.up:
            self.kill()
        self.world.fault(self, "powered off")
        self.powered = False

    def power_on(self):
        """Boots: the clock since boot begins anew."""
        self.world.tell(self.name, "powered on")
        self.powered = True
        self.clock.boot = 20.0 - anyio.current_time() * (1 + self.clock.drift)
        return self.start()

    def pause(self):
        """SIGSTOP."""
        self.world.fault(self, "stopped")
        self.process.stop()

    def resume(self):
        """SIGCONT."""
        self.world.tell(self.name, "goes on")
        self.process.go_on()

    async def stop(self, why="maintenance", eta_s=None):
        """SIGTERM: says goodbye and ends."""
        self.world.fault(self, "asked to stop")
        process, node = self.process, self.node
        eta = node.world.config.goodbye_s if eta_s is None else eta_s
        done = anyio.Event()

        async def end():
            await node.stop_cleanly(why, eta)
            done.set()
            self.world.happen()

        process.spawn(end)
        with anyio.move_on_after(20):
            while not (done.is_set() or process.dead):
                await self.world.next()
        process.kill()
        self.ready = False
        await process.ended.wait()

    def isolate(self):
        """Its network cable is pulled: peers, targets, mail, reference points."""
        self.world.fault(self, "cut off from everything")
        self.network, self.isolated_at = False, self.world.now

    def reconnect(self):
        self.world.tell(self.name, "network is back")
        self.network, self.isolated_at = True, math.inf

    def step_wall(self, seconds):
        self.world.fault(self, f"wall clock steps by {seconds:g} s")
        self.clock.step += seconds

    def break_disk(self):
        self.world.fault(self, "state cannot be written")
        self.disk_broken = True

    def mend_disk(self):
        self.world.tell(self.name, "the disk is well")
        self.disk_broken = False

    def stick(self):
        """Its scheduler starts nothing any more, and everything else goes on, until the process ends."""
        self.world.fault(self, "scheduler stuck")
        self.node.runner._go = lambda _work, _key: None

    # --- its operators ----------------------------------------------------------------------------------------------

    async def command(self, body, wait_s=30.0):
        """One operator command through the product's one way in; its reply."""
        reply = None
        done = anyio.Event()
        request = CommandRequest(id=str(uuid.UUID(int=self.world.chance.getrandbits(128))), body=body, wait_s=wait_s)

        async def ask():
            nonlocal reply
            reply = await self.operator.submit(OPERATOR, request)
            done.set()
            self.world.happen()

        self.world.tell(self.name, f"operator: {type(body).__name__}")
        process = self.process
        process.spawn(ask)
        while not (done.is_set() or process.dead):
            await self.world.next()
        return reply

    async def query(self, name, **params):
        """One operator query, such as `status`."""
        return await self.operator.query(OPERATOR, name, params)

    def edit_group(self, text, group="Web"):
        """Rewrites a group file, as an editor does."""
        path = self.home.groups / group / "group.toml"
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(path)
        self.world.tell(self.name, f"edited {group}")

    def erase(self):
        shutil.rmtree(self.home.root)
