"""Which event loop a daemon runs on."""

import importlib.util

import anyio
import pytest

from sitescope_fo.model.errors import ConfigInvalid
from sitescope_fo.node import event_loop
from sitescope_fo.node.event_loop import running_loop, wants_uvloop


@pytest.fixture
def without_uvloop(monkeypatch):
    monkeypatch.setattr(event_loop, "find_spec", lambda name: None)


@pytest.mark.parametrize("said", [{}, {"SITESCOPE_LOOP": ""}, {"SITESCOPE_LOOP": "auto"}])
def test_uvloop_is_used_when_it_is_installed(said, without_uvloop):
    assert not wants_uvloop(said)


@pytest.mark.parametrize("said", [{}, {"SITESCOPE_LOOP": "auto"}, {"SITESCOPE_LOOP": "uvloop"}])
def test_uvloop_is_there_in_these_tests_and_so_it_is_used(said):
    assert importlib.util.find_spec("uvloop")
    assert wants_uvloop(said)


def test_the_variable_keeps_to_asyncio():
    assert not wants_uvloop({"SITESCOPE_LOOP": "asyncio"})


def test_a_loop_that_is_not_installed_is_refused_with_what_to_install(without_uvloop):
    with pytest.raises(ConfigInvalid, match="not installed") as caught:
        wants_uvloop({"SITESCOPE_LOOP": "uvloop"})
    assert "speed" in caught.value.hint


def test_another_loop_is_refused():
    with pytest.raises(ConfigInvalid, match="'twisted' is no event loop"):
        wants_uvloop({"SITESCOPE_LOOP": "twisted"})


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_the_loop_that_runs_is_named(name):
    async def ask():
        return running_loop()

    assert anyio.run(ask, backend_options={"use_uvloop": name == "uvloop"}) == name
