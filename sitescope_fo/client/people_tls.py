"""TLS as people use it: the system's authorities, what this home trusts, and a certificate named on the command line."""

from __future__ import annotations

import ssl
from pathlib import Path

from sitescope_fo.model.errors import ConfigInvalid, Unverifiable
from sitescope_fo.security.tls import EXPIRED_CODES, chain_problem

_OTHER_NAME = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def people_context(trusted: Path | None = None, trust: Path | None = None) -> ssl.SSLContext:
    """A context that believes the system's authorities, the certificates in the folder `trusted`, and those in the file `trust`.

    Single, also self-signed, certificates are believed as they stand. Blocking.
    Raises ConfigInvalid (`certificate_unreadable`).
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    files = sorted(trusted.glob("*.pem")) if trusted is not None else []
    for path in [*files, *([trust] if trust is not None else [])]:
        try:
            context.load_verify_locations(path)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigInvalid(
                f"This is no certificate: {error.strerror or error}",
                where=str(path),
                hint="It must be X.509 in PEM form, such as certificates/server.pem of the other node",
                code="certificate_unreadable",
            ) from error
    return context


def refused(error: ssl.SSLCertVerificationError, host: str) -> Unverifiable:
    """What it means for a person that the certificate of `host` was refused: `tls_expired`, `tls_name` or `tls_untrusted`."""
    if error.verify_code in EXPIRED_CODES:
        return chain_problem(error, host)
    if error.verify_code in _OTHER_NAME:
        return Unverifiable(
            f"The certificate is for another host: {error.verify_message}",
            where=host,
            hint="Use the host name that stands in that node's certificate",
            code="tls_name",
        )
    return Unverifiable(
        f"The certificate is not known here: {error.verify_message}",
        where=host,
        hint="Copy that node's certificates/server.pem here over a way you trust, and give it with --trust FILE",
        code="tls_untrusted",
    )
