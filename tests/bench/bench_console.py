"""The console with 10,000 monitors and 500 changes a second: first paint, cost, haste, and what the engine feels of it.

A real node checks its monitors every 20 s, on servers of this machine. First a console attaches to the daemon, then one runs with
the engine in its own process; its share is what the process takes beyond the daemon alone. Keys are timed from the write into the
terminal to the bytes that come back, while values and ages go on changing. The list is "still" when a filter leaves nothing of
it. The stalled terminal reads nothing for 12 s while somebody pages through the list at 200x50.
"""

import math
import sys
import tempfile
import time
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple

from tests.bench.bench_load_10k import MONITORS, running
from tests.bench.bench_load_10k import cpu_s as cpu_of
from tests.bench.estate import Estate
from tests.bench.figure import Figure
from tests.bench.prober import probing
from tests.bench.seat import COMPILED, Seat, thread_s
from tests.bench.targets import targets
from tests.processes.daemon import PROGRAM, until

EVERY_S = 20
STARTS = 3
STEADY_S = 12.0
STILL_S = 6.0
STALL_S = 12.0
SMALL, LARGE = (80, 24), (200, 50)
FRAME, FIRST, ALL = "SiteScope", "ping 0", f"{MONITORS} monitors"
PAINT_S, SHARE, KEY_MS, STILL_BYTES, PROBE_MS = 1.0, 0.05, 50, 2048, 50
"""What is promised."""
KEYS = {
    "up and down": [("j", ">"), ("k", ">")] * 20,
    "a screen up and down": [("\x1b[6~", ">"), ("\x1b[5~", ">")] * 15,
    "another page": [("3", "following"), ("1", ALL)] * 8,
    "another order": [("s", f"by {name}") for name in ("name", "value", "last run", "next run", "type", "problems")] * 2,
}
FILTER = [
    ("u", "filter u"),
    ("r", "filter ur"),
    ("l", "filter url"),
    ("\x7f", "filter ur"),
    ("\x7f", "filter u"),
    ("\x7f", "by problems"),
] * 2
NOTHING = "zzz"


class Alone(NamedTuple):
    """The daemon without a console: its share of a core, and how long a probe takes in the median."""

    share: float
    probe_ms: float


def figures():
    with targets() as ports, tempfile.TemporaryDirectory() as folder:
        estate = Estate(monitors=MONITORS, frequency=f"{EVERY_S}s", port=ports["http"])
        with running(folder, estate, **COMPILED) as node:
            words = [*PROGRAM, "--home", str(node.home)]
            until(lambda: node.status()["monitors"]["nodata"] == 0, 60, "the first pass")
            bare, found = alone(node)
            yield from found
            plain = Figure(f"the toolkit's own table of {MONITORS:,} rows: first rows, CPU (reference)", toolkit(folder), "s")
            yield plain
            yield from paints("attached", words, folder, plain.median)
            yield from used("attached", words, folder, node, bare)
            node.stop()
            yield from paints("with its engine", words, folder, plain.median, waiter=True)
            yield from used("with its engine", words, folder, node, bare, waiter=True)


def alone(node):
    with probing(node.home, node.port) as probes:
        cpu, began = cpu_of(node.process.pid), time.perf_counter()
        time.sleep(STEADY_S)
        share = (cpu_of(node.process.pid) - cpu) / (time.perf_counter() - began)
    checks = node.checks(time.time() - STEADY_S)
    return Alone(share, median(probes.times)), [
        Figure("daemon alone: results a second", (len(checks) / STEADY_S,), "/s", MONITORS / EVERY_S),
        Figure("daemon alone: share of a core (reference)", (share,), ""),
        Figure("daemon alone: probe delay (reference)", probes.times, "ms"),
    ]


def toolkit(folder):
    """Processor seconds until the toolkit's own table shows as many rows."""
    words = [sys.executable, "-m", "tests.bench.data_table", str(MONITORS)]
    samples = []
    for _ in range(1 + STARTS):
        with seated(words, folder) as seat:
            samples.append(seat.until("ping 00000"))
            seat.leave()
    return tuple(samples[1:])


@contextmanager
def seated(words, folder, size=SMALL, *, waiter=False):
    seat = Seat(words, folder, size, waiter=waiter)
    try:
        yield seat
    finally:
        seat.end()


