"""Drift detectors: they judge a closed window against the baseline."""
