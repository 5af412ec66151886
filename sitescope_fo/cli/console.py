"""`sitescope-fo` without a command, on a terminal: the console."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sitescope_fo.cli.door import StoppedDoor, open_door
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.console import collector
from sitescope_fo.store.home import Home

if TYPE_CHECKING:
    from sitescope_fo.cli.main import Elsewhere
    from sitescope_fo.client.remote import RemoteClient

TOKEN = "SITESCOPE_TOKEN"  # noqa: S105  # the name of a variable
"""A token for `--attach`, in place of a login."""


def open_console(call: Invocation, elsewhere: Elsewhere | None, *, slow: bool) -> int:
    """Shows the console of another node, of the one that runs on the home, or of one that starts here.

    The exit code. Raises SiteScopeError when there is no such node or home.
    """
    collector.rest()
    if elsewhere is not None:
        return _attached(call, elsewhere, slow=slow)
    home = Home(call.root)
    if isinstance(open_door(home.root), StoppedDoor):
        from sitescope_fo.console.start import on_own_engine

        return on_own_engine(home, read_only=call.read_only, slow=slow)
    from sitescope_fo.client.remote import RemoteClient
    from sitescope_fo.console.attached import attached

    return attached(RemoteClient.local(home, read_only=call.read_only), slow=slow)


def _attached(call: Invocation, elsewhere: Elsewhere, *, slow: bool) -> int:
    from sitescope_fo.client.remote import RemoteClient
    from sitescope_fo.console.attached import attached

    trusted = Home(call.root).certificates / "trusted"
    trust = Path(elsewhere.trust) if elsewhere.trust else None
    client = RemoteClient.at(elsewhere.url, trusted=trusted, trust=trust, read_only=call.read_only)
    if token := os.environ.get(TOKEN, ""):
        client.use_token(token)
        return attached(client, slow=slow)
    # A loop of its own asks for the session: connections stay with the loop that opened them.
    client.use_token(_session(RemoteClient.at(elsewhere.url, trusted=trusted, trust=trust), elsewhere.user))

    async def goodbye() -> None:
        try:
            await client.logout()
        finally:
            await client.aclose()

    return attached(client, slow=slow, last=goodbye)


def _session(client: RemoteClient, user: str) -> str:
    """Asks who it is, logs in, and gives the token of the session. Raises Refused, Unreachable."""
    import asyncio

    user = user or click.prompt("User", default=getpass.getuser(), err=True)
    password = click.prompt(f"Password of {user} on {client.where}", hide_input=True, err=True)

    async def log_in() -> str:
        try:
            return (await client.login(user, password)).token
        finally:
            await client.aclose()

    return asyncio.run(log_in())
