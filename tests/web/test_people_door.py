"""People and scripts on the network: login, roles, limits, cookies, tokens; on real sockets against a real node."""

import json

import anyio
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sitescope_fo.client.people_tls import people_context
from sitescope_fo.client.remote import RemoteClient, connect
from sitescope_fo.model import command as commands
from sitescope_fo.model import wire
from sitescope_fo.model.command import CommandRequest
from sitescope_fo.model.errors import Refused, SiteScopeError, Unreachable, Unverifiable
from sitescope_fo.model.status import Role
from sitescope_fo.security import attempts, passwords
from sitescope_fo.security.certificate import SERVER_PEM, create_self_signed
from sitescope_fo.security.tls import server_context
from sitescope_fo.web.limits import Limits
from tests.security.ports import SetClock
from tests.web.pair import closed_port, foreign_server
from tests.web.people import PASSWORD, open_house

pytestmark = pytest.mark.anyio
JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    monkeypatch.setattr(passwords, "_COST", (4, 8, 1))


@pytest.fixture
async def house(tmp_path):
    async with open_house(tmp_path, Role.primary) as house:
        yield house


async def login(http, user, password=PASSWORD, **kwargs):
    return await http.post("/api/v1/login", json={"user": user, "password": password}, **kwargs)


async def refused(kind, asked):
    with pytest.raises(kind) as raised:
        await asked
    return raised.value.code


def request(body, named="one"):
    return {"content": msgspec.json.encode(CommandRequest(id=named, body=body)), "headers": JSON}


# ---------------------------------------------------------------- login


async def test_a_login_leads_to_the_queries_and_commands_of_the_node(house):
    await house.add("administrator")
    client = await connect(house.url, user="ADMINISTRATOR", password=PASSWORD)
    assert (client.user, client.read_only, client.where) == ("ADMINISTRATOR", False, house.url)
    assert (await client.query("status"))["node"]["role"] == "primary"
    assert (await client.command(commands.GroupAdd(path="Web"))).outcome == "done"
    assert [group["path"] for group in await client.query("groups")] == ["Web"]
    await client.logout()
    assert await refused(Refused, client.query("status")) == "unauthenticated"
    await client.aclose()
    audit = await house.bench.events("audit")
    assert any("who=administrator command=Login outcome=done" in line and "from 127.0.0.1" in line for line in audit)
    assert any('who=administrator command="GroupAdd path=Web" outcome=done' in line for line in audit)


async def test_a_wrong_password_and_a_wrong_user_get_the_same_answer(house):
    await house.add("viewer")
    async with house.http() as http:
        answers = [await login(http, "viewer", "wrong"), await login(http, "nobody", "wrong"), await login(http, "", "")]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].json()["code"] == "login_wrong"
        assert "set-cookie" not in answers[0].headers
    lines = [line for line in await house.bench.events("audit") if "Login" in line]
    assert ["who=viewer" in line for line in lines] == [True, False, False]
    assert "nobody" not in "".join(lines)


async def test_after_some_failures_even_the_right_password_has_to_wait(house):
    await house.add("viewer")
    async with house.http() as http:
        codes = [(await login(http, "viewer", "wrong")).json()["code"] for _ in range(attempts.FREE["user"])]
        assert set(codes) == {"login_wrong"}
        answer = await login(http, "Viewer")
        assert (answer.status_code, answer.json()["code"]) == (429, "login_limited")
        assert int(answer.headers["retry-after"]) <= 1


async def test_without_anybody_there_is_no_way_in(house):
    async with house.http() as http:
        for send in (
            http.get("/api/v1/status"),
            http.get("/api/v1/status", headers={"authorization": "Bearer"}),
            http.get("/api/v1/status", headers={"authorization": "Basic YTpi"}),
            http.post("/api/v1/commands", **request(commands.Reload())),
            http.get("/api/v1/peers"),
            http.get("/api/v1/nothing"),
        ):
            answer = await send
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        forged = await http.get("/api/v1/status", headers={"authorization": f"Bearer {'ab' * 32}"})
        assert (forged.status_code, forged.json()["code"]) == (401, "session_ended")
        assert (await http.get("/healthz")).json() == {"status": "ok"}


