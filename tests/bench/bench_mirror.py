"""Mirroring 10,000 monitors between two real daemons on loopback: the first mirror, one changed monitor, an unchanged primary.

Beside it `rsync -a` from a daemon on loopback, over the same files and through the same counting relay; each copy is durable
before it counts (`sync -f` after rsync). Times are the failover's own records, CPU is that of both daemons without what they use
when idle, bytes are TCP payload both ways without the probes. A mirror is also verified and loaded, which rsync knows nothing of.
MIRROR_SHAPES sets how many group files the 10,000 monitors lie in, MIRROR_ROUNDS how often each thing is done.
"""

import os
import re
import resource
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request
import uuid
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from sitescope_fo.model.command import CommandRequest, Mirror
from tests.bench.estate import Estate
from tests.bench.figure import Figure
from tests.bench.relay import HOST, Relay
from tests.processes.daemon import Daemon, until
from tests.processes.town import free_port

SHAPES = tuple(map(int, os.environ.get("MIRROR_SHAPES", "200,10000").split(",")))
ROUNDS = int(os.environ.get("MIRROR_ROUNDS", "3"))
ASKED = 20
"""Conditional requests a sample: one takes less CPU time than the kernel's tick."""
PROFILE = "prod"
PASSPHRASE = "three words of test passphrase\n"
STEP_S = 120.0
TICK = os.sysconf("SC_CLK_TCK")
QUIET_CORES, QUIET_CORES_A_FOLDER = 0.1, 20e-6
"""More than probes and the watching of folders take."""
UNCHANGED_BYTES, UNCHANGED_CPU_S = 2048, 0.020
CHANGED_BYTES, LIVE_S = 100_000, 4.0
TIMES_RSYNC = 1.5
PROBE_S = 0.050
"""R20."""


def cpu_s(*nodes):
    """User and system time of the daemons so far."""
    fields = [Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(")", 1)[1].split() for node in nodes]
    return sum(int(one[11]) + int(one[12]) for one in fields) / TICK


def took_s(event):
    """(all, without loading) in seconds by the failover's record: `… in 1.20 s (fetch 0.70, load 0.30, commit 0.20)`."""
    fetch, load, commit = map(float, re.search(r"fetch ([\d.]+), load ([\d.]+), commit ([\d.]+)", event.what).groups())
    return fetch + load + commit, fetch + commit


