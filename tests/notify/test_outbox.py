"""What waits, in which order it leaves, and what becomes of it when it cannot."""

import itertools
import math

import msgspec
import pytest

from sitescope_fo.engine.cells import Cell, CellTable
from sitescope_fo.engine.state import LEDGER, OUTBOX, LedgerRow, OutboxItem
from sitescope_fo.model.effect import RoleMail
from sitescope_fo.model.fact import MailFailed, MailLeaving, MailSent
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import Status
from sitescope_fo.notify import outbox
from sitescope_fo.notify.outbox import (
    MOST_DEAD,
    SEPARATOR,
    compose_role,
    due,
    figures,
    next_due,
    on_failed,
    on_leaving,
    on_sent,
    put,
)

WALL = 1_800_000_000.0
OPS = ("ops@example.org", "boss@example.org", "ops@example.org")


def at(mono):
    return Now(mono, WALL + mono)


def anywhere(profile):
    return True


class Box:
    """A state with only an outbox."""

    def __init__(self):
        self.cells = CellTable()
        self.said = []

    def take(self, decision):
        self.cells.apply(decision.changes)
        self.said += decision.effects
        return self

    def role(self, now=10.0, *, to=OPS, **fields):
        effect = RoleMail(
            **{"event": "activated", "subject": "took over", "text": "because", "profile": "prod", "term": 2, **fields}
        )
        return self.take(compose_role(self.cells, effect, to, at(now), node="standby"))

    def alert(self, name="web", now=10.0, profile="prod"):
        row = LedgerRow(
            profile=profile,
            monitor=name,
            alert="a",
            recipient="ops@example.org",
            status=Status.error,
            transition=1,
            repeat=1,
            term=2,
            wall=WALL,
        )
        mail_id = f"<{name}-{now}@x>"
        item = OutboxItem(
            id=f"{row.id}{SEPARATOR}{mail_id}", kind="alert", profile=profile, key=row.id, to=row.recipient,
            subject=name, text="", message_id=mail_id, created_wall=WALL + now, tells=row,
        )  # fmt: skip
        self.take(put(self.cells, item, at(now)))
        return self

    def items(self):
        return list(self.cells.of(OUTBOX).values())

    def fail(self, item, now, *, permanent=False):
        return self.take(on_failed(self.cells, MailFailed(item=item.id, why="450 later", permanent=permanent), at(now)))


def test_a_role_mail_goes_to_each_recipient_once():
    box = Box().role()
    assert sorted(item.to for item in box.items()) == ["boss@example.org", "ops@example.org"]
    [first, second] = box.items()
    assert first.message_id != second.message_id
    assert first.subject == "[SiteScope] took over"
    assert "because" in first.text
    assert "Profile: prod, term 2" in first.text
    assert first.tells is None


def test_an_unsent_role_mail_of_the_same_key_is_replaced_and_others_are_not():
    box = Box().role(10.0, key="blocked", text="since a minute").role(70.0, key="blocked", text="since two minutes")
    assert len(box.items()) == 2
    assert all("since two minutes" in item.text for item in box.items())
    assert all(item.waiting_since_mono == 10.0 for item in box.items()), "it has waited since the first"
    box.role(80.0, key="blocked", profile="other").role(90.0).role(91.0)
    assert len(box.items()) == 8


def test_the_message_id_of_a_role_mail_depends_on_nothing_but_its_event():
    [one, _], [same, _] = Box().role().items(), Box().role().items()
    assert one.message_id == same.message_id
    assert (
        len({Box().role(**c).items()[0].message_id for c in ({}, {"term": 3}, {"key": "k"}, {"event": "e"}, {"now": 11.0})}) == 5
    )


def test_a_mail_nobody_is_set_to_get_is_said_in_the_log():
    [said] = Box().role(to=()).said
    assert (said.event, said.level) == ("mail_unaddressed", "WARNING")
    assert "took over" in said.what


