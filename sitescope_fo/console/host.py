"""The engine in the console's process: on a thread and an event loop of its own, asked from any other thread.

Nothing here waits for the engine's loop, and nothing it does waits for the caller: a terminal that stalls, a long paint or a
crash of the console never delays a probe (measured on one shared loop: 7 s; with this: 0.07 s).
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio

from sitescope_fo.model.config import OnHangup
from sitescope_fo.model.errors import SiteScopeError, Unreachable
from sitescope_fo.node.event_loop import wants_uvloop
from sitescope_fo.store.home import Home

if TYPE_CHECKING:
    from sitescope_fo.node.operator_api import OperatorApi
    from sitescope_fo.web.service import Service

Question = Callable[["OperatorApi"], Coroutine[Any, Any, Any]]


class EngineHost:
    """Runs the node of a home. `ended` is called, from the engine's thread, when it is over. Every method is for any thread.

    Raises ConfigInvalid when SITESCOPE_LOOP names no event loop.
    """

    def __init__(self, home: Home, ended: Callable[[], None]) -> None:
        self._home, self._ended = home, ended
        self._uvloop = wants_uvloop(os.environ)
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._change = threading.Lock()
        self._service: Service | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_wanted: anyio.Event | None = None
        self._stopped_by = ""
        self._asked: set[Future[Any]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.over = threading.Event()
        """Set once the engine has ended."""
        self.error: SiteScopeError | None = None
        """Why it ended, unless it was told to."""

    def start(self) -> None:
        """Starts the engine, unless it was started, or told to stop before. Its modules are loaded on its thread."""
        with self._change:
            if self._stopped_by:
                self.over.set()
            elif self._thread.ident is None:
                gc.disable()  # until the heap that stays is built: see `web/service.py`
                self._thread.start()

    @property
    def on_hangup(self) -> OnHangup:
        """What a hang-up means by the settings in force; detach as long as there are none."""
        service = self._service
        return service.config.on_hangup if service is not None else OnHangup.detach

    def ask(self, question: Question) -> Future[Any]:
        """Puts a question to the node; its answer or error. Raises Unreachable (`starting`, `ended`)."""
        answer: Future[Any] = Future()
        with self._change:
            if self._loop is None or self._service is None:
                raise self._nobody()
            self._asked.add(answer)
            self._loop.call_soon_threadsafe(self._begin, self._service.api, question, answer)
        return answer

    def note(self, what: str) -> None:
        """One line of run.log."""
        self._tell(lambda service: service.note(what))

    def reload(self) -> None:
        """The node reads its configuration again."""
        self._tell(lambda service: service.reload())

    def stop(self, by: str) -> None:
        """Asks for a clean stop; `over` says when it is done. The first word counts."""
        with self._change:
            self._stopped_by = self._stopped_by or by
            if self._loop is not None and self._stop_wanted is not None:
                self._loop.call_soon_threadsafe(self._stop_wanted.set)

    def _tell(self, what: Callable[[Service], None]) -> None:
        with self._change:
            if self._loop is not None and self._service is not None:
                self._loop.call_soon_threadsafe(what, self._service)

    # --- on the engine's thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        from sitescope_fo.web.faults import ending

        try:
            from sitescope_fo.web.service import run_service

            anyio.run(run_service, self._home, self._oversee, backend="asyncio", backend_options={"use_uvloop": self._uvloop})
        except Exception as error:  # noqa: BLE001  # the supervisor of last resort, as in the daemon
            self.error = ending(self._home, error)
        finally:
            with self._change:
                self._service = self._loop = None
                left = tuple(self._asked)
                self.over.set()
            for answer in left:
                _refuse(answer, self._nobody())
            self._ended()

    async def _oversee(self, service: Service) -> None:
        wanted = anyio.Event()
        with self._change:
            self._loop, self._service, self._stop_wanted = asyncio.get_running_loop(), service, wanted
            if self._stopped_by:
                wanted.set()
        await wanted.wait()
        try:
            await service.stop(self._stopped_by)
        finally:
            with self._change:
                self._service = self._loop = None

    def _begin(self, api: OperatorApi, question: Question, answer: Future[Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(api, question, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, api: OperatorApi, question: Question, answer: Future[Any]) -> None:
        try:
            if answer.set_running_or_notify_cancel():
                answer.set_result(await question(api))
        except Exception as error:  # noqa: BLE001  # whoever asked hears of it, as over HTTP
            answer.set_exception(error)
        except BaseException:
            _refuse(answer, self._nobody())
            raise
        finally:
            with self._change:
                self._asked.discard(answer)

    def _nobody(self) -> Unreachable:
        over = self.over.is_set() or self._stopped_by
        return Unreachable(
            "The node has stopped" if over else "The node is starting",
            where=str(self._home.root),
            hint="Leave the console and start it again" if over else "Ask again in a moment",
            code="ended" if over else "starting",
        )


def _refuse(answer: Future[Any], error: Unreachable) -> None:
    with suppress(Exception):  # it was answered or given up in the same moment
        answer.set_exception(error)
