"""Engine: what a result costs beside the check itself, and how many a second go into the daily log.

A whole node over a real home (plan, runner, writer, decisions, thresholds, alerts, state.sqlite, the daily log) runs 10,000
monitors whose checks answer at once. Its CPU time is that of all its threads, by results recorded. ENGINE_SECONDS (default 10)
is how long each rate is measured. `python -m tests.bench.bench_engine SECONDS FREQUENCY` is the process that is measured.
"""

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio
import uvloop  # noqa: F401  # without it this would measure another loop than the daemon's

from sitescope_fo.model.config import NodeConfig
from sitescope_fo.model.monitor import CheckResult
from sitescope_fo.model.status import Role, Status
from sitescope_fo.store.config_toml import set_node_value
from sitescope_fo.store.results import ResultLog, ResultRow
from tests.bench.estate import Estate
from tests.bench.figure import Figure
from tests.bench.rate import of_command
from tests.bench.targets import ROOT, targets
from tests.node.nodes import Bench, make_home

SECONDS = float(os.environ.get("ENGINE_SECONDS", "10"))
MONITORS = 10_000
RATES = {"5s": 2000, "60s": 167}
BATCH = 400
"""What 2,000 results a second bring in one round of the log's task."""
BATCHES = 60
PLUGIN = "/usr/lib/nagios/plugins/check_tcp"
WALL = 1_800_000_000.0


def figures():
    yield from engine()
    yield from daily_log()


def engine():
    with targets() as ports:
        forked = list(of_command(PLUGIN, "-H", "127.0.0.1", "-p", str(ports["http"])).figures("check_tcp forked (reference)"))
    yield forked[1]
    for frequency, rate in RATES.items():
        found = _measured(frequency)
        name = f"{MONITORS:,} monitors every {frequency}, {rate:,} results/s"
        yield Figure(f"{name}: CPU ms a result", (found["cpu_ms"],), "ms", forked[1].median, most=0.18 if rate == 2000 else None)
        yield Figure(f"{name}: share of a core", (found["core"],), "")
        yield Figure(f"{name}: the loop was late by", tuple(found["late_ms"]), "ms")
    yield Figure(f"the whole node with {MONITORS:,} monitors: resident memory", (found["rss_mb"],), "MB", most=250)


def daily_log():
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:  # /tmp is often memory
        bare = Figure("rows/s by sqlite3 executemany (reference)", tuple(_bare(Path(folder) / "bare.sqlite")), "/s")
        yield bare
        yield Figure("results/s into the daily log", tuple(_logged(Path(folder) / "daily")), "/s", bare.median)


def _batch(number):
    return [
        ResultRow(
            profile="",
            monitor_id=f"monitor-{(number * BATCH + one) * 7919 % MONITORS:08d}",
            path=f"Site {one % 200:05d}/url {one:05d}",
            type="url",
            wall=WALL + number * 0.2,
            status=Status.good,
            state_string="200 OK in 1.2 ms",
            values={"status": 200, "round_trip_time": 0.0012, "content_match": "yes"},
            duration_s=0.0012,
            term=1,
            node="primary-1",
            seq=number * BATCH + one,
        )
        for one in range(BATCH)
    ]


def _logged(folder):
    log = ResultLog(folder)
    for number in range(BATCHES):
        rows, began = _batch(number), time.perf_counter()
        log.append(rows)
        if number:
            yield BATCH / (time.perf_counter() - began)
    log.close()


def _bare(path):
    """The same rows, ready to be bound, into the same table and indexes."""
    with tempfile.TemporaryDirectory() as folder:
        log = ResultLog(Path(folder))
        log.append(_batch(0))
        day = sqlite3.connect(next(Path(folder).glob("*.sqlite")))
        made = [sql for (sql,) in day.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")]
        columns = [row[1] for row in day.execute("PRAGMA table_info(results)")]
        day.close()
        log.close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    for sql in made:
        db.execute(sql)
    insert = f"INSERT OR IGNORE INTO results ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    for number in range(BATCHES):
        rows = [[_plain(row, column) for column in columns] for row in _batch(number)]
        began = time.perf_counter()
        db.execute("BEGIN IMMEDIATE")
        db.executemany(insert, rows)
        db.execute("COMMIT")
        if number:
            yield BATCH / (time.perf_counter() - began)
    db.close()


def _plain(row, column):
    value = json.dumps(row.values) if column == "measured" else getattr(row, column)
    return value.value if isinstance(value, Status) else value


# --- in the measured process ------------------------------------------------------------------------------------------


def _measured(frequency):
    command = [sys.executable, "-m", "tests.bench.bench_engine", str(SECONDS), frequency]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout)


class AtOnce:
    """Checks that answer without looking."""

    def __init__(self):
        self.done = 0

    async def run(self, monitor, *, home):
        self.done += 1
        values = {"round_trip_time": 0.001 + self.done % 7 * 0.0001}
        if monitor.type == "url":
            values |= {"status": 200, "content_match": "yes"}
        return CheckResult(values=values, summary="200 OK in 1 ms", duration_s=0.001)


def _cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main(seconds, frequency):
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        home = make_home(Path(folder), Role.primary)
        set_node_value(home, "files.watch_every", f"{NodeConfig().watch_files_s:g}s")
        Estate(monitors=MONITORS, frequency=frequency).write(home.root)
        bench = Bench(home)
        checks = bench.node.runner._checks = AtOnce()
        async with bench.running():
            await anyio.sleep(6.0)
            late, done = [], checks.done
            began, cpu = time.perf_counter(), _cpu_s()
            while time.perf_counter() - began < seconds:
                before = time.perf_counter()
                await anyio.sleep(0.02)
                late.append((time.perf_counter() - before - 0.02) * 1000)
            used, took = _cpu_s() - cpu, time.perf_counter() - began
            found = {
                "cpu_ms": used * 1000 / (checks.done - done),
                "core": used / took,
                "late_ms": late,
                "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
    print(json.dumps(found))


if __name__ == "__main__":
    anyio.run(main, float(sys.argv[1]), sys.argv[2], backend_options={"use_uvloop": True})
