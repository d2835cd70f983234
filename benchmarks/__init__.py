"""What sync costs here and elsewhere: `python -m benchmarks --help`."""
