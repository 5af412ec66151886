"""Monitors that watch the primary's own host, and the same monitors watching another host instead. Pure.

After a take-over such a monitor would only repeat that the primary is gone (guide: monitors on the server itself).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Set as AbstractSet

import msgspec

from sitescope_fo.model.monitor import Monitor
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec
from sitescope_fo.monitors.target import host_of, with_host

OWN_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost", "sitescope server", "this server"})
"""Words for 'the node itself', lower case; 'SiteScope Server' is the guide's."""


def targets_primary(monitor: Monitor, spec: TypeSpec, primary: AbstractSet[str]) -> bool:
    """Whether the monitor watches the primary's own host.

    `primary` holds its names and addresses, in any case. A script may watch anything, so it never counts.
    """
    if spec.measures_self:
        return True
    if not spec.host_setting:
        return False
    host = host_of(_target(monitor, spec))
    return _is_own(host) or _same(host, primary)


def retarget(monitor: Monitor, spec: TypeSpec, new_host: str) -> Monitor:
    """The monitor with `new_host` in the place of its host.

    The same monitor when it names no host: its type, or this one (a certificate in a file), always watches its own node.
    """
    if not spec.host_setting or (spec.host_setting not in monitor.settings and not _setting(spec).required):
        return monitor
    moved = with_host(_target(monitor, spec), new_host)
    return msgspec.structs.replace(monitor, settings={**monitor.settings, spec.host_setting: moved})


def _setting(spec: TypeSpec) -> SettingSpec:
    return next(setting for setting in spec.settings if setting.name == spec.host_setting)


def _target(monitor: Monitor, spec: TypeSpec) -> str:
    """The setting that names the host, or its default."""
    target = monitor.settings.get(spec.host_setting, _setting(spec).default)
    return target if isinstance(target, str) else ""


def _is_own(host: str) -> bool:
    if host in OWN_NAMES:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _same(host: str, primary: AbstractSet[str]) -> bool:
    wanted = _plain(host)
    return any(_plain(name) == wanted for name in primary)


def _plain(name: str) -> str:
    """One spelling: addresses in their short form, names in lower case without the final dot."""
    word = name.strip().strip("[]").lower().removesuffix(".")
    try:
        address = ipaddress.ip_address(word)
    except ValueError:
        return word
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
