"""url: fetches a page over HTTP or HTTPS and measures status, time, content and the certificate's remaining life."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.cookies import Cookies
from sitescope_fo.monitors.failures import failure_of
from sitescope_fo.monitors.http_exchange import Spent, certificate_end, exchange
from sitescope_fo.monitors.http_reply import Reply, ReplyBroken
from sitescope_fo.monitors.http_request import OWN_HEADERS, Request, basic, read_header
from sitescope_fo.monitors.matching import match_problem, matcher
from sitescope_fo.monitors.units import show
from sitescope_fo.monitors.web_address import WebAddress, read_address

MOST_REDIRECTS = 10
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

SPEC = TypeSpec(
    name="url",
    title="URL",
    other_words=("http", "https", "web"),
    help="Fetches a page over HTTP or HTTPS.",
    settings=(
        SettingSpec(name="url", kind="text", help="Address that starts with http:// or https://.", required=True),
        SettingSpec(name="method", kind="choice", help="HTTP method.", default="GET", choices=METHODS),
        SettingSpec(name="headers", kind="list", help="Request headers, each 'Name: value'.", default=[]),
        SettingSpec(name="body", kind="text", help="Request body."),
        SettingSpec(name="user", kind="text", help="User name for basic authentication."),
        SettingSpec(name="password", kind="secret", help="Password for basic authentication."),
        SettingSpec(name="match", kind="text", help="Text, or /regular expression/, that the page must contain."),
        SettingSpec(
            name="follow_redirects",
            kind="flag",
            help=f"Follow up to {MOST_REDIRECTS} redirects; credentials are sent to their own host and port only.",
            default=True,
        ),
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
        ValueSpec(name="dns_time", kind="number", unit="s", help="Of it, for looking up host names; redirects add up."),
        ValueSpec(name="connect_time", kind="number", unit="s", help="Of it, for connecting; redirects add up."),
        ValueSpec(name="tls_time", kind="number", unit="s", help="Of it, for setting up TLS; only over https."),
        ValueSpec(name="first_byte_time", kind="number", unit="s", help="Of it, from a request to the first byte of its reply."),
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
    """The settings as they are written."""

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


class Visit(msgspec.Struct, frozen=True):
    """A check as far as it is the same each time."""

    request: Request
    encoded: bytes
    matches: Callable[[str], bool] | None
    follow: bool
    verified: bool
    max_bytes: int


def problems(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    """An address, header or pattern that cannot work."""
    found: list[tuple[str, str]] = []
    address, headers = settings.get("url"), settings.get("headers", [])
    if isinstance(address, str) and (problem := _address_problem(address)):
        found.append(("url", problem))
    if isinstance(headers, list):
        found += [("headers", problem) for line in headers if (problem := _header_problem(str(line)))]
    if problem := match_problem(settings.get("match")):
        found.append(("match", problem))
    return tuple(found)


def prepared(settings: Mapping[str, Setting]) -> Visit:
    """What `run` is given, made once a monitor. Raises ValueError and Usage for what `problems` tells."""
    wanted = msgspec.convert(settings, Settings)
    address = read_address(wanted.url)
    headers = [header for line in wanted.headers if (header := read_header(line))]
    user, password = (wanted.user, wanted.password) if wanted.user else (address.user, address.password)
    if user or password:
        headers = [header for header in headers if header[0].lower() != "authorization"] + [basic(user, password)]
    request = Request(wanted.method, address, tuple(headers), wanted.body.encode())
    return Visit(
        request=request,
        encoded=request.encoded(),
        matches=matcher(wanted.match) if wanted.match else None,
        follow=wanted.follow_redirects,
        verified=wanted.verify_tls,
        max_bytes=wanted.max_bytes,
    )


async def run(visit: Visit, context: CheckContext) -> CheckResult:
    """Fetches the page; what goes wrong on the way is the failure, with the host where it did."""
    started = context.clock.mono()
    request, encoded, spent, redirects = visit.request, visit.encoded, Spent(), 0
    cookies = Cookies()
    try:
        while True:
            reply = Reply(most_body=visit.max_bytes, bodiless=request.method == "HEAD", follow=visit.follow)
            certificate = await exchange(request.address, encoded, reply, spent, context, verified=visit.verified)
            if not reply.location:
                break
            if redirects == MOST_REDIRECTS:
                return CheckResult(failure="protocol", summary=f"more than {MOST_REDIRECTS} redirects")
            redirects += 1
            cookies.take(reply.texts(b"set-cookie"), request.address, context.clock.wall())
            request = request.followed(reply.status, _moved(request.address, reply.location))
            encoded = request.encoded(cookies.header(request.address))
    except ReplyBroken as error:
        return CheckResult(failure="protocol", summary=f"{request.address.host}: {error}")
    except OSError as error:
        failure, told = failure_of(error) or ("unreachable", str(error))
        return CheckResult(failure=failure, summary=f"{request.address.host}: {told}")
    page = reply.page()
    values: dict[str, Value] = {
        "status": reply.status,
        "redirects": redirects,
        "size": len(page),
        "round_trip_time": context.clock.mono() - started,
        "dns_time": spent.dns_s,
        "connect_time": spent.connect_s,
        "first_byte_time": spent.first_byte_s,
    }
    if spent.tls_s is not None:
        values["tls_time"] = spent.tls_s
    if certificate and (end := certificate_end(certificate)) is not None:
        values["certificate_days_left"] = round((end - context.clock.wall()) / 86400, 2)
    if visit.matches:
        values["content_match"] = "yes" if visit.matches(reply.text(page)) else "no"
    return CheckResult(values=values, summary=_summary(values))


def _moved(address: WebAddress, location: str) -> WebAddress:
    try:
        return address.moved(location)
    except ValueError as error:
        raise ReplyBroken(f"it redirects to an address that is none: {error}") from None


def _address_problem(address: str) -> str:
    if any(letter.isspace() for letter in address):
        return "an address holds no spaces; write it like https://host/path"
    try:
        read_address(address)
    except ValueError as error:
        return f"this is no address: {error}; write it like https://host/path"
    return ""


def _header_problem(line: str) -> str:
    header = read_header(line)
    if header is None:
        return f"'{line}' is no 'Name: value' line"
    if header[0].lower() in OWN_HEADERS:
        return f"the check sets {header[0]} itself"
    return ""


def _summary(values: Mapping[str, Value]) -> str:
    parts = [f"status {values['status']} in {show(values['round_trip_time'], 's')}", show(values["size"], "bytes")]
    if "content_match" in values:
        parts.append("content matches" if values["content_match"] == "yes" else "content does not match")
    return ", ".join(parts)