def paints(name, words, folder, reference, *, waiter=False):
    """How much it takes to see something. The first start only finds its modules compiled by it."""
    samples = []
    for _ in range(1 + STARTS):
        with seated(words, folder, waiter=waiter) as seat:
            samples.append([seat.until(text) for text in (FRAME, FIRST, ALL)])
            seat.leave(stop=waiter)
    frame, first, whole = zip(*samples[1:], strict=True)
    yield Figure(f"{name}: first frame, CPU", frame, "s", reference, most=PAINT_S)
    yield Figure(f"{name}: first rows, CPU{' with the start of the node' if waiter else ''}", first, "s", reference)
    yield Figure(f"{name}: all {MONITORS:,} rows, CPU", whole, "s", reference)


def used(name, words, folder, node, bare, *, waiter=False):
    with seated(words, folder, SMALL, waiter=waiter) as seat:
        seat.until(ALL)
        seat.keys(*KEYS["another page"][:2])  # its modules are loaded when it is first shown
        settle(seat, waiter)
        with probing(node.home, node.port) as probes:
            yield from ticking(f"{name}, 80x24", seat, bare if waiter else None)
            yield from haste(name, seat)
            yield from still(name, seat)
        yield Figure(f"{name}: probe delay", probes.times, "ms", bare.probe_ms, most=PROBE_MS, promise_of="p99")
        seat.leave(stop=waiter)
    with seated(words, folder, LARGE, waiter=waiter) as seat:
        seat.until(ALL)
        settle(seat, waiter)
        with probing(node.home, node.port):
            yield from ticking(f"{name}, 200x50", seat, bare if waiter else None)
        with probing(node.home, node.port) as probes, seat.stalled():
            time.sleep(STALL_S)
        stalled = Figure(f"{name}, stalled: probe delay", probes.times, "ms", bare.probe_ms, most=PROBE_MS, promise_of="p99")
        yield stalled
        yield Figure(f"{name}, stalled: from reading again to a right screen", (seat.right_again() * 1000,), "ms")
        seat.leave(stop=waiter)


def settle(seat, waiter):
    """A node that has just started has more to do than one that runs."""
    time.sleep(8.0 if waiter else 2.0)
    seat.terminal.shows(":")


def ticking(name, seat, bare):
    found = seat.steady(STEADY_S)
    yield Figure(f"{name}: share of a core", (found.console - (bare.share if bare else 0),), "", most=SHARE)
    if bare:
        yield Figure(f"{name}: of a core for the thread of the screen", (found.main,), "", most=SHARE)
    yield Figure(f"{name}: to the terminal while ages tick", (found.bytes_s,), "B/s")


def haste(name, seat):
    for what, strokes in KEYS.items():
        yield from timed(name, what, seat, strokes)
    seat.keys(("/", "words"))
    yield from timed(name, "a letter of the filter", seat, FILTER)


def timed(name, what, seat, strokes):
    """Milliseconds of each, and the processor time of one in the thread of the screen, with that of what goes on meanwhile."""
    screen = seat.pids()[-1]
    before = thread_s(screen)
    samples = seat.keys(*strokes)
    used_ms = (thread_s(screen) - before) / len(strokes) * 1000
    ordered = sorted(samples)
    yield Figure(f"{name}, key to screen: {what}", tuple(samples), "ms")
    yield Figure(f"{name}, key to screen: {what}, p95", (ordered[math.ceil(len(ordered) * 0.95) - 1],), "ms", most=KEY_MS)
    yield Figure(f"{name}, CPU while a key is served: {what}", (used_ms,), "ms")


def still(name, seat):
    """The filter line is open, and empty."""
    seat.keys((NOTHING, "0 of"))
    time.sleep(1.0)
    yield Figure(f"{name}, a still list: to the terminal", (seat.steady(STILL_S).bytes_s,), "B/s", most=STILL_BYTES)
    seat.keys(("\x1b", ALL), ("5", "Preferences"))
    time.sleep(1.0)
    yield Figure(f"{name}, the Preferences page: to the terminal", (seat.steady(STILL_S).bytes_s,), "B/s", most=STILL_BYTES)
    seat.keys(("1", ALL))
