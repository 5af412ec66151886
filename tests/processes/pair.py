"""A primary and a failover as real processes, and the homes they are copied from."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.processes.daemon import Daemon, Late, until

PROFILE = "prod"
OPS = "ops@example.org"
PASSPHRASE = "three words of test passphrase"
CHECK_EVERY_S, ACTIVATE_AFTER_S, STABLE_FOR_S = 0.5, 3.5, 1.0
"""The preset fast with a shorter wait, so that these tests are; tests/bench measures the preset itself."""
TIMING = ("--preset", "fast", "--activate-after", f"{ACTIVATE_AFTER_S * 1000:.0f}ms", "--stable-for", f"{STABLE_FOR_S:g}s")
PROMISE_S = ACTIVATE_AFTER_S + 1.0
"""R1: from the last sign of life to the first check on the failover."""
NOISE_S = 2.0
"""What a busy test machine may add to any promise."""
STEP_S = 20.0
"""A step that takes longer has failed."""
PLUGIN = Path("/usr/lib/nagios/plugins/check_tcp")
PAGES = ("a", "b", "c")
MONITORS = 8


class Pair:
    """Both nodes over homes below `folder`."""

    def __init__(self, folder, town):
        self.town = town
        self.primary = Daemon("primary", folder / "primary" / "SiteScope", town.primary_port, town.inside("primary"))
        self.failover = Daemon("failover", folder / "failover" / "SiteScope", town.failover_port, town.inside("failover"))
        self.folder = folder
        self.nodes = (self.failover, self.primary)

    def start(self, **env):
        """Starts both and returns when the failover stands by for a running primary."""
        for node in self.nodes:
            node.start(wait=False, **env)
        for node in self.nodes:
            until(node.answers, 30, f"the {node.name} to answer")
        self.wait_protected()
        return self

    def end(self):
        for node in self.nodes:
            node.end()

    def tail(self):
        return "".join(node.tail() for node in self.nodes)

    # --- states ---

    def profile(self):
        """The profile in the failover's `status --json`."""
        return self.failover.status()["profiles"][0]

    def protected(self):
        """Whether the failover stands by, fit, and the primary runs and was heard just now."""
        profile = self.profile()
        return (
            profile["state"] == "standby"
            and profile["mirror"]["verified"]
            and profile["primary"]["state"] == "running"
            and self.primary.status()["node"]["state"] == "running"
        )

    def wait_protected(self, within_s=30):
        try:
            until(self.protected, within_s, "a running primary and a failover in standby")
        except Late as late:
            raise Late(f"{late}: {self.tail()}") from None

    def wait_position(self, position, within_s=STEP_S):
        try:
            until(lambda: self.profile()["position"] == position, within_s, f"position {position}")
        except Late as late:
            raise Late(f"{late}: {self.tail()}") from None

    def wait_checked(self, node, since, within_s=STEP_S):
        """Returns when every monitor has a result of `node` that started after `since`."""
        try:
            until(lambda: len({c.monitor for c in node.checks(since)}) >= MONITORS, within_s, f"all results of the {node.name}")
        except Late as late:
            raise Late(f"{late}: {self.tail()}") from None

    def wait_letter(self, subject, since=0.0, within_s=STEP_S):
        try:
            return until(lambda: self.town.mail.about(subject, since), within_s, f"a mail '{subject}'")[0]
        except Late as late:
            raise Late(f"{late}: {[one.subject for one in self.town.mail.letters]} {self.tail()}") from None

    @staticmethod
    def now():
        """The wall clock that both nodes and the harness share."""
        return time.time()

    def quiet_for(self, seconds):
        """Lets the pair live for a while: for what must *not* happen, time is all there is."""
        time.sleep(seconds)

    def took_over(self, since=0.0):
        """Whether the failover acted, or was about to."""
        return any("activating" in move for move in self.failover.moves(since))

    def takes_over(self, since):
        """Waits for a takeover; gives the change to `activating` and the first check it started."""
        moved = self.failover.reached("activating", STEP_S, since)
        self.failover.reached("active", STEP_S, since)
        until(lambda: self.failover.checks(moved.wall), STEP_S, "a result of the failover")
        return moved, self.failover.checks(moved.wall)[0]

    def steps_back(self, since):
        """Waits for the whole way back; gives the change to `standby`."""
        self.failover.reached("recovering", STEP_S, since)
        standby = self.failover.reached("standby", STEP_S, since)
        until(lambda: self.primary.status()["node"]["state"] == "running", STEP_S, "the primary to run")
        return standby

    def doubled(self, since, before):
        """Checks that the primary started between two starts of the failover: what must not be."""
        acted = [one.started for one in self.failover.checks(since, before)]
        return [one for one in self.primary.checks(since, before) if acted and acted[0] <= one.started <= acted[-1]]


