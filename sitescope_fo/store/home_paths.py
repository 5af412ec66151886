"""The names of everything in an application home. Knows names only; nothing here touches the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

import msgspec

from sitescope_fo.model.config import DEFAULT_PORT, DEFAULT_TLS_PORT
from sitescope_fo.model.errors import Usage

HOME_NAME = "SiteScope"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")


class Home(msgspec.Struct, frozen=True):
    """The paths of one home."""

    root: Path

    @property
    def config(self) -> Path:
        """Node settings."""
        return self.root / "config.toml"

    @property
    def groups(self) -> Path:
        """Groups, monitors and alerts: `<group>/…/group.toml`."""
        return self.root / "groups"

    @property
    def persistence(self) -> Path:
        """Preferences, schedules, actions, remotes, users, secrets."""
        return self.root / "persistence"

    @property
    def scripts(self) -> Path:
        """What script monitors may run."""
        return self.root / "scripts"

    @property
    def templates(self) -> Path:
        """Mail templates."""
        return self.root / "templates"

    @property
    def certificates(self) -> Path:
        """Server, client and trusted certificates of this node; never mirrored."""
        return self.root / "certificates"

    @property
    def logs(self) -> Path:
        """Text logs."""
        return self.root / "logs"

    @property
    def daily(self) -> Path:
        """Results, one SQLite file a UTC day."""
        return self.logs / "daily"

    @property
    def event_log(self) -> Path:
        """high_availability.log."""
        return self.logs / "high_availability.log"

    @property
    def error_log(self) -> Path:
        """error.log."""
        return self.logs / "error.log"

    @property
    def audit_log(self) -> Path:
        """audit.log."""
        return self.logs / "audit.log"

    @property
    def run_log(self) -> Path:
        """run.log."""
        return self.logs / "run.log"

    @property
    def high_availability(self) -> Path:
        """What belongs to the pair."""
        return self.root / "high_availability"

    @property
    def ha_config(self) -> Path:
        """Node id, profiles, peers; never mirrored."""
        return self.high_availability / "ha.config.toml"

    @property
    def state(self) -> Path:
        """The state cells."""
        return self.high_availability / "state.sqlite"

    @property
    def keys(self) -> Path:
        """Node key, LW-SSO roots, configuration keys; never mirrored."""
        return self.high_availability / "keys"

    @property
    def failover(self) -> Path:
        """One folder for each mirrored primary."""
        return self.high_availability / "failover"

    def failover_dir(self, host_folder: str) -> Path:
        """The mirror folder of one primary; `host_folder` comes from `profile_folder_name`."""
        return self.failover / host_folder

    @property
    def backups(self) -> Path:
        """On a primary: its configuration before each merge."""
        return self.high_availability / "backups"

    @property
    def last_good(self) -> Path:
        """The last configuration that loaded, run after a restart over a bad edit."""
        return self.high_availability / "last_good"

    @property
    def cache(self) -> Path:
        """Compiled configuration; may be deleted at any time."""
        return self.high_availability / "cache"

    @property
    def edited(self) -> Path:
        """Copies of commented files that a program had to rewrite."""
        return self.backups / "edited"

    @property
    def run(self) -> Path:
        """What only lives while a node runs."""
        return self.root / "run"

    @property
    def lock(self) -> Path:
        """The single-instance lock."""
        return self.run / "lock"

    @property
    def socket(self) -> Path:
        """The local command socket, or a file that holds its path when this one would be too long for the kernel."""
        return self.run / "console.sock"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder of a complete home, parents first."""
        return (
            self.groups,
            self.persistence,
            self.scripts,
            self.templates,
            self.certificates,
            self.logs,
            self.daily,
            self.high_availability,
            self.keys,
            self.failover,
            self.backups,
            self.edited,
            self.run,
        )


def profile_folder_name(host: str, port: int, taken: Collection[str]) -> str:
    """The mirror folder of a primary: its host in lower case, `_port` appended when that is no default port or the name is taken.

    Characters outside [a-z0-9.-] are percent-encoded, so that no host name can leave the folder. Raises Usage for an empty one.
    """
    folded = host.strip().lower()
    if not folded:
        raise Usage("A primary needs a host name", code="bad_host", hint="Give --primary-host HOST")
    name = "".join(c if c in _PLAIN else "".join(f"%{b:02x}" for b in c.encode("utf-8", "surrogatepass")) for c in folded)
    if name.startswith("."):
        name = "%2e" + name[1:]
    if len(name) > 200:
        name = f"{name[:180]}-{hashlib.sha256(folded.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    if port in {DEFAULT_PORT, DEFAULT_TLS_PORT} and name not in taken:
        return name
    name = f"{name}_{port}"
    candidate, n = name, 1
    while candidate in taken:
        n += 1
        candidate = f"{name}-{n}"
    return candidate


def check_home_path(path: Path) -> None:
    """Lets a path pass at which a home may lie: last folder exactly `SiteScope`, printable ASCII without spaces.

    The rule is the guide's for the installation path. Raises Usage (`bad_home_path`).
    """
    text = str(path)
    if not path.is_absolute():
        raise _bad_path(text, "is not an absolute path", "Give the whole path, such as /opt/SiteScope")
    if path.name != HOME_NAME:
        raise _bad_path(
            text, f"does not end with a folder named {HOME_NAME}", f"Use {path / HOME_NAME} (upper and lower case count)"
        )
    if any(c.isspace() for c in text):
        raise _bad_path(text, "contains a space", "Choose a path without spaces")
    odd = sorted({c for c in text if not "!" <= c <= "~"})
    if odd:
        shown = " ".join(repr(c)[1:-1] for c in odd)
        raise _bad_path(text, f"contains characters that are not plain Latin ones: {shown}", "Use only a-z, A-Z, 0-9, . - _ /")


def _bad_path(text: str, what: str, hint: str) -> Usage:
    return Usage(f"The home path {what}", where=text, hint=hint, code="bad_home_path")
