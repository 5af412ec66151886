"""The way to a peer looked at step by step, on real sockets."""

import pytest

from sitescope_fo.model.errors import Unreachable
from sitescope_fo.node.ports.clock import SystemClock
from sitescope_fo.node.ports.look import NetworkLook
from sitescope_fo.node.ports.work import ThreadWork
from sitescope_fo.security.certificate import create_self_signed
from sitescope_fo.security.tls import server_context
from sitescope_fo.web.server import bind_tcp
from tests.web.pair import running_pair

pytestmark = pytest.mark.anyio
HERE, PATIENCE_S = "127.0.0.1", 10.0


@pytest.fixture
def look(tmp_path):
    (tmp_path / "mine" / "trusted").mkdir(parents=True)
    return NetworkLook(SystemClock(), ThreadWork(), tmp_path / "mine")


async def test_a_name_leads_to_its_addresses(look):
    assert HERE in await look.resolve("localhost")
    with pytest.raises(Unreachable) as caught:
        await look.resolve("no.such.host.invalid")
    assert caught.value.code == "unresolved"
    with pytest.raises(Unreachable):
        await look.resolve("x" * 300)


async def test_a_port_takes_a_connection_or_says_why_not(look):
    async with running_pair() as pair:
        assert await look.connect(HERE, pair.port, PATIENCE_S) >= 0
    closed = bind_tcp(HERE, 0)
    port = closed.getsockname()[1]
    closed.close()
    with pytest.raises(Unreachable) as caught:
        await look.connect(HERE, port, PATIENCE_S)
    assert caught.value.code == "refused"
    assert f"{HERE}:{port}" in caught.value.what


async def test_a_handshake_shows_version_names_and_whether_it_is_trusted(look, tmp_path):
    made = create_self_signed(tmp_path / "theirs", "primary.example", SystemClock().wall())
    async with running_pair(tls=server_context(tmp_path / "theirs")) as pair:
        seen = await look.handshake(HERE, pair.port, "primary.example", PATIENCE_S)
        assert (seen.version, seen.names, seen.fingerprint) == ("TLSv1.3", ("primary.example",), made.fingerprint)
        assert "not trusted" in seen.untrusted
        assert "cert fetch primary.example" in seen.remedy
        (tmp_path / "mine" / "trusted" / "primary.pem").write_bytes((tmp_path / "theirs" / "server.pem").read_bytes())
        assert (await look.handshake(HERE, pair.port, "primary.example", PATIENCE_S)).untrusted == ""


async def test_a_plain_port_speaks_no_tls(look):
    async with running_pair() as pair:
        with pytest.raises(Unreachable) as caught:
            await look.handshake(HERE, pair.port, "localhost", PATIENCE_S)
    assert caught.value.code == "no_tls"
