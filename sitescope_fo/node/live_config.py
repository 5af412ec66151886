"""Configuration commands on a running node: validated, written, then taken over at once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sitescope_fo.model import command as commands
from sitescope_fo.model import wire
from sitescope_fo.model.config import HaConfig, Profile
from sitescope_fo.model.errors import Conflict, Refused, Unreachable
from sitescope_fo.model.fact import ProfileRemoved, ProfileSet
from sitescope_fo.model.ports import PeerAddress
from sitescope_fo.model.service import Who
from sitescope_fo.model.status import Role
from sitescope_fo.node import certificate_commands, ha_commands, node_commands, profile_edits, tree_commands
from sitescope_fo.node.certificate_commands import CertificateCommand
from sitescope_fo.node.tree_commands import Done
from sitescope_fo.store.edit import EditContext
from sitescope_fo.store.tree import ParseCache

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

CONTACT_TIMEOUT_S = 5.0


class LiveConfig:
    """Carries out the commands that edit configuration."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def apply(self, who: Who, body: commands.ConfigCommand) -> Done:
        """(text, result). Raises SiteScopeError; then nothing was changed."""
        match body:
            case commands.ProfileAdd():
                return await self._add_profile(body)
            case commands.ProfileEdit():
                return await self._edit_profile(body)
            case commands.ProfileRemove():
                return await self._remove_profile(body)
            case commands.ProfileRebind():
                return await self._rebind(who, body)
            case commands.ProfileDefaults():
                self._only(Role.failover)
                await self._node.change_ha(lambda ha: msgspec.structs.replace(ha, notify=body.notify))
                return "default recipients of role mails saved", {"notify": list(body.notify)}
            case commands.PeerAccept() | commands.PeerRemove():
                return await self._peer(body)
            case _ if isinstance(body, node_commands.NodeCommand):
                return await self._node_command(body)
            case _:
                return await self._edit_tree(body)  # type: ignore[arg-type]

    def _only(self, role: Role) -> None:
        ha_commands.refuse_role(self._node.role, role, self._node.world.host)

    # --- trees ------------------------------------------------------------------------------------------------------

    async def _edit_tree(self, body: tree_commands.TreeCommand) -> Done:
        node = self._node
        profile, path = self._place(body)
        if not profile:
            edit = partial(self._edit, body, path, node.own.cache)
            text, result = await node.ports.work.run_blocking(edit, node.home.root, lane="own")
            await node.own.refresh(forced=True)
            return text, result
        watch = node.watches[profile]
        return await profile_edits.edit(node, watch, partial(self._edit, body, path, watch.cache), path, forced=body.force)

    def _edit(self, body: tree_commands.TreeCommand, path: str, cache: ParseCache, root: Path) -> Done:
        """Blocking."""
        own = root == self._node.home.root  # profiles follow schedules of the node itself
        users = ha_commands.schedule_users(self._node.world.ha, path) if own else ()
        return tree_commands.edit_tree(root, body, path, self._editing(cache), self._node.ports.keys.seal, users)

    def _editing(self, cache: ParseCache) -> EditContext:
        node = self._node
        return EditContext(
            cache=cache,
            book=node.ports.book,
            new_id=lambda: node.ports.randomness.uid(node.ports.clock.wall()),
            keep_in=node.home.edited,
        )

    def _place(self, body: tree_commands.TreeCommand) -> tuple[str, str]:
        """(profile, path in its tree). `prod:Servers/Web` names a mirrored tree; so does a path that only one of them has.

        A new group and a schedule are the node's own when no profile is named. Raises Conflict (`ambiguous`) when
        several trees fit.
        """
        node, path = self._node, tree_commands.target_of(body)
        if body.profile:
            ha_commands.find_profile(node.world.ha, body.profile)
            return body.profile, path
        prefix, colon, rest = path.partition(":")
        if colon and prefix in node.watches:
            return prefix, rest
        if not path or isinstance(body, commands.GroupAdd | tree_commands.ScheduleCommand):
            return "", path
        holders = [name for name in ("", *node.watches) if _has(node, name, path)]
        if len(holders) > 1:
            names = ", ".join(f"{name}:{path}" if name else path for name in holders)
            hint = f"Say which of {names} with --profile NAME or NAME:PATH"
            raise Conflict(f"'{path}' is in {len(holders)} trees", where=path, hint=hint, code="ambiguous")
        return (holders[0] if holders else ""), path

    # --- profiles ---------------------------------------------------------------------------------------------------

    async def _add_profile(self, body: commands.ProfileAdd) -> Done:
        node = self._node
        self._only(Role.failover)
        uid = node.ports.randomness.uid(node.ports.clock.wall())
        schedules = node.world.catalogue.tree("").schedules
        asked = ha_commands.new_profile(node.world.ha, body, uid, schedules)
        try:
            node_id = "" if body.without_primary else await self._contact(asked)
        except Unreachable as error:
            error.hint += "; or add the profile with --offline"
            raise

        def added(ha: HaConfig) -> HaConfig:
            # Once more: another profile may have come while the primary was asked.
            fresh = ha_commands.new_profile(ha, body, uid, schedules)
            return ha_commands.with_profile(ha, msgspec.structs.replace(fresh, node_id=node_id))

        profile = ha_commands.find_profile(await node.change_ha(added), body.name)
        await node.settle(ProfileSet(profile=profile.name, config=profile, edited=False))
        await node.watch_new(profile)
        bound = f"bound to node {node_id}" if node_id else "not bound yet: the first authenticated contact binds it"
        return f"profile {profile.name} added, {bound}", {"profile": profile.name, "node_id": node_id}

    async def _contact(self, profile: Profile) -> str:
        """The node id of the primary at the profile's address. Raises as a probe does; Refused for a node in the wrong role."""
        node = self._node
        address = PeerAddress(host=profile.primary_host, port=profile.primary_port, tls=profile.tls)
        try:
            reply = await node.ports.client.request(address, "GET", wire.HEALTH, timeout_s=CONTACT_TIMEOUT_S)
        except Unreachable as error:
            if error.code == "lwsso_identity":
                raise _own_address(f"{address.host}:{address.port}") from error
            error.hint = error.hint or "Is the primary running there?"
            raise
        health = wire.decode(reply.body, wire.Health)
        where = f"{address.host}:{address.port}"
        if health.node_id == node.node_id:
            raise _own_address(where)
        if health.role is not Role.primary:
            raise Refused(
                "The node there is a failover",
                where=where,
                hint="A failover protects a primary, not another failover",
                code="wrong_role",
            )
        return health.node_id

    async def _edit_profile(self, body: commands.ProfileEdit) -> Done:
        node = self._node
        if node.role is Role.primary:
            raise Refused(
                "Profiles are edited on the failover",
                where=body.name,
                hint="Merge back can be switched from here once merging exists; see CHANGELOG",
                code="wrong_role",
            )
        schedules = node.world.catalogue.tree("").schedules

        def edited(ha: HaConfig) -> HaConfig:
            return ha_commands.with_profile(ha, ha_commands.edited_profile(ha, body, schedules))

        profile = ha_commands.find_profile(await node.change_ha(edited), body.name)
        await node.settle(ProfileSet(profile=profile.name, config=profile))
        watch = node.watches[profile.name]
        watch.announce_again()
        watch.prober.poke()
        return f"profile {profile.name} changed", {"profile": profile.name}

    async def _remove_profile(self, body: commands.ProfileRemove) -> Done:
        node = self._node
        self._only(Role.failover)
        ha_commands.find_profile(node.world.ha, body.name)
        state = node.profile_state(body.name)
        if state is not None and not state.passive:
            raise Refused(
                f"{body.name} is {state.shown}: this node monitors for it",
                where=body.name,
                hint=f"First: sitescope-fo standby {body.name} --yes",
                code="acting",
            )
        folder = node.watches[body.name].folder
        await node.change_ha(lambda ha: ha_commands.without_profile(ha, body.name))
        node.unwatch(body.name)
        await node.settle(ProfileRemoved(profile=body.name))
        return f"profile {body.name} removed; its mirror stays in {folder}", {"profile": body.name, "folder": str(folder)}

    async def _rebind(self, who: Who, body: commands.ProfileRebind) -> Done:
        node = self._node
        self._only(Role.failover)
        profile = ha_commands.find_profile(node.world.ha, body.name)
        node_id = await self._contact(profile)

        def bound(ha: HaConfig) -> HaConfig:
            now = ha_commands.find_profile(ha, body.name)
            return ha_commands.with_profile(ha, msgspec.structs.replace(now, node_id=node_id))

        fresh = ha_commands.find_profile(await node.change_ha(bound), body.name)
        await node.settle(ProfileSet(profile=fresh.name, config=fresh))
        node.watches[fresh.name].announce_again()
        what = f"{who.name} bound the profile to node {fresh.node_id} instead of {profile.node_id or 'none'}"
        node.records.event("rebound", what, level="WARNING", profile=fresh.name)
        return f"profile {fresh.name} is bound to node {fresh.node_id}", {"profile": fresh.name, "node_id": fresh.node_id}

    # --- the rest ---------------------------------------------------------------------------------------------------

    async def _peer(self, body: commands.PeerAccept | commands.PeerRemove) -> Done:
        node = self._node
        self._only(Role.primary)
        await node.change_ha(lambda ha: ha_commands.peer_changed(ha, body))
        node.list_peers()
        word = "accepted" if isinstance(body, commands.PeerAccept) else "removed"
        return f"failover {body.node_id} {word}", {"node_id": body.node_id}

    async def _node_command(self, body: node_commands.NodeCommand) -> Done:
        node = self._node
        using, wall = self._editing(node.own.cache), node.ports.clock.wall()
        apply = partial(node_commands.apply, node.home, body, node.ports.keys, using, node.role, wall)
        text, result = await node.ports.work.run_blocking(apply, lane="own")
        if isinstance(body, CertificateCommand):
            return f"{text}; {certificate_commands.taken_over(body, node.ports.renew_tls)}", result
        await node.own.refresh(forced=True)
        return text, result


def _has(node: Node, profile: str, path: str) -> bool:
    catalogue = node.world.catalogue
    if catalogue.group(profile, path) is not None:
        return True
    return any(monitor.path.casefold() == path.casefold() for monitor in catalogue.monitors(profile).values())


def _own_address(where: str) -> Refused:
    return Refused("This is the failover itself", where=where, hint="Give the primary's host and port", code="own_address")
