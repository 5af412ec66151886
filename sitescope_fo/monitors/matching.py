"""`text` or `/regular expression/` in a setting, looked for in what a target answered."""

from __future__ import annotations

from collections.abc import Callable

from sitescope_fo.model.errors import Usage
from sitescope_fo.monitors.patterns import compile_pattern


def matcher(wanted: str) -> Callable[[str], bool]:
    """Whether a text contains `wanted`, or matches it when it stands between slashes. Raises Usage (`bad_pattern`)."""
    if len(wanted) > 2 and wanted.startswith("/") and wanted.endswith("/"):
        pattern = compile_pattern(wanted[1:-1])
        return lambda text: pattern.search(text) is not None
    return lambda text: wanted in text


def match_problem(wanted: object) -> str:
    """Why a setting is no match text, "" when it is one."""
    try:
        matcher(wanted if isinstance(wanted, str) else "")
    except Usage as error:
        return str(error)
    return ""
