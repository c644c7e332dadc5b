"""The statistics of a window: one kind a file, one contract, all columns at once."""
