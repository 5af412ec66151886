"""What it costs to ask a running node how it stands: CPU time of the whole `status` command, beside an empty interpreter."""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.figure import Figure
from tests.processes.daemon import PROGRAM, ROOT, Daemon, environment
from tests.processes.town import HOST, free_port

ROUNDS = 15
LIMIT_S = 0.4
"""What `status` may cost, by the acceptance list."""
WHAT_STATUS_IMPORTS = "import sitescope_fo.cli.main, sitescope_fo.cli.status, sitescope_fo.client.local, msgspec"


def cpu_s(words):
    """User and system time of one finished process, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, cwd=ROOT, stdout=subprocess.DEVNULL, env=environment(), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def samples(words):
    cpu_s(words)  # compiled files and the page cache are warm in life, too
    return tuple(cpu_s(words) for _ in range(ROUNDS))


def figures():
    with tempfile.TemporaryDirectory() as folder:
        node = Daemon("primary", Path(folder) / "SiteScope", free_port())
        node.cli("setup", "--role", "primary", "--port", str(node.port), "--host", HOST, "--yes")
        try:
            node.start()
            bare = Figure("python -c pass, CPU (reference)", samples([sys.executable, "-c", "pass"]), "s")
            yield bare
            yield Figure("what status imports, CPU", samples([sys.executable, "-c", WHAT_STATUS_IMPORTS]), "s", bare.median)
            for name, more in (("status", []), ("status --json", ["--json"])):
                figure = Figure(
                    f"{name}, CPU", samples([*PROGRAM, "--home", os.fspath(node.home), "status", *more]), "s", bare.median
                )
                yield figure
                met = sum(one < LIMIT_S for one in figure.samples)
                yield Figure(f"  below {LIMIT_S:g} s", (float(met),), f"of {ROUNDS}")
        finally:
            node.end()
