"""`config`: the node's own settings (the guide's Configuration Tool)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from sitescope_fo.cli.check import run_check
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.lazy import NodeGroup
from sitescope_fo.cli.table import Column
from sitescope_fo.model.command import ConfigSet, Reload


@click.group(cls=NodeGroup, example="sitescope-fo config set web.port 8443")
def config() -> None:
    """Show and change the settings of this node: address, port, paths, retention."""


@config.command("show", example="sitescope-fo config show")
@click.pass_obj
def show(call: Invocation) -> None:
    """Show every setting of config.toml, defaults included."""
    settings = call.query("config")
    call.emit(settings, lambda: pairs(settings, call))


@config.command("set", example="sitescope-fo config set logs.keep 60d")
@click.argument("key")
@click.argument("value")
@click.pass_obj
def set_key(call: Invocation, key: str, value: str) -> None:
    """Set one KEY of config.toml; comments in the file stay.

    It says when the node has to be restarted for it.
    """
    call.run(ConfigSet(key=key, value=value), f"{key} is set")


@config.command("validate", example="sitescope-fo config validate")
@click.pass_obj
def validate(call: Invocation) -> None:
    """Check all configuration files and list every problem at once; exit code 3 when there is one."""
    run_check(call, "config")


@config.command("reload", example="sitescope-fo config reload")
@click.pass_obj
def reload(call: Invocation) -> None:
    """Let the running node read its configuration files again, now."""
    call.run(Reload(), "The configuration was read again")


def pairs(values: Mapping[str, Any], call: Invocation) -> Iterator[str]:
    """Key and value lines."""
    rows = [[str(key), value_text(value)] for key, value in values.items()]
    yield from call.rows([Column(title="KEY"), Column(title="VALUE", flexible=True)], rows)


def value_text(value: Any) -> str:  # noqa: ANN401  # any JSON value
    """A setting as people write it."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(value_text, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key}={value_text(one)}" for key, one in value.items()) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
