"""A failover's process killed with -9 in the middle of mirroring always starts again with a verified mirror."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sitescope_fo.mirror.generations import current, generations
from sitescope_fo.mirror.record import verify_generation
from sitescope_fo.mirror.staging import clean_staging
from tests.mirror.primary import Primary

KILLS = 30
STEPS = 400

MIRROR_FOR_EVER = """
import os, signal, sys
from pathlib import Path
import anyio
from sitescope_fo.mirror.pull import Ask, Puller
from sitescope_fo.mirror.staging import clean_staging
from tests.mirror.disk import DyingDisk
from tests.mirror.primary import PEER, InlineWork, LoopClock, Primary, dry_load

class KillingDisk(DyingDisk):
    def _step(self):
        self.steps += 1
        if self.steps == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

async def main(site, folder, at):
    primary, disk = Primary(site), KillingDisk(at)
    clean_staging(folder, disk)
    puller = Puller(folder, client=primary, work=InlineWork(), clock=LoopClock(), dry_load=dry_load, disk=disk)
    n = 0
    while True:
        n += 1
        primary.group("Group 0", [f"Edit {at} {n}"] + [f"Monitor {m}" for m in range(10)])
        outcome = await puller.pull(PEER, Ask(), lambda: "flip")
        print(outcome.revision, flush=True)

anyio.run(main, Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
"""


@pytest.mark.slow
def test_thirty_kills_at_random_steps_each_leave_a_verified_mirror(tmp_path):
    site, folder = tmp_path / "primary", tmp_path / "failover" / "primary"
    Primary(site).standard()
    chance = random.Random(20261122)  # the same points in each run
    newest = ""
    for kill in range(KILLS):
        at = chance.randint(1, STEPS)
        run = subprocess.run(
            [sys.executable, "-c", MIRROR_FOR_EVER, site, folder, str(at)],
            capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )  # fmt: skip
        assert run.returncode == -signal.SIGKILL, run.stderr
        newest = (run.stdout.split() or [newest])[-1]
        found = current(folder)
        if newest:
            assert found is not None, f"kill {kill} at step {at}"
        if found is not None:
            assert verify_generation(found.path) == (), f"kill {kill} at step {at}"
    clean_staging(folder)
    assert all(verify_generation(generation.path) == () for generation in generations(folder))
    assert list((folder / "staging").iterdir()) == []
    assert newest
