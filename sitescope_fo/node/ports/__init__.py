"""The ports of `model/ports.py` in life: this machine's clocks, threads, random source and network."""
