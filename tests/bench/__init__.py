"""Figures, not tests: `make bench` prints each beside a reference measured in the same run on the same machine.

A module `bench_NAME.py` has a docstring whose first line is its title, and `figures()`, which yields `Figure` values as they are
measured. A run leaves its figures in build/bench/NAME.json; `make performance` makes docs/performance.md from them.
"""
