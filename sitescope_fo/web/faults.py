"""What becomes of faults: those of the web server and of monitor types go to error.log, one that ends the node says so."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

from sitescope_fo.model.errors import Internal, SiteScopeError
from sitescope_fo.model.monitor import Monitor
from sitescope_fo.node.ports.clock import SystemClock
from sitescope_fo.node.records import Records
from sitescope_fo.store.home import Home


class ToErrorLog(logging.Handler):
    """Puts what the web server has to say (bugs behind a route, with their frames) into error.log, and never on the terminal."""

    def __init__(self, records: Records) -> None:
        super().__init__(logging.WARNING)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        """One message."""
        error = record.exc_info[1] if record.exc_info else None
        frames = traceback.extract_tb(error.__traceback__)[-5:] if error is not None else []
        where = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
        what = f"{record.getMessage()}: {type(error).__name__}: {error}" if error is not None else record.getMessage()
        self._records.event("web_server", what, level="ERROR", where=where)


class BrokenTypes:
    """Passes defects of monitor types on to the log, once there is one."""

    records: Records | None = None

    def tell(self, monitor: Monitor, error: Exception) -> None:
        """One defect."""
        if self.records is not None:
            what = f"the monitor type {monitor.type} is broken: {type(error).__name__}: {error}"
            self.records.event("monitor_type_broken", what, level="ERROR", where=monitor.path)


def ending(home: Home, error: Exception) -> SiteScopeError:
    """What to tell people of an error that ended the node: the error itself where it was raised on purpose, else that it crashed.

    A crash is written to error.log with its frames, never with local variables.
    """
    found = tuple(_leaves(error))
    known = [leaf for leaf in found if isinstance(leaf, SiteScopeError)]
    if len(known) == len(found):
        return known[0]
    text = "".join(traceback.format_exception(error, limit=20))
    clock = SystemClock()
    with home.error_log.open("a", encoding="utf-8") as log:
        log.write(f"{clock.local(clock.wall()).isoformat()} ERROR event=crash\n{text}\n")
    return Internal("The node crashed", where=str(home.error_log), hint="Please report the lines at its end", code="crash")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error
