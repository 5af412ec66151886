"""The certificates of a home: the server's own with its key, and those trusted for calls to peers. Blocking; nothing is mirrored.

certificates/server.pem   leaf first, then its chain      server.key   its key, without a password, mode 0600
certificates/trusted/NAME.pem                             one or more certificates each
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)

from sitescope_fo.model.errors import ConfigInvalid, Conflict, Refused, Usage
from sitescope_fo.security.certificate import (
    NEXT_KEY,
    SERVER_KEY,
    SERVER_PEM,
    TRUSTED,
    Certificate,
    describe,
    read_pem,
    write_pair,
)
from sitescope_fo.store import files

Role = Literal["server", "trusted"]
SERVER: Literal["server"] = "server"
SOON_DAYS, VERY_SOON_DAYS = 30, 7
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DAY_S = 86400.0


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate of the home; a file that cannot be read has a `problem` and no certificate."""

    role: Role
    name: str
    certificate: Certificate | None = None
    problem: str = ""


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates and perhaps a key, as somebody brought them."""

    certificates: tuple[x509.Certificate, ...]
    key: CertificateIssuerPrivateKeyTypes | None = None


def days_left(certificate: Certificate, wall: float) -> int:
    """Whole days until it expires, negative afterwards."""
    return int((certificate.not_after - wall) // _DAY_S)


def expiry(certificate: Certificate, wall: float) -> tuple[Literal["good", "warning", "bad"], str]:
    """How near its end is: a warning from 30 days on, bad from 7 days on, when it is over, and before it begins."""
    left = days_left(certificate, wall)
    if certificate.not_after <= wall:
        return "bad", "it has expired"
    if certificate.not_before > wall:
        return "bad", "it is not valid yet"
    text = f"it expires in {left} days"
    return ("bad" if left < VERY_SOON_DAYS else "warning" if left < SOON_DAYS else "good"), text


def list_certificates(folder: Path) -> tuple[Stored, ...]:
    """The server's certificate with a problem of its key, then the trusted ones by name. Raises OSError."""
    found: list[Stored] = []
    if (folder / SERVER_PEM).exists() or (folder / SERVER_KEY).exists():
        found.append(_server(folder))
    for path in sorted((folder / TRUSTED).glob("*.pem")):
        try:
            found += [Stored(role="trusted", name=path.stem, certificate=one) for one in read_pem(path)]
        except ConfigInvalid as error:
            found.append(Stored(role="trusted", name=path.stem, problem=error.what))
    return tuple(found)


def _server(folder: Path) -> Stored:
    try:
        certificate = read_pem(folder / SERVER_PEM)[0]
    except ConfigInvalid as error:
        return Stored(role=SERVER, name=SERVER, problem=error.what)
    return Stored(role=SERVER, name=SERVER, certificate=certificate, problem=_key_problem(folder, certificate))


def server_key(folder: Path) -> CertificateIssuerPrivateKeyTypes:
    """The listener's key. Raises OSError, ValueError, TypeError."""
    return load_pem_private_key(files.read_bytes_limited(folder / SERVER_KEY, 1024**2), None)  # type: ignore[return-value]


def _key_problem(folder: Path, certificate: Certificate) -> str:
    try:
        key = server_key(folder)
    except FileNotFoundError:
        return "its key is missing"
    except (OSError, ValueError, TypeError) as error:
        return f"its key cannot be read: {error}"
    return "" if _hash_of(key) == certificate.key_sha256 else "the key in server.key is that of another certificate"


def _hash_of(key: object) -> str:
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return hashlib.sha256(public).hexdigest()


def open_pem(text: str, passphrase: str) -> Bundle:
    """The certificates in a PEM text, and its private key if there is one.

    Raises ConfigInvalid (`certificate_unreadable`), Usage (`passphrase_wrong`, `passphrase_needed`).
    """
    data = text.encode()
    try:
        certificates = x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise _unreadable(error) from error
    key = None
    if "PRIVATE KEY-----" in text:
        try:
            key = load_pem_private_key(data, passphrase.encode() or None)
        except TypeError as error:
            raise _no_passphrase(passphrase) from error
        except ValueError as error:
            raise (_no_passphrase(passphrase) if "ENCRYPTED" in text else _unreadable(error)) from error
    return Bundle(certificates=tuple(certificates), key=key)  # type: ignore[arg-type]


def open_binary(data: bytes, passphrase: str) -> Bundle:
    """A certificate in DER form, or what a PKCS#12 file holds, its own certificate first. Raises as `open_pem`."""
    with suppress(ValueError):
        return Bundle(certificates=(x509.load_der_x509_certificate(data),))
    try:
        key, own, others = pkcs12.load_key_and_certificates(data, passphrase.encode() or None)
    except ValueError as error:
        if "password" in str(error).lower() or "mac" in str(error).lower():
            raise _no_passphrase(passphrase) from error
        raise _unreadable(error) from error
    certificates = (*([own] if own is not None else []), *others)
    if not certificates:
        raise _unreadable(ValueError("it holds no certificate"))
    return Bundle(certificates=certificates, key=key)  # type: ignore[arg-type]


