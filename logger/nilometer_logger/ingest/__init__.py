"""The logger's process: takes events in over HTTP or from other topics, and appends them to `inferences`.

`server` puts it together. Nothing here imports the engine, so the logger's image carries no windows.
"""
