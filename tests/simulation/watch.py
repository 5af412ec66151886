"""Sees everything that happens in a world, writes it down, and says at once when something happened that never may.

| rule | looked at |
|---|---|
| terms only grow; a term is durable before its first check; no term belongs to both nodes | every batch, every check |
| a check starts on both nodes in turn only where a cut link or a recorded overlap allows it | every check |
| no takeover from a silent primary without misses, age of the last proof of life, gate and whole mirror | every change of role |
| every change of role states what was seen | every change of role |
| every mail was a durable intent before; a copy needs a crash or a cut | every mail |
| the current mirror is what its manifest says | every change in a mirror's folder |
| every passing state ends in bounded time | every batch |
"""

import math
import re
import traceback
from collections import Counter
from dataclasses import dataclass

import anyio
import msgspec

from sitescope_fo.engine.state import OUTBOX, PRIMARY, PROFILE
from sitescope_fo.failover.conditions import points_answer
from sitescope_fo.failover.state import BLOCKING, Journal, PrimaryJournal
from sitescope_fo.failover.timing import GATE_FRESH_S, GOODBYE_LONGEST_S
from sitescope_fo.mirror.generations import linked_revision
from sitescope_fo.mirror.record import verify_generation
from sitescope_fo.model import wire
from sitescope_fo.model.status import Condition, Position, PrimaryState, Role
from tests.simulation.machine import NAME

COVERED = Counter()
"""Over all worlds of this run: transitions, conditions, faults, causes."""
DAYS = Counter()
"""Simulated seconds of nodes over all worlds of this run, the worlds, and the seconds that took on this machine."""

CLOCKS_DIFFER = 4e-4
"""A second of one machine's clock may be so much longer than one of the world's, or of the other machine's."""

_OWN_FAULT = frozenset({"internal_error", "unknown_effect", "config_rejected", "working_tree_failed"})


@dataclass(frozen=True)
class Start:
    """One started check."""

    at: float
    node: str
    name: str
    term: int


@dataclass(frozen=True)
class Mail:
    """One message that the mail server took."""

    at: float
    node: str
    message_id: str
    to: str
    subject: str
    body: str
    event: str
    excused: bool
    """Its sender's disk was broken, so the ledger may have forgotten it, or both nodes may have told something at once."""


@dataclass(frozen=True)
class Change:
    """One change of role."""

    at: float
    node: str
    source: str
    to: str
    why: str


class _Intent(msgspec.Struct):
    message_id: str


