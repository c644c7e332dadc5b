"""`nilometer replay`: monitors over what was logged already, or over a file of rows, to tune them on last week.

```text
_kafka, _lines, _rows   a span of the log, a file of events, a file of rows   → records   (_sources: their common face)
_engine                 the worker's own partitions                           → findings as CloudEvents
_reading                findings as values    → _text (a terminal), _story → report (HTML), _account → _notes
```

All but `_kafka`, `_sources` and `_run` is pure. Whatever detector speaks, it is read from its findings alone.
"""

from nilometer_detectors.replay._run import Asked, run
from nilometer_detectors.replay._times import UNITS

__all__ = ["UNITS", "Asked", "run"]
