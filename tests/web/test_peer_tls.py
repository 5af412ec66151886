"""TLS between two real nodes: good, expired, for another name, of another key."""

import ssl

import pytest

from sitescope_fo.client.address_book import AddressBook
from sitescope_fo.model.errors import ConfigInvalid, Unreachable, Unverifiable, Usage
from sitescope_fo.security.certificate import SERVER_KEY, SERVER_PEM, create_self_signed, read_pem
from sitescope_fo.security.certificate_look import fetch_certificate
from sitescope_fo.security.certificate_store import open_pem, put_trusted
from sitescope_fo.security.tls import client_context, reload_server, server_context
from sitescope_fo.security.tls_in_force import TlsInForce
from tests.security.ports import SetClock
from tests.web.pair import foreign_server, raw_server, running_pair
from tests.web.test_peer_exchange import ask, failure

pytestmark = pytest.mark.anyio
WALL = SetClock().wall()


class Certificates:
    """The `certificates/` of both nodes."""

    def __init__(self, folder):
        self.server, self.client = folder / "server", folder / "client"
        (self.client / "trusted").mkdir(parents=True)

    def create(self, host="localhost", *, wall=WALL, days=10, trust=True):
        certificate = create_self_signed(self.server, host, wall, days=days)
        if trust:
            self.trust()
        return certificate

    def trust(self, name="primary.pem"):
        (self.client / "trusted" / name).write_bytes((self.server / SERVER_PEM).read_bytes())

    def pair(self):
        return running_pair(tls=server_context(self.server))


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path)


async def own_addresses(_host, _port):
    return ("127.0.0.1",)


def parts(pair, certificates, book=None, host="localhost"):
    book = book or AddressBook(SetClock(), resolve=own_addresses)
    return pair.client(tls=client_context(certificates.client), book=book), pair.address(host=host, tls=True)


async def test_an_imported_self_signed_certificate_carries_requests_and_its_key_is_remembered(certificates):
    certificate = certificates.create()
    kept = []
    book = AddressBook(SetClock(), changed=kept.append, resolve=own_addresses)
    async with certificates.pair() as pair:
        client, peer = parts(pair, certificates, book)
        for _ in range(2):
            assert (await ask(client, peer)).peer_id == "a"
        assert book.entry("localhost", pair.port).key_sha256 == certificate.key_sha256
        assert len(kept) == 1
        assert AddressBook(SetClock(), kept[0]).entry("localhost", pair.port).address == "127.0.0.1"


async def test_an_address_can_be_the_name_of_a_certificate(certificates):
    certificates.create("127.0.0.1")
    async with certificates.pair() as pair:
        client, peer = parts(pair, certificates, host="127.0.0.1")
        assert (await ask(client, peer)).peer_id == "a"


async def test_an_expired_certificate_of_the_known_key_is_unverifiable(certificates):
    certificates.create(wall=WALL - 20 * 86400, days=10)
    async with certificates.pair() as pair:
        assert await failure(Unverifiable, *parts(pair, certificates)) == "tls_expired"
        assert pair.service.asked == []


async def test_a_certificate_of_the_future_is_unverifiable(certificates):
    certificates.create(wall=WALL + 5 * 86400)
    async with certificates.pair() as pair:
        assert await failure(Unverifiable, *parts(pair, certificates)) == "tls_expired"


@pytest.mark.parametrize("name", ["other.example", "Localhost", "*.example", "localhost.example"])
async def test_a_certificate_for_another_name_is_unverifiable_and_case_counts(certificates, name):
    certificates.create(name)
    async with certificates.pair() as pair:
        client, peer = parts(pair, certificates)
        with pytest.raises(Unverifiable, match=r"is for .*not for localhost"):
            await ask(client, peer)
        assert await failure(Unverifiable, client, peer) == "tls_name"
        assert pair.service.asked == []


async def test_an_unknown_certificate_at_the_first_contact_is_untrusted(certificates):
    certificates.create(trust=False)
    async with certificates.pair() as pair:
        assert await failure(Unverifiable, *parts(pair, certificates)) == "tls_untrusted"


async def test_the_known_key_under_a_new_certificate_that_was_not_imported_is_unverifiable(certificates):
    known = certificates.create(trust=False)
    async with certificates.pair() as pair:
        book = AddressBook(SetClock(), resolve=own_addresses)
        book.worked("localhost", pair.port, "127.0.0.1", known.key_sha256)
        assert await failure(Unverifiable, *parts(pair, certificates, book)) == "tls_untrusted"


async def test_another_key_is_somebody_else(certificates):
    certificates.create()
    certificates.create(trust=False)  # the machine at the address now has another key
    async with certificates.pair() as pair:
        assert await failure(Unreachable, *parts(pair, certificates)) == "foreign"


async def test_a_trusted_certificate_of_another_machine_under_this_name_is_somebody_else(certificates):
    first = certificates.create()
    certificates.create("other.example", trust=False)
    async with certificates.pair() as pair:
        book = AddressBook(SetClock(), resolve=own_addresses)
        book.worked("localhost", pair.port, "127.0.0.1", first.key_sha256)
        # Its chain is fine: an organisation's authority would have signed both.
        context, _ = client_context(certificates.client)
        context.load_verify_locations(certificates.server / SERVER_PEM)
        client = pair.client(tls=(context, frozenset()), book=book)
        assert await failure(Unreachable, client, pair.address(host="localhost", tls=True)) == "foreign"


