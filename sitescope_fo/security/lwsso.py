"""LW-SSO tokens: what a request and its reply prove to the other node.

    Authorization: LWSSO iss="<my id>", aud="<your id>", token="<Fernet over RequestClaims>"
    X-LWSSO-Reply: iss="<my id>", token="<Fernet over ReplyClaims>"

Keys are HKDF-SHA256 over the passphrase's root with `purpose | iss | aud`; so iss and aud stand in clear, because the key
that opens the token depends on them, and are still authenticated by it. Every value here is pure: wall clock and nonces are
arguments. (Only Fernet's initialisation vector is drawn inside `cryptography`; nothing is decided by it.)
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from typing import Literal, TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sitescope_fo.model.errors import Unverifiable

AUTHORIZATION = "authorization"
REPLY = "x-lwsso-reply"
UNBOUND = "unbound"
"""The audience of a first contact, before the peer's node id is known."""
LIFE_S = 60.0
SKEW_S = 30.0
LARGEST_SKEW_S = 900.0
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()

_ID = r"[A-Za-z0-9._-]{1,64}"
_NODE_ID = re.compile(_ID)
_REQUEST = re.compile(rf'LWSSO iss="({_ID})", ?aud="({_ID})", ?token="([A-Za-z0-9_=-]{{1,8192}})"')
_REPLY_HEADER = re.compile(rf'iss="({_ID})", ?token="([A-Za-z0-9_=-]{{1,8192}})"')

Purpose = Literal["request", "reply", "wrap"]


class ClockSkew(Unverifiable):
    """The clocks differ by more than is allowed; `skew_s` = the peer's clock minus mine."""

    default_code = "lwsso_clock_skew"

    def __init__(self, skew_s: float, allowed_s: float, *, where: str = "") -> None:
        super().__init__(
            f"The peer's clock is {abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} this node's;"
            f" {allowed_s:g} s are allowed",
            where=where,
            hint="Synchronise both clocks (chrony or systemd-timesyncd)",
        )
        self.skew_s = skew_s


class Root(msgspec.Struct, frozen=True):
    """A root key and its id. The id follows from the key, so both nodes name it alike without telling it."""

    id: str
    secret: bytes
    since: float = 0.0
    """When it was set, POSIX seconds; 0 = not known."""

    @classmethod
    def of(cls, secret: bytes) -> Root:
        """The root with that 32-byte secret."""
        return cls(id=_hkdf(secret, "id").hex()[:16], secret=secret)

    def __repr__(self) -> str:
        return f"Root(id={self.id!r})"


class RequestClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What a request token says. `path` is the raw target with query; `boot` the word of the receiving process, once known."""

    iss: str
    aud: str
    method: str
    path: str
    body_sha256: str
    nonce: str
    iat: float
    etag: str = ""
    boot: str = ""


class ReplyClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply token says; `nonce` is the request's, `boot` the word to put into the next request."""

    iss: str
    aud: str
    nonce: str
    status: int
    body_sha256: str
    iat: float
    etag: str = ""
    boot: str = ""


C = TypeVar("C", RequestClaims, ReplyClaims)


def is_node_id(text: str) -> bool:
    """Whether `text` can stand as iss or aud: 1 to 64 letters, digits, dots, dashes, underscores."""
    return _NODE_ID.fullmatch(text) is not None


def _hkdf(secret: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"sitescope-fo lwsso v1|" + info.encode()).derive(secret)


@lru_cache(maxsize=256)
def derive_key(root: Root, purpose: Purpose, iss: str, aud: str) -> bytes:
    """The 32-byte key of one purpose and direction. `|` cannot occur in a node id, so no two triples collide."""
    return _hkdf(root.secret, f"{purpose}|{iss}|{aud}")


def _fernet(root: Root, purpose: Purpose, iss: str, aud: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derive_key(root, purpose, iss, aud)))


def seal_request(root: Root, claims: RequestClaims) -> str:
    """The Authorization header for `claims`."""
    fernet = _fernet(root, "request", claims.iss, claims.aud)
    token = fernet.encrypt_at_time(msgspec.json.encode(claims), max(0, int(claims.iat)))
    return f'LWSSO iss="{claims.iss}", aud="{claims.aud}", token="{token.decode()}"'


def seal_reply(root: Root, claims: ReplyClaims) -> str:
    """The X-LWSSO-Reply header for `claims`."""
    fernet = _fernet(root, "reply", claims.iss, claims.aud)
    token = fernet.encrypt_at_time(msgspec.json.encode(claims), max(0, int(claims.iat)))
    return f'iss="{claims.iss}", token="{token.decode()}"'


def open_request(roots: tuple[Root, ...], header: str) -> tuple[RequestClaims, Root] | None:
    """The claims of a request and the root that opened them; None when the header is no token or no root fits."""
    match = _REQUEST.fullmatch(header)
    if match is None:
        return None
    iss, aud, token = match.groups()
    for root in roots:
        claims = _open(_fernet(root, "request", iss, aud), token, RequestClaims)
        if claims is not None and (claims.iss, claims.aud) == (iss, aud):
            return claims, root
    return None


def open_reply(root: Root, header: str, *, aud: str, nonce: str) -> ReplyClaims | None:
    """The claims of the reply to my (`aud`) request `nonce`; None when the header is anything else."""
    match = _REPLY_HEADER.fullmatch(header)
    if match is None:
        return None
    iss, token = match.groups()
    claims = _open(_fernet(root, "reply", iss, aud), token, ReplyClaims)
    if claims is None or (claims.iss, claims.aud, claims.nonce) != (iss, aud, nonce):
        return None
    return claims


def _open(fernet: Fernet, token: str, kind: type[C]) -> C | None:
    try:
        return msgspec.json.decode(fernet.decrypt(token), type=kind)
    except (InvalidToken, msgspec.MsgspecError):
        return None
