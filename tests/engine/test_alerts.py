"""Who is told what, and how often: rules of alerts in a quiet life and over crash, takeover, isolation and hand-back."""

import anyio
import msgspec
import pytest

from sitescope_fo.engine.alert_rules import Move, move
from sitescope_fo.engine.alerting import message_id
from sitescope_fo.engine.state import LedgerRow
from sitescope_fo.model.fact import CheckSkipped, LedgerReceived, MailFailed, TreeChanged
from sitescope_fo.model.status import Status
from tests.engine.desk import WALL, Desk, E, G, N, Rejudge, W
from tests.engine.parts import OPS, alert, always, catalogue, key, monitor, once, repeat

pytestmark = pytest.mark.anyio


def desk(rule=None, **fields):
    return Desk(catalogue(alerts=[alert(when=rule or once(), **fields)]))


@pytest.mark.parametrize(
    ("rule", "results", "mails"),
    [
        (once(1), [G, E, E, E], [0, 1, 0, 0]),
        (once(3), [E, E, E, E, E], [0, 0, 1, 0, 0]),
        (once(3), [E, E, G, E, E, E], [0, 0, 0, 0, 0, 1]),
        (once(1), [E, G, E, G], [1, 1, 1, 1]),
        (always(1), [E, E, E], [1, 1, 1]),
        (always(3), [E, E, E, E, E], [0, 0, 1, 1, 1]),
        (always(2), [E, E, G, E, E, E], [0, 1, 1, 0, 1, 1]),
        (repeat(1, 3), [E, E, E, E, E, E, E, E], [1, 0, 0, 1, 0, 0, 1, 0]),
        (repeat(3, 2), [E, E, E, E, E, E, E], [0, 0, 1, 0, 1, 0, 1]),
        (once(1), [E, N, E, E], [1, 0, 0, 0]),  # no knowledge is no news, and breaks no row
        (once(3), [E, N, E, N, E], [0, 0, 0, 0, 1]),
        (once(1), [E, W, E], [1, 0, 1]),  # the row was broken
        (once(1), [E, W, G], [1, 0, 1]),  # the recipient still believes in an error
        (once(1), [W, W, G], [0, 0, 0]),  # nobody was told, nobody is told
        (once(3), [E, G, G], [0, 0, 0]),
        (repeat(2, 1), [E, E, N, E, N, E], [0, 1, 0, 1, 0, 1]),
    ],
)
async def test_the_rules_of_an_alert(rule, results, mails):
    async with desk(rule).open() as one:
        assert await one.checks(*results) == mails


@pytest.mark.parametrize(
    ("on", "results", "mails"),
    [
        (Status.warning, [G, W, E, G], [0, 1, 0, 1]),
        (Status.warning, [E, E], [0, 0]),
        (Status.good, [G, G, E, G], [1, 0, 0, 1]),
        (Status.nodata, [N, N, G, N], [1, 0, 1, 1]),
    ],
)
async def test_alerts_on_other_statuses(on, results, mails):
    async with desk(on=on).open() as one:
        assert await one.checks(*results) == mails


async def test_without_recovery_mails_a_new_row_is_told_again():
    async with desk(recovery=False).open() as one:
        assert await one.checks(E, E, G, G, E) == [1, 0, 0, 0, 1]


async def test_a_recovery_says_what_was_told_and_since_when():
    async with desk().open() as one:
        await one.checks(E, G)
        error, recovery = one.left
        assert error.subject == "[SiteScope] ERROR Servers/web"
        assert recovery.subject == "[SiteScope] GOOD Servers/web"
        assert "It was error, as mailed at 2027-" in recovery.text
        assert "Decided by:   level >= 2" in error.text
        assert "Monitored by: node (SiteScope), term 1" in error.text


async def test_each_recipient_is_told_once_and_has_a_ledger_row_of_its_own():
    actions = (f"mail:{OPS}", "mail:boss@example.org", f"mail:{OPS}")
    async with desk(actions=actions).open() as one:
        await one.checks(E)
        assert sorted(item.to for item in one.left) == ["boss@example.org", OPS]
        assert len({item.message_id for item in one.left}) == 2
        assert len(one.ledger()) == 2


