"""What people said about monitors: acknowledgements and downtimes. Pure.

Both are values with a version (`wire.Typed`), and what is over keeps its place for `KEPT_S`, so that the nodes of a pair merge
what each has in any order, any number of times, and lose nothing: of two values of one thing the later version wins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.cells import NOTHING, Cell, Cells, Decision
from sitescope_fo.engine.state import ACK, DOWNTIME, OUTBOX, OutboxItem, ack_cell, downtime_cell, heard_cell
from sitescope_fo.model.effect import LogEvent
from sitescope_fo.model.errors import Unverifiable
from sitescope_fo.model.fact import Acknowledged, AckRemoved, DowntimeEnded, DowntimeSet, Fact, OperatorStateReceived
from sitescope_fo.model.monitor import Monitor, MonitorKey
from sitescope_fo.model.ports import Now
from sitescope_fo.model.wire import LATEST, Acknowledgement, Downtime, OperatorState, Typed, decode

KEPT_S = 30 * 86400.0
"""How long an acknowledgement or downtime that is over is kept: a node that was away for longer cannot bring it back."""
STEP_S = 0.001
"""A change is at least so much later than what it replaces, whatever the clocks of the two nodes say."""

T = TypeVar("T", bound=Typed)


class Standing:
    """What holds at the moment `wall` for the monitors of one tree."""

    __slots__ = ("_cells", "_downtimes", "_profile", "_wall")

    def __init__(self, cells: Cells, profile: str, wall: float) -> None:
        self._cells, self._profile, self._wall = cells, profile, wall
        start = f"{profile}\x1f"
        kept: Mapping[str, Downtime] = cells.of(DOWNTIME)
        self._downtimes = [one for cell_id, one in kept.items() if downtime_holds(one, wall) and cell_id.startswith(start)]

    def acknowledgement(self, monitor_id: str) -> Acknowledgement | None:
        """That of the monitor's problem."""
        found: Acknowledgement | None = self._cells.get(ack_cell(MonitorKey(self._profile, monitor_id)))
        return found if found is not None and ack_holds(found, self._wall) else None

    @property
    def in_downtime(self) -> bool:
        """Whether any downtime holds."""
        return bool(self._downtimes)

    def downtime(self, monitor: Monitor) -> Downtime | None:
        """The downtime the monitor is in; of several the one that ends last."""
        if not self._downtimes:
            return None
        covering = (downtime for downtime in self._downtimes if covers(downtime, monitor))
        return max(covering, key=lambda downtime: (downtime.end, downtime.id), default=None)


def ack_holds(ack: Acknowledgement, wall: float) -> bool:
    """Whether it is neither taken back nor over."""
    return not ack.ended and (not ack.until or wall < ack.until)


def downtime_holds(downtime: Downtime, wall: float) -> bool:
    """Whether it has begun and is not over."""
    return not downtime.ended and downtime.start <= wall < downtime.end


def covers(downtime: Downtime, monitor: Monitor) -> bool:
    """Whether the downtime is about the monitor."""
    if downtime.monitor:
        return downtime.monitor == monitor.id
    path, scope = monitor.path, downtime.scope
    return not scope or path.startswith(f"{scope}/")


def acknowledgements_of(cells: Cells, profile: str) -> Iterator[Acknowledgement]:
    """All that are kept for a tree, those that are over too."""
    return _of(cells, ACK, profile, Acknowledgement)


def downtimes_of(cells: Cells, profile: str) -> Iterator[Downtime]:
    """All that are kept for a tree, those that are over too."""
    return _of(cells, DOWNTIME, profile, Downtime)


def _of(cells: Cells, kind: str, profile: str, _type: type[T]) -> Iterator[T]:
    start = f"{profile}\x1f"
    return (value for cell_id, value in cells.of(kind).items() if cell_id.startswith(start))


