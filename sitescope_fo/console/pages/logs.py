"""The page Logs."""

from __future__ import annotations

from typing import ClassVar

from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import Page


class Logs(Page):
    """See the module."""

    scope: ClassVar[str] = "logs"
    BINDINGS = bindings_of("logs")