def put_server(folder: Path, bundle: Bundle, *, force: bool = False) -> Certificate:
    """Makes the bundle the server's certificate. Durable when it returns.

    Raises Conflict (`certificate_exists`) unless `force`, Usage (`no_private_key`), OSError.
    """
    if bundle.key is None:
        what = "A server's certificate comes with its private key, and there is none"
        raise Usage(what, where="certificate", hint="Import a PEM with both, or a PKCS#12 file", code="no_private_key")
    digest = _hash_of(bundle.key)
    own = [one for one in bundle.certificates if describe(one).key_sha256 == digest]
    if not own:
        what = "The private key belongs to none of these certificates"
        raise Usage(what, where="certificate", hint="Export them together", code="no_private_key")
    refuse_replacing(folder, force=force)
    chain = [own[0], *(one for one in bundle.certificates if one != own[0])]
    key = bundle.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_pair(folder, _pem(chain), key)
    return describe(own[0])


def refuse_replacing(folder: Path, *, force: bool) -> None:
    """Raises Conflict (`certificate_exists`) when the server has a certificate, unless `force`."""
    if not force and (folder / SERVER_PEM).exists():
        what = "This node has a certificate already, and its peers trust that one"
        hint = (
            "Add --force to replace it. With another key a failover takes this node for gone until it trusts that: hold it first"
        )
        raise Conflict(what, where=str(folder / SERVER_PEM), hint=hint, code="certificate_exists")


def put_trusted(folder: Path, name: str, bundle: Bundle, *, force: bool = False) -> tuple[str, tuple[Certificate, ...]]:
    """Trusts the certificates of the bundle, under `name` or one made of the first one's own; gives it and them.

    Raises Conflict (`certificate_exists`) for a name that holds others, unless `force`, Usage (`bad_name`), OSError.
    """
    described = tuple(describe(one) for one in bundle.certificates)
    word = name or re.sub(r"[^A-Za-z0-9._-]+", "-", (described[0].names or (described[0].subject,))[0]).strip("-.") or "peer"
    path = _trusted_path(folder, word)
    content = _pem(bundle.certificates)
    if path.exists() and not force and files.read_bytes_limited(path, 1024**2) != content:
        what = f"Another certificate is trusted as '{word}'"
        raise Conflict(what, where=str(path), hint="Add --force to replace it, or --name NAME", code="certificate_exists")
    files.make_private_dir(path.parent)
    files.write_atomic(path, content, 0o644)
    return word, described


def remove_trusted(folder: Path, name: str) -> None:
    """Trusts a certificate no longer. Raises Usage (`not_found`), OSError."""
    path = _trusted_path(folder, name)
    if not path.is_file():
        known = ", ".join(one.stem for one in sorted(path.parent.glob("*.pem"))) or "none"
        raise Usage(f"No certificate is trusted as '{name}'", where=str(path.parent), hint=f"Known: {known}", code="not_found")
    path.unlink()
    files.REAL.fsync_dir(path.parent)


def remove_server(folder: Path, *, tls: bool) -> None:
    """Removes the server's certificate and key. Raises Refused (`in_use`) while TLS is on, Usage (`not_found`), OSError."""
    paths = [path for path in (folder / SERVER_PEM, folder / SERVER_KEY, folder / NEXT_KEY) if path.exists()]
    if not paths:
        raise Usage("This node has no certificate", where=str(folder), hint="sitescope-fo cert list", code="not_found")
    if tls:
        hint = "Replace it with `cert create --force` or `cert import --force`, or turn web.tls off first"
        raise Refused("TLS is on: a listener without a certificate cannot start", where=str(paths[0]), hint=hint, code="in_use")
    for path in paths:
        path.unlink()
    files.REAL.fsync_dir(folder)


def _trusted_path(folder: Path, name: str) -> Path:
    if _NAME.fullmatch(name) is None:
        hint = "Use 1 to 100 letters, digits, dots, dashes and underscores"
        raise Usage(f"'{name}' cannot name a certificate", where="--name", hint=hint, code="bad_name")
    return folder / TRUSTED / f"{name}.pem"


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def _unreadable(error: Exception) -> ConfigInvalid:
    hint = "It must be X.509 in PEM form, or PKCS#12"
    return ConfigInvalid(f"This is no certificate: {error}", where="certificate", hint=hint, code="certificate_unreadable")


def _no_passphrase(passphrase: str) -> Usage:
    if passphrase:
        return Usage("The passphrase does not open the key", where="passphrase", hint="Try again", code="passphrase_wrong")
    return Usage("The key has a passphrase", where="passphrase", hint="Give it by prompt or stdin", code="passphrase_needed")
