"""Every position, with the conditions that can hold in it, meets every fact: the machine is total and keeps its promises."""

import itertools
import math
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from sitescope_fo.failover import machine
from sitescope_fo.failover.moves import STEPS
from sitescope_fo.failover.state import NEVER, Evidence, Handback, Hold, Journal, Live, Overlap, ProfileState
from sitescope_fo.failover.table import LISTED, ROWS, markdown
from sitescope_fo.model import effect as effects
from sitescope_fo.model import fact as facts
from sitescope_fo.model.fact import Fact, ProfileFact
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.ports import Now
from sitescope_fo.model.status import ACTING, PASSIVE, Condition, EvidenceKind, Position, PrimaryState
from tests.failover.desk import NAME, START_MONO, START_WALL, profile
from tests.failover.rules import LEGAL, valid
from tests.simulation.tally import PAIRS

NOW = Now(START_MONO, START_WALL)
CONFIG = profile("lan", takeover_when_unverifiable_s=60.0)
A = CONFIG.timing.activate_after_s
C = Condition
HOLD = Hold(by="ops", reason="upgrade", set_wall=START_WALL - 60, until_wall=START_WALL + 7200, remaining_s=7200.0)


def subsets(of):
    """None, each one, each pair, all: a guard asks for one condition or for none, so larger sets say nothing new but the last."""
    return [frozenset(one) for size in (0, 1, 2, len(of)) for one in itertools.combinations(of, size)]


def state(position, conditions, *, handback=None, drift=False, cause="silent", **live):
    return ProfileState(
        config=CONFIG,
        journal=Journal(
            position=position,
            term=4 if position not in PASSIVE else 3,
            highest_term_heard=3,
            hold=HOLD if C.hold in conditions else None,
            flap_lock_wall=START_WALL - 60 if C.flap_lock in conditions else 0.0,
            takeovers=(START_WALL - 100, START_WALL - 50) if position not in PASSIVE else (),
            cause=cause if position not in PASSIVE else "",
            cause_boot_id="p-1" if cause == "degraded" else "",
            handback=handback,
            drift=drift,
            overlaps=(Overlap(since_wall=START_WALL - 9, why="test"),) if position in ACTING else (),
        ),
        live=Live(
            **{
                "entered_mono": START_MONO - 5,
                "mirror_revision": "" if C.no_mirror in conditions else "rev-1",
                "no_mirror_since": START_MONO - 5 if C.no_mirror in conditions else NEVER,
                "hold_until": START_MONO + 7200 if C.hold in conditions else math.inf,
                "frozen_since": START_MONO - 1 if C.frozen in conditions else NEVER,
                "frozen_until": START_MONO + 9 if C.frozen in conditions else math.inf,
                "gate_asked": 4,
                "gate_answered": 0 if C.isolated in conditions else 4,
                "gate_at": START_MONO - 0.5,
                "gate_next": START_MONO + 0.5,
                "evidence": (Evidence(wall=START_WALL - 1, kind=EvidenceKind.clock, what="before"),),
                "alarmed": {"unverifiable": START_MONO - 5},
                **live,
            }
        ),
        conditions=conditions,
    )


