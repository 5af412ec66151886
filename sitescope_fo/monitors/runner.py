"""Runs checks for the engine: bounded in time, with every way a target can misbehave turned into a result."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.monitor import CheckResult, Monitor
from sitescope_fo.model.ports import Clock
from sitescope_fo.monitors.aside import Aside
from sitescope_fo.monitors.commands import Commands
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.failures import failure_of
from sitescope_fo.monitors.icmp import Echo
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.monitors.script import PLUGIN_FOLDERS
from sitescope_fo.monitors.target import host_of

LOOKUPS = 64
"""Name look-ups at a time; each holds a thread."""
DISKS = 16
"""File systems asked at a time; each holds a thread."""


MOST_CONTEXTS = 256
MOST_PREPARED = 200_000
"""Monitors whose prepared settings are kept, about 1 KB each: twice what one tree may hold."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    monitor: Monitor
    run: Callable[[Any, CheckContext], Awaitable[CheckResult]]
    settings: Any
    limit_s: float


class LiveChecks:
    """The `Checks` port in life. Make it inside the running event loop (asyncio) that uses it, and close it there.

    `on_internal_error(monitor, error)` is told of every defect in a type's code; the check itself fails with `internal`.
    `verified_tls` gives the client context for https, made at the first use; `plugin_folders` are where `script` monitors may
    start commands outside scripts/.
    """

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        *,
        on_internal_error: Callable[[Monitor, Exception], None],
        verified_tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        plugin_folders: tuple[Path, ...] = PLUGIN_FOLDERS,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._on_internal_error = on_internal_error
        self._make_verified_tls = verified_tls
        self._tls: dict[bool, ssl.SSLContext] = {}
        self._plugin_folders = plugin_folders
        self._echo = Echo(clock)
        self._commands = Commands()
        self._lookups = Aside(LOOKUPS)
        self._disks = Aside(DISKS)
        self._contexts: dict[Path, CheckContext] = {}
        self._prepared: dict[str, _Prepared] = {}

    async def run(self, monitor: Monitor, *, home: Path) -> CheckResult:
        """One run, bounded by the time-out; never raises for what targets, scripts or types do."""
        started = self._clock.mono()
        try:
            result = await self._bounded(monitor, home)
        except Exception as error:  # noqa: BLE001
            # A supervisor's boundary: types come from plug-ins too, and one with a defect must not end the engine that runs the
            # others. Nothing is swallowed: the status is error, the defect is passed on.
            result = self._failed(monitor, error)
        took = max(0.0, self._clock.mono() - started)
        return CheckResult(values=result.values, summary=result.summary, failure=result.failure, duration_s=took)

    async def aclose(self) -> None:
        """Closes the shared sockets and ends what scripts still run; checks that wait for them are cancelled."""
        self._echo.close()
        await self._commands.aclose()

    async def _bounded(self, monitor: Monitor, home: Path) -> CheckResult:
        ready = self._prepared.get(monitor.id)
        if ready is None or ready.monitor is not monitor:
            ready = self._prepare(monitor)
        context = self._contexts.get(home) or self._context(home)
        limit = asyncio.timeout(ready.limit_s)  # half of what a scope of anyio costs, which a script check sees: 6 % of its CPU
        try:
            async with limit:
                return await ready.run(ready.settings, context)
        except TimeoutError:
            if not limit.expired():
                raise  # of the check's own: a lower layer has waited long enough
        told = f"{self._target(monitor)}no answer within {format_duration(ready.limit_s)}"
        return CheckResult(failure="timeout", summary=told)

    def _prepare(self, monitor: Monitor) -> _Prepared:
        """What is the same for each run of a monitor. Kept by its id: an edited monitor is another one and replaces it."""
        kind = self._registry.type(monitor.type)
        settings = self._registry.prepare(monitor.type, monitor.settings)
        own = settings.pop("timeout", None)
        prepared = getattr(kind, "prepared", None)
        if len(self._prepared) >= MOST_PREPARED:
            self._prepared.clear()  # of monitors that were removed since
        ready = self._prepared[monitor.id] = _Prepared(
            monitor=monitor,
            run=kind.run,
            settings=prepared(settings) if prepared else settings,
            limit_s=own if isinstance(own, float) else monitor.timeout_s,
        )
        return ready

    def _context(self, home: Path) -> CheckContext:
        if len(self._contexts) >= MOST_CONTEXTS:
            self._contexts.clear()  # of mirrored trees that others have replaced
        context = self._contexts[home] = CheckContext(
            home=home,
            clock=self._clock,
            lookups=self._lookups,
            disks=self._disks,
            echo=self._echo,
            commands=self._commands,
            tls=self._client_tls,
            plugin_folders=self._plugin_folders,
        )
        return context

    def _failed(self, monitor: Monitor, error: Exception) -> CheckResult:
        if failure := failure_of(error):
            kind, told = failure
            return CheckResult(failure=kind, summary=f"{self._target(monitor)}{told}")
        self._on_internal_error(monitor, error)
        return CheckResult(failure="internal", summary=f"the monitor type '{monitor.type}' failed: {type(error).__name__}")

    def _target(self, monitor: Monitor) -> str:
        """The host a failure is about, as a prefix; never a URL, which may hold a password."""
        setting = self._registry.spec(monitor.type).host_setting
        target = monitor.settings.get(setting, "")
        host = host_of(target) if isinstance(target, str) else ""
        return f"{host}: " if host else ""

    def _client_tls(self, verified: bool) -> ssl.SSLContext:  # noqa: FBT001  # the one thing it is about
        if verified not in self._tls:
            made = self._make_verified_tls() if verified else ssl.create_default_context()
            if not verified:
                made.check_hostname = False
                made.verify_mode = ssl.CERT_NONE
            self._tls[verified] = made
        return self._tls[verified]
