"""`python -m tests.console.fragile HOME`: the console with keys that break something.

F7 paints without end, F9 breaks the console, F10 the engine.
"""

import sys
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding

from sitescope_fo.cli.failure import tell
from sitescope_fo.console.start import on_own_engine
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.store.home import Home

PAINT_EVERY_S = 0.02


def break_writer(service):
    def broken(*_):
        raise LookupError("the engine broke")

    service._node.writer._decide = broken


def main(root):
    from sitescope_fo.console import safe_app

    class FragileConsole(safe_app.SafeConsole):
        BINDINGS: ClassVar = [
            Binding("f7", "paint", priority=True),
            Binding("f9", "crash", priority=True),
            Binding("f10", "break_engine", priority=True),
        ]

        def action_paint(self):
            self.set_interval(PAINT_EVERY_S, lambda: self.refresh(layout=True))

        def action_crash(self):
            password = "planted-" + "secret"
            raise ValueError(f"{len(password)} letters")

        def action_break_engine(self):
            self.client._host._tell(break_writer)

    safe_app.SafeConsole = FragileConsole
    try:
        return on_own_engine(Home(Path(root)), read_only=False)
    except SiteScopeError as error:
        return tell(error, path="fragile", as_json=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
