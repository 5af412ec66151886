"""The house keeps its own rules: sizes, names, lock file, default files, the wheel, what CI counts."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from textual.color import Color

from sitescope_fo.model.config import NodeConfig
from sitescope_fo.store.config_toml import FIELDS, parse_node_config

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "sitescope_fo"
MODULES = sorted(PACKAGE.rglob("*.py"))
THEMES = sorted((ROOT / "themes").glob("*.toml"))
THEME_NAMES = ["daylight", "harbour", "okabe-ito", "terminal"]
LONGEST_MODULE = 500

COLOURS = {
    "primary", "secondary", "accent", "foreground", "background", "surface", "panel",
    "success", "warning", "error",
}  # fmt: skip
VARIABLES = {
    "state-good", "state-warning", "state-error", "state-nodata", "state-disabled", "state-stale",
    "role-acting", "role-standby", "role-alarm",
}  # fmt: skip


def theme(path):
    return tomllib.loads(path.read_text("utf-8"))


def test_no_module_is_longer_than_its_limit():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_no_module_is_named_for_leftovers():
    vague = re.compile(r"^(utils?|helpers?|misc|common|managers?)$")
    parts = {part.removesuffix(".py") for path in MODULES for part in path.relative_to(PACKAGE).parts}
    assert {part for part in parts if vague.match(part)} == set()


# ---------------------------------------------------------------- lock file


def locked():
    """Name -> (requirement, its hashes) of each entry of the lock file."""
    text = (ROOT / "requirements.lock").read_text("utf-8").replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    parsed = [(Requirement(entry.split("--hash=")[0].strip()), entry.split("--hash=")[1:]) for entry in entries]
    return {canonicalize_name(requirement.name): (requirement, hashes) for requirement, hashes in parsed}


def test_the_lock_file_pins_every_dependency_with_hashes_and_names_no_host():
    assert "://" not in (ROOT / "requirements.lock").read_text("utf-8")
    for requirement, hashes in locked().values():
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", value) for value in hashes), requirement


def test_the_lock_file_satisfies_what_pyproject_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = [Requirement(text) for text in project["project"]["dependencies"] + project["dependency-groups"]["dev"]]
    pins = locked()
    for requirement in asked:
        version = next(iter(pins[canonicalize_name(requirement.name)][0].specifier)).version
        assert requirement.specifier.contains(version), f"{requirement} but {version} is locked: run make lock"


# ---------------------------------------------------------------- themes


def test_the_four_themes_are_there_under_their_own_names():
    assert [path.stem for path in THEMES] == THEME_NAMES
    assert [theme(path)["name"] for path in THEMES] == THEME_NAMES
    assert {theme(path)["dark"] for path in THEMES} == {True, False}


@pytest.mark.parametrize("path", THEMES, ids=lambda path: path.stem)
def test_a_theme_gives_each_colour_and_each_state_a_value_the_terminal_knows(path):
    values = theme(path)
    assert set(values) == {"name", "dark", "colors", "variables"}
    assert set(values["colors"]) == COLOURS
    assert set(values["variables"]) == VARIABLES
    for value in [*values["colors"].values(), *values["variables"].values()]:
        Color.parse(value)


def test_the_terminal_theme_uses_only_the_terminals_own_colours():
    values = theme(ROOT / "themes" / "terminal.toml")
    assert all(v.startswith("ansi_") for v in [*values["colors"].values(), *values["variables"].values()])


# ---------------------------------------------------------------- config.toml


def test_the_default_file_says_every_setting_and_its_default():
    content = (ROOT / "config.toml").read_bytes()
    written = tomllib.loads(content.decode())
    said = {(section, key) for section, table in written.items() for key in table}
    assert said == {(field.section, field.key) for field in FIELDS}
    assert parse_node_config(content) == NodeConfig()


def test_the_settings_cover_each_field_of_the_model():
    assert sorted(field.field for field in FIELDS) == sorted(NodeConfig.__struct_fields__)


def test_each_default_setting_has_its_own_comment():
    lines = (ROOT / "config.toml").read_text("utf-8").splitlines()
    bare = [line for before, line in pairwise(lines) if re.match(r"\w+ =", line) and not before.startswith("# ")]
    assert bare == []


# ---------------------------------------------------------------- wheel

LIST_DATA = """
import json, sitescope_fo
from importlib.resources import files
data = files("sitescope_fo") / "_data"
print(json.dumps({"from": sitescope_fo.__file__, "version": sitescope_fo.__version__,
    "config": (data / "config.toml").read_text("utf-8"),
    "themes": {entry.name: entry.read_text("utf-8") for entry in (data / "themes").iterdir()}}))
