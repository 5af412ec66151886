"""The pages. Each is imported when it is first shown: the first paint waits for one page only."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from sitescope_fo.console.page import Page

_CLASSES = {
    "monitors": "Monitors",
    "failover": "Failover",
    "logs": "Logs",
    "history": "History",
    "preferences": "Preferences",
}


def page_of(name: str) -> Callable[[], Page]:
    """What makes the page of that name."""

    def made() -> Page:
        page: Page = getattr(import_module(f"sitescope_fo.console.pages.{name}"), _CLASSES[name])()
        return page

    return made