def make_template(folder, town, timing=TIMING, configure=None):
    """Two homes, set up, configured and mirrored by the real command line; no daemon runs on them afterwards.

    `configure(primary, town)` gives the primary other monitors than these tests use.
    """
    pair = Pair(folder, town)
    with ThreadPoolExecutor() as both:
        list(both.map(partial(_set_up, town=town, configure=configure or _configure), pair.nodes))
    try:
        for node in pair.nodes:
            node.start()
        pair.failover.cli(
            *("profile", "add", PROFILE, "--primary-host", town.primary_host, "--port", str(town.primary_port)),
            *timing,
            *("--self-targets", "keep", "--notify", OPS),
        )
        monitors = pair.primary.status()["monitors"]["total"]
        until(lambda: pair.profile()["mirror"]["monitors"] == monitors, 30, "the mirror")
        pair.wait_protected()
        until(lambda: pair.primary.status()["peers"], 10, "the failover among the primary's peers")
        for node in pair.nodes:  # the failover first: it would take the primary's end for one
            node.stop()
    except AssertionError as error:
        raise AssertionError(f"{error}{pair.tail()}") from error
    finally:
        pair.end()
    for node in pair.nodes:
        shutil.rmtree(node.home / "logs" / "daily", ignore_errors=True)
        for log in (node.home / "logs").glob("*.log"):
            log.unlink()
        node.output.unlink()
    return folder


def _set_up(node, town, configure):
    node.home.parent.mkdir(parents=True)
    own = getattr(town, f"{node.name}_host")
    node.cli("setup", "--role", node.name, "--port", str(node.port), "--host", own, "--yes")
    node.cli("config", "set", "web.bind", own)
    node.cli("lwsso", "set", "--passphrase-stdin", stdin=PASSPHRASE + "\n")
    sender = f"{node.name}@example.org"
    node.cli("mail", "set", "--host", town.host, "--port", str(town.mail.port), "--plain", "--from", sender, "--to", OPS)
    if node.name == "primary":
        configure(node, town)


def _configure(primary, town):
    script = primary.home / "scripts" / "queue.sh"
    script.write_text("#!/bin/sh\necho 'QUEUE OK - 3 wait | waiting=3'\n")
    script.chmod(0o700)
    for group in ("Shop", "Machine"):
        primary.cli("group", "add", group)
    for page in PAGES:
        url = f"url=http://{town.host}:{town.web.port}/{page}"
        primary.cli("monitor", "add", "Shop", "--type", "url", "--name", f"Page {page}", "--frequency", "1s", "--set", url)
    port = f"port={town.web.port}"
    for kind, name, *settings in (
        ("port", "Port", f"host={town.host}", port),
        ("ping", "Ping", f"host={town.host}", "count=1"),
        ("script", "Queue", "script=queue.sh"),
        ("script", "Plugin", f"script={PLUGIN}", "args=-H", f"args={town.host}", "args=-p", f"args={town.web.port}"),
        ("disk", "Disk", "path=/"),
    ):
        given = [word for one in settings for word in ("--set", one)]
        primary.cli("monitor", "add", "Machine", "--type", kind, "--name", name, "--frequency", "2s", *given)
    primary.cli("alert", "add", "/", "--name", "mail ops", "--on", "error", "--when", "once after 1", "--to", OPS)


def copy_pair(template, folder, town):
    """A pair over fresh copies of the template's homes."""
    shutil.copytree(template, folder, symlinks=True)
    return Pair(folder, town)
