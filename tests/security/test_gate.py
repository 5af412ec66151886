"""The gate lets each fresh token in once, and says why it refuses any other."""

import pytest

from sitescope_fo.security.gate import Gate, TokenRefused
from sitescope_fo.security.lwsso import EMPTY_SHA256, LIFE_S, RequestClaims, open_reply, seal_request
from tests.security.ports import OTHER_ROOT, ROOT, Chance, SetClock

SPAN_S = LIFE_S + 2 * 30.0


class Sender:
    """Makes tokens of node `b` for the gate of node `a`, with a clock of its own."""

    def __init__(self, gate, clock, root=ROOT):
        self.gate, self.clock, self.root, self.boot, self.count = gate, clock, root, "", 0

    def header(self, **changes):
        self.count += 1
        claims = {
            "iss": "b", "aud": "a", "method": "GET", "path": "/x", "body_sha256": EMPTY_SHA256, "nonce": f"n{self.count}",
            "iat": self.clock.wall(), "boot": self.boot,
        }  # fmt: skip
        return seal_request(self.root, RequestClaims(**claims | changes))

    def ask(self, header=None, **kwargs):
        return self.gate.admit(header or self.header(), "GET", "/x", **kwargs)

    def learn_boot(self, caller):
        self.boot = open_reply(self.root, self.gate.sign(caller, 200, "h"), aud="b", nonce=caller.nonce).boot


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def roots():
    return [ROOT]


@pytest.fixture
def gate(clock, roots):
    return Gate("a", lambda: tuple(roots), clock, Chance(), nonces_a_peer=50)


@pytest.fixture
def sender(gate):
    """One that has already learned the gate's boot word."""
    sender = Sender(gate, SetClock())
    with pytest.raises(TokenRefused) as refused:
        sender.ask()
    sender.learn_boot(refused.value.caller)
    return sender


def code(sender, header=None, **kwargs):
    with pytest.raises(TokenRefused) as refused:
        sender.ask(header, **kwargs)
    return refused.value.code


def test_a_fresh_token_is_let_in_with_its_sender(sender):
    caller = sender.ask()
    assert (caller.peer_id, caller.body_sha256) == ("b", EMPTY_SHA256)


def test_the_same_token_again_is_a_replay(sender):
    header = sender.header()
    sender.ask(header)
    assert code(sender, header) == "lwsso_replayed"


def test_no_token_and_a_token_of_another_passphrase_are_unsigned_refusals(sender):
    sender.root = OTHER_ROOT
    for header in ("nonsense", sender.header()):
        with pytest.raises(TokenRefused) as refused:
            sender.ask(header)
        assert (refused.value.code, refused.value.caller) == ("lwsso_token_wrong", None)


def test_without_a_passphrase_the_gate_says_so(sender, roots):
    roots.clear()
    assert code(sender) == "lwsso_not_set"


@pytest.mark.parametrize("changes", [{"method": "PUT"}, {"path": "/x?y=1"}, {"etag": "r2"}])
def test_a_token_for_another_request_is_refused(sender, changes):
    assert code(sender, sender.header(**changes)) == "lwsso_altered"


def test_a_token_for_another_node_names_this_one(sender):
    with pytest.raises(TokenRefused, match="for node c, this is a") as refused:
        sender.ask(sender.header(aud="c"))
    assert refused.value.code == "lwsso_identity"


def test_a_node_cannot_ask_itself(sender):
    assert code(sender, sender.header(iss="a")) == "lwsso_identity"


def test_an_unbound_token_opens_only_routes_of_first_contact(sender):
    assert code(sender, sender.header(aud="unbound")) == "lwsso_identity"
    assert sender.ask(sender.header(aud="unbound"), first_contact=True).peer_id == "b"


@pytest.mark.parametrize("skew_s", [31.0, 3600.0, -91.0, -86400.0])
def test_a_skewed_clock_is_measured_and_refused(sender, skew_s):
    sender.clock.skew_s = skew_s
    with pytest.raises(TokenRefused, match=f"{abs(skew_s):.1f} s {'ahead' if skew_s > 0 else 'behind'}") as refused:
        sender.ask()
    assert refused.value.code == "lwsso_clock_skew"
    assert refused.value.caller is not None


@pytest.mark.parametrize("skew_s", [29.0, -29.0, 0.0])
def test_a_clock_within_the_allowed_skew_is_fine_from_the_first_moment_of_the_process(gate, skew_s):
    clock = SetClock()
    clock.skew_s = skew_s
    sender = Sender(gate, clock)
    with pytest.raises(TokenRefused) as refused:
        sender.ask()
    assert refused.value.code == "lwsso_expired"
    sender.learn_boot(refused.value.caller)
    assert sender.ask().peer_id == "b"


@pytest.mark.parametrize("skew_s", [29.0, -29.0, 0.0])
@pytest.mark.parametrize("later_s", [0.0, 20.0, 59.0, 61.0, 119.0, 200.0])
def test_a_token_recorded_before_a_restart_never_works_after_it(clock, sender, skew_s, later_s):
    sender.clock.skew_s = skew_s
    recorded = sender.header()
    sender.ask(recorded)
    restarted = Gate("a", lambda: (ROOT,), clock, Chance())
    clock.passed_s += later_s
    with pytest.raises(TokenRefused) as refused:
        restarted.admit(recorded, "GET", "/x")
    assert refused.value.code in {"lwsso_expired", "lwsso_clock_skew"}


def test_an_old_token_does_not_come_back_when_the_wall_clock_steps_back(clock, sender):
    recorded = sender.header()
    sender.ask(recorded)
    clock.passed_s += SPAN_S + 1  # its nonce is forgotten by now
    assert code(sender, recorded) == "lwsso_clock_skew"
    clock.skew_s -= SPAN_S + 1
    assert code(sender, recorded) == "lwsso_expired"


def test_nobody_needs_the_boot_word_once_no_older_token_can_be_valid(clock, gate):
    clock.passed_s += SPAN_S + 1
    sender_clock = SetClock()
    sender_clock.passed_s = SPAN_S + 1
    assert Sender(gate, sender_clock).ask().peer_id == "b"


def test_nonces_are_bounded_for_each_peer_and_forgotten_in_time(clock, sender):
    for _ in range(50):
        sender.ask()
    assert code(sender) == "lwsso_busy"
    assert sender.ask(sender.header(iss="c")).peer_id == "c"
    clock.passed_s += SPAN_S + 1
    sender.clock.passed_s = clock.passed_s
    assert sender.ask().peer_id == "b"


def test_during_a_rotation_old_and_new_roots_are_accepted_and_told_apart(gate, sender, roots):
    roots.insert(0, OTHER_ROOT)
    sender.ask()
    assert gate.root_of == {"b": ROOT.id}
    sender.root = OTHER_ROOT
    sender.ask()
    assert gate.root_of == {"b": OTHER_ROOT.id}


def test_a_body_that_was_not_signed_is_refused(gate, sender):
    caller = sender.ask()
    gate.check_body(caller, EMPTY_SHA256)
    with pytest.raises(TokenRefused) as refused:
        gate.check_body(caller, "00")
    assert refused.value.code == "lwsso_altered"
