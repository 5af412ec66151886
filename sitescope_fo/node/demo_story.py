"""What the demo plays: a pair is set up, its primary dies, the failover takes over, the primary returns.

Every time it prints was written by the nodes themselves or is the arrival of a mail; each step has a deadline.
"""

from __future__ import annotations

import secrets
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import anyio

from sitescope_fo.model.errors import Bad
from sitescope_fo.model.ports import Clock
from sitescope_fo.model.snapshot import StatusReport
from sitescope_fo.node.demo_node import ASK_EVERY_S, LOOK_EVERY_S, DemoNode, Event
from sitescope_fo.node.demo_stage import Letter, MailSink, Shop
from sitescope_fo.store.home import Home
from sitescope_fo.store.results import ResultLog, ResultRow

PROFILE = "demo"
LOOPBACK = "127.0.0.1"
OPS = "ops@demo.example"
HOME_PAGE, PAYMENT = "Shop/Home page", "Shop/Payment"
STABLE_FOR = "3s"
STEP_S = 30.0
"""How long one step may take; the preset takes over after 5 s."""
WIDEST = 100
QUEUE_SCRIPT = """\
#!/bin/sh
echo "QUEUE OK - 3 orders wait | waiting=3;50;100"
"""
MONITORS = (
    ("Shop", "url", "Home page", "1s", "url=http://{host}:{shop}/"),
    ("Shop", "url", "Payment", "2s", "url=http://{host}:{shop}/pay"),
    ("Machine", "port", "Mail server", "2s", "host={host}", "port={mail}"),
    ("Machine", "ping", "Loopback", "2s", "host={host}", "count=1"),
    ("Machine", "script", "Order queue", "3s", "script=order_queue.sh"),
    ("Machine", "disk", "Root disk", "5s", "path=/"),
)


class Narrator:
    """Tells what happens: scenes in words, steps with their second since the start."""

    def __init__(self, write: Callable[[str], object], clock: Clock) -> None:
        self._write, self._clock = write, clock
        self._start = clock.wall()
        self._width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)

    def scene(self, title: str, text: str) -> None:
        """A heading and what it is about."""
        self._write(f"\n{title}\n{textwrap.fill(text, self._width, initial_indent='  ', subsequent_indent='  ')}\n")

    def step(self, name: str, what: str, wall: float = 0.0) -> None:
        """One line of the timeline; `wall` 0 = now."""
        seconds = (wall or self._clock.wall()) - self._start
        lines = textwrap.wrap(" ".join(what.split()), self._width - 28, break_long_words=False, break_on_hyphens=False)
        self._write(f"  {seconds:7.1f} s  {name:<15} {lines[0] if lines else ''}\n")
        for line in lines[1:]:
            self._write(f"{'':28}{line}\n")

    def lines(self, text: str) -> None:
        """Lines as they are, indented."""
        self._write(textwrap.indent(text.rstrip("\n"), "    | ", lambda _: True) + "\n")


