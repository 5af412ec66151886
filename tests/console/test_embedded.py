"""The console's way to an engine on another thread: never waiting, and always an answer or the reason why there is none."""

import asyncio
import gc
import threading

import pytest

from sitescope_fo.console.embedded import EmbeddedClient
from sitescope_fo.console.host import EngineHost
from sitescope_fo.model.command import GroupAdd
from sitescope_fo.model.errors import ConfigInvalid, SiteScopeError, Unreachable, Usage
from sitescope_fo.model.status import Role
from sitescope_fo.store.config_toml import set_node_value
from tests.node.nodes import log_lines, make_home
from tests.node.test_daemon import free_port

pytestmark = pytest.mark.processes
LATE_S = 30


@pytest.fixture
def home(tmp_path):
    home = make_home(tmp_path, Role.primary, port=free_port())
    set_node_value(home, "web.bind", "127.0.0.1")
    return home


@pytest.fixture
def host(home):
    """Not started yet. The collector is then as the tests had it."""
    before = gc.get_threshold()
    host = EngineHost(home, lambda: None)
    yield host
    host.stop("the test")
    host.start()
    assert host.over.wait(LATE_S)
    gc.unfreeze()
    gc.set_threshold(*before)
    gc.enable()


def client(host, *, read_only=False):
    return EmbeddedClient(host, "here", read_only=read_only)


async def answer(host, name="status"):
    """The answer of a query, as soon as the engine has started."""
    async with asyncio.timeout(LATE_S):
        while True:
            try:
                return await client(host).query(name)
            except Unreachable as error:
                if error.code != "starting":
                    raise
                await asyncio.sleep(0.05)


async def refusal(asked):
    with pytest.raises(SiteScopeError) as refused:
        await asked
    return refused.value


def test_it_asks_and_commands_and_hears_in_between_why_nobody_answers(home, host):
    async def console():
        assert (await refusal(client(host).query("status"))).code == "starting"
        host.start()
        status = await answer(host)
        assert status["node"]["role"] == "primary"
        reply = await client(host).command(GroupAdd(path="Web"))
        assert reply.outcome == "done"
        assert [group["path"] for group in await answer(host, "groups")] == ["Web"]
        assert (await refusal(client(host).query("nonsense"))).code == "not_found"
        many = await asyncio.gather(*(client(host).query("status") for _ in range(50)))
        assert len(many) == 50

    asyncio.run(console())
    host.stop("the test")
    assert host.over.wait(LATE_S)
    assert host.error is None
    assert asyncio.run(refusal(client(host).query("status"))).code == "ended"
    assert any("stopping on the test" in line for line in log_lines(home.run_log))


def test_the_engine_itself_refuses_what_a_read_only_console_asks_for(home, host):
    async def console():
        host.start()
        await answer(host)
        reply = await client(host, read_only=True).command(GroupAdd(path="Web"))
        assert (reply.outcome, reply.error.code) == ("refused", "read_only")

    asyncio.run(console())
    assert not (home.groups / "Web").exists()


def test_questions_under_way_are_answered_when_the_engine_ends(host):
    asked = threading.Event()

    async def never(api):
        asked.set()
        await asyncio.Event().wait()

    async def console():
        host.start()
        await answer(host)
        waiting = asyncio.wrap_future(host.ask(never))
        await asyncio.to_thread(asked.wait, LATE_S)
        host.stop("the test")
        async with asyncio.timeout(LATE_S):
            assert (await refusal(waiting)).code == "ended"

    asyncio.run(console())


def test_what_keeps_the_engine_from_starting_is_known_afterwards(home, host):
    set_node_value(home, "web.bind", "192.0.2.1")
    host.start()
    assert host.over.wait(LATE_S)
    assert isinstance(host.error, Usage)


def test_an_engine_that_was_told_to_stop_before_does_not_start(home, host):
    host.stop("the test")
    host.start()
    assert host.over.is_set()
    assert not home.run_log.exists()


def test_an_unknown_event_loop_is_refused_before_anything_starts(home, monkeypatch):
    monkeypatch.setenv("SITESCOPE_LOOP", "fast")
    with pytest.raises(ConfigInvalid):
        EngineHost(home, lambda: None)
