"""What one action of the console is."""

from __future__ import annotations

import msgspec


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One thing an operator can do in the console."""

    id: str
    """`SCOPE.VERB`: the page (or `everywhere`, `table`, `dialog`) and the method `do_VERB` that carries it out; also its name
    in a keymap."""
    keys: tuple[str, ...]
    """Textual's names of keys; the first one is shown."""
    name: str
    """One to three words for the key bar and the palette."""
    help: str
    """One sentence for help and docs."""
    bar: int = 0
    """Place in the key bar, 1 is kept longest on a narrow screen; 0 = not there."""
    command: str = ""
    """The words of the command line that do the same, of several parted by commas; "" for what only concerns the screen."""
    changes: bool = False
    """It changes something on the node: refused by a read-only console."""
    palette: bool = True
    """It makes sense without a cursor under the eyes."""

    @property
    def commands(self) -> tuple[str, ...]:
        """Each of its commands."""
        return tuple(words.strip() for words in self.command.split(",") if words.strip())

    @property
    def scope(self) -> str:
        """Where it works."""
        return self.id.partition(".")[0]

    @property
    def verb(self) -> str:
        """The method that carries it out, without `do_`."""
        return self.id.partition(".")[2]
