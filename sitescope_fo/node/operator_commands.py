"""Commands about problems and planned work: acknowledge, take back, plan and end a downtime. Both nodes of a pair take them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from sitescope_fo.engine.operator_state import ack_holds, downtimes_of
from sitescope_fo.engine.state import MonitorState, ack_cell, downtime_cell, monitor_cell
from sitescope_fo.model import command as commands
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.errors import Conflict, Refused, SiteScopeError, Usage
from sitescope_fo.model.fact import Acknowledged, AckRemoved, DowntimeEnded, DowntimeSet
from sitescope_fo.model.moment import wall_of
from sitescope_fo.model.monitor import Monitor, MonitorKey
from sitescope_fo.model.service import Who
from sitescope_fo.model.status import Status
from sitescope_fo.model.wire import Acknowledgement, Downtime
from sitescope_fo.node import operator_rows
from sitescope_fo.node.find import nearest_hint
from sitescope_fo.node.monitor_rows import stamp

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

Done = tuple[str, Any]
LONGEST_TEXT = 1000
NODE = "/"
ID_BYTES = 4


async def apply(node: Node, who: Who, body: commands.Ack | commands.Unack | commands.DowntimeAdd | commands.DowntimeEnd) -> Done:
    """(text, result) of one command. Raises SiteScopeError; then nothing was changed."""
    match body:
        case commands.Ack():
            return await _acknowledge(node, who, body)
        case commands.Unack():
            return await _take_back(node, who, body)
        case commands.DowntimeAdd():
            return await _plan(node, who, body)
        case commands.DowntimeEnd():
            return await _end(node, who, body)


# --- acknowledgements -----------------------------------------------------------------------------------------------


async def _acknowledge(node: Node, who: Who, body: commands.Ack) -> Done:
    comment = _said(body.comment, "--comment", "An acknowledgement needs a comment", "no_comment")
    for_s = None if body.for_s is None else _length(body.for_s, commands.ACK_LONGEST_S, "An acknowledgement")
    key = node.world.catalogue.find(body.path)
    _refuse_without_problem(node, key)
    now = node.ports.clock.wall()
    until = now + for_s if for_s is not None else 0.0
    ack = Acknowledgement(monitor=key.id, comment=comment, until=until, by=who.name, at=now, changed=now, node=node.node_id)
    await node.settle(Acknowledged(key=key, value=ack))
    end = f"until it is good, at most for {format_duration(for_s)}" if for_s is not None else "until it is good"
    return f"{node.world.catalogue.name(key)}: acknowledged {end}", operator_rows.ack_row(node, key.profile, ack)


def _refuse_without_problem(node: Node, key: MonitorKey) -> None:
    """Raises Refused when the monitor has no problem as far as this node knows."""
    name = node.world.catalogue.name(key)
    monitor: Monitor | None = node.world.catalogue.monitor(key)
    state: MonitorState | None = node.writer.table.get(monitor_cell(key))
    why = ""
    if monitor is None or not monitor.enabled:
        why = "is disabled"
    elif state is None or (state.status is Status.nodata and not state.last_wall and not state.state_string):
        why = "has no result yet"
    elif state.status is Status.good:
        why = "is good"
    if why:
        raise Refused(
            f"There is nothing to acknowledge: {name} {why}",
            where=name,
            hint=f'For planned work: sitescope-fo downtime add "{name}" --reason R --for D',
            code="nothing_to_acknowledge",
        )


async def _take_back(node: Node, who: Who, body: commands.Unack) -> Done:
    key = node.world.catalogue.find(body.path)
    name = node.world.catalogue.name(key)
    ack: Acknowledgement | None = node.writer.table.get(ack_cell(key))
    if ack is None or not ack_holds(ack, node.ports.clock.wall()):
        raise Refused(f"{name} is not acknowledged", where=name, hint="`sitescope-fo ack` lists what is", code="not_acknowledged")
    await node.settle(AckRemoved(key=key, by=who.name, node=node.node_id))
    return f"{name}: the acknowledgement by {ack.by} is taken back", operator_rows.ack_row(node, key.profile, ack)


# --- downtimes ------------------------------------------------------------------------------------------------------


async def _plan(node: Node, who: Who, body: commands.DowntimeAdd) -> Done:
    reason = _said(body.reason, "--reason", "A downtime needs a reason", "no_reason")
    for_s = _length(body.for_s, commands.DOWNTIME_LONGEST_S, "A downtime")
    start, now = _start(node, body.start, for_s), node.ports.clock.wall()
    profile, scope, monitor = find_scope(node, body.scope)
    downtime = Downtime(
        id=_free_id(node, profile),
        scope=scope,
        monitor=monitor,
        reason=reason,
        start=start,
        end=start + for_s,
        by=who.name,
        at=now,
        changed=now,
        node=node.node_id,
    )
    await node.settle(DowntimeSet(profile=profile, value=downtime))
    row = operator_rows.downtime_row(node, profile, downtime)
    name = f"{profile}:{row.scope}" if profile else row.scope
    how_many = "1 monitor" if row.monitors == 1 else f"{row.monitors} monitors"
    return f"Downtime {row.id}: {name} ({how_many}), {row.start} to {row.until}", row


def _start(node: Node, text: str, for_s: float) -> float:
    """When it begins, POSIX seconds. Raises Usage."""
    now = node.ports.clock.wall()
    if not text.strip():
        return now
    start = wall_of(text.strip())
    if start is None:
        raise Usage(
            f"'{text}' is no moment",
            where="--from",
            hint="Write it like 2026-11-22T22:00 (UTC) or 2026-11-22T22:00+01:00",
            code="bad_moment",
        )
    if start + for_s <= now:
        raise Usage(
            f"The downtime would be over before now: it ends {stamp(max(start + for_s, 1.0))}",
            where="--from",
            hint="Give a later --from or a longer --for",
            code="bad_moment",
        )
    if start > now + commands.DOWNTIME_LONGEST_S:
        far = format_duration(commands.DOWNTIME_LONGEST_S)
        raise Usage(f"'{text}' is more than {far} away", where="--from", hint="Plan it later", code="bad_moment")
    return start


async def _end(node: Node, who: Who, body: commands.DowntimeEnd) -> Done:
    known = {
        one.id: (profile, one) for profile in node.world.catalogue.profiles for one in downtimes_of(node.writer.table, profile)
    }
    wanted = body.id.strip()
    if wanted not in known:
        running = [name for name, (_, one) in known.items() if operator_rows.state_of(one, node.ports.clock.wall()) != "over"]
        raise Usage(f"There is no downtime '{wanted}'", where=wanted, hint=nearest_hint(wanted, running), code="not_found")
    profile, downtime = known[wanted]
    state = operator_rows.state_of(downtime, node.ports.clock.wall())
    if state == "over":
        raise Refused(f"The downtime {wanted} is over already", where=wanted, hint="Nothing is to be done", code="downtime_over")
    await node.settle(DowntimeEnded(profile=profile, id=wanted, by=who.name, node=node.node_id))
    row = operator_rows.downtime_row(node, profile, node.writer.table.get(downtime_cell(profile, wanted)) or downtime)
    return f"Downtime {wanted} ({row.scope}) is {'over' if state == 'running' else 'cancelled'}", row


def _free_id(node: Node, profile: str) -> str:
    while True:
        found = node.ports.randomness.token(ID_BYTES)
        if node.writer.table.get(downtime_cell(profile, found)) is None:
            return found


def find_scope(node: Node, text: str) -> tuple[str, str, str]:
    """(profile, path, monitor id) of what `/`, a group or a monitor means; path "" = the whole tree, id "" = no single monitor.

    It may stand behind `profile:`, and behind `:` for the node's own tree. Raises Usage (`not_found`), Conflict (`ambiguous`).
    """
    catalogue, wanted = node.world.catalogue, text.strip()
    name, colon, rest = wanted.partition(":")
    named = bool(colon) and name in {"", *catalogue.profiles}
    trees, path = ((name,), rest) if named else (catalogue.profiles, wanted)
    if path == NODE:
        hits = [(tree, "") for tree in trees if named or catalogue.monitors(tree)] or [("", "")]
    else:
        folded = path.strip(NODE).casefold()
        hits = [(tree, group.path) for tree in trees for group in catalogue.tree(tree).groups if group.path.casefold() == folded]
    if len(hits) == 1:
        return *hits[0], ""
    if hits:
        names = ", ".join(sorted(f"{tree}:{found or NODE}" for tree, found in hits))
        raise Conflict(f"'{text}' fits {len(hits)} trees", where=text, hint=f"Say which: {names}", code="ambiguous")
    key = _find_monitor(node, wanted.removeprefix(":"), path)
    monitor = catalogue.monitor(key)
    return key.profile, monitor.path if monitor is not None else "", key.id


def _find_monitor(node: Node, text: str, path: str) -> MonitorKey:
    catalogue = node.world.catalogue
    try:
        return catalogue.find(text)
    except SiteScopeError as error:
        groups = {group.path for tree in catalogue.profiles for group in catalogue.tree(tree).groups}
        near = difflib.get_close_matches(path, groups, n=1, cutoff=0.6)
        if error.code != "not_found":
            raise
        hint = f"Did you mean {near[0]}?" if near else error.hint
        raise Usage(f"There is no group or monitor '{text}'", where=text, hint=hint, code="not_found") from error


# --- words and durations --------------------------------------------------------------------------------------------


def _said(text: str, where: str, missing: str, code: str) -> str:
    said = text.strip()
    if not said:
        raise Usage(missing, where=where, hint="Say why, for whoever is on call", code=code)
    if len(said) > LONGEST_TEXT:
        what = f"That is {len(said)} characters long"
        raise Usage(what, where=where, hint=f"At most {LONGEST_TEXT}", code="too_long")
    return said


def _length(seconds: float, longest_s: float, what: str) -> float:
    if not 0 < seconds <= longest_s:
        shown = format_duration(seconds) if seconds > 0 else f"{seconds:g} s"
        raise Usage(
            f"{what} of {shown} is out of range",
            where="--for",
            hint=f"More than 0, at most {format_duration(longest_s)}",
            code="bad_duration",
        )
    return seconds
