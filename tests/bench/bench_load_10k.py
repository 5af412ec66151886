"""Ten thousand monitors in a real daemon: idle cost, lateness, probe delay, and how many urls a second it records.

A real daemon on a generated home aims at servers of this machine. LOAD_SECONDS (default 60) is how long 10,000 monitors of
kinds port, url and ping run at 60 s after a first minute in which all start; the promise is about 600. Lateness is each start,
by the daily log (wall time of the end less the run's duration), against the monitor's regular place on the boot-time clock.
"""

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sitescope_fo.engine.plan import START_S
from sitescope_fo.engine.spread import place
from sitescope_fo.model.monitor import MonitorKey
from tests.bench.estate import Estate
from tests.bench.figure import Figure
from tests.bench.prober import probing
from tests.bench.rate import of_command
from tests.bench.targets import targets
from tests.processes.daemon import Daemon
from tests.processes.town import HOST, free_port

LOAD_S = float(os.environ.get("LOAD_SECONDS", "60"))
FULL_S = float(os.environ.get("FULL_SECONDS", "30"))
EVERY_S = 60.0
MONITORS = 10_000
URLS = 4_000
FRESH_S = 10.0
"""What starts a little before its place, in its first minute, is an extra first run."""
PASSPHRASE = "a passphrase of a benchmark"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PLUGIN = "/usr/lib/nagios/plugins/check_http"


class Plugin(NamedTuple):
    """What the forked plugin does: checks a second, CPU-s per 1,000."""

    rate: float
    cpu: float


def cpu_s(pid):
    """User and system time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def rss_mb(pid):
    """Resident memory of a process in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@contextmanager
def running(folder, estate, **env):
    """A primary on that estate, running."""
    node = Daemon("primary", Path(folder) / "SiteScope", free_port())
    node.cli("setup", "--role", "primary", "--port", str(node.port), "--host", HOST, "--yes")
    node.cli("lwsso", "set", "--passphrase-stdin", stdin=PASSPHRASE + "\n")
    node.cli("config", "set", "checks.max_per_host", "100")  # everything lies on one host here
    estate.write(node.home)
    try:
        yield node.start(**env)
    finally:
        node.end()


def lateness(checks, offset_s):
    """How late each run started, in seconds; `offset_s` is what the wall clock is ahead of the boot-time clock."""
    return tuple((one.started - offset_s - place(MonitorKey("", one.monitor)) * EVERY_S) % EVERY_S for one in checks)


def at_rest(port, plugin):
    """10,000 monitors at 60 s."""
    with tempfile.TemporaryDirectory() as folder, running(folder, Estate(monitors=MONITORS, port=port)) as node:
        pid = node.process.pid
        time.sleep(START_S + FRESH_S)
        offset_s = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        skipped = node.status()["health"]["skipped"]
        with probing(node.home, node.port) as probes:
            since, cpu = time.time(), cpu_s(pid)
            time.sleep(LOAD_S)
            used, until = cpu_s(pid) - cpu, time.time()
        memory = rss_mb(pid)
        health = node.status()["health"]
        time.sleep(1.0)
        checks = node.checks(since, until)
        late = lateness(checks, offset_s)
        bad = sum(one.status != "good" for one in checks)
        name = f"{MONITORS:,} monitors at {EVERY_S:g} s"
        yield Figure(f"{name}: seconds measured", (until - since,), "s")
        yield Figure(f"{name}: results recorded a second", (len(checks) / (until - since),), "/s", MONITORS / EVERY_S)
        yield Figure(f"{name}: results that are not good", (float(bad),), "")
        yield Figure(f"{name}: skips", (float(health["skipped"] - skipped),), "", most=0)
        yield Figure(f"{name}: late by", late, "s")
        yield Figure(f"{name}: latest start", (max(late),), "s", most=1.0)
        yield Figure(f"{name}: share of a core", (used / (until - since),), "", most=0.4)
        yield Figure(f"{name}: CPU-s per 1,000", (used * 1000 / len(checks),), "s", plugin.cpu)
        yield Figure(f"{name}: resident memory", (memory,), "MB", most=250)
        yield Figure(f"{name}: probe delay", probes.times, "ms", most=50, promise_of="p99")


def at_full_load(port, plugin):
    """More urls a second than one core can check."""
    estate = Estate(monitors=URLS, groups=80, frequency="1s", port=port, kinds=("url",))
    with tempfile.TemporaryDirectory() as folder, running(folder, estate) as node:
        pid = node.process.pid
        time.sleep(5.0)
        with probing(node.home, node.port) as probes:
            since, cpu = time.time(), cpu_s(pid)
            time.sleep(FULL_S)
            used, until = cpu_s(pid) - cpu, time.time()
        time.sleep(3.0)
        checks = [one for one in node.checks() if since <= one.started < until]
        bad = sum(one.status != "good" for one in checks)
        name = "url, scheduled, judged and recorded"
        yield Figure(f"{name}: results a second", (len(checks) / (until - since),), "/s", plugin.rate, least=1800)
        yield Figure(f"{name}: results that are not good", (float(bad),), "")
        yield Figure(f"{name}: CPU-s per 1,000", (used * 1000 / len(checks),), "s", plugin.cpu, most=0.555)
        yield Figure(f"{name}: share of a core it got", (used / (until - since),), "")
        yield Figure(f"{name}: results a second of a whole core", (len(checks) / used,), "/s", plugin.rate, least=1800)
        yield Figure(f"{name}: probe delay at full load", probes.times, "ms", most=50, promise_of="p99")


def figures():
    with targets() as ports:
        port = ports["http"]
        forked = of_command(PLUGIN, "-H", HOST, "-p", str(port))
        found = list(forked.figures("url: check_http forked (reference)"))
        yield from found
        plugin = Plugin(*(figure.median for figure in found))
        yield from at_rest(port, plugin)
        yield from at_full_load(port, plugin)
