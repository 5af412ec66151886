"""certificate: how long the certificate of a TLS server, or in a file, is good for, whose it is and whether it is trusted."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping

import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.addresses import resolve
from sitescope_fo.monitors.connection import connect
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.starttls import PROTOCOLS, Refusal, ask_for_tls
from sitescope_fo.monitors.target import host_and_port
from sitescope_fo.monitors.units import show

MOST_BYTES = 1024 * 1024
"""Of a file with certificates."""
_PLAIN = "none"

SPEC = TypeSpec(
    name="certificate",
    title="Certificate",
    other_words=("tls", "ssl", "cert"),
    help="The certificate of a TLS server, or in a file on the host this node runs on; expired and self-signed ones too.",
    settings=(
        SettingSpec(name="host", kind="text", help="Server, host or host:port; without a port that of `starttls`, or 443."),
        SettingSpec(
            name="file", kind="text", help="Full path of a PEM or DER file, instead of a server. Its first certificate counts."
        ),
        SettingSpec(
            name="server_name", kind="text", help="Name asked for (SNI) and looked for in the certificate; else the host."
        ),
        SettingSpec(
            name="starttls",
            kind="choice",
            help="Protocol in which TLS is asked for first.",
            default=_PLAIN,
            choices=(_PLAIN, *PROTOCOLS),
        ),
    ),
    values=(
        ValueSpec(name="days_left", kind="number", unit="days", help="Until it ends; negative when it has ended."),
        ValueSpec(name="verified", kind="text", help="'yes' or 'no': whether this node trusts it for that name; servers only."),
        ValueSpec(name="verify_error", kind="text", help="Why it is not trusted, '' when it is; servers only."),
        ValueSpec(name="names_match", kind="text", help="'yes' or 'no': whether it is for the host or `server_name`."),
        ValueSpec(name="subject", kind="text", help="Whose it is."),
        ValueSpec(name="issuer", kind="text", help="Who signed it."),
        ValueSpec(name="self_signed", kind="text", help="'yes' or 'no': subject and issuer are the same."),
        ValueSpec(name="names", kind="text", help="Names and addresses it is for, one a line."),
        ValueSpec(name="key", kind="text", help="Kind of its key: RSA, EC, Ed25519 …"),
        ValueSpec(name="key_bits", kind="number", help="Size of its key in bits."),
        ValueSpec(name="fingerprint", kind="text", help="SHA-256 over it, 64 hexadecimal digits: changes with each renewal."),
        ValueSpec(
            name="chain_length", kind="number", unit="count", help="Certificates sent or in the file; servers: Python 3.13."
        ),
        ValueSpec(name="round_trip_time", kind="number", unit="s", help="Until the handshake was done; servers only."),
    ),
    error_if=("days_left < 3 days",),
    warning_if=("days_left < 14 days", "verified == 'no'", "names_match == 'no'"),
    default_timeout_s=15.0,
    default_frequency_s=3600.0,
    host_setting="host",
)


class Settings(msgspec.Struct, frozen=True):
    """Prepared settings of a certificate check."""

    starttls: str
    host: str = ""
    file: str = ""
    server_name: str = ""


class Shown(msgspec.Struct, frozen=True):
    """What a server showed: its certificate (DER), why it is not trusted ("" when it is), how many came, how long it took."""

    der: bytes
    verify_error: str
    chain_length: int | None
    seconds: float


def problems(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    """Neither or both of host and file, a host that is none, a relative path."""
    host, file = settings.get("host", ""), settings.get("file", "")
    if not isinstance(host, str) or not isinstance(file, str):
        return ()
    if bool(host.strip()) == bool(file.strip()):
        return (("host", "either 'host' or 'file' is needed"),)
    if file and (not file.startswith("/") or "\0" in file):
        return (("file", "'file' must start with /"),)
    try:
        host_and_port(host or "x", 443)
    except ValueError as error:
        return (("host", f"'host': {error}"),)
    return ()


def prepared(settings: Mapping[str, Setting]) -> Settings:
    """What `run` is given, made once a monitor."""
    return msgspec.convert(settings, Settings)


async def run(wanted: Settings, context: CheckContext) -> CheckResult:
    """Reads the certificate; a server that is not trusted is asked a second time, without verification."""
    from sitescope_fo.monitors import x509_facts  # cryptography, 30 ms

    values: dict[str, Value] = {}
    if wanted.file:
        found = x509_facts.read_file(await context.disks.call(("certificate", wanted.file), read_start, wanted.file))
        name = wanted.server_name
        values["chain_length"] = len(found)
    else:
        host, port = host_and_port(wanted.host, PROTOCOLS[wanted.starttls].port if wanted.starttls != _PLAIN else 443)
        name = wanted.server_name or host
        try:
            shown = await _ask(wanted, host, port, name, context)
        except Refusal as error:
            return CheckResult(failure="protocol", summary=str(error))
        found = x509_facts.read_der(shown.der)
        values |= {
            "verified": "no" if shown.verify_error else "yes",
            "verify_error": shown.verify_error,
            "round_trip_time": shown.seconds,
        }
        if shown.chain_length is not None:
            values["chain_length"] = shown.chain_length
    if not found:
        return CheckResult(failure="protocol", summary=f"{wanted.file or wanted.host}: no certificate that can be read")
    values |= x509_facts.facts(found[0], name, context.clock.wall())
    return CheckResult(values=values, summary=_summary(values))


async def _ask(wanted: Settings, host: str, port: int, name: str, context: CheckContext) -> Shown:
    """Raises Refusal, OSError. The same connection is not used again: a refused handshake ends it."""
    addresses = await resolve(context.lookups, host)
    try:
        return await _handshake(wanted, addresses, port, name, context, verified=True)
    except ssl.SSLCertVerificationError as error:
        shown = await _handshake(wanted, addresses, port, name, context, verified=False)
        return msgspec.structs.replace(shown, verify_error=error.verify_message or "it is not trusted")


async def _handshake(
    wanted: Settings, addresses: tuple[tuple[int, str], ...], port: int, name: str, context: CheckContext, *, verified: bool
) -> Shown:
    started = context.clock.mono()
    connection = await connect(addresses, port)
    try:
        if wanted.starttls != _PLAIN:
            await ask_for_tls(connection, wanted.starttls)
        await connection.start_tls(context.tls(verified), name)
        return Shown(connection.certificate() or b"", "", connection.chain_length(), context.clock.mono() - started)
    finally:
        connection.close()


def read_start(path: str) -> bytes:
    """The first MOST_BYTES of a file; a pipe without writer is empty. Blocking."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        data = b""
        while len(data) < MOST_BYTES and (more := os.read(opened, MOST_BYTES - len(data))):
            data += more
        return data
    finally:
        os.close(opened)


def _summary(values: Mapping[str, Value]) -> str:
    days = values["days_left"]
    parts = [
        f"{values['subject']}",
        f"ends in {show(days, 'days')}" if float(days) >= 0 else f"ended {show(-float(days), 'days')} ago",
    ]
    if values.get("verify_error"):
        parts.append(f"not trusted: {values['verify_error']}")
    elif values.get("names_match") == "no":
        parts.append("for another name")
    return ", ".join(parts)
