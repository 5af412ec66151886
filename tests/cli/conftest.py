"""Runs commands in this process, and gives what they printed."""

import json
from types import SimpleNamespace

import pytest

from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.main import main
from tests.cli.doors import NOON, CannedDoor, running


@pytest.fixture
def run(capsys):
    """`run("status", "--json", door=…)` -> code, out, err and the parsed JSON of out when it is some."""

    def run_it(*args, door=None):
        capsys.readouterr()
        code = main([str(arg) for arg in args], call=Invocation(door=door, wall=lambda: NOON))
        said = capsys.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err, json=lambda: json.loads(said.out))

    return run_it


@pytest.fixture
def door():
    return CannedDoor()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """A small running node: its `home` and the `service` behind its socket."""
    root = tmp_path_factory.mktemp("node") / "SiteScope"
    with running(root) as service:
        yield SimpleNamespace(home=root, service=service)


@pytest.fixture(scope="module")
def node_home(node):
    """The home of a small running node."""
    return node.home
