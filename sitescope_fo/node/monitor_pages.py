"""The list of monitors: in pages, sorted once a tree and filtered cheaply, and then only what changed.

Whatever may be long goes in short steps: between two of them the loop sees to others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import anyio.lowlevel
import msgspec

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.state import ACK, MONITOR, MonitorState
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import Monitor, MonitorKey
from sitescope_fo.model.snapshot import MonitorChanges, MonitorPage, MonitorRow
from sitescope_fo.model.status import Status
from sitescope_fo.node.find import nearest_hint
from sitescope_fo.node.monitor_rows import Rows
from sitescope_fo.node.tree_stamp import TreeStamp

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

MOST_ROWS = 1000
"""Rows in one answer at most, however many were asked for."""
ROWS_AT_ONCE = 200
"""Made without a pause for the loop: about a millisecond."""
LINES_AT_ONCE = 500
SHOWN = (*(status.value for status in Status), "waiting", "suspended", "acknowledged", "downtime", "unhandled")
"""What `status` may be. Waiting and suspended are kinds of disabled; unhandled: a problem that is neither of the two before."""
_PROBLEMS = frozenset({Status.warning, Status.error, Status.nodata})

_Change = tuple[MonitorKey, int]
"""A monitor and the revision with which it changed last."""


class _Line(msgspec.Struct, frozen=True):
    """One monitor of the list."""

    key: MonitorKey
    monitor: Monitor
    text: str
    """Its name and type in lower case, for filters."""
    path: str
    """In lower case, with a slash behind it."""


class _Wanted(msgspec.Struct, frozen=True):
    """A filter, read."""

    profile: str | None = None
    group: str = ""
    statuses: set[str] = set()
    kinds: set[str] = set()
    words: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    def by_name(self, line: _Line) -> bool:
        """Whether it fits as far as its configuration says."""
        return (
            (self.profile is None or line.key.profile == self.profile)
            and (not self.group or line.path.startswith(self.group))
            and (not self.kinds or line.monitor.type in self.kinds)
        )

    def by_state(self, line: _Line, rows: Rows) -> bool:
        """Whether it fits as it is shown now."""
        if not (self.statuses or self.words or self.unwanted):
            return True
        row = rows.state(line.monitor)
        shown = {row.shown.value}
        shown |= {"waiting"} if row.waiting else set()
        shown |= {"suspended"} if row.suspended else set()
        handled = {"acknowledged"} if rows.standing.acknowledgement(line.monitor.id) is not None else set()
        handled |= {"downtime"} if rows.standing.downtime(line.monitor) is not None else set()
        shown |= handled or ({"unhandled"} if row.shown in _PROBLEMS else set())
        if self.statuses and not self.statuses & shown:
            return False
        if not (self.words or self.unwanted):
            return True
        text = f"{line.text} {' '.join(shown)} {rows.text(row).casefold()}"
        return all(word in text for word in self.words) and not any(word in text for word in self.unwanted)


_EVERYTHING = _Wanted()


class MonitorPages:
    """The list of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tree = TreeStamp(node)
        self._of: Catalogue | None = None
        self._lines: list[_Line] = []

    async def page(self, params: Mapping[str, str], *, profile: str | None, offset: int, limit: int) -> MonitorPage:
        """The rows from `offset` on, by profile and path. Raises Usage for a status or type that does not exist.

        Parameters: `group` (what lies below it), `status` and `type` (one, or several with commas), `filter` (words that must
        all stand in name, type, status or state, in any case; `!word` must not).
        """
        lines = await self._sorted()
        revision, tree = self._node.writer.revision, self._tree.now()
        rows_of = _by_tree(self._node)
        wanted = self._wanted(params, profile, lines)
        fits = lines if wanted == _EVERYTHING else []
        for start in range(0, 0 if fits is lines else len(lines), LINES_AT_ONCE):
            some = lines[start : start + LINES_AT_ONCE]
            fits += [line for line in some if wanted.by_name(line) and wanted.by_state(line, rows_of(line.key.profile))]
            await anyio.lowlevel.checkpoint()
        shown = fits[offset : offset + min(limit, MOST_ROWS)]
        rows = await _rows(((line.key, line.monitor) for line in shown), rows_of)
        after = offset + len(rows)
        following = after if rows and after < len(fits) else None
        return MonitorPage(rows=rows, total=len(fits), offset=offset, next=following, revision=revision, tree=tree)

    async def changes(self, since: int, tree: str, profile: str | None) -> MonitorChanges:
        """What changed after the revision `since` of the list with the stamp `tree`, of all trees or of one.

        When more has changed than fits into an answer, the oldest changes come first.
        """
        catalogue = self._node.world.catalogue
        now, stamp = self._node.writer.revision, self._tree.now()
        changed = self._changed(since, profile) if tree == stamp and since <= now else None
        if changed is None:
            return MonitorChanges(revision=now, tree=stamp, whole=True)
        fit, until = _oldest(changed, now)
        if not fit and changed:  # one batch alone is too much for an answer
            return MonitorChanges(revision=now, tree=stamp, whole=True)
        known = ((key, monitor) for key, _ in fit if (monitor := catalogue.monitor(key)) is not None)
        rows = await _rows(known, _by_tree(self._node))
        return MonitorChanges(revision=until, tree=stamp, rows=rows, more=len(fit) < len(changed))

    def _changed(self, since: int, profile: str | None) -> list[_Change] | None:
        """The monitors whose rows changed, oldest change first; None when that cannot be told."""
        table = self._node.writer.table
        states: Mapping[str, MonitorState] = table.of(MONITOR)
        by_state, by_ack = table.changed_since(MONITOR, since), table.changed_since(ACK, since)
        if by_state is None or by_ack is None:
            return None
        found: dict[MonitorKey, int] = {}
        for cell_id, revision in by_state:
            state = states.get(cell_id)
            if state is None:
                return None
            found[state.key] = revision
        for cell_id, revision in by_ack:
            key = MonitorKey(*cell_id.split("\x1f"))
            found[key] = max(revision, found.get(key, 0))
        changes = [change for change in found.items() if profile is None or change[0].profile == profile]
        return sorted(changes, key=lambda change: change[1])

    def _wanted(self, params: Mapping[str, str], profile: str | None, lines: list[_Line]) -> _Wanted:
        group = params.get("group", "").strip("/").casefold()
        words = params.get("filter", "").casefold().split()
        kinds = params.get("type", "")
        return _Wanted(
            profile=profile,
            group=f"{group}/" if group else "",
            statuses=_several(params, "status", SHOWN),
            kinds=_several(params, "type", (*self._node.ports.book.specs, *{line.monitor.type for line in lines}))
            if kinds
            else set(),
            words=tuple(word for word in words if not word.startswith("!")),
            unwanted=tuple(word[1:] for word in words if word.startswith("!") and word != "!"),
        )

    async def _sorted(self) -> list[_Line]:
        """All monitors in the order of the list. A catalogue never changes, so a worker may sort it."""
        catalogue = self._node.world.catalogue
        while catalogue is not self._of:
            self._lines = await self._node.ports.work.run_blocking(_lines_of, catalogue, self._node.ports.breathe)
            self._of, catalogue = catalogue, self._node.world.catalogue
        return self._lines


