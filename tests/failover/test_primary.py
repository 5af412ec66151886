"""The primary's side: boot-check, running, yielded, stopping."""

import math

import pytest

from sitescope_fo.failover import primary
from sitescope_fo.failover.state import PrimaryJournal
from sitescope_fo.model import effect as effects
from sitescope_fo.model import fact as facts
from sitescope_fo.model.ports import Now
from tests.failover.desk import START_WALL


class Bench:
    def __init__(self, peers=("f-1",), journal=None, boot_check_s=10.0, started=True):
        self.mono = 1000.0
        self.side = primary.restored(journal, "p-1", boot_check_s, self.now)
        self.seen = []
        if started:
            self.give(facts.PeersListed(node_ids=peers, pause_limit_s=5.0), facts.NodeStarted(boot_id="p-1"))

    @property
    def now(self):
        return Now(self.mono, START_WALL + self.mono)

    @property
    def state(self):
        return self.side.state.value

    def give(self, *given):
        for fact in given:
            self.side, out = primary.decide(self.side, fact, self.now)
            self.seen.extend(out)
        return self

    def wait(self, seconds):
        end = self.mono + seconds
        while (wake := primary.next_wake(self.side, self.now)) <= end:
            assert wake > self.mono
            self.mono = wake
            self.give(facts.Tick())
        self.mono = end
        return self.give(facts.Tick())

    def of(self, kind):
        return [one for one in self.seen if isinstance(one, kind)]

    def answer(self, active, peer="f-1", term=0, yield_for_s=30.0):
        return self.give(facts.BootCheckAnswered(peer=peer, active=active, term=term, yield_for_s=yield_for_s, profile="prod"))

    def running(self):
        return self.answer(False)

    def yielded(self, term=2):
        return self.give(yield_asked(term))


def yield_asked(term=2, peer="f-1"):
    return facts.YieldAsked(peer=peer, profile="prod", term=term, yield_for_s=30.0, why="switchover")


def run_asked(term=3, handback="h-1", peer="f-1"):
    return facts.RunAsked(peer=peer, profile="prod", handback=handback, term=term)


def refused(bench, fact):
    error = primary.refusal(bench.side, fact, bench.now)
    return error.code if error else ""


# --- boot-check -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bench", [Bench(peers=()), Bench(boot_check_s=0.0)], ids=["no failover listed", "boot-check off"])
def test_without_somebody_to_ask_it_runs_at_once(bench):
    assert bench.state == "running"
    assert bench.of(effects.StartOwnMonitors) == [effects.StartOwnMonitors(term=1)]
    assert bench.of(effects.AskFailovers) == []


def test_it_asks_all_at_once_and_starts_nothing_before_the_answers():
    bench = Bench(peers=("f-1", "f-2"))
    assert bench.state == "boot_check"
    assert bench.of(effects.AskFailovers) == [effects.AskFailovers(timeout_s=10.0)]
    bench.answer(False)
    assert bench.state == "boot_check"
    bench.answer(False, peer="f-2")
    assert bench.state == "running"


def test_the_first_active_wins():
    bench = Bench(peers=("f-1", "f-2")).answer(True, peer="f-2", term=4)
    assert bench.state == "yielded"
    assert bench.side.yielded_to == "f-2"
    assert bench.of(effects.StartOwnMonitors) == []
    bench.answer(False)
    assert bench.state == "yielded"


def test_nobody_answers_and_it_runs_when_the_time_is_up():
    bench = Bench()
    bench.give(facts.BootCheckFailed(peer="f-1", what="refused")).wait(9.9)
    assert bench.state == "boot_check"
    bench.wait(0.1)
    assert bench.state == "running"
    assert "refused" in bench.side.last_transition


def test_an_answer_that_comes_after_the_time_changes_nothing():
    bench = Bench().wait(10.0).answer(True, term=4)
    assert bench.state == "running"
    assert bench.side.journal.highest_term_heard == 4


def test_a_stranger_has_no_say():
    assert Bench().answer(True, peer="x").state == "boot_check"


def test_ticks_before_the_node_started_start_nothing():
    bench = Bench(started=False).wait(60)
    assert bench.state == "boot_check"
    assert bench.seen == []


def test_a_failover_listed_during_the_boot_check_is_asked_too():
    bench = Bench().give(facts.PeersListed(node_ids=("f-1", "f-2"), pause_limit_s=5.0)).answer(False)
    assert bench.state == "boot_check"
    assert len(bench.of(effects.AskFailovers)) == 2
    bench.give(facts.PeersListed(node_ids=(), pause_limit_s=math.inf))
    assert bench.state == "running"


