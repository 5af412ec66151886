"""One running node, primary or failover, without any transport: state, writer, scheduler, mail, trees, and the tasks around them.

`web` puts listeners in front of it and simulations put it on virtual time; both hand in `Ports` and call `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import msgspec
from anyio.abc import TaskGroup, TaskStatus

from sitescope_fo import __version__
from sitescope_fo.engine import judging
from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.cells import Cell
from sitescope_fo.engine.plan import Plan
from sitescope_fo.engine.runner import Runner
from sitescope_fo.engine.spread import target_host
from sitescope_fo.engine.state import PRIMARY, PROFILE, MonitorState
from sitescope_fo.engine.writer import Writer
from sitescope_fo.failover import machine, primary, timing
from sitescope_fo.failover.state import PrimarySide, ProfileState
from sitescope_fo.model import wire
from sitescope_fo.model.config import HaConfig, MailSettings, NodeConfig, Peer, Profile, Tree
from sitescope_fo.model.effect import Effect
from sitescope_fo.model.errors import Bad, Problem, Refused
from sitescope_fo.model.fact import Fact, NodeStarted, PeersListed, ProfileSet, StopAsked
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.monitor_type import TypeBook
from sitescope_fo.model.ports import Checks, Clock, Mailer, PeerClient, Randomness, ReferencePoints, Secrets, Work
from sitescope_fo.model.snapshot import MonitorRow
from sitescope_fo.model.status import Role, Status
from sitescope_fo.node import decide, snapshot
from sitescope_fo.node.codec import StateJournal, decode
from sitescope_fo.node.decide import Decider
from sitescope_fo.node.executor import Executor
from sitescope_fo.node.ha_commands import with_profile
from sitescope_fo.node.key_ring import KeyRing
from sitescope_fo.node.own_tree import OwnTree
from sitescope_fo.node.peer_api import take_announcement
from sitescope_fo.node.profile_watch import ProfileWatch
from sitescope_fo.node.records import Records
from sitescope_fo.node.supervisor import Supervisor
from sitescope_fo.node.vitals import Vitals
from sitescope_fo.node.world import World
from sitescope_fo.notify.alert_mail import Letterhead
from sitescope_fo.notify.deliver import Courier
from sitescope_fo.notify.templates import TemplateSet
from sitescope_fo.store.cells import CellStore
from sitescope_fo.store.config_toml import save_ha_config
from sitescope_fo.store.errors import StateUnreadable
from sitescope_fo.store.home import Home, profile_folder_name

STOP_GRACE_S = 3.0
REFERENCE_TARGETS = 5
RUN_MARGIN_S = 10.0


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a node needs from outside."""

    clock: Clock
    work: Work
    randomness: Randomness
    checks: Checks
    mailer: Mailer
    client: PeerClient
    references: ReferencePoints
    book: TypeBook
    secrets_for: Callable[[Path], Secrets]
    """Opens the secrets of the tree at a folder. Blocking."""
    disk_free: Callable[[], int]
    """Bytes free for the home. Quick."""
    keys: KeyRing
    user: str = ""
    """The account the process runs under."""
    pid: int = 0