class Story:
    """The demo on an open stage."""

    def __init__(self, folder: Path, shop: Shop, mail: MailSink, narrator: Narrator, clock: Clock) -> None:
        self.shop, self.mail, self.tell, self.clock = shop, mail, narrator, clock
        self.primary = DemoNode("primary", folder / "primary" / "SiteScope", free_port())
        self.failover = DemoNode("failover", folder / "failover" / "SiteScope", free_port())
        self.nodes = (self.primary, self.failover)

    async def prepare(self) -> None:
        """Two nodes, one protecting the other. Raises Bad when a step does not come true in time."""
        await self._set_up()
        await self._mirror()

    async def play(self) -> None:
        """Everything, in order. Raises Bad when a step does not come true in time."""
        await self.prepare()
        await self._break_home_page()
        killed = await self._kill_primary()
        acting = await self._take_over(killed)
        await self._speak(killed, acting)
        await self._bring_back(acting)

    # --- setting up -------------------------------------------------------------------------------------------------

    async def _set_up(self) -> None:
        self.tell.scene(
            "1. Two nodes",
            "A primary monitors; a failover stands by. Both get a home folder and the same LW-SSO passphrase, by which they trust"
            " each other. Here they share one machine, so they listen on loopback only; in life they are two machines.",
        )
        passphrase = secrets.token_urlsafe(24)
        async with anyio.create_task_group() as tasks:
            for node in self.nodes:
                tasks.start_soon(self._make, node, passphrase)
        for node in self.nodes:
            self.tell.step("home", f"{node.home}")
        async with anyio.create_task_group() as tasks:
            for node in self.nodes:
                tasks.start_soon(node.start)
        self.tell.step("running", f"primary: pid {self.primary.pid}, port {self.primary.port}")
        self.tell.step("running", f"failover: pid {self.failover.pid}, port {self.failover.port}")

    async def _make(self, node: DemoNode, passphrase: str) -> None:
        node.home.parent.mkdir(mode=0o700)
        await node.run("setup", "--role", node.name, "--port", str(node.port), "--host", LOOPBACK, "--yes")
        await node.run("config", "set", "web.bind", LOOPBACK)
        await node.run("lwsso", "set", "--passphrase-stdin", stdin=passphrase + "\n")
        sender = f"{node.name}@demo.example"
        where = ("--host", LOOPBACK, "--port", str(self.mail.port), "--plain")
        await node.run("mail", "set", *where, "--from", sender, "--to", OPS)

    async def _mirror(self) -> None:
        self.tell.scene(
            "2. Something to protect",
            "Six real monitors on the primary, one alert by mail, and a profile on the failover: it copies the primary's"
            " configuration, follows every change of it, and asks twice a second whether the primary works.",
        )
        script = Home(self.primary.home).scripts / "order_queue.sh"
        script.write_text(QUEUE_SCRIPT)
        script.chmod(0o700)
        figures = {"host": LOOPBACK, "shop": self.shop.port, "mail": self.mail.port}
        for group in dict.fromkeys(group for group, *_ in MONITORS):
            await self.primary.run("group", "add", group)
        for group, kind, name, frequency, *settings in MONITORS:
            given = [word for one in settings for word in ("--set", one.format(**figures))]
            await self.primary.run("monitor", "add", group, "--type", kind, "--name", name, "--frequency", frequency, *given)
        await self.primary.run("alert", "add", "Shop", "--name", "mail ops", "--when", "once after 1", "--to", OPS)
        self.tell.step("configured", f"{len(MONITORS)} monitors and an alert, on the running primary")
        await self.failover.run(
            *("profile", "add", PROFILE, "--primary-host", LOOPBACK, "--port", str(self.primary.port)),
            *("--preset", "fast", "--stable-for", STABLE_FOR, "--notify", OPS),
            # Monitors of the primary's own host would watch the failover's instead; here both are this machine.
            *("--self-targets", "keep"),
        )
        mirrored = await self._report(self.failover, "the mirror", _mirrored)
        mirror = mirrored.profiles[0].mirror
        self.tell.step("mirrored", f"{mirror.monitors} monitors, revision {mirror.revision[:8]}, verified")

    # --- trouble ----------------------------------------------------------------------------------------------------

    async def _break_home_page(self) -> None:
        self.tell.scene("3. The shop has a problem", "Its home page answers with status 503. The primary sees it and mails.")
        self.shop.failing.add("/")
        broken = self.clock.wall()
        self.tell.step("target broken", "http://shop/ answers 503")
        self._tell_mail(await self._letter(f"ERROR {HOME_PAGE}", broken))
        # What was mailed reaches the failover with the next probes: it must not mail it again.
        await anyio.sleep(2.0)

    async def _kill_primary(self) -> float:
        self.tell.scene(
            "4. The primary dies",
            "kill -9, no goodbye. In the same moment the home page recovers and the payment page breaks: nobody is watching."
            " The failover misses three answers, waits until the last proof of life is 5 s old, asks its own network whether the"
            " fault is on its side, and takes over.",
        )
        killed = self.clock.wall()
        pid = self.primary.pid
        self.primary.kill()
        await self.primary.gone()
        self.shop.failing = {"/pay"}
        self.tell.step("primary killed", f"kill -9 {pid}", killed)
        return killed

    async def _take_over(self, killed: float) -> float:
        acting = 0.0
        for position in ("suspect", "grace", "activating"):
            event = await self.failover.event(_to(position), STEP_S, f"{position} on the failover", killed)
            self.tell.step(position, event.why, event.wall)
            acting = event.wall
        return acting

    async def _speak(self, killed: float, acting: float) -> None:
        async def all_ran() -> bool:
            return len(first_results(self.failover.home, acting)) == len(MONITORS)

        active = await self.failover.event(_to("active"), STEP_S, "the first check on the failover", acting)
        late = f"{active.why.rpartition('; ')[2]} [{active.wall - killed:.1f} s after the kill]"
        await self.failover.until(all_ran, STEP_S, "a result of every monitor")
        self.tell.step("active", late, active.wall)
        for row in first_results(self.failover.home, acting):
            self.tell.step("first result", f"{row.path}: {row.status.value}", row.wall)
        for subject in ("FAILOVER ACTIVE", f"ERROR {PAYMENT}", f"GOOD {HOME_PAGE}"):
            self._tell_mail(await self._letter(subject, acting))
        self.tell.scene("   This is what `sitescope-fo status` says on the failover now:", "")
        self.tell.lines(await self.failover.run("status"))

    # --- and back ---------------------------------------------------------------------------------------------------

    async def _bring_back(self, acting: float) -> None:
        self.tell.scene(
            "5. The primary returns",
            "It asks its failover before it monitors, hears that the failover is active, and yields. After 3 s of good health"
            " the failover hands monitoring back: it stops, tells what was mailed already, and only then the primary runs.",
        )
        started = self.clock.wall()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.primary.start)
            yielded = await self.primary.event(_to("yielded"), STEP_S, "the yield", started)
            self.tell.step("primary back", yielded.why, yielded.wall)
            for name, to in (("recovering", "recovering"), ("hand-back", "handback")):
                event = await self.failover.event(_to(to), STEP_S, f"{to} on the failover", started)
                self.tell.step(name, event.why, event.wall)
        running = await self.primary.event(_to("running"), STEP_S, "the primary to run", started)
        self.tell.step("primary runs", running.why, running.wall)
        standby = await self.failover.event(_to("standby"), STEP_S, "standby on the failover", started)
        self.tell.step("standby", standby.why, standby.wall)
        await self._results(self.primary, standby.wall)
        doubled = started_by_both(self.primary.home, self.failover.home, acting, standby.wall)
        self.tell.step("proof", f"monitors started by both nodes between takeover and hand-back: {doubled}")
        subjects = [letter.subject for letter in self._letters("Shop/")]
        self.tell.step("proof", f"mails about the shop in the whole demo: {len(subjects)}, different ones: {len(set(subjects))}")
        if doubled or len(subjects) != len(set(subjects)):
            raise Bad("Something was done twice", where="hand-back", hint="See the two lines above", code="demo_overlap")

    async def _results(self, node: DemoNode, since: float) -> None:
        async def there() -> bool:
            return bool(first_results(node.home, since))

        await node.until(there, STEP_S, "the first results of the primary")

    # --- looking ----------------------------------------------------------------------------------------------------

    async def _report(self, node: DemoNode, what: str, holds: Callable[[StatusReport], bool]) -> StatusReport:
        found: list[StatusReport] = []

        async def there() -> bool:
            found[:] = [await node.status()]
            return holds(found[0])

        await node.until(there, STEP_S, what, every_s=ASK_EVERY_S)
        return found[0]

    async def _letter(self, subject: str, since: float) -> Letter:
        with anyio.move_on_after(STEP_S):
            while True:
                for letter in self._letters(subject):
                    if letter.wall >= since:
                        return letter
                await anyio.sleep(LOOK_EVERY_S)
        raise Bad(f"No mail with '{subject}' came within {STEP_S:g} s", where="mail", code="demo_late")

    def _letters(self, subject: str) -> list[Letter]:
        return [letter for letter in self.mail.letters if subject in letter.subject]

    def _tell_mail(self, letter: Letter) -> None:
        self.tell.step("mail sent", f"to {', '.join(letter.to)}: {letter.subject}", letter.wall)


