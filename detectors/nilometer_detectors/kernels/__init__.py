"""The numbers behind detectors: pure functions of prepared references and samples.

Nothing here knows a monitor, a detector or a window. A reference is prepared once (sorted, counted) and then only read;
every function takes arrays, states their shapes and its cost, and gives the same bits for the same input.
"""
