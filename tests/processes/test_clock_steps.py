"""The wall clock of one node steps by a day: an alarm, never a takeover (R5)."""

import re
from pathlib import Path

import pytest

from sitescope_fo.model.errors import SiteScopeError
from tests.processes.daemon import until
from tests.processes.pair import ACTIVATE_AFTER_S, STEP_S

pytestmark = [pytest.mark.processes, pytest.mark.real_service, pytest.mark.timeout(120)]
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
DAY_S = 86_400


class Watches:
    """The wall clocks of both nodes, by faketime; the boot-time clock stays as it is."""

    def __init__(self, folder):
        self._folder = folder

    def environment(self, name):
        self.set(name, 0)
        return {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._folder / name),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, name, offset_s):
        """The clock of a node is `offset_s` off from now on."""
        path = self._folder / f"{name}.new"
        path.write_text(f"{offset_s:+d}\n")
        path.rename(self._folder / name)


@pytest.fixture(scope="module")
def watches(tmp_path_factory):
    if not LIBRARIES:
        pytest.skip("faketime is not installed: apt-get install faketime")
    return Watches(tmp_path_factory.mktemp("clocks"))


@pytest.fixture(scope="module")
def pair(stage, watches):
    """A pair whose wall clocks can be stepped; the tests go on where the one before left it."""
    found = stage.build()
    try:
        for node in found.nodes:
            node.start(wait=False, **watches.environment(node.name))
        for node in found.nodes:
            until(node.answers, 60, f"the {node.name} to answer")
        well(found)
        yield found
    finally:
        found.end()


def look(pair, question):
    """The answer to a question, None while a node gives none: under faketime a process stands still for seconds now and then."""
    try:
        return question(pair)
    except SiteScopeError:
        return None


def well(pair):
    until(lambda: look(pair, type(pair).protected), 60, "a running primary and a failover in standby")


def alarmed(pair):
    until(lambda: look(pair, lambda p: p.profile()["state"]) == "unverifiable", STEP_S, "the alarm")


def test_a_step_within_the_allowed_skew_is_nothing(pair, watches):
    watches.set("primary", 20)
    pair.quiet_for(ACTIVATE_AFTER_S)
    well(pair)
    assert "unverifiable" not in {one["kind"] for one in pair.profile()["evidence"]}
    assert not pair.took_over()
    watches.set("primary", 0)


@pytest.mark.parametrize(("node", "offset_s"), [("failover", DAY_S), ("primary", -DAY_S)])
def test_a_step_of_a_day_is_an_alarm_and_no_takeover(pair, watches, node, offset_s):
    watches.set(node, offset_s)
    alarmed(pair)
    pair.quiet_for(ACTIVATE_AFTER_S + 1)
    alarm = next(one for one in reversed(pair.profile()["evidence"]) if one["kind"] == "unverifiable")
    assert "lwsso_clock_skew" in alarm["what"]
    assert abs(abs(pair.profile()["primary"]["skew_s"]) - DAY_S) < 60
    said_s = float(re.search(r"clock is ([0-9.]+) s", alarm["what"])[1])
    assert abs(said_s - DAY_S) < 60
    watches.set(node, 0)
    well(pair)
    assert not pair.took_over()
