"""Commands that change this node's pairs, as pure functions over `HaConfig`: profiles on a failover, peers on a primary."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from sitescope_fo.model import command as commands
from sitescope_fo.model.config import (
    DEFAULT_PORT,
    DEFAULT_TLS_PORT,
    PRESETS,
    HaConfig,
    NodeConfig,
    Profile,
    SelfTargets,
    Timing,
    timing_problems,
)
from sitescope_fo.model.errors import ConfigInvalid, Conflict, Problem, Refused, Usage
from sitescope_fo.model.schedule import Schedule
from sitescope_fo.model.status import Role
from sitescope_fo.node.find import nearest_hint
from sitescope_fo.store.home import profile_folder_name

TIMES = tuple(Timing.__struct_fields__)
PLAIN = ("primary_host", "primary_port", "tls", "merge_back", "backups", "disable_apm", "check_schedule", "mirror_schedule")
LONGEST_NAME = 100


def refuse_role(actual: Role, wanted: Role, where: str = "") -> None:
    """Raises Refused (`wrong_role`) for a command that the other role carries out."""
    if actual is not wanted:
        raise Refused(
            f"This node is a {actual.value}", where=where, hint=f"Run the command on the {wanted.value}", code="wrong_role"
        )


def refuse_both_roles(config: NodeConfig, ha: HaConfig) -> None:
    """Raises ConfigInvalid (`both_roles`) for a node that would be a primary and a failover at once."""
    if config.role is Role.primary and ha.profiles:
        what, path = "A primary protects nobody: its ha.config.toml must not list profiles", "profile"
    elif config.role is Role.failover and ha.peers:
        what, path = "A failover has no failover of its own: its ha.config.toml must not list peers", "peer"
    else:
        return
    hint = "A node has one role; put the other one on another machine"
    problem = Problem(file="high_availability/ha.config.toml", path=path, what=what, hint=hint)
    raise ConfigInvalid(what, where=problem.file, hint=hint, code="both_roles", problems=(problem,))


def find_profile(ha: HaConfig, name: str) -> Profile:
    """The profile of that name. Raises Usage (`not_found`)."""
    for profile in ha.profiles:
        if profile.name == name:
            return profile
    known = [profile.name for profile in ha.profiles]
    raise Usage(f"There is no profile '{name}'", where="profiles", hint=nearest_hint(name, known), code="not_found")


def new_profile(ha: HaConfig, body: commands.ProfileAdd, uid: str, schedules: Collection[Schedule]) -> Profile:
    """The profile that a `profile add` describes. Raises Conflict for a duplicate name, Usage for impossible values."""
    _check_name(body.name)
    if any(profile.name.casefold() == body.name.casefold() for profile in ha.profiles):
        raise Conflict(
            f"There is a profile '{body.name}' already",
            where="profiles",
            hint="Choose another name, or edit it",
            code="duplicate_name",
        )
    given = {name: getattr(body, name) for name in TIMES if getattr(body, name) is not None}
    port = body.primary_port or (DEFAULT_TLS_PORT if body.tls else DEFAULT_PORT)
    profile = Profile(
        id=uid,
        name=body.name,
        primary_host=body.primary_host.strip(),
        primary_port=port,
        tls=body.tls,
        preset=body.preset,
        timing=msgspec.structs.replace(_preset(body.preset), **given),
        merge_back=body.merge_back,
        backups=body.backups,
        disable_apm=body.disable_apm,
        self_targets=_self_targets(body.self_targets),
        check_schedule=body.check_schedule,
        mirror_schedule=body.mirror_schedule,
        notify=body.notify,
    )
    check_profile(ha, profile, schedules)
    return msgspec.structs.replace(profile, folder=folder_of(ha, profile))


def folder_of(ha: HaConfig, profile: Profile) -> str:
    """The name of a profile's mirror folder: the one it has, for a new one the first of its host's names that no other has."""
    taken: list[str] = []
    for other in ha.profiles:
        if other.id == profile.id:
            break
        taken.append(other.folder or profile_folder_name(other.primary_host, other.primary_port, taken))
    return profile.folder or profile_folder_name(profile.primary_host, profile.primary_port, taken)


def _check_name(name: str) -> None:
    if (
        not name.strip()
        or len(name) > LONGEST_NAME
        or any(not c.isprintable() or c in "/:\x1f" for c in name)
        or name != name.strip()
    ):
        raise Usage(
            f"{name!r} cannot name a profile",
            where="NAME",
            hint="Use 1 to 100 printable characters without / and :",
            code="bad_name",
        )


def _preset(name: str) -> Timing:
    if name not in PRESETS:
        raise Usage(f"There is no preset '{name}'", where="--preset", hint=nearest_hint(name, PRESETS), code="bad_preset")
    return PRESETS[name]


def _self_targets(text: str) -> SelfTargets:
    try:
        return SelfTargets(text)
    except ValueError as error:
        raise Usage(
            f"'{text}' is no policy for self-targeting monitors",
            where="--self-targets",
            hint=nearest_hint(text, [policy.value for policy in SelfTargets]),
        ) from error


def edited_profile(ha: HaConfig, body: commands.ProfileEdit, schedules: Collection[Schedule]) -> Profile:
    """The profile after an edit. A new preset replaces the times that were the old one's. Raises Usage."""
    profile = find_profile(ha, body.name)
    allowed = {*TIMES, *PLAIN, "preset", "self_targets", "notify"}
    for key in body.changes:
        if key not in allowed:
            raise Usage(
                f"A profile has no setting '{key}'", where=body.name, hint=nearest_hint(key, allowed), code="unknown_setting"
            )
    changes: dict[str, Any] = {key: value for key, value in body.changes.items() if key in PLAIN}
    timing = profile.timing
    if "preset" in body.changes:
        changes["preset"] = body.changes["preset"]
        timing = _with_preset(timing, PRESETS[profile.preset], _preset(body.changes["preset"]))
    timing = msgspec.structs.replace(timing, **{key: value for key, value in body.changes.items() if key in TIMES})
    if "self_targets" in body.changes:
        changes["self_targets"] = _self_targets(body.changes["self_targets"])
    if "notify" in body.changes:
        changes["notify"] = tuple(body.changes["notify"])
    try:
        changed = msgspec.convert(msgspec.to_builtins(msgspec.structs.replace(profile, timing=timing, **changes)), Profile)
    except msgspec.ValidationError as error:
        raise Usage(f"A setting has the wrong kind of value: {error}", where=body.name, code="bad_value") from error
    check_profile(ha, changed, schedules)
    return changed


