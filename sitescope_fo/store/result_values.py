"""Measured values as text that every reader takes: JSON without NaN, infinities, huge whole numbers or half characters."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from sitescope_fo.model.monitor import Value

_MOST = 2**63
_decoder = msgspec.json.Decoder(dict[str, Value])


def plain_text(text: str) -> str:
    """`text` with halves of surrogate pairs, which UTF-8 cannot hold, shown as "?"."""
    return text.encode("utf-8", "replace").decode()


def encode_values(values: Mapping[str, Value]) -> str:
    """JSON; a number that JSON cannot hold becomes its text."""
    return msgspec.json.encode({plain_text(name): _storable(value) for name, value in values.items()}).decode()


def decode_values(text: str) -> dict[str, Value]:
    """What `encode_values` wrote. Raises msgspec.MsgspecError."""
    return _decoder.decode(text)


def _storable(value: Value) -> Value:
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not -_MOST <= value < _MOST:
        return str(value)
    return value
