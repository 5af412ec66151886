"""Users, passwords, sessions and the patience with wrong ones: values and decisions, without a node."""

import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.model.errors import ConfigInvalid, Conflict, Refused, SiteScopeError, Usage
from sitescope_fo.security import attempts, passwords, sessions
from sitescope_fo.security.accounts import Accounts, TokenRow, UserRow, new_token, read_accounts, token_hash, write_accounts
from sitescope_fo.security.attempts import Attempts, LoginLimited, network_of
from sitescope_fo.security.passwords import check_password, decoy, hash_password, password_fits
from sitescope_fo.security.sessions import Sessions
from tests.security.ports import Chance, SetClock

GOOD = "correct horse battery"


@pytest.fixture
def cheap(monkeypatch):
    monkeypatch.setattr(passwords, "_COST", (4, 8, 1))


def user(name, role="viewer", password="x"):
    return UserRow(name=name, role=role, password=password)


# ---------------------------------------------------------------- passwords


def test_a_password_is_kept_at_the_cost_the_docs_name():
    record = hash_password(GOOD)
    assert record.startswith("scrypt:15:8:3:")
    assert GOOD not in record
    assert password_fits(GOOD, record)
    assert not password_fits(GOOD + "x", record)


def test_two_records_of_one_password_differ_and_a_decoy_fits_nothing(cheap):
    assert hash_password(GOOD) != hash_password(GOOD)
    assert not password_fits(GOOD, decoy())
    assert len(decoy()) == len(hash_password(GOOD))


def test_every_keyboard_gives_the_same_password(cheap):
    record = hash_password(check_password(unicodedata.normalize("NFD", "café über fünf"), "a"))
    assert password_fits(unicodedata.normalize("NFC", "café über fünf"), record)


@pytest.mark.parametrize("word", ["short", "ababababababab", "x" * 300, "Administrator-1"])
def test_a_weak_password_is_refused(word):
    with pytest.raises(Usage) as raised:
        check_password(word, "administrator-1")
    assert raised.value.code == "password_weak"
    assert word not in str(raised.value)


@given(st.text() | st.from_regex(r"scrypt:\d{1,9}:\d{1,9}:\d{1,9}:[A-Za-z0-9_=-]{0,9}:[A-Za-z0-9_=-]{0,9}", fullmatch=True))
def test_a_damaged_record_fits_nothing_and_costs_little(record):
    cost = record.split(":")[1:2]
    if cost and cost[0].isdigit() and 12 < int(cost[0]) < 32:
        return
    assert not password_fits(GOOD, record)


# ---------------------------------------------------------------- accounts


def test_accounts_survive_the_disk_and_show_no_hash(tmp_path):
    assert read_accounts(tmp_path) == Accounts()
    row = user("Ärztin", "administrator", "sealed:v1:…")
    accounts = Accounts().with_user(row).with_token(TokenRow(name="ci", role="viewer", hash="h"))
    write_accounts(tmp_path, accounts)
    assert read_accounts(tmp_path) == accounts
    assert (tmp_path / "persistence" / "users.toml").stat().st_mode & 0o777 == 0o600
    assert "sealed" not in repr(accounts)


def test_names_are_unique_without_regard_to_case_and_form():
    accounts = Accounts().with_user(user("Ärztin"))
    for again in ("Ärztin", "äRZTIN", unicodedata.normalize("NFD", "Ärztin")):
        with pytest.raises(Conflict):
            accounts.with_user(user(again))
    assert accounts.with_password("ärztin", "y", "now").find_user("ÄRZTIN").password == "y"
    assert accounts.with_token(TokenRow(name="Ärztin", role="viewer", hash="h")).token


@pytest.mark.parametrize("name", ["", " a", "a\n", "unix:0", "a/b", "x" * 65])
def test_what_cannot_be_a_name_is_refused(name):
    with pytest.raises(Usage) as raised:
        Accounts().with_user(user(name))
    assert raised.value.code == "bad_name"


def test_the_last_administrator_stays_unless_forced():
    accounts = Accounts().with_user(user("root", "administrator")).with_user(user("bob", "operator"))
    with pytest.raises(Refused) as raised:
        accounts.without_user("ROOT")
    assert (raised.value.code, "--force" in raised.value.hint) == ("last_administrator", True)
    assert [one.name for one in accounts.without_user("root", force=True).user] == ["bob"]
    assert [one.name for one in accounts.without_user("bob").user] == ["root"]


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(Usage, match="alice"):
        Accounts().with_user(user("alice")).without_user("alcie")
    with pytest.raises(Usage, match="token list"):
        Accounts().without_token("ci")


