"""A small type book with a setting of every kind: enough to load trees without the monitors."""

from collections.abc import Mapping

from sitescope_fo.model.monitor import Setting
from sitescope_fo.model.monitor_type import SettingSpec, TypeSpec, ValueSpec

URL = TypeSpec(
    name="url",
    title="URL",
    help="",
    settings=(
        SettingSpec(name="url", kind="text", help="", required=True),
        SettingSpec(name="match", kind="text", help=""),
        SettingSpec(name="pause", kind="duration", help="", default="2s"),
        SettingSpec(name="redirects", kind="integer", help="", default=5),
        SettingSpec(name="password", kind="secret", help=""),
    ),
    values=(ValueSpec(name="status", kind="number", help=""),),
    error_if=("status != 200",),
    default_frequency_s=300.0,
    default_timeout_s=20.0,
    host_setting="url",
)
PORT = TypeSpec(
    name="port",
    title="Port",
    help="",
    settings=(
        SettingSpec(name="host", kind="text", help="", required=True),
        SettingSpec(name="timeout", kind="duration", help=""),
    ),
    values=(),
)


class SmallBook:
    """Thresholds are sound when they hold a comparison."""

    specs: Mapping[str, TypeSpec] = {"url": URL, "port": PORT}

    def expression_problem(self, type_name: str, expression: str) -> str:
        return "" if any(op in expression for op in "<>=") else "it compares nothing"

    def settings_problems(self, type_name: str, settings: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
        missing = [(s.name, "is missing") for s in self.specs[type_name].settings if s.required and s.name not in settings]
        odd = [("redirects", "must be a whole number")] if isinstance(settings.get("redirects"), str) else []
        return (*missing, *odd)


class Ids:
    """Counts: id-1, id-2 …"""

    def __init__(self, prefix: str = "id") -> None:
        self.prefix, self.count = prefix, 0

    def __call__(self) -> str:
        self.count += 1
        return f"{self.prefix}-{self.count}"
