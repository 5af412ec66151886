"""port: does a TCP port accept a connection and, when asked, answer what is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.addresses import literal, resolve
from sitescope_fo.monitors.connection import Connection, connect
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
    other_words=("tcp",),
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
    """The settings as they are written."""

    host: str
    port: int
    send: str = ""
    expect: str = ""


class Call(msgspec.Struct, frozen=True):
    """A check as far as it is the same each time."""

    host: str
    port: int
    said: bytes
    matches: Callable[[str], bool] | None


def problems(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    """A bad regular expression in `expect`."""
    problem = match_problem(settings.get("expect"))
    return (("expect", problem),) if problem else ()


def prepared(settings: Mapping[str, Setting]) -> Call:
    """What `run` is given, made once a monitor. Raises Usage for what `problems` tells."""
    wanted = msgspec.convert(settings, Settings)
    return Call(wanted.host, wanted.port, unescaped(wanted.send).encode(), matcher(wanted.expect) if wanted.expect else None)


async def run(call: Call, context: CheckContext) -> CheckResult:
    """Connects, sends, reads until the answer matches or ends; a silent peer ends at the monitor's time-out."""
    addresses = literal(call.host) or await resolve(context.lookups, call.host)
    started = context.clock.mono()
    values: dict[str, Value] = {}
    connection = await connect(addresses, call.port)
    try:
        if call.said:
            await connection.send(call.said)
        if call.matches:
            answer, matched = await _answer(connection, call.matches)
            values = {"match": "yes" if matched else "no", "answer": answer[:SHOWN_ANSWER]}
        values["round_trip_time"] = context.clock.mono() - started
    finally:
        connection.close()
    return CheckResult(values=values, summary=_summary(values))


def unescaped(text: str) -> str:
    r"""The text with `\r`, `\n`, `\t` and `\\` replaced."""
    parts = text.split("\\\\")
    for written, meant in _ESCAPES.items():
        parts = [part.replace(written, meant) for part in parts]
    return "\\".join(parts)


async def _answer(connection: Connection, matches: Callable[[str], bool]) -> tuple[str, bool]:
    received = b""
    while len(received) < LONGEST_ANSWER and (data := await connection.receive(LONGEST_ANSWER - len(received))):
        received += data
        text = received.decode(errors="replace")
        if matches(text):
            return text, True
    return received.decode(errors="replace"), False


def _summary(values: Mapping[str, Value]) -> str:
    connected = f"connected in {show(values['round_trip_time'], 's')}"
    if "match" not in values:
        return connected
    return f"{connected}, answer {show(values['answer'])} {'matches' if values['match'] == 'yes' else 'does not match'}"
