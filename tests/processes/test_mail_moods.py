"""Every alert arrives exactly once, whatever the mail server is in the mood for.

MAIL_SECONDS sets how long the server is fickle (12; 600 in `make soak`), MAIL_MONITORS how many monitors there are (200; 1,000).
"""

import itertools
import os
import time

import pytest

from tests.processes.daemon import Daemon, Late, until
from tests.processes.fickle import MoodyMail, Ports
from tests.processes.town import HOST, free_port

pytestmark = [pytest.mark.processes, pytest.mark.timeout(1200)]
SECONDS = float(os.environ.get("MAIL_SECONDS", "12"))
MONITORS = int(os.environ.get("MAIL_MONITORS", "200"))
PORTS = 8
MOODS = ("down", "slow", "busy", "cut")


@pytest.fixture
def ports():
    found = Ports(PORTS)
    yield found
    found.close()


@pytest.fixture
def mail():
    found = MoodyMail()
    yield found
    found.close()


@pytest.fixture
def node(tmp_path, ports, mail):
    """A primary that checks `MONITORS` ports and mails about each."""
    found = Daemon("primary", tmp_path / "primary" / "SiteScope", free_port())
    found.home.parent.mkdir()
    found.cli("setup", "--role", "primary", "--port", str(found.port), "--host", HOST, "--yes")
    found.cli(
        "mail", "set", "--host", HOST, "--port", str(mail.port), "--plain", "--from", "a@example.org", "--to", "b@example.org"
    )
    text = '[group]\nname = "Shop"\n'
    for number, port in zip(range(MONITORS), itertools.cycle(ports.numbers)):
        text += (
            f'[[monitor]]\ntype = "port"\nname = "P{number}"\nfrequency = "3s"\nsettings = {{ host = "{HOST}", port = {port} }}\n'
        )
    text += '[[alert]]\nname = "ops"\non = "error"\nwhen = { kind = "once", after = 1 }\nactions = ["mail:ops@example.org"]\n'
    folder = found.home / "groups" / "Shop"
    folder.mkdir()
    (folder / "group.toml").write_text(text)
    found.start()
    yield found
    found.end()


def counted(node, status):
    return node.status()["monitors"][status]


def in_moods(mail, changes):
    """Makes the changes spread over half the time, with the mail server's moods in turn; at least one mail is cut."""
    moods = itertools.cycle(MOODS)
    for change in changes:
        mail.be(next(moods))
        change()
        time.sleep(SECONDS / 2 / len(changes))
    mail.be("cut")
    until(lambda: mail.cuts, 90, "a mail that is taken without a word")
    mail.be("good")


def all_arrived(node, mail, word):
    """Waits for one mail about each monitor; then for more that must not come."""
    wanted = {f"[SiteScope] {word} Shop/P{number}": 1 for number in range(MONITORS)}
    try:
        until(lambda: len(mail.subjects()) >= MONITORS, SECONDS + 120, "every alert")
        until(lambda: not node.status()["health"]["outbox"]["depth"], 60, "an empty outbox")
    except Late as late:
        missing = sorted(wanted.keys() - mail.subjects().keys())
        raise Late(f"{late}; {len(missing)} missing: {missing[:5]}; {node.tail()}") from None
    assert mail.subjects() == wanted
    assert mail.copies() <= mail.cuts


def test_every_alert_arrives_once_from_a_server_that_is_down_slow_busy_and_cuts_in_turn(node, ports, mail):
    until(lambda: counted(node, "good") == MONITORS, 90, "good monitors")
    in_moods(mail, [lambda n=number: ports.close_port(n) for number in ports.numbers])
    all_arrived(node, mail, "ERROR")
    mail.received.clear()
    mail.cuts = 0
    in_moods(mail, [lambda n=number: ports.open_port(n) for number in ports.numbers])
    all_arrived(node, mail, "GOOD")
