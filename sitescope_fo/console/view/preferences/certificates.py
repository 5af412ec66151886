"""Certificates for TLS between nodes: this node's own, and those of others that it trusts."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from sitescope_fo.console.view.form import Field, Form, words_of
from sitescope_fo.console.view.preferences.section import Choose, Fill, Head, Row, Run, Scene, Section, Show, Step, Sure, text_of
from sitescope_fo.console.view.said import Cell
from sitescope_fo.model.command import CertCreate, CertFetch, CertImport, CertRemove, CommandReply
from sitescope_fo.model.config import DEFAULT_TLS_PORT
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.fingerprint import spaced
from sitescope_fo.model.state_word import Tone
from sitescope_fo.model.width import clean

_OWN = "server"
_LONGEST_FILE = 1024**2
_TONES: dict[str, Tone] = {"good": "good", "warning": "warning", "bad": "error"}
_FORCE = Field(name="force", label="Replace", kind="bool", value="no", help="Replace one of the same name.")


def _rows(scene: Scene) -> list[Row]:
    return [_row(one) for one in scene.answers["certificates"]]


def _row(one: Mapping[str, Any]) -> Row:
    role = "own" if one["role"] == _OWN else "trusted"
    cells = (
        Cell(role, "acting" if role == "own" else ""),
        Cell(clean(one["name"])),
        Cell(text_of(one.get("names"))),
        Cell(clean(one["says"]), _TONES.get(one["verdict"], "")),
    )
    return Row(key=f"{one['role']} {one['name']} {one.get('fingerprint', '')}", cells=cells, more=_facts(one), thing=one)


def _facts(one: Mapping[str, Any]) -> str:
    if not one.get("fingerprint"):
        return f"{one['file']}: {clean(one['says'])}"
    signed = "self-signed" if one["self_signed"] else f"issued by {clean(one['issuer'])}"
    return f"{clean(one['subject'])}, {signed}, until {one['not_after'][:10]}. SHA-256 {spaced(one['fingerprint'])}"


def _own(scene: Scene) -> Mapping[str, Any] | None:
    return next((one for one in scene.answers["certificates"] if one["role"] == _OWN), None)


def _new(scene: Scene) -> Step:
    return Choose(
        heading="New certificate",
        options=(
            ("Fetch: look at another node's certificate, and trust it", _fetch()),
            ("Import: take one over from a file, this node's own or one to trust", _import()),
            ("Create: make a self-signed one for this node", _create(_own(scene))),
        ),
    )


def _create(own: Mapping[str, Any] | None) -> Fill:
    fields = [
        Field(
            name="names",
            label="Names",
            kind="list",
            needed=True,
            value=", ".join(own.get("names", ())) if own else "",
            help="The host names and addresses by which others reach this node, exactly, parted by commas.",
        ),
        Field(
            name="days", label="Days", kind="number", needed=True, value="825", least=1, most=3650, help="How long it is valid."
        ),
    ]
    note = "The other node trusts it after it fetched it."
    if own:
        note = "It replaces the one that this node has and goes on with its key, so that others know it."
        text = "Hold the failover first: it takes this node for gone until it trusts the new key."
        fields.append(Field(name="new_key", label="New key", kind="bool", value="no", help=text))

    def made(values: Mapping[str, str]) -> Run:
        new_key = values.get("new_key") == "yes"
        body = CertCreate(
            names=words_of(values["names"]), days=int(float(values["days"])), force=own is not None, new_key=new_key
        )
        return Run(body=body)

    title = "Renew this node's certificate" if own else "Create a certificate"
    return Fill(form=Form(title=title, note=note, fields=tuple(fields), verb="Create"), made=made)


def _import() -> Fill:
    fields = (
        Field(name="role", label="It is", kind="choice", choices=("one to trust", "this node's own"), value="one to trust"),
        Field(name="file", label="File", help="PEM or PKCS#12, on the machine of this console; its own one holds the key, too."),
        Field(name="text", label="or its text", kind="lines", help="Paste the PEM text here instead."),
        Field(name="passphrase", label="Passphrase", kind="secret", help="Of the key, if it has one; it is kept without."),
        Field(name="name", label="Name", help="To keep a trusted one by; empty: made of its own."),
        _FORCE,
    )

    def made(values: Mapping[str, str]) -> Run:
        role: Literal["server", "trusted"] = "trusted" if values["role"] == "one to trust" else "server"
        text = values["text"].strip() or _read(values["file"].strip())
        return Run(
            body=CertImport(
                role=role,
                text=text,
                passphrase=values["passphrase"],
                name=values["name"].strip(),
                force=values["force"] == "yes",
            )
        )

    return Fill(form=Form(title="Import a certificate", fields=fields, verb="Import"), made=made)


def _read(file: str) -> str:
    """The PEM text of a file, or what else it holds in base64. Blocking. Raises Usage."""
    if not file:
        raise Usage("Give a file or the text", hint="PEM or PKCS#12", code="bad_file")
    try:
        with Path(file).expanduser().open("rb") as stream:
            data = stream.read(_LONGEST_FILE + 1)
    except OSError as error:
        raise Usage(f"The file cannot be read: {error.strerror}", where=file, hint="Check its name", code="bad_file") from error
    if len(data) > _LONGEST_FILE:
        raise Usage("The file is no certificate: it has more than 1 MiB", where=file, hint="Give PEM or PKCS#12", code="bad_file")
    return data.decode("utf-8", "replace") if b"-----BEGIN" in data else base64.b64encode(data).decode()


def _fetch() -> Fill:
    fields = (
        Field(name="host", label="Host", needed=True, help="The other node, named as in its certificate."),
        Field(
            name="port",
            label="Port",
            kind="number",
            needed=True,
            value=str(DEFAULT_TLS_PORT),
            least=1,
            most=65535,
            help="The port of its node service.",
        ),
        Field(name="name", label="Name", help="To keep it by; empty: made of its own."),
        _FORCE,
    )

    def made(values: Mapping[str, str]) -> Run:
        host, port = values["host"].strip(), int(float(values["port"]))
        then = lambda reply: _trust(reply, values["name"].strip(), force=values["force"] == "yes")  # noqa: E731
        return Run(body=CertFetch(host=host, port=port), saying=f"Looking at {clean(host)}:{port} \u2026", then=then)

    note = "It is shown first: nothing is trusted before you confirm its fingerprint."
    return Fill(form=Form(title="Fetch a certificate", note=note, fields=fields, verb="Look"), made=made)


def _trust(reply: CommandReply, name: str, *, force: bool) -> Step:
    seen = reply.result
    shown = spaced(seen["fingerprint"])
    named = "" if seen["named"] else f"\nIt is NOT for {clean(seen['host'])}: a profile must name the primary as it does.\n"
    text = (
        f"{clean(seen['host'])}:{seen['port']} shows a certificate for {text_of(seen['names'])}; {clean(seen['says'])}.\n"
        f"{named}\n"
        f"SHA-256 {shown[:48]}\n        {shown[48:]}\n\n"
        "Compare it with what the Certificates of that node show: whoever sits between shows another one."
    )
    body = CertImport(role="trusted", text=seen["pem"], name=name, force=force)
    return Sure(heading="Trust this certificate?", text=text, verb="Trust it", run=Run(body=body))


def _show(scene: Scene) -> Step:
    one: Mapping[str, Any] = scene.row.thing
    if one["role"] == _OWN and one.get("fingerprint"):
        return _create(one)
    return Show(heading=f"Certificate {clean(one['name'])}", text=_facts(one))


def _remove(scene: Scene) -> Step:
    one: Mapping[str, Any] = scene.row.thing
    what = (
        "This node then has no certificate: others cannot reach it by TLS."
        if one["role"] == _OWN
        else "From the next start on this node trusts it no longer."
    )
    name = _OWN if one["role"] == _OWN else one["name"]
    run = Run(body=CertRemove(name=name))
    return Sure(heading="Remove a certificate", text=f"{scene.row.more}\n\n{what}", verb="Remove", run=run, word=clean(name))


CERTIFICATES = Section(
    name="Certificates",
    about="This node's certificate, those it trusts, and when they end",
    queries=("certificates",),
    heads=(Head("role", 7), Head("name", 10, flex=1), Head("for", 12, flex=2, from_width=60), Head("state", 22, flex=1)),
    rows=_rows,
    empty="No certificate yet: press n to make one, or to trust another node's",
    new=_new,
    edit=_show,
    remove=_remove,
    test="Trust between nodes is tested on the page Failover, with t",
)
