"""`mail`: the mail server, who gets node mails, and the templates."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from sitescope_fo.cli.choices import nothing_to_change
from sitescope_fo.cli.config import pairs
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.secret_input import secret_by_prompt, secret_from_stdin
from sitescope_fo.model.command import MailSet, MailTemplateSet, MailTest
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.width import clean

_LONGEST_TEMPLATE = 256 * 1024


@click.group(cls=NodeGroup, example="sitescope-fo mail test ops@example.org")
def mail() -> None:
    """Set up e-mail: server, backup server, recipients, templates."""


@mail.command(
    "set",
    example="sitescope-fo mail set --host mail.example.org --port 587 --starttls --from fo@example.org --to ops@example.org",
)
@click.option("--host", default="", metavar="H", help="The mail server.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, metavar="P", help="Its port; 25 unless given.")
@click.option("--from", "sender", default="", metavar="A", help="The sender's address.")
@click.option("--to", multiple=True, metavar="A", help="Who gets the node's mails; repeat it for more.")
@click.option("--backup", default="", metavar="H:P", help="The server to try when the first does not take a mail.")
@click.option("--starttls", "security", flag_value="starttls", default=None, help="Encrypt by STARTTLS.")
@click.option("--tls", "security", flag_value="tls", help="TLS from the start, port 465 usually.")
@click.option("--plain", "security", flag_value="none", help="No encryption.")
@click.option("--user", default="", metavar="U", help="Log in as this user; asks for the password.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.pass_obj
def set_server(
    call: Invocation,
    host: str,
    port: int | None,
    sender: str,
    to: tuple[str, ...],
    backup: str,
    security: str | None,
    user: str,
    password_stdin: bool,
) -> None:
    """Set the mail server and addresses; what is not given stays."""
    if not (host or port or sender or to or backup or security or user or password_stdin):
        raise nothing_to_change("mail set")
    password = ""
    if password_stdin:
        password = secret_from_stdin("--password-stdin")
    elif user and call.interactive:
        password = secret_by_prompt(call, "Password", instead="Use --password-stdin", optional=True)
    body = MailSet(
        host=host,
        port=port or 0,
        sender=sender,
        to=to,
        backup=backup,
        security="starttls" if security == "starttls" else "tls" if security == "tls" else "none" if security else "",
        user=user,
        password=password,
    )
    call.run(body, "The mail settings are changed; try them with: sitescope-fo mail test")


@mail.command("show", example="sitescope-fo mail show")
@click.pass_obj
def show(call: Invocation) -> None:
    """Show the mail settings, without passwords."""
    answer = call.query("mail")
    call.emit(answer, lambda: pairs({key: value for key, value in answer.items() if key != "templates"}, call))


@mail.command("test", example="sitescope-fo mail test ops@example.org")
@click.argument("address", default="", required=False)
@click.pass_obj
def test(call: Invocation, address: str) -> None:
    """Send a test message to ADDRESS, or to the default recipients, and say which server took it."""
    call.run(MailTest(to=address), "A test message was sent")


@mail.group("template", cls=NodeGroup, example="sitescope-fo mail template show alert")
def template() -> None:
    """Look at and replace the templates that mails are made from."""


@template.command("show", example="sitescope-fo mail template show alert")
@click.argument("name", default="", required=False)
@click.pass_obj
def template_show(call: Invocation, name: str) -> None:
    """Show the text of the template NAME, or the names of all."""
    templates = _templates(call.query("mail"))
    if not name:
        call.emit(sorted(templates), lambda: sorted(templates))
        return
    text = _named(templates, name)
    call.emit({"name": name, "text": text}, lambda: (clean(line, keep="\t") for line in text.splitlines()))


@template.command("set", example="sitescope-fo mail template set alert alert.txt")
@click.argument("name")
@click.argument("file")
@click.pass_obj
def template_set(call: Invocation, name: str, file: str) -> None:
    """Replace the template NAME by the text of FILE, - is standard input.

    It is rendered with sample data first; one that does not render is refused.
    """
    text = _read(file)
    if not text.strip():
        raise Usage(
            "The template is empty", where=file, hint=f"`mail template reset {name}` puts the built-in one back", code="bad_file"
        )
    call.run(MailTemplateSet(name=name, text=text), f"The template {name} is replaced")


@template.command("reset", example="sitescope-fo mail template reset alert")
@click.argument("name")
@click.pass_obj
def template_reset(call: Invocation, name: str) -> None:
    """Put the built-in template NAME back."""
    call.run(MailTemplateSet(name=name, text=""), f"The template {name} is the built-in one again")


@template.command("preview", example="sitescope-fo mail template preview alert alert.txt")
@click.argument("name")
@click.argument("file", default="", required=False)
@click.pass_obj
def template_preview(call: Invocation, name: str, file: str) -> None:
    """Show the mail that the template NAME, or the text of FILE in its place, makes of sample data."""
    from sitescope_fo.notify.templates import preview

    letter = preview(name, _read(file) if file else _named(_templates(call.query("mail")), name))
    call.emit(
        {"subject": letter.subject, "text": letter.text},
        lambda: (clean(line, keep="\t") for line in [f"Subject: {letter.subject}", "", *letter.text.splitlines()]),
    )


def _templates(answer: Mapping[str, Any]) -> dict[str, str]:
    """Name -> text of all templates."""
    known = answer.get("templates") or {}
    if isinstance(known, dict):
        return {name: one if isinstance(one, str) else str(one.get("text", "")) for name, one in known.items()}
    return {str(one["name"]): str(one.get("text", "")) for one in known}


def _named(templates: Mapping[str, str], name: str) -> str:
    if name not in templates:
        hint = f"One of: {', '.join(sorted(templates))}"
        raise Usage(f"There is no template '{name}'", where="mail template", hint=hint, code="unknown_template")
    return templates[name]


def _read(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.read(_LONGEST_TEMPLATE)
        with Path(file).open(encoding="utf-8") as opened:
            return opened.read(_LONGEST_TEMPLATE)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Usage(f"The file cannot be read: {why}", where=file, hint="Give a readable text file", code="bad_file") from error
