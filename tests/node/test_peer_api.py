"""What peers may ask of a node, and with which words the rest is refused."""

import io
import tarfile

import pytest
from msgspec.structs import replace

from sitescope_fo.mirror.parts import digest_of_skipped
from sitescope_fo.model import command as commands
from sitescope_fo.model import wire
from sitescope_fo.model.config import Peer
from sitescope_fo.model.errors import Refused, Unreachable
from sitescope_fo.model.status import PrimaryState, Role
from sitescope_fo.store.config_toml import load_ha_config
from tests.node.nodes import Bench, group_file, make_home, protected_pair, take_over

pytestmark = pytest.mark.anyio
PEER = Peer(node_id="failover-1", host="failover", port=8080, listed_as="prod")


def news(node_id="failover-1", **fields):
    body = {"host": node_id, "port": 8080, "tls": False, "profile": "prod", "version": "0.1.0", "activate_after_s": 15.0}
    return wire.Announcement(node_id=node_id, **(body | fields))


async def ask(bench, method, path, body=b"", *, peer="failover-1", etag=""):
    return await bench.peers.answer(peer, method, path, wire.encode(body) if isinstance(body, wire.Body) else body, etag)


async def announce(bench, body, *, peer=None, path=None):
    answer = await ask(bench, "PUT", wire.PEERS + (path or body.node_id), body, peer=peer or body.node_id)
    return wire.decode(answer.body, wire.AnnouncementReply)


@pytest.fixture
def listed(tmp_path):
    """A primary that has accepted `failover-1`."""
    return Bench(make_home(tmp_path, Role.primary, ha=lambda ha: replace(ha, peers=(PEER,))))


async def test_a_route_that_does_not_exist_is_refused(listed):
    async with listed.running():
        for method, path in (("GET", "/api/v1/secrets"), ("POST", wire.HEALTH), ("GET", wire.PEERS + "x")):
            with pytest.raises(Refused) as caught:
                await ask(listed, method, path)
            assert (caught.value.code, caught.value.where) == ("not_found", f"{method} {path}")


@pytest.mark.parametrize(
    ("role", "routes"),
    [
        (
            Role.failover,
            [
                ("GET", wire.MANIFEST),
                ("POST", wire.PARTS),
                ("POST", wire.ENTRIES),
                ("POST", wire.FILES),
                ("GET", wire.LEDGER),
                ("POST", wire.YIELD),
                ("POST", wire.STEP),
            ],
        ),
        (Role.failover, [("PUT", wire.PEERS + "failover-1"), ("GET", wire.CHECKS), ("PUT", wire.CHECKS), ("PUT", wire.LEDGER)]),
        (Role.primary, [("POST", wire.BOOT_CHECK), ("POST", wire.GOODBYE)]),
    ],
)
async def test_a_route_of_the_other_role_says_so(tmp_path, role, routes):
    bench = Bench(make_home(tmp_path, role))
    async with bench.running():
        for method, path in routes:
            with pytest.raises(Refused) as caught:
                await ask(bench, method, path)
            assert caught.value.code == "wrong_role"
            assert role.value in caught.value.what


async def test_everybody_of_the_pair_may_ask_for_health(listed, failover):
    async with listed.running(), failover.running():
        for bench, role, state in (
            (listed, Role.primary, PrimaryState.running),
            (failover, Role.failover, PrimaryState.unknown),
        ):
            health = wire.decode((await ask(bench, "GET", wire.HEALTH, peer="stranger")).body, wire.Health)
            assert (health.role, health.state, health.node_id) == (role, state, bench.node.node_id)
            assert health.licence == "community"


async def test_a_node_is_asked_for_the_way_back_by_those_it_knows_only(listed, failover):
    async with listed.running(), failover.running():
        for bench, code in ((listed, "peer_not_accepted"), (failover, "not_protected")):
            with pytest.raises(Refused) as caught:
                await ask(bench, "GET", wire.REACH, peer="stranger")
            assert caught.value.code == code
        seen = wire.decode((await ask(listed, "GET", wire.REACH)).body, wire.Reach)
        assert (seen.host, seen.port, seen.reached, seen.code) == ("failover", 8080, False, "refused")


async def test_a_failover_that_is_not_accepted_gets_nothing(primary):
    async with primary.running():
        for method, path in (("GET", wire.MANIFEST), ("GET", wire.LEDGER), ("POST", wire.YIELD)):
            with pytest.raises(Refused) as caught:
                await ask(primary, method, path, peer="stranger")
            assert caught.value.code == "peer_not_accepted"
            assert "peer accept stranger" in caught.value.hint


async def test_the_first_failover_is_trusted_and_the_second_waits_for_a_yes(primary):
    async with primary.running():
        assert (await announce(primary, news("f1"))).accepted
        second = await announce(primary, news("f2"))
        assert not second.accepted
        assert "peer accept f2" in second.detail
        with pytest.raises(Refused):
            await ask(primary, "GET", wire.MANIFEST, peer="f2")
        error = await primary.refused(commands.PeerAccept(node_id="f2"))
        assert (error.code, error.exit_code) == ("second_failover", 5)
        await primary.do(commands.PeerRemove(node_id="f1"))
        await primary.do(commands.PeerAccept(node_id="f2"))
        await primary.until(lambda: primary.node.own.manifest, "the manifest")
        assert (await ask(primary, "GET", wire.MANIFEST, peer="f2")).status == 200
        peers = (await primary.status())["peers"]
        assert [(peer["node_id"], peer["accepted"], peer["last_seen"] != "") for peer in peers] == [("f2", True, True)]
    assert [peer.node_id for peer in load_ha_config(primary.home).peers] == ["f2"]


