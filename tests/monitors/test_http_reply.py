"""Replies as their bytes arrive: any bytes, in any pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitescope_fo.monitors.http_reply import Reply, ReplyBroken

HEADS = [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 No\n", b"HTTP/1.1 103 Hints\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: /a\r\n"]
LINES = [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"X: \xff\r\n", b"A:b\n"]
BODIES = [
    b"\r\n",
    b"\n",
    b"hello",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"1;x\r\n",
    b"\0",
    b"Content-Type: text/html; charset=\xfc\r\n",
]
REPLIES = st.lists(st.sampled_from(HEADS + LINES * 2 + BODIES * 2) | st.binary(max_size=20), max_size=12).map(b"".join)


def read(pieces, **options):
    """(status, page, location) of a reply that ends after the pieces; the reason when it is broken."""
    reply = Reply(most_body=options.pop("most_body", 1000), **options)
    try:
        for piece in pieces:
            reply.feed(piece)
            if reply.complete:
                break
        else:
            reply.ended()
    except ReplyBroken:
        return "broken"
    page = reply.page()
    assert isinstance(reply.text(page), str)
    return reply.status, page, reply.location


@given(REPLIES | st.binary(max_size=200), st.booleans(), st.booleans())
def test_any_bytes_are_a_reply_or_a_broken_one(said, bodiless, follow):
    outcome = read([said], bodiless=bodiless, follow=follow)
    assert outcome == "broken" or (100 <= outcome[0] <= 999 and len(outcome[1]) <= 1000)


@given(REPLIES, st.lists(st.integers(0, 200), max_size=6), st.integers(0, 20))
def test_it_does_not_matter_in_what_pieces_a_reply_comes(said, cuts, most_body):
    places = sorted({0, *(cut for cut in cuts if cut < len(said)), len(said)})
    pieces = [said[start:end] for start, end in pairwise(places)] or [said]
    whole = read([said], most_body=most_body)
    assert read(pieces, most_body=most_body) == whole
    assert read([bytes([letter]) for letter in said] or [said], most_body=most_body) == whole


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_whole_reply_is_the_same_in_pieces_of_any_size(size):
    said = b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    said += b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nT: x\r\n\r\n"
    assert read([said[at : at + size] for at in range(0, len(said), size)]) == (200, b"hello world", "")


def test_a_location_counts_only_for_a_redirect_that_is_to_be_followed():
    moved = b"HTTP/1.1 %d X\r\nLocation: /n\xc3\xa4chste\r\nContent-Length: 0\r\n\r\n"
    assert [read([moved % status], follow=True)[2] for status in (301, 302, 303, 307, 308)] == ["/nächste"] * 5
    assert [read([moved % status], follow=True)[2] for status in (200, 201, 300, 305, 400)] == [""] * 5
    assert read([moved % 301])[2] == ""
    assert read([b"HTTP/1.1 301 X\r\nLocation: /\xe4\r\n\r\n"], follow=True)[2] == "/ä"


def test_small_chunks_are_taken_and_chunks_of_next_to_nothing_are_not():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert read([head, *[b"1\r\nx\r\n" * 1000] * 200, b"0\r\n\r\n"], most_body=10**6) == (200, b"x" * 200_000, "")
    assert read([head, *[b"1;" + b"x" * 100 + b"\r\nx\r\n"] * 5000, b"0\r\n\r\n"], most_body=10**6) == "broken"