async def test_peers_keep_their_door(house):
    async with house.http() as http:
        for method, path in (("GET", wire.HEALTH), ("GET", wire.MANIFEST), ("PUT", f"{wire.PEERS}x"), ("POST", wire.YIELD)):
            answer = await http.request(method, path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "LWSSO"), path
            assert answer.json()["code"].startswith("lwsso_")
        answer = await http.get("/api/v1/status", headers={"authorization": "LWSSO nonsense"})
        assert answer.json()["code"].startswith("lwsso_")
        token = await house.token("administrator")
        assert (await http.get(wire.HEALTH, headers={"authorization": f"Bearer {token}"})).json()["code"].startswith("lwsso_")


# ---------------------------------------------------------------- rights


async def test_a_viewer_looks_and_does_nothing(house):
    client = await connect(house.url, token=await house.token("viewer"))
    await client.query("monitors")
    reply = await client.command(commands.Reload())
    assert (reply.outcome, reply.error.code) == ("refused", "permission")
    for query, params in (("log", {"name": "audit"}), ("users", {}), ("tokens", {})):
        assert await refused(Refused, client.query(query, params)) == "permission"
    await client.aclose()


async def test_an_operator_acts_and_does_not_configure(house):
    client = await connect(house.url, token=await house.token("operator"))
    assert (await client.command(commands.Reload())).outcome == "done"
    assert (await client.command(commands.GroupAdd(path="Web"))).error.code == "permission"
    await client.aclose()


async def test_whoever_only_looks_changes_nothing_whatever_the_role(house):
    client = await connect(house.url, token=await house.token("administrator"), read_only=True)
    assert (await client.command(commands.GroupAdd(path="Web"))).error.code == "read_only"
    assert len(await client.query("tokens")) == 1
    await client.aclose()


async def test_the_reply_to_a_command_is_for_whoever_asked_and_administrators(house):
    async with house.http() as http:
        ask = {role: {"authorization": f"Bearer {await house.token(role)}"} for role in ("viewer", "operator", "administrator")}
        sent = request(commands.Reload())
        await http.post("/api/v1/commands", content=sent["content"], headers={**JSON, **ask["operator"]})
        found = {role: (await http.get("/api/v1/commands/one", headers=ask[role])).status_code for role in ask}
        assert found == {"viewer": 404, "operator": 200, "administrator": 200}


# ---------------------------------------------------------------- without TLS


