"""One crash from kill -9 to hand-back, watched from all sides: it is played once, and each test proves one promise on it."""

from types import SimpleNamespace

import pytest

from tests.processes.pair import ACTIVATE_AFTER_S, CHECK_EVERY_S, MONITORS, NOISE_S, PROMISE_S

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]


@pytest.fixture(scope="module")
def crash(stage):
    """Page a fails and is mailed by the primary; so does page b. The primary is killed. Meanwhile b recovers and c fails."""
    pair = stage.build()
    web, mail = pair.town.web, pair.town.mail
    try:
        pair.start(PYTHONPROFILEIMPORTTIME="1")
        pair.wait_checked(pair.primary, 0.0)
        web.fail("/a", "/b")
        told = [pair.wait_letter(f"ERROR Shop/Page {page}") for page in "ab"]
        pair.quiet_for(4 * CHECK_EVERY_S)  # what was notified reaches the failover with a probe
        killed = pair.primary.kill()
        web.mend("/b")
        web.fail("/c")
        moved, first = pair.takes_over(killed)
        pair.wait_checked(pair.failover, moved.wall)
        pair.wait_letter("ERROR Shop/Page c", killed)
        pair.wait_letter("GOOD Shop/Page b", killed)
        pair.wait_letter("FAILOVER ACTIVE", killed)
        acting = pair.failover.status()
        rows = pair.failover.monitors()
        started = pair.primary.start(PYTHONPROFILEIMPORTTIME="1").status()
        standby = pair.steps_back(killed)
        pair.wait_checked(pair.primary, standby.wall)
        after = {node.name: node.status() for node in pair.nodes}
        pair.quiet_for(2.0)  # mails that must not come would come now
        yield SimpleNamespace(
            pair=pair, told=told, killed=killed, moved=moved, first=first, acting=acting, rows=rows, started=started,
            standby=standby, after=after, letters=list(mail.letters),
        )  # fmt: skip
    except AssertionError as error:
        raise AssertionError(f"{error}{pair.tail()}") from error
    finally:
        pair.end()
        web.mend()


def letters(crash, subject, since=0.0):
    return [one for one in crash.letters if subject in one.subject and one.wall >= since]


def test_the_first_check_starts_within_the_promise_and_not_before_the_waiting_time(crash):
    delay = crash.first.started - crash.killed
    assert ACTIVATE_AFTER_S - CHECK_EVERY_S - 0.2 <= delay <= PROMISE_S + NOISE_S


def test_it_goes_by_suspect_and_grace_and_states_its_evidence(crash):
    moves = crash.pair.failover.moves(crash.killed)
    assert moves[:4] == [("standby", "suspect"), ("suspect", "grace"), ("grace", "activating"), ("activating", "active")]
    profile = crash.acting["profiles"][0]
    assert profile["last_transition"]["why"]
    for event in crash.pair.failover.events(crash.killed):
        if event.event == "role_changed":
            assert "seen: " in event.what


def test_every_monitor_runs_on_the_failover(crash):
    counts = crash.acting["monitors"]
    assert (counts["total"], counts["suspended"], counts["waiting"]) == (MONITORS, 0, 0)
    assert {row["path"] for row in crash.rows} == {check.path for check in crash.pair.failover.checks(crash.moved.wall)}


def test_a_monitoring_plugin_of_the_distribution_runs_on_both_nodes(crash):
    seen = {node.name: next(c for c in node.checks(0.0) if c.path == "Machine/Plugin") for node in crash.pair.nodes}
    for name, check in seen.items():
        assert check.status == "good", name
        assert check.values["exit_code"] == 0
        assert "TCP OK" in check.values["output"]


def test_the_returned_primary_yields_and_takes_back_with_a_higher_term(crash):
    assert crash.started["node"]["state"] in {"boot_check", "yielded"}
    assert crash.pair.failover.moves(crash.killed)[-3:] == [
        ("active", "recovering"), ("recovering", "handback"), ("handback", "standby"),
    ]  # fmt: skip
    failover, primary = crash.after["failover"], crash.after["primary"]
    assert primary["node"]["state"] == "running"
    assert failover["profiles"][0]["state"] == "standby"
    assert failover["monitors"]["suspended"] == MONITORS
    terms = [check.term for check in crash.pair.primary.checks(crash.standby.wall)]
    assert min(terms) > crash.moved.term


def test_no_monitor_is_started_by_both(crash):
    pair = crash.pair
    assert pair.doubled(crash.moved.wall, crash.standby.wall + 5) == []
    assert pair.failover.checks(crash.standby.wall) == []
    acted = pair.failover.checks(crash.moved.wall)
    back = pair.primary.checks(acted[-1].started)
    assert back
    assert not pair.primary.checks(crash.killed, before=back[0].started)


def test_a_problem_that_the_primary_mailed_is_not_mailed_again(crash):
    assert len(letters(crash, "ERROR Shop/Page a")) == 1
    assert letters(crash, "GOOD Shop/Page a") == []


def test_a_problem_of_the_blind_window_gives_one_mail_marked_with_the_window(crash):
    (one,) = letters(crash, "ERROR Shop/Page c")
    assert one.wall >= crash.first.started
    assert "first seen after failover" in one.subject
    assert "Nobody watched this monitor from" in one.text


def test_what_recovered_in_the_gap_gives_one_recovery_mail(crash):
    assert len(letters(crash, "ERROR Shop/Page b")) == 1
    (one,) = letters(crash, "GOOD Shop/Page b")
    assert "recovered during a failover" in one.subject


def test_no_mail_is_sent_twice_and_none_after_the_hand_back(crash):
    ids = [one.message_id for one in crash.letters]
    assert len(ids) == len(set(ids))
    assert letters(crash, "Shop/", crash.standby.wall) == []


def test_each_role_change_that_people_must_know_is_mailed_once(crash):
    assert len(letters(crash, "FAILOVER ACTIVE")) == 1
    (active,) = letters(crash, "FAILOVER ACTIVE")
    assert active.to == ("ops@example.org",)
    assert "What to do" in active.text


def test_the_daemons_import_neither_textual_nor_rich(crash):
    for node in crash.pair.nodes:
        imported = {line.rpartition("|")[2].strip() for line in node.output.read_text().splitlines() if "import time:" in line}
        assert "uvicorn" in imported, "the list of imports is there"
        assert {name for name in imported if name.partition(".")[0] in {"textual", "rich"}} == set()
