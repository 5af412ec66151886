"""Everything that runs for one profile on a failover: probes, mirror, gate, working tree, the talk with its primary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from sitescope_fo.engine import exchange
from sitescope_fo.failover.prober import Prober, address_of
from sitescope_fo.failover.state import ProfileState
from sitescope_fo.failover.timing import yield_for
from sitescope_fo.mirror import generations, history, retargeting
from sitescope_fo.mirror.keeper import Keeper
from sitescope_fo.mirror.record import Generation
from sitescope_fo.model import effect as effects
from sitescope_fo.model import wire
from sitescope_fo.model.config import Profile, Tree
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.fact import (
    ChecksReceived,
    EditsKept,
    GateSampled,
    LedgerReceived,
    StepDone,
    StepFailed,
    TreeChanged,
    WatchWindow,
    WorkingReady,
    YieldAnswered,
)
from sitescope_fo.model.ports import PeerReply
from sitescope_fo.node.loading import load_tree_at
from sitescope_fo.notify.templates import read_templates
from sitescope_fo.store.tree import ParseCache

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

CHECKS_EVERY_S = 15.0
"""Last results and counters travel at most this often; the ledger travels with each probe that shows another digest."""
STEP_TIMEOUT_S = 20.0


class ProfileWatch:
    """The tasks of one profile."""

    def __init__(self, node: Node, name: str) -> None:
        self._node, self.name = node, name
        self._scope = anyio.CancelScope()
        self._announced = ""
        self._cache = ParseCache()
        self._checks_at = float("-inf")
        self._syncing = False
        self.health: wire.Health | None = None
        self.folder = node.folder_of(self.config)
        self.tree_root: Path = self.folder / "current"
        self.retargeted: tuple[str, ...] = ()
        ports = node.ports
        self.prober = Prober(ports.client, ports.clock, node.submit, lambda: node.profile_state(name), self._heard)
        self.keeper = Keeper(
            profile=lambda: self.config,
            folder=self.folder,
            client=ports.client,
            address=lambda: address_of(self._state()),
            work=ports.work,
            clock=ports.clock,
            submit=node.submit,
            position=lambda: self._state().position,
            schedules=lambda: node.world.catalogue.tree("").schedules,
            dry_load=self._dry_load,
            on_tree=self._mirror_loaded,
            adapt=self._retarget,
        )

    @property
    def config(self) -> Profile:
        """The profile as configured now."""
        return next(p for p in self._node.world.ha.profiles if p.name == self.name)

    def _state(self) -> ProfileState:
        state = self._node.profile_state(self.name)
        if state is None:
            raise RuntimeError(f"profile {self.name} is gone")
        return state

    # --- life -------------------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Verifies and loads what the disk holds, before the machine starts."""
        await self.keeper.open()

    async def run(self) -> None:
        """Watches and mirrors until cancelled."""
        self._scope = anyio.CancelScope()
        with self._scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.prober.run)
                tasks.start_soon(self.keeper.run)
                tasks.start_soon(self._follow_schedule)

    def cancel(self) -> None:
        """Ends `run`."""
        self._scope.cancel()

    async def _follow_schedule(self) -> None:
        opened = True
        while True:
            is_open, until = self._window()
            if is_open != opened:
                self._node.submit(WatchWindow(profile=self.name, open=is_open, until_wall=until))
                opened = is_open
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

    def _dry_load(self, root: Path) -> Tree:
        """Loads a mirrored tree. Blocking: called through the Work port."""
        return load_tree_at(root, self._node.ports, self._node.ports.clock.wall(), False, self._cache)

    def _retarget(self, tree: Tree) -> tuple[Tree, tuple[str, ...]]:
        node, config = self._node, self.config
        names = {config.primary_host}
        if self.health is not None:
            names.add(self.health.host)
        return retargeting.mirrored_tree(
            tree, node.ports.book, frozenset(names), config.self_targets, own_host=node.world.host or "localhost"
        )

    async def _mirror_loaded(self, tree: Tree, generation: Generation) -> None:
        if self._passive():
            await self._take("current", tree)

    def _passive(self) -> bool:
        state = self._node.profile_state(self.name)
        return state is None or state.passive

    async def _load(self, what: str) -> Tree:
        """Loads `current` or `working` from disk and takes it over."""
        tree = await self._node.ports.work.run_blocking(self._dry_load, self.folder / what, lane=self.keeper.lane)
        tree, self.retargeted = self._retarget(tree)
        await self._take(what, tree)
        return tree

    async def _take(self, what: str, tree: Tree) -> None:
        node = self._node
        self.tree_root = self.folder / what
        texts = await node.ports.work.run_blocking(read_templates, self.tree_root, lane=self.keeper.lane)
        node.set_tree(self.name, tree, texts)
        if node.running:
            await node.settle(TreeChanged(profile=self.name, revision=tree.revision, monitors=len(tree.monitors)))

    async def pin_working(self, wanted: effects.PinWorking) -> None:
        """Lays out and loads the working tree; the machine waits for WorkingReady."""
        node = self._node
        try:
            await node.ports.work.run_blocking(self._lay_out, wanted.resume, lane=self.keeper.lane)
            tree = await self._load("working")
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
        if resume and (self.folder / "working").is_dir():
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
        node = self._node
        monitors = node.world.catalogue.monitors(self.name).values()
        node.plan.set_monitors(self.name, monitors, node.ports.clock.mono(), ramp=ramp)
        node.runner.wake()

    def suspend_monitors(self) -> None:
        """Starts no more of them."""
        self._node.plan.remove(self.name)

    async def reload_working(self) -> None:
        """Takes over an edit of the working tree while acting."""
        await self._load("working")
        self.start_monitors(ramp=False)

    def refresh_mirror(self) -> None:
        """Mirrors now."""
        self.keeper.poke_soon()

    # --- the primary ------------------------------------------------------------------------------------------------

    async def _heard(self, health: wire.Health, reply: PeerReply) -> None:
        self.health = health
        node = self._node
        if not self.config.node_id:
            await node.bind(self.name, health.node_id)
        if self._announced != health.boot_id:
            await self._announce(health.boot_id)
        self.keeper.heard(health.revision, health.monitors)
        if self._passive() and not self._syncing:
            self._syncing = True
            try:
                await self._sync(health)
            finally:
                self._syncing = False

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
            reply = await self._request("PUT", wire.PEERS + node.node_id, wire.encode(body))
            answer = wire.decode(reply.body, wire.AnnouncementReply)
        except SiteScopeError as error:
            node.records.event("announce_failed", str(error), level="WARNING", profile=self.name)
            return
        self._announced = boot_id
        if answer.accepted and not self.keeper.view.verified:
            self.keeper.poke_soon()
        text = "accepted" if answer.accepted else f"waiting for `peer accept {node.node_id}` on the primary"
        node.records.event("announced", f"this profile is listed on the primary: {text}", profile=self.name)

    async def move_to(self, folder: Path) -> None:
        """Moves the mirror to the folder of the primary's new address."""
        await self._node.ports.work.run_blocking(_move_folder, self.folder, folder, lane=self.keeper.lane)
        self.folder = folder

    def announce_again(self) -> None:
        """The profile changed: tell the primary at the next probe."""
        self._announced = ""

    async def _sync(self, health: wire.Health) -> None:
        node = self._node
        try:
            if health.ledger_digest != exchange.ledger_heard(node.writer.table, self.name):
                reply = await self._request("GET", wire.LEDGER)
                await node.settle(LedgerReceived(profile=self.name, data=reply.body))
            if node.ports.clock.mono() - self._checks_at >= CHECKS_EVERY_S:
                reply = await self._request("GET", wire.CHECKS)
                self._checks_at = node.ports.clock.mono()
                await node.settle(ChecksReceived(profile=self.name, data=reply.body))
        except SiteScopeError as error:
            node.records.run(f"state of {self.name} was not fetched: {error}", level="WARNING")

    async def _request(self, method: str, path: str, body: bytes = b"", timeout_s: float = STEP_TIMEOUT_S) -> PeerReply:
        return await self._node.ports.client.request(address_of(self._state()), method, path, body, timeout_s=timeout_s)

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
            reply = await self._request("POST", wire.YIELD, wire.encode(body), wanted.timeout_s)
            answer = wire.decode(reply.body, wire.YieldReply)
        except SiteScopeError as error:
            self._node.submit(YieldAnswered(profile=self.name, yielded=False, term=0, detail=str(error)))
            return
        self._node.submit(YieldAnswered(profile=self.name, yielded=answer.yielded, term=answer.term, detail=answer.detail))

    # --- hand-back --------------------------------------------------------------------------------------------------

    async def run_step(self, wanted: effects.RunStep) -> None:
        """Carries one step out and says how it went."""
        node = self._node
        try:
            term, detail = await self._step(wanted)
        except SiteScopeError as error:
            lost = error.code in {"timeout", "reset"}
            node.submit(StepFailed(profile=self.name, handback=wanted.handback, step=wanted.step, what=str(error), lost=lost))
        except OSError as error:
            node.submit(StepFailed(profile=self.name, handback=wanted.handback, step=wanted.step, what=str(error)))
        else:
            node.submit(StepDone(profile=self.name, handback=wanted.handback, step=wanted.step, term=term, detail=detail))

    async def _step(self, wanted: effects.RunStep) -> tuple[int, str]:
        match wanted.step:
            case "P" | "H2":
                return 0, await self._ship_ledger()
            case "H5":
                body = wire.StepRequest(profile=self.name, handback=wanted.handback, step="run", term=wanted.term)
                reply = await self._request("POST", wire.STEP, wire.encode(body))
                answer = wire.decode(reply.body, wire.StepReply)
                if not answer.done:
                    raise SiteScopeError(answer.detail or "the primary refused to run", code="step_refused")
                return answer.term, answer.detail
            case "H6":
                return 0, await self._close_working()
            case other:
                raise SiteScopeError(f"unknown hand-back step {other}", code="step_unknown")

    async def _ship_ledger(self) -> str:
        node = self._node
        reply = await self._request("GET", wire.LEDGER)
        await node.settle(LedgerReceived(profile=self.name, data=reply.body))
        ledger = exchange.ledger_body(node.writer.table, self.name)
        checks = exchange.checks_body(node.writer.table, self.name)
        await self._request("PUT", wire.LEDGER, wire.encode(ledger))
        await self._request("PUT", wire.CHECKS, wire.encode(checks))
        return f"{len(ledger.entries)} notified states and {len(checks.states)} check states shipped"

    async def _close_working(self) -> str:
        node = self._node
        await self._load("current")
        kept = await node.ports.work.run_blocking(generations.retire_working, self.folder, lane=self.keeper.lane)
        if kept is not None:
            node.records.event(
                "edits_kept",
                "configuration edited while this node was active is kept as an archive",
                level="WARNING",
                profile=self.name,
                where=str(kept),
                hint="Merge back is off for this profile: carry the edits over by hand, or merge the archive later",
            )
            node.submit(EditsKept(profile=self.name, archive=kept.name))
        outcome = await self.keeper.poke(full=False)
        return f"{f'edits kept in {kept.name}' if kept else 'no edits'}; mirror {outcome.summary}"


def _move_folder(source: Path, target: Path) -> None:
    if source.exists() and not target.exists():
        source.rename(target)
