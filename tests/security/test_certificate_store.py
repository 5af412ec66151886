"""Certificates of a home: brought in whatever form people have them, kept in one, and told apart by age."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from sitescope_fo.model.errors import ConfigInvalid, Conflict, Refused, Usage
from sitescope_fo.security import certificate_store as store
from sitescope_fo.security.certificate import create_self_signed, read_pem, write_pair
from sitescope_fo.security.tls import client_context, server_context
from sitescope_fo.security.tls_in_force import TlsInForce
from tests.store.disks import Died, DyingDisk, steps_of

WALL = 1_795_341_600.0
WORD = "correct horse"


@pytest.fixture
def made(tmp_path):
    """Somebody's certificate: (folder, x509, key)."""
    folder = tmp_path / "theirs"
    create_self_signed(folder, "primary.example", WALL, others=("192.0.2.1",))
    certificate = x509.load_pem_x509_certificate((folder / "server.pem").read_bytes())
    return folder, certificate, load_pem_private_key((folder / "server.key").read_bytes(), None)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "ours"


def pem(made, *, passphrase=""):
    _, certificate, key = made
    sealed = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
    return (certificate.public_bytes(Encoding.PEM) + private).decode()


def p12(made, passphrase):
    _, certificate, key = made
    sealed = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, sealed)


@pytest.mark.parametrize("form", ["plain", "sealed", "p12"])
def test_a_servers_certificate_is_taken_with_its_key_in_each_form(made, folder, form):
    bundle = {
        "plain": lambda: store.open_pem(pem(made), ""),
        "sealed": lambda: store.open_pem(pem(made, passphrase=WORD), WORD),
        "p12": lambda: store.open_binary(p12(made, WORD), WORD),
    }[form]()
    assert store.put_server(folder, bundle).names == ("primary.example", "192.0.2.1")
    server_context(folder)
    assert (folder / "server.key").stat().st_mode & 0o777 == 0o600
    [row] = store.list_certificates(folder)
    assert (row.role, row.problem, row.certificate.self_signed) == ("server", "", True)


@pytest.mark.parametrize(("passphrase", "code"), [("", "passphrase_needed"), ("wrong horse", "passphrase_wrong")])
def test_a_key_with_a_passphrase_is_not_opened_without_it(made, passphrase, code):
    for attempt in (
        lambda: store.open_pem(pem(made, passphrase=WORD), passphrase),
        lambda: store.open_binary(p12(made, WORD), passphrase),
    ):
        with pytest.raises(Usage) as refusal:
            attempt()
        assert refusal.value.code == code


@pytest.mark.parametrize("data", [b"", b"0", b"nonsense", b"\x30\x82\x01\x00" + b"\0" * 300])
def test_what_is_no_certificate_is_refused(data):
    with pytest.raises(ConfigInvalid):
        store.open_binary(data, "")
    with pytest.raises(ConfigInvalid):
        store.open_pem("-----BEGIN CERTIFICATE-----\n" + data.hex(), "")


def test_a_certificate_without_its_key_serves_nobody(made, folder, tmp_path):
    _, certificate, _ = made
    with pytest.raises(Usage) as refusal:
        store.put_server(folder, store.Bundle(certificates=(certificate,)))
    assert refusal.value.code == "no_private_key"
    create_self_signed(tmp_path / "other", "h", WALL)
    other = load_pem_private_key((tmp_path / "other/server.key").read_bytes(), None)
    with pytest.raises(Usage):
        store.put_server(folder, store.Bundle(certificates=(certificate,), key=other))
    assert not folder.exists()


def test_a_certificate_in_force_is_replaced_only_by_force(made, folder):
    create_self_signed(folder, "old.example", WALL)
    with pytest.raises(Conflict):
        store.put_server(folder, store.open_pem(pem(made), ""))
    store.put_server(folder, store.open_pem(pem(made), ""), force=True)
    assert store.list_certificates(folder)[0].certificate.names[0] == "primary.example"


def test_a_trusted_certificate_is_kept_by_its_own_name_and_never_replaced_by_another(made, folder, tmp_path):
    _, certificate, _ = made
    bundle = store.open_binary(certificate.public_bytes(Encoding.DER), "")
    name, trusted = store.put_trusted(folder, "", bundle)
    assert (name, trusted[0].names[0]) == ("primary.example", "primary.example")
    store.put_trusted(folder, "", bundle)
    assert client_context(folder)[1] == {trusted[0].key_sha256}
    create_self_signed(tmp_path / "again", "primary.example", WALL)
    other = store.open_pem((tmp_path / "again/server.pem").read_text(), "")
    with pytest.raises(Conflict):
        store.put_trusted(folder, "", other)
    assert store.put_trusted(folder, "second", other)[0] == "second"
    assert [row.name for row in store.list_certificates(folder)] == ["primary.example", "second"]
    store.remove_trusted(folder, "second")
    for name in ("second", "../server", "", "a/b"):
        with pytest.raises(Usage):
            store.remove_trusted(folder, name)


def test_what_is_wrong_with_a_file_is_a_row_of_its_own(folder, made):
    create_self_signed(folder, "h", WALL)
    (folder / "trusted").mkdir()
    (folder / "trusted/torn.pem").write_text("-----BEGIN")
    (folder / "server.key").write_bytes((made[0] / "server.key").read_bytes())
    server, torn = store.list_certificates(folder)
    assert "another certificate" in server.problem
    assert torn.certificate is None
    assert torn.problem
    (folder / "server.key").unlink()
    assert store.list_certificates(folder)[0].problem == "its key is missing"


def test_a_listener_that_speaks_tls_keeps_its_certificate(folder):
    create_self_signed(folder, "h", WALL)
    with pytest.raises(Refused):
        store.remove_server(folder, tls=True)
    store.remove_server(folder, tls=False)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("days", "left", "verdict"),
    [(31.5, 31, "good"), (29.5, 29, "warning"), (7.5, 7, "warning"), (6.5, 6, "bad"), (-0.5, -1, "bad"), (826.0, 826, "bad")],
)
def test_the_age_of_a_certificate_is_a_warning_from_30_days_on_and_bad_from_7_on(folder, days, left, verdict):
    certificate = create_self_signed(folder, "h", WALL)
    now = certificate.not_after - days * 86400
    assert (store.days_left(certificate, now), store.expiry(certificate, now)[0]) == (left, verdict)


def test_new_certificates_get_into_living_contexts(folder, made):
    create_self_signed(folder, "h", WALL)
    tls = TlsInForce(folder)
    _, trusted = store.put_trusted(folder, "", store.open_pem(pem(made), ""))
    assert tls.trusted == set()
    tls.renew()
    tls.renew()
    assert tls.trusted == {trusted[0].key_sha256}


def test_a_kill_at_any_step_of_a_renewal_leaves_a_certificate_with_its_key(tmp_path):
    create_self_signed(tmp_path / "new", "new", WALL)
    pem, key = ((tmp_path / "new" / name).read_bytes() for name in ("server.pem", "server.key"))
    served = set()
    create_self_signed(tmp_path / "first", "old", WALL)
    for at in range(1, steps_of(lambda disk: write_pair(tmp_path / "first", pem, key, disk)) + 1):
        folder = tmp_path / str(at)
        create_self_signed(folder, "old", WALL)
        with pytest.raises(Died):
            write_pair(folder, pem, key, DyingDisk(at))
        server_context(folder)
        served.add(read_pem(folder / "server.pem")[0].names)
        write_pair(folder, pem, key)
        server_context(folder)
        assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == ["server.key", "server.pem"]
    assert served == {("old",), ("new",)}
