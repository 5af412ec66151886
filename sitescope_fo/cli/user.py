"""`user`: who may log in to this node over the network."""

from __future__ import annotations

import click
import msgspec

from sitescope_fo.cli.choices import F, role_option
from sitescope_fo.cli.invocation import Invocation, typed
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.secret_input import secret_by_prompt, secret_from_stdin
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import UserAdd, UserPasswd, UserRemove
from sitescope_fo.model.errors import Usage

_COLUMNS = [Column(title="NAME"), Column(title="ROLE"), Column(title="PASSWORD SET", flexible=True)]


class _User(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    role: str
    changed: str


@click.group(cls=NodeGroup, example="sitescope-fo user add alice --role operator --generate")
def user() -> None:
    """Manage who may log in over the network.

    A viewer looks, an operator also acts on roles, monitors and alarms, an administrator also changes the configuration. The
    owner of the home needs no login on its own machine.
    """


def _password_options(function: F) -> F:
    generate = click.option("--generate", is_flag=True, help="Make a random password and show it, once.")
    return click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")(generate(function))


@user.command("add", example="sitescope-fo user add alice --role operator --generate")
@click.argument("name")
@role_option
@_password_options
@click.pass_obj
def add(call: Invocation, name: str, role: str, password_stdin: bool, generate: bool) -> None:
    """Let the user NAME log in, with a password of at least 10 characters; it is asked for twice."""
    password = _password(call, name, stdin=password_stdin, generate=generate)
    reply = call.submit(UserAdd(name=name, role=role, password=password))  # type: ignore[arg-type]  # click's choice is the same
    if generate:
        _show_once(call, name, password)
    else:
        call.done(reply, f"User {name} is added")


@user.command("list", example="sitescope-fo user list")
@click.pass_obj
def list_users(call: Invocation) -> None:
    """List the users of this node."""
    answer = call.query("users")
    rows = [[one.name, one.role, one.changed[:10]] for one in typed(answer, list[_User])]
    empty = ["Nobody can log in over the network yet. Add somebody: sitescope-fo user add NAME --role ROLE"]
    call.emit(answer, lambda: call.rows(_COLUMNS, rows) if rows else empty)


@user.command("passwd", example="sitescope-fo user passwd alice --generate")
@click.argument("name")
@_password_options
@click.pass_obj
def passwd(call: Invocation, name: str, password_stdin: bool, generate: bool) -> None:
    """Set another password for the user NAME; whoever is logged in with the old one is logged out."""
    password = _password(call, name, stdin=password_stdin, generate=generate)
    reply = call.submit(UserPasswd(name=name, password=password))
    if generate:
        _show_once(call, name, password)
    else:
        call.done(reply, f"The password of {name} is changed")


@user.command("remove", example="sitescope-fo user remove alice")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also when it is the last administrator.")
@click.pass_obj
def remove(call: Invocation, name: str, force: bool) -> None:
    """Remove the user NAME, who is logged out at once."""
    call.run(UserRemove(name=name, force=force), f"User {name} is removed")


def _password(call: Invocation, name: str, *, stdin: bool, generate: bool) -> str:
    from sitescope_fo.security.passphrase import generate_passphrase
    from sitescope_fo.security.passwords import check_password

    if stdin and generate:
        raise Usage("--generate and --password-stdin exclude each other", where=name, hint="Give one of them")
    if generate:
        return generate_passphrase()
    if stdin:
        return check_password(secret_from_stdin("--password-stdin"), name)
    return check_password(secret_by_prompt(call, "Password", twice=True, instead="Use --password-stdin or --generate"), name)


def _show_once(call: Invocation, name: str, password: str) -> None:
    if call.json:
        call.dump({"name": name, "password": password})
    else:
        call.say(password)
        call.note(f"This is the password of {name}; it is not shown again.")
