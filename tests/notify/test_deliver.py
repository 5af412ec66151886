"""The courier, in virtual time on both backends: the real outbox and writer, a mail server that can be told to fail."""

import itertools

import anyio
import msgspec
import pytest

from sitescope_fo.engine.state import OUTBOX
from sitescope_fo.model.config import MailServer, MailSettings
from sitescope_fo.notify import outbox
from sitescope_fo.notify.deliver import Courier
from sitescope_fo.notify.errors import MailDeferred, MailRefused, ServerTrouble
from tests.engine.conftest import anyio_backend  # noqa: F401  # virtual time here too
from tests.engine.desk import Desk, E, G
from tests.engine.parts import alert, catalogue, monitor, once

pytestmark = pytest.mark.anyio
SLOW = 0.5


def settings(name):
    return MailSettings(servers=(MailServer(host=name),), sender="site@example.org")


class Servers:
    """Mail servers by host name: `trouble` maps a host to what it does instead of taking a mail."""

    def __init__(self):
        self.taken = []
        self.trouble = {}
        self.tries = []
        self.busy = set()

    async def send(self, settings, message):
        host = settings.servers[0].host
        assert host not in self.busy, "one mail at a time for each setting"
        self.busy.add(host)
        self.tries.append((anyio.current_time(), host, message.to))
        try:
            trouble = self.trouble.get(host)
            if trouble == "hang":
                await anyio.sleep(60.0)
                raise ServerTrouble("timeout", code="mail_timeout")
            await anyio.sleep(SLOW)
            if trouble == "down":
                raise ServerTrouble("refused")
            if trouble == "defer":
                raise MailDeferred("refused")
            if trouble == "refuse":
                raise MailRefused("550 no")
        finally:
            self.busy.discard(host)
        self.taken.append(message)
        return host


class Stage:
    """A desk with a courier over it."""

    def __init__(self, desk, servers=None):
        self.desk, self.servers = desk, servers or Servers()
        self.allowed = True
        self.courier = Courier(
            desk.writer.table,
            self.servers,
            desk.clock,
            desk.writer,
            may_notify=lambda profile: self.allowed,
            settings_for=lambda profile: settings(f"mail{profile}"),
            changed=desk.writer.changed,
            sender_host="node.example",
        )

    async def play(self, scene):
        async with self.desk.open(), anyio.create_task_group() as tasks:
            tasks.start_soon(self.courier.run)
            await scene()
            tasks.cancel_scope.cancel()


def stage(*names, **fields):
    monitors = [monitor(name) for name in names or ("web",)]
    return Stage(Desk(catalogue(*monitors, alerts=[alert(when=once(), **fields)])))


async def test_a_mail_leaves_within_a_second_and_is_marked_as_sent():
    one = stage()

    async def scene():
        await one.desk.check(E)
        began = anyio.current_time()
        await anyio.sleep(2.0)
        [(at, host, to)] = one.servers.tries
        assert at - began < 1.0
        assert (host, to) == ("mail", "ops@example.org")
        [mail] = one.servers.taken
        assert mail.sender == "site@example.org"
        assert ("X-SiteScope-Event", "alert") in mail.headers
        assert one.desk.waiting() == []
        assert one.desk.ledger()[0].status is E

    await one.play(scene)


async def test_a_mail_that_waits_at_the_start_is_sent_without_any_change():
    one = stage()
    async with one.desk.open():
        await one.desk.check(E)
    again = Stage(one.desk.reborn())

    async def scene():
        await anyio.sleep(2.0)
        assert len(again.servers.taken) == 1

    await again.play(scene)


async def test_a_mail_that_may_not_leave_waits_and_leaves_once_it_may():
    one = stage()
    one.allowed = False

    async def scene():
        await one.desk.check(E)
        await anyio.sleep(600.0)
        assert one.servers.tries == []
        one.allowed = True
        await anyio.sleep(2.5)
        assert len(one.servers.taken) == 1

    await one.play(scene)


