"""Benchmarks against other libraries, side by side in one run. See README.md."""
