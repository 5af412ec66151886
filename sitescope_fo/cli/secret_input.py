"""Secrets from standard input, a file or a prompt, never from an argument."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.model.errors import Usage

_LONGEST = 4096


def secret_from_stdin(where: str) -> str:
    """The first line of standard input, without its end. Raises Usage (`no_secret`) when there is none."""
    line = sys.stdin.readline(_LONGEST).rstrip("\r\n")
    if not line:
        raise Usage("Nothing came from standard input", where=where, hint="Write it as one line", code="no_secret")
    return line


def secret_from_file(file: str) -> str:
    """The first line of a file, without its end. Raises Usage (`bad_file`, `no_secret`)."""
    try:
        with Path(file).open(encoding="utf-8") as stream:
            line = stream.readline(_LONGEST).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Usage("The file cannot be read", where=file, hint="It must be a text file you may read", code="bad_file") from error
    if not line:
        raise Usage("The first line of the file is empty", where=file, hint="Write the secret there", code="no_secret")
    return line


def secret_by_prompt(call: Invocation, label: str, *, instead: str, twice: bool = False, optional: bool = False) -> str:
    """What was typed, unseen. Raises Usage (`no_terminal`) where nobody can type, naming what to do instead."""
    if not call.interactive:
        raise Usage(f"There is no terminal to ask for the {label.lower()}", where=label.lower(), hint=instead, code="no_terminal")
    default = "" if optional else None
    typed: str = click.prompt(label, hide_input=True, confirmation_prompt=twice, default=default, show_default=False, err=True)
    return typed
