"""Tokens open for exactly the node, direction and request they were made for."""

import base64
import json

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.security import lwsso
from sitescope_fo.security.lwsso import ReplyClaims, RequestClaims, Root, open_reply, open_request, seal_reply, seal_request
from tests.security.ports import OTHER_ROOT, ROOT

NODE_IDS = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def request_claims(**changes):
    claims = {
        "iss": "b", "aud": "a", "method": "GET", "path": "/api/v1/health?x=1", "body_sha256": lwsso.EMPTY_SHA256,
        "nonce": "n1", "iat": 1_800_000_000.25,
    }  # fmt: skip
    return RequestClaims(**claims | changes)


def reply_claims(**changes):
    claims = {"iss": "a", "aud": "b", "nonce": "n1", "status": 200, "body_sha256": "00", "iat": 1_800_000_000.5}
    return ReplyClaims(**claims | changes)


@given(iss=NODE_IDS, aud=NODE_IDS, path=TEXT, nonce=TEXT, etag=TEXT, iat=st.floats(0, 4e9))
def test_a_request_token_gives_back_exactly_what_was_sealed(iss, aud, path, nonce, etag, iat):
    claims = request_claims(iss=iss, aud=aud, path=path, nonce=nonce, etag=etag, iat=iat)
    assert open_request((OTHER_ROOT, ROOT), seal_request(ROOT, claims)) == (claims, ROOT)


def test_a_token_of_another_passphrase_does_not_open():
    assert open_request((ROOT,), seal_request(OTHER_ROOT, request_claims())) is None
    assert open_reply(ROOT, seal_reply(OTHER_ROOT, reply_claims()), aud="b", nonce="n1") is None


@pytest.mark.parametrize(("shown", "claimed"), [('iss="b"', 'iss="c"'), ('aud="a"', 'aud="c"')])
def test_the_names_in_clear_are_authenticated_by_the_key_they_select(shown, claimed):
    header = seal_request(ROOT, request_claims())
    assert shown in header
    assert open_request((ROOT,), header.replace(shown, claimed)) is None


def test_a_reply_opens_only_for_its_asker_and_its_nonce():
    header = seal_reply(ROOT, reply_claims())
    assert open_reply(ROOT, header, aud="b", nonce="n1") == reply_claims()
    assert open_reply(ROOT, header, aud="c", nonce="n1") is None
    assert open_reply(ROOT, header, aud="b", nonce="n2") is None


def test_a_request_token_is_no_reply_token():
    token = seal_request(ROOT, request_claims()).split('token="')[1].rstrip('"')
    assert open_reply(ROOT, f'iss="b", token="{token}"', aud="a", nonce="n1") is None


@given(
    header=TEXT
    | st.binary(max_size=80).map(lambda data: f'LWSSO iss="b", aud="a", token="{base64.urlsafe_b64encode(data).decode()}"')
)
def test_any_other_header_is_no_token_and_no_crash(header):
    assert open_request((ROOT,), header) is None
    assert open_reply(ROOT, header.removeprefix("LWSSO "), aud="a", nonce="n1") is None


@given(at=st.integers(0, 10_000), letter=st.sampled_from("Aa0_-="))
def test_no_changed_letter_goes_unnoticed(at, letter):
    header = seal_request(ROOT, request_claims())
    at %= len(header)
    changed = header[:at] + letter + header[at + 1 :]
    opened = open_request((ROOT,), changed)
    # The last base64 digit has bits that mean nothing; whatever opens says the same as before.
    assert opened is None or opened == (request_claims(), ROOT)


@given(
    claims=st.dictionaries(
        st.sampled_from(["iss", "aud", "method", "path", "iat", "nonce", "body_sha256"]), st.none() | TEXT | st.integers()
    )
)
def test_a_token_that_opens_but_says_nonsense_is_refused(claims):
    key = lwsso.derive_key(ROOT, "request", "b", "a")
    token = Fernet(base64.urlsafe_b64encode(key)).encrypt(json.dumps(claims).encode()).decode()
    assert open_request((ROOT,), f'LWSSO iss="b", aud="a", token="{token}"') is None


def test_every_purpose_and_direction_has_its_own_key():
    keys = {
        lwsso.derive_key(ROOT, p, i, a) for p in ("request", "reply", "wrap") for i, a in (("a", "b"), ("b", "a"), ("ab", "c"))
    }
    assert len(keys) == 9


def test_a_root_names_itself_alike_everywhere_and_never_shows_its_secret():
    assert Root.of(b"r" * 32).id == ROOT.id != OTHER_ROOT.id
    assert "rrr" not in repr(ROOT)
    assert b"r" * 32 not in repr((ROOT,)).encode()


@pytest.mark.parametrize(
    ("text", "fits"), [("0198f7d2-aa", True), ("", False), ("a|b", False), ('a"b', False), ("a" * 65, False)]
)
def test_only_plain_words_are_node_ids(text, fits):
    assert lwsso.is_node_id(text) is fits