def test_role_mails_leave_first_and_then_the_oldest():
    box = Box().alert("late", 30.0).alert("early", 20.0).role(40.0, to=OPS[:1])
    assert [item.subject for item in due(box.cells, at(50.0), anywhere)] == ["[SiteScope] took over", "early", "late"]


def test_alert_mails_of_a_profile_that_may_not_notify_stay_and_role_mails_leave():
    box = Box().alert("mine", profile="").alert("prod").role(to=OPS[:1])
    leaving = due(box.cells, at(50.0), lambda profile: profile == "")
    assert [item.subject for item in leaving] == ["[SiteScope] took over", "mine"]


def test_the_pause_after_a_failure_doubles_from_five_seconds_to_five_minutes():
    box, now, pauses = Box().alert(), 100.0, []
    for _ in range(9):
        [item] = due(box.cells, at(now), anywhere)
        box.fail(item, now)
        pauses.append(next_due(box.cells, at(now)) - now)
        assert due(box.cells, at(now + pauses[-1] - 0.1), anywhere) == []
        now += pauses[-1]
    assert pauses == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    assert [said.what.partition("attempt ")[2].partition(":")[0] for said in box.said] == ["1", "2", "4", "8"]
    assert box.items()[0].last_error == "450 later"


def test_a_mail_that_replaces_a_failing_one_keeps_its_pause():
    box = Box().alert(now=10.0)
    box.fail(box.items()[0], 20.0).alert(now=21.0)
    assert due(box.cells, at(22.0), anywhere) == []
    assert due(box.cells, at(25.0), anywhere)[0].attempts == 1


def test_a_pause_of_another_life_of_the_machine_does_not_bind():
    box = Box().alert(now=5_000_000.0)
    box.fail(box.items()[0], 5_000_000.0)
    assert len(due(box.cells, at(30.0), anywhere)) == 1
    assert next_due(box.cells, at(30.0)) == 30.0
    assert figures(box.cells, at(30.0)).oldest_s == 0.0


def test_a_refused_mail_is_kept_said_loudly_and_not_tried_again():
    box = Box().alert()
    box.fail(box.items()[0], 20.0, permanent=True)
    assert due(box.cells, at(9e9), anywhere) == []
    assert next_due(box.cells, at(20.0)) == math.inf
    assert (box.said[-1].event, box.said[-1].level) == ("mail_refused", "ERROR")
    assert figures(box.cells, at(9000.0), anywhere) == outbox.Figures(depth=0, oldest_s=0.0, dead=1)
    box.alert(now=30.0)
    [fresh] = due(box.cells, at(30.0), anywhere)
    assert (fresh.attempts, fresh.waiting_since_mono) == (0, 30.0)


def test_only_the_newest_refused_mails_are_kept():
    box = Box()
    for number in range(MOST_DEAD + 30):
        box.alert(f"m{number}", now=float(number))
        box.fail(box.cells.get(Cell(OUTBOX, box.items()[-1].key)), 9.0, permanent=True)
    kept = {item.subject for item in box.items()}
    assert MOST_DEAD <= len(kept) <= MOST_DEAD + 1
    assert f"m{MOST_DEAD + 29}" in kept
    assert "m0" not in kept


def test_a_report_about_a_mail_that_is_gone_changes_nothing_but_the_ledger():
    box = Box().alert()
    [item] = box.items()
    box.take(on_sent(box.cells, MailSent(item=item.id, server="s"), at(20.0)))
    assert box.items() == []
    [row] = box.cells.of("ledger").values()
    assert row.wall == WALL + 20.0, "when it was sent"
    for fact in (MailSent(item=item.id, server="s"), MailSent(item="unheard", server="s")):
        assert on_sent(box.cells, fact, at(30.0)).changes == {}
    assert on_failed(box.cells, MailFailed(item=item.id, why="", permanent=True), at(30.0)).changes == {}


