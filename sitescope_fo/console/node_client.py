"""How the console asks a node, whether its engine runs in this process, in a daemon on this machine, or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sitescope_fo.model.command import AnyCommand, CommandReply

QUERY_S = 20.0


class NodeClient(Protocol):
    """One node, asked asynchronously from the console's event loop."""

    where: str
    """The home or the address, for people."""
    read_only: bool
    """Every command is refused by the engine."""

    async def query(self, name: str, params: Mapping[str, str] | None = None, *, timeout_s: float = QUERY_S) -> Any:  # noqa: ANN401  # JSON
        """The answer of a query (`model/query.py`) as JSON values. Raises SiteScopeError."""
        ...

    async def command(self, body: AnyCommand, *, progress: Callable[[CommandReply], None] | None = None) -> CommandReply:
        """Carries a command out and waits for its end; `progress` hears how far it is.

        Outcome and error stand in the reply. Raises SiteScopeError when it could not be submitted.
        """
        ...

    async def aclose(self) -> None:
        """Lets go of the node."""
        ...
