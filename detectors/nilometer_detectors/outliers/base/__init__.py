"""What outlier detectors are made of: their contract in `contract`, and the helpers they share."""
