"""Delivery against a real SMTP server, and against servers that misbehave."""

import asyncio
import email
import email.policy
import socket
import ssl
import threading

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from sitescope_fo.model.config import MailServer, MailSettings
from sitescope_fo.model.ports import Message
from sitescope_fo.node.ports.clock import SystemClock
from sitescope_fo.node.ports.work import ThreadWork
from sitescope_fo.notify.errors import MailDeferred, MailRefused, ServerTrouble
from sitescope_fo.notify.smtp import SmtpMailer
from sitescope_fo.security.certificate import create_self_signed

pytestmark = pytest.mark.anyio
HOST = "127.0.0.1"
PASSWORD = "correct horse battery"


class Sink:
    """Takes mails; `mail`, `rcpt` and `data` are its answers, `cut` drops the line once the mail is in."""

    def __init__(self, *, mail="250 OK", rcpt="250 OK", data="250 OK", cut=False):
        self.mail, self.rcpt, self.data, self.cut = mail, rcpt, data, cut
        self.mails = []

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        if self.mail.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.mail

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.data.startswith("250"):
            self.mails.append(envelope)
        if self.cut:
            server.transport.abort()
        return self.data

    @property
    def parsed(self):
        return [email.message_from_bytes(mail.content, policy=email.policy.default) for mail in self.mails]


@pytest.fixture
async def serve():
    """Starts real servers, each on a free port, in the test's own loop."""
    servers = []

    async def start(sink, *, tls=None, **options):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(sink, loop=loop, **options), HOST, 0, ssl=tls)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.fixture
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    create_self_signed(folder, HOST, SystemClock().wall())
    return {"folder": folder}


def server_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    crt, key = pem_files(certificate["folder"])
    context.load_cert_chain(crt, key)
    return context


def pem_files(folder):
    texts = {path: path.read_text() for path in folder.iterdir() if path.is_file()}
    [key] = [path for path, text in texts.items() if "PRIVATE KEY" in text]
    [crt] = [path for path, text in texts.items() if "CERTIFICATE" in text and path != key] or [key]
    return crt, key


def trusting(certificate):
    crt, _ = pem_files(certificate["folder"])
    return lambda server: ssl.create_default_context(cafile=str(crt))


def to(*ports, timeout_s=5.0, **server):
    servers = tuple(MailServer(host=HOST, port=port, **server) for port in ports)
    return MailSettings(servers=servers, sender="SiteScope <site@example.org>", timeout_s=timeout_s)


def message(**changes):
    fields = {
        "message_id": "<1@alert.sitescope-fo>",
        "sender": "SiteScope <site@example.org>",
        "to": "ops@example.org",
        "subject": "[SiteScope] ERROR Küche/Öfen",
        "body": "Grüße ✓\n.\n..\n",
        "wall": 1_763_805_600.0,
    }
    return Message(**{**fields, **changes})


def mailer(**options):
    return SmtpMailer(ThreadWork(), SystemClock(), **options)


def closed_port():
    with socket.create_server((HOST, 0)) as free:
        return free.getsockname()[1]


async def test_a_mail_arrives_whole_with_unicode_in_subject_and_body(serve):
    sink = Sink()
    port = await serve(sink)
    assert await mailer().send(to(port), message()) == f"{HOST}:{port}"
    [mail] = sink.parsed
    assert mail["Subject"] == "[SiteScope] ERROR Küche/Öfen"
    assert mail.get_content().replace("\r\n", "\n") == "Grüße ✓\n.\n..\n"
    assert mail["Message-ID"] == "<1@alert.sitescope-fo>"
    assert (sink.mails[0].mail_from, sink.mails[0].rcpt_tos) == ("site@example.org", ["ops@example.org"])


async def test_a_recipient_beyond_ascii_is_reached_when_the_server_can(serve):
    sink = Sink()
    await mailer().send(to(await serve(sink, enable_SMTPUTF8=True)), message(to="öps@example.org"))
    assert sink.mails[0].rcpt_tos == ["öps@example.org"]
    with pytest.raises(MailRefused):
        await mailer().send(to(await serve(Sink(), enable_SMTPUTF8=False)), message(to="öps@example.org"))