def _lines_of(catalogue: Catalogue, breathe: Callable[[], None]) -> list[_Line]:
    lines = []
    for profile in catalogue.profiles:
        for monitor in catalogue.monitors(profile).values():
            key = MonitorKey(profile, monitor.id)
            lines.append(_Line(key, monitor, f"{catalogue.name(key)} {monitor.type}".casefold(), f"{monitor.path}/".casefold()))
            if not len(lines) % LINES_AT_ONCE:
                breathe()
    lines.sort(key=lambda line: (line.key.profile, line.monitor.path))
    return lines


def _by_tree(node: Node) -> Callable[[str], Rows]:
    """The rows of each tree, made when they are first asked for."""
    known: dict[str, Rows] = {}

    def of(profile: str) -> Rows:
        rows = known.get(profile)
        if rows is None:
            rows = known[profile] = Rows(node, profile)
        return rows

    return of


async def _rows(monitors: Iterable[tuple[MonitorKey, Monitor]], rows_of: Callable[[str], Rows]) -> list[MonitorRow]:
    made: list[MonitorRow] = []
    for key, monitor in monitors:
        made.append(rows_of(key.profile).row(monitor))
        if not len(made) % ROWS_AT_ONCE:
            await anyio.lowlevel.checkpoint()
    return made


def _oldest(changed: list[_Change], now: int) -> tuple[list[_Change], int]:
    """The oldest changes that fit into one answer, and the revision that is complete with them. A batch is never torn."""
    if len(changed) <= MOST_ROWS:
        return changed, now
    cut = changed[MOST_ROWS][1]
    fit = [change for change in changed[:MOST_ROWS] if change[1] < cut]
    return fit, fit[-1][1] if fit else now


def _several(params: Mapping[str, str], name: str, known: tuple[str, ...]) -> set[str]:
    """The words of a parameter, parted by commas. Raises Usage (`bad_filter`) for an unknown one."""
    words = {word.strip() for word in params.get(name, "").split(",") if word.strip()}
    for word in sorted(words):
        if word not in known:
            raise Usage(f"There is no {name} '{word}'", where=name, hint=nearest_hint(word, known), code="bad_filter")
    return words