async def test_a_recipient_who_is_added_during_a_problem_is_told_at_its_next_result():
    async with desk().open() as one:
        await one.checks(E, E)
        one.catalogue = catalogue(alerts=[alert(actions=(f"mail:{OPS}", "mail:new@example.org"))])
        await one.checks(E)
        assert [item.to for item in one.left] == [OPS, "new@example.org"]


async def test_an_alert_without_actions_goes_to_the_default_recipients_and_a_disabled_one_to_nobody():
    two = catalogue(alerts=[alert(actions=()), alert("off", enabled=False)])
    async with Desk(two).open() as one:
        await one.checks(E)
        assert [item.to for item in one.left] == ["all@example.org"]


async def test_a_disabled_monitor_sends_nothing_and_what_waited_about_it_is_dropped():
    async with desk().open() as one:
        await one.check(E)
        one.catalogue = catalogue(monitor(enabled=False), alerts=[alert()])
        await one.tell(TreeChanged(profile="", revision="2", monitors=1))
        assert one.waiting() == []
        await one.check(E)
        assert one.waiting() == []
        assert len(one.rows()) == 2, "a result that was under way is still recorded"


async def test_what_is_kept_about_removed_monitors_and_alerts_goes_with_them():
    async with desk().open() as one:
        await one.checks(E)
        one.catalogue = catalogue(alerts=[])
        await one.tell(TreeChanged(profile="", revision="2", monitors=1))
        assert one.ledger() == []
        assert one.state() is not None
        one.catalogue = catalogue(monitor("other"))
        await one.tell(TreeChanged(profile="", revision="3", monitors=1))
        assert one.state() is None


async def test_a_result_of_a_monitor_that_was_removed_meanwhile_changes_nothing():
    async with desk().open() as one:
        one.catalogue = catalogue(monitor("other"))
        await one.check(E)
        assert one.waiting() == one.rows() == []


# ---------------------------------------------------------------- the outbox in between


async def test_a_mail_that_waits_counts_as_told_and_the_newest_takes_its_place():
    async with desk(always()).open() as one:
        for _ in range(5):
            await one.check(E)
        [item] = one.waiting()
        assert "(reminder 5)" in item.subject
        assert item.tells.repeat == 5
        assert one.ledger() == [], "nobody was told yet"


async def test_a_problem_that_ends_before_its_mail_left_is_told_as_recovered():
    async with desk().open() as one:
        await one.check(E)
        await one.check(G)
        [item] = await one.deliver()
        assert item.event == "recovery"
        assert await one.checks(G, E) == [0, 1]


async def test_a_mail_that_was_replaced_while_a_server_took_it_is_still_known_to_be_told():
    async with desk().open() as one:
        await one.check(E)
        [taken] = one.due()
        await one.check(G)
        await one.tell(one.sent(taken))
        [row] = one.ledger()
        assert row.status is E
        [recovery] = await one.deliver()
        assert recovery.event == "recovery"
        assert one.ledger()[0].status is G


async def test_a_late_report_does_not_turn_the_ledger_back():
    async with desk().open() as one:
        await one.check(E)
        [first] = one.due()
        await one.checks(G)
        await one.tell(one.sent(first))
        assert one.ledger()[0].status is G


async def test_a_crash_between_delivery_and_its_mark_repeats_the_mail_under_the_same_id():
    async with desk().open() as one:
        await one.check(E)
        await one.deliver(mark=False)
    again = one.reborn()
    async with again.open():
        await again.check(E)
        await again.deliver()
        assert await again.checks(E, E) == [0, 0]
    assert [item.message_id for item in one.left] == [item.message_id for item in again.left]


async def test_a_crash_before_the_decision_was_durable_loses_no_alert():
    async with desk(once(2)).open() as one:
        await one.check(E)
    again = one.reborn()
    async with again.open():
        assert await again.checks(E, E) == [1, 0]


