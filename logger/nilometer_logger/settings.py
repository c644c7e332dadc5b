"""Settings: each is a field of a frozen dataclass, a flag and an environment variable, with one meaning everywhere.

A field declares its help beside its default; the command line (`--kafka`), the environment (`NILOMETER_KAFKA`) and the
documentation's table are all made from these declarations, so that they cannot differ. The fields that several commands share
stand in a base class.
"""

from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

PREFIX = "NILOMETER_"
_METRICS_PORT = "the port of /metrics, /healthz and /readyz; 0 means any, -1 none"


def setting(
    default: Any,
    text: str,
    *,
    env: str | None = None,
    choices: tuple[str, ...] = (),
    least: float | None = None,
    most: float | None = None,
    secret: bool = False,
) -> Any:
    """Declares a setting.

    Args:
        default: its value where nobody gives one; its type is the type of the flag.
        text: what it means, in a phrase for `--help` and the documentation.
        env: another environment variable that is read where `NILOMETER_…` is not set.
        choices: the values allowed, where not every value of its type is.
        least: the smallest number allowed.
        most: the largest number allowed.
        secret: that its value is shown nowhere: in no `repr`, log line or help.
    """
    metadata = {"text": text, "env": env, "choices": choices, "least": least, "most": most, "secret": secret}
    return field(default=default, metadata=metadata, repr=not secret)


def same_as(settings: type["Common"], name: str) -> Any:
    """Declares a setting as another class has it."""
    [item] = [item for item in fields(settings) if item.name == name]
    return field(default=item.default, metadata=item.metadata, repr=item.repr)


@dataclass(frozen=True, kw_only=True)
class Common:
    """What every command that talks to Kafka takes."""

    kafka: str = setting("127.0.0.1:9092", "Kafka's bootstrap servers, HOST:PORT[,HOST:PORT…]")
    kafka_security: str = setting(
        "PLAINTEXT",
        "Kafka's security.protocol",
        choices=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    )
    kafka_sasl: str = setting(
        "SCRAM-SHA-512", "Kafka's sasl.mechanism", choices=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
    )
    kafka_username: str = setting("", "the user of SASL")
    kafka_password: str = setting("", "the password of SASL; better given as a variable", secret=True)
    kafka_ca_file: str = setting("", "PEM file of the authorities trusted for Kafka; empty means the system's")
    kafka_certificate_file: str = setting("", "PEM file of our own certificate for Kafka, where it asks for one")
    kafka_key_file: str = setting("", "PEM file of that certificate's key, if it is not in the same file")
    topic_prefix: str = setting("", "put before the name of every topic and consumer group")
    log_format: str = setting("text", "how log lines are written", choices=("text", "json"))
    log_level: str = setting("info", "the lowest level that is logged", choices=("debug", "info", "warning", "error"))


@dataclass(frozen=True, kw_only=True)
class Topics(Common):
    """What the commands that create topics take; topics that exist are left as they are."""

    partitions: int = setting(4, "partitions of topics that are created; never changed afterwards", least=1)
    replication_factor: int = setting(
        0, "replicas of topics that are created; 0 means one per broker, at most 3", least=0
    )


@dataclass(frozen=True, kw_only=True)
class Measured(Topics):
    """What the commands that count by stream take."""

    metric_streams: int = setting(200, "streams with metrics of their own; the rest share one label", least=0)


