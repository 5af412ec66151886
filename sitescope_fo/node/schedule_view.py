"""Schedules as people see them: their times as written, who follows them, and when they open, close or strike next."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.model.config import HaConfig, Tree
from sitescope_fo.model.schedule import Schedule, moment_texts, window_texts
from sitescope_fo.node.ha_commands import schedule_users
from sitescope_fo.store.stamp import iso_millis


def schedules(catalogue: Catalogue, ha: HaConfig, profile: str | None, now: datetime) -> list[dict[str, Any]]:
    """Rows of the `schedules` query. `now` is local time; `next_on` and `next_off` are "" when there is none."""
    names = catalogue.profiles if profile is None else (profile,)
    return [_row(schedule, catalogue.tree(name), ha, name, now) for name in names for schedule in catalogue.tree(name).schedules]


def _row(schedule: Schedule, tree: Tree, ha: HaConfig, profile: str, now: datetime) -> dict[str, Any]:
    users = [monitor.path for monitor in tree.monitors if monitor.schedule == schedule.name]
    is_range = schedule.kind == "range"
    is_open = is_range and schedule.open_at(now)
    if is_range:
        turns_on = schedule.next_open(schedule.next_close(now) or now) if is_open else schedule.next_open(now)
    else:
        turns_on = schedule.next_moment(now)
    return {
        "name": schedule.name,
        "kind": schedule.kind,
        "windows": list(window_texts(schedule.windows)),
        "moments": list(moment_texts(schedule.moments)),
        "used_by": [*(schedule_users(ha, schedule.name) if not profile else ()), *sorted(users)],
        "open": is_open if is_range else None,
        "next_on": _stamp(turns_on if turns_on != now else None),
        "next_off": _stamp(
            schedule.next_close(now) if is_open else schedule.next_close(turns_on) if turns_on and is_range else None
        ),
        "profile": profile,
    }


def _stamp(moment: datetime | None) -> str:
    return iso_millis(moment.timestamp()) if moment is not None else ""
