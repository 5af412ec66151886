"""How the command line fails: one form for every error, on stderr for people or on stdout as JSON."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Any

import click

from sitescope_fo.model.errors import ConfigInvalid, Internal, SiteScopeError, Usage
from sitescope_fo.model.width import clean

INTERRUPTED = 130
PIPE_CLOSED = 141
_DEEPEST = 12


def tell(error: SiteScopeError, *, path: str, as_json: bool) -> int:
    """Prints an error in the form of the contract and gives its exit code.

    One that does not say where or what to do names the command `path` and its help.
    """
    where, hint = error.where or path, error.hint or f"See: {path} --help"
    if as_json:
        import msgspec

        body: dict[str, Any] = {"code": error.code, "what": error.what, "where": where, "hint": hint}
        if isinstance(error, ConfigInvalid) and error.problems:
            body["problems"] = [
                {"file": p.file, "line": p.line, "path": p.path, "what": p.what, "hint": p.hint} for p in error.problems
            ]
        click.echo(msgspec.json.format(msgspec.json.encode({"error": body}), indent=2).decode())
        return error.exit_code
    click.echo(clean(f"error: {error.what.rstrip('.')} ({where}). {hint}"), err=True)
    if isinstance(error, ConfigInvalid):
        for problem in error.problems:
            click.echo(f"  {clean(str(problem))}", err=True)
    return error.exit_code


def from_click(error: click.ClickException) -> SiteScopeError:
    """A misused option or argument as an error of ours."""
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return Usage(error.format_message(), where="sitescope-fo", hint="See: sitescope-fo --help")
    path = error.ctx.command_path
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return Usage(f"`{path}` needs a command", where=path, hint=f"See: {path} --help")
    said = error.format_message().rstrip(".")
    return Usage(said[:1].upper() + said[1:], where=path, hint=f"See: {path} --help")


def crashed(error: BaseException, root: Path | None, wall: float) -> Internal:
    """What nobody expected: one line for people; type, message and places, never local variables, in the home's error.log."""
    frames = traceback.extract_tb(error.__traceback__)[-_DEEPEST:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    what = f"{type(error).__name__}: {error}"
    log = _append(root, what, places, wall) if root is not None else None
    hint = f"Details are in {log}" if log else "No home to write details to"
    return Internal("The command line met a fault of its own", where=places.partition(" < ")[0], hint=hint)


def _append(root: Path, what: str, places: str, wall: float) -> Path | None:
    """Appends a line to error.log; None when there is no such place or it cannot be written."""
    from sitescope_fo.store.home import Home
    from sitescope_fo.store.stamp import iso_millis

    log = Home(root).error_log
    quoted = [clean(text).replace("\\", "\\\\").replace('"', '\\"') for text in (what, places)]
    line = f'{iso_millis(wall)} ERROR event=command_crashed what="{quoted[0]}" where="{quoted[1]}"\n'
    try:
        fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    except OSError:
        return None
    with os.fdopen(fd, "a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(line)
    return log
