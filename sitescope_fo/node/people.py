"""The people and scripts that may ask this node over the network: the `PeopleService` of one node.

login -> attempts (is it worth looking at?) -> a worker compares the password -> session -> audit
A session counts as long as its user has the password it was opened with; a token as long as it stands in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sitescope_fo.model.errors import ConfigInvalid, Problem, Refused
from sitescope_fo.model.service import Level, LoggedIn, Login, Who
from sitescope_fo.security.accounts import FILE_NAME, Accounts, read_accounts, token_hash
from sitescope_fo.security.attempts import Attempts
from sitescope_fo.security.passwords import decoy, password_fits
from sitescope_fo.security.sessions import LONGEST_S, Sessions
from sitescope_fo.store.stamp import iso_millis
from sitescope_fo.store.toml_reader import fold

if TYPE_CHECKING:
    from sitescope_fo.model.ports import Secrets
    from sitescope_fo.node.core import Node

LANE = "passwords"
"""One password is compared at a time: 32 MiB and a core for 0.2 s."""
COMPARED_AT_ONCE = 8
"""Logins that wait for their turn; more are refused as `busy`."""


class Person(msgspec.Struct, frozen=True):
    """A user, opened."""

    name: str
    level: Level
    record: str

    def __repr__(self) -> str:
        return f"Person({self.name!r})"


class Script(msgspec.Struct, frozen=True):
    """A token's owner."""

    name: str
    level: Level
    expires: str


class Admitted(msgspec.Struct, frozen=True):
    """Everybody who may ask: users by folded name, tokens by hash; and what of the file cannot be used."""

    users: Mapping[str, Person] = {}
    tokens: Mapping[str, Script] = {}
    problems: tuple[Problem, ...] = ()


class People:
    """See the module. Reads the file of users with each load of the own tree."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._admitted = Admitted()
        self._decoy = decoy()
        self._comparing = 0
        self._attempts = Attempts(node.ports.clock)
        self._sessions = Sessions(node.ports.clock, node.ports.randomness)
        node.own.followers.append(self.reload)

    @property
    def allow_plain(self) -> bool:
        """See `PeopleService`."""
        return self._node.world.config.allow_plain

    async def reload(self) -> None:
        """Takes the file of users over; one that cannot be read changes nothing and is shown."""
        node = self._node
        try:
            found = await node.ports.work.run_blocking(_read, node.home.root, node.ports.secrets_for, lane="own")
        except ConfigInvalid as error:
            problems: tuple[Problem, ...] = (Problem(file=FILE_NAME, what=error.what, hint=error.hint),)
        else:
            self._admitted, problems = found, found.problems
        if not problems:
            node.problems.pop(FILE_NAME, None)
        elif node.problems.get(FILE_NAME) != problems:
            node.problems[FILE_NAME] = problems
            node.records.event("users_unreadable", problems[0].what, level="ERROR", where=FILE_NAME, hint=problems[0].hint)

    async def login(self, asked: Login, address: str) -> LoggedIn:
        """See `PeopleService`."""
        user = fold(asked.user)
        if self._comparing >= COMPARED_AT_ONCE:
            raise Refused("Too many people log in at once", where="login", hint="Try again in a moment", code="busy")
        self._attempts.begin(user, address)
        person = self._admitted.users.get(user)
        record = person.record if person is not None else self._decoy
        self._comparing += 1
        try:
            fits = await self._node.ports.work.run_blocking(password_fits, asked.password, record, lane=LANE)
        finally:
            self._comparing -= 1
        if person is None or not fits or self._admitted.users.get(user) != person:
            # An unknown name is not written down: it may be a password typed into the wrong field.
            name = person.name if person is not None else "an unknown user"
            self._node.records.audit(name, "Login", "refused", f"from {address}: wrong user or password")
            raise Refused(
                "The user or the password is wrong",
                where="login",
                hint="Try again, or ask an administrator for `user passwd`",
                code="login_wrong",
            )
        self._attempts.succeeded(user, address)
        self._node.records.audit(person.name, "Login", "done", f"from {address}")
        token = self._sessions.open(user, person.record)
        return LoggedIn(token=token, expires=iso_millis(self._node.ports.clock.wall() + LONGEST_S), role=person.level.name)

    def logout(self, token: str) -> None:
        """See `PeopleService`."""
        self._sessions.close(token)

    def who(self, token: str) -> Who:
        """See `PeopleService`."""
        script = self._admitted.tokens.get(token_hash(token))
        if script is not None:
            if script.expires and script.expires <= iso_millis(self._node.ports.clock.wall()):
                ended = f"The token has ended at {script.expires}"
                raise Refused(ended, where=script.name, hint="`token add` makes another", code="token_expired")
            return Who(name=f"token:{script.name}", level=script.level)
        session = self._sessions.use(token)
        person = self._admitted.users.get(session.user) if session is not None else None
        if session is None or person is None or person.record != session.credential:
            self._sessions.close(token)
            raise Refused(
                "The session is over, or the token is not known", where="login", hint="Log in again", code="session_ended"
            )
        return Who(name=person.name, level=person.level)


def _read(tree: Path, secrets_for: Callable[[Path], Secrets]) -> Admitted:
    """Blocking. Raises ConfigInvalid."""
    accounts = read_accounts(tree)
    return open_accounts(accounts, secrets_for(tree)) if accounts != Accounts() else Admitted()


def open_accounts(accounts: Accounts, secrets: Secrets) -> Admitted:
    """Everybody in the file whose sealed part opens; the others are problems and stay outside."""
    users: dict[str, Person] = {}
    tokens: dict[str, Script] = {}
    problems: list[Problem] = []
    for user in accounts.user:
        try:
            users[fold(user.name)] = Person(user.name, Level[user.role], secrets.open(user.password))
        except ConfigInvalid as error:
            problems.append(_shut_out(f"user {user.name}", error))
    for token in accounts.token:
        try:
            tokens[secrets.open(token.hash)] = Script(token.name, Level[token.role], token.expires)
        except ConfigInvalid as error:
            problems.append(_shut_out(f"token {token.name}", error))
    return Admitted(users, tokens, tuple(problems))


def _shut_out(who: str, error: ConfigInvalid) -> Problem:
    return Problem(file=FILE_NAME, what=f"{who} cannot be let in: {error.what}", hint=error.hint)
