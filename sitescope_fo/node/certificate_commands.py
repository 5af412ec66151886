"""Commands about the certificates of a home that runs or not. Blocking, but for the look at somebody else's."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sitescope_fo.model import command as commands
from sitescope_fo.model.config import NodeConfig
from sitescope_fo.model.errors import ConfigInvalid, Usage
from sitescope_fo.model.fingerprint import spaced
from sitescope_fo.node.tree_commands import Done
from sitescope_fo.security import certificate_store as store
from sitescope_fo.security.certificate import SERVER_PEM, Certificate, create_self_signed, describe
from sitescope_fo.security.certificate_look import fetch_certificate
from sitescope_fo.store.config_toml import load_node_config
from sitescope_fo.store.home import Home
from sitescope_fo.store.stamp import iso_millis

CertificateCommand = commands.CertCreate | commands.CertImport | commands.CertRemove
LONGEST_DAYS = 3650


def apply(home: Home, body: CertificateCommand, wall: float) -> Done:
    """(text, result) of one command. Raises SiteScopeError; then nothing was changed."""
    config = load_node_config(home)
    match body:
        case commands.CertCreate():
            return _create(home, body, config, wall)
        case commands.CertImport():
            return _import(home, body, config, wall)
        case commands.CertRemove() if body.name == store.SERVER:
            store.remove_server(home.certificates, tls=config.tls)
            return "the listener's certificate is removed", {"role": "server", "name": body.name}
        case commands.CertRemove():
            store.remove_trusted(home.certificates, body.name)
            return f"{body.name} is removed", {"role": "trusted", "name": body.name}


def _create(home: Home, body: commands.CertCreate, config: NodeConfig, wall: float) -> Done:
    if not body.names or any(not name or any(c.isspace() or c in "/*@" for c in name) for name in body.names):
        raise Usage(
            "A certificate is for host names or addresses", where="NAME", hint="Wildcards are not used here", code="bad_host"
        )
    if not 1 <= body.days <= LONGEST_DAYS:
        raise Usage(f"{body.days} days is out of range", where="--days", hint=f"1 to {LONGEST_DAYS}", code="bad_duration")
    store.refuse_replacing(home.certificates, force=body.force)
    key = None
    if not body.new_key:
        with suppress(OSError, ValueError, TypeError):  # none, or one that nobody can use: a new one is made
            key = store.server_key(home.certificates)
    made = create_self_signed(home.certificates, body.names[0], wall, others=body.names[1:], days=body.days, key=key)
    kept = ", with the key that this node had" if key is not None else ""
    text = f"certificate for {', '.join(made.names)} made{kept}, fingerprint {spaced(made.fingerprint)}"
    return f"{text}{_misnamed(made, config)}", facts("server", store.SERVER, made, wall)


def _import(home: Home, body: commands.CertImport, config: NodeConfig, wall: float) -> Done:
    bundle = _opened(body)
    if body.role == "server":
        own = store.put_server(home.certificates, bundle, force=body.force)
        text = f"the listener's certificate is now that for {', '.join(own.names)}{_misnamed(own, config)}"
        return text + _aged(own, wall), facts("server", store.SERVER, own, wall)
    name, trusted = store.put_trusted(home.certificates, body.name, bundle, force=body.force)
    text = f"{name} is trusted: {', '.join(trusted[0].names) or trusted[0].subject}"
    return text + _aged(trusted[0], wall), facts("trusted", name, trusted[0], wall)


def _opened(body: commands.CertImport) -> store.Bundle:
    if "-----BEGIN" in body.text:
        return store.open_pem(body.text, body.passphrase)
    try:
        data = base64.b64decode("".join(body.text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigInvalid(
            "This is no certificate", where="certificate", hint="Give PEM, or PKCS#12", code="certificate_unreadable"
        ) from error
    return store.open_binary(data, body.passphrase)


def _misnamed(certificate: Certificate, config: NodeConfig) -> str:
    if not config.host or config.host in certificate.names:
        return ""
    return f"; it is not for {config.host}, the name this node gives its peers: they must use one of the certificate's"


def _aged(certificate: Certificate, wall: float) -> str:
    verdict, text = store.expiry(certificate, wall)
    return "" if verdict == "good" else f"; {text}"


def taken_over(body: CertificateCommand, renew: Callable[[], bool]) -> str:
    """Lets a running node use what changed, and says what it does: new connections do, but a context forgets nobody."""
    if not renew():
        return "TLS is off on this node: it counts once `config set web.tls true` and a restart turn it on"
    if isinstance(body, commands.CertRemove):
        return "what was trusted stays so until the node is restarted"
    return "new connections use it at once"


async def fetch(body: commands.CertFetch, wall: float) -> Done:
    """Looks at a certificate; nothing is changed. Raises Unreachable."""
    if not 1 <= body.port <= 65535:
        raise Usage(f"{body.port} is no port", where="PORT", hint="Give a number from 1 to 65535", code="bad_port")
    pem = await fetch_certificate(body.host, body.port)
    [certificate] = (describe(one) for one in store.open_pem(pem, "").certificates)
    text = f"{body.host}:{body.port} shows {spaced(certificate.fingerprint)}"
    named = body.host in certificate.names
    result = {"host": body.host, "port": body.port, "named": named, "pem": pem, **facts("trusted", "", certificate, wall)}
    return text, result


def certificates(home: Home, wall: float) -> list[dict[str, Any]]:
    """Rows of the `certificates` query. Raises OSError."""
    found = store.list_certificates(home.certificates)
    return [facts(one.role, one.name, one.certificate, wall, one.problem) for one in found]


def facts(role: str, name: str, certificate: Certificate | None, wall: float, problem: str = "") -> dict[str, Any]:
    """What people are told of a certificate. `verdict` and `says` are about its age, or its problem."""
    known: dict[str, Any] = {
        "role": role,
        "name": name,
        "file": SERVER_PEM if role == "server" else f"trusted/{name}.pem",
        "verdict": "bad",
        "says": problem,
    }
    if certificate is None:
        return known
    verdict, text = store.expiry(certificate, wall)
    return {
        **known,
        "verdict": "bad" if problem else verdict,
        "says": problem or text,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "self_signed": certificate.self_signed,
        "names": list(certificate.names),
        "not_before": iso_millis(certificate.not_before),
        "not_after": iso_millis(certificate.not_after),
        "days_left": store.days_left(certificate, wall),
        "fingerprint": certificate.fingerprint,
    }
