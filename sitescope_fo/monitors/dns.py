"""dns: what a name server answers for a name: records, time, time to live, response code (RFC 1035).

The messages are dnspython's (the extra `dns`), loaded with the first check. UDP first, TCP when the answer was cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.addresses import resolve
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.matching import match_problem, matcher
from sitescope_fo.monitors.target import host_and_port
from sitescope_fo.monitors.units import show

if TYPE_CHECKING:
    import dns.message

SYSTEM = "system"
PORT = 53
TYPES = ("A", "AAAA", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SVCB", "TLSA", "TXT")
_SHOWN_ANSWER = 500
_NO_ANSWER = {"SERVFAIL", "REFUSED"}
"""Response codes after which the next name server of the system is asked."""

SPEC = TypeSpec(
    name="dns",
    title="DNS",
    help="Asks a name server for records of a name. Needs dnspython: install sitescope-fo[dns].",
    settings=(
        SettingSpec(name="name", kind="text", help="Name to ask for, complete; an address with PTR.", required=True),
        SettingSpec(name="type", kind="choice", help="Type of the records.", default="A", choices=TYPES),
        SettingSpec(
            name="server",
            kind="text",
            help="Name server, host or host:port; 'system' asks those of /etc/resolv.conf in turn.",
            default=SYSTEM,
        ),
        SettingSpec(name="expect", kind="text", help="Text, or /regular expression/, that one of the records must contain."),
        SettingSpec(name="recursive", kind="flag", help="Ask the server to ask others.", default=True),
        SettingSpec(
            name="reply_timeout",
            kind="duration",
            help="How long each server's reply is awaited.",
            default="3s",
            least=0.05,
            most=60,
        ),
    ),
    values=(
        ValueSpec(
            name="round_trip_time", kind="number", unit="s", help="From the question to the answer of the last server asked."
        ),
        ValueSpec(name="rcode", kind="text", help="Response code: NOERROR, NXDOMAIN, SERVFAIL, REFUSED …"),
        ValueSpec(name="answers", kind="number", unit="count", help="Records of the type in the answer."),
        ValueSpec(
            name="answer", kind="text", help="The records, sorted, one a line; with a CNAME before, of the name it leads to."
        ),
        ValueSpec(name="ttl", kind="number", unit="s", help="Shortest time to live in the answer; absent without records."),
        ValueSpec(name="match", kind="text", help="'yes' or 'no': whether a record contains what `expect` asks for."),
        ValueSpec(name="authoritative", kind="flag", help="The server answers from its own zone."),
    ),
    error_if=("rcode != 'NOERROR'", "answers == 0", "match == 'no'"),
    warning_if=("round_trip_time > 2s",),
    default_timeout_s=15.0,
    host_setting="server",
)


class Settings(msgspec.Struct, frozen=True):
    """The settings as they are written."""

    name: str
    type: str
    server: str
    recursive: bool
    reply_timeout: float
    expect: str = ""


class Question(msgspec.Struct, frozen=True):
    """A check as far as it is the same each time."""

    wanted: Settings
    matches: Callable[[str], bool] | None


def problems(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    """A server that is no host:port, a name that is none, a bad regular expression."""
    found: list[tuple[str, str]] = []
    server, name = settings.get("server", SYSTEM), settings.get("name")
    if isinstance(server, str):
        try:
            host_and_port(server, PORT)
        except ValueError as error:
            found.append(("server", f"'server': {error}"))
    if isinstance(name, str) and name.strip() and not _is_name(name):
        found.append(("name", f"'{name}' is no domain name"))
    if problem := match_problem(settings.get("expect", "")):
        found.append(("expect", problem))
    return tuple(found)


def _is_name(name: str) -> bool:
    """Lengths only (RFC 1035, 2.3.4): names with odd characters exist."""
    labels = name.removesuffix(".").split(".")
    return len(name) <= 254 and name.isprintable() and (name == "." or all(0 < len(label) <= 63 for label in labels))


def prepared(settings: Mapping[str, Setting]) -> Question:
    """What `run` is given, made once a monitor. Raises Usage for what `problems` tells."""
    wanted = msgspec.convert(settings, Settings)
    return Question(wanted, matcher(wanted.expect) if wanted.expect else None)


async def run(question: Question, context: CheckContext) -> CheckResult:
    """Asks one server, or those of the system until one has an answer."""
    try:
        from sitescope_fo.monitors import dns_exchange  # dnspython, 60 ms, is an extra
    except ImportError:
        return CheckResult(failure="missing", summary="dnspython is not installed: install sitescope-fo[dns]")
    wanted = question.wanted
    values: dict[str, Value] = {}
    failed: OSError | None = None
    for address, port in await _servers(wanted.server, context):
        started = context.clock.mono()
        try:
            reply = await dns_exchange.ask(
                wanted.name, wanted.type, address, port, recursive=wanted.recursive, timeout_s=wanted.reply_timeout
            )
        except OSError as error:
            failed = failed or error
            continue
        except dns_exchange.BadReply as error:
            return CheckResult(failure="protocol", summary=f"{address}: {error}")
        values = measure(reply, wanted.type, context.clock.mono() - started, question.matches)
        if values["rcode"] not in _NO_ANSWER:
            break
    if not values and failed is not None:
        raise failed
    if not values:
        return CheckResult(failure="missing", summary="/etc/resolv.conf names no name server")
    return CheckResult(values=values, summary=_summary(wanted, values))


async def _servers(server: str, context: CheckContext) -> tuple[tuple[str, int], ...]:
    if server == SYSTEM:
        from sitescope_fo.monitors import dns_exchange

        return tuple((address, PORT) for address in await context.disks.call("resolv.conf", dns_exchange.system_servers))
    host, port = host_and_port(server, PORT)
    return (((await resolve(context.lookups, host))[0][1], port),)


def measure(
    reply: dns.message.Message, record_type: str, seconds: float, matches: Callable[[str], bool] | None
) -> dict[str, Value]:
    """The values of one reply. Records of other types (a CNAME on the way) do not count as answers."""
    from dns import flags, rcode, rdatatype

    sets = [found for found in reply.answer if found.rdtype == rdatatype.from_text(record_type)]
    records = sorted(record.to_text() for found in sets for record in found)
    values: dict[str, Value] = {
        "round_trip_time": seconds,
        "rcode": rcode.to_text(reply.rcode()),
        "answers": len(records),
        "answer": "\n".join(records)[:_SHOWN_ANSWER],
        "authoritative": bool(reply.flags & flags.AA),
    }
    if sets:
        values["ttl"] = min(found.ttl for found in reply.answer)
    if matches is not None:
        values["match"] = "yes" if any(matches(record) for record in records) else "no"
    return values


def _summary(wanted: Settings, values: Mapping[str, Value]) -> str:
    took = f"in {show(values['round_trip_time'], 's')}"
    if values["rcode"] != "NOERROR":
        return f"{wanted.name} {wanted.type}: {values['rcode']} {took}"
    told = ", ".join(str(values["answer"]).split("\n")[:3]) or "no such record"
    return f"{wanted.name} {wanted.type}: {told[:200]} {took}"
