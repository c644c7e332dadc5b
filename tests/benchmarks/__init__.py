"""Benchmarks: figures for README, each beside the yardsticks of the same run. Nothing here is a test."""
