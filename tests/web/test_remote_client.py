"""The console's client over the socket of a home: kept connections, restarts, and how a node that is not there fails."""

import anyio
import pytest

from sitescope_fo.client.node_url import node_url
from sitescope_fo.client.remote import RemoteClient
from sitescope_fo.model.command import HoldProfile
from sitescope_fo.model.errors import Conflict, Refused, SiteScopeError, Unreachable, Usage
from tests.web.test_local_socket import Operators, leave_socket, serving

pytestmark = pytest.mark.anyio
HOLD = HoldProfile(name="prod", reason="work")


async def refusal(kind, asked):
    with pytest.raises(kind) as raised:
        await asked
    return raised.value.code


@pytest.fixture
async def client(home):
    client = RemoteClient.local(home)
    yield client
    await client.aclose()


async def test_queries_and_commands_reach_the_daemon_of_a_home(home, client):
    service = Operators()
    async with serving(home, service):
        assert client.where == str(home)
        assert await client.query("monitors", {"path": "Web/Ä & b"}) == {"name": "monitors", "params": {"path": "Web/Ä & b"}}
        reply = await client.command(HOLD)
        assert (reply.outcome, reply.result) == ("done", {"held": True})
        assert not any(entry[0].read_only for entry in service.asked)


async def test_a_long_command_is_followed_with_its_progress(home, client, monkeypatch):
    monkeypatch.setattr("uuid.uuid4", lambda: type("Id", (), {"hex": "c1"}))
    service, seen = Operators(), []
    service.steps = 3
    async with serving(home, service):
        assert (await client.command(HOLD, progress=lambda reply: seen.append(reply.text))).outcome == "done"
        assert seen[0] == "3 to go"


async def test_whoever_only_looks_says_so_with_every_request(home):
    service, client = Operators(), RemoteClient.local(home, read_only=True)
    async with serving(home, service):
        await client.query("status")
        await client.command(HOLD)
        assert [entry[0].read_only for entry in service.asked] == [True, True]
        await client.aclose()


async def test_an_error_of_the_node_arrives_as_it_was_raised(home, client):
    service = Operators()
    service.error = Conflict("Two fit", where="prod", hint="Say which", code="ambiguous")
    async with serving(home, service):
        with pytest.raises(Conflict) as raised:
            await client.query("status")
        assert raised.value.body() == service.error.body()


async def test_a_client_outlives_the_daemon_and_finds_the_next_one(home, client):
    async with serving(home, Operators()):
        await client.query("status")
    assert await refusal(Unreachable, client.query("status")) == "not_running"
    leave_socket(home / "run" / "console.sock")
    assert await refusal(Unreachable, client.query("status")) == "not_running"
    async with serving(home, Operators()):
        assert (await client.query("status"))["name"] == "status"


async def test_a_daemon_that_is_stuck_is_a_timeout_and_the_client_goes_on(home, client):
    service = Operators()
    service.wait = anyio.Event()
    async with serving(home, service):
        assert await refusal(Unreachable, client.query("status", timeout_s=0.1)) == "timeout"
        service.wait.set()
        assert (await client.query("status"))["name"] == "status"


async def test_an_unknown_query_is_refused_as_by_the_node(home, client):
    async with serving(home, Operators()):
        assert await refusal(Refused, client.query("nothing")) == "not_found"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://node.example:9443", "https://node.example:9443"),
        ("https://node.example", "https://node.example:8443"),
        ("http://127.0.0.1", "http://127.0.0.1:8080"),
        ("node.example", "https://node.example:8443"),
        ("http://[::1]:8080/SiteScope", "http://[::1]:8080"),
    ],
)
def test_an_address_is_completed(text, url):
    assert str(node_url(text)) == url


@pytest.mark.parametrize("text", ["", "ftp://node", "https://", "https://user:pw@node", "http://node:port", "http://no de"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(SiteScopeError) as raised:
        node_url(text)
    assert (type(raised.value), raised.value.code) == (Usage, "bad_url")
