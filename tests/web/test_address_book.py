"""A name server that fails is not taken for a primary that fails."""

import errno
import socket

import anyio
import pytest

from sitescope_fo.client.address_book import AddressBook
from sitescope_fo.model.errors import Unreachable
from tests.security.ports import SetClock
from tests.web.pair import closed_port, running_pair
from tests.web.test_peer_exchange import ask, failure

pytestmark = pytest.mark.anyio


class Names:
    """A name server: a tuple is an answer, an exception a failure, None no answer at all."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    async def __call__(self, _host, _port):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await anyio.sleep_forever()
        if isinstance(answer, Exception):
            raise answer
        return answer


GONE = socket.gaierror(socket.EAI_NONAME, "no such name")


def book(names, clock=None, **kwargs):
    return AddressBook(clock or SetClock(), resolve=names, **kwargs)


async def test_an_unknown_name_is_unresolved():
    async with running_pair() as pair:
        client = pair.client(book=book(Names(GONE)))
        assert await failure(Unreachable, client, pair.address(host="primary")) == "unresolved"


@pytest.mark.parametrize("trouble", [GONE, None], ids=["no such name", "no answer"])
async def test_the_last_good_address_is_tried_when_the_name_server_fails(trouble):
    async with running_pair() as pair:
        clock, kept = SetClock(), []
        first = book(Names(("127.0.0.1",)), changed=kept.append)
        await ask(pair.client(book=first), pair.address(host="primary"))
        names = Names(trouble)
        later = AddressBook(clock, kept[-1], resolve=names)
        assert (await ask(pair.client(book=later), pair.address(host="primary"), timeout_s=1.0)).peer_id == "a"


async def test_only_when_the_last_good_address_fails_too_it_is_a_miss():
    async with running_pair() as pair:
        peer = pair.address(host="primary", port=closed_port())
        known = book(Names(GONE))
        known.worked("primary", peer.port, "127.0.0.1", "")
        assert await failure(Unreachable, pair.client(book=known), peer) == "refused"


async def test_a_name_with_several_addresses_uses_the_one_that_answers_and_then_keeps_to_it():
    async with running_pair() as pair:
        known = book(Names(("127.0.0.2", "127.0.0.1")))
        client, peer = pair.client(book=known), pair.address(host="primary")
        assert (await ask(client, peer)).peer_id == "a"
        assert await known.addresses("primary", pair.port, timeout_s=1.0) == ("127.0.0.1", "127.0.0.2")


async def test_a_name_is_not_looked_up_for_every_probe_and_again_when_its_address_stops_answering():
    async with running_pair() as pair:
        clock, names = SetClock(), Names(("127.0.0.1",), ("127.0.0.2",), ("127.0.0.1",))
        known = book(names, clock)
        client, peer = pair.client(book=known), pair.address(host="primary")
        for _ in range(3):
            await ask(client, peer)
        assert names.asked == 1
        clock.passed_s += 31
        await client._http._transport._pool.aclose()
        assert await failure(Unreachable, client, peer) == "refused"
        assert (await ask(client, peer)).peer_id == "a"
        assert names.asked == 3


async def test_a_name_server_that_hangs_is_left_alone_for_a_while():
    clock, names = SetClock(), Names(None)
    known = book(names, clock)
    for _ in range(3):
        with pytest.raises(Unreachable):
            await known.addresses("primary", 1, timeout_s=0.06)
    assert names.asked == 1
    clock.passed_s += 31
    with pytest.raises(Unreachable):
        await known.addresses("primary", 1, timeout_s=0.06)
    assert names.asked == 2


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b'{"a": 3}'])
async def test_a_damaged_book_is_an_empty_one(content):
    assert AddressBook(SetClock(), content).entry("primary", 1).address == ""


async def test_the_host_header_keeps_the_name():
    seen = []

    def noting(app):
        async def wrapped(scope, receive, send):
            seen.append(dict(scope["headers"])[b"host"])
            await app(scope, receive, send)

        return wrapped

    async with running_pair(wrap=noting) as pair:
        await ask(pair.client(book=book(Names(("127.0.0.1",)))), pair.address(host="primary"))
        assert set(seen) == {f"primary:{pair.port}".encode()}


async def test_a_real_lookup_knows_localhost():
    assert set(await AddressBook(SetClock()).addresses("localhost", 1, timeout_s=30.0)) <= {"127.0.0.1", "::1"}


async def test_a_resolver_error_of_any_kind_is_unresolved():
    with pytest.raises(Unreachable) as raised:
        await book(Names(OSError(errno.EMFILE, "too many files"))).addresses("primary", 1, timeout_s=1.0)
    assert raised.value.code == "unresolved"
