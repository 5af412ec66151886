"""The primary's process at decision level; see `nodes.py`."""

from sitescope_fo.failover import machine, primary
from sitescope_fo.failover.state import PrimaryJournal
from sitescope_fo.model import effect as effects
from sitescope_fo.model import fact as facts
from sitescope_fo.model.status import PrimaryState
from tests.failover.desk import NAME
from tests.failover.nodes import FAILOVER, Node

ASK_AGAIN_S = 2.0
"""A boot-check that brings no word by then is asked again."""


class PrimaryNode(Node):
    def __init__(self, pair):
        super().__init__(pair)
        self.side = None
        self.durable = PrimaryJournal()
        self.stalled_since = None
        self.stalled_what = ""
        self.boot_check_s = 10.0
        self.distrust = ""
        self.foreign = False
        self.listed = (FAILOVER,)
        self.pause_limit = primary.pause_limit(pair.timing.activate_after_s)

    @property
    def value(self):
        return self.side

    @value.setter
    def value(self, side):
        self.side = side

    @property
    def journal(self):
        return self.side.journal

    @staticmethod
    def journal_of(side):
        return side.journal

    @staticmethod
    def decide(side, fact, now):
        return primary.decide(side, fact, now)

    def judge(self, before, after, out, fact):
        self.pair.rules.primary(before, after, out, fact)

    def wake(self):
        return primary.next_wake(self.side, self.now)

    def start(self, *, state_lost=False):
        seen = self.durable.term
        self.rise()
        self.stalled_since, self.stalled_what = None, ""
        if state_lost:
            self.durable = PrimaryJournal()
        self.side = primary.restored(self.durable, f"p-{self.life}", self.boot_check_s, self.now)
        self.list_peers()
        seen = seen if state_lost else 0
        self.give(facts.NodeStarted(boot_id=f"p-{self.life}", state_readable=not state_lost, highest_term_seen=seen))

    def list_peers(self):
        self.give(facts.PeersListed(node_ids=self.listed, pause_limit_s=self.pause_limit))

    def may_start(self):
        return self.awake and not self.gap and self.running and self.side.may_check and self.stalled_since is None

    def stop(self, eta_s):
        self.give(facts.StopAsked(why="maintenance", eta_s=eta_s))
        self.after(0.5, self.crash)

    def heard(self):
        self.give(facts.PeerHeard(peer=FAILOVER, term=0))

    def health(self, sent):
        """Its reply; what it says is read before the request itself is decided."""
        slept = self.gap
        age = self.pair.mono - self.stalled_since if self.stalled_since is not None else 0.3 + slept
        reply = facts.ProbeAnswered(
            profile=NAME,
            sent_mono=sent,
            round_trip_s=0.0,
            node_id="primary-1",
            boot_id=self.side.boot_id,
            state=self.side.state,
            term=self.side.journal.term,
            scheduler_age_s=age,
            stalled=self.stalled_what,
        )
        self.heard()
        return reply

    def yield_asked(self, asked):
        refused = primary.refusal(self.side, asked, self.now)
        self.pair.rules.refused(refused)
        self.give(asked)
        yielded = refused is None and self.side.state is PrimaryState.yielded
        detail = refused.what if refused else "yielded"
        return facts.YieldAnswered(profile=NAME, yielded=yielded, term=self.side.journal.term, detail=detail)

    def run_asked(self, asked):
        refused = primary.refusal(self.side, asked, self.now)
        self.pair.rules.refused(refused)
        self.give(asked)
        return refused.what if refused else self.side.journal.term

    # --- effects ----------------------------------------------------------------------------------------------------

    def carry_out(self, one):
        match one:
            case effects.StartOwnMonitors():
                self.running = True
                self.pair.rules.check_started(self)
            case effects.StopOwnMonitors():
                self.running = False
            case effects.AskFailovers():
                self.ask(one.timeout_s)
            case effects.SendGoodbye():
                self.say_goodbye(one)
            case effects.RoleMail():
                self.pair.mailed(self, one)
            case effects.LogEvent():
                self.pair.logged(self, one)

    def say_goodbye(self, one):
        heard = facts.GoodbyeHeard(profile=NAME, boot_id=self.side.boot_id, eta_s=one.eta_s, why=one.why)
        self.pair.to_failover(lambda node: node.give(heard), lambda _: None, lambda: None)

    def ask(self, timeout_s):
        asked, over = facts.BootCheckHeard(profile=NAME, boot_id=self.side.boot_id, term=self.side.journal.term), []

        def answer(node):
            node.give(asked)
            return machine.boot_check_reply(node.state, node.now)

        def reply(value):
            if not over:
                over.append(1)
                active, term, yield_for_s = value
                self.give(facts.BootCheckAnswered(peer=FAILOVER, active=active, term=term, yield_for_s=yield_for_s, profile=NAME))

        def again():
            if self.pair.mono < end and not over:
                self.give(facts.BootCheckFailed(peer=FAILOVER, what="no answer"))
                self.after(1.0, send)

        def send():
            told = []

            def failed(*_):
                if not told:
                    told.append(1)
                    again()

            self.pair.to_failover(answer, reply, failed, untrusted=failed)
            self.after(ASK_AGAIN_S, failed)

        end = self.pair.mono + timeout_s
        send()
        self.after(timeout_s, lambda: over or self.give(facts.BootCheckFailed(peer=FAILOVER, what="no answer")))
