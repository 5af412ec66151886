"""`python -m tests.bench.page`: docs/performance.md from the figures that the last runs left in build/bench.

A section that was not run anew stays as it stands on the page, with its own date and commit.
"""

import re
import sys

from tests.bench.record import FOLDER, ROOT, load

PAGE = ROOT / "docs" / "performance.md"
HEAD = """# Performance

Every figure stands beside something measured in the same run on the same machine: the monitoring plugin that others fork for
each check, `rsync`, a bare system call. Ratios travel between machines, seconds do not. This page is made by `make performance`
from the output of `make bench`.

## Repeat it

| command | measures |
|---|---|
| `make bench` | everything below in its short form |
| `make bench BENCH="checks engine"` | some sections |
| `make performance` | this page anew, from the last runs |

What a section takes longer for by request (`LOAD_SECONDS=600`, `TAKEOVER_ROUNDS=20` …) is named in the head of its module under
`tests/bench`. A promise is met by the figure it names, the median unless p99 is written there.
"""


def section(path):
    title, measured, machine, figures = load(path)
    lines = [f"## {title}", "", f"`make bench BENCH={path.stem}`, {measured}, commit {machine['commit']}", ""]
    lines += ["| figure | n | median | p99 | x reference | promise |", "|---|---:|---:|---:|---:|---|"]
    lines += ["| " + " | ".join(cell.strip() for cell in figure.row()) + " |" for figure in figures]
    return "\n".join(lines), machine


def standing():
    """Section name -> text, as the page has them now."""
    if not PAGE.is_file():
        return {}
    parts = re.split(r"^(?=## )", PAGE.read_text(), flags=re.MULTILINE)
    named = {re.search(r"`make bench BENCH=(\w+)`", part): part.rstrip() for part in parts}
    return {found[1]: part for found, part in named.items() if found and part.startswith("## ") and "## Repeat it" not in part}


def main():
    paths = sorted(FOLDER.glob("*.json"))
    if not paths:
        return "there are no figures yet: run make bench first"
    made = {path.stem: section(path) for path in paths}
    machine = next(reversed(made.values()))[1]
    common = [(name, value) for name, value in machine.items() if name != "commit"]
    on = ["## Measured on", "", *(f"- {name}: {value}" for name, value in common)]
    sections = standing() | {name: text for name, (text, _) in made.items()}
    PAGE.write_text("\n".join([HEAD, *on, ""]) + "\n" + "\n\n".join(sections[name] for name in sorted(sections)) + "\n")
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
