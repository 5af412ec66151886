"""A terminal with a job-control shell in it, as a program finds it after a login over SSH.

Counts what is written, may stop reading (a link that stands still) or vanish, and tells in which state the program left it. The
shell runs one program in a process group of its own in the foreground and then says `[exit N]`; it mends nothing.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import threading
import time
from pathlib import Path

LATE_S = 30
_MODE = re.compile(rb"\x1b\[\?(\d+)([hl])")
_ENDED = re.compile(rb"\[exit (-?\d+)\]")
_ESCAPES = re.compile(rb"\x1b\[[0-9;?<>=$]*[a-zA-Z]|\x1b\][^\x07]*\x07|\x1b[()][A-Z0-9]|[\x00-\x08\x0e-\x1f]")
_NORMALLY_ON = {7, 25}  # lines wrap, the cursor shows


def until(*args):
    from tests.processes.daemon import until  # the shell below has no packages

    return until(*args)


class Terminal:
    """Runs `argv` on a terminal of `size` (columns, lines).

    With `loose` it is not the program's controlling terminal, as below some wrappers: nobody hangs up on it when it vanishes.
    """

    def __init__(self, argv, *, size=(100, 30), loose=False, **env):
        words = [sys.executable, "-ES", __file__, "loose" if loose else "job", *map(str, argv)]
        from tests.processes.daemon import environment

        environ = environment(TERM="xterm-256color", COLORTERM="truecolor", **env)
        self.shell, self.master = pty.fork()
        if self.shell == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            os.execve(words[0], words, environ)
        self.output = bytearray()
        self.settings = termios.tcgetattr(self.master)
        self._change = threading.Condition()
        self._reading, self._gone = threading.Event(), False
        self._reading.set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while not self._gone:
            self._reading.wait()
            if not select.select([self.master], [], [], 0.05)[0] or not self._reading.is_set():
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            with self._change:
                self.output += data
                self._change.notify_all()
            if not data:
                return

    # --- what a person and a network do ---

    def type(self, keys):
        os.write(self.master, keys.encode())

    def stall(self):
        """Reads nothing any more."""
        self._reading.clear()

    def resume(self):
        self._reading.set()

    def vanish(self):
        """Closes the other side: whoever reads gets the end, the kernel hangs up."""
        self._gone = True
        self._reading.set()
        self._reader.join(5)
        os.close(self.master)
        self.master = -1

    def end(self):
        """Ends the shell; what has left the terminal goes on."""
        if self.master >= 0:
            self.vanish()
        if self.shell:
            os.kill(self.shell, signal.SIGKILL)
            os.waitpid(self.shell, 0)
            self.shell = 0

    # --- what is seen ---

    def shows(self, text, within_s=LATE_S, start=0):
        """Waits until `text` was written without escape sequences in it, from the byte `start` on."""
        self.sees(lambda written: text in written, within_s, start, repr(text))

    def sees(self, wanted, within_s=LATE_S, start=0, what="what was wanted"):
        """Waits until `wanted` is true of what was written from the byte `start` on, without escape sequences."""
        with self._change:
            if not self._change.wait_for(lambda: wanted(_plain(self.output[start:])), within_s):
                raise AssertionError(f"no {what} within {within_s} s in: {self.plain()[-2000:]}")

    def exit_code(self, within_s=LATE_S):
        """The exit code the shell saw, once it has its prompt back."""
        with self._change:
            if not self._change.wait_for(lambda: _ENDED.search(self.output), within_s):
                raise AssertionError(f"the program did not end within {within_s} s: {self.plain()[-2000:]}")
        return int(_ENDED.search(self.output)[1])

    def plain(self):
        """The output without escape sequences."""
        return _plain(self.output)

    def after_screen(self):
        """What stands on the terminal after the full-screen program has left it."""
        return _plain(self.output[self.output.rfind(b"\x1b[?1049l") :])

    def left_on(self):
        """Numbers of the modes that are otherwise than in a fresh terminal: 1049 is the alternate screen, 25 the cursor."""
        state = {int(number): way == b"h" for number, way in _MODE.findall(self.output)}
        return {number for number, on in state.items() if on != (number in _NORMALLY_ON)}

    def is_restored(self):
        return not self.left_on() and termios.tcgetattr(self.master) == self.settings

    def program(self):
        """The process the shell started."""
        return until(lambda: next(iter(children(self.shell)), 0), LATE_S, "the program")

    def worker(self):
        """The child of that process, which does the work."""
        return until(lambda: next(iter(children(self.program())), 0), LATE_S, "the worker")


def _plain(output):
    return _ESCAPES.sub(b"", output).decode("utf-8", "replace")


def children(pid):
    """Process ids of the children of all threads of a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def cpu_s(pid):
    """Processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _shell(kind, argv):
    """Runs a program in the foreground as a shell does, says how it ended, and waits for the end."""
    for number in (signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        if kind == "loose":
            os.setsid()
        else:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpgrp())
        for number in (signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.execv(argv[0], argv)
    status = os.waitpid(job, 0)[1]
    os.tcsetpgrp(0, os.getpgrp())
    os.write(1, b"[exit %d]" % os.waitstatus_to_exitcode(status))
    while True:
        time.sleep(60)


if __name__ == "__main__":
    _shell(sys.argv[1], sys.argv[2:])
