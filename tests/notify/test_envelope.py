"""From a message to bytes: UTF-8 everywhere, and no text becomes a header."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sitescope_fo.model.ports import Message
from sitescope_fo.notify.envelope import bare_address, mail_of
from sitescope_fo.notify.errors import MailRefused


def message(**changes):
    fields = {
        "message_id": "<1@alert.sitescope-fo>",
        "sender": "SiteScope <site@example.org>",
        "to": "ops@example.org",
        "subject": "[SiteScope] ERROR Küche/Öfen",
        "body": "Grüße aus der Küche ✓\n.\nFrom here\n",
        "wall": 1_763_805_600.0,
    }
    return Message(**{**fields, **changes})


def parsed(mail):
    return email.message_from_bytes(mail.as_bytes(), policy=email.policy.default)


def test_subject_and_body_arrive_in_full():
    got = parsed(mail_of(message()))
    assert got["Subject"] == "[SiteScope] ERROR Küche/Öfen"
    assert got.get_content().replace("\r\n", "\n") == "Grüße aus der Küche ✓\n.\nFrom here\n"
    assert got["From"] == "SiteScope <site@example.org>"
    assert got["Date"] == "Sat, 22 Nov 2025 10:00:00 +0000"
    assert got["Message-ID"] == "<1@alert.sitescope-fo>"
    assert got["Auto-Submitted"] == "auto-generated"


@hypothesis_settings(max_examples=80)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_no_text_can_add_a_header_or_a_recipient(subject, body, value):
    clean = {name for name, _ in parsed(mail_of(message(headers=(("X-SiteScope-Event", "x"),)))).items()}
    try:
        mail = mail_of(message(subject=f"{subject}\r\nBcc: x@example.org", body=body, headers=(("X-SiteScope-Event", value),)))
        data = mail.as_bytes()
    except MailRefused:
        return
    got = email.message_from_bytes(data, policy=email.policy.default)
    assert {name for name, _ in got.items()} <= clean
    assert got["To"] == "ops@example.org"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ops@example.org", "ops@example.org"),
        ("Ops <ops@example.org>", "ops@example.org"),
        ('"Last, First" <a.b+c@Example.org>', "a.b+c@example.org"),
        ("ops@bücher.example", "ops@xn--bcher-kva.example"),
        ("öps@example.org", "öps@example.org"),
    ],
)
def test_addresses_as_people_write_them(text, address):
    assert bare_address(text).lower() == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ops",
        "@example.org",
        "ops@",
        "a@b@c",
        "a@example.org, b@example.org",
        "a@example.org\r\nRCPT TO:<x@y>",
        "a b@example.org",
        "group:;",
    ],
)
def test_what_is_no_address_is_refused_for_good(text):
    with pytest.raises(MailRefused) as caught:
        mail_of(message(to=text))
    assert caught.value.code == "bad_address"


@pytest.mark.parametrize(
    "changes", [{"message_id": "1"}, {"message_id": "<1@x>\r\nBcc: y@z"}, {"headers": (("Bad Name", "x"),)}, {"body": "\ud800"}]
)
def test_what_cannot_be_written_as_a_mail_is_refused_for_good(changes):
    with pytest.raises(MailRefused):
        mail_of(message(**changes)).as_bytes()
