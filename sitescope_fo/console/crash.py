"""What becomes of a crash of the console: its frames go to error.log, one line with its kind and place to people."""

from __future__ import annotations

import traceback
from contextlib import suppress
from pathlib import Path

from sitescope_fo.node.ports.clock import SystemClock
from sitescope_fo.store.home import Home
from sitescope_fo.store.textlog import TextLog, event_line

_DEEPEST = 12


def note_crash(home: Home, error: BaseException) -> str:
    """Writes a crash down, without local variables; its kind and innermost place, for people.

    The message is only in the log: it may quote what somebody typed.
    """
    frames = traceback.extract_tb(error.__traceback__)[-_DEEPEST:]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames)]
    kind = type(error).__name__
    fields = {"event": "console_crashed", "what": f"{kind}: {error}", "where": " < ".join(places)}
    with suppress(OSError):  # a full disk: the line for people is what is left
        TextLog(home.error_log).append([event_line(SystemClock().wall(), "ERROR", fields)])
    return f"{kind} at {places[0]}" if places else kind