async def test_a_greeting_asks_every_server_and_sends_nothing(serve):
    sink, port = Sink(), await serve(Sink())
    servers = (MailServer(host=HOST, port=await serve(sink)), MailServer(host=HOST, port=port, security="starttls"))
    first, second = await mailer().greet(MailSettings(servers=servers, sender="site@example.org"))
    assert (first.server, first.trouble, sink.mails) == (f"{HOST}:{servers[0].port}", "", [])
    assert second.server == f"{HOST}:{port}"
    assert "STARTTLS" in second.trouble


async def test_a_greeting_tries_the_login(serve, certificate):
    options = {
        "tls_context": server_tls(certificate),
        "authenticator": lambda *_: AuthResult(success=False, handled=False),
        "auth_required": True,
    }
    port = await serve(Sink(), **options)
    server = MailServer(host=HOST, port=port, security="starttls", user="site", password="wrong")
    [seen] = await mailer(tls=trusting(certificate)).greet(MailSettings(servers=(server,), sender="site@example.org"))
    assert "refused the login of site" in seen.trouble
    assert "mail set" in seen.hint


async def test_a_hostile_subject_adds_neither_header_nor_recipient(serve):
    sink = Sink()
    await mailer().send(to(await serve(sink)), message(subject="x\r\nBcc: evil@example.org\r\n\r\nbody"))
    [mail] = sink.parsed
    assert mail["Bcc"] is None
    assert sink.mails[0].rcpt_tos == ["ops@example.org"]
    with pytest.raises(MailRefused):
        await mailer().send(to(await serve(sink)), message(to="ops@example.org>\r\nRCPT TO:<evil@example.org"))
    assert len(sink.mails) == 1


async def test_starttls_and_login_before_any_mail(serve, certificate):
    sink, seen = Sink(), []

    def authenticate(server, session, envelope, mechanism, data):
        seen.append((session.ssl is not None, data.login, data.password))
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    options = {
        "tls_context": server_tls(certificate),
        "require_starttls": True,
        "auth_required": True,
        "authenticator": authenticate,
    }
    port = await serve(sink, **options)
    login = {"security": "starttls", "user": "site", "password": PASSWORD}
    await mailer(tls=trusting(certificate)).send(to(port, **login), message())
    assert seen == [(True, b"site", PASSWORD.encode())]
    assert len(sink.mails) == 1
    with pytest.raises(MailDeferred) as caught:
        await mailer(tls=trusting(certificate)).send(to(port, **{**login, "password": "wrong horse"}), message())
    assert caught.value.code == "mail_login"
    assert "wrong horse" not in str(caught.value)
    assert len(sink.mails) == 1


async def test_tls_from_the_first_byte(serve, certificate):
    sink = Sink()
    port = await serve(sink, tls=server_tls(certificate))
    await mailer(tls=trusting(certificate)).send(to(port, security="tls"), message())
    assert len(sink.mails) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_nobody_trusts_gets_no_mail_and_no_password(serve, certificate, security):
    sink = Sink()
    options = {"tls": server_tls(certificate)} if security == "tls" else {"tls_context": server_tls(certificate)}
    port = await serve(sink, **options)
    with pytest.raises(MailDeferred) as caught:
        await mailer().send(to(port, security=security, user="site", password=PASSWORD), message())
    assert caught.value.code == "mail_tls"
    assert "not trusted" in caught.value.what
    assert sink.mails == []


async def test_a_server_without_starttls_gets_nothing_in_clear(serve):
    sink = Sink()
    with pytest.raises(MailDeferred):
        await mailer().send(to(await serve(sink), security="starttls"), message())
    assert sink.mails == []


