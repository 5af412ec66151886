"""The application home: a folder named exactly `SiteScope` with everything a node owns. Finding, opening and making it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sitescope_fo.model.errors import ConfigInvalid, Refused, Unreachable
from sitescope_fo.store.home_create import create_home
from sitescope_fo.store.home_paths import HOME_NAME, Home, check_home_path, profile_folder_name

__all__ = [
    "DEFAULT_HOME",
    "HOME_NAME",
    "HOME_VARIABLE",
    "Home",
    "check_home_path",
    "create_home",
    "find_home",
    "open_home",
    "profile_folder_name",
]

DEFAULT_HOME = Path("/opt/SiteScope")
HOME_VARIABLE = "SITESCOPE_HOME"
_SETUP_HINT = "Make one with: sitescope-fo setup --role primary --home {}"


def find_home(cli_value: str | None, env: Mapping[str, str]) -> Path:
    """The absolute path of the home asked for: `--home`, else SITESCOPE_HOME, else /opt/SiteScope. Does not look at the disk."""
    text = cli_value or env.get(HOME_VARIABLE, "")
    return Path(text).expanduser().absolute() if text else DEFAULT_HOME


def open_home(root: Path) -> Home:
    """The home at `root`.

    Raises Unreachable (`home_missing`), ConfigInvalid (`not_a_home`) or Refused (`home_unreadable`), each with what to do.
    """
    home = Home(root)
    try:
        if not root.exists():
            raise Unreachable("There is no SiteScope home", where=str(root), hint=_SETUP_HINT.format(root), code="home_missing")
        if not root.is_dir():
            raise _not_a_home(root, "This is a file, not a home")
        present = {entry.name for entry in root.iterdir()}
        if home.config.name not in present or home.high_availability.name not in present:
            raise _not_a_home(root, "This folder is not a SiteScope home")
        with home.config.open("rb"):
            pass
    except PermissionError as error:
        raise Refused(
            "The home cannot be read",
            where=str(error.filename or root),
            hint="Run as the user that owns it, or as root",
            code="home_unreadable",
        ) from error
    return home


def _not_a_home(root: Path, what: str) -> ConfigInvalid:
    return ConfigInvalid(what, where=str(root), hint=_SETUP_HINT.format(root), code="not_a_home")
