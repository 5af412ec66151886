"""Every error the product raises on purpose.

    SiteScopeError
    ├── Usage            exit 2   the words of the request make no sense
    ├── ConfigInvalid    exit 3   files that do not hold what they should (carries every problem at once)
    ├── Unreachable      exit 4   a node, server or daemon does not answer
    │   └── Unverifiable exit 4   it answers, it is alive, and yet cannot be trusted
    ├── Refused          exit 5   understood and not allowed now (role, hold, permission, state)
    ├── Conflict         exit 6   two things claim one name, or one name fits several things
    ├── Bad              exit 1   the thing asked about is bad (a check or a test failed)
    └── Internal         exit 70  our fault

Each says *what* is wrong, *where* it was seen and a *hint* what to do; `code` is a stable snake_case word for scripts.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong in a configuration file: which file, which line (1-based, 0 = whole file), which key path."""

    file: str
    what: str
    line: int = 0
    path: str = ""
    hint: str = ""

    @property
    def where(self) -> str:
        """`file:line path`, without the parts that are not known."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place} {self.path}".rstrip()

    def __str__(self) -> str:
        return f"{self.what} ({self.where})" + (f". {self.hint}" if self.hint else "")


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON form of an error, the same on the command line, in HTTP problems and in command outcomes."""

    code: str
    what: str
    where: str = ""
    hint: str = ""
    exit_code: int = 70
    problems: tuple[Problem, ...] = ()


class SiteScopeError(Exception):
    """The root. Raise a subclass."""

    exit_code: ClassVar[int] = 70
    default_code: ClassVar[str] = "internal"

    def __init__(self, what: str, *, where: str = "", hint: str = "", code: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint
        self.code = code or self.default_code

    def __str__(self) -> str:
        text = f"{self.what} ({self.where})" if self.where else self.what
        return f"{text}. {self.hint}" if self.hint else text

    def body(self) -> ErrorBody:
        """The value that travels."""
        return ErrorBody(code=self.code, what=self.what, where=self.where, hint=self.hint, exit_code=self.exit_code)


class Usage(SiteScopeError):
    """Bad words: an unknown option, a bad duration, an impossible value."""

    exit_code = 2
    default_code = "usage"


class ConfigInvalid(SiteScopeError):
    """Configuration that cannot be used; `problems` lists all of them."""

    exit_code = 3
    default_code = "config_invalid"

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        hint: str = "",
        code: str = "",
        problems: tuple[Problem, ...] = (),
    ) -> None:
        super().__init__(what, where=where, hint=hint, code=code)
        self.problems = problems

    def body(self) -> ErrorBody:
        """As the base, with the list of problems."""
        return ErrorBody(
            code=self.code,
            what=self.what,
            where=self.where,
            hint=self.hint,
            exit_code=self.exit_code,
            problems=self.problems,
        )


class Unreachable(SiteScopeError):
    """Nobody answers; `code` says how: timeout, refused, unresolved, reset, unreachable, foreign, not_running."""

    exit_code = 4
    default_code = "unreachable"


class Unverifiable(Unreachable):
    """Our node answers but cannot be trusted: lwsso_token_wrong, lwsso_clock_skew, tls_*, wire_version."""

    default_code = "unverifiable"


class Refused(SiteScopeError):
    """Understood, and not allowed in this role, state or with this permission."""

    exit_code = 5
    default_code = "refused"


class Conflict(SiteScopeError):
    """A duplicate, or an ambiguous name (the candidates stand in the hint)."""

    exit_code = 6
    default_code = "conflict"


class Bad(SiteScopeError):
    """The question was answered and the answer is bad."""

    exit_code = 1
    default_code = "bad"


class Internal(SiteScopeError):
    """A broken promise of our own; details are in error.log."""


_BY_EXIT: dict[int, type[SiteScopeError]] = {
    1: Bad,
    2: Usage,
    3: ConfigInvalid,
    4: Unreachable,
    5: Refused,
    6: Conflict,
    70: Internal,
}


def from_body(body: ErrorBody) -> SiteScopeError:
    """The exception that a received `ErrorBody` stands for."""
    kind = _BY_EXIT.get(body.exit_code, Internal)
    error = kind(body.what, where=body.where, hint=body.hint, code=body.code)
    if isinstance(error, ConfigInvalid):
        error.problems = body.problems
    return error