def views(position):
    """What can be known in a position: the live part, in the ways that make a difference."""
    silent = {"last_pol": START_MONO - A - 9, "last_sent_failed": START_MONO - 0.2, "misses": 9, "answering": False}
    fresh = {
        "last_pol": START_MONO - 1,
        "last_sent_answered": START_MONO - 1,
        "answering": True,
        "primary_state": PrimaryState.running,
        "primary_boot_id": "p-1",
    }
    stalled = {
        **fresh,
        "last_pol": START_MONO - A - 50,
        "degraded_since": START_MONO - 40,
        "degraded_what": "scheduler 50s behind",
    }
    match position:
        case Position.standby | Position.suspect | Position.grace:
            asked = {**stalled, "asked_yield": True, "yield_asked_at": START_MONO - 1, "yield_deadline": START_MONO + 3}
            switching = {
                **fresh,
                **{k: asked[k] for k in ("asked_yield", "yield_asked_at", "yield_deadline")},
                "switchover_by": "ops",
            }
            young = {**silent, "last_pol": START_MONO - 6, "misses": 2, "last_sent_answered": START_MONO - 6}
            doubted = {**silent, "blind_until": START_MONO - 2, "misses": 1}
            return [young, doubted, silent, fresh, stalled, asked, switching]
        case Position.announced:
            said = {"goodbye_boot_id": "p-1"}
            over = {**silent, **said, "deadline": START_MONO - 1}
            return [{**silent, **said, "deadline": START_MONO + 20}, {**fresh, **said, "deadline": START_MONO + 20}, over]
        case Position.activating:
            begun = {"acting_since": START_MONO - 5, "step_next": START_MONO + 55}
            return [{**silent, **begun}, {**silent, **begun, "working_ready": True, "monitors_started": True}]
        case Position.active:
            works = {
                "acting_since": START_MONO - 90,
                "working_ready": True,
                "monitors_started": True,
                "first_check_started": True,
            }
            restarted = {**silent, "working_ready": False}
            tried = {**fresh, **works, "overlap_hold": True, "retry_at": START_MONO + 9, "healthy_since": START_MONO - 99}
            return [{**silent, **works}, restarted, tried]
        case Position.recovering:
            works = {
                "acting_since": START_MONO - 90,
                "working_ready": True,
                "monitors_started": True,
                "first_check_started": True,
            }
            back = {**fresh, **works, "step_next": START_MONO + 50}
            quiet = {**back, "primary_state": PrimaryState.yielded, "deadline": START_MONO + 20, "good_probes": 4}
            ready = {**back, "overlap_hold": True, "deadline": START_MONO - 1, "good_probes": 3, "precopied": True}
            restarted = {**quiet, "working_ready": False, "monitors_started": False, "first_check_started": False}
            return [quiet, restarted, {**quiet, "step_failures": 2}, ready]
        case _:
            late = {**fresh, "deadline": START_MONO + 3, "misses": 2, "step_failures": 1, "step_next": START_MONO + 1}
            return [{**fresh, "deadline": START_MONO + 30}, late, {**fresh, "deadline": START_MONO - 1}]


def debts(position):
    """Journaled hand-backs that can be there."""
    owed = Handback(id="h", step="H5", since_wall=START_WALL - 5, term=5)
    tidy = Handback(id="h", step="H6", since_wall=START_WALL - 5, term=4)
    match position:
        case Position.recovering:
            return [Handback(id="h", step="P", since_wall=START_WALL - 5)]
        case Position.handback:
            return [Handback(id="h", step=step, since_wall=START_WALL - 5, term=5 if step == "H5" else 0) for step in STEPS[1:]]
        case Position.standby | Position.suspect | Position.announced:
            return [None, owed, tidy]
        case _:
            return [None]


def states():
    for position in Position:
        for held in subsets(sorted(LEGAL[position])):
            for live in views(position):
                for owed in debts(position) if len(held) < 2 else debts(position)[:1]:
                    drift = owed is not None and owed.step in {"H5", "H6"}
                    yield state(position, held, handback=owed, drift=drift, **live)
        owed = debts(position)[0]
        yield state(position, frozenset(), handback=owed, cause="degraded", **views(position)[0])
        yield state(position, frozenset(), handback=owed, window_open=False, **views(position)[0])


def answer(**changes):
    return facts.ProbeAnswered(
        **{
            "profile": NAME,
            "sent_mono": START_MONO - 0.1,
            "round_trip_s": 0.1,
            "node_id": "primary-1",
            "boot_id": "p-1",
            "state": PrimaryState.running,
            "term": 3,
            "scheduler_age_s": 0.5,
            **changes,
        }
    )


