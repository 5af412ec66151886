"""Writes the mail about one monitor: from state and occasion to the data of a template."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sitescope_fo.engine.spread import target_host
from sitescope_fo.engine.state import LedgerRow, MonitorState
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.monitor import Alert, Monitor
from sitescope_fo.model.status import Status
from sitescope_fo.model.when import format_when
from sitescope_fo.notify.templates import STOCK, AlertData, Letter, TemplateSet
from sitescope_fo.notify.words import one_line, said_span, said_time, said_value

MOST_VALUES = 12


class Letterhead(msgspec.Struct, frozen=True):
    """Who writes: the node's name, what it is (`SiteScope Failover`), and the own templates of each tree by profile name."""

    node: str = ""
    role: str = ""
    templates: Mapping[str, TemplateSet] = {}

    def of(self, profile: str) -> TemplateSet:
        """The templates of a tree."""
        return self.templates.get(profile, STOCK)


class Occasion(msgspec.Struct, frozen=True):
    """Why a mail is written: by which alert, the how-manieth of its row, what was told before a recovery, the blind window."""

    alert: Alert
    repeat: int = 1
    told: LedgerRow | None = None
    blind: tuple[float, float] | None = None

    def __hash__(self) -> int:
        return hash((self.alert.id, self.repeat, self.told and (self.told.status, self.told.wall), self.blind))


def write_alert(monitor: Monitor, state: MonitorState, occasion: Occasion, letterhead: Letterhead) -> Letter:
    """Subject and text of an alert or (`occasion.told`) recovery mail."""
    alert, blind, told = occasion.alert, occasion.blind, occasion.told
    profile = state.key.profile
    name = "recovery" if told else "first_seen" if blind else "alert"
    data = AlertData(
        monitor=one_line(monitor.name),
        path=one_line(monitor.path),
        type=monitor.type,
        status=state.status.value,
        state=one_line(state.state_string),
        because=one_line(state.because),
        values=tuple(f"{one_line(key, 60)} = {said_value(value)}" for key, value in list(state.values.items())[:MOST_VALUES]),
        since=said_time(state.since_wall or state.last_wall),
        count=state.counts.get(state.status, 0),
        alert=one_line(alert.name),
        when=format_when(alert.when),
        every=format_duration(monitor.frequency_s),
        target=one_line(target_host(monitor)),
        node=letterhead.node,
        role=letterhead.role,
        profile=profile,
        term=state.term,
        was=told.status.value if told else "",
        told=said_time(told.wall) if told else "",
        repeat=occasion.repeat,
        next_mail=_next_mail(alert, recovered=told is not None),
        blind_from=said_time(blind[0]) if blind else "",
        blind_to=said_time(blind[1]) if blind else "",
        blind_for=said_span(blind[1] - blind[0]) if blind else "",
    )
    return letterhead.of(profile).render(name, data)


def _next_mail(alert: Alert, *, recovered: bool) -> str:
    if recovered:
        return f"You hear again when it is {alert.on.value}."
    reminder = {"once": "", "always": "You get a mail for each such result", "repeat": ""}[alert.when.kind]
    if alert.when.kind == "repeat":
        reminder = f"You are reminded each {alert.when.every} such results"
    good = "" if alert.on is Status.good or not alert.recovery else "when it is good"
    if reminder:
        return f"{reminder}{f', and {good}' if good else ''}."
    return f"You hear again {good}." if good else "You hear nothing more about this one."
