"""Users and tokens by command: the same on a node that runs and on one that does not, sealed with the tree's own key."""

import pytest

from sitescope_fo.model import command as commands
from sitescope_fo.model.command import CommandRequest
from sitescope_fo.model.errors import Refused
from sitescope_fo.model.service import Login
from sitescope_fo.model.status import Role
from sitescope_fo.node.offline import OfflineDoor
from sitescope_fo.node.people import People
from sitescope_fo.security import passwords
from sitescope_fo.security.keys import load_keys
from sitescope_fo.security.secrets import TreeSecrets
from tests.node.nodes import Bench, make_home

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    monkeypatch.setattr(passwords, "_COST", (4, 8, 1))


@pytest.fixture(params=[Role.primary, Role.failover])
def home(request, tmp_path):
    return make_home(tmp_path, request.param)


@pytest.fixture
def stopped(home):
    """Carries a command out on the stopped node."""
    door = OfflineDoor(home)
    return lambda body: door.command(CommandRequest(id="one", body=body))


async def logs_in(people, user="alice", password=PASSWORD):
    return people.who((await people.login(Login(user=user, password=password), "127.0.0.1")).token)


async def test_users_of_a_stopped_node_are_let_in_once_it_runs(home, stopped):
    assert stopped(commands.UserAdd(name="alice", role="operator", password=PASSWORD)).outcome == "done"
    token = stopped(commands.TokenAdd(name="ci", role="viewer", for_s=3600.0)).result["token"]
    assert [row["name"] for row in OfflineDoor(home).query("users", {})] == ["alice"]
    assert [row["role"] for row in OfflineDoor(home).query("tokens", {})] == ["viewer"]
    bench = Bench(home)
    people = People(bench.node)
    async with bench.running():
        who = await logs_in(people)
        assert (who.name, who.level.name) == ("alice", "operator")
        assert people.who(token).name == "token:ci"
        await bench.do(commands.UserPasswd(name="Alice", password="another good password"))
    assert stopped(commands.UserRemove(name="alice")).outcome == "done"
    assert stopped(commands.TokenRevoke(name="CI")).outcome == "done"
    assert OfflineDoor(home).query("users", {}) == OfflineDoor(home).query("tokens", {}) == []


async def test_what_is_refused_changes_nothing(home, stopped):
    stopped(commands.UserAdd(name="alice", role="administrator", password=PASSWORD))
    before = (home.persistence / "users.toml").read_bytes()
    for body, code in (
        (commands.UserAdd(name="ALICE", role="viewer", password=PASSWORD), "duplicate"),
        (commands.UserAdd(name="bob", role="viewer", password="short"), "password_weak"),
        (commands.UserAdd(name="a:b", role="viewer", password=PASSWORD), "bad_name"),
        (commands.UserPasswd(name="bob", password=PASSWORD), "not_found"),
        (commands.UserPasswd(name="alice", password="alicealice"[:5]), "password_weak"),
        (commands.UserRemove(name="alice"), "last_administrator"),
        (commands.TokenAdd(name="ci", role="viewer", for_s=-1.0), "bad_duration"),
        (commands.TokenAdd(name="ci", role="viewer", for_s=float("nan")), "bad_duration"),
        (commands.TokenRevoke(name="ci"), "not_found"),
    ):
        assert stopped(body).error.code == code
    assert (home.persistence / "users.toml").read_bytes() == before


async def test_a_password_set_meanwhile_does_not_let_the_old_one_in(home):
    """A login that is being compared while the password changes must not open a session."""
    bench = Bench(home)
    people = People(bench.node)
    async with bench.running():
        await bench.do(commands.UserAdd(name="alice", role="viewer", password=PASSWORD))
        work = bench.node.ports.work
        plain = work.run_blocking

        async def slow(fn, *args, lane=""):
            found = await plain(fn, *args, lane=lane)
            if lane == "passwords":
                await bench.do(commands.UserPasswd(name="alice", password="another good password"))
            return found

        work.run_blocking = slow
        with pytest.raises(Refused) as raised:
            await logs_in(people)
        assert raised.value.code == "login_wrong"


async def test_users_open_with_the_passphrase_alone_on_a_rebuilt_node(tmp_path):
    """The tree of a primary, copied to a home with other keys and the same passphrase."""
    home, rebuilt = make_home(tmp_path / "a", Role.primary), make_home(tmp_path / "b", Role.primary)
    for one in (home, rebuilt):
        door = OfflineDoor(one)
        assert (
            door.command(CommandRequest(id="p", body=commands.LwssoSet(passphrase="the same long passphrase"))).outcome == "done"
        )
    OfflineDoor(home).command(CommandRequest(id="u", body=commands.UserAdd(name="alice", role="viewer", password=PASSWORD)))
    for name in ("users.toml", "secrets.toml"):
        (rebuilt.persistence / name).write_bytes((home.persistence / name).read_bytes())
    bench = Bench(rebuilt)
    people = People(bench.node)
    async with bench.running():
        assert (await logs_in(people)).name == "alice"
    assert TreeSecrets.read(rebuilt.root, load_keys(rebuilt.keys)).keys.configuration
