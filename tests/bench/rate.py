"""How many checks one core does: ours as the engine runs them, or a command that is forked for each.

`of_monitor` and the others measure in a process of their own that is pinned to one core, and count all of its CPU time: the
kernel's part too, and for commands that of the children. `python -m tests.bench.rate JSON` is that process.
"""

import asyncio
import json
import os
import resource
import ssl
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.targets import MEASURED, ROOT

LOOPS = ("asyncio", "uvloop")
AT_ONCE = 50
_WARM_UP = 200


@dataclass(frozen=True)
class Rate:
    """Some rounds of `checks` checks each, as (wall seconds, CPU seconds)."""

    checks: int
    rounds: tuple[tuple[float, float], ...]

    @property
    def per_second(self):
        return tuple(self.checks / wall for wall, _ in self.rounds)

    @property
    def cpu_per_1000(self):
        return tuple(cpu * 1000 / self.checks for _, cpu in self.rounds)

    def figures(self, name, reference=None, *, least=None, most=None):
        """Checks a second and CPU-s per 1,000, beside those of another rate."""
        beside = Figure("", reference.per_second, "").median if reference else None
        yield Figure(f"{name}: checks/s", self.per_second, "/s", beside, least=least)
        beside = Figure("", reference.cpu_per_1000, "").median if reference else None
        yield Figure(f"{name}: CPU-s per 1,000", self.cpu_per_1000, "s", beside, most=most)


def of_monitor(kind, settings, *, loop="asyncio", trust="", home="/nonexistent/SiteScope", checks=2000, rounds=5):
    """Checks of one monitor type through LiveChecks.run, 50 at a time; `trust` is a certificate file to verify https with."""
    where = {"trust": str(trust), "home": str(home)}
    return _measured(how="monitor", kind=kind, settings=settings, loop=loop, **where, checks=checks, rounds=rounds)


def of_httpx(url, *, loop="asyncio", checks=500, rounds=3):
    """The same page by httpx, a new client for each, as a visitor who comes for the first time."""
    return _measured(how="httpx", url=url, loop=loop, checks=checks, rounds=rounds)


def of_command(*command, checks=200, rounds=3):
    """A command forked for each check, two at a time: one may start while the other waits for its answer."""
    return _measured(how="command", command=command, checks=checks, rounds=rounds)


def _measured(**what):
    command = [sys.executable, "-m", "tests.bench.rate", json.dumps(what)]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout
    return Rate(what["checks"], tuple(map(tuple, json.loads(said))))


# --- in the measured process ------------------------------------------------------------------------------------------


def _cpu_s():
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _rounds(run, checks, rounds):
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), _cpu_s()
        run(checks)
        yield time.perf_counter() - wall, _cpu_s() - cpu


async def _at_once(check, checks):
    left = iter(range(checks))

    async def some():
        for number in left:
            await check(number)

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


def _monitors(kind, settings):
    from sitescope_fo.model.monitor import Monitor

    def one(number):
        return Monitor(id=f"m{number}", name="m", path=f"g/m{number}", type=kind, timeout_s=10.0, settings=dict(settings))

    return [one(number) for number in range(_WARM_UP)]


async def _live(what):
    from sitescope_fo.monitors.registry import Registry
    from sitescope_fo.monitors.runner import LiveChecks
    from sitescope_fo.node.ports.clock import SystemClock

    def defect(monitor, error):
        raise error

    trusted = partial(ssl.create_default_context, cafile=what["trust"] or None)
    live = LiveChecks(Registry(plugins=()), SystemClock(), on_internal_error=defect, verified_tls=trusted)
    monitors = _monitors(what["kind"], what["settings"])
    home = Path(what["home"])

    async def check(number):
        result = await live.run(monitors[number % len(monitors)], home=home)
        if result.failure:
            raise SystemExit(f"a check failed: {result.failure}: {result.summary}")

    return check


async def _httpx(what):
    import httpx

    async def check(number):
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            (await client.get(what["url"])).raise_for_status()

    return check


def _in_loop(make, what):
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if what["loop"] == "uvloop" else None) as runner:
        check = runner.run(make(what))
        run = lambda checks: runner.run(_at_once(check, checks))  # noqa: E731
        run(_WARM_UP)
        return list(_rounds(run, what["checks"], what["rounds"]))


def _commands(what):
    null = os.open(os.devnull, os.O_RDWR)
    files = [(os.POSIX_SPAWN_DUP2, null, 1)]

    def end(pid):
        if os.waitpid(pid, 0)[1]:
            raise SystemExit(f"{what['command']} failed")

    def run(checks):
        started = deque()
        for _ in range(checks):
            started.append(os.posix_spawn(what["command"][0], what["command"], os.environ, file_actions=files))
            if len(started) == 2:
                end(started.popleft())
        end(started.popleft())

    run(5)
    return list(_rounds(run, what["checks"], what["rounds"]))


def main(what):
    os.sched_setaffinity(0, {MEASURED})
    match what["how"]:
        case "monitor":
            return _in_loop(_live, what)
        case "httpx":
            return _in_loop(_httpx, what)
        case _:
            return _commands(what)


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
