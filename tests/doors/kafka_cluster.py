"""A Kafka cluster for tests: librdkafka's own mock, out of the library that the client brings, in this process.

It speaks the protocol on a port of this machine, so consumers in other processes are real ones: groups, rebalances, offsets
and session timeouts are its own. Reached with ctypes, because the Python client shows no way to give a topic its partitions
or to take away the three seconds that a new group waits.
"""

from __future__ import annotations

import ctypes
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, Producer, TopicPartition

STRUCTURED = "application/cloudevents+json; charset=UTF-8"
FAST = {"session.timeout.ms": 1_000, "heartbeat.interval.ms": 200, "fetch.wait.max.ms": 50}
SECONDS_MAX = 40.0


def _library() -> ctypes.CDLL:
    folder = Path(confluent_kafka.__file__).parent
    places = (folder.parent / "confluent_kafka.libs", folder / ".dylibs")  # Linux, macOS
    (path,) = [found for place in places for found in place.glob("librdkafka*")]
    library = ctypes.CDLL(str(path))
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, words in (
        ("rd_kafka_new", pointer, [ctypes.c_int, pointer, pointer, ctypes.c_size_t]),
        ("rd_kafka_destroy", None, [pointer]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, ctypes.c_int]),
        ("rd_kafka_mock_cluster_destroy", None, [pointer]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, [pointer, ctypes.c_int32]),
        ("rd_kafka_mock_topic_create", ctypes.c_int, [pointer, text, ctypes.c_int, ctypes.c_int]),
        ("rd_kafka_mock_topic_set_error", None, [pointer, text, ctypes.c_int]),
        ("rd_kafka_mock_broker_set_down", ctypes.c_int, [pointer, ctypes.c_int32]),
        ("rd_kafka_mock_broker_set_up", ctypes.c_int, [pointer, ctypes.c_int32]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, words
    return library


class Cluster:
    """One broker. `produce` waits until it has the messages."""

    def __init__(self) -> None:
        self._library = _library()
        self._client = self._library.rd_kafka_new(0, None, None, 0)
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self.brokers = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self._producer = Producer({"bootstrap.servers": self.brokers, "log_level": 0})

    def close(self) -> None:
        self._producer.flush(5)
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)

    def topic(self, name: str, partitions: int = 2) -> str:
        assert self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1) == 0
        return name

    def refuse(self, topic: str, error: int) -> None:
        self._library.rd_kafka_mock_topic_set_error(self._cluster, topic.encode(), error)

    def down(self) -> None:
        self._library.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def up(self) -> None:
        self._library.rd_kafka_mock_broker_set_up(self._cluster, 1)

    def produce(
        self, topic: str, value: bytes | None, headers: Sequence[tuple[str, Any]] = (), *, partition: int = 0
    ) -> None:
        self._producer.produce(topic, value, partition=partition, headers=list(headers))
        assert self._producer.flush(10) == 0

    def send(self, topic: str, events: Sequence[dict[str, Any]], *, partitions: int = 2) -> None:
        """Events in structured mode, dealt to the partitions in turn."""
        for number, event in enumerate(events):
            data = json.dumps(event).encode()
            self._producer.produce(
                topic, data, partition=number % partitions, headers=[("content-type", STRUCTURED)]
            )
        assert self._producer.flush(10) == 0

    def committed(self, topic: str, group: str, *, partitions: int = 2) -> list[int]:
        """The committed offset of each partition; negative where there is none."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": group, "log_level": 0})
        asked = [TopicPartition(topic, partition) for partition in range(partitions)]
        try:
            return [place.offset for place in consumer.committed(asked, timeout=10)]
        finally:
            consumer.close()


def within(seconds: float = SECONDS_MAX) -> Iterator[None]:
    """Turns until the time is up; a test that gets so far has failed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")