@dataclass(frozen=True, kw_only=True)
class LoggerSettings(Measured):
    """`nilometer logger`: where it listens, whom it lets in, and the bound of everything that a client can make grow."""

    host: str = setting("127.0.0.1", "the address to listen on; 0.0.0.0 in a container")
    port: int = setting(8080, "the port to listen on", least=0, most=65535)
    from_topic: str = setting("", "topics of CloudEvents to read as well, such as a KafkaSink's: NAME[,NAME…]")
    record_format: str = setting(
        "batch",
        "what a record of `inferences` holds: a batch of events, or one CloudEvent in Kafka's binary mode",
        choices=("batch", "cloudevents"),
    )
    max_event_bytes: int = setting(900_000, "the largest event accepted; larger ones are answered 413", least=1)
    max_body_bytes: int = setting(4 * 2**20, "the largest body of a structured event or a batch of events", least=1)
    max_header_bytes: int = setting(65_536, "the largest head of a request; larger ones are answered 431", least=1024)
    max_connections: int = setting(
        1024, "connections at once; one more takes the place of a silent one, or is closed", least=1
    )
    max_held_events: int = setting(50_000, "events waiting for Kafka, in all; beyond it the answer is 503", least=1)
    max_held_bytes: int = setting(
        32 * 2**20, "bytes being read or waiting for Kafka, in all; beyond it the answer is 503", least=1
    )
    max_held_seconds: float = setting(10.0, "how long an event waits for Kafka before the answer is 503", least=0.1)
    max_linger_seconds: float = setting(
        0.003, "the longest wait for more events while they come fast; 0 switches it off", least=0, most=1
    )
    read_seconds: float = setting(10.0, "how long a client may take to send a request", least=0.1)
    idle_seconds: float = setting(75.0, "how long a connection may be silent between requests", least=0.1)
    grace_seconds: float = setting(20.0, "how long SIGTERM waits for what was accepted", least=0)
    namespaces: str = setting("", "the namespaces whose events are accepted, NAME[,NAME…]; empty means all")
    token: str = setting("", "the bearer token that clients must send; better given as a variable", secret=True)
    oidc_audience: str = setting("", "the audience that Knative's OIDC tokens must have; empty means no check")
    oidc_issuer: str = setting(
        "https://kubernetes.default.svc", "the issuer of those tokens, where its keys are found as well"
    )
    oidc_ca_file: str = setting(
        "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", "PEM file of the authorities trusted for the issuer"
    )
    oidc_subject: str = setting("", "the subjects whose tokens are accepted, NAME[,NAME…]; empty means all")
    tls_certificate_file: str = setting("", "PEM file of the certificate to serve TLS with; read again when it changes")
    tls_key_file: str = setting("", "PEM file of that certificate's key")


@dataclass(frozen=True, kw_only=True)
class WorkerSettings(Measured):
    """`nilometer worker`."""

    monitors: str = setting("monitors", "the directory of monitor files (*.yaml)")
    reload_seconds: float = setting(5.0, "how often monitor files are checked for changes; 0 means never", least=0)
    snapshot_seconds: float = setting(1.0, "the longest time between snapshots while rows arrive", least=0)
    future_seconds: float = setting(300.0, "how far an event's time may be after its arrival in Kafka", least=0)
    pairing_seconds: float = setting(
        60.0, "how long a request waits for its response, and a response for its request", least=0.1
    )
    max_pending: int = setting(10_000, "requests and responses of a stream that wait for the other", least=1)
    max_pending_in_partition: int = setting(
        20_000, "requests and responses of all streams of a partition that wait for the other", least=1
    )
    max_duplicates: int = setting(
        262_144, "the last events of a partition among which duplicates are recognised", least=8
    )
    max_event_rows: int = setting(
        100_000, "the most rows of one request or response; one with more is set aside", least=1
    )
    max_event_cells: int = setting(
        500_000,
        "the most values of one request or response, texts counted four times; also how many are decoded at a time",
        least=1,
    )
    max_finding_bytes: int = setting(
        8 * 2**20, "the largest finding; larger ones are shortened, as for a topic that takes less", least=16_384
    )
    idle_stream_seconds: float = setting(
        3600.0,
        "after how long without an event a stream of which nothing is open leaves memory, all but its clock",
        least=1,
    )
    max_streams: int = setting(
        5_000, "streams of a partition that a monitor watches at a time; the events of others are set aside", least=1
    )
    max_window_bytes: int = setting(
        48 * 2**20,
        "bytes that a partition's open windows may take; events that need more are set aside, but each monitor may have 4",
        least=1,
    )
    max_dormant_bytes: int = setting(
        8 * 2**20,
        "bytes kept of a partition's streams that have left memory, some 400 each; the oldest go first",
        least=0,
    )
    session_seconds: float = setting(10.0, "after how long without a heartbeat another worker takes over", least=1)
    metrics_host: str = setting("127.0.0.1", "the address that /metrics and probes listen on; 0.0.0.0 in a container")
    metrics_port: int = setting(8090, _METRICS_PORT, least=-1, most=65535)


