"""The page docs/monitors.md, made from the registry: `python -m sitescope_fo.monitors.reference > docs/monitors.md`."""

from __future__ import annotations

import sys

from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.monitor import Setting
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec
from sitescope_fo.monitors.binding import FAILURE
from sitescope_fo.monitors.registry import GROUP, Registry
from sitescope_fo.monitors.settings import TIMEOUT
from sitescope_fo.monitors.units import UNIT_WORDS

_OPENING = f"""\
# Monitor types

This page is made from the program: `python -m sitescope_fo.monitors.reference > docs/monitors.md`.

A monitor stands in a group file (`groups/…/group.toml`) or is added with `sitescope-fo monitor add`. Its `settings` are listed
here for each type; its values may be named in `error_if`, `warning_if` and `good_if` (see [thresholds](thresholds.md)). A
default threshold applies until the monitor has a list of its own for that severity.

Common to all types:

- setting `{TIMEOUT.name}` (duration): {TIMEOUT.help} A check that does not end in time is an error.
- value `{FAILURE.name}` (text): {FAILURE.help}
- key `schedule`: run only inside its windows, or at its moments; see [scheduling](scheduling.md#with-a-schedule).

| failure | means |
|---|---|
| `timeout` | no answer within the time-out |
| `refused` | somebody is there and does not listen on that port |
| `unresolved` | the host name does not resolve |
| `unreachable` | there is no way to the host, or an input or output error |
| `reset` | the connection was closed too early |
| `tls` | the certificate is not trusted, or TLS could not be set up |
| `protocol` | the answer is not what the protocol allows, too many redirects, output without end |
| `missing` | the script, a file, a user or a library that the check needs is not there |
| `denied` | this node may not do it |
| `internal` | a defect of the monitor type, or this node is out of resources; error.log has the details |
| `nodata` | nobody can know: a script says so (exit code 3), or there is no systemd |

A plug-in adds types by the entry-point group `{GROUP}`: each entry point leads to a module with `SPEC` (a `TypeSpec`) and
`async run(settings, context)`. One that cannot be loaded is reported and left out.
"""


def page(registry: Registry) -> str:
    """The whole page in Markdown."""
    return "\n".join([_OPENING, *(_type(spec) for spec in registry.offered)])


def _type(spec: TypeSpec) -> str:
    lines = [f"## {spec.title}: `{spec.name}`", "", spec.help, ""]
    lines.append(
        f"Default frequency {format_duration(spec.default_frequency_s)}, time-out {format_duration(spec.default_timeout_s)}."
    )
    if spec.measures_self:
        lines.append("It always watches the host of the node that runs it, so on an active failover the failover's host.")
    lines.append("")
    if spec.settings:
        lines += ["| setting | kind | default | |", "|---|---|---|---|", *(_setting(row) for row in spec.settings), ""]
    lines += ["| value | kind | |", "|---|---|---|", *(_value(row) for row in spec.values)]
    if spec.open_ended:
        lines.append(
            "| `perf_…` | number | Each figure of the performance data, named by its label; times in seconds, sizes in bytes. |"
        )
    lines.append("")
    for name, expressions in (("error_if", spec.error_if), ("warning_if", spec.warning_if), ("good_if", spec.good_if)):
        if expressions:
            lines.append(f"- default `{name}`: {', '.join(f'`{text}`' for text in expressions)}")
    return "\n".join([*lines, ""])


def _setting(spec: SettingSpec) -> str:
    kind = " \\| ".join(f"`{choice}`" for choice in spec.choices) or spec.kind
    default = "required" if spec.required else "" if spec.default is None else f"`{_shown(spec.default)}`"
    return f"| `{spec.name}` | {kind}{_range(spec)} | {default} | {_cell(spec.help)} |"


def _range(spec: SettingSpec) -> str:
    def say(bound: float) -> str:
        return format_duration(bound) if spec.kind == "duration" and bound else f"{bound:.12g}"

    if spec.least is None or spec.most is None:
        return ""
    return f", {say(spec.least)} to {say(spec.most)}"


def _shown(value: Setting) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _value(spec: ValueSpec) -> str:
    kind = UNIT_WORDS[spec.unit] if spec.kind == "number" else "true or false" if spec.kind == "flag" else "text"
    return f"| `{spec.name}` | {kind.removeprefix('a ')} | {_cell(spec.help)} |"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page(Registry(plugins=())))
