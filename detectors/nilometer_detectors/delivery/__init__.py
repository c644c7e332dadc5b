"""`nilometer delivery`: findings leave Kafka for a sink, as binary CloudEvents by POST, at least once.

`_delivery` is the process: a member of a consumer group with a task for each partition that it is given (`_partition`).
A task posts one finding after the other to the sink (`_sink`), keeps those that the sink refuses for good in
`findings-dead` (`_letters`), and commits only then. What one partition waits for delays no other.
`_overrides` reads what Knative's SinkBinding asks for; `counters` and `exposition` are what a person or a machine can see.
"""

from nilometer_detectors.delivery._delivery import Delivery, run
from nilometer_detectors.delivery._overrides import overrides
from nilometer_detectors.delivery._partition import outgoing

__all__ = ["Delivery", "outgoing", "overrides", "run"]
