"""The steps of a hand-back, carried out for one profile. Which comes when is for the machine to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from sitescope_fo.engine import exchange
from sitescope_fo.engine.state import MONITOR
from sitescope_fo.mirror import generations
from sitescope_fo.model import wire
from sitescope_fo.model.effect import RunStep
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.fact import EditsKept, LedgerReceived, StepDone, StepFailed

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node
    from sitescope_fo.node.profile_watch import ProfileWatch

LOST = frozenset({"timeout", "reset"})
"""Errors after which the primary may have carried the step out all the same."""
MIRROR_S = 3.0
"""Standby waits no longer for the look at the primary: a pull that hangs on a bad line takes a minute, and goes on by itself."""


async def run_step(node: Node, watch: ProfileWatch, wanted: RunStep) -> None:
    """Carries one step out and says how it went."""
    name = watch.name
    try:
        term, detail = await _step(node, watch, wanted)
    except SiteScopeError as error:
        lost = error.code in LOST
        node.submit(StepFailed(profile=name, handback=wanted.handback, step=wanted.step, what=str(error), lost=lost))
    except OSError as error:
        node.submit(StepFailed(profile=name, handback=wanted.handback, step=wanted.step, what=str(error)))
    else:
        node.submit(StepDone(profile=name, handback=wanted.handback, step=wanted.step, term=term, detail=detail))


async def _step(node: Node, watch: ProfileWatch, wanted: RunStep) -> tuple[int, str]:
    match wanted.step:
        case "P":
            return 0, await _ship_ledger(node, watch)
        case "H2":
            await node.mails_settled(watch.name)
            return 0, await _ship_ledger(node, watch)
        case "H5":
            body = wire.StepRequest(profile=watch.name, handback=wanted.handback, step="run", term=wanted.term)
            reply = await watch.request("POST", wire.STEP, wire.encode(body))
            answer = wire.decode(reply.body, wire.StepReply)
            if not answer.done:
                raise SiteScopeError(answer.detail or "the primary refused to run", code="step_refused")
            return answer.term, answer.detail
        case "H6":
            return 0, await _close_working(node, watch)
        case other:
            raise SiteScopeError(f"unknown hand-back step {other}", code="step_unknown")


async def _ship_ledger(node: Node, watch: ProfileWatch) -> str:
    reply = await watch.request("GET", wire.LEDGER)
    await node.settle(LedgerReceived(profile=watch.name, data=reply.body))
    ledger = exchange.ledger_body(node.writer.table, watch.name)
    states = list(node.writer.table.of(MONITOR).values())
    checks = await node.ports.work.run_blocking(exchange.checks_body, states, watch.name)
    await watch.request("PUT", wire.LEDGER, wire.encode(ledger))
    await watch.request("PUT", wire.CHECKS, wire.encode(checks))
    await watch.words.exchange()
    return f"{len(ledger.entries)} notified states and {len(checks.states)} check states shipped"


async def _close_working(node: Node, watch: ProfileWatch) -> str:
    await watch.load(generations.CURRENT)
    kept = await node.ports.work.run_blocking(generations.retire_working, watch.folder, lane=watch.keeper.lane)
    if kept is not None:
        node.submit(EditsKept(profile=watch.name, archive=kept.name))
    mirror = "goes on by itself"
    with anyio.move_on_after(MIRROR_S):
        mirror = (await watch.keeper.poke(full=False)).summary
    return f"{f'edits kept in {kept.name}' if kept else 'no edits'}; mirror {mirror}"
