"""How long nobody monitors: from the primary's end to the first check that its failover starts, by the nodes' own records.

One pair with the preset fast lives through all rounds: the primary is killed (or stopped), taken over, comes back and gets
monitoring handed back. TAKEOVER_ROUNDS sets the number of kills and of stops.
"""

import os
import tempfile
from pathlib import Path

from tests.bench.figure import Figure
from tests.processes.daemon import until
from tests.processes.pair import PROFILE, STEP_S, copy_pair, make_template
from tests.processes.town import Town

ACTIVATE_AFTER_S = 5.0
"""Preset fast."""
PROMISE_S = 6.0
"""R1 for that preset."""
ROUNDS = int(os.environ.get("TAKEOVER_ROUNDS", "20"))


def kill(pair):
    return pair.primary.kill()


def stop(pair):
    return pair.primary.pause()


def bring_back(pair, how, since):
    """The primary lives again and monitoring goes home; an operator ends the waiting that flap control asks for."""
    if how is kill:
        pair.primary.start(wait=False)
    else:
        pair.primary.resume()
    until(lambda: pair.profile()["primary"]["state"] == "yielded", STEP_S, "the primary to yield")
    if "flap_lock" in pair.profile()["conditions"]:
        pair.failover.cli("unlock", PROFILE)
    if pair.profile()["position"] in {"active", "recovering"}:
        pair.failover.cli("standby", PROFILE, "--yes")
    pair.failover.reached("standby", STEP_S, since)
    pair.wait_protected()


def blind_s(pair, how):
    """Seconds from the end of the primary to the first check of the failover."""
    at = how(pair)
    moved, first = pair.takes_over(at)
    bring_back(pair, how, moved.wall)
    return first.started - at


def figures():
    town = Town()
    with tempfile.TemporaryDirectory() as folder:
        pair = None
        try:
            pair = copy_pair(make_template(Path(folder) / "template", town, ACTIVATE_AFTER_S), Path(folder) / "pair", town)
            pair.start()
            for name, how in (("kill -9", kill), ("SIGSTOP", stop)):
                figure = Figure(
                    f"{name} -> first check on the failover", tuple(blind_s(pair, how) for _ in range(ROUNDS)), "s", PROMISE_S
                )
                yield figure
                met = sum(one <= PROMISE_S for one in figure.samples)
                yield Figure(f"  within {PROMISE_S:g} s", (float(met),), f"of {ROUNDS}")
        finally:
            if pair is not None:
                pair.end()
            town.close()
