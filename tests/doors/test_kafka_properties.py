"""How the Kafka client is set up: from a private file or the environment, never repeating a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from witting.doors.kafka.properties import NAMED, OURS, connect, read_properties
from witting.errors import ConfigError

SECRET = "correct-horse-9912"


def written(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "kafka.properties"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def test_the_environment_stands_over_the_file(tmp_path: Path) -> None:
    file = written(
        tmp_path, f"# ours\n\nsecurity.protocol = SASL_SSL\nsasl.password={SECRET}=#\nsasl.username=a b\n"
    )
    environment = {"WITTING_KAFKA_SASL_USERNAME": "c", "WITTING_API_KEYS": "x", "KAFKA_X": "y"}
    assert read_properties(environment, file) == {
        "security.protocol": "SASL_SSL",
        "sasl.password": f"{SECRET}=#",
        "sasl.username": "c",
    }
    assert read_properties({}, None) == {}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        read_properties({}, written(tmp_path, "a=b", mode))


@pytest.mark.parametrize(
    "line", [SECRET, f"=={SECRET}", f"SASL {SECRET}=x", f"sasl.password={SECRET}\nsasl.password=x"]
)
def test_a_line_that_is_no_property_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=r"kafka\.properties, line \d: ") as refused:
        read_properties({}, written(tmp_path, line))
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", [*OURS, *NAMED, "error_cb", "logger"])
def test_what_nothing_lost_rests_on_cannot_be_set(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        read_properties({}, written(tmp_path, f"{name}=true"))
    if "_" in name:
        return
    with pytest.raises(ConfigError, match=name):
        read_properties({f"WITTING_KAFKA_{name.upper().replace('.', '_')}": "true"}, None)


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"sasl.password.of": SECRET}, "sasl.password.of"),
        ({"sasl.jaas.config": SECRET}, "JAAS"),
        ({"session.timeout.ms": SECRET}, "session.timeout.ms"),
        ({"security.protocol": SECRET}, "security.protocol"),
        ({"ssl.ca.pem": SECRET, "security.protocol": "ssl"}, "PEM"),
        ({"security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN"}, "sasl.username"),
    ],
)
def test_what_the_client_does_not_take_is_named_and_never_repeated(
    properties: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        connect(properties, brokers="127.0.0.1:1", group="g", on_error=lambda _: None).close()
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
