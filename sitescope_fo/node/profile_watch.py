"""Everything that runs for one profile on a failover: probes, mirror, gate, working tree, the talk with its primary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from sitescope_fo.engine import exchange
from sitescope_fo.failover.prober import Prober
from sitescope_fo.failover.timing import yield_for
from sitescope_fo.mirror import generations, history, retargeting
from sitescope_fo.mirror.keeper import Keeper
from sitescope_fo.mirror.outcome import Verified
from sitescope_fo.mirror.record import Generation
from sitescope_fo.model import effect as effects
from sitescope_fo.model import wire
from sitescope_fo.model.config import Profile, Tree
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.fact import (
    GateSampled,
    LedgerReceived,
    TreeChanged,
    WatchWindow,
    WorkingReady,
    YieldAnswered,
)
from sitescope_fo.model.ports import PeerAddress, PeerReply
from sitescope_fo.model.status import Position
from sitescope_fo.node import timetable
from sitescope_fo.node.ha_commands import folder_of
from sitescope_fo.node.loading import load_tree_at, open_cache, save_cache
from sitescope_fo.node.same_check import SameCheck
from sitescope_fo.node.word_exchange import WordExchange
from sitescope_fo.notify.templates import read_templates

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

CHECKS_EVERY_S = 15.0
"""Last results and counters travel at most this often; the ledger travels with each probe that shows another digest."""
STEP_TIMEOUT_S = 20.0
LAST_WORDS_S = 1.0


class ProfileWatch:
    """The tasks of one profile."""

    def __init__(self, node: Node, profile: Profile) -> None:
        self._node, self._profile, self.name = node, profile, profile.name
        self._scope = anyio.CancelScope()
        self._ended = False
        self._announced = ""
        self._loaded = anyio.Event()
        self._checks_at = float("-inf")
        self._talking = False
        self.health: wire.Health | None = None
        self.words = WordExchange(node, self)
        self.folder = node.home.failover_dir(folder_of(node.world.ha, profile))
        self.cache = open_cache(node.home, node.ports, self.folder.name)
        """What loads of this tree remember; for the keeper's lane only."""
        self.tree_root: Path = self.folder / generations.CURRENT
        ports = node.ports
        passes = SameCheck(node, self.name).passes
        self.prober = Prober(ports.client, ports.clock, node.submit, lambda: node.profile_state(self.name), self._heard, passes)
        self.keeper = Keeper(
            profile=lambda: self.config,
            folder=self.folder,
            client=ports.client,
            address=lambda: self.address,
            work=ports.work,
            clock=ports.clock,
            submit=node.submit,
            position=self._position,
            schedules=lambda: node.world.catalogue.tree("").schedules,
            dry_load=self.dry_load,
            on_tree=self._mirror_loaded,
            told=self._mirror_taken,
            adapt=self._retarget,
        )

    @property
    def config(self) -> Profile:
        """The profile as configured now; as it last was once it is removed."""
        self._profile = next((p for p in self._node.world.ha.profiles if p.name == self.name), self._profile)
        return self._profile

    @property
    def address(self) -> PeerAddress:
        """Where the primary is."""
        config = self.config
        return PeerAddress(host=config.primary_host, port=config.primary_port, tls=config.tls, node_id=config.node_id)

    def _position(self) -> Position:
        state = self._node.profile_state(self.name)
        return state.position if state is not None else Position.standby

    # --- life -------------------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Verifies and loads what the disk holds, before the machine starts."""
        await self.keeper.open()

    async def run(self) -> None:
        """Watches and mirrors until cancelled. A defect in one part ends that part only, and that for a moment."""
        guard = self._node.supervisor.forever
        with self._scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(guard, f"the probes of {self.name}", self.prober.run)
                tasks.start_soon(guard, f"the mirror of {self.name}", self.keeper.run)
                tasks.start_soon(guard, f"the schedule of {self.name}", self._follow_schedule)
                tasks.start_soon(guard, f"the compiled mirror of {self.name}", self._keep_compiled)

    def cancel(self) -> None:
        """Ends `run`, also before it has begun; what a worker still loads is not taken over."""
        self._ended = True
        self._scope.cancel()

    async def _keep_compiled(self) -> None:
        """Keeps the mirror compiled for the next start, behind everything that is in a hurry."""
        while True:
            await self._loaded.wait()
            self._loaded = anyio.Event()
            if self.cache.unsaved:
                await save_cache(self._node, self.cache, self.keeper.lane)

    async def _follow_schedule(self) -> None:
        while (state := self._node.profile_state(self.name)) is not None:
            is_open, until = self._window()
            if is_open != state.live.window_open:
                self._node.submit(WatchWindow(profile=self.name, open=is_open, until_wall=until))
            await anyio.sleep(1.0)

    def _window(self) -> tuple[bool, float]:
        name = self.config.check_schedule
        schedule = next((s for s in self._node.world.catalogue.tree("").schedules if s.name == name), None) if name else None
        if schedule is None or schedule.kind != "range":
            return True, 0.0
        clock = self._node.ports.clock
        local = clock.local(clock.wall())
        following = schedule.next_open(local)
        return schedule.open_at(local), following.timestamp() if following is not None else 0.0

    # --- the mirror and the working tree ----------------------------------------------------------------------------

    def dry_load(self, root: Path, proven: Mapping[str, str] | None = None) -> Tree:
        """Loads a mirrored tree, `proven` as in `DryLoad`. Blocking: called through the Work port."""
        return load_tree_at(root, self._node.ports, self._node.ports.clock.wall(), False, self.cache, proven)

    def _retarget(self, tree: Tree) -> tuple[Tree, tuple[str, ...]]:
        node, config = self._node, self.config
        names = {config.primary_host}
        if self.health is not None:
            names.add(self.health.host)
        return retargeting.mirrored_tree(
            tree, node.ports.book, frozenset(names), config.self_targets, own_host=node.world.host or "localhost"
        )

    def _mirror_taken(self, outcome: Verified) -> None:
        self._node.records.event("mirrored", outcome.summary, profile=self.name)

    async def _mirror_loaded(self, tree: Tree, generation: Generation) -> None:
        if self._passive():
            await self._take(generations.CURRENT, tree)

    def _passive(self) -> bool:
        state = self._node.profile_state(self.name)
        return state is None or state.passive

    async def load(self, what: str) -> Tree:
        """Loads `current` or `working` from disk and takes it over."""
        tree = await self._node.ports.work.run_blocking(self.dry_load, self.folder / what, lane=self.keeper.lane)
        tree, _ = self._retarget(tree)
        await self._take(what, tree)
        return tree

    async def _take(self, what: str, tree: Tree) -> None:
        node = self._node
        root = self.folder / what
        texts = await node.ports.work.run_blocking(read_templates, root, lane=self.keeper.lane)
        if self._ended:
            return
        self.tree_root = root
        node.set_tree(self.name, tree, texts)
        self._loaded.set()
        if node.running:
            await node.settle(TreeChanged(profile=self.name, revision=tree.revision, monitors=len(tree.monitors)))

    async def pin_working(self, wanted: effects.PinWorking) -> None:
        """Lays out and loads the working tree; the machine waits for WorkingReady."""
        node = self._node
        try:
            await node.ports.work.run_blocking(self._lay_out, wanted.resume, lane=self.keeper.lane)
            tree = await self.load(generations.WORKING)
        except (OSError, SiteScopeError) as error:
            tree = node.world.catalogue.tree(self.name)
            node.records.event(
                "working_tree_failed",
                f"the working tree could not be laid out: {error}",
                level="ERROR",
                profile=self.name,
                term=wanted.term,
                where=str(self.folder),
                hint="Monitoring goes on from the mirror as loaded; edits are not possible until this is mended",
            )
        node.submit(WorkingReady(profile=self.name, term=wanted.term, monitors=len(tree.monitors)))
        if not wanted.resume:
            await self._keep_history(wanted.term)

    def _lay_out(self, resume: bool) -> None:  # noqa: FBT001  # called through the Work port, positionally
        current = generations.current(self.folder)
        if resume and (self.folder / generations.WORKING).is_dir():
            return
        if current is None:
            raise FileNotFoundError(f"no current mirror in {self.folder}")
        generations.pin(self.folder, current.revision)
        generations.lay_out_working(self.folder, current.revision)

    async def _keep_history(self, term: int) -> None:
        """A zip of what this term began with. It may take its time: the generation is pinned and monitoring has begun."""
        node = self._node
        try:
            await node.ports.work.run_blocking(self._write_history, node.ports.clock.wall(), lane=self.keeper.lane)
        except (OSError, SiteScopeError) as error:
            node.records.event(
                "history_failed", f"no history zip of this takeover: {error}", level="WARNING", profile=self.name, term=term
            )

    def _write_history(self, wall: float) -> None:
        pinned = generations.pinned(self.folder)
        generation = generations.find_generation(self.folder, pinned) if pinned else None
        if generation is not None:
            history.write(self.folder, generation, "activation", wall=wall)

    def start_monitors(self, *, ramp: bool) -> None:
        """Runs the loaded tree's monitors."""
        timetable.schedule(self._node, self.name, ramp=ramp)

    def suspend_monitors(self) -> None:
        """Starts no more of them."""
        self._node.plan.remove(self.name)

    async def reload_working(self) -> None:
        """Takes over an edit of the working tree while acting."""
        await self.load(generations.WORKING)
        self.start_monitors(ramp=False)

    def refresh_mirror(self) -> None:
        """Mirrors now."""
        self.keeper.poke_soon()

    # --- the primary ------------------------------------------------------------------------------------------------

    async def _heard(self, health: wire.Health, reply: PeerReply) -> None:
        """A primary of ours answered: whatever goes wrong in the talk that follows, the probes go on."""
        await self._node.supervisor.once(f"the talk with the primary of {self.name}", self._talk, health)

    async def _talk(self, health: wire.Health) -> None:
        self.health = health
        self.keeper.heard(health.revision, health.revision_age_s)
        if self._talking or self._ended:
            return
        self._talking = True
        try:
            if not self.config.node_id:
                await self._bind(health.node_id)
            if self._announced != health.boot_id:
                await self._announce(health.boot_id)
            await self._sync_words(health)
            if self._passive():
                await self._sync(health)
        finally:
            self._talking = False

    async def _bind(self, node_id: str) -> None:
        node = self._node
        try:
            await node.bind(self.name, node_id)
        except (OSError, SiteScopeError) as error:
            what = f"the profile could not be bound to node {node_id}: {error}"
            node.records.event("bind_failed", what, level="ERROR", profile=self.name)

    async def _announce(self, boot_id: str) -> None:
        node, config = self._node, self.config
        body = wire.Announcement(
            node_id=node.node_id,
            host=node.world.host,
            port=node.world.config.port,
            tls=node.world.config.tls,
            profile=self.name,
            version=node.version,
            activate_after_s=config.timing.activate_after_s,
            merge_back=config.merge_back,
        )
        try:
            reply = await self.request("PUT", wire.PEERS + node.node_id, wire.encode(body))
            answer = wire.decode(reply.body, wire.AnnouncementReply)
        except SiteScopeError as error:
            node.records.event("announce_failed", str(error), level="WARNING", profile=self.name)
            return
        self._announced = boot_id
        if answer.accepted and not self.keeper.view.verified:
            self.keeper.poke_soon()
        text = "accepted" if answer.accepted else f"waiting for `peer accept {node.node_id}` on the primary"
        node.records.event("announced", f"this profile is listed on the primary: {text}", profile=self.name)

    def announce_again(self) -> None:
        """The profile changed: tell the primary at the next probe."""
        self._announced = ""

    async def _sync_words(self, health: wire.Health) -> None:
        """In any position: whatever is typed at one node is soon known at the other."""
        try:
            await self.words.follow(health.operator_digest)
        except SiteScopeError as error:
            what = f"acknowledgements and downtimes of {self.name} were not exchanged: {error}"
            self._node.records.run(what, level="WARNING")

    async def _sync(self, health: wire.Health) -> None:
        node = self._node
        try:
            if health.ledger_digest != exchange.ledger_heard(node.writer.table, self.name):
                reply = await self.request("GET", wire.LEDGER)
                await node.settle(LedgerReceived(profile=self.name, data=reply.body))
            if node.ports.clock.mono() - self._checks_at >= CHECKS_EVERY_S:
                reply = await self.request("GET", wire.CHECKS)
                self._checks_at = node.ports.clock.mono()
                await node.take_checks(self.name, reply.body)
        except SiteScopeError as error:
            node.records.run(f"state of {self.name} was not fetched: {error}", level="WARNING")

    async def request(self, method: str, path: str, body: bytes = b"", timeout_s: float = STEP_TIMEOUT_S) -> PeerReply:
        """One exchange with the primary. Raises as `PeerClient.request`."""
        return await self._node.ports.client.request(self.address, method, path, body, timeout_s=timeout_s)

    async def sample_gate(self) -> None:
        """Asks the reference points."""
        node, host = self._node, self.config.primary_host
        own = await node.ports.work.run_blocking(node.ports.references.is_own_address, host)
        asked, answered = await node.ports.references.sample(node.good_targets(self.name), host)
        node.submit(GateSampled(profile=self.name, asked=asked, answered=answered, own_address=own))

    async def ask_yield(self, wanted: effects.AskYield) -> None:
        """Asks the primary to stop starting checks."""
        body = wire.YieldRequest(profile=self.name, term=wanted.term, why=wanted.why, yield_for_s=yield_for(self.config))
        try:
            reply = await self.request("POST", wire.YIELD, wire.encode(body), wanted.timeout_s)
            answer = wire.decode(reply.body, wire.YieldReply)
        except SiteScopeError as error:
            self._node.submit(YieldAnswered(profile=self.name, yielded=False, term=0, detail=str(error)))
            return
        if answer.yielded:
            await self._hear_last_words()
        self._node.submit(YieldAnswered(profile=self.name, yielded=answer.yielded, term=answer.term, detail=answer.detail))

    async def _hear_last_words(self) -> None:
        """What the primary told people up to its yield, so that nothing is told twice. Monitoring does not wait long for it."""
        try:
            reply = await self.request("GET", wire.LEDGER, timeout_s=LAST_WORDS_S)
            await self._node.settle(LedgerReceived(profile=self.name, data=reply.body))
        except SiteScopeError as error:
            self._node.records.run(f"what {self.name} told last was not fetched: {error}", level="WARNING")
