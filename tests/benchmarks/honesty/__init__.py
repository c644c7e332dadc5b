"""`make bench-statistics`: how honest the drift detectors are, as a table.

Detectors are built and asked just as a monitor does it, over windows whose truth is known: without drift every alarm is
a false one, and with it every silence. Rates stand beside the 99 % band in which they would lie by chance alone if the
detector did what was asked of it.
"""
