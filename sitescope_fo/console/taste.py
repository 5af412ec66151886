"""What an operator likes: theme, keys, clock, pace. Kept for the person, not for the node."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import tomli_w

from sitescope_fo.console.actions.table import BY_ID
from sitescope_fo.console.letters import speaks_utf8
from sitescope_fo.model.errors import ConfigInvalid
from sitescope_fo.store.files import write_atomic


class Taste(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the console."""

    theme: str = "harbour"
    clock: Literal["utc", "local"] = "utc"
    mouse: bool = True
    slow: bool = False
    """One look a second instead of four: for thin lines."""
    ascii: bool = False
    """ASCII letters only, also on a terminal that takes others."""
    utf8: bool = True
    """The terminal takes UTF-8, as its locale says. Not kept: another terminal, another locale."""
    keys: dict[str, tuple[str, ...]] = {}
    """Action id -> keys, in place of its own."""
    theme_folders: tuple[str, ...] = ()
    file: str = ""
    """Where it is kept; "" = nowhere."""
    problem: str = ""
    """Why the file does not count; then it is not written either."""

    @property
    def plain(self) -> bool:
        """Whether letters beyond ASCII are left out."""
        return self.ascii or not self.utf8

    def save(self) -> None:
        """Writes it. Raises OSError."""
        if not self.file:
            return
        path = Path(self.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        table: dict[str, Any] = {
            name: value
            for name, value in msgspec.to_builtins(self).items()
            if name not in _NOT_KEPT and value != msgspec.to_builtins(Taste()).get(name)
        }
        write_atomic(path, tomli_w.dumps(table).encode())


def taste_file(environ: Mapping[str, str]) -> Path:
    """`$XDG_CONFIG_HOME/sitescope-fo/console.toml`."""
    base = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "/")) / ".config")
    return Path(base) / "sitescope-fo" / "console.toml"


def taste_for(environ: Mapping[str, str]) -> Taste:
    """The taste on file, in letters that the locale of `environ` allows.

    With a file that cannot be read the built-in one and the reason: a typing error stops no monitoring.
    """
    try:
        taste = load_taste(environ)
    except ConfigInvalid as error:
        taste = Taste(problem=str(error))
    return msgspec.structs.replace(taste, utf8=speaks_utf8(environ))


def load_taste(environ: Mapping[str, str]) -> Taste:
    """The taste on file, or the built-in one.

    Raises ConfigInvalid with file and key for what cannot be read: keys that do nothing are not swallowed.
    """
    path = taste_file(environ)
    folder = str(path.parent / "themes")
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raw = {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigInvalid(
            f"The console's settings cannot be read: {error}", where=str(path), hint="Mend or delete the file"
        ) from error
    if unknown := [key for key in raw if key not in _NAMES]:
        raise ConfigInvalid(f"There is no console setting '{unknown[0]}'", where=str(path), hint=f"Known: {', '.join(_NAMES)}")
    keys = raw.pop("keys", {})
    if not isinstance(keys, dict):
        raise ConfigInvalid("keys is a table", where=str(path), hint='[keys] then "everywhere.help" = "f1"')
    for action in keys:
        if action not in BY_ID:
            raise ConfigInvalid(f"There is no action '{action}'", where=f"{path} [keys]", hint="Their names are in docs/keys.md")
    try:
        return msgspec.convert(
            {**raw, "keys": {a: _keys(k) for a, k in keys.items()}, "file": str(path), "theme_folders": (folder,)}, Taste
        )
    except msgspec.ValidationError as error:
        raise ConfigInvalid(f"A console setting is wrong: {error}", where=str(path), hint="See docs/console.md") from error


def _keys(value: object) -> object:
    return [key.strip() for key in value.split(",") if key.strip()] if isinstance(value, str) else value


_NOT_KEPT = frozenset({"utf8", "file", "theme_folders", "problem"})
_NAMES = tuple(name for name in Taste.__struct_fields__ if name not in _NOT_KEPT)
