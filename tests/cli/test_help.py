"""Every command explains itself, and its example works."""

import re
import shlex
from pathlib import Path

import click
import pytest

from sitescope_fo.cli.lazy import GLOBAL, NodeGroup
from sitescope_fo.cli.main import PROGRAM, root
from sitescope_fo.cli.reference import commands, page
from sitescope_fo.model.command import AnyCommand
from tests.cli.doors import make_home

ALL = dict(commands(root, PROGRAM))
LEAVES = {path: command for path, command in ALL.items() if not isinstance(command, NodeGroup)}
EXAMPLES = [line for command in LEAVES.values() for line in command.example.splitlines()]
# These act on the machine, not on a node behind a door.
OWN_WAY = ("sitescope-fo setup", "sitescope-fo demo")


@pytest.mark.parametrize("path", [PROGRAM, *ALL])
def test_a_command_says_what_it_does_and_has_an_example(path):
    command = ALL.get(path, root)
    assert re.match(r"[A-Z].*\.", command.help, re.DOTALL)
    assert command.example.startswith(PROGRAM)


@pytest.mark.parametrize("path", [PROGRAM, *ALL])
def test_every_option_is_explained_in_a_sentence(path):
    options = [p for p in ALL.get(path, root).params if isinstance(p, click.Option)]
    unclear = [
        o.name for o in (*options, *GLOBAL) if not o.help or (o.help[-1] not in ".…" or not re.match(r'["A-Za-z]', o.help))
    ]
    assert unclear == []


def test_the_reference_page_is_current():
    written = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
    assert written == page(), "python -m sitescope_fo.cli.reference > docs/commands.md"


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "primary.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "password.txt").write_text("correct horse\n")
    (tmp_path / "alert.txt").write_text("Subject\n{{ path }}\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("example", [e for e in EXAMPLES if not e.startswith(OWN_WAY) and "--follow" not in e])
def test_the_example_of_each_command_works(run, door, here, example):
    said = run(*shlex.split(example)[1:], door=door)
    assert said.err in ("", " 50 %  half way\n") or "not shown again" in said.err
    assert (said.code, bool(said.out)) == (0, "log show" not in example)


def test_the_examples_reach_every_kind_of_command(run, door, here):
    for example in EXAMPLES:
        if not example.startswith(OWN_WAY) and "--follow" not in example:
            run(*shlex.split(example)[1:], door=door)
    sent = {type(body).__name__ for body in door.commands}
    assert {kind.__name__ for kind in AnyCommand.__args__} - sent == set()


@pytest.mark.parametrize("example", [e for e in EXAMPLES if not e.startswith(OWN_WAY) and "--follow" not in e])
def test_with_read_only_the_node_refuses_every_command(run, node, here, example):
    node.service.seen.clear()
    said = run("--home", node.home, "--read-only", *shlex.split(example)[1:])
    assert [who.read_only for who, _ in node.service.seen] in ([], [True])
    if node.service.seen:
        assert said.code == 5
        assert "--read-only" in said.err


def test_with_read_only_a_stopped_node_is_not_changed_either(run, home):
    make_home(home)
    before = sorted((path, path.read_bytes()) for path in home.rglob("*.toml"))
    for words in (("group", "add", "Web"), ("mail", "set", "--host", "mail.example"), ("activate", "prod", "--yes")):
        said = run("--home", home, "--read-only", *words, "--json")
        assert (said.code, said.json()["error"]["code"]) == (5, "read_only")
    assert sorted((path, path.read_bytes()) for path in home.rglob("*.toml")) == before


def test_setup_and_demo_change_nothing_with_read_only(run, home):
    said = run("--read-only", "setup", "--role", "primary", "--home", home, "--yes")
    assert (said.code, home.exists()) == (5, False)
    assert run("demo", "--read-only").code == 5


def test_help_fits_eighty_columns_but_for_examples(run):
    for path in ALL:
        text = run(*path.split()[1:], "--help").out
        before = text.partition("\nExample:\n")[0]
        assert [line for line in before.splitlines() if len(line) > 80] == []
