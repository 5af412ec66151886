"""What went wrong on the way to a peer, in the product's codes: timeout, refused, unresolved, reset, unreachable, foreign."""

from __future__ import annotations

import errno
import socket
import ssl

import httpx

from sitescope_fo.model.errors import Unreachable

_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EACCES}
_RESET = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED}
_HUNG_UP = ("Server disconnected", "peer closed connection")

_TEXTS = {
    "timeout": ("No answer in time", "Is the machine up and its network sound?"),
    "refused": ("Nothing listens there", "Is the node started, and on this port?"),
    "unresolved": ("The name does not resolve", "Check DNS or /etc/hosts on this node"),
    "reset": ("The connection broke off", "The node or something on the way ended it"),
    "unreachable": ("There is no way to that address", "Check routes and firewalls on the way"),
    "foreign": ("Something else answers there", "Is another program, or a proxy, on this address?"),
}


def unreachable(code: str, where: str, evidence: str = "") -> Unreachable:
    """The error for `code`, with what was seen."""
    what, hint = _TEXTS[code]
    return Unreachable(f"{what}: {evidence}" if evidence else what, where=where, hint=hint, code=code)


def certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """The refusal of a certificate behind `error`, if that is the reason."""
    return next((one for one in causes(error) if isinstance(one, ssl.SSLCertVerificationError)), None)


def from_transport(error: httpx.TransportError, where: str) -> Unreachable:
    """The error for what httpx raised."""
    evidence = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return unreachable("timeout", where)
    if isinstance(error, httpx.RemoteProtocolError):
        return unreachable("reset" if evidence.startswith(_HUNG_UP) else "foreign", where, evidence)
    for cause in causes(error):
        if isinstance(cause, ssl.SSLError):
            broken = isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
            return unreachable("reset" if broken else "foreign", where, f"no TLS as expected ({cause.reason or cause})")
        if isinstance(cause, socket.gaierror):
            return unreachable("unresolved", where, cause.strerror or "")
        if isinstance(cause, OSError) and (code := _code_of(cause)):
            return unreachable(code, where, cause.strerror or "")
    return unreachable("unreachable" if isinstance(error, httpx.ConnectError) else "reset", where, evidence)


def _code_of(error: OSError) -> str:
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return "timeout"
    if error.errno == errno.ECONNREFUSED:
        return "refused"
    if error.errno in _RESET:
        return "reset"
    return "unreachable" if error.errno in _UNREACHABLE else ""


def causes(error: BaseException) -> list[BaseException]:
    """`error` and everything it came from, nearest first; members of groups included."""
    found: list[BaseException] = []
    queue = [error]
    while queue:
        one = queue.pop(0)
        if one in found:
            continue
        found.append(one)
        if isinstance(one, BaseExceptionGroup):
            queue.extend(one.exceptions)
        queue.extend(cause for cause in (one.__cause__, one.__context__) if cause is not None)
    return found
