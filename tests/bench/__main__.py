"""`python -m tests.bench [NAME …]`: all figures, or those of the named modules."""

import importlib
import pkgutil
import sys

from tests import bench

HEADER = ("figure", "n", "median", "p99", "vs reference")
WIDTHS = (52, 6, 14, 14, 13)


def line(cells):
    return "  ".join(
        f"{cell:{'<' if at == 0 else '>'}{width}}" for at, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
    )


def main(wanted):
    known = sorted(m.name.removeprefix("bench_") for m in pkgutil.iter_modules(bench.__path__) if m.name.startswith("bench_"))
    if unknown := set(wanted) - set(known):
        return f"no such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(known)}"
    print(line(HEADER))
    for name in wanted or known:
        for figure in importlib.import_module(f"tests.bench.bench_{name}").figures():
            print(line(figure.row()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
