"""How the Kafka client is set up: properties from a file only its owner can read, or from the environment.

Covered: what an operator may set (brokers' security above all), what is ours to set, and plain sentences for what the client
does not take. Not covered: what each property means (librdkafka's CONFIGURATION.md). No value is ever repeated: any may be
a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException

from witting.doors.secret_file import read_secret_file
from witting.errors import ConfigError

ENVIRONMENT = "WITTING_KAFKA_"
DOCUMENTED = "https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md"
OURS = {  # what "nothing is lost" rests on
    "enable.auto.commit": False,  # committed when it is in the spool, not before
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",  # a group that is new, or was away too long, begins with what is there
    "enable.partition.eof": False,
}
NAMED = ("bootstrap.servers", "group.id")  # options of the command
CALLABLE = ("logger", "on_commit")
UNLESS_SET = {
    "client.id": "witting",
    "partition.assignment.strategy": "cooperative-sticky",  # others read on while one comes or goes
    "queued.max.messages.kbytes": 16_384,  # bounds memory; librdkafka's own is 64 MiB
    "log_level": 2,  # the client's own lines; we tell its errors ourselves
}
_NAME = re.compile(r"[a-z][a-z0-9._]{0,79}")
_NAMED = re.compile(r'property:? "([a-z0-9._]+)"')


def read_properties(environment: Mapping[str, str], file: Path | None) -> dict[str, str]:
    """`name=value` a line of the file, then WITTING_KAFKA_SASL_PASSWORD as `sasl.password`, which stands over the file.
    Raises ConfigError."""
    found = {} if file is None else _in_file(file)
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT):
            found[name.removeprefix(ENVIRONMENT).lower().replace("_", ".")] = value
    for name in found:
        if name.endswith("_cb") or name in CALLABLE:
            raise ConfigError(f"the Kafka property {name} takes a function of a program; take it out.")
        if name in OURS:
            raise ConfigError(f"the Kafka property {name} is not yours to set: nothing lost rests on it.")
        if name in NAMED:
            raise ConfigError(f"the Kafka property {name} has an option of its own; take it out.")
    return found


def _in_file(file: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(read_secret_file(file).splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not _NAME.fullmatch(name):
            raise ConfigError(f"{file}, line {number}: write a property as name=value, or # and a comment.")
        if name in found:
            raise ConfigError(f"{file}, line {number}: {name} stands twice.")
        found[name] = value
    return found


def connect(
    properties: Mapping[str, str], *, brokers: str, group: str, on_error: Callable[[KafkaError], None]
) -> Consumer:
    """The client; it looks for its brokers later. Raises ConfigError for what it does not take."""
    settings: dict[str, Any] = {**UNLESS_SET, **properties, **OURS}  # Any: as the client takes them
    settings |= {"bootstrap.servers": brokers, "group.id": group, "error_cb": on_error}
    try:
        return Consumer(settings)
    except (KafkaException, TypeError, ValueError) as error:
        raise ConfigError(_sentence(error)) from None


def _sentence(error: Exception) -> str:
    said = error.args[0].str() if isinstance(error, KafkaException) else ""
    named = _NAMED.search(said)
    if named is not None:
        return f"the Kafka client does not take the property {named[1]}, or its value; those it knows: {DOCUMENTED}"
    plain = re.sub(r'"[^"]*"', '"…"', said)[:300]
    return f"the Kafka client does not take its properties{f' ({plain})' if plain else ''}; see {DOCUMENTED}"