class Node:
    """A node over one home. Build it, `run` it in a task; `stop_cleanly` then cancel."""

    def __init__(self, home: Home, config: NodeConfig, ha: HaConfig, ports: Ports, *, host: str) -> None:
        self.home, self.ports = home, ports
        letterhead = Letterhead(host, snapshot.TITLES[config.role])
        self.world = World(config=config, ha=ha, host=host, specs=ports.book.specs, catalogue=Catalogue(), letterhead=letterhead)
        self.version = __version__
        self.boot_id = ports.randomness.token(8)
        self.started_wall = ports.clock.wall()
        self.problems: dict[str, tuple[Problem, ...]] = {}
        self.stopping = False
        self.running = False
        self.watches: dict[str, ProfileWatch] = {}
        self.store = CellStore(home.state)
        self.records = Records(home, ha.node_id, ports.work, ports.clock)
        decider = Decider(lambda: self.world)
        self.writer = Writer(ports.clock, StateJournal(self.store, ports.work), decider.decide, self._release, decider.wake)
        self.plan = Plan(max_checks=config.max_checks, max_per_host=config.max_checks_per_host, ramp_per_s=config.ramp_per_s)
        self.runner = Runner(
            self.plan,
            ports.checks,
            ports.clock,
            self.submit,
            may_start=self.may_start,
            term_of=self.term_of,
            dependency=lambda monitor, profile: judging.dependency_trouble(
                self.writer.table, self.world.catalogue, monitor, profile
            ),
            catalogue=lambda: self.world.catalogue,
            home_of=self.tree_root,
        )
        self.courier = Courier(
            self.writer.table,
            ports.mailer,
            ports.clock,
            self.submit,
            may_notify=self.may_notify,
            settings_for=self.mail_settings,
            changed=self.writer.changed,
            sender_host=host,
        )
        self.vitals = Vitals(self)
        self.own = OwnTree(self)
        self.executor = Executor(self)
        self.supervisor = Supervisor(self)
        self._tasks: TaskGroup | None = None

    # --- what the other parts ask -----------------------------------------------------------------------------------

    @property
    def role(self) -> Role:
        """This node's role."""
        return self.world.role

    @property
    def node_id(self) -> str:
        """This node's id."""
        return self.world.ha.node_id

    def submit(self, fact: Fact) -> None:
        """Puts a fact on the bus."""
        self.writer.submit(fact)

    async def settle(self, fact: Fact) -> None:
        """Puts a fact on the bus and returns once it is decided and durable."""
        await self.writer.settle(fact)

    def profile_state(self, name: str) -> ProfileState | None:
        """The machine of a profile."""
        state: ProfileState | None = self.writer.table.get(Cell(PROFILE, name))
        return state

    def primary_side(self) -> PrimarySide | None:
        """The primary's machine; None on a failover."""
        return decide.side_of(self.writer.table)

    def may_start(self, profile: str) -> bool:
        """Whether a check of the profile may start at this very moment: the state allows it and the engine has not been away."""
        return not self.stopping and self._fresh(profile) and decide.may_check(self.writer.table, self.role, profile)

    def _fresh(self, profile: str) -> bool:
        side = self.primary_side()
        limit = side.pause_limit_s if side is not None and not profile else timing.PAUSE_LIMIT_S
        return self.ports.clock.mono() - self.writer.last_tick <= limit

    def may_notify(self, profile: str) -> bool:
        """Whether an alert mail of the profile may leave at this very moment."""
        return self._fresh(profile) and decide.may_notify(self.writer.table, self.role, profile)

    def term_of(self, profile: str) -> int:
        """The term results of the profile carry."""
        return decide.term_of(self.writer.table, self.role, profile)

    @property
    def url(self) -> str:
        """Where this node answers."""
        config = self.world.config
        host = f"[{self.world.host}]" if ":" in self.world.host else self.world.host
        return f"{'https' if config.tls else 'http'}://{host}:{config.port}"

    def profile_states(self) -> tuple[ProfileState, ...]:
        """The machines of all profiles, in the order of the configuration."""
        found = (self.profile_state(profile.name) for profile in self.world.ha.profiles)
        return tuple(state for state in found if state is not None)

    def good_targets(self, profile: str) -> tuple[str, ...]:
        """Up to five targets of the profile's monitors that were good lately, as reference points: `host` or `host:port`."""
        catalogue, cells = self.world.catalogue, self.writer.table
        found: list[str] = []
        for monitor in catalogue.monitors(profile).values():
            state: MonitorState | None = cells.get(decide.key_cell(MonitorKey(profile, monitor.id)))
            host = target_host(monitor)
            if state is not None and state.status is Status.good and host and host not in found:
                found.append(host)
                if len(found) == REFERENCE_TARGETS:
                    break
        return tuple(found)

    def mail_settings(self, profile: str) -> MailSettings:
        """The mail settings alerts of the profile use: its tree's, else this node's own."""
        mirrored = self.world.catalogue.mail(profile)
        return mirrored if mirrored.servers else self.world.catalogue.mail("")

    def tree_root(self, profile: str) -> Path:
        """The folder whose scripts/ a check of the profile may use."""
        watch = self.watches.get(profile)
        return watch.tree_root if watch is not None else self.home.root

    def folder_of(self, profile: Profile) -> Path:
        """The mirror folder of a profile."""
        taken: list[str] = []
        for other in self.world.ha.profiles:
            name = profile_folder_name(other.primary_host, other.primary_port, taken)
            if other.name == profile.name:
                return self.home.failover_dir(name)
            taken.append(name)
        return self.home.failover_dir(profile_folder_name(profile.primary_host, profile.primary_port, taken))

    def set_tree(self, profile: str, tree: Tree, texts: Mapping[str, str]) -> None:
        """Takes a loaded tree and its mail templates over."""
        templates = TemplateSet(texts)
        head = self.world.letterhead
        self.problems.pop(f"templates {profile}", None)
        if templates.problems:
            self.problems[f"templates {profile}"] = templates.problems
        self.set_world(
            catalogue=self.world.catalogue.with_tree(profile, tree),
            letterhead=msgspec.structs.replace(head, templates={**head.templates, profile: templates}),
        )

    def set_world(self, **changes: object) -> None:
        """Replaces parts of the world."""
        self.world = msgspec.structs.replace(self.world, **changes)

    def _release(self, effects: tuple[Effect, ...]) -> None:
        self.executor.release(effects)

    # --- what changes by command or by a peer's word ------------------------------------------------------------------

    async def save_ha(self, ha: HaConfig) -> None:
        """Makes a new ha.config.toml durable, then the one in force."""
        await self.ports.work.run_blocking(save_ha_config, self.home, ha, lane="own")
        self.set_world(ha=ha)

    async def bind(self, name: str, node_id: str) -> None:
        """Binds a profile to the node that answered its first authenticated contact."""
        profile = next((p for p in self.world.ha.profiles if p.name == name and not p.node_id), None)
        if profile is None:
            return
        bound = msgspec.structs.replace(profile, node_id=node_id)
        await self.save_ha(with_profile(self.world.ha, bound))
        await self.settle(ProfileSet(profile=name, config=bound))
        self.records.event("bound", f"the profile is bound to node {node_id}", profile=name)

    async def take_announcement(self, news: wire.Announcement) -> Peer:
        """A failover introduced itself: it is listed, the first one is trusted."""
        peer, peers = take_announcement(self.world.ha.peers, news)
        if peers != self.world.ha.peers:
            await self.save_ha(msgspec.structs.replace(self.world.ha, peers=peers))
            word = "accepted" if peer.accepted else "waiting for `peer accept`"
            self.records.event(
                "peer_announced", f"failover {peer.host}:{peer.port} protects this node as {peer.listed_as}: {word}"
            )
            self.list_peers()
        return peer

    async def run_now(self, key: MonitorKey) -> MonitorRow:
        """Runs a monitor and returns its row once the result is in. Raises Refused when it cannot run, Bad when nothing came."""
        monitor = self.world.catalogue.monitor(key)
        if monitor is None or not monitor.enabled:
            raise Refused("The monitor is disabled", where=str(key), hint="sitescope-fo monitor enable PATH", code="disabled")
        before: MonitorState | None = self.writer.table.get(decide.key_cell(key))
        started = before.last_wall if before is not None else 0.0
        self.runner.run_now(key)
        with anyio.move_on_after(monitor.timeout_s + RUN_MARGIN_S):
            while True:
                state: MonitorState | None = self.writer.table.get(decide.key_cell(key))
                if state is not None and state.last_wall > started:
                    return snapshot.monitor_row(self, key, monitor)
                await self.writer.changed()
        raise Bad(f"No result within {monitor.timeout_s + RUN_MARGIN_S:.0f} s", where=monitor.path, code="no_result")

    # --- life -------------------------------------------------------------------------------------------------------

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Runs until cancelled. Reports started once the state is loaded and the first decision is durable."""
        readable = await self._open_state()
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            self.executor.start(tasks)
            tasks.start_soon(self.records.write)
            await self.records.open()
            await self.own.load_first()
            if self.role is Role.primary:
                self.list_peers()
            for profile in self.world.ha.profiles:
                await self._watch(profile)
            term = 0 if readable else await self.records.highest_term()
            tasks.start_soon(self.writer.run)
            self.running = True
            await self.settle(NodeStarted(boot_id=self.boot_id, state_readable=readable, highest_term_seen=term))
            self.runner_start(tasks)
            task_status.started()

    def runner_start(self, tasks: TaskGroup) -> None:
        """Starts what acts on its own: checks, mail, vital signs, the eye on the files."""
        if self.role is Role.failover:
            self.plan.set_monitors("", self.world.catalogue.monitors("").values(), self.ports.clock.mono())
        tasks.start_soon(self.supervisor.forever, "checks", self.runner.run)
        tasks.start_soon(self.supervisor.forever, "mail", self.courier.run)
        tasks.start_soon(self.supervisor.forever, "vital signs", self.vitals.run)
        tasks.start_soon(self.records.retain, self.world.config.logs_keep_s, self.world.config.logs_max_bytes)
        tasks.start_soon(self.supervisor.forever, "configuration", self.own.run)
        for watch in self.watches.values():
            tasks.start_soon(self.supervisor.forever, f"profile {watch.name}", watch.run)

    async def _open_state(self) -> bool:
        work, clock = self.ports.work, self.ports.clock
        readable = True
        try:
            await work.run_blocking(self.store.open, lane="state")
        except StateUnreadable as error:
            readable = False
            kept = await work.run_blocking(self.store.set_aside, clock.wall(), lane="state")
            self.records.event("state_unreadable", f"{error}", level="ERROR", hint=f"The damaged file is kept as {kept}")
            await work.run_blocking(self.store.open, lane="state")
        values = decode(await work.run_blocking(self.store.load, lane="state"))
        self._restore(values)
        return readable

    def _restore(self, values: dict[Cell, object]) -> None:
        now = self.ports.clock.now()
        journals = {cell.id: values.pop(cell) for cell in list(values) if cell.kind == PROFILE}
        for profile in self.world.ha.profiles:
            journal = journals.get(profile.name)
            state = machine.initial(profile) if journal is None else machine.restored(profile, journal)  # type: ignore[arg-type]
            values[Cell(PROFILE, profile.name)] = state
        own = values.pop(Cell(PRIMARY), None)
        if self.role is Role.primary:
            config = self.world.config
            values[Cell(PRIMARY)] = primary.restored(own, self.boot_id, config.boot_check_s, now)  # type: ignore[arg-type]
        self.writer.load(values)

    async def _watch(self, profile: Profile) -> None:
        watch = ProfileWatch(self, profile.name)
        self.watches[profile.name] = watch
        await watch.prepare()

    async def watch_new(self, profile: Profile) -> None:
        """Starts the tasks of a profile that was just added."""
        await self._watch(profile)
        if self._tasks is not None:
            watch = self.watches[profile.name]
            self._tasks.start_soon(self.supervisor.forever, f"profile {watch.name}", watch.run)

    def unwatch(self, name: str) -> None:
        """Ends the tasks of a profile."""
        watch = self.watches.pop(name, None)
        if watch is not None:
            watch.cancel()
        self.plan.remove(name)
        self.set_world(catalogue=self.world.catalogue.without(name))

    def list_peers(self) -> None:
        """Tells the primary's machine which failovers there are."""
        accepted = [peer for peer in self.world.ha.peers if peer.accepted]
        tightest = min((peer.activate_after_s for peer in accepted), default=float("inf"))
        limit = timing.primary_pause_limit(tightest)
        self.submit(PeersListed(node_ids=tuple(peer.node_id for peer in accepted), pause_limit_s=limit))

    async def stop_cleanly(self, why: str, eta_s: float) -> None:
        """Says goodbye, lets running checks end for a moment, and writes what is left. Cancel `run` afterwards."""
        self.stopping = True
        with anyio.move_on_after(STOP_GRACE_S):
            await self.settle(StopAsked(why=why, eta_s=eta_s))
            await self.executor.idle()
            await self.records.drain()
        with anyio.move_on_after(1.0, shield=True):
            await self.records.drain()
            await self.ports.work.run_blocking(self.store.close, lane="state")
