"""A cut road between two nodes that both see the town: both monitor for a while, and everything about that is bounded and said.

It is played once: the road is cut, page a fails under both nodes, the road heals. Each test proves one promise on it.
"""

from collections import Counter
from datetime import datetime
from types import SimpleNamespace

import pytest

from tests.processes.netns import HOMES
from tests.processes.pair import ACTIVATE_AFTER_S, CHECK_EVERY_S, MONITORS, NOISE_S, PROMISE_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]

MAILS_OVERLAP_S = CHECK_EVERY_S + 1.0
CHECKS_OVERLAP_S = 4 * CHECK_EVERY_S + 5.0
"""R8, without a witness: for how long after the cut has ended both may mail, and both may check."""


def wall(stamp):
    return datetime.fromisoformat(stamp).timestamp()


@pytest.fixture(scope="module")
def cut(region_pairs):
    with region_pairs() as pair:
        web, mail, region = pair.town.web, pair.town.mail, pair.town
        pair.wait_checked(pair.primary, 0.0)
        parted = pair.now()
        region.part()
        moved, first = pair.takes_over(parted)
        pair.wait_checked(pair.failover, moved.wall)
        web.fail("/a")
        pair.wait_letter("ERROR Shop/Page a", parted)
        pair.quiet_for(3.0)
        during = pair.failover.status(), pair.primary.status()
        healed = pair.now()
        region.heal()
        standby = pair.steps_back(healed)
        after = pair.failover.status()
        pair.wait_checked(pair.primary, standby.wall)
        web.mend()
        pair.wait_letter("GOOD Shop/Page a", standby.wall)
        pair.quiet_for(2.0)  # what must not come would come now
        yield SimpleNamespace(
            pair=pair, parted=parted, moved=moved, first=first, during=during, healed=healed, standby=standby, after=after,
            letters=list(mail.letters),
        )  # fmt: skip


def test_the_failover_takes_over_by_its_own_reference_points(cut):
    assert ACTIVATE_AFTER_S - CHECK_EVERY_S - 0.2 <= cut.first.started - cut.parted <= PROMISE_S + NOISE_S
    assert "reference points answer" in cut.moved.what
    assert cut.during[0]["profiles"][0]["conditions"] == []


def test_the_primary_goes_on_meanwhile(cut):
    assert cut.during[1]["node"]["state"] == "running"
    seen = cut.pair.primary.checks(cut.moved.wall, cut.healed)
    assert len({check.monitor for check in seen}) == MONITORS


def test_after_the_heal_both_check_no_longer_than_is_promised(cut):
    last = cut.pair.failover.checks(cut.moved.wall)[-1]
    assert last.started - cut.healed <= CHECKS_OVERLAP_S + NOISE_S


def test_the_failover_mails_nothing_once_it_hears_the_primary(cut):
    before, after = [], []
    for one in cut.letters:
        if "Shop/" in one.subject and one.peer == HOMES["failover"]:
            (before if one.wall <= cut.healed + MAILS_OVERLAP_S + NOISE_S else after).append(one.subject)
    assert before
    assert after == []


def test_the_overlap_is_logged_with_its_bounds(cut):
    events = cut.pair.failover.events(cut.healed)
    (opened,) = [one for one in events if one.event == "overlap"]
    (closed,) = [one for one in events if one.event == "overlap_over"]
    assert opened.wall <= closed.wall <= cut.standby.wall + 1
    (written,) = cut.after["profiles"][0]["overlaps"]
    assert abs(wall(written["from"]) - cut.moved.wall) <= 1.0, "it began when this node took over, not when that was noticed"
    assert wall(written["to"]) == pytest.approx(closed.wall, abs=1.0)


def test_then_exactly_one_node_monitors_with_a_term_of_its_own(cut):
    pair = cut.pair
    assert pair.failover.checks(cut.standby.wall) == []
    after = pair.primary.checks(cut.standby.wall + 1)
    assert {check.term for check in after} == {max(check.term for check in after)}
    assert after[0].term > cut.moved.term


def test_each_alert_is_mailed_twice_at_most_and_under_one_message_id(cut):
    problem = [one for one in cut.letters if "ERROR Shop/Page a" in one.subject]
    assert 1 <= len(problem) <= 2
    assert len({one.message_id for one in problem}) == 1
    assert max(Counter(one.message_id for one in cut.letters).values()) <= 2
    assert len([one for one in cut.letters if "GOOD Shop/Page a" in one.subject]) == 1
