"""Outlier detectors: they judge each row by itself, on arrival."""
