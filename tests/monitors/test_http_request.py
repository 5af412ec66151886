"""What a url check sends, and what becomes of it over redirects: addresses, methods, credentials, cookies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.monitors.cookies import MOST, Cookies
from sitescope_fo.monitors.http_request import Request, basic, read_header
from sitescope_fo.monitors.web_address import read_address
from tests.monitors.server import serving
from tests.monitors.test_url import page, replying

SECRETS = (("Authorization", "Bearer x"), ("Proxy-Authorization", "y"), ("cookie", "a=b"), ("Host", "inside"))


@pytest.mark.parametrize(
    ("text", "host", "port", "target", "authority"),
    [
        ("http://h", "h", 80, "/", "h"),
        ("https://Shop.Example/", "shop.example", 443, "/", "shop.example"),
        ("http://h:80/a/b;c?d=e&f#g", "h", 80, "/a/b;c?d=e&f", "h"),
        ("https://h:80/?", "h", 80, "/", "h:80"),
        ("http://h?q=ü x", "h", 80, "/?q=%C3%BC%20x", "h"),
        ("http://h/%7Euser/a%2Fb/<>", "h", 80, "/%7Euser/a%2Fb/%3C%3E", "h"),
        ("http://h/a/../b", "h", 80, "/a/../b", "h"),
        ("http://[::1]:8080/x", "::1", 8080, "/x", "[::1]:8080"),
        ("http://[fe80::1%25eth0]/", "fe80::1%eth0", 80, "/", "[fe80::1]"),
        ("http://bücher.example/", "xn--bcher-kva.example", 80, "/", "xn--bcher-kva.example"),
        ("http://my_host.example./", "my_host.example.", 80, "/", "my_host.example."),
    ],
)
def test_an_address_says_where_to_go_and_what_to_ask_for(text, host, port, target, authority):
    address = read_address(text)
    assert (address.host, address.port, address.target, address.authority) == (host, port, target, authority)


@pytest.mark.parametrize(
    "text", ["", "h", "//h/", "ftp://h/", "http://", "http://:80/", "http://h:x/", "http://h:70000/", "http://h:0/"]
)
def test_what_is_no_address_is_refused_without_being_repeated(text):
    with pytest.raises(ValueError, match=r"."):
        read_address(text)
    with pytest.raises(ValueError, match=r".") as refused:
        read_address("http://ops:sesame@a b:99999/")
    assert "sesame" not in str(refused.value)


@given(st.text(max_size=40) | st.text(alphabet="http:/@[]%?#.a1:\0 é", max_size=30).map("http://".__add__))
def test_any_text_is_an_address_that_can_be_sent_or_is_refused(text):
    try:
        address = read_address(text)
    except ValueError:
        return
    head = Request("GET", address).encoded()
    assert head.count(b"\r\n") == 7
    assert not any(byte <= 32 or byte > 126 for byte in head.split(b"\r\n")[0].split(b" ")[1])


def test_a_request_says_who_asks_and_the_operators_headers_stand_for_the_usual_ones():
    plain = Request("GET", read_address("http://h:8080/a")).encoded()
    assert plain.startswith(b"GET /a HTTP/1.1\r\nHost: h:8080\r\nUser-Agent: sitescope-fo/")
    assert plain.endswith(b"\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n")
    own = (("host", "virtual"), ("User-Agent", "Mozilla"), ("accept", "text/html"), ("X-A", "1"), ("X-A", "2"))
    assert Request("GET", read_address("http://h/"), own).encoded() == (
        b"GET / HTTP/1.1\r\nAccept-Encoding: identity\r\nhost: virtual\r\nUser-Agent: Mozilla\r\naccept: text/html\r\n"
        b"X-A: 1\r\nX-A: 2\r\nConnection: close\r\n\r\n"
    )


def test_a_method_that_brings_a_body_says_its_length_even_of_none():
    assert b"\r\nContent-Length: 0\r\n\r\n" in Request("POST", read_address("http://h/")).encoded()
    assert Request("DELETE", read_address("http://h/"), (), b"12345").encoded().endswith(b"\r\nContent-Length: 5\r\n\r\n12345")
    assert b"Content-Length" not in Request("DELETE", read_address("http://h/")).encoded()


@pytest.mark.parametrize(
    ("method", "status", "after"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("PUT", 301, "PUT"),
        ("PUT", 302, "PUT"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("HEAD", 302, "HEAD"),
        ("GET", 308, "GET"),
    ],
)
def test_the_method_changes_as_rfc_9110_says_and_the_body_with_it(method, status, after):
    sent = Request(method, read_address("http://h/"), (("Content-Type", "text/plain"), ("X-A", "1")), b"body")
    moved = sent.followed(status, read_address("http://h/next"))
    kept = method == after
    assert (moved.method, moved.body) == (after, b"body" if kept else b"")
    assert [name for name, _ in moved.headers] == (["Content-Type", "X-A"] if kept else ["X-A"])


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("http://h/", "http://h/other", True),
        ("http://h/", "http://h:80/", True),
        ("http://h/", "https://h/", True),
        ("https://h/", "http://h/", False),
        ("http://h/", "http://h:8080/", False),
        ("http://h:8080/", "https://h/", False),
        ("http://h/", "http://www.h/", False),
        ("https://h/", "https://evil/", False),
    ],
)
def test_credentials_go_to_their_own_origin_only_or_to_the_same_host_under_tls(before, after, kept):
    moved = Request("GET", read_address(before), (*SECRETS, ("X-A", "1"))).followed(302, read_address(after))
    assert moved.headers == ((*SECRETS, ("X-A", "1")) if kept else (("X-A", "1"),))


@pytest.mark.anyio
async def test_credentials_in_the_address_are_sent_to_it_and_not_to_where_it_redirects(check):
    last = replying(page())
    async with serving(last) as elsewhere:
        first = replying(page(b"", "302 Found", f"Location: http://127.0.0.1:{elsewhere}/\r\n"))
        async with serving(first) as port:
            result = await check("url", url=f"http://ops:pass%20word@127.0.0.1:{port}/", headers=["Authorization: Bearer x"])
    assert result.values["status"] == 200
    assert first.seen[0].count(b"Authorization: Basic b3BzOnBhc3Mgd29yZA==") == 1
    assert b"Bearer" not in first.seen[0]
    assert b"Authorization" not in last.seen[0]


@pytest.mark.anyio
async def test_a_login_that_redirects_back_with_a_cookie_comes_to_its_end(check):
    talk = replying(
        page(b"", "302 Found", "Location: /home\r\nSet-Cookie: session=s1; Path=/\r\nSet-Cookie: other=2; Path=/else\r\n"),
        page(),
    )
    async with serving(talk) as port:
        await check("url", url=f"http://127.0.0.1:{port}/login", method="POST", body="user=ops")
    assert talk.seen[1].startswith(b"GET /home HTTP/1.1\r\n")
    assert b"\r\nCookie: session=s1\r\n" in talk.seen[1]


WALL = 1_800_000_000.0


def cookies(*lines, at="https://www.shop.example/a/login"):
    jar = Cookies()
    jar.take(list(lines), read_address(at), WALL)
    return jar


@pytest.mark.parametrize(
    ("line", "to", "sent"),
    [
        ("a=b", "https://www.shop.example/a/x", "a=b"),
        ("a=b", "https://www.shop.example/a", "a=b"),
        ("a=b", "https://www.shop.example/ab", ""),
        ("a=b", "https://www.shop.example/", ""),
        ("a=b; Path=/", "https://www.shop.example/", "a=b"),
        ("a=b; Path=/", "https://other.example/", ""),
        ("a=b; Path=/", "https://shop.example/", ""),
        ("a=b; Path=/; Domain=shop.example", "https://shop.example/", "a=b"),
        ("a=b; Path=/; Domain=.Shop.Example", "https://x.shop.example/", "a=b"),
        ("a=b; Path=/; Domain=shop.example", "https://evilshop.example/", ""),
        ("a=b; Path=/; Domain=example", "https://www.shop.example/", ""),
        ("a=b; Path=/; Domain=other.example", "https://other.example/", ""),
        ("a=b; Path=/; Secure", "http://www.shop.example/", ""),
        ("a=b; Path=/", "http://www.shop.example/", "a=b"),
        ("a=; Path=/", "https://www.shop.example/", "a="),
        ("a=b; Path=/; Max-Age=0", "https://www.shop.example/", ""),
        ("a=b; Path=/; Max-Age=-5", "https://www.shop.example/", ""),
        ("a=b; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "https://www.shop.example/", "a=b"),
        ("a=b; Path=/; Expires=Thu, 01-Jan-1970 00:00:00 GMT", "https://www.shop.example/", ""),
        ("a=b; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT", "https://www.shop.example/", "a=b"),
        ("a=b; Path=/; Expires=whenever", "https://www.shop.example/", "a=b"),
        ("no pair; Path=/", "https://www.shop.example/", ""),
        ("a=\r\nX-Evil: 1; Path=/", "https://www.shop.example/", ""),
        ("a=" + "x" * 5000 + "; Path=/", "https://www.shop.example/", ""),
        ("", "https://www.shop.example/", ""),
    ],
)
def test_a_cookie_goes_where_rfc_6265_sends_it(line, to, sent):
    assert cookies(line).header(read_address(to)) == sent


def test_a_host_that_is_a_number_gives_its_cookies_to_itself_only():
    at = "http://10.0.0.7/"
    assert cookies("a=b; Domain=0.0.7", at=at).header(read_address("http://1.0.0.7/")) == ""
    assert cookies("a=b; Domain=10.0.0.7", at=at).header(read_address(at)) == "a=b"


def test_a_later_cookie_replaces_an_earlier_one_and_longer_paths_come_first():
    jar = cookies("a=1; Path=/", "b=2; Path=/a", "a=3; Path=/", "c=4; Path=/", "c=; Path=/; Max-Age=0")
    assert jar.header(read_address("https://www.shop.example/a/x")) == "b=2; a=3"


def test_a_server_cannot_set_cookies_without_end():
    jar = cookies(*(f"n{number}=1; Path=/" for number in range(MOST * 10)))
    assert jar.header(read_address("https://www.shop.example/")).count("=") == MOST


@given(st.text(max_size=80))
def test_any_cookie_line_is_kept_as_it_can_be_sent_or_left_out(line):
    sent = cookies(line, at="https://h/").header(read_address("https://h/"))
    assert sent.isascii()
    assert sent.isprintable()


def test_a_header_line_is_read_or_refused():
    assert read_header("X-A:  b c ") == ("X-A", "b c")
    assert [read_header(line) for line in ("no colon", "a b: c", ": x", "X: a\r\nb", "X: ü", "X: \0")] == [None] * 6
    assert basic("Aladdin", "open sesame") == ("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")


@pytest.mark.parametrize("name", ["Connection", "content-length", "Transfer-Encoding"])
def test_headers_that_frame_the_exchange_are_the_checks_own(check_settings, name):
    (problem,) = check_settings("url", {"url": "http://h/", "headers": [f"{name}: x"]})
    assert problem[0] == "headers"
    assert "itself" in problem[1]


@pytest.fixture
def check_settings():
    from sitescope_fo.monitors.registry import Registry

    return Registry(plugins=()).settings_problems
