"""Pages of the list of monitors: sorted once a tree, filtered cheaply, and only the rows of the page are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import Monitor, MonitorKey
from sitescope_fo.model.snapshot import MonitorRow
from sitescope_fo.model.status import Status
from sitescope_fo.node import snapshot
from sitescope_fo.node.find import nearest_hint

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

MOST_ROWS = 1000
"""Rows in one answer at most, however many were asked for."""
SHOWN = (*(status.value for status in Status), "waiting", "suspended")
"""What `status` may be; the last two are kinds of disabled."""


class MonitorPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the rows that fit. `total`: how many fit; `next`: the offset of the next page, None on the last one."""

    rows: list[MonitorRow]
    total: int
    offset: int
    next: int | None


class _Line(msgspec.Struct, frozen=True):
    """One monitor of the list."""

    key: MonitorKey
    monitor: Monitor
    text: str
    """Its name and type in lower case, for filters."""


class MonitorPages:
    """The list of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._of: Catalogue | None = None
        self._lines: list[_Line] = []

    def page(self, params: Mapping[str, str], *, profile: str | None, offset: int, limit: int) -> MonitorPage:
        """The rows from `offset` on, by profile and path. Raises Usage for a status or type that does not exist.

        Parameters: `group` (what lies below it), `status` and `type` (one, or several with commas), `filter` (words that must
        all stand in name, type, status or state, in any case; `!word` must not).
        """
        fits = list(self._fitting(params, profile))
        size = min(limit, MOST_ROWS)
        rows = [snapshot.monitor_row(self._node, line.key, line.monitor) for line in fits[offset : offset + size]]
        after = offset + len(rows)
        return MonitorPage(rows=rows, total=len(fits), offset=offset, next=after if rows and after < len(fits) else None)

    def _fitting(self, params: Mapping[str, str], profile: str | None) -> Iterator[_Line]:
        group = params.get("group", "").strip("/").casefold()
        statuses, kinds = _several(params, "status", SHOWN), self._types(params)
        words = params.get("filter", "").casefold().split()
        wanted = [word for word in words if not word.startswith("!")]
        unwanted = [word[1:] for word in words if word.startswith("!") and word != "!"]
        for line in self._sorted():
            if profile is not None and line.key.profile != profile:
                continue
            if group and not f"{line.monitor.path}/".casefold().startswith(f"{group}/"):
                continue
            if kinds and line.monitor.type not in kinds:
                continue
            if statuses or words:
                state, shown = self._state(line)
                if statuses and not statuses & shown:
                    continue
                text = f"{line.text} {' '.join(shown)} {state}"
                if not all(word in text for word in wanted) or any(word in text for word in unwanted):
                    continue
            yield line

    def _state(self, line: _Line) -> tuple[str, set[str]]:
        text, status, row = snapshot.shown_state(self._node, line.key, line.monitor)
        shown = {status}
        shown |= {"waiting"} if row.waiting else set()
        shown |= {"suspended"} if row.suspended else set()
        return text.casefold(), shown

    def _types(self, params: Mapping[str, str]) -> set[str]:
        return _several(params, "type", (*self._node.ports.book.specs, *{line.monitor.type for line in self._sorted()}))

    def _sorted(self) -> list[_Line]:
        catalogue = self._node.world.catalogue
        if catalogue is not self._of:
            lines = [
                _Line(key, monitor, f"{catalogue.name(key)} {monitor.type}".casefold())
                for key, monitor in snapshot.everything(self._node)
            ]
            lines.sort(key=lambda line: (line.key.profile, line.monitor.path))
            self._of, self._lines = catalogue, lines
        return self._lines


def _several(params: Mapping[str, str], name: str, known: tuple[str, ...]) -> set[str]:
    """The words of a parameter, parted by commas. Raises Usage (`bad_filter`) for an unknown one."""
    words = {word.strip() for word in params.get(name, "").split(",") if word.strip()}
    for word in sorted(words):
        if word not in known:
            raise Usage(f"There is no {name} '{word}'", where=name, hint=nearest_hint(word, known), code="bad_filter")
    return words
