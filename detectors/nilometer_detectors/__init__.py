"""Everything about judging logged inferences: monitors, baselines, statistics, detectors, findings and their delivery."""
