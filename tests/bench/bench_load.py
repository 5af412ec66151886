"""Load: what 10,000 monitors cost to load, and how soon a daemon that has them runs its first check.

Loads are CPU time of one process without collector, as in a daemon that starts. Starts are timed by the daemon's own daily rows.
"""

import gc
import itertools
import os
import socket
import tempfile
import threading
import time
import tomllib
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sitescope_fo.monitors.registry import Registry
from sitescope_fo.store.tree import ParseCache, load_tree
from sitescope_fo.store.tree_compiled import CompiledDrafts
from tests.bench.estate import WORST, Estate
from tests.bench.figure import Figure
from tests.bench.targets import targets
from tests.processes.daemon import Daemon, until
from tests.processes.town import HOST, free_port

ROUNDS = int(os.environ.get("LOAD_ROUNDS", "5"))
STARTS = int(os.environ.get("START_ROUNDS", "5"))
ONE_PASS_S = 70
"""In this time each monitor with a frequency of 60 s has run."""
AWAY_S = 61
"""After this every monitor is due: a restart before that may find nothing to do for half a minute."""
LEAST_REQUESTS = 100
RELOADED_S = 3
"""Longer than the node takes to notice the edits and to parse everything."""


def figures():
    yield from loads("200 files", Estate())
    yield from loads("10,000 files", WORST)
    yield from starts()


# --- loading, in this process ---------------------------------------------------------------------------------------


def loads(shape, estate):
    with tempfile.TemporaryDirectory() as folder, no_collector():
        root = estate.write(Path(folder) / "tree")
        load, opened = partial(loaded, root, Registry()), partial(compiled, Path(folder) / "own.drafts")
        texts = [file.read_text() for file in estate.files(root)]
        bare = Figure(f"{shape}: tomllib alone, CPU (reference)", cpu(lambda: parse(texts)), "s")
        yield bare
        yield Figure(f"{shape}: load, nothing cached, CPU", cpu(lambda: load(ParseCache())), "s", bare.median)
        first = opened()
        load(first)
        first.save()
        yield Figure(f"{shape}: load, compiled cache, CPU", cpu(lambda: load(opened())), "s", bare.median)
        edits = itertools.count()

        def again():
            file = estate.files(root)[0]
            file.write_text(f"# edit {next(edits)}\n{estate.text(0)}")
            load(first)

        yield Figure(f"{shape}: reload after an edit, CPU", cpu(again), "s", bare.median)

        def save():
            again()
            began = time.process_time()
            assert first.save()
            return time.process_time() - began

        yield Figure(f"{shape}: save the compiled cache, CPU", cpu(save), "s", bare.median)


def loaded(root, book, cache):
    return load_tree(root, book, None, new_id=lambda: "none is missing", write_ids=False, cache=cache)


def compiled(file):
    return ParseCache(CompiledDrafts(file, lambda: "bench"))


def parse(texts):
    for text in texts:
        tomllib.loads(text)


def cpu(work):
    """Seconds of processor time of each round; of a part of it when `work` says how much."""
    work()
    samples = []
    for _ in range(ROUNDS):
        began = time.process_time()
        part = work()
        took = time.process_time() - began
        samples.append(part if isinstance(part, float) else took)
        gc.collect()
    return tuple(samples)


@contextmanager
def no_collector():
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


# --- starting, as processes -----------------------------------------------------------------------------------------


def starts():
    with targets() as ports, tempfile.TemporaryDirectory() as folder:
        empty = made(Path(folder) / "empty", Estate(monitors=0, groups=1))
        full = made(Path(folder) / "full", estate := Estate(port=ports["http"]))
        bare = Figure("daemon without monitors, CPU of the start (reference)", tuple(start(empty)[1] for _ in range(STARTS)), "s")
        yield bare
        one_pass(full)
        for name, cold, most in (("cached", False, 2.0), ("uncached", True, 5.0)):
            found = [start(full, cold=cold) for _ in range(STARTS)]
            first, used = ([sample[at] for sample in found] for at in (0, 1))
            yield Figure(f"daemon start -> first check, {name}", tuple(first), "s", most=most)
            yield Figure(f"daemon with 10,000 monitors, CPU of the start, {name}", tuple(used), "s", bare.median)
        yield from beside_a_reload(full, estate)


def made(folder, estate):
    """A primary with these monitors that has never run."""
    node = Daemon("primary", folder / "SiteScope", free_port())
    folder.mkdir()
    node.cli("setup", "--role", "primary", "--port", str(node.port), "--host", HOST, "--yes")
    estate.write(node.home)
    return node


def one_pass(node):
    """Lets each monitor run once, so that a restart finds a past: state to load, and monitors that are due again."""
    node.start()
    time.sleep(ONE_PASS_S)
    node.stop()
    time.sleep(AWAY_S)


def start(node, *, cold=False):
    """(seconds from the start of the process to its first check, its CPU time until it said that it had started)."""
    if cold:
        for file in (node.home / "high_availability" / "cache").glob("*"):
            file.unlink()
    log = node.home / "logs" / "run.log"
    before = log.stat().st_size if log.exists() else 0
    at = time.time()
    node.start(wait=False)
    until(lambda: node.runs and log.exists() and b" started, pid" in log.read_bytes()[before:], 60, "the start")
    used = cpu_of(node.process.pid)
    time.sleep(2.0)  # its daily rows are written, and its compiled cache
    node.stop()
    rows = node.checks(since=at)
    return (rows[0].started - at if rows else float("nan")), used


def cpu_of(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def beside_a_reload(node, estate):
    """How long a small request takes while the node parses all of its monitors anew, and what memory it has then."""
    node.start()
    try:
        quiet = Figure("small request, nothing to load (reference)", asked(node.port, lambda: time.sleep(3)), "ms")
        yield quiet
        busy = asked(node.port, lambda: reload_all(node, estate))
        what = "small request while 10,000 edited monitors are parsed"
        yield Figure(what, busy, "ms", quiet.median, most=50.0, promise_of="p99")
        status = Path(f"/proc/{node.process.pid}/status").read_text().splitlines()
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        yield Figure("memory of the daemon with 10,000 monitors after it", (resident / 1024,), "MB", most=250.0)
    finally:
        node.stop()


def reload_all(node, estate):
    for number, file in enumerate(estate.files(node.home)):
        file.write_text("# edited\n" + estate.text(number))
    time.sleep(RELOADED_S)


def asked(port, meanwhile):
    """Milliseconds of `GET /healthz` on connections of their own, one after the other, until `meanwhile` returns."""
    samples, over = [], threading.Event()

    def ask():
        while not over.is_set() or len(samples) < LEAST_REQUESTS:
            began = time.perf_counter()
            with socket.create_connection((HOST, port)) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                while connection.recv(4096):
                    pass
            samples.append((time.perf_counter() - began) * 1000)
            over.wait(0.01)

    thread = threading.Thread(target=ask)
    thread.start()
    meanwhile()
    over.set()
    thread.join()
    return tuple(samples)
