"""A mail server that is gone, slow, mute, busy, picky, and that hangs up after it took a mail: each alert arrives once."""

from collections import Counter

import anyio
import pytest

from tests.simulation.watch import COVERED
from tests.simulation.world import world

pytestmark = pytest.mark.anyio
MOODS = (False, "slow", "silent", "later", "busy")
MINUTES_S = 600.0
TOLD_S = 400.0
"""A mail that was put off is tried again within 5 min."""


async def _moody(w):
    """The server's moods in turn, with good hours and broken connections in between."""
    moods = list(MOODS)
    w.chance.shuffle(moods)
    for mood in moods:
        COVERED[f"mail server {mood or 'gone'}"] += 1
        w.tell("mail", f"*** server {mood or 'gone'}")
        w.mail_server = mood
        await anyio.sleep(w.chance.uniform(20, 90))
        w.mail_server = True
        w.mail_drops = w.chance.choice((0, 1))
        await anyio.sleep(w.chance.uniform(5, 30))


async def _trouble(w, page):
    """A page fails, and perhaps gets well again."""
    await anyio.sleep(w.chance.uniform(5, MINUTES_S - 60))
    w.targets.fail(page)
    if w.chance.random() < 0.5:
        await anyio.sleep(w.chance.uniform(30, 200))
        w.targets.mend(page)


def _once(w):
    """Each message came once; one more time only when the server hung up on it, or its node died over it."""
    copies = Counter(mail.message_id for mail in w.watch.mails)
    doubled = {one for one, count in copies.items() if count > 1}
    assert doubled <= set(w.watch.dropped), "a copy without a broken connection"
    for one, count in copies.items():
        assert count <= 1 + w.watch.dropped.count(one)


async def test_every_alert_arrives_once_whatever_mood_the_server_is_in(seed):
    async with world(seed, monitors=9, frequency="10s", watch_files="30s") as w:
        await w.mirrored()
        for page in w.pages:
            w.spawn(_trouble, w, page)
        await _moody(w)
        w.mail_drops = 0
        await w.until(lambda: w.now > MINUTES_S + 150, MINUTES_S + 300)
        await w.until(lambda: all(_told(w, page) for page in w.pages), TOLD_S, "what is wrong is known, what is well again, too")
        await w.run(60)
        _once(w)
        assert not w.watch.takeovers(), "a mail server in trouble is no reason"


def _told(w, page):
    """The last word about a page is the truth. A problem that came and went while nobody could be told may have had no word."""
    words = w.watch.alerts(page)
    if page in w.targets.failing:
        return bool(words) and words[-1].event == "alert"
    return not words or words[-1].event == "recovery"


async def test_a_takeover_while_the_server_is_away_loses_no_alert(seed):
    async with world(seed, monitors=6) as w:
        await w.mirrored()
        w.mail_server = w.chance.choice((False, "silent", "busy"))
        w.targets.fail(*w.pages)
        await w.run(w.chance.uniform(0, 20))
        w.primary.kill()
        await w.until(lambda: w.failover.position == "active", 10)
        await w.run(30)
        w.mail_server = True
        await w.until(lambda: all(w.watch.alerts(page) for page in w.pages), TOLD_S, "every page is told")
        await w.run(60)
        assert all(len(w.watch.alerts(page)) == 1 for page in w.pages)


async def test_a_mail_refused_for_good_is_logged_and_keeps_no_other_waiting(seed):
    async with world(seed, monitors=3) as w:
        await w.mirrored()
        w.mail_server = "refused"
        w.targets.fail("Page 0")
        await w.until(lambda: w.watch.refused, 30)
        w.mail_server = True
        w.targets.fail("Page 1")
        await w.until(lambda: w.watch.alerts("Page 1"), 30)
        assert any(event == "mail_refused" for _, _, event, _ in w.watch.logged)
        await w.run(60)
        assert not w.watch.alerts("Page 0"), "nobody asks a second time for what was refused for good"
