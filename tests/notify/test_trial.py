"""Test messages prove the way without looking like news."""

import pytest

from sitescope_fo.model.config import MailServer, MailSettings
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.ports import Now
from sitescope_fo.notify.envelope import mail_of
from sitescope_fo.notify.templates import TemplateSet
from sitescope_fo.notify.trial import alert_test, mail_test
from tests.engine.parts import alert

NOW = Now(1.0, 1_763_805_600.0)
SETTINGS = MailSettings(servers=(MailServer(host="mail.example.org", port=587),))


def test_a_test_mail_says_who_sent_it_when_and_through_which_servers():
    message = mail_test(SETTINGS, "ops@example.org", NOW, node="standby.example", token="abc")
    assert message.subject == "[SiteScope] Test message from standby.example"
    assert "2025-11-22 10:00:00 UTC" in message.body
    assert "mail.example.org:587" in message.body
    assert message.sender == "sitescope-fo@standby.example"
    assert mail_of(message)["Message-ID"] == "<abc@test.sitescope-fo>"


def test_an_alert_test_goes_to_each_recipient_and_says_that_it_is_one():
    to = ("a@example.org", "b@example.org")
    first, second = alert_test(SETTINGS, alert(), to, NOW, node="n", token="abc")
    assert (first.to, second.to) == to
    assert first.message_id != second.message_id
    assert first.subject.startswith("[TEST] [SiteScope] ERROR")
    assert first.body.startswith("TEST: nothing is wrong.\n")


def test_an_alert_test_uses_the_own_template_and_reports_one_that_fails():
    own = TemplateSet({"alert": "own {% if type == 'test' %}{{ oops }}{% endif %}\n"})
    [message] = alert_test(SETTINGS, alert(), ("a@example.org",), NOW, node="n", token="abc", templates=own)
    assert "'oops' is undefined" in message.body


def test_an_alert_that_reaches_nobody_is_refused():
    with pytest.raises(Usage) as caught:
        alert_test(SETTINGS, alert(), (), NOW, node="n", token="abc")
    assert caught.value.code == "no_recipient"
