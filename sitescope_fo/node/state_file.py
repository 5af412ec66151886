"""The state of a node as it starts: what state.sqlite holds, for the profiles that are configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sitescope_fo.engine.cells import Cell
from sitescope_fo.engine.state import PRIMARY, PROFILE
from sitescope_fo.failover import machine, primary
from sitescope_fo.model.config import HaConfig, NodeConfig
from sitescope_fo.model.ports import Now, Work
from sitescope_fo.model.status import Role
from sitescope_fo.node.codec import STATE_LANE, decode
from sitescope_fo.store.cells import CellStore
from sitescope_fo.store.errors import StateUnreadable


async def load(store: CellStore, work: Work, wall: float) -> tuple[dict[Cell, Any], str]:
    """Opens the file: (values, ""). A damaged one is set aside and a new one begun: ({}, what was wrong and where it is kept).

    Raises StoreWriteFailed when it cannot be opened or made, OSError.
    """
    try:
        await work.run_blocking(store.open, lane=STATE_LANE)
        rows = await work.run_blocking(store.load, lane=STATE_LANE)
        return await work.run_blocking(decode, rows, lane=STATE_LANE), ""
    except StateUnreadable as error:
        kept = await work.run_blocking(store.set_aside, wall, lane=STATE_LANE)
        await work.run_blocking(store.open, lane=STATE_LANE)
        return {}, f"{error.what}; the file is kept as {kept}"


def strangers(values: Mapping[Cell, Any], ha: HaConfig) -> frozenset[Cell]:
    """The machines of profiles that were removed while the node was stopped: nothing for a later profile of the same name."""
    known = {profile.name for profile in ha.profiles}
    return frozenset(cell for cell in values if cell.kind == PROFILE and cell.id not in known)


def restored(values: Mapping[Cell, Any], ha: HaConfig, config: NodeConfig, boot_id: str, now: Now) -> dict[Cell, Any]:
    """The cells a node starts with: a machine for each profile or for the primary's side, the rest as it was."""
    cells = {cell: value for cell, value in values.items() if cell.kind not in {PROFILE, PRIMARY}}
    for profile in ha.profiles:
        cell = Cell(PROFILE, profile.name)
        journal = values.get(cell)
        cells[cell] = machine.initial(profile) if journal is None else machine.restored(profile, journal)
    if config.role is Role.primary:
        cells[Cell(PRIMARY)] = primary.restored(values.get(Cell(PRIMARY)), boot_id, config.boot_check_s, now)
    return cells
