"""Settings are declared once: field, flag and environment variable are one thing."""

from dataclasses import MISSING, FrozenInstanceError, fields

import pytest
from click.testing import CliRunner

from nilometer_detectors.cli._main import nilometer
from nilometer_logger.settings import (
    Common,
    DeliverySettings,
    EventsSettings,
    LoggerSettings,
    WorkerSettings,
    declared,
    flag,
    variables,
)

COMMANDS = [LoggerSettings, WorkerSettings, DeliverySettings, EventsSettings]


@pytest.mark.parametrize("settings", COMMANDS)
def test_every_field_is_a_setting_with_a_text_and_a_default(settings: type[Common]) -> None:
    """Nothing can be set that --help and the README do not tell of, and nothing has to be set."""
    assert declared(settings) == list(fields(settings))
    for item in declared(settings):
        assert item.metadata["text"]
        assert item.default is not MISSING
        assert type(item.default) in (str, int, float)


@pytest.mark.parametrize("settings", COMMANDS)
def test_a_default_is_one_of_the_choices(settings: type[Common]) -> None:
    """Where a setting has choices, its default is among them."""
    for item in declared(settings):
        assert not item.metadata["choices"] or item.default in item.metadata["choices"]


def test_a_setting_means_the_same_everywhere() -> None:
    """A name that several commands take has one text, and one default but where both must not listen on one port."""
    texts: dict[str, set[str]] = {}
    defaults: dict[str, set[object]] = {}
    for settings in COMMANDS:
        for item in declared(settings):
            texts.setdefault(item.name, set()).add(item.metadata["text"])
            defaults.setdefault(item.name, set()).add(item.default)

    assert {name for name, found in texts.items() if len(found) > 1} == set()
    assert {name for name, found in defaults.items() if len(found) > 1} == {"metrics_port"}


def test_a_flag_and_a_variable_are_made_from_the_name() -> None:
    """`topic_prefix` is --topic-prefix and NILOMETER_TOPIC_PREFIX."""
    [item] = [item for item in declared(Common) if item.name == "topic_prefix"]

    assert flag(item) == "--topic-prefix"
    assert variables(item) == ["NILOMETER_TOPIC_PREFIX"]


def test_what_knative_injects_is_read_where_nothing_of_ours_is_set() -> None:
    """A SinkBinding's K_SINK and K_CE_OVERRIDES come after our own variables."""
    found = {item.name: variables(item) for item in declared(DeliverySettings)}

    assert found["sink"] == ["NILOMETER_SINK", "K_SINK"]
    assert found["ce_overrides"] == ["NILOMETER_CE_OVERRIDES", "K_CE_OVERRIDES"]


def test_the_promised_settings_are_there() -> None:
    """The names that manifests and users rely on, with the loopback address as the default."""
    assert LoggerSettings().host == "127.0.0.1"
    assert {item.name for item in declared(LoggerSettings)} >= {"kafka", "host", "port", "log_format", "topic_prefix"}
    assert {item.name for item in declared(WorkerSettings)} >= {"kafka", "monitors", "log_format", "topic_prefix"}


def test_the_processes_run_beside_each_other() -> None:
    """Started as they are on one machine, none takes another's port, and nobody else can ask worker or delivery."""
    assert len({LoggerSettings().port, WorkerSettings().metrics_port, DeliverySettings().metrics_port}) == 3
    assert WorkerSettings().metrics_host == DeliverySettings().metrics_host == "127.0.0.1"


def test_settings_do_not_change() -> None:
    """What a process was started with stays."""
    with pytest.raises(FrozenInstanceError):
        LoggerSettings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["logger", "--port", "99999"], "99999 is not in the range 0<=x<=65535"),
        (["logger", "--partitions", "0"], "0 is not in the range x>=1"),
        (["worker", "--session-seconds", "0"], "0.0 is not in the range x>=1"),
        (["worker", "--metrics-port", "-2"], "-2 is not in the range -1<=x<=65535"),
        (["worker", "--max-pending", "0"], "0 is not in the range x>=1"),
        (["events", "--output", "xml"], "'xml' is not one of 'text', 'json'"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(arguments: list[str], told: str) -> None:
    """A flag out of its range is one clear line and exit code 2, before anything is started."""
    result = CliRunner().invoke(nilometer, arguments)
    assert result.exit_code == 2
    assert told in result.output


@pytest.mark.parametrize("command", ["logger", "worker", "delivery", "events"])
def test_help_tells_no_secret(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The help names the variables of secrets, and shows none of their values."""
    secrets = [item for settings in COMMANDS for item in declared(settings) if item.metadata["secret"]]
    for item in secrets:
        for name in variables(item):
            monkeypatch.setenv(name, "correct horse")

    result = CliRunner().invoke(nilometer, [command, "--help"])

    assert result.exit_code == 0
    assert "NILOMETER_KAFKA_PASSWORD" in result.output
    assert "correct horse" not in result.output


@pytest.mark.parametrize("settings", COMMANDS)
def test_settings_print_no_secret(settings: type[Common]) -> None:
    """Settings that get into a log line or a traceback give nothing away; what is no secret stands there."""
    secrets = {item.name: "correct horse" for item in declared(settings) if item.metadata["secret"]}
    assert "kafka_password" in secrets

    shown = repr(settings(**secrets, kafka="there:9092"))

    assert "there:9092" in shown
    assert "correct horse" not in shown


def test_the_password_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Secret becomes a variable, a variable becomes the setting; nothing that is logged about it has its value."""
    monkeypatch.setenv("NILOMETER_KAFKA_PASSWORD", "correct horse\n")
    monkeypatch.setenv("NILOMETER_KAFKA_USERNAME", "alice")
    monkeypatch.setenv("NILOMETER_KAFKA_SECURITY", "SASL_SSL")

    result = CliRunner().invoke(nilometer, ["events"])

    assert "--kafka-password has a line break at its end" in str(result.exception)
    assert "correct horse" not in f"{result.output}{result.exception}"
