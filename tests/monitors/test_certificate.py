"""The certificate monitor: real TLS servers, an SMTP server with STARTTLS, files, and certificates of every condition."""

import asyncio
import datetime as dt
import socket
import ssl
from contextlib import asynccontextmanager

import anyio
import pytest
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from sitescope_fo.model.monitor import Monitor
from sitescope_fo.model.status import Status
from sitescope_fo.monitors.certificate import MOST_BYTES, SPEC
from sitescope_fo.monitors.judge import judge
from sitescope_fo.monitors.x509_facts import is_for
from tests.monitors.server import for_ever, serving

pytestmark = pytest.mark.anyio


def verdict(result):
    return judge(Monitor(id="m", name="m", path="g/m", type="certificate"), SPEC, result).status


async def hang_up(reader, writer):
    await reader.read(1)


@pytest.mark.parametrize(("days", "status"), [(30.5, Status.good), (10.5, Status.warning), (2.5, Status.error)])
async def test_a_trusted_server_is_judged_by_its_days_left(check, authority, days, status):
    async with serving(hang_up, authority.server_context(days=days)) as port:
        result = await check("certificate", host=f"127.0.0.1:{port}")
    values = result.values
    assert result.failure == ""
    assert values["days_left"] == pytest.approx(days, abs=0.05)
    assert (values["verified"], values["verify_error"], values["names_match"], verdict(result)) == ("yes", "", "yes", status)
    assert (values["subject"], values["issuer"], values["names"]) == ("CN=server", "CN=test authority", "127.0.0.1")
    assert (values["key"], values["key_bits"], values["self_signed"], len(values["fingerprint"])) == ("EC", 256, "no", 64)
    assert 0 < values["round_trip_time"] <= result.duration_s


async def test_an_expired_certificate_is_read_all_the_same(check, authority):
    async with serving(hang_up, authority.server_context(days=-3.5)) as port:
        result = await check("certificate", host=f"127.0.0.1:{port}")
    assert (result.failure, result.values["verified"], verdict(result)) == ("", "no", Status.error)
    assert result.values["verify_error"] == "certificate has expired"
    assert result.values["days_left"] == pytest.approx(-3.5, abs=0.05)
    assert "ended 3.5 days ago, not trusted: certificate has expired" in result.summary


async def test_a_certificate_for_another_name_says_so(check, authority):
    async with serving(hang_up, authority.server_context()) as port:
        result = await check("certificate", host=f"127.0.0.1:{port}", server_name="www.example")
    assert (result.values["verified"], result.values["names_match"], verdict(result)) == ("no", "no", Status.warning)
    assert "www.example" in result.values["verify_error"]


def self_signed(folder, key, *, names=("www.test", "*.shop.test"), days=20):
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own")])
    builder = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
    signed = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    folder.mkdir(exist_ok=True)
    (folder / "own.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "own.der").write_bytes(signed.public_bytes(serialization.Encoding.DER))
    (folder / "own.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


async def test_a_self_signed_server_is_read_and_the_name_asked_for_reaches_it(check, tmp_path):
    folder = self_signed(tmp_path / "own", ec.generate_private_key(ec.SECP384R1()))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "own.pem", folder / "own.key")
    asked = []
    tls.sni_callback = lambda sock, name, context: asked.append(name)
    async with serving(hang_up, tls) as port:
        result = await check("certificate", host=f"127.0.0.1:{port}", server_name="a.shop.test")
    values = result.values
    assert (values["verified"], values["self_signed"], values["names_match"], values["key_bits"]) == ("no", "yes", "yes", 384)
    assert "self-signed certificate" in values["verify_error"]
    assert verdict(result) is Status.warning
    assert asked == ["a.shop.test", "a.shop.test"]


KEYS = [
    (lambda: rsa.generate_private_key(65537, 2048), "RSA", 2048),
    (lambda: ec.generate_private_key(ec.SECP256R1()), "EC", 256),
    (ed25519.Ed25519PrivateKey.generate, "Ed25519", 256),
]


@pytest.mark.parametrize(("make", "kind", "bits"), KEYS, ids=[kind for _, kind, _ in KEYS])
@pytest.mark.parametrize("form", ["pem", "der"])
async def test_a_file_of_either_form_is_read(check, tmp_path, make, kind, bits, form):
    folder = self_signed(tmp_path / "own", make())
    result = await check("certificate", file=f"{folder}/own.{form}")
    values = result.values
    assert (result.failure, values["key"], values["key_bits"], values["chain_length"]) == ("", kind, bits, 1)
    assert values["days_left"] == pytest.approx(20, abs=0.05)
    assert {"verified", "names_match", "round_trip_time"} & set(values) == set()
    assert verdict(result) is Status.good


async def test_the_first_certificate_of_a_chain_counts_and_the_key_beside_it_is_passed_over(check, tmp_path, authority):
    own = self_signed(tmp_path / "own", ec.generate_private_key(ec.SECP256R1()))
    chain = tmp_path / "chain.pem"
    chain.write_bytes((own / "own.key").read_bytes() + (own / "own.pem").read_bytes() + authority.pem.read_bytes())
    result = await check("certificate", file=str(chain), server_name="www.test")
    assert (result.values["subject"], result.values["chain_length"], result.values["names_match"]) == ("CN=own", 2, "yes")


async def test_an_old_certificate_without_names_is_for_nobody(check, tmp_path):
    own = self_signed(tmp_path / "own", ec.generate_private_key(ec.SECP256R1()), names=())
    result = await check("certificate", file=f"{own}/own.pem", server_name="own")
    assert (result.values["names"], result.values["names_match"]) == ("", "no")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", b"\x30\x82\xff\xff"]
)
async def test_a_file_that_is_no_certificate_is_a_failure_and_no_defect(check, tmp_path, content):
    (tmp_path / "odd").write_bytes(content)
    assert (await check("certificate", file=str(tmp_path / "odd"))).failure == "protocol"
    assert (await check("certificate", file=str(tmp_path / "absent"))).failure == "missing"
    assert (await check("certificate", file=str(tmp_path))).failure == "missing"
    assert (await check("certificate", file="/dev/zero")).failure == "protocol"
    assert check.defects == []
    assert MOST_BYTES < 10_000_000


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("www.test", "WWW.Test.", True),
        ("*.test", "a.test", True),
        ("*.test", "a.b.test", False),
        ("*.test", "test", False),
        ("*.test", ".test", False),
        ("w*.test", "www.test", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:DB8:0::1", True),
        ("*.0.2.1", "192.0.2.1", False),
    ],
)
def test_a_name_covers_hosts_as_browsers_see_it(pattern, name, fits):
    assert is_for(pattern, name) is fits


