"""`setup`: makes a home, after every check the wizard of the guide makes."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import msgspec

from sitescope_fo.model.config import DEFAULT_PORT, DEFAULT_TLS_PORT
from sitescope_fo.model.errors import Conflict, Refused, Usage
from sitescope_fo.model.status import Role
from sitescope_fo.node.ports.clock import SystemClock
from sitescope_fo.node.ports.randomness import SystemRandomness
from sitescope_fo.security.keys import new_keys, save_keys
from sitescope_fo.store.home import check_home_path, create_home
from sitescope_fo.store.home_create import check_place

LEAST_DISK_BYTES = 200 * 1024 * 1024


class SetupReport(msgspec.Struct, frozen=True, kw_only=True):
    """What setup did, or would do."""

    home: str
    role: Role
    port: int
    tls: bool
    host: str
    node_id: str
    backup: str = ""
    dry_run: bool = False
    next_steps: tuple[str, ...] = ()


def run_setup(  # one answer of the wizard each
    root: Path, *, role: Role, port: int = 0, tls: bool = False, host: str = "", force: bool = False, dry_run: bool = False
) -> SetupReport:
    """Makes the home at `root`. Blocking.

    Raises Usage (`bad_home_path`, `bad_port`), Refused (`home_exists`, `home_unwritable`, `disk_full`), Conflict (`port_in_use`,
    `already_running`); then nothing was made.
    """
    check_home_path(root)
    wanted = port or (DEFAULT_TLS_PORT if tls else DEFAULT_PORT)
    check_port(wanted)
    check_disk(root)
    clock, chance = SystemClock(), SystemRandomness()
    node_id = chance.uid(clock.wall())
    name = host or socket.gethostname()
    backup = ""
    if dry_run:
        check_place(root, force=force)
    else:
        before = _backups(root)
        home = create_home(root, role=role, port=wanted, tls=tls, host=host, node_id=node_id, force=force, wall=clock.wall())
        save_keys(home.keys, new_keys())
        backup = next((str(path) for path in _backups(root) - before), "")
    return SetupReport(
        home=str(root),
        role=role,
        port=wanted,
        tls=tls,
        host=name,
        node_id=node_id,
        backup=backup,
        dry_run=dry_run,
        next_steps=next_steps(root, role),
    )


def _backups(root: Path) -> set[Path]:
    return set(root.parent.glob(f"{root.name}.backup-*"))


def check_port(port: int) -> None:
    """Raises Usage for a number that is no port, Conflict when something listens on it, Refused when it may not be used."""
    if not 1 <= port <= 65535:
        raise Usage(f"{port} is no port", where="--port", hint="Give a number from 1 to 65535", code="bad_port")
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104  # the default bind
        try:
            with socket.socket(family, socket.SOCK_STREAM) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((address, port))
                sock.listen(1)
        except PermissionError as error:
            raise Refused(
                f"Port {port} needs more rights",
                where="--port",
                hint="Use a port above 1023, or run as root",
                code="port_forbidden",
            ) from error
        except OSError as error:
            if family == socket.AF_INET6 and not socket.has_ipv6:
                continue
            if error.errno in {97, 99}:  # EAFNOSUPPORT, EADDRNOTAVAIL: this machine has no IPv6
                continue
            raise Conflict(
                f"Port {port} is in use",
                where="--port",
                hint=f"Choose another one, or see who has it: ss -ltnp 'sport = :{port}'",
                code="port_in_use",
            ) from error


def check_disk(root: Path) -> None:
    """Raises Refused (`disk_full`) when the disk has too little room."""
    place = next((folder for folder in (root, *root.parents) if folder.exists()), Path("/"))
    free = shutil.disk_usage(place).free
    if free < LEAST_DISK_BYTES:
        raise Refused(
            f"Only {free // 1024 // 1024} MiB are free",
            where=str(place),
            hint=f"Free at least {LEAST_DISK_BYTES // 1024 // 1024} MiB",
            code="disk_full",
        )


def next_steps(root: Path, role: Role) -> tuple[str, ...]:
    """What to type next."""
    base = f"sitescope-fo --home {root}"
    first = f"{base} lwsso set    # the same passphrase on both nodes"
    start = f"{base} --daemon"
    mail = f"{base} mail set --host MAILSERVER --from ADDR --to ADDR"
    if role is Role.failover:
        return (first, start, mail, f"{base} profile add NAME --primary-host HOST --port PORT")
    add = f"{base} monitor add Web --type url --name Home --frequency 1m --set url=https://www.example.org/"
    return (first, start, mail, f"{base} group add Web", add)


def current_user() -> str:
    """The account this process runs under, by name or number."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
