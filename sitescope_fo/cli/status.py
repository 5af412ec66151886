"""`status`: who monitors now, is the standby fit, what happens next, on one screen."""

from __future__ import annotations

from collections.abc import Iterator

import click

from sitescope_fo.cli.invocation import Invocation, typed
from sitescope_fo.cli.lazy import NodeCommand
from sitescope_fo.cli.paint import Paint
from sitescope_fo.cli.table import Column
from sitescope_fo.model.moment import ago, clock_time, size_text, spell
from sitescope_fo.model.profile_words import STEPPED_UP, fit_for_duty, mirror_words, primary_words, what_next, who_monitors
from sitescope_fo.model.snapshot import ProfilePart, StatusReport
from sitescope_fo.model.width import clean, fit, pad, wrap

_LABEL = 12
_LINES = 2
_WIDEST = 200
_EVIDENCE_LINES = 3
_PROBLEM_LINES = 5


def show(call: Invocation) -> None:
    """Asks for the status and prints it."""
    answer = call.query("status")
    call.emit(answer, lambda: screen(typed(answer, StatusReport), call))


@click.command(cls=NodeCommand, example="sitescope-fo status")
@click.pass_obj
def status(call: Invocation) -> None:
    """Show who monitors now, whether the standby is fit, and what happens next.

    On a primary it lists the failovers that protect it. With --json it prints the whole picture.
    """
    show(call)


def screen(report: StatusReport, call: Invocation) -> Iterator[str]:
    """The lines of the human view, none wider than the terminal."""
    node, now, paint = report.node, call.now(), call.paint
    yield _cut(
        f"{node.title}  {node.host}  {node.version}  up {ago(node.started, now).removesuffix(' ago')}  pid {node.pid}", call
    )
    yield _cut(f"{node.url}  home {node.home}", call)
    if node.role == "primary":
        yield ""
        yield from _primary(report, call)
    elif not report.profiles:
        yield ""
        yield _cut("No profile yet: nothing is protected. Add one with: sitescope-fo profile add NAME --primary-host HOST", call)
    for profile in report.profiles:
        yield ""
        yield from _profile(profile, call)
    yield ""
    yield from _row("monitors", _counts(report), call)
    yield from _row("health", _health(report, paint), call, state="" if _well(report) else "warning")
    for problem in report.problems[:_PROBLEM_LINES]:
        text = f"{problem.get('file', '')}:{problem.get('line', 0)} {problem.get('path', '')} {problem.get('what', '')}"
        yield from _row("problem", paint.word("bad") + " " + text, call, state="bad")
    if len(report.problems) > _PROBLEM_LINES:
        yield from _row("", f"and {len(report.problems) - _PROBLEM_LINES} more: sitescope-fo check config", call)


def _primary(report: StatusReport, call: Invocation) -> Iterator[str]:
    node = report.node
    state = node.state or "unknown"
    who = "this node monitors" if state == "running" else "this node does not monitor"
    yield from _row("now", f"{call.paint.word(state)}: {who}" + (f" ({node.why})" if node.why else ""), call, state=state)
    if not report.peers:
        yield from _row("failovers", f"{call.paint.word('unfit')}: none protects this node", call, state="unfit")
        return
    columns = [
        Column(title="FAILOVER", flexible=True),
        Column(title="LISTED AS", flexible=True),
        Column(title="TRUST", state=True),
        Column(title="LAST SEEN"),
    ]
    rows = [
        [f"{p.host}:{p.port}", p.listed_as, "accepted" if p.accepted else "pending", ago(p.last_seen, call.now())]
        for p in report.peers
    ]
    yield from call.rows(columns, rows)


def _profile(profile: ProfilePart, call: Invocation) -> Iterator[str]:
    now, paint = call.now(), call.paint
    title = f"{paint.word(profile.state)}  since {clock_time(profile.since, now)}, term {profile.term}"
    extra = f"  [{', '.join(profile.conditions)}]" if profile.conditions else ""
    yield from _row(profile.name, title + extra, call, state=profile.state)
    yield from _row("now", who_monitors(profile, now), call)
    yield from _row("primary", primary_words(profile, now), call)
    if profile.position not in STEPPED_UP:
        fitness, why = fit_for_duty(profile)
        yield from _row("standby", f"{paint.word(fitness)}: {why}", call, state=fitness)
    yield from _row("mirror", mirror_words(profile, now), call)
    yield from _row("next", what_next(profile, now), call)
    if profile.hold:
        hold = profile.hold
        until = clock_time(hold.get("until") or hold.get("ends"), now)
        yield from _row("hold", f"{hold.get('reason', '')} (by {hold.get('by', '?')}, until {until})", call, state="warning")
    if profile.handback:
        yield from _row("hand-back", ", ".join(f"{key} {value}" for key, value in profile.handback.items()), call)
    if profile.merge.get("conflicts"):
        yield from _row("merge", f"{profile.merge['conflicts']} conflicts are kept", call, state="warning")
    if profile.last_transition:
        step = profile.last_transition
        text = f"{step.get('from')} -> {step.get('to')} {clock_time(step.get('at'), now)}: {step.get('why', '')}"
        yield from _row("last change", text, call)
    for line in profile.evidence[-_EVIDENCE_LINES:]:
        yield from _row("evidence", f"{clock_time(line.get('at'), now)} {line.get('kind', '')} {line.get('what', '')}", call)


def _counts(report: StatusReport) -> str:
    m = report.monitors
    by_status = ", ".join(
        f"{getattr(m, name)} {name}" for name in ("error", "warning", "nodata", "good", "disabled") if getattr(m, name)
    )
    overlapping = ", ".join(
        f"{getattr(m, name)} {name}" for name in ("running", "suspended", "waiting", "acknowledged") if getattr(m, name)
    )
    return f"{m.total} total" + (f": {by_status}" if by_status else "") + (f"; {overlapping}" if overlapping else "")


def _well(report: StatusReport) -> bool:
    health = report.health
    return health.scheduler_age_s <= 10 and not health.overdue and not health.hanging and health.outbox.oldest_s <= 60


def _health(report: StatusReport, paint: Paint) -> str:
    health = report.health
    parts = [
        f"scheduler {spell(health.scheduler_age_s)}",
        f"loop p99 {health.loop_lag_p99_ms:.0f} ms",
        f"{health.outbox.depth} mails wait" + (f" (oldest {spell(health.outbox.oldest_s)})" if health.outbox.depth else ""),
        f"{size_text(health.disk_free_bytes)} free",
        f"skew {spell(health.clock_skew_s)}",
    ]
    if health.hanging:
        parts.insert(1, f"{health.hanging} checks hang")
    if health.overdue:
        parts.insert(1, f"{health.overdue} overdue")
    return f"{paint.word('good' if _well(report) else 'warning')}: {', '.join(parts)}"


def _row(label: str, text: str, call: Invocation, *, state: str = "") -> Iterator[str]:
    """A label and its text, on two lines when one is too narrow: what to do often stands at the end."""
    for place, part in enumerate(wrap(clean(text), min(call.width, _WIDEST) - _LABEL - 2, _LINES)):
        name = fit(clean(label), _LABEL) if place == 0 else ""
        line = f"{pad(name, _LABEL)}  {part}"
        yield call.paint.tint(state, line) if state else line


def _cut(text: str, call: Invocation) -> str:
    return fit(clean(text), min(call.width, _WIDEST))
