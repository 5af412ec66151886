"""How a console starts: on an engine of its own, or attached to a node that runs. Imports the toolkit only after the fork."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.console.terminal import Terminal
from sitescope_fo.console.waiter import Leash, beside_a_waiter
from sitescope_fo.store.home import Home

if TYPE_CHECKING:
    from sitescope_fo.console.signals import Signals


def on_own_engine(home: Home, *, read_only: bool, slow: bool = False) -> int:
    """Runs the node of a home with a console in front; the exit code. Raises SiteScopeError: it cannot start, or crashed."""
    terminal = Terminal()

    def work(leash: Leash, signals: Signals) -> int:
        from sitescope_fo.console.letters import as_given
        from sitescope_fo.console.program import Program
        from sitescope_fo.console.taste import taste_for

        taste = taste_for(as_given())
        return Program(home, taste, slow=slow, read_only=read_only, terminal=terminal, leash=leash, signals=signals).run()

    return beside_a_waiter(work, terminal)