def payloads():
    of = {"profile": NAME}
    sent = START_MONO - 0.1
    yield from (facts.Tick(), facts.LoopGap(gap_s=1.2), facts.LoopGap(gap_s=30.0), facts.LoopLate(late_s=0.2))
    yield from (facts.LoopLate(late_s=3.0), facts.StoreFailed(why="disk full"), facts.StoreRecovered())
    yield from (facts.NodeStarted(boot_id="f-2"), facts.StopAsked(why="stop", eta_s=30))
    yield facts.NodeStarted(boot_id="f-2", state_readable=False, highest_term_seen=9)
    for primary in PrimaryState:
        yield answer(state=primary)
        yield answer(state=primary, boot_id="p-2", term=7)
    yield answer(scheduler_age_s=50.0)
    yield answer(stalled="disk full", boot_id="p-2", same_check_passes_here=False)
    yield answer(sent_mono=START_MONO - A - 20, late=True)
    for kind in ("timeout", "refused", "unresolved", "reset", "unreachable", "foreign"):
        yield facts.ProbeMissed(**of, sent_mono=sent, kind=kind)
    yield facts.ProbeMissed(**of, sent_mono=START_MONO - 99, kind="timeout")
    yield facts.ProbeUnverifiable(**of, sent_mono=sent, code="tls_expired")
    yield from (facts.GoodbyeHeard(**of, boot_id="p-1", eta_s=eta) for eta in (0.0, 30.0, 1e9))
    yield facts.BootCheckHeard(**of, boot_id="p-2", term=3)
    yield from (facts.GateSampled(**of, asked=4, answered=n) for n in (0, 1, 2, 4))
    yield from (facts.GateSampled(**of, asked=0, answered=0), facts.GateSampled(**of, asked=4, answered=0, own_address=True))
    yield from (facts.YieldAnswered(**of, yielded=yes, term=term) for yes in (True, False) for term in (3, 8))
    yield from (facts.FirstCheckStarted(**of, term=term, path="a/b") for term in (3, 4))
    yield from (facts.WatchWindow(**of, open=yes, until_wall=START_WALL + 60) for yes in (True, False))
    yield facts.MirrorVerified(**of, revision="rev-2", monitors=8, wall=START_WALL)
    yield facts.EditsKept(**of, archive="history/edits.zip")
    yield from (facts.MirrorMissing(**of, what="gone"), facts.MirrorFailed(**of, what="torn"))
    yield facts.MirrorStaged(**of, revision="rev-3", before=100, after=3)
    yield from (facts.WorkingReady(**of, term=term, monitors=n) for term in (3, 4) for n in (0, 9))
    for step in STEPS:
        yield from (facts.StepDone(**of, handback="h", step=step, term=term) for term in (0, 5))
        yield from (facts.StepFailed(**of, handback="h", step=step, what="no", lost=lost) for lost in (True, False))
    yield facts.StepDone(**of, handback="another", step="H5", term=5)
    yield from (facts.ActivateAsked(**of, by="ops"), facts.SwitchoverAsked(**of, by="ops", for_s=0.0))
    yield from (facts.StandbyAsked(**of, by="ops", force=force) for force in (True, False))
    yield from (facts.HoldSet(**of, by="ops", reason="r", for_s=seconds) for seconds in (0.0, 60.0, 1e9))
    yield from (facts.HoldReleased(**of, by="ops"), facts.FlapUnlocked(**of, by="ops"), facts.ProfileRemoved(**of))
    yield from (facts.ProfileSet(**of, config=CONFIG, edited=edited) for edited in (True, False))
    yield facts.ProfileSet(**of, config=profile("fast", node_id="other"))


def concrete(root):
    for kind in root.__subclasses__():
        if kind is not ProfileFact and kind.__module__.startswith(f"{facts.__name__}."):  # other tests have facts of their own
            yield kind
        yield from concrete(kind)