class Pair:
    """A primary with the estate, and a failover that sees it through the relay."""

    def __init__(self, folder, groups):
        self.primary = Daemon("primary", folder / "primary" / "SiteScope", free_port())
        self.failover = Daemon("failover", folder / "failover" / "SiteScope", free_port())
        self.nodes = (self.primary, self.failover)
        self.relay = Relay(self.primary.port)
        self.estate = Estate(groups=groups, enabled=False)
        for node in self.nodes:
            node.home.parent.mkdir(parents=True)
            node.cli("setup", "--role", node.name, "--port", str(node.port), "--host", HOST, "--yes")
            node.cli("config", "set", "web.bind", HOST)
            node.cli("lwsso", "set", "--passphrase-stdin", stdin=PASSPHRASE)
        self.estate.write(self.primary.home)
        self.idle_cpu = self.idle_bytes = 0.0
        self._edits = 0

    def start(self):
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            until(node.answers, STEP_S, f"the {node.name} to answer")
        until(lambda: self.primary.status()["monitors"]["total"] == self.estate.monitors, STEP_S, "the estate")
        self.settle()

    def end(self):
        for node in reversed(self.nodes):
            node.end()
        self.relay.close()

    def settle(self):
        """Returns when both daemons have nothing left to do."""

        def quiet():
            before = cpu_s(*self.nodes)
            time.sleep(2.0)
            return cpu_s(*self.nodes) - before < 2.0 * (self.idle_cpu + QUIET_CORES + QUIET_CORES_A_FOLDER * self.estate.groups)

        until(quiet, STEP_S, "both daemons to be idle")

    def measure_idle(self, seconds=10.0):
        """What probes and the watching of files cost by themselves."""
        self.settle()
        cpu, passed = cpu_s(*self.nodes), self.relay.passed
        time.sleep(seconds)
        self.idle_cpu, self.idle_bytes = (cpu_s(*self.nodes) - cpu) / seconds, (self.relay.passed - passed) / seconds

    @contextmanager
    def counted(self):
        """A list that gets CPU seconds and bytes of the block, without idling."""
        found, began = [], time.monotonic()
        cpu, passed = cpu_s(*self.nodes), self.relay.passed
        yield found
        lasted = time.monotonic() - began
        found.append(max(cpu_s(*self.nodes) - cpu - self.idle_cpu * lasted, 0.0))
        found.append(max(self.relay.passed - passed - self.idle_bytes * lasted, 0.0))

    def mirrored(self, since):
        """The failover's record of a new mirror."""
        return self.failover.event(lambda event: event.event == "mirrored", STEP_S, "a new mirror", since)

    def first(self):
        """(seconds, those without loading, CPU seconds, bytes) of the first mirror of a new profile."""
        shutil.rmtree(self.failover.home / "high_availability" / "failover", ignore_errors=True)
        for cache in (self.failover.home / "high_availability").rglob("mirror-*.drafts"):
            cache.unlink()
        subprocess.run(["sync", "-f", f"{self.failover.home}"], check=True)
        since = time.time()
        with self.counted() as found:
            self.failover.cli(
                *("profile", "add", PROFILE, "--primary-host", HOST, "--port", str(self.relay.port)),
                *("--preset", "fast", "--self-targets", "keep"),
            )
            event = self.mirrored(since)
        return *took_s(event), *found

    def forget(self):
        self.settle()
        self.failover.cli("profile", "remove", PROFILE, "--yes")

    def change(self):
        """(seconds from the save to a live mirror, seconds of the pull, CPU seconds, bytes) of one changed monitor."""
        self._edits += 1
        path = self.estate.files(self.primary.home)[self._edits]
        text = path.read_text().replace(f'frequency = "{self.estate.frequency}"', 'frequency = "7m"', 1)
        self.settle()
        with self.counted() as found:
            saved = time.time()
            path.write_text(text)
            event = self.mirrored(saved)
        return event.wall - saved, took_s(event)[0], *found

    def ask(self, times, **how):
        """(seconds, CPU seconds, bytes) of one look at an unchanged primary, by the mean of `times`."""
        self.settle()
        began = time.monotonic()
        with self.counted() as found:
            for _ in range(times):
                reply = self.failover.client.command(CommandRequest(id=uuid.uuid4().hex, body=Mirror(name=PROFILE, **how)))
                assert "unchanged" in reply.text, reply
        lasted = (time.monotonic() - began) / times
        return lasted, found[0] / times, found[1] / times

    @contextmanager
    def probed(self):
        """A list that gets the delays of `GET /healthz` of both nodes, asked 20 times a second meanwhile."""
        delays, over = [], threading.Event()

        def ask(port):
            while not over.wait(0.05):
                began = time.perf_counter()
                with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=30) as answer:
                    answer.read()
                delays.append(time.perf_counter() - began)

        threads = [threading.Thread(target=ask, args=(node.port,)) for node in self.nodes]
        for one in threads:
            one.start()
        try:
            yield delays
        finally:
            over.set()
            for one in threads:
                one.join()