async def test_a_refused_mail_is_not_composed_again_with_each_result():
    async with desk().open() as one:
        await one.check(E)
        [item] = one.due()
        await one.tell(MailFailed(item=item.id, why="no such user", permanent=True))
        assert await one.checks(E, E) == [0, 0]
        assert await one.checks(G) == [1]


# ---------------------------------------------------------------- takeover and hand-back


class Pair:
    """A primary in term 1, and the failover that will act in term 2 for it, under the profile prod."""

    def __init__(self, rule=None, **fields):
        alerts = [alert(when=rule or once(), **fields)]
        self.primary = Desk(catalogue(alerts=alerts), name="primary")
        self.failover = Desk(catalogue(alerts=alerts, profile="prod"), profile="prod", term=2, name="failover")

    async def before(self, *results):
        """The primary's life; the failover heard all of it."""
        async with self.primary.open():
            await self.primary.checks(*results)
        async with self.failover.open():
            await self.failover.learn_from(self.primary)
        self.failover.blind_from = self.failover.clock.wall()
        await anyio.sleep(180.0)

    async def acting(self, *results):
        """The failover's life; how many mails each result brought."""
        async with self.failover.open():
            return await self.failover.checks(*results)

    async def after(self, *results, term=3):
        """The ledger goes home and the primary runs again."""
        self.primary = self.primary.reborn(term=term)
        async with self.primary.open():
            await self.primary.learn_from(self.failover)
            return await self.primary.checks(*results)


@pytest.mark.parametrize("rule", [once(1), once(3), always(3), repeat(3, 5)])
async def test_what_fails_in_the_blind_window_is_told_once_at_once_and_says_so(rule):
    pair = Pair(rule)
    await pair.before(G, G)
    assert (await pair.acting(E, E))[0] == 1
    first = pair.failover.left[0]
    assert first.subject == "[SiteScope] ERROR Servers/web (first seen after failover)"
    assert "Nobody watched this monitor from 2027-" in first.text
    assert "(4m)" in first.text
    assert "Monitored by: failover (SiteScope) for prod, term 2" in first.text


async def test_what_the_primary_told_already_is_not_told_again():
    pair = Pair(once(2))
    await pair.before(E, E)
    assert len(pair.primary.left) == 1
    assert await pair.acting(E, E, E) == [0, 0, 0]


async def test_what_recovered_in_the_gap_is_told_once():
    pair = Pair()
    await pair.before(E)
    assert await pair.acting(G, G) == [1, 0]
    [recovery] = pair.failover.left
    assert "(recovered during a failover)" in recovery.subject
    assert "Nobody watched this monitor" in recovery.text


async def test_without_recovery_mails_a_recovery_in_the_gap_is_noted_silently():
    pair = Pair(recovery=False)
    await pair.before(E)
    assert await pair.acting(G, G, E) == [0, 0, 1]


async def test_reminders_go_on_where_the_primary_left_them():
    pair = Pair(repeat(1, 3))
    await pair.before(E, E, E, E, E)
    assert len(pair.primary.left) == 2
    assert await pair.acting(E, E, E, E) == [0, 1, 0, 0]


async def test_reminders_go_on_in_time_when_only_the_ledger_came_over():
    pair = Pair(repeat(1, 3))
    async with pair.primary.open():
        await pair.primary.checks(*[E] * 7)
    async with pair.failover.open():
        await pair.failover.tell(LedgerReceived(profile="prod", data=pair.primary.ledger_data()))
        assert await pair.failover.checks(E, E, E, E) == [0, 0, 0, 1]


async def test_always_goes_on_after_a_takeover_with_its_next_result():
    pair = Pair(always(3))
    await pair.before(E, E, E)
    assert await pair.acting(E, E) == [0, 1]


async def test_a_takeover_in_the_middle_of_a_count_tells_at_once():
    pair = Pair(once(3))
    await pair.before(E, E)
    assert await pair.acting(E, E) == [1, 0]


