"""What a node writes down: events, errors, the audit, the run log and the daily results."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import anyio
import msgspec

from sitescope_fo.model.config import NodeConfig
from sitescope_fo.model.ports import Clock, Work
from sitescope_fo.node.batcher import Batcher
from sitescope_fo.store.home import Home
from sitescope_fo.store.results import ResultLog, ResultRow
from sitescope_fo.store.textlog import TextLog, event_line

LOG_NAMES = ("high_availability", "error", "run", "audit")
LOG_MAX_BYTES = 10 * 1024 * 1024
LOGS_KEPT = 5
RESULTS_EVERY_S = 0.2
RETENTION_EVERY_S = 3600.0

Level = Literal["INFO", "WARNING", "ERROR"]


def open_log(home: Home, name: str) -> TextLog:
    """One of the text logs."""
    files = {"high_availability": home.event_log, "error": home.error_log, "run": home.run_log, "audit": home.audit_log}
    return TextLog(files[name], LOG_MAX_BYTES, LOGS_KEPT)


class Records:
    """All logs of one node. Every method returns at once; a task writes in order."""

    def __init__(self, home: Home, node_id: str, work: Work, clock: Clock) -> None:
        self._clock, self._work, self._node_id = clock, work, node_id
        self.logs = {name: open_log(home, name) for name in LOG_NAMES}
        self.results = ResultLog(home.daily)
        self._seq = 0
        self.trouble = ""
        self._lines: Batcher[tuple[str, str]] = Batcher(self._write_lines, work, "log", every_s=0.0, trouble=self._note)
        self._rows: Batcher[ResultRow] = Batcher(self._write_rows, work, "results", every_s=RESULTS_EVERY_S, trouble=self._note)

    def _note(self, what: str) -> None:
        self.trouble = what

    def _write_lines(self, lines: list[tuple[str, str]]) -> None:
        for name, log in self.logs.items():
            log.append(line for to, line in lines if to == name)
        self.trouble = ""

    def _write_rows(self, rows: list[ResultRow]) -> None:
        done = self.results.append(rows)
        for damaged in done.set_aside:
            self.event("results_set_aside", f"a damaged day of results is kept as {damaged}", level="ERROR")
        self.trouble = ""

    def event(
        self, event: str, what: str, *, level: Level = "INFO", profile: str = "", term: int = 0, where: str = "", hint: str = ""
    ) -> None:
        """One line of high_availability.log; errors go to error.log as well."""
        fields: dict[str, object] = {}
        if profile:
            fields["profile"] = profile
        fields["event"] = event
        if profile or term:
            fields["term"] = term
        fields["what"] = what
        if where:
            fields["where"] = where
        if hint:
            fields["hint"] = hint
        line = event_line(self._clock.wall(), level, fields)
        self._lines.add(("high_availability", line))
        if level == "ERROR":
            self._lines.add(("error", line))

    def run(self, what: str, *, level: Level = "INFO", hint: str = "") -> None:
        """One line of run.log."""
        fields = {"what": what, "hint": hint} if hint else {"what": what}
        self._lines.add(("run", event_line(self._clock.wall(), level, fields)))

    def audit(self, who: str, command: str, outcome: str, what: str = "") -> None:
        """One line of audit.log: who asked for what, and what became of it."""
        fields = {"who": who, "command": command, "outcome": outcome, "what": what}
        self._lines.add(("audit", event_line(self._clock.wall(), "INFO", fields)))

    def result(self, row: ResultRow) -> None:
        """One row of today's results; it gets this node's next number."""
        self._seq += 1
        self._rows.add(msgspec.structs.replace(row, node=self._node_id, seq=self._seq))

    async def open(self) -> None:
        """Goes on counting where an earlier life of this node stopped."""
        self._seq = await self._work.run_blocking(self.results.last_seq, self._node_id, lane="results")

    async def write(self) -> None:
        """Writes for ever."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._lines.run)
            tasks.start_soon(self._rows.run)

    async def retain(self, settings: Callable[[], NodeConfig]) -> None:
        """Drops old days now and then each hour; what could not be dropped is said and tried again."""
        while True:
            keep_s, max_bytes = settings().logs_keep_s, settings().logs_max_bytes
            drop = partial(self.results.retain, keep_s=keep_s, max_bytes=max_bytes, wall=self._clock.wall())
            try:
                gone = await self._work.run_blocking(drop, lane="results")
            except OSError as error:
                self.event("retention_failed", f"old results could not be dropped: {error}", level="WARNING")
            else:
                if gone.deleted:
                    self.run(f"results of {', '.join(gone.deleted)} dropped: older than kept, or over the size limit")
            await anyio.sleep(RETENTION_EVERY_S)

    async def drain(self) -> None:
        """Writes what waits; lines last, because writing rows may have something to say."""
        await self._rows.drain()
        await self._lines.drain()

    async def close(self) -> None:
        """Writes what waits and closes the files. Nothing may come afterwards."""
        await self.drain()
        await self._work.run_blocking(self.results.close, lane="results")

    async def highest_term(self) -> int:
        """The highest term in the result logs."""
        return await self._work.run_blocking(self.results.highest_term, lane="results")