def free_port() -> int:
    """A free TCP port of loopback below the range for outgoing connections, so that nobody takes it while a node is down."""
    import socket

    while True:
        port = 20000 + secrets.randbelow(10000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        return port


def _to(position: str) -> Callable[[Event], bool]:
    return lambda event: event.move[1] == position


def _mirrored(report: StatusReport) -> bool:
    return bool(report.profiles) and report.profiles[0].mirror.verified and report.profiles[0].mirror.monitors == len(MONITORS)


def _rows(home: Path) -> list[ResultRow]:
    log = ResultLog(Home(home).daily)
    return [row for day in log.days() for row in log.rows(day)]


def first_results(home: Path, since: float) -> list[ResultRow]:
    """The first recorded result of each monitor that started at wall time `since` or later, in order of time."""
    firsts: dict[str, ResultRow] = {}
    for row in sorted(_rows(home), key=lambda row: row.wall):
        if row.wall - row.duration_s >= since:
            firsts.setdefault(row.monitor_id, row)
    return list(firsts.values())


def started_by_both(primary: Path, failover: Path, since: float, until: float) -> int:
    """Checks that the primary started while the failover was responsible, by both nodes' own records.

    The failover's last start is the end of its responsibility: the primary runs a moment before the failover notes standby.
    """

    def starts(home: Path) -> list[float]:
        return [at for row in _rows(home) if since <= (at := row.wall - row.duration_s) <= until]

    last = max(starts(failover), default=since)
    return sum(at < last for at in starts(primary))