async def test_permission_is_asked_before_each_mail_of_a_batch():
    one = stage("web", "db", "dns")
    one.allowed = False

    async def scene():
        for name in ("web", "db", "dns"):
            await one.desk.check(E, name)
        one.allowed = True
        while not one.servers.tries:
            await anyio.sleep(0.1)
        one.allowed = False
        await anyio.sleep(60.0)
        assert len(one.servers.taken) == 1
        assert len(one.desk.waiting()) == 2

    await one.play(scene)


async def test_a_server_that_is_down_is_tried_with_growing_pauses_and_nothing_is_lost():
    one = stage()
    one.servers.trouble["mail"] = "down"

    async def scene():
        await one.desk.check(E)
        await anyio.sleep(200.0)
        times = [at for at, _, _ in one.servers.tries]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert len(gaps) == 5
        assert all(pause <= gap <= pause + SLOW + 1.5 for pause, gap in zip((5.0, 10.0, 20.0, 40.0, 60.0), gaps, strict=True))
        one.servers.trouble.clear()
        await anyio.sleep(62.0)
        assert len(one.servers.taken) == 1
        assert one.desk.waiting() == []

    await one.play(scene)


async def test_a_server_in_trouble_is_asked_by_one_mail_at_a_time_each_time_another_and_then_gets_all():
    names = [f"m{number}" for number in range(6)]
    one = stage(*names)
    one.servers.trouble["mail"] = "down"
    asked = []
    send = one.servers.send

    async def noted(settings, message):
        asked.append(message.subject)
        return await send(settings, message)

    one.servers.send = noted
    one.allowed = False

    async def scene():
        for name in names:
            await one.desk.check(E, name)
        one.allowed = True
        await anyio.sleep(45.0)
        assert len(asked) == len(set(asked)) == 4
        one.servers.trouble.clear()
        await anyio.sleep(45.0 + 6 * SLOW)
        assert len(one.servers.taken) == 6
        assert len(asked) == 4 + 6

    await one.play(scene)


async def test_a_mail_that_a_server_chokes_on_does_not_keep_the_others():
    one = stage("web", "db")
    one.allowed = False

    class Choking(Servers):
        async def send(self, settings, message):
            self.trouble["mail"] = "down" if "web" in message.subject else ""
            return await super().send(settings, message)

    one.servers = one.courier._mailer = Choking()

    async def scene():
        await one.desk.check(E, "web")
        await one.desk.check(E, "db")
        one.allowed = True
        await anyio.sleep(10.0)
        assert [mail.subject for mail in one.servers.taken] == ["[SiteScope] ERROR Servers/db"]

    await one.play(scene)


async def test_a_mail_deferred_by_itself_waits_alone():
    one = stage("web", "db")
    one.allowed = False

    class Greylisting(Servers):
        async def send(self, settings, message):
            self.trouble["mail"] = "defer" if "web" in message.subject else ""
            return await super().send(settings, message)

    one.servers = one.courier._mailer = Greylisting()

    async def scene():
        await one.desk.check(E, "web")
        await one.desk.check(E, "db")
        one.allowed = True
        await anyio.sleep(4.0)
        assert [mail.subject for mail in one.servers.taken] == ["[SiteScope] ERROR Servers/db"]
        assert len(one.servers.tries) == 2

    await one.play(scene)


async def test_a_refused_mail_is_tried_once():
    one = stage()
    one.servers.trouble["mail"] = "refuse"

    async def scene():
        await one.desk.check(E)
        await anyio.sleep(3600.0)
        assert len(one.servers.tries) == 1
        assert one.desk.waiting()[0].dead

    await one.play(scene)


async def test_a_refused_mail_does_not_hold_up_the_next():
    one = stage("web", "db")
    one.allowed = False

    class Picky(Servers):
        async def send(self, settings, message):
            self.trouble["mail"] = "refuse" if "web" in message.subject else ""
            return await super().send(settings, message)

    one.servers = one.courier._mailer = Picky()

    async def scene():
        await one.desk.check(E, "web")
        await one.desk.check(E, "db")
        one.allowed = True
        await anyio.sleep(5.0)
        assert [mail.subject for mail in one.servers.taken] == ["[SiteScope] ERROR Servers/db"]

    await one.play(scene)


