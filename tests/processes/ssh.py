"""Debian's sshd on loopback, for one user and one key: nothing of the machine's own sshd, and no right of it, is used."""

import getpass
import os
import shlex
import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path

from tests.node.test_daemon import free_port
from tests.processes.daemon import until

SSHD = Path("/usr/sbin/sshd")
SEPARATION = Path("/run/sshd")
"""Where Debian's sshd, run by root, puts the part that talks to strangers; it does not start without."""
CONFIG = """\
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/person.pub
PidFile none
AuthenticationMethods publickey
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
PrintMotd no
PrintLastLog no
AcceptEnv LANG LC_* NO_COLOR XDG_CONFIG_HOME PYTHONPATH
"""
PASSED_ON = ("LANG", "NO_COLOR", "XDG_CONFIG_HOME", "PYTHONPATH")


def missing():
    """What keeps it from running here; "" when nothing does."""
    return "" if SSHD.is_file() and shutil.which("ssh") else "sshd and ssh are needed: openssh-server, openssh-client"


class Sshd:
    """Runs until `end`. `words(...)` are what a person types to run a program on the other side of it."""

    def __init__(self, folder):
        self._folder, self._port = folder, free_port()
        folder.mkdir(0o700)
        for name in ("host", "person"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        (folder / "config").write_text(CONFIG.format(port=self._port, folder=folder))
        key = (folder / "host.pub").read_text().split()[:2]
        (folder / "known").write_text(f"[127.0.0.1]:{self._port} {' '.join(key)}\n")
        self._made = os.geteuid() == 0 and not SEPARATION.exists()
        if self._made:
            SEPARATION.mkdir(0o755)
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", folder / "config"], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        until(self._answers, 10, "sshd to listen")

    def words(self, *program):
        """`ssh -tt` to this machine, running `program` there on a terminal of its own."""
        options = {
            "UserKnownHostsFile": self._folder / "known",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "SendEnv": " ".join(PASSED_ON),
        }
        given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        there = ("-p", str(self._port), "-l", getpass.getuser(), "127.0.0.1")
        return [
            shutil.which("ssh"),
            *("-F", "none", "-tt", "-i", str(self._folder / "person")),
            *given,
            *there,
            shlex.join(map(str, program)),
        ]

    def _answers(self):
        if self._process.poll() is not None:
            raise AssertionError(f"sshd ended: {(self._folder / 'log').read_text()}")
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def end(self):
        """Ends the listener; sessions end with their clients."""
        self._process.terminate()
        self._process.wait(10)
        self._log.close()
        if self._made:
            SEPARATION.rmdir()
