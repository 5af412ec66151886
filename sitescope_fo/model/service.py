"""The two doors of a node, without any transport: what peers may ask and what operators may ask.

`web` puts HTTP in front of them; simulations call them directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from sitescope_fo.model.errors import Refused

if TYPE_CHECKING:
    from sitescope_fo.model.command import CommandReply, CommandRequest


READ_ONLY = "x-read-only"
"""The header (`1`) of a request by somebody who only wants to look: see `Who.read_only`."""


class Level(IntEnum):
    """What somebody may do."""

    viewer = 1
    operator = 2
    administrator = 3


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks: a name for the audit (`unix:1000`, a user, a token) and a level."""

    name: str
    level: Level
    read_only: bool = False
    """Asked to be kept from changing anything: every command is refused, whatever the level."""


def refuse_below(who: Who, level: Level) -> None:
    """Raises Refused (`permission`) for somebody below `level`."""
    if who.level < level:
        article = "a" if level is Level.viewer else "an"
        raise Refused(f"This needs {article} {level.name}", where=who.name, hint="Ask somebody with that role", code="permission")


def read_only_refusal(who: str) -> Refused:
    """The refusal of a command by somebody who declared to look only."""
    return Refused("Nothing is changed with --read-only", where=who, hint="Leave --read-only out", code="read_only")


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `POST /api/v1/login`."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login(user={self.user!r})"


class LoggedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a login: what to show with each request from now on, and until when (UTC) at the longest."""

    token: str
    expires: str
    role: str

    def __repr__(self) -> str:
        return f"LoggedIn(role={self.role!r}, expires={self.expires!r})"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A reply to a peer: HTTP status, body and entity tag."""

    status: int = 200
    body: bytes = b""
    etag: str = ""
    media: str = "application/json"
    encoding: str = ""
    """How `body` is packed for the way (Content-Encoding), "" = not at all."""


class PeerService(Protocol):
    """What authenticated peers may ask (`/api/v1/...`)."""

    async def answer(self, peer_id: str, method: str, path: str, body: bytes, etag: str) -> Answer:
        """The answer to one verified request.

        `path` has no query. Raises SiteScopeError; an unknown path is Refused with code `not_found`.
        """
        ...


class PeopleService(Protocol):
    """Who people and scripts on the network are."""

    @property
    def allow_plain(self) -> bool:
        """Whether they may show passwords and tokens without TLS from other machines, too."""
        ...

    async def login(self, asked: Login, address: str) -> LoggedIn:
        """Opens a session for somebody at `address`. Raises Refused: `login_wrong`, `login_limited`, `busy`."""
        ...

    def logout(self, token: str) -> None:
        """Ends the session of that token, if there is one."""
        ...

    def who(self, token: str) -> Who:
        """Whose session or token it is. Raises Refused: `session_ended`, `token_expired`."""
        ...


class OperatorService(Protocol):
    """What operators may ask, whatever surface they use."""

    async def query(self, who: Who, name: str, params: Mapping[str, str]) -> Any:  # noqa: ANN401  # any JSON-able value
        """The answer of the query `name` (`status`, `monitors`, …; see `model/query.py`). Raises SiteScopeError."""
        ...

    async def submit(self, who: Who, request: CommandRequest) -> CommandReply:
        """Carries a command out, waiting at most `request.wait_s`; afterwards ask `progress`."""
        ...

    async def progress(self, who: Who, command_id: str) -> CommandReply:
        """How a submitted command stands. Raises Refused (`not_found`) for an unknown id."""
        ...
