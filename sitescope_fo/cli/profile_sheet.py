"""A profile as people read it: one line in a list, or the whole sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sitescope_fo.cli.config import value_text
from sitescope_fo.cli.invocation import Invocation
from sitescope_fo.cli.table import Column
from sitescope_fo.model.moment import ago, spell
from sitescope_fo.model.width import clean, fit

_COLUMNS = [
    Column(title="PROFILE", flexible=True),
    Column(title="STATE", state=True),
    Column(title="PRIMARY", flexible=True),
    Column(title="PROVEN"),
    Column(title="MIRROR", flexible=True),
]

# label, field, what follows the value
_TIMES = (
    ("Activation", "activate_after_s", "after the last proof of life"),
    ("Check every", "check_every_s", ""),
    ("Soft time-out", "soft_timeout_s", "then a probe is a miss"),
    ("Hard time-out", "hard_timeout_s", "until then a late answer counts as life"),
    ("Stable for", "stable_for_s", "before monitoring goes back"),
    ("Mirroring", "mirror_every_s", "full verification; changes travel at once"),
)


def profile_table(profiles: list[dict[str, Any]], call: Invocation) -> Iterator[str]:
    """One line a profile; without states when the node does not run."""
    if not profiles:
        yield "No profiles. Add one with: sitescope-fo profile add NAME --primary-host HOST"
        return
    now = call.now()
    rows = []
    for one in profiles:
        primary, mirror = one.get("primary") or {}, one.get("mirror") or {}
        host = primary.get("host", one.get("primary_host", ""))
        port = primary.get("port", one.get("primary_port", ""))
        taken = f"{mirror['monitors']} monitors, {ago(mirror.get('at'), now)}" if mirror.get("revision") else "none"
        rows.append([one["name"], one.get("state", ""), f"{host}:{port}", ago(one.get("last_proof_of_life"), now), taken])
    yield from call.rows(_COLUMNS, rows)


def settings_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a profile on one level: nested `config` and `timing` tables are opened."""
    flat = {key: value for key, value in answer.items() if not isinstance(value, dict)}
    for key in ("config", "timing"):
        inner = answer.get(key)
        if isinstance(inner, dict):
            flat.update(settings_of(inner))
    return flat


def profile_lines(answer: Mapping[str, Any], call: Invocation) -> Iterator[str]:
    """The whole sheet of one profile."""
    known = settings_of(answer)

    def line(label: str, value: str, more: str = "") -> str:
        return fit(clean(f"{label:<20}{value}" + (f"  {more}" if more else "")), call.width)

    def switch(name: str) -> str:
        return "on" if known.get(name) else "off"

    address = f"{known.get('primary_host', '')}:{known.get('primary_port', '')}{' with TLS' if known.get('tls') else ''}"
    yield line("Profile", value_text(known.get("name")))
    yield line("Primary", address, f"node {known['node_id']}" if known.get("node_id") else "not bound to a node yet")
    yield line("Preset", value_text(known.get("preset")))
    for label, name, more in _TIMES:
        if isinstance(known.get(name), int | float):
            yield line(label, spell(known[name]), more)
    if "misses" in known:
        yield line("Misses", value_text(known["misses"]), "before the grace time starts")
    yield line("Backups", value_text(known.get("backups")))
    yield line("Merge back", switch("merge_back"))
    yield line("APM reporting", "off" if known.get("disable_apm") else "on")
    yield line("Self targets", value_text(known.get("self_targets")))
    yield line("Check schedule", value_text(known.get("check_schedule")))
    yield line("Mirror schedule", value_text(known.get("mirror_schedule")))
    yield line("Notify", value_text(known.get("notify")))
    status = answer.get("status")
    if isinstance(status, dict) and status.get("state"):
        yield line("State", call.paint.word(status["state"]), status.get("next", ""))
