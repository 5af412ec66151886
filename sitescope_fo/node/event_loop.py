"""Which event loop a daemon runs on: uvloop when it is installed (extra `speed`), else asyncio's own."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

from sitescope_fo.model.errors import ConfigInvalid
from sitescope_fo.model.ports import Environment

VARIABLE = "SITESCOPE_LOOP"


def wants_uvloop(environment: Environment) -> bool:
    """Whether to run on uvloop. SITESCOPE_LOOP says `auto` (also when it is empty or not there), `asyncio` or `uvloop`.

    Raises ConfigInvalid when it says something else, or wants what is not installed.
    """
    installed = find_spec("uvloop") is not None
    match environment.get(VARIABLE, "") or "auto":
        case "auto":
            return installed
        case "asyncio":
            return False
        case "uvloop" if installed:
            return True
        case "uvloop":
            what, hint = "uvloop is not installed", "Install the extra 'speed', or leave SITESCOPE_LOOP away"
        case other:
            what, hint = f"'{other}' is no event loop", "SITESCOPE_LOOP is auto, asyncio or uvloop"
    raise ConfigInvalid(what, where=VARIABLE, hint=hint, code="bad_loop")


def running_loop() -> str:
    """The name of the loop that runs here: asyncio or uvloop."""
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
