"""Writes TOML: keys and values as one line of text, blocks as the files' readers expect them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sitescope_fo.model.errors import Usage

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def quote(text: str) -> str:
    """`text` as a TOML basic string. Raises Usage (`bad_text`) when it is no Unicode text."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Usage("The text holds half a character", where=repr(text), hint="Use UTF-8", code="bad_text") from error
    return '"' + "".join(_ESCAPES.get(c) or (f"\\u{ord(c):04x}" if c < " " or c == "\x7f" else c) for c in text) + '"'


def toml_key(name: str) -> str:
    """`name` as one key part, quoted when it must be."""
    return name if _BARE.fullmatch(name) else quote(name)


def toml_value(value: object) -> str:
    """`value` as TOML on one line: text, flag, number, list, mapping. Raises Usage (`bad_value`) for anything else."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quote(value)
        case int() if -(2**63) <= value < 2**63:
            return str(value)
        case float():
            return repr(value)
        case list() | tuple():
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        case Mapping():
            inside = ", ".join(f"{toml_key(str(k))} = {toml_value(v)}" for k, v in value.items())
            return f"{{ {inside} }}" if inside else "{}"
    raise Usage(f"'{value!r}' cannot be written to a configuration file", code="bad_value")


def toml_block(header: str, table: Mapping[str, object]) -> str:
    """A header line (unless it is "") and one `key = value` line each."""
    return (f"{header}\n" if header else "") + "".join(f"{toml_key(key)} = {toml_value(value)}\n" for key, value in table.items())
