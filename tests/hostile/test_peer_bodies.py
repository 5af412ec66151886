"""Whatever an authenticated peer sends or answers: a clear refusal or a sound effect, and a node that lives on."""

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sitescope_fo.model import command as commands
from sitescope_fo.model import wire
from sitescope_fo.model.config import Peer
from sitescope_fo.model.errors import SiteScopeError, Unverifiable
from sitescope_fo.model.ports import PeerReply
from sitescope_fo.model.status import Role
from tests.hostile.values import JSON, body
from tests.node.nodes import TIMING, Bench, Cable, group_file, make_home

EXAMPLES = settings(max_examples=150, suppress_health_check=list(HealthCheck))
PEER = Peer(node_id="failover-1", host="failover", port=8080, listed_as="prod")
TO_A_PRIMARY = {
    ("PUT", wire.PEERS + "failover-1"): wire.Announcement,
    ("POST", wire.FILES): wire.FilesRequest,
    ("PUT", wire.LEDGER): wire.Ledger,
    ("PUT", wire.CHECKS): wire.CheckStates,
    ("PUT", wire.OPERATOR): wire.OperatorState,
    ("POST", wire.YIELD): wire.YieldRequest,
    ("POST", wire.STEP): wire.StepRequest,
}
TO_A_FAILOVER = {("POST", wire.BOOT_CHECK): wire.BootCheck, ("POST", wire.GOODBYE): wire.GoodbyeNotice}
REPLIES = {
    wire.HEALTH: wire.Health,
    wire.MANIFEST: wire.Manifest,
    wire.LEDGER: wire.Ledger,
    wire.CHECKS: wire.CheckStates,
    wire.OPERATOR: wire.OperatorState,
    wire.PEERS + "failover-1": wire.AnnouncementReply,
    wire.YIELD: wire.YieldReply,
    wire.STEP: wire.StepReply,
}


@dataclass
class Living:
    """A node that runs on a loop of its own, and a way in."""

    bench: Bench
    portal: object
    refusals: Counter = field(default_factory=Counter)
    accepted: int = 0
    wordless: set = field(default_factory=set)

    def ask(self, peer, method, path, data):
        """Sends one request. It may be refused, with words; any other error is a finding."""
        try:
            self.portal.call(self.bench.peers.answer, peer, method, path, data, "")
            self.accepted += 1
        except SiteScopeError as error:
            self.refusals[error.code] += 1
            self.wordless |= {error.code} if error.exit_code == 70 or not error.what else set()

    def sound(self):
        """Fails unless every part of the node works and its state can be shown."""
        assert not self.bench.node.supervisor.problems()
        assert not self.wordless
        assert self.portal.call(self.bench.status)["node"]["id"] == self.bench.node.node_id


@contextmanager
def living(bench):
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(bench.running()):
        yield Living(bench, portal)


@pytest.fixture(scope="module")
def primary(tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("primary"), Role.primary, ha=lambda ha: replace(ha, peers=(PEER,)))
    group_file(home, "Web", "Home", "Shop")
    with living(Bench(home)) as node:
        yield node


def honest(_method, _path, _body):
    """What a sound primary says of itself; it is no answer to anything but a health probe."""
    health = {
        "node_id": "primary-1",
        "boot_id": "b",
        "role": "primary",
        "host": "primary",
        "version": "0.1.0",
        "state": "running",
    }
    return PeerReply(status=200, body=json.dumps({"wire": 1, **health}).encode(), peer_id="primary-1")


@pytest.fixture(scope="module")
def failover(tmp_path_factory):
    """Its profile is bound to a primary that says what `cable.instead["primary"]` says."""
    home = make_home(tmp_path_factory.mktemp("failover"), Role.failover)
    cable = Cable()
    cable.instead["primary"] = honest
    with living(Bench(home, cable)) as node:
        add = commands.ProfileAdd(name="prod", primary_host="primary", **{"preset": "fast", **TIMING})
        node.portal.call(node.bench.do, add)
        yield node


def sent(routes):
    """(method, path, bytes) for one of the routes: mostly its own body, sometimes any JSON or any bytes."""

    def for_route(route):
        texts = (body(routes[route]) | body(routes[route]) | JSON).map(lambda value: json.dumps(value).encode())
        return st.tuples(st.just(route[0]), st.just(route[1]), texts | st.binary(max_size=50))

    return st.sampled_from(sorted(routes)).flatmap(for_route)


@EXAMPLES
@given(sent(TO_A_PRIMARY))
def test_no_body_of_a_failover_breaks_a_primary(primary, request_):
    primary.ask("failover-1", *request_)
    primary.sound()


@EXAMPLES
@given(sent(TO_A_FAILOVER))
def test_no_body_of_a_primary_breaks_a_failover(failover, request_):
    failover.ask("primary-1", *request_)
    failover.sound()


@settings(EXAMPLES, max_examples=50)
@given(
    st.sampled_from(sorted(REPLIES)).flatmap(
        lambda path: st.tuples(st.just(path), (body(REPLIES[path]) | body(REPLIES[path]) | JSON))
    )
)
def test_no_answer_of_a_primary_breaks_a_failover(failover, reply):
    path, value = reply
    cable = failover.bench.cable
    asked = len(cable.asked)

    def answer(method, wanted, asked_body):
        if wanted != path:
            return honest(method, wanted, asked_body)
        return PeerReply(status=200, body=json.dumps(value).encode(), peer_id="primary-1")

    cable.instead["primary"] = answer
    failover.portal.call(failover.bench.until, lambda: len(cable.asked) > asked + 1, "two more requests")
    failover.sound()


@settings(EXAMPLES, max_examples=50)
@given(body(wire.Reach) | body(wire.Reach) | JSON)
def test_no_word_about_the_way_back_breaks_the_test_of_a_pair(failover, value):
    def answer(method, wanted, asked_body):
        if wanted != wire.REACH:
            return honest(method, wanted, asked_body)
        return PeerReply(status=200, body=json.dumps(value).encode(), peer_id="primary-1")

    failover.bench.cable.instead["primary"] = answer
    rows = failover.portal.call(partial(failover.bench.ask, "check", what="pair", name="prod"))
    assert "prod: way back" in {row["id"] for row in rows} or rows[-1]["verdict"] == "bad"
    failover.sound()


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 200_000,
        b'{"wire":1,"detail":' + b'"' + b"\\u0000" * 100_000 + b'"}',
        b'{"wire":1,"wire":2}',
        b'{"wire":' + b"9" * 10_000 + b"}",
        b'{"wire":1,"term":1e400}',
        b'{"wire":NaN}',
        b"\xff\xfe{}",
        b"",
    ],
    ids=["deep", "zeros", "double", "long", "infinite", "nan", "utf-16", "empty"],
)
def test_a_body_that_is_a_trap_for_parsers_is_a_bad_body(data):
    with pytest.raises(Unverifiable) as caught:
        wire.decode(data, wire.StepReply)
    assert caught.value.code in {"bad_body", "wire_version"}


def test_some_bodies_come_through_to_what_they_could_break(primary, failover):
    for node in (primary, failover):
        assert node.accepted > 10, node.refusals


@pytest.mark.parametrize("term", [-1, 2**53 + 1, 2**63, 10**30])
def test_a_term_that_no_database_keeps_is_a_bad_body(term):
    with pytest.raises(Unverifiable) as caught:
        wire.decode(json.dumps({"wire": 1, "done": True, "state": "running", "term": term}).encode(), wire.StepReply)
    assert caught.value.code == "bad_body"