async def test_without_tls_other_machines_are_refused_before_anything_is_read(house):
    token = await house.token()
    async with house.from_afar() as http:
        for answer in (
            await login(http, "viewer"),
            await http.get("/api/v1/status", headers={"authorization": f"Bearer {token}"}),
            await http.get("/api/v1/status"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "plain_refused")
            assert "web.tls" in answer.json()["hint"]
        assert (await http.get("/healthz")).status_code == 200
    async with house.from_afar("::ffff:127.0.0.1") as http:
        assert (await http.get("/api/v1/status", headers={"authorization": f"Bearer {token}"})).status_code == 200


async def test_an_operator_may_allow_plain_logins_at_once(house):
    await house.add("viewer")
    await house.bench.do(commands.ConfigSet(key="web.allow_plain", value="true"))
    async with house.from_afar() as http:
        assert (await login(http, "viewer")).status_code == 200


async def test_a_client_far_away_shows_no_secret_to_a_node_that_refuses_plain_http(house):
    sent = []

    async def note(request):
        sent.append((request.url.path, request.headers.get("authorization")))

    client = RemoteClient.at("http://node")
    await client.aclose()
    client._http = house.from_afar()
    client._http.event_hooks["request"].append(note)
    assert await refused(Refused, client.login("viewer", PASSWORD)) == "plain_refused"
    client.use_token("secret")
    assert await refused(Refused, client.query("status")) == "plain_refused"
    assert sent == [("/api/v1/status", None)] * 2
    await house.bench.do(commands.ConfigSet(key="web.allow_plain", value="true"))
    assert await refused(Refused, client.query("status")) == "session_ended"
    assert [secret for _, secret in sent[2:]] == [None, "Bearer secret"]
    await client.aclose()


# ---------------------------------------------------------------- browsers


async def test_a_browser_gets_a_cookie_that_scripts_of_pages_cannot_read(house):
    await house.add("operator")
    async with house.http() as http:
        answer = await login(http, "operator")
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert cookie.startswith(f"sitescope_session_{http.base_url.port}=")
        assert answer.json()["role"] == "operator"
        assert (await http.get("/api/v1/status")).status_code == 200
        assert (await http.post("/api/v1/commands", **request(commands.Reload()))).json()["outcome"] == "done"
        assert (await http.post("/api/v1/logout", headers={"x-requested-with": "page"})).json() == {"user": "operator"}
        assert (await http.get("/api/v1/status")).json()["code"] == "unauthenticated"


async def test_a_page_of_another_site_can_make_a_browser_do_nothing(house):
    await house.add("operator")
    async with house.http() as http:
        await login(http, "operator")
        body = request(commands.Reload())["content"]
        for headers in (
            {},
            {"content-type": "text/plain"},
            {"content-type": "application/x-www-form-urlencoded"},
            {**JSON, "origin": "https://evil.example"},
            {**JSON, "origin": "null"},
            {"x-requested-with": "page", "origin": "https://evil.example"},
        ):
            answer = await http.post("/api/v1/commands", content=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site"), headers
        own = {**JSON, "origin": house.url}
        assert (await http.post("/api/v1/commands", content=body, headers=own)).status_code == 200
        form = await http.post("/api/v1/login", data={"user": "operator", "password": PASSWORD})
        assert form.json()["code"] == "cross_site"


# ---------------------------------------------------------------- ends


async def test_another_password_and_a_removal_end_the_sessions_of_that_user_only(house):
    await house.add("operator", "viewer")
    operator = await connect(house.url, user="operator", password=PASSWORD)
    viewer = await connect(house.url, user="viewer", password=PASSWORD)
    await house.bench.do(commands.UserPasswd(name="operator", password="another good password"))
    assert await refused(Refused, operator.query("status")) == "session_ended"
    assert await refused(Refused, operator.login("operator", PASSWORD)) == "login_wrong"
    await operator.login("operator", "another good password")
    await viewer.query("status")
    await house.bench.do(commands.UserRemove(name="viewer"))
    assert await refused(Refused, viewer.query("status")) == "session_ended"
    await operator.query("status")
    await operator.aclose()
    await viewer.aclose()


async def test_a_token_is_told_once_and_ends_when_revoked_or_over(house):
    token = await house.token("viewer")
    short = await house.token("operator", for_s=0.001)
    client = await connect(house.url, token=token)
    assert await refused(Refused, connect(house.url, token=short)) == "token_expired"
    users_file = (house.bench.home.persistence / "users.toml").read_text()
    assert token not in users_file + "".join(await house.bench.events("audit"))
    await house.bench.do(commands.TokenRevoke(name="for viewer"))
    assert await refused(Refused, client.query("status")) == "session_ended"
    await client.aclose()


async def test_a_file_of_users_changed_by_hand_counts_and_a_damaged_one_changes_nothing(house):
    await house.add("viewer")
    path = house.bench.home.persistence / "users.toml"
    good = path.read_text()
    client = await connect(house.url, user="viewer", password=PASSWORD)
    path.write_text("[[user]]\nname = 'x'\n")
    assert (await house.bench.refused(commands.Reload())).where == "persistence/users.toml"
    await client.query("status")
    assert any("users_unreadable" in line for line in await house.bench.events())
    rows = await house.bench.ask("check", what="config")
    assert [row["verdict"] for row in rows] == ["bad"]
    path.write_text(good.replace('role = "viewer"', 'role = "operator"'))
    await house.bench.do(commands.Reload())
    assert (await client.command(commands.Reload())).outcome == "done"
    assert [row["verdict"] for row in await house.bench.ask("check", what="config")] == ["good"]
    path.write_text("")
    await house.bench.do(commands.Reload())
    assert await refused(Refused, client.query("status")) == "session_ended"
    await client.aclose()


async def test_a_user_whose_hash_cannot_be_opened_stays_outside_and_is_told(house):
    await house.add("viewer")
    path = house.bench.home.persistence / "users.toml"
    path.write_text(path.read_text() + '[[user]]\nname = "bob"\nrole = "viewer"\npassword = "in clear"\n')
    await house.bench.refused(commands.Reload())
    async with house.http() as http:
        assert (await login(http, "bob", "in clear")).status_code == 401
        assert (await login(http, "viewer")).status_code == 200
    assert any("user bob cannot be let in" in line for line in await house.bench.events())


async def test_users_outlive_the_process_and_lie_sealed_beside_the_configuration(tmp_path):
    async with open_house(tmp_path, Role.primary) as house:
        await house.add("viewer")
        text = (house.bench.home.persistence / "users.toml").read_text()
        assert "sealed:v1:" in text
        assert "scrypt" not in text
        assert (await house.bench.ask("users"))[0]["name"] == "viewer"


# ---------------------------------------------------------------- limits


async def test_one_person_has_so_many_requests_at_once(tmp_path):
    async with open_house(tmp_path, Role.primary, limits=Limits(requests_a_person=1)) as house:
        ask = {"authorization": f"Bearer {await house.token()}"}
        entered, go = anyio.Event(), anyio.Event()

        async def hold(who, name, params):
            entered.set()
            await go.wait()
            return {}

        house.bench.api.query = hold
        async with house.http() as http, anyio.create_task_group() as group:
            group.start_soon(lambda: http.get("/api/v1/status", headers=ask))
            await entered.wait()
            answer = await http.get("/api/v1/status", headers=ask)
            assert (answer.status_code, answer.json()["code"]) == (429, "busy")
            go.set()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=64) | st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["user", "password", "x"]), inner, max_size=3),
    max_leaves=6,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
