"""What operators may ask of a running node, whatever surface they use: queries, commands, progress. One way in, one audit."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from sitescope_fo.model.command import AnyCommand, CommandReply, CommandRequest, ConfigCommand
from sitescope_fo.model.errors import ErrorBody, Internal, Refused, SiteScopeError, Unreachable, Usage
from sitescope_fo.model.service import Level, Who, read_only_refusal, refuse_below
from sitescope_fo.node.live_config import LiveConfig
from sitescope_fo.node.queries import Queries
from sitescope_fo.node.role_control import RoleControl

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

RUNS_KEPT = 1000
LONGEST_WAIT_S = 30.0


class Run:
    """One command under way or done."""

    def __init__(self, who: Who, request: CommandRequest, mark: bytes) -> None:
        self.reply = CommandReply(id=request.id, outcome="running")
        self.who, self.mark = who, mark
        self.ended = anyio.Event()

    def progress(self, share: float, text: str, result: Any = None) -> None:  # noqa: ANN401  # any JSON-able value
        """Says how far it is: a share of 0 to 1, what is being done, and what has come of it so far."""
        self.reply = msgspec.structs.replace(self.reply, progress=share, text=text, result=result)


class OperatorApi:
    """The `OperatorService` of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._queries = Queries(node)
        self._roles = RoleControl(node)
        self._config = LiveConfig(node)
        self._mark_key = node.ports.randomness.token(32).encode()

    async def query(self, who: Who, name: str, params: Mapping[str, str]) -> Any:  # noqa: ANN401  # any JSON-able value
        """See `OperatorService`."""
        self._refuse_while_starting()
        return await self._queries.answer(who, name, params)

    async def submit(self, who: Who, request: CommandRequest) -> CommandReply:
        """See `OperatorService`."""
        self._refuse_while_starting()
        run, mark = self._runs.get(request.id), self._mark(request.body)
        if run is None:
            run = Run(who, request, mark)
            self._remember(request.id, run)
            self._node.executor.spawn(self._carry_out, run, request.body)
        elif run.mark != mark or run.who != who:
            raise Usage("This command id was used for another command", where=request.id, code="id_reused")
        with anyio.move_on_after(min(max(request.wait_s, 0.0), LONGEST_WAIT_S)):
            await run.ended.wait()
        return run.reply

    async def progress(self, who: Who, command_id: str) -> CommandReply:
        """See `OperatorService`."""
        run = self._runs.get(command_id)
        # A reply may hold what is told once, such as a token: it is for whoever asked, and the owner of the home.
        if run is None or (run.who.name != who.name and who.level < Level.administrator):
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

    def _mark(self, body: AnyCommand) -> bytes:
        """Tells one command from another without keeping it: it may hold a password, and runs are kept long."""
        return hmac.digest(self._mark_key, msgspec.json.encode(body), "sha256")

    def _remember(self, command_id: str, run: Run) -> None:
        self._runs[command_id] = run
        while len(self._runs) > RUNS_KEPT:
            self._runs.popitem(last=False)

    async def _carry_out(self, run: Run, body: AnyCommand) -> None:
        try:
            text, result = await self._do(run, body)
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
            self._node.supervisor.broken(f"the command {type(body).__name__}", error)
            what = Internal("The command broke", where=type(body).__name__, hint="Details are in error.log")
            reply = CommandReply(id=run.reply.id, outcome="failed", error=what.body(), progress=1.0)
        run.reply = msgspec.structs.replace(reply, revision=self._node.writer.revision)
        run.ended.set()
        self._audit(run.who, body, run.reply)

    async def _do(self, run: Run, body: AnyCommand) -> tuple[str, Any]:
        who = run.who
        if who.read_only:
            raise read_only_refusal(who.name)
        refuse_below(who, body.level)
        if isinstance(body, ConfigCommand):
            return await self._config.apply(who, body)
        return await self._roles.apply(who, body, run.progress)

    def _audit(self, who: Who, body: AnyCommand, reply: CommandReply) -> None:
        error: ErrorBody | None = reply.error
        self._node.records.audit(who.name, describe(body), reply.outcome, error.what if error is not None else reply.text)


def describe(body: AnyCommand) -> str:
    """A command for the audit: its name and its plain fields, never a secret. Of settings, which may hold one, only the names."""
    fields = {name: _plain(name, value) for name, value in msgspec.structs.asdict(body).items()}
    return " ".join([type(body).__name__, *(f"{name}={value}" for name, value in fields.items() if value)])


def _plain(name: str, value: object) -> str:
    if name in {"password", "passphrase", "text"} or value in ("", (), {}, False, None):
        return ""
    if not isinstance(value, dict):
        return str(value)
    label = str(value.get("name", "")) if name == "table" else ""
    return label or ",".join(sorted(map(str, value)))
