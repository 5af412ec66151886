"""Monitors as people read them: one line in a list, or the whole sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sitescope_fo.cli.config import value_text
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.moment import ago, clock_time, spell, stamp_of
from sitescope_fo.cli.table import Column
from sitescope_fo.cli.width import clean, fit
from sitescope_fo.model.snapshot import MonitorRow

_COLUMNS = [
    Column(title="STATUS", state=True),
    Column(title="MONITOR", flexible=True),
    Column(title="TYPE"),
    Column(title="EVERY", right=True),
    Column(title="LAST RUN", right=True),
    Column(title="STATE", flexible=True),
]
_LABEL = 20
_SHOWN_ABOVE = frozenset({"id", "name", "path", "type", "frequency"})
_RESULTS = [
    Column(title="AT"),
    Column(title="STATUS", state=True),
    Column(title="TOOK", right=True),
    Column(title="STATE", flexible=True),
]


def shown_status(row: MonitorRow) -> str:
    """The word of a monitor: waiting and suspended say more than the disabled that the guide shows for both."""
    if row.waiting:
        return "waiting"
    return "suspended" if row.suspended else row.status


def monitor_table(monitors: list[MonitorRow], call: Invocation) -> Iterator[str]:
    """One line a monitor."""
    if not monitors:
        yield "No monitors."
        return
    now = call.now()
    rows = [
        [
            shown_status(m),
            f"{m.profile}:{m.path}" if m.profile else m.path,
            m.type,
            spell(m.frequency_s),
            ago(m.last_run, now),
            m.state_string,
        ]
        for m in monitors
    ]
    yield from call.rows(_COLUMNS, rows)


def monitor_lines(answer: Mapping[str, Any], call: Invocation) -> Iterator[str]:
    """The whole sheet of one monitor."""
    now = call.now()

    def line(label: str, value: str) -> str:
        return fit(clean(f"{label:<{_LABEL}}{value}"), call.width)

    word = "waiting" if answer.get("waiting") else "suspended" if answer.get("suspended") else str(answer.get("status", ""))
    yield call.paint.tint(word, line(call.paint.word(word), str(answer.get("path", ""))))
    yield line("State", value_text(answer.get("state_string")))
    yield line("Type", value_text(answer.get("type")))
    yield line("Every", spell(answer.get("frequency_s") or 0))
    yield line("Last run", ago(answer.get("last_run"), now))
    yield line("Next run", ago(answer.get("next_run"), now))
    for label, key in (("Profile", "profile"), ("Id", "id"), ("Depends on", "depends")):
        if answer.get(key):
            yield line(label, value_text(answer[key]))
    for alert in answer.get("alerts") or []:
        yield line("Alert", f"{alert.get('name')}: on {alert.get('on')}, {alert.get('when')}")
    config = answer.get("config")
    if isinstance(config, dict):
        for key, value in config.items():
            # Seconds stand there a second time, as people write them.
            if key not in _SHOWN_ABOVE and not key.endswith("_s") and value not in ("", [], {}, None):
                yield line(key, value_text(value))
    last = answer.get("last")
    if isinstance(last, list) and last:
        yield ""
        yield from call.rows(_RESULTS, [_result(one, now) for one in last])


def _result(one: Mapping[str, Any], now: float) -> list[str]:
    return [
        clock_time(stamp_of(one.get("wall")), now),
        str(one.get("status", "")),
        spell(one.get("duration_s") or 0),
        str(one.get("state_string", "")),
    ]
