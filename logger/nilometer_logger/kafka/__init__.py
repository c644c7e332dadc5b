"""What every process does with Kafka in the same way: connect, wait for it, and say in one line what is wrong.

`_connection` makes the arguments of a client, out of settings that `_security` has checked and files that `_tls` reads
again when they change; `_diagnosis` finds out what a client keeps to itself.
"""

from nilometer_logger.kafka._connection import connection, retrying, unavailable
from nilometer_logger.kafka._diagnosis import why

__all__ = ["connection", "retrying", "unavailable", "why"]
