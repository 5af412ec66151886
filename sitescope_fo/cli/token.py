"""`token`: what scripts show instead of a login."""

from __future__ import annotations

import click
import msgspec

from sitescope_fo.cli.choices import Duration, role_option
from sitescope_fo.cli.invocation import Invocation, typed
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import TokenAdd, TokenRevoke

_COLUMNS = [Column(title="NAME"), Column(title="ROLE"), Column(title="CREATED"), Column(title="ENDS", flexible=True)]
_LIFE = Duration(longest_s=3650 * 86400.0)


class _Token(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    role: str
    created: str = ""
    expires: str
    token: str = ""


@click.group(cls=NodeGroup, example="sitescope-fo token add grafana --role viewer --for 365d")
def token() -> None:
    """Manage tokens, by which scripts ask this node over the network."""


@token.command("add", example="sitescope-fo token add grafana --role viewer --for 365d")
@click.argument("name")
@role_option
@click.option("--for", "for_s", type=_LIFE, default=0.0, metavar="DURATION", help="How long it is good; without, for ever.")
@click.pass_obj
def add(call: Invocation, name: str, role: str, for_s: float) -> None:
    """Make the token NAME and show it, once.

    A script sends it with each request as `Authorization: Bearer TOKEN`.
    """
    reply = call.submit(TokenAdd(name=name, role=role, for_s=for_s))  # type: ignore[arg-type]  # click's choice is the same
    made = typed(reply.result, _Token)
    if call.json:
        call.dump(reply.result)
    else:
        call.say(made.token)
        ends = f" until {made.expires}" if made.expires else ""
        call.note(f"This is the token {made.name}, good as {made.role}{ends}; it is not shown again.")


@token.command("list", example="sitescope-fo token list")
@click.pass_obj
def list_tokens(call: Invocation) -> None:
    """List the tokens of this node."""
    answer = call.query("tokens")
    rows = [[one.name, one.role, one.created[:10], one.expires or "never"] for one in typed(answer, list[_Token])]
    empty = ["There is no token yet. Make one: sitescope-fo token add NAME --role ROLE"]
    call.emit(answer, lambda: call.rows(_COLUMNS, rows) if rows else empty)


@token.command("revoke", example="sitescope-fo token revoke grafana")
@click.argument("name")
@click.pass_obj
def revoke(call: Invocation, name: str) -> None:
    """End the token NAME at once."""
    call.run(TokenRevoke(name=name), f"Token {name} is revoked")
