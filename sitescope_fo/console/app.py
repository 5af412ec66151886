"""The Textual application: pages, themes, keymap, and the one road from an action to what it does."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import msgspec
from textual import events
from textual.app import App, SystemCommand
from textual.driver import Driver
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import Screen
from textual.widgets import Input

from sitescope_fo.console import themes
from sitescope_fo.console.actions.action import Action
from sitescope_fo.console.actions.table import BY_ID, key_word, with_keymap
from sitescope_fo.console.dialogs.choice import Choice
from sitescope_fo.console.feed import Feed
from sitescope_fo.console.node_client import NodeClient
from sitescope_fo.console.page import PAGES, Page
from sitescope_fo.console.pages import page_of
from sitescope_fo.console.plain import NO_COLOURS, PLAIN_LETTERS, no_colour
from sitescope_fo.console.taste import Taste
from sitescope_fo.console.view.role_change import role_changes
from sitescope_fo.console.view.said import Wording
from sitescope_fo.model.snapshot import StatusReport

BEAT_S = 1.0
"""How often clock and ages are looked at again without news."""


class Console(App[str]):
    """The console of one node. Ends with `detach`, `stop` or `quit`: what is to become of the engine."""

    TITLE = "SiteScope"
    CSS_PATH = Path(__file__).with_name("console.tcss")
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = ""
    MODES: ClassVar[dict[str, str]] = {}  # type: ignore[assignment]  # filled per instance: pages are imported when first shown
    BINDINGS: ClassVar = []

    def __init__(
        self,
        client: NodeClient,
        *,
        embedded: bool = False,
        taste: Taste | None = None,
        slow: bool = False,
        driver_class: type[Driver] | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(driver_class=driver_class)
        self.client = client
        self.embedded = embedded
        self.taste = taste or Taste()
        self.hint = hint
        """A line that the caller wants to be read, above the keys: the demo says what to press."""
        self.profile = ""
        self._barred: StatusReport | None = None
        """The status that the bars were made from."""
        self.wording = Wording(plain=self.taste.plain, local=self.taste.clock == "local")
        self.no_color = no_colour(os.environ)
        self.actions: Mapping[str, Action] = with_keymap(self.taste.keys)
        self.feed = Feed(client, self._heard, slow=slow or self.taste.slow)
        loaded = themes.load_themes([themes.own_themes(), *map(Path, self.taste.theme_folders)])
        self._theme_problems = (*((self.taste.problem,) if self.taste.problem else ()), *loaded.problems)
        for theme in loaded.themes.values():
            self.register_theme(theme)
        if self.taste.theme in self.available_themes:
            self.theme = self.taste.theme
        else:
            self._theme_problems += (f"There is no theme '{self.taste.theme}': {themes.DEFAULT} is used",)
            self.theme = themes.DEFAULT

    # --- life -------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """The first page, and the feed."""
        # The toolkit applies a keymap anew for each key that is pressed: with all actions in it, a third of what a key costs.
        own = {action.id: ",".join(action.keys) for action in self.actions.values() if action.keys != BY_ID[action.id].keys}
        self.set_keymap(own)
        for name in PAGES:
            self.add_mode(name, page_of(name))
        self.switch_mode("monitors")
        self.run_worker(self.feed.run(), name="feed", exit_on_error=True)
        self.set_interval(BEAT_S, self._beat)
        for problem in self._theme_problems:
            self.notify(problem, severity="warning", markup=False)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The cursor of a field stands still: blinking, it would write to the terminal as long as nobody types."""
        if isinstance(event.widget, Input):
            event.widget.cursor_blink = False

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """So a theme without our variables works, too."""
        return themes.variable_defaults(self.current_theme)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line passes through last: the toolkit's, but for its greys in place of no colour, then ours."""
        filters = [each for each in super().get_line_filters() if not isinstance(each, Monochrome | NoColor)]
        if self.no_color:
            filters.append(NO_COLOURS)
        if self.wording.plain:
            filters.append(PLAIN_LETTERS)
        return filters

    def reword(self, wording: Wording) -> None:
        """From now on all is written like this."""
        other_letters, self.wording = wording.plain != self.wording.plain, wording
        if other_letters:
            self.refresh_css(animate=False)  # lines that were made before are kept in other letters
        self._news()

    @property
    def read_only(self) -> bool:
        """Every change is refused by the engine."""
        return self.client.read_only

    @staticmethod
    def now() -> float:
        """Wall time, to show it."""
        return time.time()  # noqa: TID251  # the clock on the screen; nothing is decided by it

    @property
    def page(self) -> Page | None:
        """The page that is shown, below any dialog."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    def _heard(self) -> None:
        """The bars speak of the status; rows that changed leave them as they are."""
        if self.feed.status is not self._barred and self.feed.status is not None:
            for change in role_changes(self._barred, self.feed.status):
                self.notify(
                    change.text,
                    title=change.title,
                    severity="information" if change.calm else "warning",
                    timeout=10,
                    markup=False,
                )
            self._barred = self.feed.status
            self._news()
        elif (page := self.page) is not None and page.live:
            page.news()

    def _news(self) -> None:
        if (page := self.page) is not None and page.live:
            page.show_bars()
            page.news()

    def _beat(self) -> None:
        if (page := self.page) is not None:
            page.show_bars()

    # --- actions of everywhere --------------------------------------------------------------------------------------

    def key_of(self, action_id: str) -> str:
        """The key of an action as people name it."""
        return key_word(self.actions[action_id].keys[0])

    def do_monitors(self) -> None:
        """Shows the list, also from the page of one monitor."""
        if self.current_mode == "monitors" and self.page is not None and self.page.under:
            self.page.step_back()
        self.switch_mode("monitors")

    def do_failover(self) -> None:
        """Shows the page."""
        self.switch_mode("failover")

    def do_logs(self) -> None:
        """Shows the page."""
        self.switch_mode("logs")

    def do_history(self) -> None:
        """Shows the page."""
        self.switch_mode("history")

    def do_preferences(self) -> None:
        """Shows the page."""
        self.switch_mode("preferences")

    def do_help(self) -> None:
        """Opens the searchable help."""
        from sitescope_fo.console.dialogs.help import Help

        scope = self.page.scope if self.page is not None else ""
        self.push_screen(Help(tuple(self.actions.values()), scope), self._chosen)

    def _chosen(self, action_id: str | None) -> None:
        if action_id and (page := self.page) is not None:
            page.call_later(page.action_do, action_id)

    def do_palette(self) -> None:
        """Opens the palette."""
        self.action_command_palette()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action that makes sense on the page that is shown, and those of everywhere."""
        page = self.page
        if page is None:
            return
        for action in self.actions.values():
            if action.palette and action.scope in {"everywhere", page.scope}:
                why = page.refusal(action)
                help_text = f"{action.help} ({key_word(action.keys[0])})" if action.keys else action.help
                yield SystemCommand(
                    action.name,
                    why or help_text,
                    lambda chosen=action.id: self._chosen(chosen),
                )

    def do_next_profile(self) -> None:
        """Selects the next profile."""
        status = self.feed.status
        names = [profile.name for profile in status.profiles] if status else []
        if not names:
            self.notify("There is no failover profile yet", severity="warning")
            return
        at = names.index(self.profile) + 1 if self.profile in names else 0
        self.profile = names[at] if at < len(names) else ""
        self.notify(f"Profile {self.profile}" if self.profile else "All profiles", markup=False)
        self._news()

    def do_theme(self) -> None:
        """Offers the themes, each as it would look."""
        before = self.theme

        def chosen(name: str | None) -> None:
            self.theme = name or before
            if name:
                self.taste = msgspec.structs.replace(self.taste, theme=name)
                self.keep_taste()

        names = sorted(self.available_themes, key=lambda name: (name not in _OURS, name))
        self.push_screen(Choice("Theme", names, current=before, tried=self._try_theme), chosen)

    def _try_theme(self, name: str) -> None:
        self.theme = name

    def keep_taste(self) -> None:
        """Writes what was chosen to the operator's own file. A disk that refuses costs a toast."""
        try:
            self.taste.save()
        except OSError as error:
            self.notify(f"It is not kept: {error}", severity="warning", markup=False)

    def do_clock(self) -> None:
        """UTC or local time."""
        self.reword(msgspec.structs.replace(self.wording, local=not self.wording.local))
        self.taste = msgspec.structs.replace(self.taste, clock="local" if self.wording.local else "utc")
        self.keep_taste()

    def do_copy(self) -> None:
        """Copies what the page gives."""
        text = self.page.copied() if self.page is not None else ""
        if not text:
            self.notify("There is nothing to copy here", severity="warning")
            return
        self.copy_to_clipboard(text)
        self.notify("Copied")

    async def do_screenshot(self) -> None:
        """Saves the screen as SVG."""
        path = Path.cwd() / f"sitescope-fo-{datetime.fromtimestamp(self.now(), UTC):%Y%m%dT%H%M%SZ}.svg"
        svg = self.export_screenshot()
        try:
            await asyncio.get_running_loop().run_in_executor(None, path.write_text, svg, "utf-8")
        except OSError as error:
            self.notify(str(error), title="No screenshot", severity="error", markup=False)
            return
        self.notify(f"Saved {path}", markup=False)

    def do_redraw(self) -> None:
        """Paints all anew."""
        self.refresh(repaint=True, layout=True)

    def do_back(self) -> None:
        """One step back within the page, else to the monitors."""
        if self.page is not None and not self.page.step_back() and self.page.scope != "monitors":
            self.switch_mode("monitors")

    def do_quit(self) -> None:
        """Leaves; with the engine in this process, after asking what becomes of it."""
        if not self.embedded:
            self.exit("quit")
            return
        self.push_screen(
            Choice(
                "Leave the console",
                ["detach", "stop"],
                current="detach",
                words={
                    "detach": "Detach: monitoring goes on in the background; sitescope-fo comes back to it",
                    "stop": "Stop: the node stops, and nothing is monitored here",
                },
            ),
            self._leave,
        )

    def _leave(self, how: str | None) -> None:
        if how:
            self.exit(how)


_OURS = {"harbour", "daylight", "okabe-ito", "terminal"}
