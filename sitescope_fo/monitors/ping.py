"""ping: does the host answer ICMP echo, how fast, and how much is lost on the way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.addresses import resolve
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.icmp import Echoed
from sitescope_fo.monitors.units import show

SPACING_S = 0.1
"""Between two echoes of one check, so that a short queue on the way is no loss."""
_FAMILIES = {"any": socket.AF_UNSPEC, "4": socket.AF_INET, "6": socket.AF_INET6}

SPEC = TypeSpec(
    name="ping",
    title="Ping",
    other_words=("icmp",),
    help="Sends ICMP echoes to a host and measures round trip and loss.",
    settings=(
        SettingSpec(name="host", kind="text", help="Host name or address.", required=True),
        SettingSpec(name="count", kind="integer", help="Echoes in one check.", default=3, least=1, most=20),
        SettingSpec(
            name="reply_timeout", kind="duration", help="How long each reply is awaited.", default="3s", least=0.05, most=60
        ),
        SettingSpec(name="ip_version", kind="choice", help="IP version to use.", default="any", choices=("any", "4", "6")),
    ),
    values=(
        ValueSpec(name="round_trip_time", kind="number", unit="s", help="Mean round trip of the answered echoes."),
        ValueSpec(name="packet_loss", kind="number", unit="%", help="Share of echoes without an answer."),
        ValueSpec(name="packets", kind="number", unit="count", help="Echoes sent."),
    ),
    error_if=("packet_loss == 100%",),
    warning_if=("packet_loss > 0%",),
    default_timeout_s=10.0,
    host_setting="host",
)


class Settings(msgspec.Struct, frozen=True):
    """Prepared settings of a ping."""

    host: str
    count: int
    reply_timeout: float
    ip_version: str


def prepared(settings: Mapping[str, Setting]) -> Settings:
    """What `run` is given, made once a monitor."""
    return msgspec.convert(settings, Settings)


async def run(wanted: Settings, context: CheckContext) -> CheckResult:
    """Pings; failure `timeout` or `unreachable` when no echo is answered. Without tasks: one echo is one future."""
    family, address = (await resolve(context.lookups, wanted.host, _FAMILIES[wanted.ip_version]))[0]
    if wanted.count == 1:
        return _result(1, [await context.echo.start(family, address, wanted.reply_timeout)])
    echoes: list[asyncio.Future[Echoed | None]] = []
    try:
        for number in range(wanted.count):
            if number:
                await asyncio.sleep(SPACING_S)
            echoes.append(context.echo.start(family, address, wanted.reply_timeout))
        return _result(wanted.count, [await echo for echo in echoes])
    finally:
        for echo in echoes:
            echo.cancel()


def _result(count: int, outcomes: list[Echoed | None]) -> CheckResult:
    echoes = [echo for echo in outcomes if echo is not None]
    trips = [echo.round_trip_s for echo in echoes if not echo.undelivered]
    values: dict[str, float | int | str | bool] = {
        "packet_loss": round(100 * (count - len(trips)) / count, 2),
        "packets": count,
    }
    if trips:
        values["round_trip_time"] = sum(trips) / len(trips)
        lost = f", {count - len(trips)} of {count} lost" if len(trips) < count else ""
        return CheckResult(values=values, summary=f"{show(values['round_trip_time'], 's')}{lost}")
    reasons = [echo.undelivered for echo in echoes]
    if reasons:
        return CheckResult(values=values, failure="unreachable", summary=f"not delivered: {reasons[0]}")
    return CheckResult(values=values, failure="timeout", summary=f"no reply to {count} echoes")
