"""Monitors as people read them: one line in a list, or the whole sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sitescope_fo.cli.config import value_text
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.table import Column
from sitescope_fo.model.moment import ago, clock_time, spell, stamp_of
from sitescope_fo.model.snapshot import MonitorRow
from sitescope_fo.model.width import clean, fit

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
            "moments" if m.at_moments else spell(m.frequency_s),
            ago(m.last_run, now),
            m.state_string + _handled(m),
        ]
        for m in monitors
    ]
    yield from call.rows(_COLUMNS, rows)


def _handled(row: MonitorRow) -> str:
    """Who sees to a monitor, behind its state."""
    ack = f" [acknowledged by {row.ack.by}: {row.ack.comment}]" if row.ack is not None else ""
    return ack + (f" [downtime: {row.downtime.reason}]" if row.downtime is not None else "")


def more_line(offset: int, shown: int, total: int) -> str:
    """Which rows were shown and how to see the next ones; "" when that was everything."""
    if not shown:
        return f"There are {total} rows: nothing stands beyond offset {offset}." if total else ""
    end = offset + shown
    if shown == total:
        return ""
    return f"Rows {offset + 1}..{end} of {total}" + (f", next: --offset {end}" if end < total else "")


def monitor_lines(answer: Mapping[str, Any], call: Invocation) -> Iterator[str]:
    """The whole sheet of one monitor."""
    now = call.now()

    def line(label: str, value: str) -> str:
        return fit(clean(f"{label:<{_LABEL}}{value}"), call.width)

    word = "waiting" if answer.get("waiting") else "suspended" if answer.get("suspended") else str(answer.get("status", ""))
    yield call.paint.tint(word, line(call.paint.word(word), str(answer.get("path", ""))))
    yield line("State", value_text(answer.get("state_string")))
    yield from _words(answer, line, now)
    yield line("Type", value_text(answer.get("type")))
    yield line("Every", _every(answer))
    yield line("Last run", ago(answer.get("last_run"), now))
    yield line("Next run", ago(answer.get("next_run"), now))
    if answer.get("hanging_s"):
        yield line("Hangs", f"a check of it was given up and has not ended since {spell(answer['hanging_s'])}")
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


def _words(answer: Mapping[str, Any], line: Callable[[str, str], str], now: float) -> Iterator[str]:
    if ack := answer.get("ack"):
        until = clock_time(ack["until"], now) if ack.get("until") else "it is good"
        yield line("Acknowledged", f"by {ack['by']} {ago(ack['at'], now)}, until {until}: {ack['comment']}")
    if downtime := answer.get("downtime"):
        until = clock_time(downtime["until"], now)
        yield line("Downtime", f"{downtime['id']} by {downtime['by']}, until {until}: {downtime['reason']}")


def _every(answer: Mapping[str, Any]) -> str:
    schedule = answer.get("schedule")
    if answer.get("at_moments"):
        return f"at the moments of '{schedule}'"
    config = answer.get("config")
    closer = config.get("error_frequency_s") if isinstance(config, dict) else 0
    regular = answer.get("frequency_s") or 0
    text = f"{spell(regular)}, {spell(closer)} while in error" if closer and closer < regular else spell(regular)
    return f"{text}, within '{schedule}'" if schedule else text


def _result(one: Mapping[str, Any], now: float) -> list[str]:
    return [
        clock_time(stamp_of(one.get("wall")), now),
        str(one.get("status", "")),
        spell(one.get("duration_s") or 0),
        f"unconfirmed: {one.get('state_string', '')}" if one.get("unconfirmed") else str(one.get("state_string", "")),
    ]