@asynccontextmanager
async def smtp_server(tls):
    """aiosmtpd as it is in life, on this loop."""
    sessions = []

    def session():
        sessions.append(SMTP(None, hostname="mail.test", tls_context=tls))
        return sessions[-1]

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for one in sessions:
        if one.transport is not None:
            one.transport.abort()
    await anyio.sleep(0.01)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # aiosmtpd's STARTTLS reaches into asyncio's own streams
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_mail_server_is_asked_for_tls_in_its_own_words(check, authority):
    async with smtp_server(authority.server_context()) as port:
        result = await check("certificate", host=f"127.0.0.1:{port}", starttls="smtp")
        assert (result.failure, result.values["verified"], result.values["subject"]) == ("", "yes", "CN=server")
    async with smtp_server(None) as port:
        result = await check("certificate", host=f"127.0.0.1:{port}", starttls="smtp")
        assert (result.failure, "answers STARTTLS with" in result.summary) == ("protocol", True)


DIALOGUES = {
    "smtp": [(b"220-many\r\n220 lines\r\n", b"EHLO"), (b"250-a\r\n250 b\r\n", b"STARTTLS"), (b"220 go\r\n", b"")],
    "imap": [(b"* OK [CAPABILITY STARTTLS] hi\r\n", b"a STARTTLS"), (b"* some news\r\na ok go\r\n", b"")],
    "pop3": [(b"+OK hi\r\n", b"STLS"), (b"+OK go\r\n", b"")],
    "ftp": [(b"220 hi\r\n", b"AUTH TLS"), (b"234 go\r\n", b"")],
}


def speak(listening, steps, tls):
    """One connection: says and hears what `steps` tell, then TLS."""
    connection, _ = listening.accept()
    for said, asked in steps:
        for part in (said[:3], said[3:]):  # a reply may come in pieces
            connection.sendall(part)
        if asked:
            assert connection.recv(1000).startswith(asked)
    with tls.wrap_socket(connection, server_side=True) as secured:
        secured.recv(1)


@pytest.mark.parametrize("protocol", DIALOGUES)
async def test_every_protocol_with_a_word_for_tls_is_spoken(check, authority, protocol):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        speaking = asyncio.create_task(asyncio.to_thread(speak, listening, DIALOGUES[protocol], authority.server_context()))
        port = listening.getsockname()[1]
        result = await check("certificate", host=f"127.0.0.1:{port}", starttls=protocol, timeout_s=5)
        await speaking
    assert (result.failure, result.values.get("verified")) == ("", "yes")


@pytest.mark.parametrize(
    ("said", "failure"),
    [(b"554 go away\r\n", "protocol"), (b"", "protocol"), (b"x" * 40_000, "protocol"), (b"SSH-2.0-x\r\n", "timeout")],
)
async def test_a_server_that_speaks_another_protocol_is_a_failure(check, said, failure):
    async def talk(reader, writer):
        writer.write(said)
        await writer.drain()
        if failure == "timeout":
            await reader.read()

    async with serving(talk) as port:
        assert (await check("certificate", host=f"127.0.0.1:{port}", starttls="smtp", timeout_s=0.5)).failure == failure


async def test_a_server_without_tls_and_a_silent_one_are_failures(check):
    async def plain(reader, writer):
        writer.write(b"HTTP/1.1 400 no TLS here\r\n\r\n")
        await writer.drain()

    async with serving(plain) as port:
        assert (await check("certificate", host=f"127.0.0.1:{port}")).failure in {"tls", "reset"}
    async with serving(for_ever) as port:
        assert (await check("certificate", host=f"127.0.0.1:{port}", timeout_s=0.2)).failure == "timeout"
    assert check.defects == []


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "host"),
        ({"host": "a", "file": "/b"}, "host"),
        ({"file": "b"}, "file"),
        ({"host": "a:b"}, "host"),
        ({"host": "https://a/"}, "host"),
        ({"host": "a", "starttls": "gopher"}, "starttls"),
    ],
)
async def test_settings_that_cannot_work_are_told_before(check, settings, name):
    assert [found for found, _ in check.registry.settings_problems("certificate", settings)] == [name]