@pytest.mark.parametrize(
    ("sink", "error", "said"),
    [
        ({"mail": "451 4.3.2 system busy"}, ServerTrouble, "451 4.3.2 system busy"),
        ({"rcpt": "421 4.3.2 closing"}, ServerTrouble, "421 4.3.2 closing"),
        ({"rcpt": "450 4.2.0 mailbox busy"}, MailDeferred, "450 4.2.0 mailbox busy"),
        ({"rcpt": "550 5.1.1 no such user"}, MailRefused, "550 5.1.1 no such user"),
        ({"data": "451 4.3.0 try later"}, MailDeferred, "451 4.3.0 try later"),
        ({"data": "554 5.7.1 looks like spam"}, MailRefused, "554 5.7.1 looks like spam"),
        ({"rcpt": "530 5.7.0 authenticate first"}, ServerTrouble, "530"),
    ],
)
async def test_4xx_is_tried_again_and_5xx_is_not(serve, sink, error, said):
    with pytest.raises(error) as caught:
        await mailer().send(to(await serve(Sink(**sink))), message())
    assert type(caught.value) is error
    assert said in caught.value.what
    assert HOST in caught.value.what


async def test_a_closed_port_and_a_server_that_takes_no_mail_are_tried_again():
    with pytest.raises(ServerTrouble) as caught:
        await mailer().send(to(closed_port()), message())
    assert caught.value.code == "mail_unreachable"
    with raw_server(b"554 no mail here\r\n") as port, pytest.raises(ServerTrouble) as caught:
        await mailer().send(to(port), message())
    assert "554 no mail here" in caught.value.what


async def test_without_a_server_the_mail_waits_for_one_to_be_set():
    with pytest.raises(ServerTrouble) as caught:
        await mailer().send(MailSettings(), message())
    assert "mail set" in caught.value.hint


@pytest.mark.parametrize("first", ["closed", "450", "550"])
async def test_the_backup_server_takes_what_the_first_does_not(serve, first):
    backup = Sink()
    port = closed_port() if first == "closed" else await serve(Sink(rcpt=f"{first} no"))
    second = await serve(backup)
    assert await mailer().send(to(port, second), message()) == f"{HOST}:{second}"
    assert len(backup.mails) == 1


async def test_when_all_fail_the_mail_is_lost_only_if_all_refuse_it(serve):
    never, later = await serve(Sink(rcpt="550 never")), await serve(Sink(rcpt="450 later"))
    with pytest.raises(MailDeferred) as caught:
        await mailer().send(to(never, later), message())
    assert "550 never" in caught.value.what
    assert "450 later" in caught.value.what
    with pytest.raises(MailRefused):
        await mailer().send(to(never, never), message())


async def test_a_line_cut_after_the_mail_is_tried_again_under_the_same_id(serve):
    sink = Sink(cut=True)
    port = await serve(sink)
    with pytest.raises(ServerTrouble):
        await mailer().send(to(port), message())
    sink.cut = False
    await mailer().send(to(port), message())
    assert len(sink.mails) == 2
    assert len({mail["Message-ID"] for mail in sink.parsed}) == 1


class raw_server:  # noqa: N801
    """Says `greeting` (over and over, a byte at a time, when `trickle`) and nothing else."""

    def __init__(self, greeting=b"", *, trickle=False):
        self.greeting, self.trickle = greeting, trickle

    def __enter__(self):
        self.listener = socket.create_server((HOST, 0))
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self.listener.getsockname()[1]

    def serve(self):
        line, _ = self.listener.accept()
        with line:
            try:
                while self.trickle and not self.over.wait(0.02):
                    line.sendall(b"2")
                line.sendall(self.greeting)
                self.over.wait()
            except OSError:
                return

    def __exit__(self, *error):
        self.over.set()
        self.thread.join()
        self.listener.close()


@pytest.mark.parametrize("trickle", [False, True])
async def test_a_server_that_says_nothing_or_trickles_is_given_up(trickle):
    with raw_server(trickle=trickle) as port, pytest.raises(ServerTrouble) as caught:
        await mailer().send(to(port, timeout_s=0.2), message())
    assert caught.value.code == "mail_timeout"


async def test_a_name_that_does_not_resolve_is_tried_again():
    settings = MailSettings(servers=(MailServer(host="no-such-host.invalid"),), sender="a@example.org", timeout_s=5.0)
    with pytest.raises(ServerTrouble):
        await mailer().send(settings, message())
