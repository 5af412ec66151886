"""From an exception to the way a check failed, in the words of `CheckResult.failure`."""

from __future__ import annotations

import errno
import socket
import ssl

import anyio

_BY_TYPE: tuple[tuple[tuple[type[BaseException], ...], str, str], ...] = (
    ((TimeoutError,), "timeout", "no answer in time"),
    ((ConnectionRefusedError,), "refused", "connection refused"),
    ((ConnectionError, anyio.BrokenResourceError, anyio.EndOfStream), "reset", "the connection was closed"),
    ((PermissionError,), "denied", ""),
    ((FileNotFoundError, NotADirectoryError, IsADirectoryError), "missing", ""),
)
"""Exception types -> failure and text; without a text the error's own is told."""
_BY_NUMBER = {
    errno.ENOEXEC: ("denied", "it cannot be executed (is there a #! line?)"),
    errno.EFBIG: ("protocol", ""),
    errno.EMFILE: ("internal", "this node has too many open files"),
    errno.ENFILE: ("internal", "this machine has too many open files"),
    errno.ENOMEM: ("internal", "this node is out of memory"),
    errno.ENOBUFS: ("internal", "this node is out of network buffers"),
    errno.EAGAIN: ("internal", "this node is out of processes or ports"),
}
"""OSErrors by number; any other is `unreachable`."""


def failure_of(error: BaseException) -> tuple[str, str] | None:
    """(failure, one line for people) when the error is about the target or a resource, None when it is a defect of ours."""
    if isinstance(error, BaseExceptionGroup):
        failures = [failure_of(inner) for inner in error.exceptions]
        return failures[0] if all(failures) else None
    # The deepest cause tells most: libraries wrap a plain 'connection refused' in errors of their own.
    deeper = failure_of(error.__cause__) if error.__cause__ is not None else None
    return deeper or _classify(error)


def _classify(error: BaseException) -> tuple[str, str] | None:
    if isinstance(error, socket.gaierror):
        return "unresolved", f"the name does not resolve ({error.strerror or error})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "tls", f"the certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "tls", f"TLS failed: {getattr(error, 'reason', '') or error}"
    for types, failure, text in _BY_TYPE:
        if isinstance(error, types):
            return failure, text or _told(error)
    if isinstance(error, OSError):
        failure, text = _BY_NUMBER.get(error.errno or 0, ("unreachable", ""))
        return failure, text or _told(error)
    return None


def _told(error: BaseException) -> str:
    """The system's words, and the file they are about."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    name = getattr(error, "filename", None)
    return f"{text}: {name}" if name else str(text)
