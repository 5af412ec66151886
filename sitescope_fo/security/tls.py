"""TLS between nodes: contexts from the home's `certificates/`, and what a peer's certificate says about who answers.

Chains are checked by OpenSSL against `trusted/*.pem` only. The host name is compared here: equal to one of the certificate's
names, upper and lower case included (guide, TLS chapter), no wildcards.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection
from pathlib import Path

from sitescope_fo.model.errors import ConfigInvalid, Unreachable, Unverifiable
from sitescope_fo.security.certificate import SERVER_KEY, SERVER_PEM, TRUSTED, Certificate, read_pem, settle_pair

_NOT_YET_VALID, _EXPIRED = 9, 10  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
EXPIRED_CODES = {_NOT_YET_VALID, _EXPIRED}


def server_context(certificates: Path) -> ssl.SSLContext:
    """The listener's context, TLS 1.2 and up. Blocking. Raises ConfigInvalid as `reload_server`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    reload_server(context, certificates)
    return context


def reload_server(context: ssl.SSLContext, certificates: Path) -> None:
    """Loads certificate and key into a context that may be in use: new connections get the new one. Blocking.

    Raises ConfigInvalid: `certificate_missing`, `certificate_unreadable`, `certificate_key` (key missing or of another
    certificate).
    """
    pem, key = certificates / SERVER_PEM, certificates / SERVER_KEY
    read_pem(pem)
    try:
        try:
            context.load_cert_chain(pem, key)
        except (OSError, ssl.SSLError):  # its key may wait beside since a kill
            if not settle_pair(certificates):
                raise
            context.load_cert_chain(pem, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigInvalid(
            f"The certificate's private key cannot be used: {error}",
            where=str(key),
            hint="It must belong to server.pem and have no password",
            code="certificate_key",
        ) from error


def client_context(certificates: Path) -> tuple[ssl.SSLContext, frozenset[str]]:
    """The context for calls to peers, and the key hashes of all trusted certificates. Blocking.

    Raises ConfigInvalid (`certificate_unreadable`).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False  # `check_name` does, case-sensitive, before the first request byte leaves
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an imported self-signed or leaf certificate is trusted as it stands
    hashes: set[str] = set()
    for path in sorted((certificates / TRUSTED).glob("*.pem")):
        hashes.update(one.key_sha256 for one in read_pem(path))
        context.load_verify_locations(path)
    return context, frozenset(hashes)


def looking_context() -> ssl.SSLContext:
    """A context that trusts anybody: only to look at the certificate of a peer, never to talk to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def name_problem(certificate: Certificate, host: str) -> Unverifiable | None:
    """What is wrong with the names of `certificate` for `host`; None: one is equal."""
    if host in certificate.names:
        return None
    return Unverifiable(
        f"The certificate is for {', '.join(certificate.names) or 'no name at all'}, not for {host}",
        where=host,
        hint="They must be equal, upper and lower case included: change the profile's host or the certificate",
        code="tls_name",
    )


def chain_problem(error: ssl.SSLCertVerificationError, host: str) -> Unverifiable:
    """The error for a certificate that OpenSSL did not accept: `tls_expired` or `tls_untrusted`."""
    if error.verify_code in EXPIRED_CODES:
        return Unverifiable(
            f"The certificate is {'expired' if error.verify_code == _EXPIRED else 'not valid yet'}",
            where=host,
            hint="Renew it on that node and import it here, and compare the clocks",
            code="tls_expired",
        )
    return Unverifiable(
        f"The certificate is not trusted here: {error.verify_message}",
        where=host,
        hint=f"Compare fingerprints and trust it: sitescope-fo cert fetch {host} --port PORT",
        code="tls_untrusted",
    )


def judge(problem: Unverifiable, key_sha256: str, known: Collection[str]) -> Unreachable:
    """What a certificate problem means: with a known key, or when none is known yet, it is our node; else foreign."""
    if not known or key_sha256 in known:
        return problem
    return Unreachable(
        f"Another machine answers: its TLS key is not the peer's ({problem.what})",
        where=problem.where,
        hint=f"If the peer has a new key on purpose: sitescope-fo cert fetch {problem.where} --port PORT --force",
        code="foreign",
    )