async def test_no_body_of_a_login_breaks_the_door_or_comes_back(house, body):
    async with house.from_afar("127.0.0.1") as http:
        answer = await http.post("/api/v1/login", content=body, headers=JSON)
        assert answer.status_code in {400, 401, 429}
        assert answer.json()["code"] in {"bad_login", "login_wrong", "login_limited"}


async def test_a_login_has_a_few_kilobytes_and_one_method(house):
    async with house.http() as http:
        assert (await login(http, "x" * 9000)).json()["code"] == "too_large"
        assert (await http.get("/api/v1/login")).json()["code"] == "method_not_allowed"
        assert (await http.post("/api/v1/login", content=b"{}", headers=JSON)).json()["code"] == "bad_login"


# ---------------------------------------------------------------- the client on its way


@pytest.fixture
def certificates(tmp_path):
    folder = tmp_path / "certificates"
    create_self_signed(folder, "localhost", SetClock().wall(), days=10)
    return folder


async def test_over_tls_the_cookie_is_secure_and_an_unknown_certificate_needs_trust(tmp_path, certificates):
    async with open_house(tmp_path, Role.primary, tls=server_context(certificates), host="localhost") as house:
        await house.add("viewer")
        with pytest.raises(Unverifiable, match="--trust FILE") as raised:
            await connect(house.url, user="viewer", password=PASSWORD)
        assert raised.value.code == "tls_untrusted"
        client = await connect(house.url, user="viewer", password=PASSWORD, trust=certificates / SERVER_PEM)
        await client.query("status")
        await client.aclose()
        async with house.http(verify=people_context(trust=certificates / SERVER_PEM)) as http:
            assert "Secure" in (await login(http, "viewer")).headers["set-cookie"].split("; ")
        with pytest.raises(Unverifiable) as raised:
            await connect(house.url.replace("localhost", "127.0.0.1"), token="x", trust=certificates / SERVER_PEM)
        assert raised.value.code == "tls_name"


async def test_what_is_no_node_is_told_apart(tmp_path):
    assert await refused(Unreachable, connect(f"http://127.0.0.1:{closed_port()}", token="x")) == "refused"
    async with foreign_server(200, {"content-type": "text/html"}, b"<html>") as port:
        assert await refused(Unreachable, connect(f"http://127.0.0.1:{port}", token="x")) == "foreign"
        with pytest.raises(SiteScopeError) as raised:
            await connect(f"https://127.0.0.1:{port}", token="x")
        assert (raised.value.code, raised.value.exit_code) == ("foreign", 4)
