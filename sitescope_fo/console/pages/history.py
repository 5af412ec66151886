"""The page History."""

from __future__ import annotations

from typing import ClassVar

from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import Page


class History(Page):
    """See the module."""

    scope: ClassVar[str] = "history"
    BINDINGS = bindings_of("history")