async def test_nodata_after_a_takeover_tells_nothing_and_keeps_what_was_told():
    pair = Pair()
    await pair.before(E)
    assert await pair.acting(N, E, G) == [0, 0, 1]


async def test_each_monitor_has_its_blind_window_once_a_term_whatever_its_first_result():
    pair = Pair()
    await pair.before(G)
    await pair.acting(G, E)
    [window] = pair.failover.windows()
    assert (window.profile, window.monitor, window.path, window.term) == ("prod", "web", "Servers/web", 2)
    assert window.start == pair.failover.blind_from
    assert window.end - window.start == pytest.approx(240.0)
    assert window.end == pair.failover.rows()[0].wall - 0.1
    assert pair.primary.windows() == []


async def test_after_a_hand_back_nothing_is_told_twice():
    pair = Pair()
    await pair.before(G)
    await pair.acting(E)
    assert await pair.after(E, E) == [0, 0]
    assert pair.primary.windows() == []


async def test_what_recovered_during_a_hand_back_is_told_once():
    pair = Pair()
    await pair.before(E)
    await pair.acting(E)
    assert await pair.after(G, G) == [1, 0]


async def test_what_failed_during_a_hand_back_is_told_at_once():
    pair = Pair(once(3))
    await pair.before(G)
    await pair.acting(G)
    assert await pair.after(E, E) == [1, 0]


async def test_a_mail_that_waited_on_the_primary_is_dropped_when_the_failover_told_it():
    pair = Pair()
    async with pair.primary.open():
        await pair.primary.check(E)
    await pair.acting(E)
    assert await pair.after(E, E) == [0, 0]
    assert pair.primary.left == []


async def test_a_mail_that_waited_on_the_primary_is_told_when_nobody_else_did():
    pair = Pair()
    async with pair.primary.open():
        await pair.primary.check(E)
    pair.primary = pair.primary.reborn(term=3)
    async with pair.primary.open():
        assert await pair.primary.checks(E, E) == [1, 0]


async def test_a_mail_that_an_earlier_term_left_is_not_sent_when_the_problem_is_over():
    pair = Pair()
    async with pair.primary.open():
        await pair.primary.check(E)
    pair.primary = pair.primary.reborn(term=3)
    async with pair.primary.open():
        assert await pair.primary.checks(G, G) == [0, 0]
        assert pair.primary.waiting() == pair.primary.ledger() == []


async def test_both_nodes_give_one_event_the_same_message_id():
    """The primary dies after it sent and before the failover heard of it: the copy collapses downstream."""
    pair = Pair()
    await pair.before(G, E, G)
    async with pair.primary.open():
        await pair.primary.checks(E)
    await pair.acting(E)
    assert pair.primary.left[-1].message_id == pair.failover.left[-1].message_id
    assert len({item.message_id for item in pair.primary.left}) == 3


async def test_the_message_id_tells_different_events_apart():
    base = {"transition": 4, "repeat": 1, "base_term": 2}
    first = message_id("a", "m", OPS, E, **base)
    others = [
        message_id("b", "m", OPS, E, **base),
        message_id("a", "n", OPS, E, **base),
        message_id("a", "m", "x@example.org", E, **base),
        message_id("a", "m", OPS, G, **base),
        message_id("a", "m", OPS, E, **{**base, "transition": 5}),
        message_id("a", "m", OPS, E, **{**base, "repeat": 2}),
        message_id("a", "m", OPS, E, **{**base, "base_term": 3}),
    ]
    assert len({first, *others}) == 8
    assert first == message_id("a", "m", OPS, E, **base)


async def test_a_node_that_does_not_tell_people_records_results_and_writes_no_mails():
    async with desk().open() as one:
        one.alerting = False
        await one.check(E)
        assert one.waiting() == []
        assert [row.status for row in one.rows()] == [E]