class Watch:
    """The records of one world, and its rules."""

    def __init__(self, world):
        self._world = world
        self.violations = []
        self.starts, self.mails, self.changes = [], [], []
        self.overlaps, self.flips, self.logged = [], [], []
        self.dropped, self.refused = [], []
        """Message-IDs that the mail server took without being able to say so, and that it refused for good."""
        self.proof_of_life = -math.inf
        """When the last request was sent whose answer proved to the failover that its primary runs: the truth, not its belief."""
        self._coverage = [(0.0, False, False)]
        self._durable = {}
        self._intents = set()
        self._seen = {}
        self._terms = Counter()
        self._used = {}
        self._links = {}
        self._entered = {}

    @property
    def _now(self):
        return anyio.current_time()

    def violated(self, what):
        """A rule is broken; the world stops at the next look."""
        self._world.tell("RULE", what)
        self.violations.append(what)

    def crashed(self, machine, error):
        """A process ended by itself."""
        self.violated(f"{machine.name} crashed: {''.join(traceback.format_exception(error))}")

    def look_over(self, machine, process):
        """Sees each batch and each event of a new process."""
        node = machine.node
        release, event = node.executor.release, node.records.event

        def released(effects):
            release(effects)
            if not process.dead and machine.ready:
                self.batch(machine)

        def noted(name, what, **more):
            if not process.dead:
                self.logged.append((self._now, machine.name, name, what))
                self._world.tell(machine.name, f"{name}: {what}")
                COVERED[f"event {name}"] += 1
                if name in _OWN_FAULT:
                    self.violated(f"{machine.name}: {name}: {what} {more.get('where', '')}")
            event(name, what, **more)

        node.executor.release, node.records.event = released, noted
        self._seen.pop(machine.name, None)

    # --- facts from the ports ---------------------------------------------------------------------------------------

    def worked(self, machine, lane, committed):
        """A piece of blocking work is done."""
        if committed is not None:
            cells = self._durable.setdefault(machine.name, {})
            for cell, data in committed.items():
                if data is None:
                    cells.pop(cell, None)
                else:
                    cells[cell] = data
                    if cell[0] == OUTBOX:
                        self._intents.add(msgspec.json.decode(data, type=_Intent).message_id)
        if lane.startswith("mirror:"):
            self._look_at_mirror(machine)

    def heard(self, asked, reply):
        """A verified answer reached the one who asked."""
        if asked.path == wire.HEALTH and asked.source.name == "failover" and reply.status == 200:
            health = msgspec.json.decode(reply.body, type=wire.Health)
            if health.state is PrimaryState.running and health.scheduler_age_s <= 10:
                self.proof_of_life = max(self.proof_of_life, asked.began)

    def replayed(self, method, path, code):
        """A recorded request was sent once more and refused with `code`, "" when it was carried out."""
        COVERED[f"replay {code or 'carried out'}"] += 1
        if not code.startswith("lwsso_"):
            self.violated(f"a recorded {method} {path} was not refused as one: {code or 'carried out'}")

    def sending(self, machine, message):
        """A node hands a message to the server."""
        if message.message_id not in self._intents and not machine.node.writer.failing:
            self.violated(f"{machine.name} sends a mail without a durable intent: {message.subject}")

    def mailed(self, machine, message):
        """The server took a message."""
        copies = sum(one.message_id == message.message_id for one in self.mails)
        event = dict(message.headers).get("X-SiteScope-Event", "")
        excused = bool(machine.node.writer.failing) or self._world.overlap_allowed
        self.mails.append(
            Mail(self._now, machine.name, message.message_id, message.to, message.subject, message.body, event, excused)
        )
        self._world.tell(machine.name, f"MAIL {message.subject}  {message.message_id[:10]}{' (copy)' if copies else ''}")
        if copies > self._world.may_double:
            self.violated(f"{copies + 1} copies of one mail: {message.subject}")

    def check_started(self, machine, monitor):
        """A check of the pair's tree begins."""
        term, profile = machine.node.term_of(machine.profile), machine.profile
        self.starts.append(Start(self._now, machine.name, monitor.name, term))
        self._world.happen()
        self.sample()
        state = machine.state
        if not (machine.node.writer.failing or self.durable_term(machine) == term):
            self.violated(f"{machine.name} checks with term {term}; durable is {self.durable_term(machine)}")
        if profile and state.journal.highest_term_heard > term and state.position is Position.activating:
            self.violated(f"{machine.name} activates with term {term} below one it heard of")
        self._no_overlap(machine, term)

    def _no_overlap(self, machine, term):
        world, other = self._world, self._world.other(machine)
        used = self._used.get(other.name, 0)
        self._used[machine.name] = max(term, self._used.get(machine.name, 0))
        if term == used:
            self.violated(f"term {term} is used by both nodes")
        heard = machine.state.journal.highest_term_heard
        # A failover hears of a higher term before it hears whose turn it is; once the primary has yielded there is no doubt.
        doubt = machine.role is Role.failover and not (other.position == "yielded" and self._now > self._entered[other.name] + 1)
        if term < used <= heard and not doubt:
            self.violated(f"{machine.name} starts a check in term {term}; it has heard of term {heard}, which {other.name} used")
        if not other.may_start:
            return
        self.overlaps.append(self._now)
        if not (world.overlap_allowed or self._recorded()):
            self.violated(f"{machine.name} starts a check in term {term} while {other.name} may as well; no cut explains it")

    def _recorded(self):
        """Whether the failover wrote down that both may run."""
        overlaps = self._world.failover.state.journal.overlaps if self._world.failover.awake else ()
        return bool(overlaps) and not overlaps[-1].until_wall

    def durable_term(self, machine):
        """The term on disk, 0 without one."""
        cells = self._durable.get(machine.name, {})
        if machine.role is Role.primary:
            data, kind = cells.get((PRIMARY, "")), PrimaryJournal
        else:
            data, kind = cells.get((PROFILE, NAME)), Journal
        return msgspec.json.decode(data, type=kind).term if data else 0

    # --- after each batch of a writer -------------------------------------------------------------------------------

    def batch(self, machine):
        """A writer decided something, or looked at the time."""
        self.sample()
        state = machine.state
        seen, self._seen[machine.name] = self._seen.get(machine.name), state
        if state is None or state is seen:
            if state is not None:
                self._bounded(machine, state)
            return
        if state.journal.term < self._terms[machine.name]:
            self.violated(f"{machine.name}: term fell from {self._terms[machine.name]} to {state.journal.term}")
        if not machine.node.writer.failing:  # what a broken disk did not take is lost with the process
            self._terms[machine.name] = state.journal.term
        if machine.role is Role.primary:
            self._primary(machine, seen, state)
        else:
            self._failover(machine, seen, state)
        self._bounded(machine, state)
        self._world.happen()

    def _primary(self, machine, seen, state):
        if seen is None or seen.state != state.state:
            source = str(seen.state.value) if seen else ""
            self._changed(machine, source, str(state.state.value), state.last_transition)
            if state.last_transition and not state.evidence:
                self.violated(f"{machine.name}: {state.last_transition} states nothing that was seen")

    def _failover(self, machine, seen, state):
        known = seen.journal.transitions if seen else ()
        last = known[-1] if known else None
        fresh = []
        for one in reversed(state.journal.transitions if seen else ()):
            if one == last:
                break
            fresh.append(one)
        for one in reversed(fresh):
            self._changed(machine, one.source.value, one.to.value, one.why)
            if not one.evidence:
                self.violated(f"{one.source} -> {one.to} states nothing that was seen")
            if one.to is Position.activating:
                self._takeover(state, one)
        for condition in state.conditions - (seen.conditions if seen else frozenset()):
            COVERED[f"condition {condition.value}"] += 1

    def _changed(self, machine, source, to, why):
        self.changes.append(Change(self._now, machine.name, source, to, why))
        self._entered[machine.name] = self._now
        COVERED[f"{machine.name} {source} -> {to}"] += 1

    def _takeover(self, state, transition):
        COVERED[f"cause {state.journal.cause}"] += 1
        if state.journal.cause != "silent":
            return
        age, wanted = self._now - self.proof_of_life, state.config.timing.activate_after_s
        misses = re.search(r"(\d+) misses in a row", transition.why)
        if age < wanted * (1 - CLOCKS_DIFFER) - 0.01:
            self.violated(f"takeover {age:.2f} s after the last proof of life instead of {wanted:g} s")
        if not misses or int(misses[1]) < state.config.timing.misses:
            self.violated(f"takeover without misses: {transition.why}")
        isolated_for = self._now - self._world.failover.isolated_at  # a sample is as old as 2 s when it is used, and takes 1 s
        if not points_answer(state) or isolated_for > GATE_FRESH_S + 1:
            self.violated("takeover by an isolated node")
        if self._mirror_problem(self._world.failover):
            self.violated(f"takeover without a whole mirror: {self._mirror_problem(self._world.failover)}")

    # --- bounds -----------------------------------------------------------------------------------------------------

    def _bounded(self, machine, state):
        at = self._entered.get(machine.name, self._now)
        if machine.role is Role.failover and state.conditions & (BLOCKING | {Condition.unverifiable}):
            at = self._entered[machine.name] = self._now  # what it saw before counts no more: its patience begins anew
        inside = self._now - at - machine.world.slept(machine, at)
        limit = self._primary_limit(state) if machine.role is Role.primary else self._limit(machine, state)
        if inside > limit:
            self.violated(f"{machine.name} is {machine.position} {sorted(machine.conditions)} for {inside:.0f} s")
            self._entered[machine.name] = self._now
        if machine.role is Role.failover and Condition.frozen in state.conditions:
            frozen = machine.clock.mono() - state.live.frozen_since
            if math.isfinite(frozen) and frozen > state.config.timing.hard_timeout_s * 2 + 20:
                self.violated(f"frozen for {frozen:.0f} s")

    @staticmethod
    def _primary_limit(state):
        return state.boot_check_s + 10 if state.state is PrimaryState.boot_check else math.inf

    @staticmethod
    def _limit(machine, state):
        timing, blocked = state.config.timing, state.conditions & (BLOCKING | {Condition.unverifiable})
        if blocked:
            return math.inf
        match state.position:
            case Position.suspect:
                return timing.activate_after_s + timing.hard_timeout_s + 60
            case Position.grace:
                # A pair that degrades is asked to yield, and a failover that was blind or isolated begins to count again.
                return math.inf if state.live.answering else 2 * timing.activate_after_s + timing.hard_timeout_s + 60
            case Position.announced:
                return GOODBYE_LONGEST_S + 60
            case Position.activating:
                return 130
            case Position.recovering:
                return math.inf if state.conditions & {Condition.hold, Condition.flap_lock} else 1800 + 700
            case Position.handback:
                return 300
            case _:
                return math.inf

    # --- who covers the monitors ------------------------------------------------------------------------------------

    def sample(self):
        """Notes who would start a check now."""
        may = self._world.primary.may_start, self._world.failover.may_start
        if self._coverage[-1][1:] != may:
            self._coverage.append((self._now, *may))

    def longest_gap(self, since, until=math.inf):
        """Seconds of the longest time in which no node would start a check."""
        return max((b - a for a, b in self._spans(lambda p, f: not (p or f), since, until)), default=0.0)

    def overlap(self, since, until=math.inf):
        """Seconds in which both would."""
        return sum(b - a for a, b in self._spans(lambda p, f: p and f, since, until))

    def _spans(self, wanted, since, until):
        until = min(until, self._now)
        ends = [at for at, _, _ in self._coverage[1:]] + [self._now]
        for (at, primary, failover), end in zip(self._coverage, ends, strict=True):
            a, b = max(at, since), min(end, until)
            if b > a and wanted(primary, failover):
                yield a, b

    # --- the mirror -------------------------------------------------------------------------------------------------

    def _look_at_mirror(self, machine):
        folder = self._mirror_folder(machine)
        link = linked_revision(folder)
        if link != self._links.get(machine.name, ""):
            self._links[machine.name] = link
            self.flips.append((self._now, link))
            self._world.tell(machine.name, f"current -> {link[:12]}")
            if problem := self._mirror_problem(machine):
                self.violated(f"the current mirror is not what its manifest says: {problem}")

    @staticmethod
    def _mirror_folder(machine):
        return machine.home.failover_dir("primary")

    def _mirror_problem(self, machine):
        folder = self._mirror_folder(machine)
        if not linked_revision(folder):
            return "there is none"
        return "; ".join(verify_generation(folder / "current"))

    def last_look(self):
        """What must hold when a world ends."""
        for machine in self._world.machines.values():
            if self._links.get(machine.name) and (problem := self._mirror_problem(machine)):
                self.violated(f"the current mirror is not what its manifest says: {problem}")

    # --- asking -----------------------------------------------------------------------------------------------------

    def role_mails(self, event, since=0.0):
        return [one for one in self.mails if one.event == event and one.at >= since]

    def alerts(self, page="", since=0.0):
        """Alert and recovery mails, of one page when asked."""
        return [m for m in self.mails if m.event in {"alert", "recovery"} and page in m.subject and m.at >= since]

    def takeovers(self, since=0.0):
        return [one for one in self.changes if one.to == "activating" and one.at >= since]

    def first_start(self, node, since):
        return next((one for one in self.starts if one.node == node and one.at >= since), None)