"""


def test_an_installed_wheel_carries_the_default_config_and_the_themes(tmp_path):
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-cache-dir"]
    build = [
        *pip,
        "wheel",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        tmp_path / "wheel",
        ROOT,
    ]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = (tmp_path / "wheel").glob("sitescope_fo-*.whl")
    install = [*pip, "install", "--no-index", "--no-deps", "--target", tmp_path / "site", wheel]
    subprocess.run(install, check=True, capture_output=True)

    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    listing = subprocess.run(
        [sys.executable, "-c", LIST_DATA],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    found = json.loads(listing.stdout)

    assert Path(found["from"]).is_relative_to(tmp_path / "site")
    assert found["config"] == (ROOT / "config.toml").read_text("utf-8")
    assert found["themes"] == {path.name: path.read_text("utf-8") for path in THEMES}
    assert found["version"] in wheel.name


# ---------------------------------------------------------------- make and CI


def test_make_names_the_apt_line_when_python_is_missing(tmp_path):
    make = shutil.which("make")
    assert make, "apt-get install -y make"
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "make").symlink_to(make)
    run = subprocess.run(
        ["make", "test", "PYTHON=no-such-python"],
        cwd=tmp_path, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stdout == "apt-get install -y make python3 python3-venv\n"
    assert run.returncode != 0
    assert not (tmp_path / ".venv").exists()


SKIPPING = """
import pytest

def test_passes(): pass

@pytest.mark.xfail
def test_expected(): assert False

def test_skips(): pytest.skip("no such service here")
"""


@pytest.mark.parametrize(
    ("ci", "code", "closing"),
    [("true", 1, "1 failed, 1 passed, 1 xfailed"), ("", 0, "1 passed, 1 skipped, 1 xfailed")],
)
def test_a_skip_fails_the_run_in_ci_and_only_there(tmp_path, ci, code, closing):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(SKIPPING)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert closing in run.stdout.splitlines()[-1]
    assert run.returncode == code


# ---------------------------------------------------------------- docs


def test_the_guide_map_has_one_line_for_each_numbered_step_of_the_guide():
    page = (ROOT / "docs" / "guide-map.md").read_text("utf-8")
    rows = re.findall(r"^\| ([A-Z]\d+[a-z]?) \|.*\| ([^|]+) \|$", page, re.MULTILINE)
    steps = [step for step, _ in rows]
    numbered = {"U": 5, "W": 21, "C": 18, "F": 8, "K": 4, "T": 5, "P": 3, "D": 4}
    assert {f"{letter}{n}" for letter, last in numbered.items() for n in range(1, last + 1)} <= set(steps)
    assert {"F2": "abc", "F3": "abcdefg", "F5": "ab", "F6": "abc", "F7": "abc"}.items() <= lettered(steps).items()
    assert len(steps) == len(set(steps))
    assert {status for _, status in rows if not re.fullmatch(r"now|planned|not applicable \([^)]+\)", status)} == set()


def lettered(steps):
    """`F2a F2b` -> `{"F2": "ab"}`."""
    subs = [step for step in steps if step[-1].isalpha()]
    return {step[:-1]: "".join(s[-1] for s in subs if s[:-1] == step[:-1]) for step in subs}


def test_every_page_is_listed_in_the_index_and_every_link_leads_somewhere():
    docs = ROOT / "docs"
    indexes = (docs / "index.md", docs / "adr" / "0000-index.md")
    linked = {
        (index.parent / link).resolve()
        for index in indexes
        for link in re.findall(r"\]\(([^)#:]+\.md)\)", index.read_text("utf-8"))
    }
    assert {page.resolve() for page in docs.rglob("*.md")} - linked - {indexes[0].resolve()} == set()
    broken = {
        f"{page.name}: {link}"
        for page in docs.rglob("*.md")
        for link in re.findall(r"\]\(([^)#:]+\.md)\)", page.read_text("utf-8"))
        if not (page.parent / link).is_file()
    }
    assert broken == set()
