"""What one call of the command line carries from its options to its output."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from sitescope_fo.cli.door import Door, open_door
from sitescope_fo.cli.paint import Paint
from sitescope_fo.cli.table import UNLIMITED, Column, table
from sitescope_fo.model.command import AnyCommand, CommandReply
from sitescope_fo.model.errors import Internal, Usage, from_body
from sitescope_fo.model.width import clean
from sitescope_fo.store.home import find_home

T = TypeVar("T")


class Invocation:
    """Global options, the door they lead to, and the two ways to answer: text for people, JSON for scripts."""

    def __init__(self, *, door: Door | None = None, wall: Callable[[], float] | None = None) -> None:
        self.home_option: str | None = None
        self.json = False
        self.read_only = False
        self.path = "sitescope-fo"
        """The command that runs, in words."""
        self._door = door
        self._wall = wall
        self._last_progress = ("", -1)

    # --- asking ---

    @property
    def root(self) -> Path:
        """The home that is asked for. Raises Usage for `~nobody`."""
        try:
            return find_home(self.home_option, os.environ)
        except RuntimeError as error:
            raise Usage(str(error), where=str(self.home_option), hint="Give the whole path", code="bad_home_path") from error

    @property
    def door(self) -> Door:
        """The door of the home, opened at first use."""
        if self._door is None:
            self._door = open_door(self.root, read_only=self.read_only)
        return self._door

    def now(self) -> float:
        """The wall clock, to tell ages from stamps."""
        if self._wall is None:
            from sitescope_fo.node.ports.clock import SystemClock

            self._wall = SystemClock().wall
        return self._wall()

    def query(self, name: str, /, **params: object) -> Any:  # noqa: ANN401  # any JSON value
        """The answer of a query as plain JSON values; parameters that are None, empty or 0 are left out."""
        given = {key: str(value) for key, value in params.items() if value}
        return msgspec.to_builtins(self.door.query(name, given))

    def submit(self, body: AnyCommand) -> CommandReply:
        """Sends a command and waits for its end, with progress on stderr. Raises what it was refused or failed with."""
        reply = self.try_submit(body)
        raise_unless_done(reply)
        return reply

    def try_submit(self, body: AnyCommand, progress: Callable[[CommandReply], None] | None = None) -> CommandReply:
        """As `submit`, and gives a refused or failed reply back, for those whose result matters then, too.

        `progress` gets the replies of a command that runs, instead of a line on stderr for each.
        """
        return self.door.command(body, progress or self._progress)

    def _progress(self, reply: CommandReply) -> None:
        news = (reply.text, round(reply.progress * 100))
        if reply.outcome == "running" and news != self._last_progress:
            self._last_progress = news
            self.note(f"{news[1]:3d} %  {reply.text or 'working'}")

    # --- answering ---

    @property
    def interactive(self) -> bool:
        """Whether somebody can answer a question."""
        return not self.json and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def on_terminal(self) -> bool:
        """Whether a console can be shown."""
        streams = (sys.stdin, sys.stdout)  # None when they were closed before the start
        on_tty = all(stream is not None and stream.isatty() for stream in streams)
        return not self.json and on_tty and os.environ.get("TERM") not in {None, "", "dumb"}

    @property
    def paint(self) -> Paint:
        """How states show on standard output: colour only on a terminal, never with NO_COLOR."""
        tty = sys.stdout.isatty()
        colour = tty and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return Paint(colour=colour, utf8="utf" in (sys.stdout.encoding or "").lower())

    @property
    def width(self) -> int:
        """Columns a line may take: the terminal's, or COLUMNS, else without limit, so that pipes lose nothing."""
        if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
            return max(20, shutil.get_terminal_size().columns)
        return UNLIMITED

    def say(self, line: str) -> None:
        """A line on standard output, as given."""
        click.echo(line)

    def note(self, line: str) -> None:
        """A line for people on standard error."""
        click.echo(clean(line), err=True)

    def footer(self, line: str) -> None:
        """A last line for people; on standard error too when the answer goes through a pipe that may swallow it."""
        self.say(clean(line))
        if sys.stderr.isatty() and not sys.stdout.isatty():
            self.note(line)

    def raw(self, lines: Iterable[str]) -> None:
        """Lines of a log or an export: tabs stay, nothing is cut."""
        for line in lines:
            click.echo(clean(line.rstrip("\n"), keep="\t"))

    def dump(self, value: object) -> None:
        """A value as JSON."""
        click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())

    def emit(self, value: object, lines: Callable[[], Iterable[str]]) -> None:
        """`value` with --json, else the lines for people."""
        if self.json:
            self.dump(value)
        else:
            for line in lines():
                self.say(line)

    def rows(self, columns: list[Column], rows: Iterable[list[str]]) -> Iterable[str]:
        """The lines of a table as this output takes them."""
        return table(columns, rows, self.paint, self.width)

    def done(self, reply: CommandReply, text: str = "done") -> None:
        """The end of a command: its result with --json, else its own words or `text`."""
        if not self.json:
            for line in (reply.text or text).splitlines():
                self.say(clean(line))
        elif reply.result is not None:
            self.dump(reply.result)
        else:
            self.dump({"outcome": reply.outcome, "text": reply.text or text, "revision": reply.revision})

    def run(self, body: AnyCommand, text: str = "done") -> None:
        """Sends a command and prints how it ended."""
        self.done(self.submit(body), text)


def typed(answer: object, kind: type[T]) -> T:
    """An answer as a value. Raises Internal (`version_mismatch`) when the running node answers in another form."""
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise Internal(
            f"The running node answers in another form: {error}",
            where="socket",
            hint="Restart the node, so that it runs the installed version",
            code="version_mismatch",
        ) from error


def raise_unless_done(reply: CommandReply) -> None:
    """Raises the error of a refused or failed reply."""
    if reply.outcome not in {"refused", "failed"}:
        return
    if reply.error is not None:
        raise from_body(reply.error)
    raise Internal(reply.text or f"The command {reply.outcome} without a reason", code="no_reason")
