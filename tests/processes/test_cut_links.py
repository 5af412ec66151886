"""What networks do to a pair. Each scene is played by a pair in a region of its own, all at once; each test asks for one."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from tests.processes.daemon import until
from tests.processes.netns import HOMES
from tests.processes.pair import ACTIVATE_AFTER_S, CHECK_EVERY_S, NOISE_S, PROMISE_S, STEP_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

SHORT_S = ACTIVATE_AFTER_S - 0.4 - 2.0
"""R4: an interruption shorter than activate_after less the soft time-out less 2 s takes nothing over."""
CHECKS_OVERLAP_S = 4 * CHECK_EVERY_S + 5.0


def comes_home(pair):
    """The network is well again: one node monitors, and it is the primary."""
    healed = pair.now()
    pair.town.heal()
    standby = pair.steps_back(healed)
    pair.wait_protected()
    pair.quiet_for(2.0)
    return SimpleNamespace(healed=healed, standby=standby, late=pair.failover.checks(standby.wall))


def one_way(pair, sender):
    """What `sender` sends to the other is lost, what is sent to it arrives."""
    cut_at = pair.now()
    pair.town.swallow(sender)
    moved, first = pair.takes_over(cut_at)
    pair.quiet_for(2.0)
    primary = pair.primary.status()["node"]["state"]
    return SimpleNamespace(blind=first.started - cut_at, moved=moved, primary=primary, home=comes_home(pair), pair=pair)


def answers_lost(pair):
    return one_way(pair, "primary")


def requests_lost(pair):
    return one_way(pair, "failover")


def power_lost(pair):
    """Nobody hears the primary any more, nor does it hear anybody; its process goes on."""
    pair.wait_checked(pair.primary, 0.0)
    at = pair.now()
    pair.town.silence("primary")
    moved, first = pair.takes_over(at)
    pair.wait_checked(pair.failover, moved.wall)
    pair.town.web.fail("/a")
    pair.wait_letter("ERROR Shop/Page a", at)
    pair.quiet_for(2.0)
    home = comes_home(pair)
    return SimpleNamespace(blind=first.started - at, moved=moved, home=home, letters=list(pair.town.mail.letters))


def standby_isolated(pair):
    """Both links of the failover are down while the primary is well."""
    at = pair.now()
    pair.town.isolate("failover")
    until(lambda: pair.profile()["state"] == "isolated", STEP_S, "the failover to call itself isolated")
    pair.quiet_for(ACTIVATE_AFTER_S + 2.0)
    shown = pair.profile()
    pair.town.heal()
    pair.wait_protected()
    pair.quiet_for(2.0)
    said = [event.event for event in pair.failover.events(at)]
    return SimpleNamespace(acted=pair.took_over(at), shown=shown, after=pair.profile(), said=said)


def isolated_when_needed(pair):
    """The primary dies while the standby is cut off: it waits, says why, and does its work once it is back."""
    pair.town.isolate("failover")
    until(lambda: pair.profile()["state"] == "isolated", STEP_S, "the failover to call itself isolated")
    killed = pair.primary.kill()
    blocked = pair.failover.event(lambda e: e.event == "alarm_blocked", STEP_S, "the alarm", killed)
    pair.quiet_for(2.0)
    waited = not pair.took_over(killed)
    healed = pair.now()
    pair.town.heal()
    moved, first = pair.takes_over(healed)
    return SimpleNamespace(waited=waited, blocked=blocked, delay=first.started - healed, moved=moved)


def short_cuts(pair):
    """The road fails again and again, each time shorter than R4 allows for."""
    at = pair.now()
    for _ in range(4):
        pair.town.part()
        pair.quiet_for(SHORT_S - 0.2)
        pair.town.heal()
        pair.quiet_for(CHECK_EVERY_S * 2)
    pair.quiet_for(ACTIVATE_AFTER_S)
    return SimpleNamespace(acted=pair.took_over(at), missed=any("suspect" in move for move in pair.failover.moves(at)))


def starved_primary(pair):
    """The primary gets a little time to run now and then: it answers late, and it answers."""
    at = pair.now()
    for _ in range(8):
        pair.primary.pause()
        pair.quiet_for(SHORT_S - 0.2)
        pair.primary.resume()
        pair.quiet_for(0.2)
    pair.wait_protected()
    return SimpleNamespace(acted=pair.took_over(at), missed=any("suspect" in move for move in pair.failover.moves(at)))


def both_suspended(pair):
    """The machine that both run on sleeps; the standby wakes first."""
    at = pair.now()
    for node in pair.nodes:
        node.pause()
    pair.quiet_for(ACTIVATE_AFTER_S + 1.0)
    pair.failover.resume()
    pair.quiet_for(1.0)
    woken = pair.primary.resume()
    pair.wait_checked(pair.primary, woken)
    pair.wait_protected()
    return SimpleNamespace(acted=pair.took_over(at), paused=[e.event for e in pair.failover.events(at)])


SCENES = (
    answers_lost, requests_lost, power_lost, standby_isolated, isolated_when_needed, short_cuts, starved_primary, both_suspended,
)  # fmt: skip


@pytest.fixture(scope="module")
def scenes(region_pairs):
    """Name -> what came of a scene; the test that asks for one that has failed fails."""

    def play(scene):
        with region_pairs() as pair:
            return scene(pair)

    with ThreadPoolExecutor(len(SCENES)) as stages:
        playing = {scene.__name__: stages.submit(play, scene) for scene in SCENES}
    return lambda name: playing[name].result()


@pytest.mark.parametrize("name", ["answers_lost", "requests_lost"])
def test_a_road_that_is_cut_one_way_is_a_cut_road(scenes, name):
    """Neither node can tell which way is cut: the failover acts, the primary goes on, and afterwards one of them monitors."""
    scene = scenes(name)
    assert ACTIVATE_AFTER_S - CHECK_EVERY_S - 0.2 <= scene.blind <= PROMISE_S + NOISE_S
    assert scene.primary == "running"
    assert scene.home.late == []
    assert scene.home.standby.wall - scene.home.healed <= CHECKS_OVERLAP_S + NOISE_S


def test_a_primary_that_loses_its_network_is_taken_over_in_time(scenes):
    scene = scenes("power_lost")
    assert ACTIVATE_AFTER_S - CHECK_EVERY_S - 0.2 <= scene.blind <= PROMISE_S + NOISE_S
    assert scene.home.late == []


def test_a_problem_that_began_while_the_primary_was_cut_off_is_mailed_at_once_and_twice_at_most(scenes):
    scene = scenes("power_lost")
    problem = [one for one in scene.letters if "ERROR Shop/Page a" in one.subject]
    assert problem[0].peer == HOMES["failover"]
    assert problem[0].wall < scene.home.healed
    assert len(problem) <= 2
    assert max(Counter(one.message_id for one in scene.letters).values()) <= 2


def test_an_isolated_standby_says_so_and_takes_nothing_over(scenes):
    scene = scenes("standby_isolated")
    assert not scene.acted
    assert scene.shown["state"] == "isolated"
    assert scene.shown["position"] == "grace"
    assert (scene.after["state"], scene.after["conditions"]) == ("standby", [])
    assert scene.said.index("alarm_isolated") < scene.said.index("isolated_over")


def test_a_standby_that_was_isolated_when_the_primary_died_takes_over_when_it_is_back(scenes):
    scene = scenes("isolated_when_needed")
    assert scene.waited
    assert "isolated" in scene.blocked.what
    assert ACTIVATE_AFTER_S - CHECK_EVERY_S <= scene.delay <= PROMISE_S + NOISE_S + 1.0


@pytest.mark.parametrize("name", ["short_cuts", "starved_primary"])
def test_short_interruptions_take_nothing_over_however_many(scenes, name):
    scene = scenes(name)
    assert scene.missed, "they were seen"
    assert not scene.acted


def test_a_pair_that_slept_together_wakes_up_as_it_was(scenes):
    scene = scenes("both_suspended")
    assert "paused" in scene.paused
    assert not scene.acted
