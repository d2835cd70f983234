"""The load generator: a program of its own, pointable at any Yjs server: `python -m benchmarks.load --help`."""