async def test_a_late_result_of_an_earlier_term_is_recorded_and_judges_nothing():
    pair = Pair()
    await pair.before(G)
    await pair.acting(E)
    async with pair.failover.open():
        await pair.failover.check(G, term=1)
        assert await pair.failover.deliver() == []
        assert pair.failover.state().status is E
        assert [row.term for row in pair.failover.rows()] == [2, 1]


@pytest.mark.parametrize("skipped_first", [False, True])
async def test_a_new_monitor_of_the_own_tree_waits_for_its_count(skipped_first):
    async with desk(once(2)).open() as one:
        if skipped_first:
            await one.tell(CheckSkipped(key=key(), why="not run: it depends on Gateway"))
        assert await one.checks(E, E) == [0, 1]


# ---------------------------------------------------------------- isolation


async def test_after_an_isolation_what_persists_is_told_and_what_has_passed_is_not():
    alerts = [alert(when=once(2))]
    both = catalogue(monitor("web"), monitor("db"), alerts=alerts)
    async with Desk(both).open() as one:
        for status in (E, E):
            await one.check(status, "web")
            await one.check(status, "db")
        assert len(one.waiting()) == 2
        await one.check(G, "db")
        await one.tell(Rejudge(profile=""))
        [item] = one.waiting()
        assert (item.tells.monitor, item.tells.status) == ("web", E)


async def test_after_an_isolation_a_known_problem_is_not_told_again_and_a_recovery_is():
    async with desk().open() as one:
        await one.checks(E)
        await one.tell(Rejudge(profile=""))
        assert one.waiting() == []
        await one.check(G)
        await one.tell(Rejudge(profile=""))
        [item] = one.waiting()
        assert item.event == "recovery"


async def test_after_an_isolation_a_count_that_is_not_reached_is_still_waited_for():
    async with desk(once(2)).open() as one:
        await one.check(E)
        await one.tell(Rejudge(profile=""))
        assert one.waiting() == []
        await one.check(E)
        assert len(one.waiting()) == 1


@pytest.mark.parametrize("rule", [once(1), once(3)])
async def test_after_an_isolation_the_blind_window_is_still_spoken_of(rule):
    pair = Pair(rule)
    await pair.before(G)
    async with pair.failover.open():
        await pair.failover.check(E)
        await pair.failover.tell(Rejudge(profile="prod"))
        [item] = pair.failover.waiting()
        assert "first seen after failover" in item.subject


async def test_after_an_isolation_monitors_that_wait_for_their_first_run_are_left():
    alerts = [alert()]
    both = catalogue(monitor("web"), monitor("db"), alerts=alerts, profile="prod")
    async with Desk(both, profile="prod", term=1).open() as one:
        await one.check(E, "db")
        await one.deliver()
        one.term = 2
        await one.check(G, "web")
        await one.tell(Rejudge(profile="prod"))
        assert one.waiting() == []


# ---------------------------------------------------------------- the table


def told(status):
    fields = {
        "profile": "",
        "monitor": "m",
        "alert": "a",
        "recipient": OPS,
        "transition": 3,
        "repeat": 1,
        "term": 1,
        "wall": WALL,
    }
    return LedgerRow(status=status, **fields)


@pytest.mark.parametrize("status", [G, W, E, N])
@pytest.mark.parametrize("known", [None, G, W, E, N])
@pytest.mark.parametrize("recovery", [True, False])
@pytest.mark.parametrize("on", [G, W, E, N])
async def test_the_table_is_total_and_never_repeats_or_loses_news(on, recovery, known, status):
    rule = alert(on=on, recovery=recovery, when=once())
    row = None if known is None else told(known)
    what, _ = move(rule, status, 1, row, at_once=True)
    if what in {Move.tell, Move.remind, Move.recover}:
        assert known is not status, "nobody is told what they know"
    if status is on:
        assert (what is Move.tell) is (known is not on)
    if known is on and status is G is not on:
        assert what is (Move.recover if recovery else Move.note)
    after = msgspec.structs.replace(row or told(on), status=status) if what is not Move.nothing else row
    assert move(rule, status, 2, after, at_once=True)[0] is Move.nothing, "the same state again is no news"
