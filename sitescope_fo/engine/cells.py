"""The node's whole state: a table of frozen values, one cell each, addressed by kind and id.

Decisions read a `Cells` view and return a `Decision`: the cells that change and the effects that follow. Nothing else changes
state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import takewhile
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import msgspec

from sitescope_fo.model.effect import Effect

GONE_TRACED = 1000
"""So many cells that are gone are traced at least."""
_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Cell(NamedTuple):
    """The address of one value."""

    kind: str
    id: str = ""


class Cells(Protocol):
    """Read access to the state."""

    def get(self, cell: Cell) -> Any:  # noqa: ANN401  # each kind has its own type, known to its reader
        """The value, None when there is none."""
        ...

    def of(self, kind: str) -> Mapping[str, Any]:
        """All values of a kind by id."""
        ...


class Decision(msgspec.Struct, frozen=True):
    """What a fact leads to: new values (None removes the cell), then effects."""

    changes: dict[Cell, Any] = {}
    effects: tuple[Effect, ...] = ()

    def then(self, other: Decision) -> Decision:
        """Both, the later change of a cell winning."""
        return Decision({**self.changes, **other.changes}, (*self.effects, *other.effects))


NOTHING = Decision()


class CellTable:
    """The state itself. Only the writer changes it.

    Of the kinds in `traced` it knows which cells changed since when, so that readers need not look at all of them again.
    """

    def __init__(self, traced: Collection[str] = ()) -> None:
        self.revision = 0
        """Grows by one with every batch of changes."""
        self._kinds: dict[str, dict[str, Any]] = {}
        self._versions: dict[str, int] = {}
        self._traces: dict[str, dict[str, int]] = {kind: {} for kind in traced}
        self._traced_from = 0

    def get(self, cell: Cell) -> Any:  # noqa: ANN401
        """See `Cells`."""
        return self._kinds.get(cell.kind, _EMPTY).get(cell.id)

    def of(self, kind: str) -> Mapping[str, Any]:
        """See `Cells`. The mapping is live and read-only."""
        return MappingProxyType(self._kinds.get(kind, {}))

    def version(self, kind: str) -> int:
        """Grows with every change of a cell of the kind: what was worked out from the same version still holds."""
        return self._versions.get(kind, 0)

    def changed_since(self, kind: str, revision: int) -> Iterator[tuple[str, int]] | None:
        """The cells of a traced kind that changed after `revision`, each once, with the revision of that; newest first.

        Cells that are gone are among them. None when that is too long ago to tell. To be read at once, before the next change.
        """
        if revision < self._traced_from:
            return None
        return takewhile(lambda change: change[1] > revision, reversed(self._traces[kind].items()))

    def apply(self, changes: Mapping[Cell, Any]) -> None:
        """Takes the changes over."""
        self.revision += 1
        for (kind, cell_id), value in changes.items():
            values = self._kinds.setdefault(kind, {})
            if value is None:
                values.pop(cell_id, None)
            else:
                values[cell_id] = value
            if (trace := self._traces.get(kind)) is not None:
                trace.pop(cell_id, None)  # the newest stand last
                trace[cell_id] = self.revision
        for kind in {kind for kind, _ in changes}:
            self._versions[kind] = self._versions.get(kind, 0) + 1
            self._tidy(kind)

    def _tidy(self, kind: str) -> None:
        """Forgets the traces of cells that are gone, once they are many."""
        trace, values = self._traces.get(kind), self._kinds[kind]
        if trace is not None and len(trace) > 2 * len(values) + GONE_TRACED:
            self._traces[kind] = {cell_id: revision for cell_id, revision in trace.items() if cell_id in values}
            self._traced_from = self.revision


class Overlay:
    """A view of a table with changes laid over it, for deciding several facts in one batch."""

    def __init__(self, base: CellTable) -> None:
        self._base = base
        self._kinds: dict[str, dict[str, Any]] = {}
        self.changes: dict[Cell, Any] = {}

    def take(self, changes: Mapping[Cell, Any]) -> None:
        """Lays `changes` over what is there."""
        for cell, value in changes.items():
            self.changes[cell] = value
            self._kinds.setdefault(cell.kind, {})[cell.id] = value

    def get(self, cell: Cell) -> Any:  # noqa: ANN401
        """See `Cells`."""
        return self.changes[cell] if cell in self.changes else self._base.get(cell)

    def of(self, kind: str) -> Mapping[str, Any]:
        """See `Cells`. Copies only when the batch has touched the kind."""
        touched = self._kinds.get(kind)
        if not touched:
            return self._base.of(kind)
        merged = {**self._base.of(kind), **touched}
        return {cell_id: value for cell_id, value in merged.items() if value is not None}