async def test_a_hanging_server_delays_only_its_own_mails():
    one = stage()
    one.servers.trouble["mailprod"] = "hang"
    elsewhere = one.desk.catalogue.tree("")
    one.desk.catalogue = one.desk.catalogue.with_tree("prod", elsewhere)

    async def scene():
        one.desk.profile = "prod"
        await one.desk.check(E)
        await anyio.sleep(1.0)
        one.desk.profile = ""
        await one.desk.check(E)
        await anyio.sleep(2.0)
        assert [mail.headers[0] for mail in one.servers.taken] == [("X-SiteScope-Event", "alert")]
        assert {host for _, host, _ in one.servers.tries} == {"mail", "mailprod"}

    await one.play(scene)


async def test_a_mail_replaced_before_its_turn_is_not_sent():
    one = stage()
    one.allowed = False

    async def scene():
        await one.desk.check(E)
        await one.desk.check(G)
        one.allowed = True
        await anyio.sleep(3.0)
        assert [mail.subject for mail in one.servers.taken] == ["[SiteScope] GOOD Servers/web"]

    await one.play(scene)


async def test_a_mail_replaced_while_the_server_takes_it_is_followed_by_its_successor():
    one = stage()

    async def scene():
        await one.desk.check(E)
        while not one.servers.tries:
            await anyio.sleep(0.01)
        [item] = one.desk.waiting()
        one.desk.alerting = True
        good = msgspec.structs.replace(item, id=f"{item.key}\x1e<next@x>", message_id="<next@x>", subject="next")
        one.desk.writer.table.apply({(OUTBOX, item.key): good})
        await anyio.sleep(5.0)
        assert [mail.message_id for mail in one.servers.taken] == [item.message_id, "<next@x>"]
        assert one.desk.waiting() == []

    await one.play(scene)


async def test_before_a_server_gets_an_alert_mail_it_is_durable_that_its_recipient_may_be_told():
    one = stage()

    async def scene():
        await one.desk.check(E)
        while not one.servers.tries:
            await anyio.sleep(0.01)
        [row] = one.desk.reborn().ledger()
        assert (row.status, row.again, row.transition) == (E, True, 0)

    await one.play(scene)


@pytest.mark.parametrize("after", [E, G], ids=["it lasts", "it is over"])
async def test_who_judges_after_a_node_that_died_with_a_mail_in_hand_and_gave_its_work_away_tells_what_is_missing(after):
    one = stage()
    one.courier._submit = lambda fact: None  # the kill: what the server took is never marked

    async def scene():
        await one.desk.check(E)
        await anyio.sleep(2.0)
        [first] = one.servers.taken
        one.desk.writer.table.apply(outbox.drop_alert_mails(one.desk.writer.table, "").changes)  # it no longer acts
        other = stage()
        async with other.desk.open():
            await other.desk.learn_from(one.desk)
            await other.desk.check(after)
            told = [(mail.event, mail.message_id == first.message_id) for mail in other.desk.waiting()]
        assert told == ([("alert", True)] if after is E else [("recovery", False)])

    await one.play(scene)


async def test_a_mail_that_is_dropped_while_its_leaving_is_noted_does_not_leave():
    one = stage()
    settle = one.desk.writer.settle

    async def dropped(fact):
        await settle(fact)
        one.desk.writer.table.apply(outbox.drop_alert_mails(one.desk.writer.table, "").changes)

    one.courier._settle = dropped

    async def scene():
        await one.desk.check(E)
        await anyio.sleep(5.0)
        assert one.servers.tries == []

    await one.play(scene)


async def test_killed_between_delivery_and_mark_the_next_life_sends_one_copy_under_the_same_id():
    one = stage()
    one.courier._submit = lambda fact: None  # the kill: what the server took is never marked

    async def scene():
        await one.desk.check(E)
        await anyio.sleep(30.0)
        assert len(one.servers.taken) == 1, "in this life it is sent once all the same"

    await one.play(scene)
    again = Stage(one.desk.reborn(), one.servers)

    async def next_life():
        await anyio.sleep(30.0)
        await again.desk.check(E)
        await anyio.sleep(30.0)

    await again.play(next_life)
    assert len(one.servers.taken) == 2
    assert len({mail.message_id for mail in one.servers.taken}) == 1
