"""The guide-style daily log: one tab-separated line a result. The form is documented in docs/files.md and stays stable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sitescope_fo.model.monitor import Value
    from sitescope_fo.store.results import ResultRow

_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}

UNCONFIRMED = "unconfirmed: "
"""How the state string of an error begins that only asked for a second run."""


def export_sitescope(rows: Iterable[ResultRow]) -> Iterator[str]:
    """A line for each row, without newline.

    `HH:MM:SS MM/DD/YYYY` (UTC), status, group, monitor, state string, `id:counter`, then `name=value` for each value by name.
    """
    for row in rows:
        group, _, name = row.path.rpartition("/")
        moment = datetime.fromtimestamp(row.wall, UTC).strftime("%H:%M:%S %m/%d/%Y")
        shown_group = f"{row.profile}:{group}" if row.profile else group
        values = (f"{_escape_name(key)}={_escape(_shown(row.values[key]))}" for key in sorted(row.values))
        state = f"{UNCONFIRMED}{row.state_string}" if row.unconfirmed else row.state_string
        cells = (moment, row.status.value, *map(_escape, (shown_group, name, state)), f"{row.monitor_id}:{row.seq}")
        yield "\t".join((*cells, *values))


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _escape(text: str) -> str:
    r"""`text` on one line: backslash, tab and line ends as in C, other control characters as \xNN."""
    return "".join(_ESCAPES.get(c) or (f"\\x{ord(c):02x}" if c < " " or c == "\x7f" else c) for c in text)


def _escape_name(name: str) -> str:
    return _escape(name).replace("=", "\\=")
