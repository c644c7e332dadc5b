"""What is fitted on reference data before a monitor runs: calibrated thresholds and prepared detectors."""
