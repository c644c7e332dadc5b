"""Baselines: what a stream looks like when all is well, built from reference data.

`build` makes one of a table of `sources`, `baseline` is the artefact, `describe` shows it to a person.
"""
