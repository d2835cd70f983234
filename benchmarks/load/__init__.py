"""The load generator, a program of its own for any Yjs server: `python -m benchmarks.load --help`."""