# --- yielded --------------------------------------------------------------------------------------------------------


def test_a_yield_is_followed_at_once_and_told():
    bench = Bench().running().yielded()
    assert bench.state == "yielded"
    assert bench.of(effects.StopOwnMonitors)
    assert not bench.side.may_check
    assert "YIELDED" in bench.of(effects.RoleMail)[-1].subject


def test_it_waits_as_long_as_its_failover_is_heard_and_no_longer():
    bench = Bench().running().yielded()
    for _ in range(20):
        bench.wait(29).give(facts.PeerHeard(peer="f-1"))
    assert bench.state == "yielded"
    bench.wait(29.9)
    assert bench.state == "yielded"
    bench.wait(0.2)
    assert bench.state == "running"
    assert "silent" in bench.of(effects.RoleMail)[-1].subject


def test_an_own_pause_is_no_silence_of_the_failover():
    bench = Bench().running().yielded()
    bench.mono += 100
    bench.give(facts.LoopGap(gap_s=100.0))
    assert bench.state == "yielded"
    bench.wait(31)
    assert bench.state == "running"


def test_h5_makes_it_run_with_that_term_and_the_same_order_again_changes_nothing():
    bench = Bench().running().yielded().give(run_asked())
    assert (bench.state, bench.side.journal.term) == ("running", 3)
    assert bench.of(effects.StartOwnMonitors)[-1].term == 3
    before = bench.side
    bench.give(run_asked())
    assert bench.side.journal == before.journal
    assert bench.side.state is before.state


def test_the_same_order_again_after_a_restart_makes_it_run():
    """The answer was lost, the primary restarted and heard "active": the repeated order must not be a no-op."""
    bench = Bench().running().yielded().give(run_asked())
    again = Bench(journal=bench.side.journal).answer(True, term=3).give(run_asked())
    assert again.state == "running"


# --- what is refused ------------------------------------------------------------------------------------------------


def test_requests_of_strangers_old_terms_and_second_failovers_are_refused_and_do_nothing():
    bench = Bench(peers=("f-1", "f-2"), journal=PrimaryJournal(term=5)).answer(False).answer(False, peer="f-2")
    assert bench.side.journal.term == 5
    assert refused(bench, yield_asked(peer="x")) == "not_accepted"
    assert refused(bench, run_asked(peer="x")) == "not_accepted"
    assert refused(bench, yield_asked(5)) == "term_old"
    assert refused(bench, run_asked(4)) == "term_old"
    assert refused(bench, run_asked(5)) == ""
    before = bench.side
    assert bench.give(yield_asked(5), run_asked(4)).side is before
    bench.yielded(6)
    assert refused(bench, yield_asked(7, peer="f-2")) == "yielded_to_another"
    assert refused(bench, yield_asked(6)) == ""
    bench.give(facts.StopAsked(why="SIGTERM", eta_s=30.0))
    assert refused(bench, yield_asked(9)) == "stopping"


# --- terms ----------------------------------------------------------------------------------------------------------


def test_a_restart_during_which_nobody_acted_keeps_the_term():
    assert Bench(journal=PrimaryJournal(term=5)).answer(False, term=5).side.journal.term == 5


def test_a_failover_that_used_a_higher_term_makes_the_next_one_higher_still():
    assert Bench(journal=PrimaryJournal(term=5)).answer(False, term=6).side.journal.term == 7


def test_running_after_a_silent_failover_takes_a_term_above_its():
    bench = Bench(journal=PrimaryJournal(term=5)).answer(True, term=6).wait(31)
    assert (bench.state, bench.side.journal.term) == ("running", 7)


def test_running_after_a_failover_that_acted_without_a_newer_term_takes_a_new_one():
    assert Bench(journal=PrimaryJournal(term=5)).answer(True, term=5).wait(31).side.journal.term == 7


def test_an_unreadable_state_starts_above_the_terms_of_its_result_logs():
    bench = Bench(peers=(), started=False)
    bench.give(facts.NodeStarted(boot_id="p-1", state_readable=False, highest_term_seen=8))
    assert bench.side.journal.term == 9


# --- pauses, stop, store, silent failovers --------------------------------------------------------------------------


def test_a_pause_over_the_limit_stops_starting_and_asks_again_for_two_seconds():
    bench = Bench().running()
    bench.seen.clear()
    bench.give(facts.LoopGap(gap_s=4.9))
    assert bench.state == "running"
    bench.give(facts.LoopGap(gap_s=5.1))
    assert bench.state == "boot_check"
    assert bench.of(effects.StopOwnMonitors)
    assert bench.of(effects.AskFailovers)[-1].timeout_s == 2.0
    bench.wait(2.0)
    assert bench.state == "running"
    assert bench.of(effects.StartOwnMonitors)


