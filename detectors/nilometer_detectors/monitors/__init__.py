"""Monitors: from a declaration to an object that judges the windows of its streams.

`spec` is the declaration, `build` puts its `parts` together, `monitor` judges, `findings` reports; `files` reads
the declarations and follows their changes.
"""
