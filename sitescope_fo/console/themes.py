"""Themes from TOML files, checked before they reach the toolkit: a broken one costs a line, never the console."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec
from textual.color import Color, ColorParseError
from textual.theme import Theme

from sitescope_fo.model.errors import ConfigInvalid

DEFAULT = "harbour"
LEAST_CONTRAST = 4.5
"""Of text on what it stands on (WCAG 2.1, level AA)."""
COLOURS = (
    "primary",
    "secondary",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
    "success",
    "warning",
    "error",
)
STATES = {
    "state-good": "success",
    "state-warning": "warning",
    "state-error": "error",
    "state-nodata": "accent",
    "state-disabled": "foreground",
    "state-stale": "accent",
    "role-acting": "primary",
    "role-standby": "foreground",
    "role-alarm": "error",
}
"""Variables of ours, and the colour that stands in where a theme (one of the toolkit's, say) has none."""

_ANSI = {"ansi-background": "ansi_default", "ansi-foreground": "ansi_default"}
"""What the toolkit's own styles want of a theme that uses the terminal's palette."""


class Loaded(msgspec.Struct, frozen=True):
    """Themes by name, and a line for each file that gave none."""

    themes: dict[str, Theme]
    problems: tuple[str, ...]


def load_themes(folders: Iterable[Traversable | Path]) -> Loaded:
    """All `*.toml` of these folders; a later one of the same name wins."""
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for folder in folders:
        if not folder.is_dir():
            continue
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if not file.name.endswith(".toml"):
                continue
            try:
                theme = parse_theme(file.name, file.read_bytes())
            except (ConfigInvalid, OSError) as error:
                problems.append(str(error))
            else:
                themes[theme.name] = theme
    return Loaded(themes, tuple(problems))


def own_themes() -> Traversable:
    """The folder of the themes that come with the program."""
    return files("sitescope_fo") / "_data" / "themes"


def parse_theme(file: str, data: bytes) -> Theme:
    """One theme. Raises ConfigInvalid with file, key and reason."""
    try:
        raw = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _broken(file, str(error)) from error
    name, dark = raw.get("name", file.removesuffix(".toml")), raw.get("dark", True)
    if not isinstance(name, str) or not name.isprintable() or not name or not isinstance(dark, bool):
        raise _broken(file, "name is a text and dark is true or false")
    colours = _colours(file, "colors", raw.get("colors", {}), COLOURS)
    variables = _colours(file, "variables", raw.get("variables", {}), tuple(STATES))
    if missing := [key for key in ("primary", "foreground", "background") if key not in colours]:
        raise _broken(file, f"colors.{missing[0]} is missing")
    ansi = _is_ansi(colours)
    variables |= _ANSI if ansi else {}
    return Theme(name=name, dark=dark, variables=variables, ansi=ansi, **colours)  # type: ignore[arg-type]  # only colours are in there


def _is_ansi(colours: dict[str, str]) -> bool:
    """The terminal's own palette is used as it is, never turned into RGB."""
    return colours["background"].startswith("ansi")


def _colours(file: str, where: str, table: object, known: tuple[str, ...]) -> dict[str, str]:
    if not isinstance(table, dict):
        raise _broken(file, f"[{where}] is a table")
    for key, value in table.items():
        if key not in known:
            raise _broken(file, f"{where}.{key} is unknown; known: {', '.join(known)}")
        try:
            Color.parse(value)
        except (ColorParseError, TypeError, AttributeError) as error:
            raise _broken(file, f"{where}.{key} = {value!r} is no colour") from error
    return dict(table)


def _broken(file: str, what: str) -> ConfigInvalid:
    return ConfigInvalid(f"The theme is skipped: {what}", where=file, hint="See docs/console.md, Themes")


def variable_defaults(theme: Theme) -> dict[str, str]:
    """Our variables for a theme that does not set them."""
    return {variable: getattr(theme, base) or theme.primary for variable, base in STATES.items()}


def low_contrasts(theme: Theme) -> list[str]:
    """`state-warning on surface: 3.9`: pairs of text and ground below `LEAST_CONTRAST`, but for a terminal's own colours."""
    grounds = {key: getattr(theme, key) for key in ("background", "surface", "panel")}
    texts = {**variable_defaults(theme), **theme.variables, "foreground": theme.foreground, "secondary": theme.secondary}
    found = []
    pairs = [(text, over, ground, under) for ground, under in grounds.items() for text, over in texts.items()]
    pairs.append(("cursor", theme.background, "primary", theme.primary))
    for text, over, ground, under in pairs:
        if not under or not over or "ansi" in under or "ansi" in over:
            continue
        ratio = contrast(over, under)
        if ratio < LEAST_CONTRAST:
            found.append(f"{text} on {ground}: {ratio:.1f}")
    return found


def contrast(over: str, under: str) -> float:
    """The contrast of two colours (WCAG 2.1): 1 to 21."""
    light, dark = sorted((_luminance(Color.parse(over)), _luminance(Color.parse(under))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    """Relative luminance (WCAG 2.1)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
