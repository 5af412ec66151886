"""The door of a node that does not run: configuration by its files, under its lock."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import msgspec

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.state import PROFILE
from sitescope_fo.mirror import history
from sitescope_fo.mirror.kept_tree import SecretSettings
from sitescope_fo.model import command as commands
from sitescope_fo.model.command import CommandReply, CommandRequest
from sitescope_fo.model.config import HaConfig, NodeConfig
from sitescope_fo.model.errors import ConfigInvalid, Problem, Refused, SiteScopeError, Unreachable
from sitescope_fo.model.query import OFFLINE_QUERIES, CheckRow
from sitescope_fo.model.service import read_only_refusal
from sitescope_fo.model.status import PASSIVE, Role
from sitescope_fo.monitors.registry import Registry
from sitescope_fo.node import (
    certificate_commands,
    config_view,
    ha_commands,
    history_view,
    log_reader,
    log_view,
    node_commands,
    schedule_view,
    secret_commands,
    tree_commands,
)
from sitescope_fo.node.check_rows import good_row, odd_rows, problem_rows
from sitescope_fo.node.codec import decode
from sitescope_fo.node.key_ring import KeyRing
from sitescope_fo.node.ports.clock import SystemClock
from sitescope_fo.node.ports.randomness import SystemRandomness
from sitescope_fo.node.queries import template_texts, whole_number
from sitescope_fo.node.settings import load_settings
from sitescope_fo.security.accounts import read_accounts
from sitescope_fo.security.keys import load_keys
from sitescope_fo.security.local_socket import not_running
from sitescope_fo.store.cells import CellStore
from sitescope_fo.store.config_toml import load_ha_config, load_node_config, save_ha_config
from sitescope_fo.store.edit import EditContext
from sitescope_fo.store.errors import StateUnreadable, StoreWriteFailed
from sitescope_fo.store.home import Home
from sitescope_fo.store.lock import acquire
from sitescope_fo.store.tree import load_tree, without_pause

Params = Mapping[str, str]


class OfflineDoor:
    """Same two methods as the client of a running node. Commands hold the home's lock; queries only read."""

    def __init__(self, home: Home, *, read_only: bool = False) -> None:
        self._home = home
        self._read_only = read_only
        self._clock, self._chance = SystemClock(), SystemRandomness()
        self._book = Registry()

    def query(self, name: str, params: dict[str, str]) -> Any:  # noqa: ANN401  # any JSON value
        """The answer of a query that files can give. Raises Unreachable (`not_running`) for the others."""
        if name not in OFFLINE_QUERIES:
            raise not_running(self._home)
        return json.loads(msgspec.json.encode(self._answer(name, params)))

    def command(self, request: CommandRequest, *, progress: Callable[[CommandReply], None] | None = None) -> CommandReply:
        """Carries a configuration command out. Raises SiteScopeError."""
        body = request.body
        if self._read_only:
            raise read_only_refusal(str(self._home.root))
        if not body.offline:
            raise not_running(self._home)
        lock = acquire(self._home)
        try:
            text, result = self._apply(body)
        except SiteScopeError as error:
            outcome = "refused" if isinstance(error, Refused) else "failed"
            return CommandReply(id=request.id, outcome=outcome, error=error.body())  # type: ignore[arg-type]
        finally:
            lock.release()
        return CommandReply(id=request.id, outcome="done", text=text, result=result, progress=1.0)

    # --- commands ---------------------------------------------------------------------------------------------------

    def _apply(self, body: commands.AnyCommand) -> tree_commands.Done:
        home = self._home
        config, ha = load_settings(home)
        using = EditContext(book=self._book, new_id=self._uid, keep_in=home.edited)
        match body:
            case _ if isinstance(body, node_commands.NodeCommand):
                return node_commands.apply(home, body, self._ring(), using, config.role, self._clock.wall())
            case (
                commands.ProfileAdd()
                | commands.ProfileEdit()
                | commands.ProfileRemove()
                | commands.ProfileRebind()
                | commands.ProfileDefaults()
            ):
                return self._profile(body, config, ha)
            case commands.PeerAccept() | commands.PeerRemove():
                ha_commands.refuse_role(config.role, Role.primary, str(home.root))
                save_ha_config(home, ha_commands.peer_changed(ha, body))
                return "saved; it counts from the next start on", {"node_id": body.node_id}
            case commands.CertFetch():
                return anyio.run(certificate_commands.fetch, body, self._clock.wall())
            case commands.ConfigCommand():
                return self._edit(body, ha, using)
            case _:
                raise not_running(home)

    def _edit(self, body: tree_commands.TreeCommand, ha: HaConfig, using: EditContext) -> tree_commands.Done:
        path = tree_commands.target_of(body)
        prefix, colon, _ = path.partition(":")
        named = body.profile or (prefix if colon and any(p.name == prefix for p in ha.profiles) else "")
        if named:
            raise Refused(
                "A mirrored configuration is edited on its primary",
                where=named,
                hint="Or on the running failover while it is active",
                code="passive_edit",
            )
        return tree_commands.edit_tree(
            self._home.root, body, path, using, self._ring().seal, ha_commands.schedule_users(ha, path)
        )

    def _profile(self, body: commands.ConfigCommand, config: NodeConfig, ha: HaConfig) -> tree_commands.Done:
        ha_commands.refuse_role(config.role, Role.failover, str(self._home.root))
        schedules = self._catalogue().tree("").schedules
        match body:
            case commands.ProfileAdd() if body.without_primary:
                profile = ha_commands.new_profile(ha, body, self._uid(), schedules)
                after, name = ha_commands.with_profile(ha, profile), profile.name
            case commands.ProfileEdit():
                profile = ha_commands.edited_profile(ha, body, schedules)
                after, name = ha_commands.with_profile(ha, profile), profile.name
            case commands.ProfileRemove():
                self._refuse_acting(body.name)
                after, name = ha_commands.without_profile(ha, body.name), body.name
            case commands.ProfileDefaults():
                after, name = msgspec.structs.replace(ha, notify=body.notify), "defaults"
            case _:
                raise Unreachable(
                    "The node is not running, so it cannot ask the primary",
                    where=str(self._home.root),
                    hint=f"Start it with `sitescope-fo --home {self._home.root} --daemon`, or add the profile with --offline",
                    code="not_running",
                )
        save_ha_config(self._home, after)
        return f"{name}: saved; it counts from the next start on", {"profile": name}

    def _refuse_acting(self, name: str) -> None:
        """A profile that acts stays: the next start goes on monitoring for it. State that cannot be read protects nothing."""
        if not self._home.state.exists():
            return
        store = CellStore(self._home.state)
        try:
            store.open()
            journals = decode({cell: value for cell, value in store.load().items() if cell == (PROFILE, name)})
        except (StateUnreadable, StoreWriteFailed):
            return
        finally:
            store.close()
        if any(journal.position not in PASSIVE for journal in journals.values()):
            raise Refused(
                f"{name} is acting: this node monitors for it once it runs",
                where=name,
                hint=f"Start the node, then: sitescope-fo standby {name} --yes",
                code="acting",
            )

    def _one_role(self) -> None:
        try:
            load_settings(self._home)
        except ConfigInvalid as error:
            if error.code == "both_roles":  # each file's own problems are told by themselves
                raise

    def _people(self) -> None:
        read_accounts(self._home.root)

    def _ring(self) -> KeyRing:
        return KeyRing(self._home, load_keys(self._home.keys))

    def _uid(self) -> str:
        return self._chance.uid(self._clock.wall())

    # --- queries ----------------------------------------------------------------------------------------------------

    def _catalogue(self) -> Catalogue:
        tree = load_tree(
            self._home.root, self._book, self._ring().secrets_for(self._home.root), new_id=self._uid, write_ids=False
        )
        return Catalogue().with_tree("", tree)

    def _answer(self, name: str, params: Params) -> Any:  # noqa: ANN401  # any JSON value
        home, profile = self._home, params.get("name", "")
        answers: dict[str, Callable[[], Any]] = {
            "check": lambda: self._check(params),
            "groups": lambda: config_view.groups(self._catalogue(), None),
            "alerts": lambda: config_view.alerts(self._catalogue(), None),
            "mail": lambda: {**config_view.mail(self._catalogue()), "templates": template_texts(home.root)},
            "schedules": lambda: schedule_view.schedules(
                self._catalogue(), load_ha_config(home), None, self._clock.local(self._clock.wall())
            ),
            "certificates": lambda: certificate_commands.certificates(home, self._clock.wall()),
            "secrets": lambda: secret_commands.secrets(home.root, self._ring()),
            "lwsso": lambda: config_view.lwsso(self._ring().roots(), load_ha_config(home), {}),
            "license": config_view.licence,
            "types": lambda: config_view.types(self._book),
            "config": lambda: config_view.settings(load_node_config(home)),
            "profiles": lambda: [config_view.profile_config(one) for one in load_ha_config(home).profiles],
            "profile": lambda: config_view.profile_config(ha_commands.find_profile(load_ha_config(home), profile)),
            "users": lambda: config_view.accounts(read_accounts(home.root))["users"],
            "tokens": lambda: config_view.accounts(read_accounts(home.root))["tokens"],
            "defaults": lambda: {"notify": list(load_ha_config(home).notify)},
            "peers": lambda: config_view.peers(load_ha_config(home)),
            "history": lambda: history.list_history(self._mirror_folder(profile)),
            "history_show": lambda: history_view.show(
                self._mirror_folder(profile), params.get("snapshot", ""), self._secret_settings(), without_pause
            ),
            "history_diff": lambda: history_view.difference(
                self._mirror_folder(profile),
                (params.get("a", ""), params.get("b") or "current"),
                (whole_number(params, "offset", 0), whole_number(params, "limit", 0)),
                self._secret_settings(),
                without_pause,
            ),
            "log": lambda: log_reader.read_page(home, params, whole_number(params, "lines", 20), self._clock.wall()),
            "logs": lambda: log_reader.list_logs(home, audit=True),
            "export": lambda: log_view.export(
                home, params.get("day", ""), params.get("format") or "sitescope", self._clock.wall()
            ),
        }
        return answers[name]()

    def _mirror_folder(self, name: str) -> Path:
        ha = load_ha_config(self._home)
        return self._home.failover_dir(ha_commands.folder_of(ha, ha_commands.find_profile(ha, name)))

    def _secret_settings(self) -> SecretSettings:
        return history_view.secret_settings(self._book.specs)

    def _check(self, params: Params) -> list[CheckRow]:
        if params.get("what", "config") == "pair":
            raise not_running(self._home)
        problems: list[Problem] = []
        found = Catalogue()
        for load in (
            lambda: load_node_config(self._home),
            lambda: load_ha_config(self._home),
            self._one_role,
            self._people,
            self._catalogue,
        ):
            try:
                loaded = load()
            except OSError as error:
                problems.append(Problem(file=str(error.filename or self._home.root), what=f"cannot be read: {error.strerror}"))
            except ConfigInvalid as error:
                problems += error.problems or (
                    Problem(file=error.where or str(self._home.root), what=error.what, hint=error.hint),
                )
            else:
                found = loaded if isinstance(loaded, Catalogue) else found
        rows = problem_rows(problems) or [good_row(len(found.monitors("")))]
        rows += odd_rows("config", found.tree("").warnings) + odd_rows("plug-in", self._book.problems)
        if params.get("what", "node") == "node":
            hint = not_running(self._home).hint
            rows.append(CheckRow(id="daemon", verdict="bad", evidence="the node is not running", remedy=hint))
        return rows