@pytest.mark.parametrize("text", ["user = 1", "[[user]]\nname='a'\nrole='king'\npassword=''", "[[user]]", "[", "x = 1"])
def test_a_damaged_file_of_users_is_told_with_its_place(tmp_path, text):
    (tmp_path / "persistence").mkdir()
    (tmp_path / "persistence" / "users.toml").write_text(text)
    with pytest.raises(ConfigInvalid, match=r"users\.toml") as raised:
        read_accounts(tmp_path)
    assert raised.value.code == "users_file"


def test_a_token_has_256_random_bits_and_only_its_hash_is_kept():
    one, other = new_token(), new_token()
    assert (len(bytes.fromhex(one)), one != other) == (32, True)
    assert one not in token_hash(one)


# ---------------------------------------------------------------- sessions


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def book(clock):
    return Sessions(clock, Chance())


def test_a_session_ends_when_idle_and_at_the_latest_after_its_longest_time(book, clock):
    idle, used = book.open("alice", "r"), book.open("alice", "r")
    for _ in range(int(sessions.LONGEST_S / (sessions.IDLE_S - 60))):
        clock.passed_s += sessions.IDLE_S - 60
        assert book.use(used).user == "alice"
    clock.passed_s += sessions.IDLE_S - 60
    assert book.use(used) is None
    assert book.use(idle) is None


def test_a_logout_ends_one_session_and_an_unknown_token_is_nobodys(book):
    mine, other = book.open("alice", "r"), book.open("alice", "r")
    book.close(mine)
    book.close("never")
    assert book.use(mine) is None
    assert book.use(other).credential == "r"
    assert "r" not in repr(book.use(other)).replace("user", "")


def test_too_many_sessions_end_the_one_idle_longest_of_the_same_user_first(book, monkeypatch):
    monkeypatch.setattr(sessions, "A_USER", 3)
    monkeypatch.setattr(sessions, "AT_ONCE", 5)
    others = [book.open(name, "r") for name in ("bob", "carol")]
    mine = [book.open("alice", "r") for _ in range(4)]
    assert [book.use(token) is not None for token in mine] == [False, True, True, True]
    book.use(others[0])
    book.open("dave", "r")
    assert [book.use(token) is not None for token in others] == [True, False]


# ---------------------------------------------------------------- attempts


@pytest.fixture
def gate(clock):
    return Attempts(clock)


def waits(gate, user="alice", address="192.0.2.1"):
    try:
        gate.begin(user, address)
    except LoginLimited as limited:
        return limited.wait_s
    return 0


def test_each_failure_beyond_the_free_ones_doubles_the_wait(gate, clock):
    assert [waits(gate) for _ in range(attempts.FREE["user"])] == [0] * attempts.FREE["user"]
    found = []
    for _ in range(12):
        wait_s = waits(gate)
        found.append(round(wait_s))
        clock.passed_s += wait_s
        assert waits(gate) == 0
    assert found == [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 32, 64]  # in the end the address waits longer than the user


def test_a_success_frees_the_user_and_takes_back_one_attempt_of_the_address(gate):
    for _ in range(4):
        assert waits(gate) == 0
        gate.succeeded("alice", "192.0.2.1")
    for _ in range(attempts.FREE["user"]):
        assert waits(gate) == 0
    assert waits(gate) > 0


def test_many_users_from_one_network_and_one_user_from_many_both_wait(gate):
    for n in range(attempts.FREE["from"]):
        assert waits(gate, f"user{n}", f"2001:db8::{n}") == 0
    assert waits(gate, "another", "2001:db8::ffff") > 0
    assert waits(gate, "another", "2001:db8:1::1") == 0
    for n in range(attempts.FREE["user"]):
        assert waits(gate, "alice", f"198.51.100.{n}") == 0
    assert waits(gate, "alice", "198.51.100.99") > 0


def test_a_user_waits_half_a_minute_at_most_and_all_is_forgotten_after_an_hour(gate, clock):
    for n in range(40):
        clock.passed_s += waits(gate, "alice", f"198.51.{n}.1")
        waits(gate, "alice", f"198.51.{n}.1")
    assert 0 < waits(gate, "alice", "198.51.200.1") <= attempts.LONGEST_S["user"]
    clock.passed_s += attempts.FORGOTTEN_S
    assert waits(gate) == 0


def test_the_memory_for_failures_is_bounded(gate, monkeypatch):
    monkeypatch.setattr(attempts, "KEPT", 10)
    for n in range(50):
        waits(gate, f"user{n}", f"198.51.100.{n}")
    assert len(gate._failures) == 10


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8::5", "2001:db8::/64"), ("", ""), ("x", "x")],
)
def test_an_address_counts_as_what_one_machine_cannot_change(address, network):
    assert network_of(address) == network


def test_every_refusal_says_what_to_do():
    with pytest.raises(SiteScopeError) as raised:
        raise LoginLimited(8.0)
    assert "8 s" in raised.value.hint
    assert msgspec.json.encode(raised.value.body())
