"""What one run of a benchmark module leaves behind: its figures, and what they were measured on."""

import datetime as dt
import importlib.metadata
import json
import os
import platform
import subprocess
from dataclasses import asdict
from pathlib import Path

from tests.bench.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench"
PACKAGES = ("anyio", "httptools", "httpx", "msgspec", "uvloop")


def machine():
    """Processor, memory, kernel and versions, as a reader needs them to compare."""
    models = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "processor": f"{(models or [platform.machine()])[0]}, {os.cpu_count()} cores",
        "memory": f"{memory / 1024**2:.0f} GiB",
        "system": f"{_distribution()}, Linux {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES),
        "commit": _git("rev-parse", "--short", "HEAD"),
    }


def save(name: str, title: str, figures: list[Figure]) -> Path:
    """Keeps the figures of a run; the next run of the module replaces them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    measured = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    found = {"title": title, "measured": measured, "machine": machine(), "figures": [asdict(figure) for figure in figures]}
    path.write_text(json.dumps(found, indent=1) + "\n")
    return path


def load(path: Path):
    """(title, when, machine, figures) of a kept run."""
    found = json.loads(path.read_text())
    figures = [Figure(**{**figure, "samples": tuple(figure["samples"])}) for figure in found["figures"]]
    return found["title"], found["measured"], found["machine"], figures


def _lines(path):
    return Path(path).read_text().splitlines()


def _distribution():
    named = dict(line.split("=", 1) for line in _lines("/etc/os-release") if "=" in line)
    return named.get("PRETTY_NAME", "Linux").strip('"')


def _git(*words):
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
