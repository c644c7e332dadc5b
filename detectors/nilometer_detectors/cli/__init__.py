"""The command line: one group, whose commands are imported only when they are called.

So `nilometer logger` starts without numpy, Faust or pydantic, which its image does not carry, and `nilometer --help`
is as quick as Python itself. Errors that a user can mend are one line and exit code 1; a wrong flag is 2.
"""

from nilometer_detectors.cli._main import main

__all__ = ["main"]
