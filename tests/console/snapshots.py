"""Screens as SVG files that are looked at in a review: a change shows as a picture.

`SNAPSHOTS=write` writes them anew; without it a difference fails the test and leaves what was seen in build/snapshots. Own code,
some forty lines: the ready plug-in holds pytest back a major version.
"""

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "snapshots"
SEEN = ROOT / "build" / "snapshots"


def normal(svg):
    """Without what differs between runs of a screen (ids from a hash, blanks at line ends), and without fonts from the web."""
    svg = re.sub(r"terminal-\d+-", "terminal-", svg)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def same_as_kept(name, svg):
    """Compares a screen with the file of that name."""
    kept, now = FOLDER / f"{name}.svg", normal(svg)
    if os.environ.get("SNAPSHOTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        kept.write_text(now, "utf-8")
        return
    before = kept.read_text("utf-8") if kept.is_file() else ""
    if before != now:
        SEEN.mkdir(parents=True, exist_ok=True)
        (SEEN / f"{name}.svg").write_text(now, "utf-8")
        what = "looks different" if before else "is not kept yet"
        raise AssertionError(
            f"{name} {what}: compare build/snapshots/{name}.svg with {kept.relative_to(ROOT)}; SNAPSHOTS=write keeps it"
        )
