"""A terminal as people use it, tmux on a socket of its own, which says what stands on its screen."""

import shlex
import shutil
import subprocess
from pathlib import Path

from tests.processes.daemon import environment, until

WITHIN_S = 30


def missing():
    """What keeps it from running here; "" when nothing does."""
    return "" if shutil.which("tmux") else "tmux is needed"


class Tmux:
    """Shows `argv` in a window of `size` (columns, lines) until `end`."""

    def __init__(self, folder, argv, *, size=(80, 24), **env):
        self._socket = folder / "tmux"
        self._env = environment(**{"LANG": "C.UTF-8", **env})
        self._env.pop("TMUX", None)
        setup = ["set", "-g", "default-terminal", "tmux-256color", ";", "set", "-s", "set-clipboard", "on", ";"]
        setup += [
            "set",
            "-s",
            "escape-time",
            "0",
            ";",
            "set",
            "-g",
            "status",
            "off",
            ";",
            "set",
            "-g",
            "remain-on-exit",
            "on",
            ";",
        ]
        width, height = map(str, size)
        self._do("start-server", ";", *setup, "new-session", "-d", "-x", width, "-y", height, shlex.join(map(str, argv)))

    def _do(self, *words):
        done = subprocess.run(
            ["tmux", "-u", "-f", "/dev/null", "-S", self._socket, *words],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )
        assert done.returncode == 0, f"tmux {' '.join(words)}: {done.stderr}"
        return done.stdout

    def press(self, *keys):
        """Presses keys, named as tmux does: `2`, `Escape`, `C-p`."""
        self._do("send-keys", *keys)

    def resize(self, width, height):
        """Makes the window as wide and high as that."""
        self._do("resize-window", "-x", str(width), "-y", str(height))

    def lines(self):
        """The screen, line by line."""
        return self._do("capture-pane", "-p").splitlines()

    def text(self):
        """The screen."""
        return "\n".join(self.lines())

    def shows(self, *parts, no=()):
        """Waits until all `parts` stand on the screen and none of `no`; the screen."""

        def seen():
            text = self.text()
            return text if all(part in text for part in parts) and not any(part in text for part in no) else ""

        try:
            return until(seen, WITHIN_S, f"{parts} on the screen")
        except AssertionError as late:
            raise AssertionError(f"{late}, on which stands:\n{self.text()}") from None

    def clipboard(self):
        """What was copied last, "" for nothing."""
        try:
            return self._do("show-buffer")
        except AssertionError:
            return ""

    def program(self):
        """The process in the window."""
        return int(self._do("display-message", "-p", "#{pane_pid}"))

    def ended(self):
        """Waits until the program has ended: tmux does not always tell its exit code."""
        words = Path(f"/proc/{self.program()}/cmdline")
        until(lambda: not words.exists() or not words.read_bytes(), WITHIN_S, "the program to end")

    def end(self):
        """Ends the server and with it what runs in the window."""
        if self._socket.exists():
            self._do("kill-server")
