"""`cert`: the listener's certificate and those that this node trusts."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from sitescope_fo.cli.config import pairs, value_text
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.secret_input import secret_by_prompt, secret_from_stdin
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import CertCreate, CertFetch, CertImport, CertRemove
from sitescope_fo.model.config import DEFAULT_TLS_PORT
from sitescope_fo.model.errors import Refused, SiteScopeError, Usage
from sitescope_fo.model.fingerprint import bare, spaced
from sitescope_fo.model.width import clean

_LONGEST_FILE = 1024**2
_COLUMNS = [
    Column(title="ROLE"),
    Column(title="NAME", flexible=True),
    Column(title="FOR", flexible=True),
    Column(title="EXPIRES"),
    Column(title="STATE", state=True),
    Column(title="SAYS", flexible=True),
    Column(title="FINGERPRINT"),
]


@click.group(cls=NodeGroup, example="sitescope-fo cert create primary.example.org")
def cert() -> None:
    """Manage certificates for TLS between the nodes: this node's own, and those of others that it trusts."""


@cert.command("list", example="sitescope-fo cert list")
@click.pass_obj
def list_all(call: Invocation) -> None:
    """List this node's certificate and those it trusts; a warning from 30 days before the end on."""
    rows = call.query("certificates")
    none = ["No certificates. Make one for this node with: sitescope-fo cert create HOST"]
    call.emit(rows, lambda: call.rows(_COLUMNS, map(_row, rows)) if rows else none)


def _row(one: dict[str, Any]) -> list[str]:
    until, fingerprint = str(one.get("not_after") or "")[:10], str(one.get("fingerprint") or "")
    cells = [one.get("role"), one.get("name"), one.get("names"), until, one.get("verdict"), one.get("says")]
    return [*map(value_text, cells), spaced(fingerprint)[:23] or "-"]


@cert.command("create", example="sitescope-fo cert create primary.example.org 192.0.2.10")
@click.argument("names", nargs=-1, required=True)
@click.option("--days", type=click.IntRange(1, 3650), default=825, show_default=True, metavar="N", help="How long it is valid.")
@click.option("--force", is_flag=True, help="Replace the certificate that this node has; its key stays.")
@click.option(
    "--new-key", is_flag=True, help="With a new key: hold the failover first, it takes this node for gone until it trusts it."
)
@click.pass_obj
def create(call: Invocation, names: tuple[str, ...], days: int, force: bool, new_key: bool) -> None:
    """Make a self-signed certificate for this node, for exactly the host NAMES and addresses given.

    The other node trusts it after: sitescope-fo cert fetch HOST.
    """
    call.run(CertCreate(names=names, days=days, force=force, new_key=new_key), "The certificate is made")


@cert.command("import", example="sitescope-fo cert import primary.pem --name primary")
@click.argument("file")
@click.option("--server", is_flag=True, help="It is this node's own, with its private key; else it is one to trust.")
@click.option("--name", default="", metavar="N", help="The name to keep a trusted one by; else made of its own.")
@click.option("--passphrase-stdin", is_flag=True, help="Read the key's passphrase from standard input.")
@click.option("--force", is_flag=True, help="Replace what has that name.")
@click.pass_obj
def import_file(call: Invocation, file: str, server: bool, name: str, passphrase_stdin: bool, force: bool) -> None:
    """Take a certificate over from FILE, PEM or PKCS#12; - is standard input.

    A key with a passphrase is asked for it, and kept without one.
    """
    if passphrase_stdin and file == "-":
        raise Usage("Standard input cannot be both", where="cert import -", hint="Give the file by its name")
    passphrase = secret_from_stdin("--passphrase-stdin") if passphrase_stdin else ""
    body = CertImport(role="server" if server else "trusted", text=_text(file), passphrase=passphrase, name=name, force=force)
    try:
        reply = call.submit(body)
    except SiteScopeError as error:
        if error.code != "passphrase_needed" or not call.interactive:
            raise
        asked = secret_by_prompt(call, "Passphrase", instead="Use --passphrase-stdin")
        reply = call.submit(msgspec.structs.replace(body, passphrase=asked))
    call.done(reply, "The certificate is imported")