def test_the_outbox_is_stuck_when_a_mail_that_may_leave_waits_for_ten_minutes():
    box = Box().alert(now=10.0).role(50.0, to=OPS[:1])
    assert not figures(box.cells, at(610.0), anywhere).stuck
    assert figures(box.cells, at(611.0), anywhere) == outbox.Figures(depth=2, oldest_s=601.0, dead=0)
    assert figures(box.cells, at(611.0), anywhere).stuck
    assert not figures(box.cells, at(611.0), lambda profile: False).stuck
    assert figures(box.cells, at(660.0), lambda profile: False).oldest_s == 610.0
    assert figures(CellTable(), at(0.0)) == outbox.Figures()


def test_a_wall_clock_step_of_a_day_makes_nothing_stuck():
    box = Box().alert(now=10.0)
    assert not figures(box.cells, Now(20.0, WALL + 86400.0), anywhere).stuck


def test_dropping_the_alert_mails_of_a_profile_leaves_all_others():
    box = Box().alert("prod").alert("mine", profile="").role(to=OPS[:1])
    box.take(outbox.drop_alert_mails(box.cells, "prod"))
    assert sorted(item.subject for item in box.items()) == ["[SiteScope] took over", "mine"]
    assert outbox.drop_alert_mails(box.cells, "prod").changes == {}


def leaving(box):
    [item] = box.items()
    box.take(on_leaving(box.cells, MailLeaving(item=item.id), at(20.0)))
    [*rows] = box.cells.of(LEDGER).values()
    return item, rows


def told(status, **fields):
    """A row that is in the ledger before the mail of `Box.alert` leaves."""
    row = next(iter(Box().alert().items())).tells
    return msgspec.structs.replace(row, **{"status": status, "transition": 0, "repeat": 1, "term": 1, "wall": WALL, **fields})


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        (None, "alert", (Status.error, 0, 0, True)),
        (told(Status.good), "alert", (Status.error, 0, 1, True)),
        (told(Status.error), "alert", (Status.error, 0, 1, False)),
        (told(Status.error, again=True), "alert", (Status.error, 0, 1, True)),
        (told(Status.error), "recovery", (Status.error, 0, 1, True)),
        (told(Status.error, again=True), "recovery", (Status.error, 0, 1, True)),
        (told(Status.good, transition=7, term=9), "alert", (Status.good, 7, 9, False)),
        (None, "recovery", None),
    ],
    ids=[
        "never told",
        "good before",
        "a reminder",
        "in doubt already",
        "recovery",
        "recovery again",
        "outranked",
        "news to nobody",
    ],
)
def test_what_the_ledger_says_while_a_mail_is_with_a_server(before, event, after):
    box = Box().alert()
    [item] = box.items()
    mail = msgspec.structs.replace(item, event=event)
    box.cells.apply({Cell(OUTBOX, item.key): mail})
    if before is not None:
        box.cells.apply({Cell(LEDGER, before.id): before})
    _, rows = leaving(box)
    assert [(row.status, row.transition, row.term, row.again) for row in rows] == ([] if after is None else [after])
    if rows and rows[0] is not before:
        assert before is None or rows[0].newer_than(before)
        assert mail.tells.newer_than(rows[0])


def test_only_an_alert_mail_that_waits_leaves_a_mark_in_the_ledger():
    box = Box().role(to=OPS[:1])
    assert leaving(box)[1] == []
    box = Box().alert()
    assert on_leaving(box.cells, MailLeaving(item="unheard"), at(20.0)).changes == {}


def test_items_survive_their_journal():
    for item in itertools.chain(Box().alert().items(), Box().role().items()):
        assert msgspec.json.decode(msgspec.json.encode(item), type=OutboxItem) == item


@pytest.mark.parametrize("profile", ["", "prod"])
def test_role_mails_of_the_node_and_of_profiles_never_share_a_cell(profile):
    box = Box().role(key="k", profile=profile).role(key="k", profile="else")
    assert len(box.items()) == 4
