"""The page Failover."""

from __future__ import annotations

from typing import ClassVar

from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import Page


class Failover(Page):
    """See the module."""

    scope: ClassVar[str] = "failover"
    BINDINGS = bindings_of("failover")
