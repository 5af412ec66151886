"""One running node, primary or failover, without any transport: state, writer, scheduler, mail, trees, and the tasks around them.

`web` puts listeners in front of it and simulations put it on virtual time; both hand in `Ports` and call `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio
import msgspec
from anyio.abc import TaskGroup, TaskStatus

from sitescope_fo import __version__
from sitescope_fo.engine import exchange
from sitescope_fo.engine.calendar import Calendars
from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.cells import Cell
from sitescope_fo.engine.plan import Plan
from sitescope_fo.engine.runner import Runner
from sitescope_fo.engine.spread import target_host
from sitescope_fo.engine.state import OUTBOX, PROFILE, MonitorState, OutboxItem
from sitescope_fo.engine.writer import Writer
from sitescope_fo.failover import timing
from sitescope_fo.failover.state import PrimarySide, ProfileState
from sitescope_fo.model import wire
from sitescope_fo.model.config import HaConfig, MailSettings, NodeConfig, Peer, Profile, Tree
from sitescope_fo.model.effect import Effect
from sitescope_fo.model.errors import Problem, SiteScopeError
from sitescope_fo.model.fact import ChecksReceived, Fact, NodeStarted, PeersListed, ProfileRemoved, ProfileSet, StopAsked, Tick
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.status import Role, Status
from sitescope_fo.node import decide, snapshot, state_file, timetable
from sitescope_fo.node.codec import STATE_LANE, StateJournal
from sitescope_fo.node.decide import Decider
from sitescope_fo.node.executor import Executor
from sitescope_fo.node.ha_commands import find_profile, with_profile
from sitescope_fo.node.needs import Ports
from sitescope_fo.node.own_tree import OwnTree
from sitescope_fo.node.peer_api import take_announcement
from sitescope_fo.node.profile_watch import ProfileWatch
from sitescope_fo.node.records import Records
from sitescope_fo.node.supervisor import Supervisor
from sitescope_fo.node.tally import Tally
from sitescope_fo.node.vitals import Vitals
from sitescope_fo.node.world import World
from sitescope_fo.notify.alert_mail import Letterhead
from sitescope_fo.notify.deliver import Courier
from sitescope_fo.notify.templates import TemplateSet
from sitescope_fo.store.cells import CellStore
from sitescope_fo.store.config_toml import save_ha_config
from sitescope_fo.store.home import Home
from sitescope_fo.store.leftovers import sweep_home

STOP_GRACE_S = 3.0
CLOSE_S = 1.0
REFERENCE_TARGETS = 5
MAILS_SETTLE_S = 1.0


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
        self.calendars = Calendars(ports.clock.local)
        decider = Decider(lambda: self.world, self.calendars)
        self.writer = Writer(ports.clock, StateJournal(self.store, ports.work), decider.decide, self._release, decider.wake)
        self.plan = Plan(max_checks=config.max_checks, max_per_host=config.max_checks_per_host, ramp_per_s=config.ramp_per_s)
        self.runner = Runner(
            self.plan,
            ports.checks,
            ports.clock,
            self.submit,
            may_start=self.may_start,
            term_of=self.term_of,
            dependency=partial(timetable.dependency_trouble, self),
            catalogue=lambda: self.world.catalogue,
            home_of=self.tree_root,
        )
        self.courier = Courier(
            self.writer.table,
            ports.mailer,
            ports.clock,
            self,
            may_notify=self.may_notify,
            settings_for=self.mail_settings,
            changed=partial(self.writer.changed, OUTBOX),
            sender_host=host,
        )
        self.vitals = Vitals(self)
        self.tally = Tally(self)
        self.own = OwnTree(self)
        self.executor = Executor(self)
        self.supervisor = Supervisor(self)
        self._tasks: TaskGroup | None = None
        self._changing_ha = anyio.Lock()

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

    async def take_checks(self, profile: str, data: bytes) -> None:
        """Merges the other node's check states for a tree, durable when it returns. Raises Unverifiable."""
        for part in await self.ports.work.run_blocking(exchange.checks_parts, data):
            self.submit(ChecksReceived(profile=profile, data=part))
        await self.settle(Tick())

    async def mails_settled(self, profile: str) -> None:
        """Returns when the ledger knows what became of alert mails that a server has in hand, after a second at the latest.

        Ask it when no more of them may leave, before another node judges by this ledger.
        """
        with anyio.move_on_after(MAILS_SETTLE_S):
            await self.courier.at_rest(profile)
            await self.settle(Tick())

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

    def configuration_problems(self) -> tuple[Problem, ...]:
        """What is wrong with configuration files; the last good configuration is in force meanwhile."""
        return tuple(p for problems in self.problems.values() for p in problems)

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

    def set_tree(self, profile: str, tree: Tree, texts: Mapping[str, str]) -> None:
        """Takes a loaded tree and its mail templates over."""
        templates = TemplateSet(texts)
        head = self.world.letterhead
        self.problems.pop(_templates_of(profile), None)
        if templates.problems:
            self.problems[_templates_of(profile)] = templates.problems
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

    async def change_ha(self, change: Callable[[HaConfig], HaConfig]) -> HaConfig:
        """Applies `change` to ha.config.toml, durable when it returns, and puts it in force. Changes follow each other.

        Raises what `change` raises, ConfigInvalid, OSError; then nothing was changed.
        """
        async with self._changing_ha:
            ha = change(self.world.ha)
            if ha != self.world.ha:
                try:
                    await self.ports.work.run_blocking(save_ha_config, self.home, ha, lane="own")
                except OSError:
                    with suppress(OSError):  # the new file may be there, not for certain: what was refused must not come back
                        await self.ports.work.run_blocking(save_ha_config, self.home, self.world.ha, lane="own")
                    raise
                self.set_world(ha=ha)
            return ha

    async def bind(self, name: str, node_id: str) -> None:
        """Binds a profile to the node that answered its first authenticated contact."""

        def bound(ha: HaConfig) -> HaConfig:
            profile = next((p for p in ha.profiles if p.name == name and not p.node_id), None)
            return ha if profile is None else with_profile(ha, msgspec.structs.replace(profile, node_id=node_id))

        before = self.world.ha
        if (after := await self.change_ha(bound)) != before:
            await self.settle(ProfileSet(profile=name, config=find_profile(after, name)))
            self.records.event("bound", f"the profile is bound to node {node_id}", profile=name)

    async def take_announcement(self, news: wire.Announcement) -> Peer:
        """A failover introduced itself: it is listed, the first one is trusted."""
        before = self.world.ha
        after = await self.change_ha(lambda ha: msgspec.structs.replace(ha, peers=take_announcement(ha.peers, news)))
        peer = next(peer for peer in after.peers if peer.node_id == news.node_id)
        if after != before:
            word = "accepted" if peer.accepted else "waiting for `peer accept`"
            what = f"failover {peer.host}:{peer.port} protects this node as {peer.listed_as}: {word}"
            self.records.event("peer_announced", what)
            self.list_peers()
        return peer

    # --- life -------------------------------------------------------------------------------------------------------

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Runs until cancelled, then writes what is left. Reports started once the first decision is durable."""
        try:
            await self.ports.work.run_blocking(sweep_home, self.home, lane="own")
            readable = await self._open_state()
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                self.executor.start(tasks)
                tasks.start_soon(self.supervisor.forever, "the logs", self.records.write)
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
                self._start_acting(tasks)
                task_status.started()
        finally:
            self.running = False
            with anyio.move_on_after(CLOSE_S, shield=True):
                await self._write_rest()
                await self.records.close()
                await self.ports.work.run_blocking(self.store.close, lane=STATE_LANE)

    async def _write_rest(self) -> None:
        try:
            await self.writer.flush()
        except SiteScopeError as error:
            self.records.run(f"the last results of monitors were not kept: {error}", level="WARNING")

    def _start_acting(self, tasks: TaskGroup) -> None:
        """Starts what acts on its own: checks, mail, vital signs, the eye on the files."""
        if self.role is Role.failover:
            self.own.start_monitors()
        guard = self.supervisor.forever
        tasks.start_soon(guard, "the checks", self.runner.run)
        tasks.start_soon(guard, "the mail", self.courier.run)
        tasks.start_soon(guard, "the vital signs", self.vitals.run)
        tasks.start_soon(guard, "the retention", partial(self.records.retain, lambda: self.world.config))
        tasks.start_soon(guard, "the configuration", self.own.run)
        for watch in self.watches.values():
            tasks.start_soon(watch.run)

    async def _open_state(self) -> bool:
        """Loads the state. False when it was unreadable: the file is set aside and a new one begun."""
        world, now = self.world, self.ports.clock.now()
        values, damage = await state_file.load(self.store, self.ports.work, now.wall)
        if damage:
            self.records.event("state_unreadable", damage, level="ERROR", hint="Look at the disk of this node")
        gone = state_file.strangers(values, world.ha)
        if gone:
            await self.ports.work.run_blocking(self.store.commit, dict.fromkeys(gone), lane=STATE_LANE)
        for cell in gone:
            self.submit(ProfileRemoved(profile=cell.id))
        self.writer.load(state_file.restored(values, world.ha, world.config, self.boot_id, now))
        return not damage

    async def _watch(self, profile: Profile) -> ProfileWatch:
        watch = ProfileWatch(self, profile)
        self.watches[profile.name] = watch
        await watch.prepare()
        return watch

    async def watch_new(self, profile: Profile) -> None:
        """Starts the tasks of a profile that was just added."""
        watch = await self._watch(profile)
        if self._tasks is not None:
            self._tasks.start_soon(watch.run)

    def unwatch(self, name: str) -> None:
        """Ends the tasks of a profile and forgets what was loaded for it."""
        watch = self.watches.pop(name, None)
        if watch is not None:
            watch.cancel()
        self.plan.remove(name)
        self.problems.pop(_templates_of(name), None)
        head = self.world.letterhead
        templates = {profile: texts for profile, texts in head.templates.items() if profile != name}
        self.set_world(
            catalogue=self.world.catalogue.without(name), letterhead=msgspec.structs.replace(head, templates=templates)
        )

    def list_peers(self) -> None:
        """Tells the primary's machine which failovers there are."""
        accepted = [peer for peer in self.world.ha.peers if peer.accepted]
        tightest = min((peer.activate_after_s for peer in accepted), default=float("inf"))
        limit = timing.primary_pause_limit(tightest)
        self.submit(PeersListed(node_ids=tuple(peer.node_id for peer in accepted), pause_limit_s=limit))

    async def stop_cleanly(self, why: str, eta_s: float) -> None:
        """Starts nothing more, says goodbye, gives running checks and the mails about it a moment. Cancel `run` afterwards."""
        self.stopping = True
        if not self.running:
            return
        with anyio.move_on_after(STOP_GRACE_S):
            await self.settle(StopAsked(why=why, eta_s=eta_s))
            await self.executor.idle()
            while self.runner.in_flight() or self._role_mail_waits():
                await self.writer.changed()
        with anyio.move_on_after(CLOSE_S):  # here too: `run` may be held up by a worker that hangs
            await self.records.drain()

    def _role_mail_waits(self) -> bool:
        """Whether a mail to the people who run the pair was not even tried yet, and there is a server to try."""
        items: Iterable[OutboxItem] = self.writer.table.of(OUTBOX).values()
        untried = any(item.kind == "role" and not item.attempts and not item.dead for item in items)
        return untried and bool(self.mail_settings("").servers)


def _templates_of(profile: str) -> str:
    """The name of a tree's templates among the problems."""
    return f"templates of {profile}" if profile else "templates"
