"""Certificates: reading what matters of one, and making a self-signed one for a host."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sitescope_fo.model.errors import ConfigInvalid
from sitescope_fo.store import files

SERVER_PEM = "server.pem"
SERVER_KEY = "server.key"
NEXT_KEY = "server.key.next"
TRUSTED = "trusted"
VALID_DAYS = 825
_BACKDATE = timedelta(hours=1)  # a peer whose clock is a little behind takes it at once
_LARGEST = 1024**2


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What the product asks of a certificate.

    `names`: host names and addresses; times are POSIX seconds, hashes SHA-256 in hex.
    """

    names: tuple[str, ...]
    subject: str
    issuer: str
    not_before: float
    not_after: float
    key_sha256: str
    """Of the public key (SubjectPublicKeyInfo): stays the same when a certificate is renewed with its key."""
    fingerprint: str
    """Of the whole certificate: what people compare."""
    self_signed: bool


def read_der(der: bytes) -> Certificate:
    """The certificate in `der`. Raises ConfigInvalid (`certificate_unreadable`)."""
    try:
        return describe(x509.load_der_x509_certificate(der))
    except ValueError as error:
        raise _unreadable("a peer's certificate", error) from error


def read_pem(path: Path) -> tuple[Certificate, ...]:
    """All certificates in a PEM file; blocking. Raises ConfigInvalid (`certificate_unreadable`, `certificate_missing`)."""
    try:
        data = files.read_bytes_limited(path, _LARGEST)
        return tuple(describe(one) for one in x509.load_pem_x509_certificates(data))
    except FileNotFoundError as error:
        raise ConfigInvalid(
            "There is no certificate", where=str(path), hint="Put server.pem and server.key into certificates/",
            code="certificate_missing",
        ) from error  # fmt: skip
    except (OSError, ValueError) as error:
        raise _unreadable(str(path), error) from error


def create_self_signed(
    folder: Path,
    host: str,
    wall: float,
    *,
    others: Collection[str] = (),
    days: int = VALID_DAYS,
    key: CertificateIssuerPrivateKeyTypes | None = None,
) -> Certificate:
    """Makes `server.pem` and `server.key` (P-256, mode 0600) in `folder`, valid for exactly `host` and `others`; blocking.

    `key`: one to go on with, so that peers know the machine by it.
    Durable when it returns, as by `write_pair`. Raises OSError.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    start = datetime.fromtimestamp(wall, UTC).replace(microsecond=0)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _BACKDATE)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([_general_name(one) for one in dict.fromkeys((host, *others))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_pair(folder, certificate.public_bytes(Encoding.PEM), private)
    return describe(certificate)


def write_pair(folder: Path, pem: bytes, key: bytes, disk: files.Disk = files.REAL) -> None:
    """Puts a certificate and its key in the place of the old ones; blocking. Raises OSError.

    The new key waits beside until its certificate is there: after a kill at any point the certificate in place has its key in
    one of the two files, and `settle_pair` puts it right.
    """
    files.make_private_dir(folder, disk)
    files.write_atomic(folder / NEXT_KEY, key, 0o600, disk)
    files.write_atomic(folder / SERVER_PEM, pem, 0o644, disk)
    settle_pair(folder, disk)


def settle_pair(folder: Path, disk: files.Disk = files.REAL) -> bool:
    """Puts a key that waits beside into its place; False: none does. Raises OSError."""
    if not (folder / NEXT_KEY).exists():
        return False
    disk.replace(folder / NEXT_KEY, folder / SERVER_KEY)
    disk.fsync_dir(folder)
    return True


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def describe(certificate: x509.Certificate) -> Certificate:
    """What the product asks of it. Raises ValueError when it is damaged."""
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Certificate(
        names=_names(certificate),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        key_sha256=hashlib.sha256(spki).hexdigest(),
        fingerprint=hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
        self_signed=certificate.subject == certificate.issuer,
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Subject alternative names; without any the common name, which RFC 9525 dropped and old certificates need."""
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return tuple(str(one.value) for one in common)
    hosts = alternative.get_values_for_type(x509.DNSName)
    return (*hosts, *(str(address) for address in alternative.get_values_for_type(x509.IPAddress)))


def _unreadable(where: str, error: Exception) -> ConfigInvalid:
    return ConfigInvalid(
        f"This is no certificate: {error}", where=where, hint="It must be X.509 in PEM form", code="certificate_unreadable"
    )
