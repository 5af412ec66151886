"""Writes configuration trees for tests."""

from pathlib import Path

from sitescope_fo.store.tree import load_tree
from tests.store.book import Ids, SmallBook


def write_tree(root: Path, files: dict[str, str]) -> Path:
    """Writes files below `root`; "Web" stands for groups/Web/group.toml, "" for the top file, "x.toml" for persistence/x.toml."""
    (root / "groups").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = root / ("persistence" if name.endswith(".toml") else f"groups/{name}")
        path.mkdir(parents=True, exist_ok=True)
        (path / (name if name.endswith(".toml") else "group.toml")).write_text(text, newline="")
    return root


def monitor(title: str, **keys: str) -> str:
    """A sound [[monitor]] with further lines."""
    lines = {"type": '"port"', "name": f'"{title}"', "settings": '{ host = "h" }'} | keys
    return "[[monitor]]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())


BOOK = SmallBook()


def load(root: Path, *, secrets=None, new_id=None, write_ids=False, cache=None, proven=None):
    """Loads with the small book, counting ids, nothing written."""
    return load_tree(root, BOOK, secrets, new_id=new_id or Ids(), write_ids=write_ids, cache=cache, proven=proven)
