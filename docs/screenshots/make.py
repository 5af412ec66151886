"""Makes an SVG picture of what a command prints on a terminal: `python docs/screenshots/make.py OUT.svg COLUMNS COMMAND …`.

The command runs on a real pseudo-terminal, so that colour and width are what an operator sees.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text


def captured(columns: int, command: list[str]) -> str:
    """What the command printed."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.environ["COLUMNS"] = str(columns)
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    data = io.BytesIO()
    while True:
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            break
        if not chunk:
            break
        data.write(chunk)
    os.waitpid(pid, 0)
    return data.getvalue().decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n")


def main() -> None:
    """Entry point."""
    out, columns, command = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    text = captured(columns, command)
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(text))
    out.write_text(console.export_svg(title=" ".join(["sitescope-fo", *command[-1:]])), encoding="utf-8")


if __name__ == "__main__":
    main()
