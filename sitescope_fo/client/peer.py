"""The `PeerClient` port over HTTP: one signed request, one verified reply, one hard deadline.

request():  for each root (during a rotation two) -> _signed() -> _exchange() -> _connected() at each address in turn
a reply is believed in this order: its token, then status and entity tag, then its body, then its clock
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable
from collections.abc import Set as AbstractSet

import anyio
import httpx
import msgspec

from sitescope_fo import __version__
from sitescope_fo.client.address_book import AddressBook
from sitescope_fo.client.failure import certificate_error, from_transport, unreachable
from sitescope_fo.client.tls_look import Handshake, refused_certificate
from sitescope_fo.client.verdict import Received, failure_of, unsigned
from sitescope_fo.model import packing
from sitescope_fo.model.errors import Unverifiable, Usage
from sitescope_fo.model.ports import Clock, PeerAddress, PeerReply, Randomness, Work
from sitescope_fo.security.lwsso import AUTHORIZATION, REPLY, SKEW_S, UNBOUND, RequestClaims, Root, open_reply, seal_request

LARGEST_BODY = 64 * 1024**2
_HASHED_INLINE = 1024**2
_UNPACKED_INLINE = 8 * 1024  # unpacks to 8 MiB at most, in 10 ms
_UNSIGNED_READ = 64 * 1024
_KEEP_ALIVE_S = 30.0  # shorter than the server's 75 s, so that a request never meets a connection that is just being closed
_NEWEST_AGAIN_S = 60.0


class HttpPeerClient:
    """See the module; close with `aclose`.

    `transport` replaces the network (in simulations: httpx.ASGITransport); names are then not resolved.
    """

    def __init__(  # noqa: PLR0913  # the composition root hands in every port
        self,
        node_id: str,
        roots: Callable[[], tuple[Root, ...]],
        clock: Clock,
        randomness: Randomness,
        work: Work,
        book: AddressBook,
        *,
        tls: tuple[ssl.SSLContext, AbstractSet[str]] | None = None,
        skew_s: float = SKEW_S,
        largest_body: int = LARGEST_BODY,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._node_id = node_id
        self._roots = roots
        self._clock = clock
        self._randomness = randomness
        self._work = work
        self._book = book
        self._skew_s = skew_s
        self._largest_body = largest_body
        self._by_name = transport is not None
        self._has_tls = tls is not None
        self._trusted: AbstractSet[str] = tls[1] if tls else frozenset()
        self._boot: dict[str, str] = {}
        self._older: dict[str, tuple[str, float]] = {}
        self._tls_keys: dict[str, str] = {}
        self.root_of: dict[str, str] = {}
        """Id of the root that each peer (by node id) answered with last: a rotation is through when all use the newest."""
        self._http = httpx.AsyncClient(
            verify=tls[0] if tls else False,
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # noqa: S113  # `request` bounds the whole exchange
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=_KEEP_ALIVE_S),
            transport=transport,
        )

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def request(
        self,
        peer: PeerAddress,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        timeout_s: float,
        etag: str = "",
    ) -> PeerReply:
        """See the port. Also raises Unverifiable with `lwsso_not_set`, `lwsso_identity`, `lwsso_altered`; Usage (`too_large`)."""
        where = f"{peer.host}:{peer.port}"
        if len(body) > self._largest_body:
            raise Usage(f"The body has more than {self._largest_body} bytes", where=where, code="too_large")
        if peer.tls and not self._by_name and not self._has_tls:
            raise Usage(
                "TLS is off on this node",
                where=where,
                hint="Both nodes use it or neither: `config set web.tls true`",
                code="tls_not_set",
            )
        asked = _Asked(peer=peer, method=method, path=path, body=body, sha256=await self._hash(body), etag=etag)
        try:
            with anyio.fail_after(timeout_s):
                return await self._with_roots(asked, timeout_s)
        except TimeoutError as error:
            raise unreachable("timeout", where, f"{timeout_s:g} s") from error

    async def _with_roots(self, asked: _Asked, timeout_s: float) -> PeerReply:
        """Asks with the newest root, and with the previous one when the peer does not have the newest yet."""
        roots = self._in_order(asked)
        for root in roots[:-1]:
            try:
                return await self._with_boot(asked, root, timeout_s)
            except Unverifiable as error:
                if error.code != "lwsso_token_wrong":
                    raise
        if not roots:
            raise Unverifiable(
                "No LW-SSO passphrase is set on this node",
                where=asked.where,
                hint="Run `lwsso set` with the same one on both nodes",
                code="lwsso_not_set",
            )
        return await self._with_boot(asked, roots[-1], timeout_s)

    def _in_order(self, asked: _Asked) -> tuple[Root, ...]:
        roots = self._roots()
        older, until = self._older.get(asked.where, ("", 0.0))
        if self._clock.mono() < until:
            return tuple(sorted(roots, key=lambda root: root.id != older))
        return roots

    async def _with_boot(self, asked: _Asked, root: Root, timeout_s: float) -> PeerReply:
        """Asks with the boot word known of the peer's process, and once more when it has another one."""
        for attempt in (1, 2):
            word = self._boot.get(asked.where, "")
            reply = await self._exchange(asked, root, word, timeout_s)
            claims = reply.claims
            if claims is None:
                raise unsigned(reply, asked.where)
            self._boot[asked.where] = claims.boot
            failure = failure_of(reply, claims, asked.where, node_id=asked.peer.node_id, skew_s=self._skew_s)
            if failure is not None:
                if failure.code == "lwsso_expired" and attempt == 1 and claims.boot != word:
                    continue
                raise failure
            self._note(asked, root, reply, claims.iss)
            body = await self._unpacked(reply, asked.where)
            return PeerReply(status=reply.status, body=body, etag=reply.etag, skew_s=reply.skew_s, peer_id=claims.iss)
        raise AssertionError

    def _note(self, asked: _Asked, root: Root, reply: Received, peer_id: str) -> None:
        newest = self._roots()[:1]
        if newest and root.id != newest[0].id:
            self._older[asked.where] = (root.id, self._clock.mono() + _NEWEST_AGAIN_S)
        self.root_of[peer_id] = root.id
        if not self._by_name:
            key = self._tls_keys.get(f"{reply.address}:{asked.peer.port}", "") if asked.peer.tls else ""
            self._book.worked(asked.peer.host, asked.peer.port, reply.address, key)

    async def _exchange(self, asked: _Asked, root: Root, word: str, timeout_s: float) -> Received:
        """One exchange with the first address that can be connected to; only a failed connection moves on to the next."""
        host, port = asked.peer.host, asked.peer.port
        addresses = (host,) if self._by_name else await self._book.addresses(host, port, timeout_s=timeout_s)
        for left, address in zip(range(len(addresses) - 1, -1, -1), addresses, strict=True):
            try:
                return await self._send(asked, root, word, address, timeout_s / len(addresses) if left else None)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                refused = certificate_error(error)
                if refused is not None:
                    raise await refused_certificate(refused, address, port, host, self._known_keys(asked)) from error
                if not left:
                    self._book.failed(host)
                    raise from_transport(error, asked.where) from error
            except httpx.TransportError as error:
                raise from_transport(error, asked.where) from error
        raise AssertionError

    async def _send(self, asked: _Asked, root: Root, word: str, address: str, connect_s: float | None) -> Received:
        peer = asked.peer
        base = f"{'https' if peer.tls else 'http'}://{f'[{address}]' if ':' in address else address}:{peer.port}"
        url = httpx.URL(base + asked.path)
        sent = self._clock.wall()
        claims = RequestClaims(
            iss=self._node_id,
            aud=peer.node_id or UNBOUND,
            method=asked.method,
            path=url.raw_path.decode("ascii"),
            body_sha256=asked.sha256,
            nonce=self._randomness.token(16),
            iat=sent,
            etag=asked.etag,
            boot=word,
        )
        headers = {
            "host": asked.where,
            "accept-encoding": packing.DEFLATE,
            "user-agent": f"sitescope-fo/{__version__}",
            AUTHORIZATION: seal_request(root, claims),
        }
        if asked.etag:
            headers["if-none-match"] = asked.etag
        if asked.body:
            headers["content-type"] = "application/json"
        handshake = Handshake(peer.host, self._known_keys(asked), lambda key: self._saw_key(address, peer.port, key))
        request = self._http.build_request(
            asked.method,
            url,
            content=asked.body,
            headers=headers,
            timeout=httpx.Timeout(None, connect=connect_s),
            extensions={"sni_hostname": peer.host, "trace": handshake.trace} if peer.tls else None,
        )
        try:
            response = await self._http.send(request, stream=True)
        finally:
            await handshake.close()
        try:
            return await self._receive(response, root, claims, address)
        finally:
            await response.aclose()

    async def _receive(self, response: httpx.Response, root: Root, asked: RequestClaims, address: str) -> Received:
        received = self._clock.wall()
        headers = response.headers
        claims = open_reply(root, headers.get(REPLY, ""), aud=asked.iss, nonce=asked.nonce)
        limit = self._largest_body if claims else _UNSIGNED_READ
        digest = hashlib.sha256()
        body = bytearray()
        complete = True
        async for piece in response.aiter_raw():
            if len(body) + len(piece) > limit:
                complete = False
                break
            digest.update(piece)
            body += piece
        return Received(
            status=response.status_code,
            media=headers.get("content-type", ""),
            server=headers.get("server", ""),
            etag=headers.get("etag", ""),
            body=bytes(body),
            sha256=digest.hexdigest(),
            complete=complete,
            claims=claims,
            sent=asked.iat,
            received=received,
            address=address,
            encoding=headers.get("content-encoding", ""),
        )

    async def _unpacked(self, reply: Received, where: str) -> bytes:
        """The body of a reply whose signature has been checked."""
        if not reply.encoding:
            return reply.body
        try:
            if reply.encoding != packing.DEFLATE:
                raise ValueError(f"its encoding {reply.encoding[:40]!r} is not known here")
            if len(reply.body) <= _UNPACKED_INLINE:
                return packing.unpack(reply.body, self._largest_body)
            return await self._work.run_blocking(packing.unpack, reply.body, self._largest_body)
        except ValueError as error:
            raise Unverifiable(f"The peer sent a body that is not as it says: {error}", where=where, code="bad_body") from error

    def _saw_key(self, address: str, port: int, key_sha256: str) -> None:
        self._tls_keys[f"{address}:{port}"] = key_sha256

    def _known_keys(self, asked: _Asked) -> AbstractSet[str]:
        key = self._book.entry(asked.peer.host, asked.peer.port).key_sha256
        return self._trusted | {key} if key else self._trusted

    async def _hash(self, body: bytes) -> str:
        if len(body) <= _HASHED_INLINE:
            return _sha256(body)
        return await self._work.run_blocking(_sha256, body)


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller wants."""

    peer: PeerAddress
    method: str
    path: str
    body: bytes
    sha256: str
    etag: str

    @property
    def where(self) -> str:
        return f"{self.peer.host}:{self.peer.port}"


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
