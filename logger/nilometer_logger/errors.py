"""The errors a user can meet, as one small tree.

    NilometerError
    ├── EventError       what came is no CloudEvent, or none that can be told apart
    │   └── UnsupportedFormat  it may be one, in a format other than JSON
    ├── TooLargeError    an event is larger than a record of Kafka may be
    ├── PayloadError     an event's body does not decode into rows
    │   └── FutureTimeError  its time lies too far after its arrival
    ├── SettingError     a setting or a file a user wrote does not make sense
    ├── StateError       the state in Kafka does not fit the log it belongs to
    ├── UnavailableError something we depend on cannot be reached now; a retry may mend it
    └── ExtraMissing     a feature needs packages that are not installed

Each message is a sentence that names the place, the value and the remedy: the command line prints it as it stands,
without a traceback.
"""


class NilometerError(Exception):
    """The root: catching it catches everything that is not a bug."""


class EventError(NilometerError):
    """What came is no CloudEvent."""


class UnsupportedFormat(EventError):
    """What came may be a CloudEvent, in a format other than JSON."""


class TooLargeError(NilometerError):
    """An event is larger than a record may be: no retry helps."""


class PayloadError(NilometerError):
    """An event's body does not decode into rows."""


class FutureTimeError(PayloadError):
    """An event's time lies so far after its arrival that it would close every window before it."""


class SettingError(NilometerError):
    """A setting, a monitor or a baseline does not make sense."""


class StateError(NilometerError):
    """The state in Kafka does not fit the log that it belongs to."""


class UnavailableError(NilometerError):
    """Something that we depend on cannot be reached now."""


class ExtraMissing(NilometerError):
    """A feature needs packages that are not installed.

    Args:
        feature: what was asked for.
        extra: the extra of the distribution that installs what it needs.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs packages that are not installed: pip install 'nilometer[{extra}]'")
        self.feature = feature
        self.extra = extra
