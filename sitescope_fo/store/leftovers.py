"""What a killed process leaves behind: temp files of writes that never became the file they were for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sitescope_fo.store.files import TEMP_SUFFIX
from sitescope_fo.store.home import Home

_TEMP = re.compile(rf"\.\d+-\d+{re.escape(TEMP_SUFFIX)}")
"""As `store.files` names them; a person's own hidden file is none of them."""


def sweep_home(home: Home) -> int:
    """Removes them everywhere but in the mirrors, which sweep their own folders; returns how many.

    Only before anything writes to the home. What cannot be removed stays for the next start. Blocking.
    """
    swept = 0
    for path in _leftovers(home):
        with suppress(OSError):
            path.unlink()
            swept += 1
    return swept


def _leftovers(home: Home) -> Iterator[Path]:
    flat = (home.root, home.high_availability, home.persistence, home.certificates, home.cache, home.keys)
    for folder in flat:
        with suppress(OSError):
            yield from [Path(entry.path) for entry in os.scandir(folder) if _TEMP.fullmatch(entry.name)]
    for root in (home.groups, home.templates, home.last_good, home.backups):
        for place, folders, names in os.walk(root):  # a link to a folder, about to be flipped, is listed among the folders
            yield from [Path(place, name) for name in (*names, *folders) if _TEMP.fullmatch(name)]