def holding(cells: Cells, wall: float) -> frozenset[tuple[str, str, float]]:
    """What holds at a moment, in any tree: another one when anything began, ended or was changed."""
    acks = {(ACK, cell_id, ack.changed) for cell_id, ack in cells.of(ACK).items() if ack_holds(ack, wall)}
    downtimes = {(DOWNTIME, cell_id, one.changed) for cell_id, one in cells.of(DOWNTIME).items() if downtime_holds(one, wall)}
    return frozenset(acks | downtimes)


# --- decisions ------------------------------------------------------------------------------------------------------


def decide(cells: Cells, catalogue: Catalogue, fact: Fact, now: Now) -> Decision:
    """What a fact about acknowledgements and downtimes leads to; nothing for any other fact."""
    match fact:
        case Acknowledged():
            return on_acknowledged(cells, fact)
        case AckRemoved():
            return on_ack_removed(cells, fact, now)
        case DowntimeSet():
            return on_downtime_set(cells, catalogue, fact, now)
        case DowntimeEnded():
            return on_downtime_ended(cells, fact, now)
        case OperatorStateReceived():
            return merge_operator(cells, catalogue, fact, now)
        case _:
            return NOTHING


def on_acknowledged(cells: Cells, fact: Acknowledged) -> Decision:
    """Keeps it in the place of an earlier one."""
    return Decision({ack_cell(fact.key): _after(cells.get(ack_cell(fact.key)), fact.value)})


def on_ack_removed(cells: Cells, fact: AckRemoved, now: Now) -> Decision:
    """Ends it."""
    ack: Acknowledgement | None = cells.get(ack_cell(fact.key))
    if ack is None or ack.ended:
        return NOTHING
    return Decision({ack_cell(fact.key): _ended(ack, now, fact.by, fact.node)})


def end_with_problem(cells: Cells, monitor: Monitor, key: MonitorKey, now: Now) -> Decision:
    """The monitor is good: its acknowledgement was about a problem that is over. A new problem asks for a new one."""
    ack: Acknowledgement | None = cells.get(ack_cell(key))
    if ack is None or not ack_holds(ack, now.wall):
        return NOTHING
    said = f"{monitor.path} is good: the acknowledgement by {ack.by} has ended"
    return Decision(
        {ack_cell(key): _ended(ack, now, "", ack.node)}, (LogEvent(event="ack_ended", what=said, profile=key.profile),)
    )


def on_downtime_set(cells: Cells, catalogue: Catalogue, fact: DowntimeSet, now: Now) -> Decision:
    """Keeps it; once it holds, alert mails that wait about what it covers are dropped."""
    cell = downtime_cell(fact.profile, fact.value.id)
    value = _after(cells.get(cell), fact.value)
    return Decision({cell: value}).then(_silenced(cells, catalogue, fact.profile, (value,), now))


def on_downtime_ended(cells: Cells, fact: DowntimeEnded, now: Now) -> Decision:
    """Ends it now, or cancels one to come."""
    cell = downtime_cell(fact.profile, fact.id)
    downtime: Downtime | None = cells.get(cell)
    if downtime is None or downtime.ended:
        return NOTHING
    return Decision({cell: _ended(downtime, now, fact.by, fact.node)})


def _after(before: T | None, value: T) -> T:
    """`value`, changed after what it replaces."""
    if before is None or value.changed > before.changed:
        return value
    return msgspec.structs.replace(value, changed=min(before.changed + STEP_S, LATEST))


def _ended(value: T, now: Now, by: str, node: str) -> T:
    return _after(value, msgspec.structs.replace(value, ended=True, ended_by=by, changed=now.wall, node=node))


def _silenced(cells: Cells, catalogue: Catalogue, profile: str, downtimes: tuple[Downtime, ...], now: Now) -> Decision:
    """Without the alert mails that wait about monitors in these downtimes: what is true afterwards is told afterwards."""
    holding = [downtime for downtime in downtimes if downtime_holds(downtime, now.wall)]
    monitors = catalogue.monitors(profile)
    gone: dict[Cell, None] = {}
    for cell_id, item in cells.of(OUTBOX).items() if holding else ():
        monitor = monitors.get(item.tells.monitor) if _waits(item, profile) else None
        if monitor is not None and any(covers(downtime, monitor) for downtime in holding):
            gone[Cell(OUTBOX, cell_id)] = None
    return Decision(dict(gone)) if gone else NOTHING


