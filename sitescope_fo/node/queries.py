"""The queries of a running node. See `model/query.py` for names and shapes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sitescope_fo.mirror import history
from sitescope_fo.model.config import Profile
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.query import LEVELS
from sitescope_fo.model.service import Level, Who, refuse_below
from sitescope_fo.model.snapshot import MonitorPage
from sitescope_fo.node import (
    certificate_commands,
    check_rows,
    config_view,
    history_view,
    log_view,
    operator_rows,
    schedule_view,
    secret_commands,
    snapshot,
)
from sitescope_fo.node.find import nearest_hint
from sitescope_fo.node.ha_commands import find_profile, folder_of
from sitescope_fo.node.log_reader import AUDIT, base_of, list_logs, read_page
from sitescope_fo.node.monitor_details import details
from sitescope_fo.node.monitor_history import POINTS, history_of
from sitescope_fo.node.monitor_pages import MOST_ROWS, MonitorPages
from sitescope_fo.node.monitor_rows import monitor_row
from sitescope_fo.node.timeline_view import LIMIT, steps
from sitescope_fo.notify import templates
from sitescope_fo.notify.built_in import BUILT_IN
from sitescope_fo.security.accounts import read_accounts
from sitescope_fo.store.config_toml import load_node_config

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

Params = Mapping[str, str]
RESULTS_SHOWN = 50


def whole_number(params: Params, name: str, default: int) -> int:
    """A parameter that is a whole number of at least 0. Raises Usage."""
    text = params.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise Usage(f"'{text}' is no number", where=name, hint="Give a whole number", code="bad_number")
    return int(text)


def template_texts(root: Path) -> dict[str, str]:
    """The mail templates in force at a tree: its own ones, the built-in ones for the rest. Blocking."""
    return {**BUILT_IN, **templates.read_templates(root)}


class Queries:
    """Answers from the node's snapshot, its files and its logs."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._pages = MonitorPages(node)
        self._answers: dict[str, Callable[[Who, Params], Awaitable[Any]]] = {
            "status": self._status,
            "monitors": self._monitors,
            "monitor_page": self._monitor_page,
            "snapshot": self._snapshot,
            "monitor": self._monitor,
            "monitor_history": self._monitor_history,
            "timeline": self._timeline,
            "groups": self._groups,
            "alerts": self._alerts,
            "acks": self._acks,
            "downtimes": self._downtimes,
            "profiles": self._profiles,
            "profile": self._profile,
            "peers": self._peers,
            "defaults": self._defaults,
            "history": self._history,
            "history_show": self._history_show,
            "history_diff": self._history_diff,
            "config": self._config,
            "check": self._check,
            "log": self._log,
            "logs": self._logs,
            "results": self._results,
            "export": self._export,
            "mail": self._mail,
            "schedules": self._schedules,
            "certificates": self._certificates,
            "secrets": self._secrets,
            "lwsso": self._lwsso,
            "license": self._licence,
            "types": self._types,
            "users": self._users,
            "tokens": self._tokens,
        }

    async def answer(self, who: Who, name: str, params: Params) -> Any:  # noqa: ANN401  # any JSON-able value
        """The answer of one query. Raises SiteScopeError."""
        answer = self._answers.get(name)
        if answer is None:
            raise Usage(f"There is no query '{name}'", hint=nearest_hint(name, self._answers), code="not_found")
        refuse_below(who, LEVELS.get(name, Level.viewer))
        return msgspec.to_builtins(await answer(who, params))

    # --- states -----------------------------------------------------------------------------------------------------

    async def _status(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        await self._node.tally.catch_up()
        return snapshot.status_report(self._node)

    async def _monitors(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return (await self._monitor_page(who, params)).rows

    async def _monitor_page(self, who: Who, params: Params) -> MonitorPage:
        profile = params.get("profile") or None
        if profile:
            self._known_profile(profile)
        offset, limit = whole_number(params, "offset", 0), whole_number(params, "limit", MOST_ROWS)
        return await self._pages.page(params, profile=profile, offset=offset, limit=limit)

    async def _snapshot(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        profile = params.get("profile") or None
        return await self._pages.changes(whole_number(params, "since", 0), params.get("tree", ""), profile)

    async def _monitor(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        node = self._node
        key = node.world.catalogue.find(_needed(params, "path"))
        monitor = node.world.catalogue.monitor(key)
        if monitor is None:
            raise Usage(f"There is no monitor '{params['path']}'", code="not_found")
        row = msgspec.to_builtins(monitor_row(node, key, monitor))
        alerts = [
            {"name": a.name, "on": a.on.value, "when": config_view.when_text(a.when)}
            for a in node.world.catalogue.alerts_for(key)
        ]
        last = await self._last_results(key.id, key.profile, 10)
        config = config_view.monitor_config(monitor, node.world.specs)
        depends = node.world.catalogue.name(MonitorKey(key.profile, monitor.depends_on)) if monitor.depends_on else ""
        hanging_s = node.runner.hanging_for(key)
        shown = {**row, "config": config, "depends": depends, "alerts": alerts, "last": last, "hanging_s": hanging_s}
        return {**shown, **details(node, key, monitor)}

    async def _monitor_history(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        key = self._node.world.catalogue.find(_needed(params, "path"))
        return await history_of(self._node, key, params, whole_number(params, "points", POINTS))

    async def _timeline(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return steps(self._node, params.get("name", ""), whole_number(params, "limit", LIMIT))

    async def _profiles(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        await self._node.tally.catch_up()
        return [snapshot.profile_part(self._node, state) for state in self._node.profile_states()]

    async def _profile(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        profile = self._known_profile(_needed(params, "name"))
        await self._node.tally.catch_up()
        state = self._node.profile_state(profile.name)
        status = snapshot.profile_part(self._node, state) if state is not None else None
        return {**config_view.profile_config(profile), "status": msgspec.to_builtins(status)}

    def _known_profile(self, name: str) -> Profile:
        return find_profile(self._node.world.ha, name)

    async def _peers(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return snapshot.peer_parts(self._node)

    async def _defaults(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return {"notify": list(self._node.world.ha.notify)}

    async def _acks(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return operator_rows.acks(self._node, self._profile_param(params))

    async def _downtimes(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        over = params.get("all", "") in {"yes", "true", "1"}
        return operator_rows.downtimes(self._node, self._profile_param(params), over=over)

    def _profile_param(self, params: Params) -> str | None:
        profile = params.get("profile") or None
        return self._known_profile(profile).name if profile else None

    # --- configuration ----------------------------------------------------------------------------------------------

    async def _groups(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return config_view.groups(self._node.world.catalogue, params.get("profile"))

    async def _alerts(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return config_view.alerts(self._node.world.catalogue, params.get("profile"))

    async def _config(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        """As the file says; what waits for a restart is in `check config`."""
        node = self._node
        return config_view.settings(await node.ports.work.run_blocking(load_node_config, node.home, lane="own"))

    async def _mail(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        node, profile = self._node, params.get("profile", "")
        if profile:
            self._known_profile(profile)
        texts = await node.ports.work.run_blocking(template_texts, node.tree_root(profile))
        return {**config_view.mail(node.world.catalogue, profile), "templates": texts}

    async def _schedules(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        node, clock = self._node, self._node.ports.clock
        return schedule_view.schedules(
            node.world.catalogue, node.world.ha, params.get("profile") or None, clock.local(clock.wall())
        )

    async def _certificates(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        node = self._node
        return await node.ports.work.run_blocking(certificate_commands.certificates, node.home, node.ports.clock.wall())

    async def _secrets(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        node, profile = self._node, params.get("profile", "")
        if profile:
            self._known_profile(profile)
        return await node.ports.work.run_blocking(secret_commands.secrets, node.tree_root(profile), node.ports.keys)

    async def _lwsso(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        ports = self._node.ports
        return config_view.lwsso(ports.keys.roots(), self._node.world.ha, ports.answered_with())

    async def _licence(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return config_view.licence()

    async def _types(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return config_view.types(self._node.ports.book)

    async def _check(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return await check_rows.rows(self._node, params.get("what") or "node", params.get("name", ""))

    # --- records ----------------------------------------------------------------------------------------------------

    async def _history(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return await self._node.ports.work.run_blocking(history.list_history, self._mirror_folder(params))

    async def _history_show(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        ports, folder, word = self._node.ports, self._mirror_folder(params), _needed(params, "snapshot")
        secrets = history_view.secret_settings(self._node.world.specs)
        return await ports.work.run_blocking(history_view.show, folder, word, secrets, ports.breathe)

    async def _history_diff(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        ports, folder, words = self._node.ports, self._mirror_folder(params), (_needed(params, "a"), params.get("b") or "current")
        page = whole_number(params, "offset", 0), whole_number(params, "limit", 0)
        secrets = history_view.secret_settings(self._node.world.specs)
        return await ports.work.run_blocking(history_view.difference, folder, words, page, secrets, ports.breathe)

    def _mirror_folder(self, params: Params) -> Path:
        profile = self._known_profile(_needed(params, "name"))
        return self._node.home.failover_dir(folder_of(self._node.world.ha, profile))

    async def _users(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return (await self._accounts())["users"]

    async def _tokens(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        return (await self._accounts())["tokens"]

    async def _accounts(self) -> Any:  # noqa: ANN401
        return config_view.accounts(await self._node.ports.work.run_blocking(read_accounts, self._node.home.root, lane="own"))

    async def _log(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        if base_of(params.get("name", "")) == AUDIT:
            refuse_below(who, Level.administrator)
        node, lines = self._node, whole_number(params, "lines", 20)
        await node.records.drain()
        return await node.ports.work.run_blocking(read_page, node.home, params, lines, node.ports.clock.wall())

    async def _logs(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        await self._node.records.drain()
        audit = who.level >= Level.administrator
        return await self._node.ports.work.run_blocking(partial(list_logs, self._node.home, audit=audit))

    async def _results(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        key = self._node.world.catalogue.find(_needed(params, "path"))
        return await self._last_results(key.id, key.profile, whole_number(params, "limit", RESULTS_SHOWN), params.get("day", ""))

    async def _last_results(self, monitor_id: str, profile: str, limit: int, day: str = "") -> list[dict[str, Any]]:
        node = self._node
        await node.records.drain()
        wall = node.ports.clock.wall()
        return await node.ports.work.run_blocking(
            log_view.last_results, node.records.results, profile, monitor_id, day, limit, wall, lane="results"
        )

    async def _export(self, who: Who, params: Params) -> Any:  # noqa: ANN401
        node = self._node
        await node.records.drain()
        return await node.ports.work.run_blocking(
            log_view.export,
            node.home,
            params.get("day", ""),
            params.get("format") or "sitescope",
            node.ports.clock.wall(),
            lane="results",
        )


def _needed(params: Params, name: str) -> str:
    value = params.get(name, "")
    if not value:
        raise Usage(f"'{name}' is missing", where=name, hint=f"Ask with {name}=…", code="missing_parameter")
    return value