STATES = list(states())
PAYLOADS = list(payloads())
FOREIGN = {kind: None for kind in concrete(Fact) if kind not in {type(one) for one in PAYLOADS}}
"""Facts of the engine and of the primary's side, of which the machine of a profile knows nothing."""


def check(before, fact, after, out):
    where = f"{before.position} {set(before.conditions)} {fact}"
    valid(after)
    assert after.journal.term >= before.journal.term, where
    assert after.journal.highest_term_heard >= before.journal.highest_term_heard, where
    if after.journal.term > before.journal.term:
        changed = after.position is not before.position or after.journal.handback != before.journal.handback
        gave_way = isinstance(fact, facts.YieldAnswered) and fact.yielded
        lost_state = C.fault in before.conditions or C.fault in after.conditions
        assert changed or gave_way or lost_state, where
    starts = [one for one in out if isinstance(one, effects.StartMonitors)]
    assert not starts or after.may_check, where
    assert all(one.term == after.journal.term for one in starts), where
    assert after.acting or not any(isinstance(one, effects.PinWorking) for one in out), where
    if not after.acting and not before.passive and after.position is not before.position:
        assert any(isinstance(one, effects.SuspendMonitors) for one in out), where
    if before.passive and after.acting:
        taken_over(before, fact, after, where)
    moved = len(after.journal.transitions) - len(before.journal.transitions)
    logged = [one for one in out if isinstance(one, effects.LogEvent) and one.event == "role_changed"]
    assert len(logged) == moved, where
    assert all(one.evidence and one.why for one in after.journal.transitions[-moved:] if moved), where
    if (before.position in ACTING) != (after.position in ACTING) and after.position is not Position.handback:
        assert after.position is Position.activating or any(isinstance(one, effects.RoleMail) for one in out), where
    for one in out:
        assert getattr(one, "profile", NAME) == NAME, where
        if isinstance(one, effects.RoleMail):
            assert one.subject, where
            assert "What to do:" in one.text, where
            assert one.key, where


def taken_over(before, fact, after, where):
    live = after.live
    assert after.journal.term > max(before.journal.term, before.journal.highest_term_heard), where
    by_order = isinstance(fact, facts.ActivateAsked) or (
        isinstance(fact, facts.YieldAnswered | facts.ProbeAnswered) and before.live.asked_yield
    )
    assert not after.conditions & {C.no_mirror, C.fault}, where
    if by_order:
        return
    assert not (before.conditions & {C.no_mirror, C.fault, C.isolated, C.hold}) - {
        C.fault if isinstance(fact, facts.StoreRecovered) else None,
        C.hold if isinstance(fact, facts.HoldReleased) else None,
        C.isolated if isinstance(fact, facts.GateSampled) else None,
        C.no_mirror if isinstance(fact, facts.MirrorVerified) else None,
    }, where
    if after.journal.cause == "silent":
        assert NOW.mono >= max(live.last_pol, live.blind_until) + A, where
        assert before.live.misses + 1 >= CONFIG.timing.misses, where
        assert live.late_until <= NOW.mono, where
        assert live.gate_answered or live.own_address or not live.gate_asked, where


def test_the_machine_is_total_and_keeps_its_promises_in_every_pair():
    assert len(STATES) > 600
    for before in STATES:
        for fact in PAYLOADS:
            after, out = machine.decide(before, fact, NOW)
            check(before, fact, after, out)
            wake = machine.next_wake(after, NOW)
            assert wake > NOW.mono
            idle = after.position in {Position.standby, Position.suspect, Position.grace}
            assert math.isfinite(wake) or idle or not after.live.window_open
            again, more = machine.decide(after, facts.Tick(), NOW)
            assert again is after, f"a tick at the same instant finds something left: {before.position} {fact}"
            assert more == ()


def settled(before):
    """The state with nothing due: what then changes is the fact's doing."""
    return machine.decide(before, facts.Tick(), NOW)[0]