def _waits(item: OutboxItem, profile: str) -> bool:
    return item.tells is not None and item.profile == profile and not item.dead


# --- between the nodes ----------------------------------------------------------------------------------------------


def operator_body(cells: Cells, profile: str) -> OperatorState:
    """All that is kept for a tree, as it travels. The digest is "" when there is nothing, and the same on both nodes."""
    acks = tuple(sorted(acknowledgements_of(cells, profile), key=lambda ack: ack.monitor))
    downtimes = tuple(sorted(downtimes_of(cells, profile), key=lambda downtime: downtime.id))
    both = msgspec.json.encode((acks, downtimes))
    digest = hashlib.sha256(both).hexdigest() if acks or downtimes else ""
    return OperatorState(digest=digest, acknowledgements=acks, downtimes=downtimes)


def operator_heard(cells: Cells, profile: str) -> str:
    """The digest of the peer's state as last merged in this life."""
    return str(cells.get(heard_cell(profile, ACK)) or "")


def newer(mine: T | None, theirs: T) -> bool:
    """Whether `theirs` takes the place of `mine`. A total order, so that merging commutes."""
    return mine is None or theirs.version > mine.version


def merge_operator(cells: Cells, catalogue: Catalogue, fact: OperatorStateReceived, now: Now) -> Decision:
    """Takes over each value that wins. What was over for longer than it is kept is not taken up again."""
    profile = fact.profile
    try:
        body = decode(fact.data, OperatorState)
    except Unverifiable as error:
        said = f"the peer's acknowledgements and downtimes cannot be read: {error.what}"
        return Decision(effects=(LogEvent(event="exchange_unreadable", what=said, level="ERROR", profile=profile),))
    acks = {ack_cell(MonitorKey(profile, ack.monitor)): ack for ack in body.acknowledgements}
    downtimes = {downtime_cell(profile, downtime.id): downtime for downtime in body.downtimes}
    both: dict[Cell, Typed] = {**acks, **downtimes}
    taken = {cell: value for cell, value in both.items() if newer(cells.get(cell), value) and not _forgotten(value, now)}
    heard = Decision({heard_cell(profile, ACK): body.digest, **taken})
    if not taken:
        return heard
    said = f"{len(taken)} acknowledgements and downtimes were taken over from the other node"
    silenced = _silenced(cells, catalogue, profile, tuple(value for value in taken.values() if isinstance(value, Downtime)), now)
    return heard.then(silenced).then(Decision(effects=(LogEvent(event="operator_state", what=said, profile=profile),)))


def forget_old(cells: Cells, catalogue: Catalogue, profile: str, now: Now) -> Decision:
    """Drops what has been over for longer than `KEPT_S`, and what is about monitors that are gone for as long."""
    monitors = catalogue.monitors(profile)
    gone: dict[Cell, None] = {}
    for ack in acknowledgements_of(cells, profile):
        if _forgotten(ack, now) or (ack.monitor not in monitors and ack.changed + KEPT_S < now.wall):
            gone[ack_cell(MonitorKey(profile, ack.monitor))] = None
    for downtime in downtimes_of(cells, profile):
        if _forgotten(downtime, now):
            gone[downtime_cell(profile, downtime.id)] = None
    return Decision(dict(gone)) if gone else NOTHING


def forget_all(cells: Cells, profile: str) -> Decision:
    """Drops everything that is kept for a profile: it was removed."""
    start = f"{profile}\x1f"
    cells_of_it = [Cell(kind, cell_id) for kind in (ACK, DOWNTIME) for cell_id in cells.of(kind) if cell_id.startswith(start)]
    return Decision(dict.fromkeys((*cells_of_it, heard_cell(profile, ACK))))


def _forgotten(value: Typed, now: Now) -> bool:
    end = value.changed
    if not value.ended:
        end = value.until if isinstance(value, Acknowledgement) else value.end if isinstance(value, Downtime) else 0.0
    return 0 < end < now.wall - KEPT_S