def _text(file: str) -> str:
    """The PEM text of a file, or what else it holds in base64. Raises Usage (`bad_file`)."""
    try:
        data = sys.stdin.buffer.read(_LONGEST_FILE + 1) if file == "-" else _bytes(Path(file))
    except OSError as error:
        raise Usage(f"The file cannot be read: {error.strerror}", where=file, hint="Check its name", code="bad_file") from error
    if len(data) > _LONGEST_FILE:
        raise Usage("The file is no certificate: it has more than 1 MiB", where=file, hint="Give PEM or PKCS#12", code="bad_file")
    if b"-----BEGIN" in data:
        return data.decode("utf-8", "replace")
    return base64.b64encode(data).decode()


def _bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_LONGEST_FILE + 1)


@cert.command("fetch", example="sitescope-fo cert fetch primary.example.org --yes")
@click.argument("host")
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_TLS_PORT, show_default=True, metavar="P", help="Its port.")
@click.option("--name", default="", metavar="N", help="The name to keep it by; else made of its own.")
@click.option("--fingerprint", default="", metavar="F", help="Trust it without asking, if this is its SHA-256 fingerprint.")
@click.option("--yes", is_flag=True, help="Trust it without asking, whatever it is.")
@click.option("--force", is_flag=True, help="Replace what has that name.")
@click.pass_obj
def fetch(call: Invocation, host: str, port: int, name: str, fingerprint: str, yes: bool, force: bool) -> None:
    """Look at the certificate that HOST shows, and trust it once its fingerprint is confirmed.

    Compare the fingerprint with what `cert list` says on that node: whoever sits between shows another one.
    """
    seen = call.submit(CertFetch(host=host, port=port)).result
    shown = {key: seen[key] for key in ("subject", "names", "not_after", "says")} | {"fingerprint": spaced(seen["fingerprint"])}
    if fingerprint:
        if bare(fingerprint) != seen["fingerprint"]:
            raise Refused(
                "The certificate there has another fingerprint",
                where=f"{host}:{port}",
                hint=f"It shows {spaced(seen['fingerprint'])}",
                code="fingerprint_differs",
            )
    elif not yes:
        _ask(call, f"{host}:{port}", list(_told(call, shown, seen, host)))
    body = CertImport(role="trusted", text=seen["pem"], name=name, force=force)
    reply = call.submit(body)
    if not call.json and yes:
        for line in _told(call, shown, seen, host):
            call.say(clean(line))
    call.done(reply, "The certificate is trusted")


def _told(call: Invocation, shown: dict[str, Any], seen: dict[str, Any], host: str) -> Iterator[str]:
    yield from pairs(shown, call)
    if not seen.get("named"):
        yield f"It is not for {host}: a profile must name the primary as the certificate does."


def _ask(call: Invocation, where: str, lines: list[str]) -> None:
    if not call.interactive:
        raise Usage(
            "Trusting a certificate needs a confirmation",
            where=where,
            hint="Add --fingerprint F, or --yes if nobody can sit between",
            code="confirmation_needed",
        )
    for line in lines:
        call.note(line)
    if not click.confirm("Is this the fingerprint that `cert list` shows over there?", default=False, err=True):
        raise Refused("Not confirmed, nothing is trusted", where=where, hint="Compare them and try again", code="not_confirmed")


@cert.command("remove", example="sitescope-fo cert remove primary.example.org")
@click.argument("name")
@click.pass_obj
def remove(call: Invocation, name: str) -> None:
    """Trust the certificate NAME no longer, from the next start on; server is this node's own, while TLS is off."""
    call.run(CertRemove(name=name), f"{name} is removed")
