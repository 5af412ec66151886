"""Configuration commands on a running node: validated, written, then taken over at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from sitescope_fo.model import command as commands
from sitescope_fo.model import wire
from sitescope_fo.model.config import Profile
from sitescope_fo.model.errors import Refused, SiteScopeError
from sitescope_fo.model.fact import ProfileRemoved, ProfileSet
from sitescope_fo.model.ports import PeerAddress
from sitescope_fo.model.service import Who
from sitescope_fo.model.status import Role
from sitescope_fo.node import ha_commands, node_commands, tree_commands
from sitescope_fo.node.tree_commands import Done
from sitescope_fo.store.edit import EditContext

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

CONTACT_TIMEOUT_S = 5.0
PASSIVE_HINT = "Edit on the primary; it is mirrored within seconds"


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
                await self._node.save_ha(msgspec.structs.replace(self._node.world.ha, notify=body.notify))
                return "default recipients of role mails saved", {"notify": list(body.notify)}
            case commands.PeerAccept() | commands.PeerRemove():
                return await self._peer(body)
            case commands.MailSet() | commands.MailTemplateSet() | commands.LwssoSet() | commands.ConfigSet():
                return await self._node_command(body)
            case _:
                return await self._edit_tree(body)  # type: ignore[arg-type]

    def _only(self, role: Role) -> None:
        if self._node.role is not role:
            raise Refused(
                f"This node is a {self._node.role.value}",
                where=self._node.world.host,
                hint=f"Run the command on the {role.value}",
                code="wrong_role",
            )

    # --- trees ------------------------------------------------------------------------------------------------------

    async def _edit_tree(self, body: tree_commands.TreeCommand) -> Done:
        node = self._node
        profile, path = self._place(body)
        if not profile:
            text, result = await self._edit_at(node.home.root, body, path)
            await node.own.refresh(forced=True)
            return text, result
        watch = node.watches[profile]
        state = node.profile_state(profile)
        if state is None or state.passive:
            raise Refused(
                f"{profile} is in standby here: its configuration is the primary's",
                where=path,
                hint=PASSIVE_HINT,
                code="passive_edit",
            )
        text, result = await self._edit_at(watch.folder / "working", body, path)
        await watch.reload_working()
        if not state.config.merge_back:
            text += "; merge back is off: this edit does not travel home, it is kept as an archive at the hand-back"
        return text, result

    async def _edit_at(self, root: object, body: tree_commands.TreeCommand, path: str) -> Done:
        node = self._node
        using = EditContext(
            book=node.ports.book,
            new_id=lambda: node.ports.randomness.uid(node.ports.clock.wall()),
            keep_in=node.home.edited,
        )
        return await node.ports.work.run_blocking(tree_commands.edit_tree, root, body, path, using, lane="own")

    def _place(self, body: tree_commands.TreeCommand) -> tuple[str, str]:
        """(profile, path in its tree). `prod:Servers/Web` names a mirrored tree; so does a path that only one of them has."""
        node, path = self._node, tree_commands.target_of(body)
        if body.profile:
            ha_commands.find_profile(node.world.ha, body.profile)
            return body.profile, path
        prefix, colon, rest = path.partition(":")
        if colon and prefix in node.watches:
            return prefix, rest
        if _has(node, "", path):
            return "", path
        holders = [name for name in node.watches if _has(node, name, path)]
        return (holders[0], path) if len(holders) == 1 else ("", path)

    # --- profiles ---------------------------------------------------------------------------------------------------

    async def _add_profile(self, body: commands.ProfileAdd) -> Done:
        node = self._node
        self._only(Role.failover)
        uid = node.ports.randomness.uid(node.ports.clock.wall())
        profile = ha_commands.new_profile(node.world.ha, body, uid, node.world.catalogue.tree("").schedules)
        if not body.without_primary:
            profile = msgspec.structs.replace(profile, node_id=await self._contact(profile))
        await node.save_ha(ha_commands.with_profile(node.world.ha, profile))
        await node.settle(ProfileSet(profile=profile.name, config=profile, edited=False))
        await node.watch_new(profile)
        bound = (
            f"bound to node {profile.node_id}" if profile.node_id else "not bound yet: the first authenticated contact binds it"
        )
        return f"profile {profile.name} added, {bound}", {"profile": profile.name, "node_id": profile.node_id}

    async def _contact(self, profile: Profile) -> str:
        """The node id of the primary at the profile's address. Raises as a probe does; Refused for a node in the wrong role."""
        node = self._node
        address = PeerAddress(host=profile.primary_host, port=profile.primary_port, tls=profile.tls)
        try:
            reply = await node.ports.client.request(address, "GET", wire.HEALTH, timeout_s=CONTACT_TIMEOUT_S)
        except SiteScopeError as error:
            error.hint = f"{error.hint or 'Is the primary running there?'} Or add the profile with --offline"
            raise
        health = wire.decode(reply.body, wire.Health)
        where = f"{address.host}:{address.port}"
        if health.node_id == node.node_id:
            raise Refused("This is the failover itself", where=where, hint="Give the primary's host and port", code="own_address")
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
        profile = ha_commands.edited_profile(node.world.ha, body, node.world.catalogue.tree("").schedules)
        before = node.folder_of(ha_commands.find_profile(node.world.ha, body.name))
        await node.save_ha(ha_commands.with_profile(node.world.ha, profile))
        await node.settle(ProfileSet(profile=profile.name, config=profile))
        watch = node.watches[profile.name]
        watch.announce_again()
        watch.prober.poke()
        moved = node.folder_of(profile) != before
        text = f"profile {profile.name} changed"
        if moved:
            await watch.move_to(node.folder_of(profile))
            text += "; its mirror folder follows the new address"
        return text, {"profile": profile.name}

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
        await node.save_ha(ha_commands.without_profile(node.world.ha, body.name))
        node.unwatch(body.name)
        await node.settle(ProfileRemoved(profile=body.name))
        return f"profile {body.name} removed; its mirror stays in {folder}", {"profile": body.name, "folder": str(folder)}

    async def _rebind(self, who: Who, body: commands.ProfileRebind) -> Done:
        node = self._node
        self._only(Role.failover)
        profile = ha_commands.find_profile(node.world.ha, body.name)
        fresh = msgspec.structs.replace(profile, node_id="")
        fresh = msgspec.structs.replace(fresh, node_id=await self._contact(fresh))
        await node.save_ha(ha_commands.with_profile(node.world.ha, fresh))
        await node.settle(ProfileSet(profile=fresh.name, config=fresh))
        node.watches[fresh.name].announce_again()
        what = f"{who.name} bound the profile to node {fresh.node_id} instead of {profile.node_id or 'none'}"
        node.records.event("rebound", what, level="WARNING", profile=fresh.name)
        return f"profile {fresh.name} is bound to node {fresh.node_id}", {"profile": fresh.name, "node_id": fresh.node_id}

    # --- the rest ---------------------------------------------------------------------------------------------------

    async def _peer(self, body: commands.PeerAccept | commands.PeerRemove) -> Done:
        node = self._node
        self._only(Role.primary)
        await node.save_ha(ha_commands.peer_changed(node.world.ha, body))
        node.list_peers()
        word = "accepted" if isinstance(body, commands.PeerAccept) else "removed"
        return f"failover {body.node_id} {word}", {"node_id": body.node_id}

    async def _node_command(self, body: node_commands.NodeCommand) -> Done:
        node = self._node
        context = EditContext(
            book=node.ports.book,
            new_id=lambda: node.ports.randomness.uid(node.ports.clock.wall()),
            keep_in=node.home.edited,
        )
        apply = partial(node_commands.apply, node.home, body, node.ports.keys, context, node.role)
        text, result = await node.ports.work.run_blocking(apply, lane="own")
        await node.own.refresh(forced=True)
        return text, result


def _has(node: Node, profile: str, path: str) -> bool:
    catalogue = node.world.catalogue
    if catalogue.group(profile, path) is not None:
        return True
    return any(monitor.path.casefold() == path.casefold() for monitor in catalogue.monitors(profile).values())
