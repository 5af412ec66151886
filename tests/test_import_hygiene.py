"""What a start costs: commands and the daemon load only what they need, seen in a process of their own."""

import json
import subprocess
import sys

import pytest

LOADED = "import importlib, json, sys; importlib.import_module({module!r}); print(json.dumps(sorted(sys.modules)))"


def loaded_by(module):
    """Names of all modules in a fresh interpreter that has imported `module`."""
    run = subprocess.run([sys.executable, "-c", LOADED.format(module=module)], check=True, capture_output=True, text=True)
    return set(json.loads(run.stdout))


def heavy(modules, *unwanted):
    return sorted(name for name in modules if any(name == one or name.startswith(f"{one}.") for one in unwanted))


def test_a_module_that_is_loaded_is_seen():
    assert heavy(loaded_by("httpx"), "httpx", "textual")[0] == "httpx"


def test_the_command_line_starts_without_console_http_or_monitors():
    modules = loaded_by("sitescope_fo.cli.main")
    assert heavy(modules, "textual", "rich", "httpx", "starlette", "uvicorn", "sitescope_fo.monitors") == []


@pytest.mark.parametrize("toolkit", ["textual", "rich"])
def test_the_daemon_never_loads_the_terminal_toolkit(toolkit):
    assert heavy(loaded_by("sitescope_fo.web.daemon"), toolkit) == []


@pytest.mark.parametrize("module", ["sitescope_fo.cli.console", "sitescope_fo.console.start"])
def test_what_runs_before_the_fork_loads_neither_the_toolkit_nor_an_event_loop(module):
    assert heavy(loaded_by(module), "textual", "rich", "asyncio", "anyio", "httpx") == []