class Rsync:
    """`rsync -a` from a daemon of its own, through a relay."""

    def __init__(self, folder, source):
        port = free_port()
        self._folder, self._target = folder, folder / "rsync-copy"
        config = folder / "rsyncd.conf"
        config.write_text(
            f"use chroot = no\nport = {port}\naddress = {HOST}\npid file = {folder}/rsync.pid\nuid = {os.getuid()}\n"
            f"gid = {os.getgid()}\n[home]\npath = {source}\nread only = yes\n"
        )
        self.daemon = subprocess.Popen(["rsync", "--daemon", "--no-detach", f"--config={config}"])
        self.relay = Relay(port)
        until((folder / "rsync.pid").exists, 10, "the rsync daemon")

    def copy(self):
        """(seconds until it is durable, CPU seconds of the asking side, bytes)."""
        before, passed, began = resource.getrusage(resource.RUSAGE_CHILDREN), self.relay.passed, time.monotonic()
        for words in (
            ["rsync", "-a", f"rsync://{HOST}:{self.relay.port}/home/groups", f"{self._target}/"],
            ["sync", "-f", f"{self._target}"],
        ):
            subprocess.run(words, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return time.monotonic() - began, cpu, self.relay.passed - passed

    def forget(self):
        shutil.rmtree(self._target, ignore_errors=True)
        subprocess.run(["sync", "-f", f"{self._folder}"], check=True)

    def close(self):
        self.daemon.terminate()
        self.daemon.wait()
        self.relay.close()


def rounds(work, between=None):
    """The results of `work`, done ROUNDS times, one tuple a thing."""
    found = []
    for number in range(ROUNDS):
        if number and between is not None:
            between()
        found.append(work())
    return tuple(zip(*found, strict=True))


def figures():
    for groups in SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            pair = Pair(Path(folder), groups)
            rsync = None
            try:
                pair.start()
                rsync = Rsync(Path(folder), pair.primary.home)
                yield from of_shape(pair, rsync, f"{groups:,} files")
            finally:
                if rsync is not None:
                    rsync.close()
                pair.end()


def of_shape(pair, rsync, shape):
    theirs_s, theirs_cpu, theirs_bytes = rounds(rsync.copy, rsync.forget)
    limit = TIMES_RSYNC * median(theirs_s)
    seconds, copying, cpu, passed = rounds(pair.first, pair.forget)
    yield Figure(f"{shape}: rsync -a, full, durable (reference)", theirs_s, "s")
    yield Figure(f"{shape}: first mirror, verified and durable", copying, "s", median(theirs_s), most=limit)
    yield Figure(f"{shape}: first mirror, loaded and checked as well", seconds, "s", median(theirs_s))
    yield Figure(f"{shape}: first mirror, CPU", cpu, "s", median(theirs_cpu))
    yield Figure(f"{shape}: first mirror, bytes", passed, "B", median(theirs_bytes))
    pair.measure_idle()
    live, pull, cpu, passed = rounds(pair.change)
    theirs_s, theirs_cpu, theirs_bytes = rounds(rsync.copy)
    yield Figure(f"{shape}: one monitor changed, save to live", live, "s", most=LIVE_S)
    yield Figure(f"{shape}: one monitor changed, the pull alone", pull, "s", theirs_s[0])
    yield Figure(f"{shape}: one monitor changed, CPU", cpu, "s", theirs_cpu[0])
    yield Figure(f"{shape}: one monitor changed, bytes", passed, "B", theirs_bytes[0], most=CHANGED_BYTES)
    seconds, cpu, passed = rounds(lambda: pair.ask(ASKED, quick=True))
    yield Figure(f"{shape}: unchanged, seconds", seconds, "s", theirs_s[-1])
    yield Figure(f"{shape}: unchanged, CPU", cpu, "s", theirs_cpu[-1], most=UNCHANGED_CPU_S)
    yield Figure(f"{shape}: unchanged, bytes", passed, "B", theirs_bytes[-1], most=UNCHANGED_BYTES)
    seconds, cpu, passed = rounds(lambda: pair.ask(1))
    yield Figure(f"{shape}: unchanged, all hashed anew on both sides", seconds, "s", theirs_s[-1])
    yield Figure(f"{shape}: unchanged, all hashed anew, CPU", cpu, "s", theirs_cpu[-1])
    yield Figure(f"{shape}: unchanged, all hashed anew, bytes", passed, "B", theirs_bytes[-1], most=UNCHANGED_BYTES)
    pair.forget()
    with pair.probed() as delays:
        pair.first()
        pair.settle()
    yield Figure(f"{shape}: answer to a look while mirroring", tuple(delays), "s", most=PROBE_S, promise_of="p99")
