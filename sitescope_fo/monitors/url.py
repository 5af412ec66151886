"""url: fetches a page over HTTP or HTTPS and measures status, time, content and the certificate's remaining life."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.failures import failure_of
from sitescope_fo.monitors.matching import match_problem, matcher
from sitescope_fo.monitors.units import show

if TYPE_CHECKING:
    import httpx

MOST_REDIRECTS = 10
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, token
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

SPEC = TypeSpec(
    name="url",
    title="URL",
    help="Fetches a page over HTTP or HTTPS.",
    settings=(
        SettingSpec(name="url", kind="text", help="Address that starts with http:// or https://.", required=True),
        SettingSpec(name="method", kind="choice", help="HTTP method.", default="GET", choices=METHODS),
        SettingSpec(name="headers", kind="list", help="Request headers, each 'Name: value'.", default=[]),
        SettingSpec(name="body", kind="text", help="Request body."),
        SettingSpec(name="user", kind="text", help="User name for basic authentication."),
        SettingSpec(name="password", kind="secret", help="Password for basic authentication."),
        SettingSpec(name="match", kind="text", help="Text, or /regular expression/, that the page must contain."),
        SettingSpec(name="follow_redirects", kind="flag", help=f"Follow up to {MOST_REDIRECTS} redirects.", default=True),
        SettingSpec(name="verify_tls", kind="flag", help="Refuse certificates that are not trusted.", default=True),
        SettingSpec(
            name="max_bytes",
            kind="integer",
            help="Bytes of the page that are read; the rest is not fetched.",
            default=1024 * 1024,
            least=0,
            most=16 * 1024 * 1024,
        ),
    ),
    values=(
        ValueSpec(name="status", kind="number", help="HTTP status of the last reply."),
        ValueSpec(name="round_trip_time", kind="number", unit="s", help="From the look-up to the last byte read."),
        ValueSpec(name="content_match", kind="text", help="'yes' or 'no': whether the page holds what `match` asks for."),
        ValueSpec(name="size", kind="number", unit="bytes", help="Bytes read of the page."),
        ValueSpec(name="certificate_days_left", kind="number", unit="days", help="Until the certificate ends; only over https."),
        ValueSpec(name="redirects", kind="number", unit="count", help="Redirects followed."),
    ),
    error_if=("status >= 400", "content_match == 'no'"),
    warning_if=("certificate_days_left < 14 days",),
    default_timeout_s=30.0,
    host_setting="url",
)


class Settings(msgspec.Struct, frozen=True):
    """Prepared settings of a URL check."""

    url: str
    method: str
    headers: tuple[str, ...]
    follow_redirects: bool
    verify_tls: bool
    max_bytes: int
    body: str = ""
    match: str = ""
    user: str = ""
    password: str = ""


def problems(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    """An address, header or pattern that cannot work."""
    found: list[tuple[str, str]] = []
    address, headers = settings.get("url"), settings.get("headers", [])
    if isinstance(address, str) and (problem := _address_problem(address)):
        found.append(("url", problem))
    if isinstance(headers, list):
        found += [("headers", f"'{line}' is no 'Name: value' line") for line in headers if not _is_header(line)]
    if problem := match_problem(settings.get("match")):
        found.append(("match", problem))
    return tuple(found)


async def run(settings: Mapping[str, Setting], context: CheckContext) -> CheckResult:
    """Fetches the page; what goes wrong on the way is the failure."""
    import httpx  # 0.1 s that `status` and configuration checks need not pay

    from sitescope_fo.monitors.http_transport import CheckTransport, TransportFailed, page_text, read_page

    wanted = msgspec.convert(settings, Settings)
    transport = CheckTransport(context.tls(wanted.verify_tls), context.lookups)
    client = httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        timeout=None,  # noqa: S113  # the runner bounds the whole check
        follow_redirects=wanted.follow_redirects,
        max_redirects=MOST_REDIRECTS,
        auth=httpx.BasicAuth(wanted.user, wanted.password) if wanted.user else None,
    )
    started = context.clock.mono()
    try:
        async with client, client.stream(**_request(wanted)) as response:
            values = _seen(response, context)
            page = await read_page(response, wanted.max_bytes)
            values |= {"size": len(page), "round_trip_time": context.clock.mono() - started}
            if wanted.match:
                values["content_match"] = "yes" if matcher(wanted.match)(page_text(page, response)) else "no"
    except httpx.TooManyRedirects:
        return CheckResult(failure="protocol", summary=f"more than {MOST_REDIRECTS} redirects")
    except (httpx.HTTPError, httpx.InvalidURL, TransportFailed, OSError) as error:
        failure, summary = failure_of(error) or ("protocol", f"HTTP failed: {error}")
        return CheckResult(failure=failure, summary=summary)
    return CheckResult(values=values, summary=_summary(values))


def _address_problem(address: str) -> str:
    try:
        parts = urlsplit(address)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        return f"'{address}' is no address: {error}"
    if not fine or any(letter.isspace() for letter in address):
        return f"'{address}' is no address; write it like https://host/path"
    return ""


def _is_header(line: str) -> bool:
    name, colon, value = line.partition(":")
    return bool(colon) and _HEADER_NAME.fullmatch(name) is not None and value.isprintable() and value.isascii()


def _request(wanted: Settings) -> dict[str, Any]:
    headers = [("Accept-Encoding", "identity"), ("Connection", "close")]
    for line in wanted.headers:
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    content = wanted.body.encode() if wanted.body else None
    return {"method": wanted.method, "url": wanted.url, "headers": headers, "content": content}


def _seen(response: httpx.Response, context: CheckContext) -> dict[str, Value]:
    from sitescope_fo.monitors.http_transport import certificate_end

    values: dict[str, Value] = {"status": response.status_code, "redirects": len(response.history)}
    end = certificate_end(response)
    if end is not None:
        values["certificate_days_left"] = round((end - context.clock.wall()) / 86400, 2)
    return values


def _summary(values: Mapping[str, Value]) -> str:
    parts = [f"status {values['status']} in {show(values['round_trip_time'], 's')}", show(values["size"], "bytes")]
    if "content_match" in values:
        parts.append("content matches" if values["content_match"] == "yes" else "content does not match")
    return ", ".join(parts)
