"""Cookies that a chain of redirects sets and asks for (RFC 6265), kept for one check only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec

from sitescope_fo.monitors.addresses import literal
from sitescope_fo.monitors.web_address import WebAddress

MOST = 50
"""Cookies kept in one check, as many as browsers keep for one domain at least (RFC 6265, section 6.1)."""
LONGEST = 4096
"""Bytes of a name with its value."""
_AGE = re.compile(r"-?[0-9]{1,12}")
_PAIR = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+=[!-:<-~]*")  # a token, then visible ASCII without ';'


class _Cookie(msgspec.Struct, frozen=True):
    pair: str
    domain: str
    below: bool
    path: str
    secure: bool

    def wanted_by(self, address: WebAddress) -> bool:
        if self.secure and not address.tls:
            return False
        if address.host != self.domain and not (self.below and address.host.endswith("." + self.domain)):
            return False
        path = address.target.partition("?")[0]
        return path == self.path or path.startswith(self.path if self.path.endswith("/") else self.path + "/")


class Cookies:
    """The cookies of one check. A login that redirects back to where it came from needs them to end."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], _Cookie] = {}

    def take(self, lines: list[str], address: WebAddress, wall: float) -> None:
        """Keeps what the `Set-Cookie` lines of a reply from `address` say; a cookie that is no good is left out."""
        for line in lines:
            pair, *rest = (part.strip() for part in line.split(";"))
            said = {name.strip().lower(): value.strip() for name, _, value in (part.partition("=") for part in rest)}
            place = _domain(said, address)
            if place is None or len(pair) > LONGEST or not _PAIR.fullmatch(pair):
                continue
            path = said.get("path", "")
            if not path.startswith("/"):
                path = address.target.partition("?")[0].rpartition("/")[0] or "/"
            key = (pair.partition("=")[0], place[0], path)
            self._kept.pop(key, None)
            if len(self._kept) < MOST and not _is_over(said, wall):
                self._kept[key] = _Cookie(pair, *place, path, "secure" in said)

    def header(self, address: WebAddress) -> str:
        """What to send in `Cookie` to `address`, longest paths first; "" for none."""
        wanted = [cookie for cookie in self._kept.values() if cookie.wanted_by(address)]
        return "; ".join(cookie.pair for cookie in sorted(wanted, key=lambda cookie: -len(cookie.path)))


def _domain(said: Mapping[str, str], address: WebAddress) -> tuple[str, bool] | None:
    """(domain, whether hosts below it get the cookie too); None when `address` may not set one for that domain."""
    asked = said.get("domain", "").lower().removeprefix(".")
    if not asked or asked == address.host:
        return address.host, bool(asked) and not literal(address.host)
    if literal(address.host) or "." not in asked or not address.host.endswith("." + asked):
        return None
    return asked, True


def _is_over(said: Mapping[str, str], wall: float) -> bool:
    """Whether the cookie is only sent so that an older one goes."""
    if _AGE.fullmatch(said.get("max-age", "")):
        return int(said["max-age"]) <= 0
    try:
        return "expires" in said and parsedate_to_datetime(said["expires"]).timestamp() <= wall
    except (ValueError, TypeError, OverflowError):
        return False  # a date that nobody can read does not count (RFC 6265, section 5.2.1)