async def test_a_listener_without_tls_is_somebody_else_and_the_other_way_round(certificates):
    certificates.create()
    async with running_pair() as pair:
        assert await failure(Unreachable, *parts(pair, certificates)) == "foreign"
    async with certificates.pair() as pair:
        assert await failure(Unreachable, pair.client(), pair.address()) in {"foreign", "reset"}


async def test_a_server_that_hangs_in_the_handshake_meets_the_deadline(certificates):
    async def silent(stream):
        await stream.receive()
        await stream.receive()

    certificates.create()
    async with running_pair() as pair, raw_server(silent) as port:
        client, _ = parts(pair, certificates)
        peer = pair.address(host="localhost", tls=True, port=port)
        assert await failure(Unreachable, client, peer, timeout_s=0.3) == "timeout"


async def test_a_client_without_tls_says_so():
    async with running_pair() as pair:
        assert await failure(Usage, pair.client(), pair.address(tls=True)) == "tls_not_set"


async def test_a_renewed_certificate_is_used_without_a_restart(certificates):
    certificates.create()
    context = server_context(certificates.server)
    async with running_pair(tls=context) as pair:
        client, peer = parts(pair, certificates)
        await ask(client, peer)
        renewed = certificates.create()
        reload_server(context, certificates.server)
        client, peer = parts(pair, certificates, book := AddressBook(SetClock(), resolve=own_addresses))
        await ask(client, peer)
        assert book.entry("localhost", pair.port).key_sha256 == renewed.key_sha256


# ---------------------------------------------------------------- files


def test_a_certificate_says_what_it_is_for(tmp_path):
    made = create_self_signed(tmp_path, "primary.example", WALL, days=30)
    assert read_pem(tmp_path / SERVER_PEM) == (made,)
    assert made.names == ("primary.example",)
    assert made.not_after == pytest.approx(WALL + 30 * 86400, abs=1)
    assert (tmp_path / SERVER_KEY).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("pem", "key", "code"),
    [
        (None, b"", "certificate_missing"),
        (b"no pem", b"", "certificate_unreadable"),
        ("good", b"no key", "certificate_key"),
        ("good", None, "certificate_key"),
        ("good", "other", "certificate_key"),
    ],
)
def test_unusable_server_files_are_named(tmp_path, pem, key, code):
    for folder in ("good", "other"):
        create_self_signed(tmp_path / folder, "h", WALL)
    for name, content in ((SERVER_PEM, pem), (SERVER_KEY, key)):
        data = (tmp_path / content / name).read_bytes() if isinstance(content, str) else content
        if data is not None:
            (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigInvalid) as refused:
        server_context(tmp_path)
    assert refused.value.code == code


def test_a_damaged_trusted_certificate_is_named(tmp_path):
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "bad.pem").write_text("nonsense")
    with pytest.raises(ConfigInvalid, match=r"bad\.pem"):
        client_context(tmp_path)


def test_old_protocols_are_off(tmp_path):
    create_self_signed(tmp_path, "h", WALL)
    assert server_context(tmp_path).minimum_version == ssl.TLSVersion.TLSv1_2


async def test_a_plain_server_is_no_peer_over_tls(certificates):
    certificates.create()
    async with running_pair() as pair, foreign_server() as port:
        client, _ = parts(pair, certificates)
        assert await failure(Unreachable, client, pair.address(host="localhost", tls=True, port=port)) in {"foreign", "reset"}


async def test_a_certificate_fetched_and_trusted_while_both_nodes_run_lets_them_talk(certificates, tmp_path):
    certificates.create(trust=False)
    ours = tmp_path / "ours"
    create_self_signed(ours, "client", WALL)
    here, there = TlsInForce(ours), TlsInForce(certificates.server)
    async with running_pair(tls=there.server) as pair:
        book = AddressBook(SetClock(), resolve=own_addresses)
        client, peer = pair.client(tls=(here.client, here.trusted), book=book), pair.address(host="localhost", tls=True)
        assert await failure(Unverifiable, client, peer) == "tls_untrusted"
        pem = await fetch_certificate("localhost", peer.port)
        put_trusted(ours, "", open_pem(pem, ""))
        here.renew()
        assert (await ask(client, peer)).peer_id == "a"
        certificates.create(trust=False)
        there.renew()
        renewed = await fetch_certificate("localhost", peer.port)
        assert renewed != pem
        put_trusted(ours, "", open_pem(renewed, ""), force=True)
        here.renew()
        again = pair.client(tls=(here.client, here.trusted), book=AddressBook(SetClock(), resolve=own_addresses))
        assert (await ask(again, peer)).peer_id == "a"


async def test_looking_for_a_certificate_where_there_is_no_tls_says_so():
    async with running_pair() as pair:
        with pytest.raises(Unreachable) as refusal:
            await fetch_certificate("localhost", pair.address(host="localhost").port)
        assert refusal.value.code == "no_tls"
