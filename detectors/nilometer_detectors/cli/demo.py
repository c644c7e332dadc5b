"""`nilometer demo`."""

import sys

import click

from nilometer_detectors.demo.run import DemoOptions, run_demo


@click.command()
@click.option("--keep", is_flag=True, help="leave everything running afterwards, and say what to try next")
@click.option("--seed", default=0, show_default=True, help="the same story with other flowers")
def command(*, keep: bool, seed: int) -> None:
    """Run everything on this machine, and watch a model drift.

    Apache Kafka, KServe's model server with scikit-learn's iris model, the logger, the worker, delivery and a
    subscriber are started. Real predictions are logged; then impossible measurements come, and then somebody switches
    centimetres to inches.

    Exits with 0 only if drift was found after the switch and not before.
    """
    sys.exit(run_demo(DemoOptions(keep=keep, seed=seed)))
