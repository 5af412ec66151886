"""Bodies as a broken or malicious peer would send them: the right shape with wrong figures, and the wrong shape."""

import types
import typing

import msgspec
from hypothesis import strategies as st

EDGES = {
    int: (0, -1, 2**31, 2**53, 2**53 + 1, 2**63, 2**64, -(2**63), 10**30),
    float: (0.0, -0.5, 1e-320, 1e18, 1.7e308, -1e9, 253_402_300_800.0),
    str: ("", " ", "x" * 5000, "\x00", "\x1b[31m", "ÄÖÜ/ß", "../../etc/passwd", "\u202e", "\U0001d4b3", "a\nb", "{{ 7*7 }}"),
    bool: (True, False),
}  # fmt: skip
ANY = st.sampled_from([edge for edges in EDGES.values() for edge in edges] + [None, [], {}, [[]], {"": {}}])
JSON = st.recursive(
    ANY | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WORDS = ("prod", "failover-1", "primary-1", "x", "0" * 64)
RIGHT = {
    int: st.integers(0, 2**40),
    float: st.floats(0, 1e9),
    str: st.sampled_from(WORDS),
    bool: st.booleans(),
    type(None): st.none(),
}


@st.composite
def body(draw, kind):
    """A body of a wire type as a dict: right everywhere but in up to two places, with an edge of the same kind or anything."""
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    found = {name: draw(right(type_)) for name, type_ in fields.items()} | {"wire": 1}
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=2)):
        bare = plain(fields[name])
        found[name] = draw(st.sampled_from(EDGES[bare]) if bare in EDGES and draw(st.integers(0, 3)) else ANY)
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=1) if draw(st.integers(0, 9)) == 0 else st.just(())):
        found.pop(name, None)
    return found


def plain(kind):
    """The type without its limits."""
    return plain(typing.get_args(kind)[0]) if typing.get_origin(kind) is typing.Annotated else kind


def right(kind):
    """A value of the type."""
    kind = plain(kind)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return st.sampled_from(args)
    if origin in {typing.Union, types.UnionType}:
        return st.one_of(*map(right, args))
    if origin is tuple:
        return st.lists(right(args[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(st.text(max_size=8), right(args[1]), max_size=3)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return body(kind)
    if isinstance(kind, type) and hasattr(kind, "__members__"):
        return st.sampled_from([member.value for member in kind])
    return RIGHT[kind]
