"""The ports of `model/ports.py` in virtual time, for one process of one machine; what they do depends on the seed only."""

import random
from collections import defaultdict
from datetime import UTC, datetime

import anyio
import anyio.lowlevel

from sitescope_fo.model.monitor import CheckResult
from sitescope_fo.model.ports import Greeting, Now
from sitescope_fo.node.ports.randomness import uuid7
from sitescope_fo.notify.errors import MailDeferred, MailRefused, ServerTrouble
from sitescope_fo.store.errors import StoreWriteFailed

START_WALL = 1_795_341_600.0  # 2026-11-22T10:00:00Z
POINTS = 4


class SimClock:
    """A machine's clocks: boot-time since its own boot, with drift; a wall clock that can be stepped.

    Each look at it takes a nanosecond, as in life: whoever waits for an instant that is nearer than a float can say gets there.
    """

    def __init__(self, boot, drift=0.0):
        self.boot, self.drift, self.step = boot, drift, 0.0

    def mono(self):
        self.boot += 1e-9
        return self.boot + anyio.current_time() * (1 + self.drift)

    def wall(self):
        return START_WALL + anyio.current_time() * (1 + self.drift) + self.step

    def now(self):
        return Now(self.mono(), self.wall())

    def local(self, wall):
        return datetime.fromtimestamp(wall, UTC)


class SimRandomness:
    def __init__(self, seed):
        self._random = random.Random(seed)

    def fraction(self):
        return self._random.random()

    def token(self, size):
        return self._random.randbytes(size).hex()

    def uid(self, wall):
        return uuid7(wall, self._random.randbytes(10))


class SimWork:
    """Blocking work, done inline between two modelled delays: a kill may come before it, or after it and before its answer."""

    def __init__(self, process, machine, rng, slowest_s):
        self._process, self._machine, self._rng, self._slowest_s = process, machine, rng, slowest_s
        self._lanes = defaultdict(anyio.Lock)

    async def run_blocking(self, fn, *args, lane=""):
        if not lane:
            return await self._run(fn, args, lane)
        async with self._lanes[lane]:
            return await self._run(fn, args, lane)

    async def _run(self, fn, args, lane):
        await self._wait()
        commit = lane == "state" and getattr(fn, "__name__", "") == "commit"
        if commit and self._machine.disk_broken:
            raise StoreWriteFailed("The state file cannot be written: Input/output error", where="state.sqlite")
        result = fn(*args)
        self._machine.world.watch.worked(self._machine, lane, args[0] if commit else None)
        await self._wait()
        return result

    async def _wait(self):
        if self._slowest_s:
            await anyio.sleep(self._rng.random() * self._slowest_s)
        else:
            await anyio.lowlevel.checkpoint()
        await self._process.breathe()


class Targets:
    """What is monitored: a page is good unless it is in `failing`."""

    def __init__(self, world):
        self._world = world
        self.failing = set()

    def fail(self, *names):
        self.failing |= set(names)
        self._world.tell("targets", f"fail: {', '.join(names)}")

    def mend(self, *names):
        self.failing -= set(names) or self.failing
        self._world.tell("targets", f"good again: {', '.join(names) or 'all'}")


class SimChecks:
    def __init__(self, process, machine, rng):
        self._process, self._machine, self._rng = process, machine, rng

    async def run(self, monitor, *, home):
        await self._process.breathe()
        world = self._machine.world
        world.watch.check_started(self._machine, monitor)
        took = self._rng.uniform(0.005, 0.05)
        if not self._machine.network:
            await anyio.sleep(monitor.timeout_s)
            return CheckResult(failure="timeout", summary="no answer", duration_s=monitor.timeout_s)
        await anyio.sleep(took)
        await self._process.breathe()
        if monitor.name in world.targets.failing:
            return CheckResult(failure="refused", summary="connection refused", duration_s=took)
        return CheckResult(values={"round_trip_time": took}, summary="connected", duration_s=took)


class SimMailer:
    """The one mail server. It takes a message, then says so: killed in between, the node does not know.

    `world.mail_server` is how it is: True, False (nobody listens), "slow", "silent" (takes the connection and says nothing),
    "later" (4xx for each mail), "busy" (421 to everybody), "refused" (5xx). `world.mail_drops` connections break after the
    server took a message and before it said so.
    """

    def __init__(self, process, machine, rng):
        self._process, self._machine, self._rng = process, machine, rng

    async def send(self, settings, message):
        await self._process.breathe()
        world, how = self._machine.world, self._machine.world.mail_server
        world.watch.sending(self._machine, message)
        await anyio.sleep(self._rng.uniform(1.0, 12.0) if how == "slow" else self._rng.uniform(0.005, 0.03))
        await self._process.breathe()
        if not (self._machine.network and how):
            await anyio.sleep(1.0)
            raise ServerTrouble("The mail server does not answer")
        await self._trouble(how, settings, message)
        world.watch.mailed(self._machine, message)
        if world.mail_drops:
            world.mail_drops -= 1
            world.may_double += 1
            world.watch.dropped.append(message.message_id)
            raise ServerTrouble("The connection broke after the message")
        await anyio.sleep(self._rng.uniform(0.005, 0.03))
        await self._process.breathe()
        return "mail.example"

    async def greet(self, settings):
        await self._process.breathe()
        how = self._machine.world.mail_server
        await anyio.sleep(0.02)
        well = self._machine.network and how and how not in {"silent", "busy"}
        return tuple(Greeting(server=server.host, trouble="" if well else "no answer") for server in settings.servers)

    async def _trouble(self, how, settings, message):
        match how:
            case "silent":
                await anyio.sleep(settings.timeout_s)
                raise ServerTrouble("The mail server said nothing in time")
            case "later":
                raise MailDeferred("451 try again later")
            case "busy":
                raise ServerTrouble("421 too busy")
            case "refused":
                self._machine.world.watch.refused.append(message.message_id)
                raise MailRefused("550 no such user")
            case _:
                return


class SimReferencePoints:
    def __init__(self, process, machine):
        self._process, self._machine = process, machine

    async def sample(self, targets, primary_host):
        await self._process.breathe()
        answers = self._machine.network
        await anyio.sleep(0.02 if answers else 1.0)
        return POINTS, POINTS if answers else 0

    def is_own_address(self, host):
        return False
