"""Acknowledgements and downtimes in force."""

from __future__ import annotations

import msgspec

from sitescope_fo.console.view.handling import downtime_form, downtime_of
from sitescope_fo.console.view.preferences.section import Fill, Head, Row, Run, Scene, Section, Step, Sure
from sitescope_fo.console.view.said import Cell, age
from sitescope_fo.model.command import DowntimeEnd, Unack
from sitescope_fo.model.snapshot import AckRow, DowntimeRow
from sitescope_fo.model.width import clean

_ELSEWHERE = "Acknowledge a problem on the page Monitors: press 1, then a on it"


def _acks(scene: Scene) -> list[Row]:
    return [_ack(one, scene) for one in msgspec.convert(scene.answers["acks"], list[AckRow])]


def _ack(one: AckRow, scene: Scene) -> Row:
    name = f"{one.profile}:{one.path}" if one.profile else one.path
    until = scene.wording.moment(one.until, scene.now) if one.until else "good"
    state = scene.wording.state(one.status) if one.status else Cell("gone", "quiet")
    cells = (state, Cell(clean(name)), Cell(clean(one.by)), Cell(age(one.at, scene.now)), Cell(until), Cell(clean(one.comment)))
    return Row(key=name, cells=cells, more=f"{clean(name)}: {clean(one.comment)} ({clean(one.by)})", thing=one)


def _take_back(scene: Scene) -> Step:
    row = scene.row
    text = f"{row.more}\n\nTaken back, it counts as a problem that nobody looks after."
    return Sure(heading="Take an acknowledgement back", text=text, verb="Take back", run=Run(body=Unack(path=row.key)))


ACKS = Section(
    name="Acknowledged",
    about="Problems that somebody looks after",
    queries=("acks",),
    heads=(
        Head("state", 10),
        Head("monitor", 20, flex=3),
        Head("by", 8, flex=1, from_width=60),
        Head("since", 5),
        Head("until", 16, from_width=90),
        Head("comment", 12, flex=2),
    ),
    rows=_acks,
    empty="Nothing is acknowledged",
    new=_ELSEWHERE,
    edit="Acknowledge it anew on the page Monitors: that replaces this one",
    remove=_take_back,
    live=True,
)


# --- downtimes ------------------------------------------------------------------------------------------------------


def _downtimes(scene: Scene) -> list[Row]:
    return [_downtime(one, scene) for one in msgspec.convert(scene.answers["downtimes"], list[DowntimeRow])]


def _downtime(one: DowntimeRow, scene: Scene) -> Row:
    scope = f"{one.profile}:{one.scope}" if one.profile else one.scope
    start, until = (scene.wording.moment(stamp, scene.now) for stamp in (one.start, one.until))
    state = Cell(one.state, "acting" if one.state == "running" else "quiet")
    cells = (
        state,
        Cell(clean(scope)),
        Cell(str(one.monitors)),
        Cell(start),
        Cell(until),
        Cell(clean(one.reason)),
    )
    more = f"{clean(scope)}, {start} to {until}: {clean(one.reason)} ({clean(one.by)})"
    return Row(key=one.id, cells=cells, more=more, thing=one)


def _end(scene: Scene) -> Step:
    row = scene.row
    running = row.thing.state == "running"
    after = "Ended, alerts go out again for everything that it covers." if running else "It has not begun: it is cancelled."
    run = Run(body=DowntimeEnd(id=row.key))
    return Sure(heading="End a downtime", text=f"{row.more}\n\n{after}", verb="End it" if running else "Cancel it", run=run)


DOWNTIMES = Section(
    name="Downtimes",
    about="Planned work in which nobody is mailed, running and to come",
    queries=("downtimes",),
    heads=(
        Head("state", 8),
        Head("scope", 14, flex=3),
        Head("monitors", 8, from_width=80),
        Head("from", 16, from_width=60),
        Head("until", 16),
        Head("reason", 12, flex=2),
    ),
    rows=_downtimes,
    empty="No downtime runs or comes: press n to plan one",
    new=Fill(form=downtime_form(), made=lambda values: Run(body=downtime_of(values))),
    edit="A downtime is not changed: end it with x, and plan another with n",
    remove=_end,
    live=True,
)
