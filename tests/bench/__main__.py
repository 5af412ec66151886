"""`python -m tests.bench [NAME …]`: all figures, or those of the named modules."""

import importlib
import pkgutil
import sys

from tests import bench
from tests.bench.record import save

HEADER = ("figure", "n", "median", "p99", "x reference", "promise")
WIDTHS = (56, 6, 16, 16, 12, 16)


def line(cells):
    row = (f"{cell:{'<' if at in {0, 5} else '>'}{width}}" for at, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True)))
    return "  ".join(row).rstrip()


def title_of(module):
    return (module.__doc__ or module.__name__).strip().splitlines()[0].rstrip(".").split(":")[0]


def main(wanted):
    known = sorted(m.name.removeprefix("bench_") for m in pkgutil.iter_modules(bench.__path__) if m.name.startswith("bench_"))
    if unknown := set(wanted) - set(known):
        return f"no such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(known)}"
    print(line(HEADER))
    for name in wanted or known:
        module = importlib.import_module(f"tests.bench.bench_{name}")
        print(f"\n{title_of(module)}")
        figures = []
        for figure in module.figures():
            figures.append(figure)
            print(line(figure.row()), flush=True)
        save(name, title_of(module), figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
