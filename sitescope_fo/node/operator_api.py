"""What operators may ask of a running node, whatever surface they use: queries, commands, progress. One way in, one audit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from sitescope_fo.model.command import AnyCommand, CommandReply, CommandRequest, ConfigCommand
from sitescope_fo.model.errors import ErrorBody, Internal, Refused, SiteScopeError, Unreachable, Usage
from sitescope_fo.model.service import Who
from sitescope_fo.node.live_config import LiveConfig
from sitescope_fo.node.queries import Queries
from sitescope_fo.node.role_control import RoleControl

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

RUNS_KEPT = 1000
LONGEST_WAIT_S = 30.0


class Run:
    """One command under way or done."""

    def __init__(self, request: CommandRequest) -> None:
        self.reply = CommandReply(id=request.id, outcome="running")
        self.body = request.body
        self.ended = anyio.Event()

    def progress(self, share: float, text: str) -> None:
        """Says how far it is: a share of 0 to 1 and what is being done."""
        self.reply = msgspec.structs.replace(self.reply, progress=share, text=text)


class OperatorApi:
    """The `OperatorService` of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._queries = Queries(node)
        self._roles = RoleControl(node)
        self._config = LiveConfig(node)

    async def query(self, who: Who, name: str, params: Mapping[str, str]) -> Any:  # noqa: ANN401  # any JSON-able value
        """See `OperatorService`."""
        self._refuse_while_starting()
        return await self._queries.answer(who, name, params)

    async def submit(self, who: Who, request: CommandRequest) -> CommandReply:
        """See `OperatorService`."""
        self._refuse_while_starting()
        run = self._runs.get(request.id)
        if run is None:
            run = Run(request)
            self._remember(request.id, run)
            self._node.executor.spawn(self._carry_out, who, run)
        elif run.body != request.body:
            raise Usage("This command id was used for another command", where=request.id, code="id_reused")
        with anyio.move_on_after(min(max(request.wait_s, 0.0), LONGEST_WAIT_S)):
            await run.ended.wait()
        return run.reply

    async def progress(self, who: Who, command_id: str) -> CommandReply:
        """See `OperatorService`."""
        run = self._runs.get(command_id)
        if run is None:
            raise Refused("There is no such command", where=command_id, hint="Ids are kept for the last 1,000", code="not_found")
        return run.reply

    def _refuse_while_starting(self) -> None:
        """Before its state is loaded a node would tell of no profile and no monitor, which is worse than no answer."""
        if not self._node.running:
            raise Unreachable(
                "The node is starting and has not loaded its state yet",
                where=str(self._node.home.root),
                hint="Ask again in a moment",
                code="starting",
            )

    def _remember(self, command_id: str, run: Run) -> None:
        self._runs[command_id] = run
        while len(self._runs) > RUNS_KEPT:
            self._runs.popitem(last=False)

    async def _carry_out(self, who: Who, run: Run) -> None:
        try:
            text, result = await self._do(who, run)
            reply = CommandReply(id=run.reply.id, outcome="done", text=text, result=result, progress=1.0)
        except SiteScopeError as error:
            outcome = "refused" if isinstance(error, Refused) else "failed"
            reply = CommandReply(id=run.reply.id, outcome=outcome, error=error.body(), progress=1.0)  # type: ignore[arg-type]
        except OSError as error:
            what = Internal(
                f"The command failed on the disk: {error.strerror}", where=str(error.filename or ""), hint="Free space or mend it"
            )
            reply = CommandReply(id=run.reply.id, outcome="failed", error=what.body(), progress=1.0)
        except Exception as error:  # noqa: BLE001  # the supervisor's part for a command: whoever waits gets an answer
            self._node.supervisor.broken(f"the command {type(run.body).__name__}", error)
            what = Internal("The command broke", where=type(run.body).__name__, hint="Details are in error.log")
            reply = CommandReply(id=run.reply.id, outcome="failed", error=what.body(), progress=1.0)
        run.reply = msgspec.structs.replace(reply, revision=self._node.writer.revision)
        run.ended.set()
        self._audit(who, run.body, run.reply)

    async def _do(self, who: Who, run: Run) -> tuple[str, Any]:
        body = run.body
        if who.level < body.level:
            raise Refused(
                f"This needs an {body.level.name}", where=who.name, hint="Ask somebody with that role", code="permission"
            )
        if isinstance(body, ConfigCommand):
            return await self._config.apply(who, body)
        return await self._roles.apply(who, body, run.progress)

    def _audit(self, who: Who, body: AnyCommand, reply: CommandReply) -> None:
        error: ErrorBody | None = reply.error
        self._node.records.audit(who.name, describe(body), reply.outcome, error.what if error is not None else reply.text)


def describe(body: AnyCommand) -> str:
    """A command for the audit: its name and its plain fields, never a secret."""
    hidden = {"password", "passphrase", "text", "table", "settings"}
    fields = msgspec.structs.asdict(body)
    shown = [f"{name}={value}" for name, value in fields.items() if name not in hidden and value not in ("", (), {}, False, None)]
    return " ".join([type(body).__name__, *shown])
