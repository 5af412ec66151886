"""port: does a TCP port accept a connection and, when asked, answer what is expected."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
import anyio.abc
import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.addresses import first, resolve
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.matching import match_problem, matcher
from sitescope_fo.monitors.units import show

LONGEST_ANSWER = 64 * 1024
"""Bytes read while looking for what is expected."""
SHOWN_ANSWER = 200
_ESCAPES = {"\\r": "\r", "\\n": "\n", "\\t": "\t", "\\\\": "\\"}

SPEC = TypeSpec(
    name="port",
    title="Port",
    help="Connects to a TCP port; may send a text and wait for an answer.",
    settings=(
        SettingSpec(name="host", kind="text", help="Host name or address.", required=True),
        SettingSpec(name="port", kind="integer", help="TCP port.", required=True, least=1, most=65535),
        SettingSpec(name="send", kind="text", help=r"Text sent after connecting; \r \n \t \\ as in most languages."),
        SettingSpec(name="expect", kind="text", help="Text, or /regular expression/, that the answer must contain."),
    ),
    values=(
        ValueSpec(
            name="round_trip_time", kind="number", unit="s", help="Until connected; with `expect`, until the answer matched."
        ),
        ValueSpec(name="match", kind="text", help="'yes' or 'no': whether the answer held what is expected."),
        ValueSpec(name="answer", kind="text", help=f"The first {SHOWN_ANSWER} characters of the answer."),
    ),
    error_if=("match == 'no'",),
    warning_if=("round_trip_time > 5s",),
    default_timeout_s=10.0,
    host_setting="host",
)


class Settings(msgspec.Struct, frozen=True):
    """Prepared settings of a port check."""

    host: str
    port: int
    send: str = ""
    expect: str = ""


def problems(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    """A bad regular expression in `expect`."""
    problem = match_problem(settings.get("expect"))
    return (("expect", problem),) if problem else ()


async def run(settings: Mapping[str, Setting], context: CheckContext) -> CheckResult:
    """Connects, sends, reads until the answer matches or ends; a silent peer ends at the monitor's time-out."""
    wanted = msgspec.convert(settings, Settings)
    addresses = await resolve(context.lookups, wanted.host)
    started = context.clock.mono()

    async def connect(address: str) -> anyio.abc.SocketStream:
        return await anyio.connect_tcp(address, wanted.port)

    async with await first(addresses, connect) as stream:
        if wanted.send:
            await stream.send(unescaped(wanted.send).encode())
        values: dict[str, Value] = {}
        if wanted.expect:
            answer, matched = await _answer(stream, wanted.expect)
            values = {"match": "yes" if matched else "no", "answer": answer[:SHOWN_ANSWER]}
        values["round_trip_time"] = context.clock.mono() - started
    return CheckResult(values=values, summary=_summary(values))


def unescaped(text: str) -> str:
    r"""The text with `\r`, `\n`, `\t` and `\\` replaced."""
    parts = text.split("\\\\")
    for written, meant in _ESCAPES.items():
        parts = [part.replace(written, meant) for part in parts]
    return "\\".join(parts)


async def _answer(stream: anyio.abc.SocketStream, expect: str) -> tuple[str, bool]:
    matches = matcher(expect)
    received = b""
    while len(received) < LONGEST_ANSWER:
        try:
            received += await stream.receive(LONGEST_ANSWER - len(received))
        except anyio.EndOfStream:
            break
        text = received.decode(errors="replace")
        if matches(text):
            return text, True
    return received.decode(errors="replace"), False


def _summary(values: Mapping[str, Value]) -> str:
    connected = f"connected in {show(values['round_trip_time'], 's')}"
    if "match" not in values:
        return connected
    return f"{connected}, answer {show(values['answer'])} {'matches' if values['match'] == 'yes' else 'does not match'}"
