"""Takeover: how long nobody monitors, from the primary's end to the first check that its failover starts.

Each pair lives in network namespaces of its own (tests/processes/netns.py; root is needed): its primary is killed, stopped,
falls silent, or the road between the two is cut; it is taken over, comes back and gets monitoring handed back; then again. Both
instants are from records: the harness notes the wall clock right before the deed, the failover records when each check started.
The reference of each figure is its promise (R1).

TAKEOVER_PRESETS="fast lan classic" picks presets. TAKEOVER_ROUNDS="20" sets the rounds of each way for all of them,
TAKEOVER_ROUNDS="kill=20,stop=20,silence=10,part=10" of some ways. TAKEOVER_PAIRS="10" is how many pairs live at once.
BENCH_JSON names a file that gets a line of JSON for each round.
"""

import collections
import itertools
import json
import os
import random
import shutil
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sitescope_fo.model.command import CommandRequest, Standby, UnlockProfile
from sitescope_fo.model.errors import SiteScopeError
from tests.bench.figure import Figure
from tests.processes import netns
from tests.processes.daemon import Late, until
from tests.processes.pair import PROFILE, STEP_S, copy_pair, make_template


@dataclass(frozen=True)
class Preset:
    """What a preset promises (R1), how often it looks, and how a run of all presets stays short: few rounds, many pairs."""

    promise_s: float
    check_every_s: float
    rounds: int
    pairs: int

    @property
    def patience_s(self):
        """A step that takes longer has failed: nothing waits longer than a hard time-out and a few probes."""
        return STEP_S + 4 * self.check_every_s


PRESETS = {
    "fast": Preset(promise_s=6.0, check_every_s=0.5, rounds=20, pairs=4),
    "lan": Preset(promise_s=16.0, check_every_s=2.0, rounds=5, pairs=10),
    "classic": Preset(promise_s=185.0, check_every_s=15.0, rounds=2, pairs=8),
}
WAYS = {
    "kill": ("kill -9", lambda pair: pair.primary.kill(), lambda pair: pair.primary.start(wait=False)),
    "stop": ("SIGSTOP", lambda pair: pair.primary.pause(), lambda pair: pair.primary.resume()),
    "silence": ("black hole", lambda pair: cut(pair.town.silence, "primary"), lambda pair: pair.town.heal()),
    "part": ("road cut, both go on", lambda pair: cut(pair.town.part), lambda pair: pair.town.heal()),
}
MONITORS = 4


@dataclass(frozen=True)
class Round:
    """One death. `blind_s` is None when nothing took over; `seen` is what the failover logged, in seconds after the deed."""

    preset: str
    way: str
    at: float
    blind_s: float | None
    seen: list
    trouble: str = ""


def cut(deed, *words):
    """Does something to a network; gives the wall time just before."""
    at = time.time()
    deed(*words)
    return at


def configure(primary, town):
    """Few monitors, and none so frequent that chance would start one at once."""
    primary.cli("group", "add", "Shop")
    for number in range(MONITORS):
        place = ("--set", f"host={town.host}", "--set", f"port={town.web.port}")
        primary.cli("monitor", "add", "Shop", "--type", "port", "--name", f"Port {number}", "--frequency", "30s", *place)


