"""What a certificate says (X.509, RFC 5280); only loaded when a certificate monitor runs."""

from __future__ import annotations

import ipaddress

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from sitescope_fo.model.monitor import Value

_PEM = b"-----BEGIN CERTIFICATE-----"
_KINDS: tuple[tuple[type, str], ...] = (
    (rsa.RSAPublicKey, "RSA"),
    (ec.EllipticCurvePublicKey, "EC"),
    (ed25519.Ed25519PublicKey, "Ed25519"),
    (ed448.Ed448PublicKey, "Ed448"),
    (dsa.DSAPublicKey, "DSA"),
)
_FIXED_BITS = {"Ed25519": 256, "Ed448": 448}


def read_der(der: bytes) -> list[x509.Certificate]:
    """The certificate, none when it cannot be read."""
    try:
        return [x509.load_der_x509_certificate(der)]
    except ValueError:
        return []


def read_file(data: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM file in their order, or the one of a DER file; none when they cannot be read."""
    try:
        return x509.load_pem_x509_certificates(data) if _PEM in data else read_der(data)
    except ValueError:
        return []


def facts(certificate: x509.Certificate, name: str, now: float) -> dict[str, Value]:
    """Its values at `now` (POSIX seconds); `names_match` only when a name is given."""
    names = _names(certificate)
    kind, bits = _key(certificate)
    values: dict[str, Value] = {
        "days_left": round((certificate.not_valid_after_utc.timestamp() - now) / 86400, 2),
        "subject": _words(certificate.subject),
        "issuer": _words(certificate.issuer),
        "self_signed": "yes" if certificate.subject == certificate.issuer else "no",
        "names": "\n".join(names),
        "key": kind,
        "fingerprint": certificate.fingerprint(hashes.SHA256()).hex(),
    }
    if bits:
        values["key_bits"] = bits
    if name:
        values["names_match"] = "yes" if any(is_for(one, name) for one in names) else "no"
    return values


def _words(name: x509.Name) -> str:
    return name.rfc4514_string()[:300]


def _names(certificate: x509.Certificate) -> list[str]:
    """Its alternative names; without that extension, as in old certificates, none: nobody looks at the subject (RFC 9525)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    addresses = [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    return [*found.get_values_for_type(x509.DNSName), *addresses]


def is_for(pattern: str, name: str) -> bool:
    """Whether a name of a certificate covers a host; `*` stands for one whole label, the first (RFC 9525, 6.3)."""
    if (address := _address(name)) is not None:
        return address == _address(pattern)
    wanted, given = name.lower().removesuffix("."), pattern.lower().removesuffix(".")
    if given.startswith("*."):
        return wanted.partition(".")[2] == given[2:] and bool(wanted.partition(".")[0])
    return wanted == given


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _key(certificate: x509.Certificate) -> tuple[str, int]:
    """(kind, bits), 0 when unknown."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unknown", 0
    kind = next((word for type_, word in _KINDS if isinstance(key, type_)), "unknown")
    return kind, int(getattr(key, "key_size", _FIXED_BITS.get(kind, 0)))
