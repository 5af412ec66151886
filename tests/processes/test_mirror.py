"""The mirror of a running primary: it follows, it survives, and nothing sudden replaces it."""

import random
import shutil
import time

import pytest

from sitescope_fo.mirror import generations
from sitescope_fo.mirror.policy import LEAST_APART_S
from sitescope_fo.mirror.record import verify_generation
from sitescope_fo.model.command import Mirror
from sitescope_fo.store.home import Home
from tests.processes.daemon import until
from tests.processes.pair import CHECK_EVERY_S, MONITORS, NOISE_S, PROFILE, STEP_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]

FOLLOWS_S = 2 * CHECK_EVERY_S + LEAST_APART_S
"""R13: two probes, the debounce and the transfer; for an edit right after another, the pause between two pulls."""
KILLS = 30
BULK = 200


def mirrored(pair):
    """Path -> frequency of each monitor the failover has a mirror of."""
    return {row["path"]: row["frequency_s"] for row in pair.failover.client.query("monitors", {"profile": PROFILE})}


def follows(pair, looks):
    until(lambda: looks(mirrored(pair)), FOLLOWS_S + NOISE_S, "the mirror to follow")


def test_what_is_added_changed_renamed_and_removed_arrives(pair):
    primary, path = pair.primary, "Extra/Watch"
    try:
        primary.cli("group", "add", "Extra")
        primary.cli("monitor", "add", "Extra", "--type", "port", "--name", "Watch", "--frequency", "5s",
                    "--set", "host=127.0.0.1", "--set", f"port={pair.town.web.port}")  # fmt: skip
        follows(pair, lambda rows: rows.get(path) == 5)
        primary.cli("monitor", "edit", path, "--frequency", "7s")
        follows(pair, lambda rows: rows.get(path) == 7)
        primary.cli("monitor", "edit", path, "--name", "Guard")
        follows(pair, lambda rows: rows.get("Extra/Guard") == 7 and path not in rows)
        primary.cli("monitor", "remove", "Extra/Guard")
        follows(pair, lambda rows: "Extra/Guard" not in rows)
    finally:
        primary.cli("group", "remove", "Extra", "--recursive")
    until(lambda: len(mirrored(pair)) == MONITORS, STEP_S, "the template's monitors")


def test_a_changed_script_arrives_too(pair):
    script = Home(pair.primary.home).scripts / "queue.sh"
    script.write_text(script.read_text() + "# changed\n")
    folder = next(Home(pair.failover.home).failover.iterdir())
    mirrored_script = folder / "current" / "scripts" / "queue.sh"
    until(lambda: mirrored_script.read_text() == script.read_text(), FOLLOWS_S + NOISE_S, "the changed script")


def test_wiping_the_groups_does_not_wipe_the_mirror_until_it_is_accepted(fresh_pair):
    pair = fresh_pair
    began = pair.failover.events()[-1].wall
    for entry in (pair.primary.home / "groups").iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    pair.failover.event(lambda e: e.event == "alarm_mirror_staged", STEP_S, "the staged shrink", began)
    pair.wait_letter("mirror shrinks", began)
    assert len(mirrored(pair)) == MONITORS
    assert pair.profile()["mirror"]["staged"]
    pair.failover.cli("mirror", PROFILE, "--accept")
    until(lambda: mirrored(pair) == {}, STEP_S, "the accepted mirror")


def test_a_bad_edit_keeps_the_last_good_configuration_in_force(pair):
    home = Home(pair.primary.home)
    file = home.groups / "Shop" / "group.toml"
    good = file.read_text()
    before = pair.profile()["mirror"]["revision"]
    try:
        file.write_text(good + "\n[[monitor]]\ntype = 'urll'\nname = 'Bad'\n")
        problems = until(lambda: pair.primary.status()["problems"], STEP_S, "the problem in status")
        assert "group.toml" in problems[0]["file"]
        assert any("url" in problem["what"] + problem["hint"] for problem in problems)
        assert "urll" in pair.primary.cli("check", "config", code=3)
        since = pair.primary.events()[-1].wall
        pair.wait_checked(pair.primary, since)
        assert pair.profile()["mirror"]["revision"] == before
    finally:
        file.write_text(good)
    until(lambda: not pair.primary.status()["problems"], STEP_S, "the good configuration")
    pair.wait_protected()


@pytest.mark.timeout(300)
def test_a_failover_killed_at_any_moment_of_a_mirror_starts_with_a_verified_one(fresh_pair):
    pair = fresh_pair
    primary, failover, chance = pair.primary, pair.failover, random.Random(2026)
    folder = next(Home(failover.home).failover.iterdir())
    primary.cli("config", "set", "files.watch_every", "200ms")
    change_much(primary, chance)
    until(lambda: pair.profile()["mirror"]["drift"], STEP_S, "the change")
    began = time.monotonic()
    failover.cli("mirror", PROFILE)
    whole_s = time.monotonic() - began
    finished = []
    for number in range(KILLS):
        before = generations.current(folder).revision
        change_much(primary, chance)
        until(lambda: pair.profile()["mirror"]["drift"], STEP_S, "the change")
        failover.begin(Mirror(name=PROFILE))
        pair.quiet_for(chance.uniform(0.0, whole_s))
        killed = failover.kill()
        current = generations.current(folder)
        assert current is not None, f"kill {number}: there is a current mirror"
        assert verify_generation(current.path) == (), f"kill {number}"
        finished.append(current.revision != before)
        failover.start()
        failover.event(lambda e: e.event == "protected", STEP_S, f"the mirror after kill {number}", killed)
    assert set(finished) == {True, False}, "some kills came before the flip and some after it"
    pair.wait_protected()


def change_much(primary, chance):
    """Every one of many files anew: each mirror has work to do."""
    for number in range(BULK):
        (Home(primary.home).scripts / f"bulk{number}.sh").write_text(f"# {chance.random()}\n" * 100)
