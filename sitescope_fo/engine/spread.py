"""Where a monitor's runs lie in its interval: a stable place, so that a restart of the process keeps it."""

from __future__ import annotations

import math
import re
import zlib
from functools import lru_cache
from urllib.parse import urlsplit

from sitescope_fo.model.monitor import Monitor, MonitorKey

_PATH = re.compile(r"[/?#]")
OVERDUE_S = 5.0
"""A monitor overdue by no more than this was running until now."""
LEAST_GAP = 0.1
"""Share of the interval that lies at least between an extra run and the next regular one."""


def place(key: MonitorKey) -> float:
    """A fraction in [0, 1) that depends on the monitor's name only."""
    return zlib.crc32(str(key).encode()) / 2**32


def goes_on(every_s: float, age_s: float | None) -> bool:
    """Whether a monitor that ran `age_s` ago, perhaps on the other node, simply goes on in that rhythm."""
    return age_s is not None and age_s <= every_s + OVERDUE_S


def first_wait(key: MonitorKey, every_s: float, age_s: float | None, within_s: float) -> float:
    """How long the first run waits: until one frequency after the last one (`age_s` ago), or spread over `within_s`.

    One that is a little overdue runs within a second; one that is long overdue or never ran is spread like the others.
    """
    if age_s is None or not goes_on(every_s, age_s):
        return place(key) * min(every_s, within_s)
    return max(every_s - age_s, place(key) * min(every_s, 1.0))


def next_slot(key: MonitorKey, every_s: float, after: float) -> float:
    """The first regular due time later than `after`, on the boot-time clock: `place x every_s` beyond a multiple of `every_s`."""
    offset = place(key) * every_s
    slot = (math.floor((after - offset) / every_s) + 1) * every_s + offset
    return slot if slot > after else slot + every_s


def next_on(anchor: float, every_s: float, after: float) -> float:
    """The first time later than `after` that lies a whole number of intervals from `anchor`."""
    found = anchor + (math.floor((after - anchor) / every_s) + 1) * every_s
    return found if found > after else found + every_s


def target_host(monitor: Monitor) -> str:
    """The host a monitor asks, by its usual settings; "" when it asks none (the node itself, a script)."""
    for name in ("host", "url"):
        value = monitor.settings.get(name)
        if isinstance(value, str) and value:
            return _host_of(value)
    return ""


def _host_of(value: str) -> str:
    path = _PATH.search(value, value.find("://") + 3 if "://" in value else 0)
    return _host_in(value[: path.start()] if path else value) or value.lower()


@lru_cache(maxsize=4096)
def _host_in(value: str) -> str:
    """The host of an address without path, "" when it has none. Kept: 10,000 monitors ask a few hosts, at each reload anew."""
    try:
        return (urlsplit(value if "://" in value else f"//{value}").hostname or "").lower()
    except ValueError:
        return ""
