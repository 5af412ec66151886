"""What every client of operators shares: targets, how answers are read, and how a node on this machine fails to give one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from sitescope_fo.model.errors import Internal, Refused, Unreachable

T = TypeVar("T")

QUERY_S = 20.0
COMMANDS = "/api/v1/commands"
SPARE_S = 10.0
"""What an answer that is waited for may come late."""


def query_target(name: str, params: Mapping[str, str] | None) -> str:
    """The target of a query."""
    return f"/api/v1/{quote(name, safe='')}" + (f"?{urlencode(params)}" if params else "")


def follow_target(command_id: str, wait_s: float) -> str:
    """The target that tells how a command stands, at once when there is news."""
    return f"{COMMANDS}/{quote(command_id, safe='')}?wait={wait_s:g}"


def decode(data: bytes, kind: type[T]) -> T:
    """An answer as a value. Raises Internal when it is another one."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise Internal(
            f"The node's answer cannot be read: {error}", hint="Are node and command line of the same version?"
        ) from error


def not_owner(where: str) -> Refused:
    """The home's folders belong to somebody else."""
    return Refused(
        "The node of this home belongs to another user",
        where=where,
        hint="Run the command as the user that owns the home, or as root",
        code="not_owner",
    )


def late(where: str, timeout_s: float) -> Unreachable:
    """No answer in time from a node of this machine."""
    return Unreachable(
        f"The node did not answer within {timeout_s:g} s",
        where=where,
        hint="Its process may be stopped or overloaded: see logs/error.log",
        code="timeout",
    )


def broken_off(where: str, error: Exception) -> Unreachable:
    """A node of this machine ended the connection."""
    return Unreachable(
        f"The node broke the connection off: {error}", where=where, hint="It may just have stopped: ask again", code="reset"
    )