@pytest.mark.parametrize("bench", [Bench(peers=()), Bench(boot_check_s=0.0)], ids=["no failover", "off"])
def test_a_pause_without_somebody_to_ask_goes_on(bench):
    bench.seen.clear()
    bench.give(facts.LoopGap(gap_s=60.0))
    assert bench.state == "running"
    assert bench.of(effects.StopOwnMonitors) == []


def test_a_pause_in_the_boot_check_asks_anew():
    bench = Bench()
    bench.mono += 9.5
    bench.give(facts.LoopGap(gap_s=9.5))
    assert bench.state == "boot_check"
    bench.answer(True, term=3)
    assert bench.state == "yielded"


def test_a_stop_says_goodbye_once():
    bench = Bench().running().give(facts.StopAsked(why="SIGTERM", eta_s=30.0), facts.StopAsked(why="SIGTERM", eta_s=30.0))
    assert bench.state == "stopping"
    assert bench.of(effects.SendGoodbye) == [effects.SendGoodbye(eta_s=30.0, why="SIGTERM")]
    assert not bench.side.may_check


def test_a_primary_that_cannot_write_its_state_goes_on_and_says_so_once():
    bench = Bench().running()
    bench.give(facts.StoreFailed(why="EIO"), facts.StoreFailed(why="EIO"))
    assert bench.side.may_check
    assert len([mail for mail in bench.of(effects.RoleMail) if mail.event == "fault"]) == 1
    bench.give(facts.StoreRecovered())
    assert bench.side.fault_what == ""


def test_a_silent_failover_is_reported_once_within_a_minute_and_its_return_is_logged():
    bench = Bench().running().wait(59.0)
    assert not [mail for mail in bench.of(effects.RoleMail) if "SILENT" in mail.subject]
    bench.wait(1000.0)
    assert len([mail for mail in bench.of(effects.RoleMail) if "SILENT" in mail.subject]) == 1
    bench.give(facts.PeerHeard(peer="f-1"))
    assert [one for one in bench.of(effects.LogEvent) if one.event == "failover_heard"]


def test_every_change_of_state_is_logged_with_what_was_seen():
    bench = Bench().running().yielded().give(run_asked(), facts.StopAsked(why="SIGTERM", eta_s=0))
    logged = [one.what for one in bench.of(effects.LogEvent) if one.event == "role_changed"]
    assert len(logged) == 4
    assert all("; seen: " in one for one in logged)


def test_the_pause_limit_is_a_third_of_the_tightest_profile_and_at_least_two_seconds():
    assert [primary.pause_limit(seconds) for seconds in (180.0, 15.0, 5.0, math.inf)] == [60.0, 5.0, 2.0, math.inf]


def test_every_fact_in_every_state_is_decided_and_leaves_nothing_due():
    given = [
        facts.Tick(),
        facts.NodeStarted(boot_id="p-1"),
        facts.PeersListed(node_ids=("f-1", "f-2"), pause_limit_s=2.0),
        facts.PeersListed(node_ids=(), pause_limit_s=math.inf),
        *(facts.BootCheckAnswered(peer="f-1", active=yes, term=9, yield_for_s=0.0) for yes in (True, False)),
        facts.BootCheckFailed(peer="f-1", what="timeout"),
        *(yield_asked(term) for term in (0, 9)),
        *(run_asked(term) for term in (0, 9)),
        facts.PeerHeard(peer="f-1", term=9),
        facts.LoopGap(gap_s=99.0),
        facts.LoopLate(late_s=3.0),
        facts.StopAsked(why="x", eta_s=1.0),
        facts.StoreFailed(why="x"),
        facts.StoreRecovered(),
        facts.ProbeMissed(profile="prod", sent_mono=1.0, kind="refused"),
    ]
    starts = [Bench(started=False), Bench(), Bench().running(), Bench().running().yielded()]
    starts.append(Bench().running().give(facts.StopAsked(why="x", eta_s=1.0)))
    for bench in starts:
        for fact in given:
            for later in (0.0, 1000.0):
                now = Now(bench.mono + later, START_WALL)
                after, out = primary.decide(bench.side, fact, now)
                assert after.journal.term >= bench.side.journal.term
                started = [one for one in out if isinstance(one, effects.StartOwnMonitors)]
                assert not started or after.may_check
                assert primary.decide(after, facts.Tick(), now) == (after, ())
                assert primary.next_wake(after, now) > now.mono