def _with_preset(timing: Timing, old: Timing, new: Timing) -> Timing:
    kept = {name: getattr(timing, name) for name in TIMES if getattr(timing, name) != getattr(old, name)}
    return msgspec.structs.replace(new, **kept)


def check_profile(ha: HaConfig, profile: Profile, schedules: Collection[Schedule]) -> None:
    """Raises Usage for a mix of settings that cannot work, Conflict for a primary that another profile protects."""
    if not profile.primary_host or any(c.isspace() or c in "/@" for c in profile.primary_host):
        raise Usage(
            f"'{profile.primary_host}' is no host name", where="--primary-host", hint="Give a name or an address", code="bad_host"
        )
    if not 1 <= profile.primary_port <= 65535:
        raise Usage(f"{profile.primary_port} is no port", where="--port", hint="Give a number from 1 to 65535", code="bad_port")
    if profile.backups < 1:
        raise Usage("At least one backup is kept", where="--backups", hint="The default is 2", code="bad_backups")
    if broken := timing_problems(profile.timing):
        raise Usage("; ".join(broken), where=profile.name, hint="Change one of them, or use a preset", code="bad_timing")
    names = {schedule.name: schedule for schedule in schedules}
    for option, name in (("--check-schedule", profile.check_schedule), ("--mirror-schedule", profile.mirror_schedule)):
        if name and name not in names:
            raise Usage(f"There is no schedule '{name}'", where=option, hint=nearest_hint(name, names), code="not_found")
    if profile.check_schedule and names[profile.check_schedule].kind != "range":
        raise Usage(
            f"'{profile.check_schedule}' is an absolute schedule",
            where="--check-schedule",
            hint="Watching follows a range schedule: windows, not moments",
            code="wrong_schedule",
        )
    for other in ha.profiles:
        if other.id != profile.id and _place(other) == _place(profile):
            raise Conflict(
                f"The profile '{other.name}' protects this primary already",
                where=f"{profile.primary_host}:{profile.primary_port}",
                hint="Edit that one",
                code="duplicate_primary",
            )


def schedule_users(ha: HaConfig, name: str) -> tuple[str, ...]:
    """The profiles that follow a schedule of this node, and for what: `profile prod (mirror schedule)`."""
    wanted = name.casefold()
    return tuple(
        f"profile {profile.name} ({use} schedule)"
        for profile in ha.profiles
        for use, used in (("check", profile.check_schedule), ("mirror", profile.mirror_schedule))
        if used.casefold() == wanted
    )


def _place(profile: Profile) -> tuple[str, int]:
    return profile.primary_host.casefold(), profile.primary_port


def with_profile(ha: HaConfig, profile: Profile) -> HaConfig:
    """The configuration with this profile added, or in the place of the one with its id."""
    if any(other.id == profile.id for other in ha.profiles):
        profiles = tuple(profile if other.id == profile.id else other for other in ha.profiles)
    else:
        profiles = (*ha.profiles, profile)
    return msgspec.structs.replace(ha, profiles=profiles)


def without_profile(ha: HaConfig, name: str) -> HaConfig:
    """The configuration without a profile. Raises Usage (`not_found`)."""
    gone = find_profile(ha, name)
    return msgspec.structs.replace(ha, profiles=tuple(p for p in ha.profiles if p is not gone))


def peer_changed(ha: HaConfig, body: commands.PeerAccept | commands.PeerRemove) -> HaConfig:
    """The configuration after `peer accept` or `peer remove`. Raises Usage (`not_found`), Refused for a second accepted one."""
    wanted = next((peer for peer in ha.peers if body.node_id in {peer.node_id, peer.listed_as}), None)
    if wanted is None:
        known = [peer.node_id for peer in ha.peers]
        raise Usage(
            f"There is no failover '{body.node_id}'", where="peers", hint=nearest_hint(body.node_id, known), code="not_found"
        )
    if isinstance(body, commands.PeerRemove):
        return msgspec.structs.replace(ha, peers=tuple(peer for peer in ha.peers if peer is not wanted))
    other = next((peer for peer in ha.peers if peer.accepted and peer is not wanted), None)
    if other is not None:
        raise Refused(
            "A primary has one failover",
            where=other.node_id,
            hint=f"Remove the other first: sitescope-fo peer remove {other.node_id}",
            code="second_failover",
        )
    accepted = msgspec.structs.replace(wanted, accepted=True)
    return msgspec.structs.replace(ha, peers=tuple(accepted if peer is wanted else peer for peer in ha.peers))
