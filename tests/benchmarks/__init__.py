"""Benchmarks: figures for docs/explain/cost.md, each beside the yardsticks of the same run. Nothing here is a test."""