@dataclass(frozen=True, kw_only=True)
class DeliverySettings(Topics):
    """`nilometer delivery`."""

    sink: str = setting("", "the URL that findings are POSTed to", env="K_SINK")
    ce_overrides: str = setting(
        "", "extensions put on every event, as Knative's SinkBinding writes them", env="K_CE_OVERRIDES"
    )
    attempt_seconds: float = setting(10.0, "how long one POST may take", least=0.1)
    retry_seconds: float = setting(30.0, "the longest pause between two attempts; the first pause is 0.2 s", least=0.2)
    metrics_host: str = same_as(WorkerSettings, "metrics_host")
    metrics_port: int = setting(8091, _METRICS_PORT, least=-1, most=65535)


@dataclass(frozen=True, kw_only=True)
class EventsSettings(Common):
    """`nilometer events`."""

    output: str = setting("text", "how events are printed", choices=("text", "json"))


@dataclass(frozen=True, kw_only=True)
class RedriveSettings(Common):
    """`nilometer redrive`."""

    reason: str = setting("", "only dead letters whose reason contains this text, in any case; empty means all")
    limit: int = setting(0, "the most dead letters sent; 0 means all", least=0)


@dataclass(frozen=True, kw_only=True)
class ReplaySettings(Common):
    """`nilometer replay`: the bounds are the worker's, so that the same log gives the same."""

    log_level: str = setting("error", "the lowest level that is logged", choices=("debug", "info", "warning", "error"))
    output: str = setting("text", "how findings are printed", choices=("text", "json"))
    future_seconds: float = same_as(WorkerSettings, "future_seconds")
    pairing_seconds: float = same_as(WorkerSettings, "pairing_seconds")
    max_pending: int = same_as(WorkerSettings, "max_pending")
    max_pending_in_partition: int = same_as(WorkerSettings, "max_pending_in_partition")
    max_duplicates: int = same_as(WorkerSettings, "max_duplicates")
    max_event_rows: int = same_as(WorkerSettings, "max_event_rows")
    max_event_cells: int = same_as(WorkerSettings, "max_event_cells")
    max_window_bytes: int = same_as(WorkerSettings, "max_window_bytes")
    idle_stream_seconds: float = same_as(WorkerSettings, "idle_stream_seconds")
    max_streams: int = same_as(WorkerSettings, "max_streams")
    max_dormant_bytes: int = same_as(WorkerSettings, "max_dormant_bytes")


def declared(settings: type[Common]) -> list[Field[Any]]:
    """Returns the fields of a settings class that are settings, in the order of their declaration."""
    return [item for item in fields(settings) if "text" in item.metadata and item.default is not MISSING]


def names(text: str) -> list[str]:
    """Returns the names of a setting that takes several, NAME[,NAME…]."""
    return [name.strip() for name in text.split(",") if name.strip()]


def flag(item: Field[Any]) -> str:
    """Returns a setting's flag, such as ``--topic-prefix``."""
    return "--" + item.name.replace("_", "-")


def variables(item: Field[Any]) -> list[str]:
    """Returns the environment variables of a setting, the first found wins."""
    other = item.metadata["env"]
    return [PREFIX + item.name.upper(), *([other] if other else [])]
