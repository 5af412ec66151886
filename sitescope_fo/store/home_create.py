"""Makes a new home in one step: built beside its place, then renamed into it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from sitescope_fo.model.config import HaConfig, NodeConfig
from sitescope_fo.model.errors import Conflict, Refused
from sitescope_fo.model.status import Role
from sitescope_fo.store.config_toml import node_config_text, save_ha_config
from sitescope_fo.store.files import REAL, Disk, make_private_dir, remove_tree, write_atomic
from sitescope_fo.store.free_name import free_name
from sitescope_fo.store.home_paths import Home, check_home_path
from sitescope_fo.store.lock import holder
from sitescope_fo.store.stamp import compact_stamp

FAILOVER_KEEP_S = 14 * 86400.0
"""How long a failover keeps results by default: its own only matter until they are merged back."""

_DEFAULTS = {
    "preferences.toml": """\
# Preferences. Reference: docs/configuration.md
#
# [mail]
# from = "sitescope@example.org"
# to = ["ops@example.org"]
# servers = [{ host = "mail.example.org", port = 25, security = "starttls" }]
""",
    "schedules.toml": """\
# Named schedules that monitors and profiles refer to. Reference: docs/configuration.md
#
# [[schedule]]
# name = "business hours"
# windows = ["mon-fri 08:00-18:00"]
""",
    "alerts.toml": """\
# Actions that alerts refer to. Reference: docs/configuration.md
#
# [[action]]
# name = "ops-mail"
# to = ["ops@example.org"]
""",
    "remotes.toml": "# Remote servers. Reference: docs/configuration.md\n",
    "users.toml": "# Users of this node. Reference: docs/configuration.md\n",
    "secrets.toml": "# Sealed secrets, written by `sitescope-fo secret set`. Reference: docs/configuration.md\n",
}


def create_home(  # noqa: PLR0913  # one answer of the wizard each
    root: Path,
    *,
    role: Role,
    port: int,
    tls: bool,
    host: str,
    node_id: str,
    force: bool,
    wall: float,
    disk: Disk = REAL,
) -> Home:
    """A complete home at `root`; after a crash there is a whole one or none.

    With `force` an existing home first moves to `<root>.backup-<UTC stamp>`. Raises Usage (`bad_home_path`), Refused
    (`home_exists`, `home_unwritable`, `home_is_mount`) or Conflict (`already_running`).
    """
    try:
        occupied = check_place(root, force=force)
        config = NodeConfig(
            role=role,
            host=host,
            port=port,
            tls=tls,
            logs_keep_s=FAILOVER_KEEP_S if role is Role.failover else NodeConfig().logs_keep_s,
        )
        if root.is_mount():
            return _create_on_mount(root, config, node_id, occupied=occupied, disk=disk)
        root.parent.mkdir(parents=True, exist_ok=True)
        return _create_beside(root, config, node_id, wall, occupied=occupied, disk=disk)
    except PermissionError as error:
        raise Refused(
            "The home cannot be made here: permission denied",
            where=str(error.filename or root),
            hint="Run as a user that may write there, or choose another folder",
            code="home_unwritable",
        ) from error


def check_place(root: Path, *, force: bool) -> bool:
    """Whether something is there that has to give way; raises what `create_home` raises before it changes anything."""
    check_home_path(root)
    occupied = root.is_symlink() or (root.exists() and (not root.is_dir() or any(root.iterdir())))
    if occupied and not force:
        raise Refused(
            "A home already exists here" if Home(root).config.exists() else "This folder is not empty",
            where=str(root),
            hint="Choose another folder, or use --force: the existing one is then kept as a backup beside it",
            code="home_exists",
        )
    if occupied:
        _refuse_if_running(Home(root))
    return occupied


def _refuse_if_running(home: Home) -> None:
    try:
        pid = holder(home)
    except NotADirectoryError:
        return
    if pid is not None:
        raise Conflict(
            f"A node runs on this home (pid {pid or 'unknown'})",
            where=str(home.root),
            hint="Stop it first",
            code="already_running",
        )


def _create_beside(root: Path, config: NodeConfig, node_id: str, wall: float, *, occupied: bool, disk: Disk) -> Home:
    staging = root.with_name(f".{root.name}.new-{os.getpid()}")
    remove_tree(staging)
    try:
        make_private_dir(staging, disk)
        _fill(Home(staging), config, node_id, disk)
        if occupied:
            disk.replace(root, free_name(root.with_name(f"{root.name}.backup-{compact_stamp(wall)}")))
        disk.replace(staging, root)
        disk.fsync_dir(root.parent)
    except OSError:
        remove_tree(staging)
        raise
    return Home(root)


def _create_on_mount(root: Path, config: NodeConfig, node_id: str, *, occupied: bool, disk: Disk) -> Home:
    """A mount point cannot be renamed over; it is filled in place, config.toml (what makes it a home) last."""
    if occupied:
        raise Refused(
            "This home is a mount point with something on it; it cannot be moved aside",
            where=str(root),
            hint="Empty it, or use a folder below it",
            code="home_is_mount",
        ) from OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(root))
    root.chmod(0o700)
    _fill(Home(root), config, node_id, disk)
    return Home(root)


def _fill(home: Home, config: NodeConfig, node_id: str, disk: Disk) -> None:
    for folder in home.folders:
        make_private_dir(folder, disk)
    for name, text in _DEFAULTS.items():
        write_atomic(home.persistence / name, text.encode(), disk=disk)
    save_ha_config(home, HaConfig(node_id=node_id), disk)
    write_atomic(home.config, node_config_text(config).encode(), disk=disk)
