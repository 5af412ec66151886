"""systemd: the state of a unit (a service, timer, mount …) of this node's host, by systemctl(1)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from datetime import datetime

import msgspec

from sitescope_fo.model.monitor import CheckResult, Setting, Value
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.commands import Finished
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.units import show

_UNIT = re.compile(r"-\.(?:mount|slice)|[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,254}")  # systemd.unit(5)
_PROPERTIES = ("LoadState", "ActiveState", "SubState", "Result", "NRestarts", "StateChangeTimestamp", "UnitFileState")
_MOST_TOLD = 200

SPEC = TypeSpec(
    name="systemd",
    title="systemd unit",
    other_words=("service", "unit"),
    help="A unit of systemd on the host this node runs on: a service, timer, socket, mount. Other products call it service.",
    settings=(
        SettingSpec(
            name="unit", kind="text", help="Name of the unit, such as nginx.service; nginx alone is a service.", required=True
        ),
    ),
    values=(
        ValueSpec(name="active_state", kind="text", help="active, reloading, inactive, failed, activating or deactivating."),
        ValueSpec(name="sub_state", kind="text", help="Finer state of that kind of unit: running, exited, dead, waiting …"),
        ValueSpec(name="load_state", kind="text", help="loaded, not-found, bad-setting, error or masked."),
        ValueSpec(name="unit_file_state", kind="text", help="enabled, disabled, static …: whether it starts with the host."),
        ValueSpec(name="result", kind="text", help="How it ended last: success, exit-code, signal, timeout, oom-kill …"),
        ValueSpec(name="restarts", kind="number", unit="count", help="Automatic restarts of a service; absent for other units."),
        ValueSpec(name="since", kind="number", unit="s", help="How long it has been in this state; absent before the first."),
    ),
    error_if=("active_state == 'failed'", "active_state == 'inactive'", "load_state != 'loaded'"),
    warning_if=("active_state != 'active'",),
    default_timeout_s=10.0,
    measures_self=True,
)


class Settings(msgspec.Struct, frozen=True):
    """Prepared settings of a unit."""

    unit: str


def problems(settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    """A name that no unit can have."""
    unit = settings.get("unit")
    if isinstance(unit, str) and unit.strip() and _UNIT.fullmatch(unit) is None:
        return (("unit", f"'{unit}' is no name of a unit"),)
    return ()


def prepared(settings: Mapping[str, Setting]) -> Settings:
    """What `run` is given, made once a monitor."""
    return msgspec.convert(settings, Settings)


async def run(wanted: Settings, context: CheckContext) -> CheckResult:
    """Asks systemd; without one on this machine the state is not known (`nodata`)."""
    program = shutil.which("systemctl")
    if program is None:
        return _unavailable("systemctl is not installed")
    words = (program, "show", "--no-pager", f"--property={','.join(_PROPERTIES)}", "--", wanted.unit)
    finished = await context.commands.run(words, folder="/", clock=context.clock, variables={"TZ": "UTC"})
    if finished.exit_code:
        return _unavailable(_first_line(finished))
    values = measure(finished.output, context.clock.wall())
    if "active_state" not in values:
        return CheckResult(failure="protocol", summary=f"systemctl says nothing of {wanted.unit}: {_first_line(finished)}")
    return CheckResult(values=values, summary=_summary(wanted.unit, values))


def _unavailable(why: str) -> CheckResult:
    return CheckResult(failure="nodata", summary=f"unavailable: no systemd answers on this machine ({why})")


def _first_line(finished: Finished) -> str:
    lines = (finished.errors or finished.output).strip().splitlines()
    return lines[0][:_MOST_TOLD] if lines else f"exit code {finished.exit_code}"


def measure(output: str, now: float) -> dict[str, Value]:
    """The values in what `systemctl show` printed with times in UTC: a line `Name=value` for each property it knows."""
    said = {name: value for name, _, value in (line.partition("=") for line in output.splitlines())}
    texts = {
        "active_state": "ActiveState",
        "sub_state": "SubState",
        "load_state": "LoadState",
        "unit_file_state": "UnitFileState",
        "result": "Result",
    }
    values: dict[str, Value] = {name: said[key] for name, key in texts.items() if said.get(key)}
    if said.get("NRestarts", "").isdecimal():
        values["restarts"] = int(said["NRestarts"])
    changed = _moment(said.get("StateChangeTimestamp", ""))
    if changed is not None:
        values["since"] = round(max(0.0, now - changed), 2)
    return values


def _moment(text: str) -> float | None:
    """`Sun 2026-11-22 10:00:00 UTC` as POSIX seconds; None for what is no such time (a unit that never ran has none)."""
    words = text.split()
    if len(words) != 4 or words[3] != "UTC":
        return None
    try:
        return datetime.fromisoformat(f"{words[1]}T{words[2]}+00:00").timestamp()
    except ValueError:
        return None


def _summary(unit: str, values: Mapping[str, Value]) -> str:
    if values.get("load_state") == "not-found":
        return f"{unit}: there is no such unit"
    told = f"{unit}: {values['active_state']} ({values.get('sub_state', '')})"
    if "since" in values:
        told += f" for {show(values['since'], 's')}"
    return f"{told}, {values['restarts']} restarts" if values.get("restarts") else told