def test_the_pairs_that_change_something_are_exactly_those_of_the_table():
    found = {(before.position, facts.Tick) for before in STATES}
    for before in map(settled, STATES):
        for fact in PAYLOADS:
            pair = (before.position, type(fact))
            if pair not in found:
                after, out = machine.decide(before, fact, NOW)
                if after is not before or out:
                    found.add(pair)
    listed = {(str(place), kind.__name__) for place, kind in LISTED}
    assert {(str(place), kind.__name__) for place, kind in found} == listed | {(str(p), "Tick") for p in Position}


def made_up(kind):
    """A fact of a kind that the machine does not know, with any values."""
    values = {str: "x", int: 1, float: 1.0, bool: True, bytes: b"", MonitorKey: MonitorKey("", "m")}
    required = [field for field in msgspec.structs.fields(kind) if field.required]
    return kind(**{field.name: NAME if field.name == "profile" else values.get(field.type) for field in required})


def test_facts_of_the_engine_and_of_the_primary_are_no_ops_everywhere():
    """Also those that were added since: whoever wants the machine to act on one has to give it a row and a payload."""
    assert {"PeersListed", "BootCheckAnswered", "YieldAsked", "CheckFinished", "MailSent", "TreeChanged"} <= {
        k.__name__ for k in FOREIGN
    }
    assert not {row.fact for row in ROWS} & set(FOREIGN)
    for before in map(settled, STATES):
        for fact in map(made_up, FOREIGN):
            assert machine.decide(before, fact, NOW) == (before, ()), fact


def test_every_pair_of_place_condition_and_fact_is_met(request):
    """R22: 100 %. Pairs of a condition that cannot hold in a place (the swarm never sees one) only have to be survived."""
    kinds = [*dict.fromkeys(map(type, PAYLOADS)), *FOREIGN]
    assert set(kinds) == {kind for kind in concrete(Fact) if kind.__module__.startswith(f"{facts.__name__}.")}
    places = {
        (before.position, held) for before in STATES for held in (before.conditions or {None}) if len(before.conditions) < 2
    }
    assert places == {(position, held) for position in Position for held in (*LEGAL[position], None)}
    impossible = [(position, held) for position in Position for held in set(Condition) - LEGAL[position]]
    for position, held in impossible:
        before = state(position, frozenset({held}), handback=debts(position)[0], **views(position)[0])
        for fact in (*PAYLOADS, *map(made_up, FOREIGN)):
            after, _ = machine.decide(before, fact, NOW)
            assert after.journal.term >= before.journal.term
    met = len(places) * len(kinds)
    request.config.stash.setdefault(PAIRS, Counter()).update(met=met, all=met, impossible=len(impossible) * len(kinds))


def test_a_refused_command_does_nothing_and_an_accepted_one_does_something():
    orders = [one for one in PAYLOADS if type(one).__name__.endswith(("Asked", "Set", "Released", "Unlocked"))]
    orders = [one for one in orders if isinstance(one, ProfileFact) and not isinstance(one, facts.ProfileSet)]
    seen = set()
    for before in map(settled, STATES):
        for fact in orders:
            error = machine.refusal(before, fact, NOW)
            after, out = machine.decide(before, fact, NOW)
            assert (after is before and out == ()) == (error is not None), (before, fact)
            if error is not None:
                assert error.what
                assert error.hint
                assert NAME in error.where
                seen.add(error.code)
    assert seen >= {
        "acting",
        "primary_alive",
        "no_mirror",
        "fault",
        "busy",
        "primary_not_running",
        "passive",
        "nobody_else",
        "hold_too_long",
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.fact.__name__} {row.guard or 'always'}"[:60])
def test_each_row_of_the_table_says_where_what_and_to_what(row):
    assert row.where
    assert row.to
    assert "|" not in row.guard + row.to


def test_the_document_holds_the_table_as_it_is():
    text = (Path(__file__).parents[2] / "docs" / "failover.md").read_text("utf-8")
    assert markdown() in text, "paste `python -c 'from sitescope_fo.failover.table import markdown; print(markdown())'`"