class Street:
    """The pairs of one preset, each in its region, that play the rounds among them."""

    def __init__(self, name, folder):
        self.name, self.preset, self.folder = name, PRESETS[name], folder
        self._idle, self._numbers = collections.deque(), itertools.count()

    def play(self, rounds):
        """All rounds of all ways; yields each as it ends."""
        jobs = [way for way, count in rounds.items() for _ in range(count)]
        random.Random(2026).shuffle(jobs)
        region = netns.Region()
        try:
            self.template = make_template(self.folder / "template", region, ("--preset", self.name), configure)
        finally:
            region.close()
        with ThreadPoolExecutor(int(os.environ.get("TAKEOVER_PAIRS", self.preset.pairs))) as pool:
            playing = [pool.submit(self._job, way, number) for number, way in enumerate(jobs)]
            try:
                for one in as_completed(playing):
                    yield one.result()
            finally:
                pool.shutdown(cancel_futures=True)
                while self._idle:
                    self._tear_down(self._idle.pop())

    def _job(self, way, number):
        """One round, with a pair that is idle or else a new one; a pair in trouble plays no more."""
        try:
            pair = self._idle.popleft()
        except IndexError:
            pair = self._build()
        time.sleep(random.Random(number).uniform(0.0, self.preset.check_every_s))  # any moment between two probes
        result = self._round(pair, way)
        if result.trouble:
            self._tear_down(pair)
        else:
            self._idle.append(pair)
        return result

    def _build(self):
        pair = copy_pair(self.template, self.folder / str(next(self._numbers)), netns.Region())
        try:
            return pair.start()
        except AssertionError:
            self._tear_down(pair)
            raise

    @staticmethod
    def _tear_down(pair):
        pair.end()
        pair.town.close()
        shutil.rmtree(pair.folder)

    def _round(self, pair, way):
        _, die, live = WAYS[way]
        at, blind_s, seen = die(pair), None, []
        try:
            failover = pair.failover
            moved = failover.reached("activating", self.preset.promise_s + STEP_S, at)
            failover.reached("active", STEP_S, at)
            until(lambda: failover.checks(moved.wall), STEP_S, "a result of the failover")
            blind_s = failover.checks(moved.wall)[0].started - at
            seen = [(round(one.wall - at, 3), one.event, one.what) for one in failover.events(at)]
            live(pair)
            self._go_home(pair, moved.wall)
        except Late as late:
            return Round(self.name, way, at, blind_s, seen, f"{late}{pair.tail()}")
        return Round(self.name, way, at, blind_s, seen)

    def _go_home(self, pair, since):
        """Monitoring goes home; an operator ends the waiting that stability and flap control ask for."""

        def home():
            if ("handback", "standby") in pair.failover.moves(since):
                return True
            profile = pair.profile()
            if profile["position"] in {"active", "recovering"} and profile["primary"]["state"] in {"running", "yielded"}:
                wanted = [UnlockProfile(name=PROFILE)] if "flap_lock" in profile["conditions"] else []
                for body in (*wanted, Standby(name=PROFILE)):
                    with suppress(SiteScopeError):  # not proven yet, or on its way already
                        pair.failover.client.command(CommandRequest(id=uuid.uuid4().hex, body=body))
                time.sleep(0.5)
            return False

        until(home, 2 * self.preset.patience_s, "the hand-back")
        pair.wait_protected(2 * self.preset.patience_s)


def rounds_of(preset):
    """Rounds by way, as asked for by TAKEOVER_ROUNDS."""
    asked = os.environ.get("TAKEOVER_ROUNDS", str(preset.rounds))
    if asked.isdecimal():
        return dict.fromkeys(WAYS, int(asked))
    given = dict(one.split("=") for one in asked.replace(" ", "").split(","))
    if unknown := set(given) - set(WAYS):
        raise SystemExit(f"no such way to die: {', '.join(sorted(unknown))}. There are: {', '.join(WAYS)}")
    return {way: int(given.get(way, 0)) for way in WAYS}


def keep(result):
    """One line of JSON for whoever collects."""
    if path := os.environ.get("BENCH_JSON"):
        with Path(path).open("a") as file:
            file.write(json.dumps({"bench": "takeover", **asdict(result)}) + "\n")


def figures():
    if reason := netns.missing():
        raise SystemExit(f"takeover: {reason}")
    netns.sweep()
    wanted = os.environ.get("TAKEOVER_PRESETS", "fast lan classic").split()
    for name in wanted:
        preset, results = PRESETS[name], collections.defaultdict(list)
        rounds = rounds_of(preset)
        with tempfile.TemporaryDirectory() as folder:
            for result in Street(name, Path(folder)).play(rounds):
                keep(result)
                results[result.way].append(result)
                if result.trouble:
                    print(f"{name}, {WAYS[result.way][0]}, blind {result.blind_s}: {result.trouble}", file=sys.stderr, flush=True)
        for way, played in results.items():
            samples = tuple(one.blind_s for one in played if one.blind_s is not None)
            if samples:
                title = f"{name}, {WAYS[way][0]} -> first check"
                yield Figure(title, samples, "s", preset.promise_s, most=preset.promise_s, promise_of="p99")
            met = sum(one <= preset.promise_s for one in samples)
            yield Figure(f"  within {preset.promise_s:g} s", (float(met),), f"of {len(played)}", least=len(played))
