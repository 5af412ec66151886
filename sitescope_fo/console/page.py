"""What all pages have in common: bars above and below, actions by the one table, and news from the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from sitescope_fo.console.actions.table import MOST_IN_BAR, key_word, of_scope
from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.spans import SpansCompositor
from sitescope_fo.console.view.said import Wording
from sitescope_fo.console.view.title import Picture, title
from sitescope_fo.console.widgets.bars import KeyBar, PageNames, TitleBar
from sitescope_fo.model.command import AnyCommand, CommandReply
from sitescope_fo.model.errors import SiteScopeError, from_body
from sitescope_fo.model.snapshot import StatusReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sitescope_fo.console.actions.action import Action
    from sitescope_fo.console.app import Console
    from sitescope_fo.console.feed import Feed

PAGES = ("monitors", "failover", "logs", "history", "preferences")
WIDE = 100
TALL = 30


class Page(Screen[None]):
    """A page. Sub-classes name their `scope`, yield their body in `compose_body`, and follow the node in `news`."""

    scope: ClassVar[str] = ""
    under: ClassVar[str] = ""
    """For a page that stands on another: the scope of that one."""
    BINDINGS = bindings_of("everywhere")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # an instance variable in the toolkit
    VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL, "-tall")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self._compositor = SpansCompositor()
        self._look: tuple[str, bool, bool] | None = None
        """What all its styles depend on, as it was shown last."""

    @property
    def live(self) -> bool:
        """Its widgets are there. News may still come while the toolkit takes them away at the end."""
        return self.is_mounted and not self._pruning

    @property
    def console(self) -> Console:
        """The app."""
        return cast("Console", self.app)

    @property
    def feed(self) -> Feed:
        """What is known of the node."""
        return self.console.feed

    @property
    def status(self) -> StatusReport | None:
        """The last status."""
        return self.feed.status

    @property
    def wording(self) -> Wording:
        """How things are written here."""
        return self.console.wording

    def compose(self) -> ComposeResult:
        """The bars around the body."""
        yield TitleBar(id="title")
        yield PageNames(id="pages")
        with Container(id="body"):
            yield from self.compose_body()
        if self.console.hint:
            yield Static(self.console.hint, id="tip", markup=False)
        yield KeyBar(id="keys")

    def compose_body(self) -> ComposeResult:
        """The page itself."""
        return iter(())

    def on_mount(self) -> None:
        """Says which page this is."""
        self.show_bars()

    def on_screen_resume(self) -> None:
        """The page is shown again: it may have missed news."""
        self.show_bars()
        self.news()

    @on(events.ScreenResume)
    def _restyle(self, event: events.ScreenResume) -> None:
        """The toolkit looks up all styles of a page each time it is shown: a third of the cost, and rarely for anything."""
        look = (self.app.theme, self.app.app_focus, self.wording.plain)
        event.refresh_styles, self._look = look != self._look, look

    def on_resize(self) -> None:
        """Another width, other words."""
        self.show_bars()

    # --- news -------------------------------------------------------------------------------------------------------

    def news(self) -> None:
        """The feed knows something new. Called for the page on top only; cheap, because it is called four times a second."""

    def show_bars(self) -> None:
        """Title, pages and keys, as far as they say something else than before."""
        if not self.live or not self.size.width:
            return
        console, width = self.console, self.size.width
        picture = Picture(
            status=self.status,
            profile=console.profile,
            age_s=self.feed.age_s(),
            trouble=self.feed.trouble,
            read_only=console.read_only,
            embedded=console.embedded,
        )
        self.query_one(TitleBar).show(*title(picture, self.wording, console.now(), width - 2))
        pages = [(f"everywhere.{name}", console.key_of(f"everywhere.{name}"), name.capitalize()) for name in PAGES]
        self.query_one(PageNames).show(pages, (self.under or self.scope).capitalize())
        self.query_one(KeyBar).show(
            [(a.id, key_word(a.keys[0]), a.name, not self.refusal(a)) for a in self.bar_actions()][:MOST_IN_BAR]
        )

    def bar_actions(self) -> list[Action]:
        """The actions of the key bar, in order."""
        actions = self.console.actions
        own = sorted((actions[a.id] for a in of_scope(self.scope) if a.bar), key=lambda a: a.bar)
        common = sorted((actions[a.id] for a in of_scope("everywhere") if a.bar), key=lambda a: a.bar)
        return [*own[: MOST_IN_BAR - len(common)], *common]

    # --- actions ----------------------------------------------------------------------------------------------------

    def refusal(self, action: Action) -> str:
        """Why an action is not possible now; "" when it is."""
        if action.changes and self.console.read_only:
            return "This console is read-only"
        return ""

    async def action_do(self, action_id: str) -> None:
        """The one way to every action: keys, key bar, help and palette all come here."""
        action = self.console.actions[action_id]
        if why := self.refusal(action):
            self.notify(why, title=action.name, severity="warning")
            return
        home: Any = self.console if action.scope == "everywhere" else self
        done = getattr(home, f"do_{action.verb}")()
        if done is not None:
            await done

    def step_back(self) -> bool:
        """One step back within the page; False when there is none to make."""
        return False

    def copied(self) -> str:
        """What Copy copies: the row under the cursor, say."""
        return ""

    # --- asking the node --------------------------------------------------------------------------------------------

    async def ask(self, name: str, params: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401  # JSON
        """A query's answer, or None after a toast that says why there is none."""
        try:
            return await self.console.client.query(name, params)
        except SiteScopeError as error:
            self.complain(error)
            return None

    async def command(
        self, body: AnyCommand, done: str = "", *, progress: Callable[[CommandReply], None] | None = None
    ) -> CommandReply | None:
        """Carries a command out and says how it ended; None when it did not go well, which was said as well."""
        try:
            reply = await self.console.client.command(body, progress=progress)
        except SiteScopeError as error:
            self.complain(error)
            return None
        if reply.error is not None:
            self.complain(from_body(reply.error))
            return None
        self.notify(done or reply.text or "Done", markup=False)
        return reply

    async def submit(self, body: AnyCommand) -> str:
        """Carries out what a form says, then a toast; gives "". Raises SiteScopeError, which the form shows where it belongs."""
        reply = await self.console.client.command(body)
        if reply.error is not None:
            raise from_body(reply.error)
        self.notify(reply.text or "Done", markup=False)
        return ""

    def complain(self, error: SiteScopeError) -> None:
        """An error as a toast: what, where, hint."""
        where = f" ({error.where})" if error.where else ""
        self.notify(error.hint or "", title=f"{error.what}{where}", severity="error", timeout=10, markup=False)

    def set_body_focus(self, selector: str) -> None:
        """Puts the keys where they belong."""
        self.query_one(selector, Widget).focus()
