"""The page Preferences."""

from __future__ import annotations

from typing import ClassVar

from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import Page


class Preferences(Page):
    """See the module."""

    scope: ClassVar[str] = "preferences"
    BINDINGS = bindings_of("preferences")