async def test_a_failover_announces_nobody_but_itself(primary):
    async with primary.running():
        for peer, path, body in (("f1", "f2", "f1"), ("f1", "f1", "f2"), ("f2", "f1", "f1")):
            with pytest.raises(Refused) as caught:
                await announce(primary, news(body), peer=peer, path=path)
            assert caught.value.code == "wrong_identity"
        assert primary.node.world.ha.peers == ()


async def test_a_primary_is_not_its_own_failover(primary):
    async with primary.running():
        with pytest.raises(Refused) as caught:
            await announce(primary, news("primary-1"))
        assert caught.value.code == "own_failover"


async def test_an_unchanged_manifest_costs_no_body(listed):
    group_file(listed.home, "Web", "Home")
    async with listed.running():
        await listed.until(lambda: listed.node.own.manifest, "the manifest")
        first = await ask(listed, "GET", wire.MANIFEST)
        manifest = wire.decode(first.body, wire.Manifest)
        assert (first.status, first.etag, manifest.revision) == (200, manifest.revision, manifest.revision)
        again = await ask(listed, "GET", wire.MANIFEST, etag=first.etag)
        assert (again.status, again.body, again.etag) == (304, b"", first.etag)
        for full in (False, True):
            same = wire.PartsRequest(full=full, skipped=digest_of_skipped(manifest.skipped))
            assert (await ask(listed, "POST", wire.PARTS, same, etag=first.etag)).status == 304
        table = await ask(listed, "POST", wire.PARTS, wire.PartsRequest(), etag="another")
        parts = wire.decode(table.body, wire.Parts)
        assert (table.etag, parts.revision, len(parts.digests)) == (first.etag, manifest.revision, 16 * wire.PART_COUNT)
        every = wire.EntriesRequest(revision=manifest.revision, parts=tuple(range(wire.PART_COUNT)))
        assert wire.decode((await ask(listed, "POST", wire.ENTRIES, every)).body, wire.Entries).files == manifest.files
        asked = wire.FilesRequest(revision=manifest.revision, paths=("groups/Web/group.toml",))
        bundle = await ask(listed, "POST", wire.FILES, asked)
        with tarfile.open(fileobj=io.BytesIO(bundle.body)) as tar:
            assert [(member.name, member.isfile()) for member in tar] == [("groups/Web/group.toml", True)]
        with pytest.raises(Refused) as caught:
            await ask(listed, "POST", wire.FILES, wire.FilesRequest(revision="0" * 64, paths=()))
        assert caught.value.code == "revision_gone"


async def test_files_outside_the_manifest_are_not_given_away(listed):
    async with listed.running():
        await listed.until(lambda: listed.node.own.manifest, "the manifest")
        revision = listed.node.own.manifest.revision
        for path in ("high_availability/keys/keys.toml", "../SiteScope/config.toml", "config.toml"):
            with pytest.raises(Refused) as caught:
                await ask(listed, "POST", wire.FILES, wire.FilesRequest(revision=revision, paths=(path,)))
            assert caught.value.code == "unknown_path"


async def test_a_primary_yields_when_asked_and_runs_again_with_the_higher_term(listed):
    group_file(listed.home, "Web", "Home")
    async with listed.running():
        asked = wire.YieldRequest(profile="prod", term=7, why="switchover", yield_for_s=60)
        reply = wire.decode((await ask(listed, "POST", wire.YIELD, asked)).body, wire.YieldReply)
        assert (reply.yielded, listed.node.may_start("")) == (True, False)
        step = wire.StepRequest(profile="prod", handback="h1", step="run", term=8)
        for _ in range(2):  # the same step again gives the same answer
            done = wire.decode((await ask(listed, "POST", wire.STEP, step)).body, wire.StepReply)
            assert (done.done, done.state, done.term) == (True, PrimaryState.running, 8)
        assert listed.node.may_start("")
        old = wire.StepRequest(profile="prod", handback="h2", step="run", term=3)
        refused = wire.decode((await ask(listed, "POST", wire.STEP, old)).body, wire.StepReply)
        assert not refused.done
        assert refused.detail


async def test_a_boot_check_hears_whether_the_failover_acts(tmp_path):
    async with protected_pair(tmp_path) as (primary, failover):
        body = wire.BootCheck(node_id="primary-1", boot_id="b2", term=0)
        reply = await ask(failover, "POST", wire.BOOT_CHECK, body, peer="primary-1")
        assert wire.decode(reply.body, wire.BootCheckReply).active is False
        await take_over(primary, failover)
        reply = wire.decode((await ask(failover, "POST", wire.BOOT_CHECK, body, peer="primary-1")).body, wire.BootCheckReply)
        assert (reply.active, reply.profile, reply.term) == (True, "prod", failover.node.profile_state("prod").journal.term)


async def test_a_primary_that_nobody_protects_is_told_so(failover):
    async with failover.running():
        for path, body in (
            (wire.BOOT_CHECK, wire.BootCheck(node_id="p", boot_id="b", term=0)),
            (wire.GOODBYE, wire.GoodbyeNotice(node_id="p", boot_id="b", eta_s=30)),
        ):
            with pytest.raises(Refused) as caught:
                await ask(failover, "POST", path, body, peer="p")
            assert caught.value.code == "not_protected"


async def test_a_body_of_another_wire_version_is_refused_as_such(listed):
    async with listed.running():
        with pytest.raises(Unreachable) as caught:
            await ask(listed, "POST", wire.YIELD, b'{"wire": 99}')
        assert caught.value.code == "wire_version"


async def test_a_node_that_stops_takes_no_more_orders(listed):
    async with listed.running():
        await listed.node.stop_cleanly("maintenance", 30)
        with pytest.raises(Unreachable) as caught:
            await ask(listed, "GET", wire.LEDGER)
        assert caught.value.code == "stopping"
