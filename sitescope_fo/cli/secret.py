"""`secret`: sealed values that settings refer to by name."""

from __future__ import annotations

from typing import Any

import click

from sitescope_fo.cli.choices import profile_option
from sitescope_fo.cli.config import value_text
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.secret_input import secret_by_prompt, secret_from_file, secret_from_stdin
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import SecretRemove, SecretSet

_COLUMNS = [Column(title="SECRET"), Column(title="SET"), Column(title="OPENS HERE"), Column(title="USED BY", flexible=True)]


@click.group(cls=NodeGroup, example="sitescope-fo secret set shop-password")
def secret() -> None:
    """Manage sealed secrets. A setting such as password = "secret:shop-password" refers to one."""


@secret.command("list", example="sitescope-fo secret list")
@profile_option
@click.pass_obj
def list_all(call: Invocation, profile: str) -> None:
    """List the names of all secrets and what refers to them; their values are never shown."""
    rows = call.query("secrets", profile=profile)
    none = ["No secrets. Set one with: sitescope-fo secret set NAME"]
    call.emit(rows, lambda: call.rows(_COLUMNS, map(_row, rows)) if rows else none)


def _row(one: dict[str, Any]) -> list[str]:
    return [str(one.get("name", "")), *(value_text(one.get(key)) for key in ("set", "opens", "used_by"))]


@secret.command("set", example="sitescope-fo secret set shop-password --file password.txt")
@click.argument("name")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the value from standard input, one line.")
@click.option("--file", default="", metavar="FILE", help="Read the value from the first line of FILE.")
@click.pass_obj
def set_value(call: Invocation, name: str, from_stdin: bool, file: str) -> None:
    """Seal a value under NAME, asked for twice; the same name again replaces it."""
    if file:
        value = secret_from_file(file)
    elif from_stdin:
        value = secret_from_stdin("--stdin")
    else:
        value = secret_by_prompt(call, "Value", twice=True, instead="Use --stdin or --file")
    call.run(SecretSet(name=name, password=value), f"Secret {name} is set")


@secret.command("remove", example="sitescope-fo secret remove shop-password")
@click.argument("name")
@click.pass_obj
def remove(call: Invocation, name: str) -> None:
    """Forget the secret NAME; refused while something refers to it."""
    call.run(SecretRemove(name=name), f"Secret {name} is removed")
