"""Live events out of Kafka topics: kept in the spool first, then committed, so that nothing is lost and nothing repeated.

Covered: bounded batches; offsets committed by hand once their events are on disk (at least once; told again, an event is
known by source and id); waiting, and never skipping, while the store takes nothing; partitions that come and go; messages no
event can be read from, set aside sealed and told by partition and offset. Not covered: what Kafka deleted before it was read;
transactions across topics; a schema registry.

Why this holds. An offset is committed only when everything before it is in the spool. A partition that goes to another
consumer takes nothing with it: what of it was gathered and not kept yet is dropped here and read there. While the store takes
nothing, partitions are paused and set back to the first message not kept, and the client goes on polling, so that its group
does not take it for dead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from sqlalchemy.exc import SQLAlchemyError

from witting.doors.cloud_events import Wrong, understood
from witting.doors.fault import log_fault
from witting.doors.kafka.binding import Headers, event_in, message_bytes
from witting.errors import BrokerRefused, StoreError
from witting.store.spool import Bad, Event, Spool, Taken

MESSAGES_MAX = 1_000  # in one batch
BATCH_BYTES_MAX = 4 << 20  # or one message, where it alone is larger
POLL_SECONDS = 0.5  # how long a stop may have to wait for an idle topic
WAIT_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)  # between tries while the store takes nothing
TELL_AGAIN_SECONDS = 60.0  # one kind of trouble with the brokers
REFUSALS = (
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)
Place = tuple[str, int]  # topic and partition


@dataclass
class Counts:
    """Of messages kept; messages = new + known + erased + ignored + quarantined."""

    messages: int = 0
    new: int = 0
    known: int = 0  # taken before, by source and id
    erased: int = 0  # about somebody who was erased: not kept
    ignored: int = 0  # of types that are none of ours
    quarantined: int = 0  # no event could be read from them: kept sealed

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass
class _Read:
    """What a batch of messages says."""

    events: list[Event] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    told: list[str] = field(default_factory=list)  # about those that are bad: place and field, never a value
    ignored: int = 0


class Stream:
    """One consumer of a group. Holds the messages that were polled and not kept yet, and how far others were kept and not
    committed yet."""

    def __init__(
        self,
        connect: Callable[[Callable[[KafkaError], None]], Consumer],
        spool: Spool,
        *,
        text_chars_max: int,
        now: Callable[[], datetime],
        tell: Callable[[str], None],
        progress: Callable[[str], None],
    ) -> None:
        """`connect` makes the client, given whom to tell of its errors. `tell` hears of trouble and of bad messages,
        `progress` of partitions that come and go."""
        self.counts = Counts()
        self._spool, self._text_chars_max, self._now, self._tell = spool, text_chars_max, now, tell
        self._progress = progress
        self._batch: list[Message] = []
        self._kept: dict[Place, int] = {}  # offset after the last kept message
        self._failures = 0  # of the store, one after the other
        self._told: dict[int, float] = {}
        self._refusal: KafkaError | None = None
        self._consumer = connect(self._hear)

    def run(self, topics: Sequence[str], *, stopped: Callable[[], bool]) -> Counts:
        """Until `stopped`: then leaves the group. Raises BrokerRefused."""
        self._consumer.subscribe(
            list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )
        try:
            while not stopped():
                self._gather()
                self._keep(stopped)
                self._commit()
        finally:
            self._consumer.close()
        return self.counts

    # -- reading ---------------------------------------------------------------------------------------------------

    def _gather(self) -> None:
        """Polls until there is nothing at hand or the batch is full."""
        size, patience = 0, POLL_SECONDS
        while len(self._batch) < MESSAGES_MAX and size < BATCH_BYTES_MAX:
            message = self._poll(patience)
            if message is None:
                return
            self._batch.append(message)
            size, patience = size + len(message.value() or b""), 0.0

    def _poll(self, seconds: float) -> Message | None:
        """The next message that is one. Raises BrokerRefused."""
        message = self._consumer.poll(seconds)
        error = None if message is None else message.error()
        if error is not None:
            self._hear(error)
        if self._refusal is not None:
            raise BrokerRefused(
                f"Kafka refused this consumer ({self._refusal.name()}): {self._refusal.str()}. Nothing was skipped."
            )
        return None if error is not None else message

    def _keep(self, stopped: Callable[[], bool]) -> None:
        """Into the spool; waits where the store does not take it."""
        if not self._batch:
            return
        now = self._now()
        read = self._read(now)
        try:
            taken = self._spool.take(read.events, now=now)
            if read.bad:
                self._spool.set_aside(read.bad, now=now)
        except (StoreError, SQLAlchemyError) as error:
            self._wait(error, stopped)
            return
        self._failures = 0
        for line in read.told:
            self._tell(line)
        self._count(taken, read)
        for message in self._batch:
            topic, partition, offset = _place(message)
            self._kept[topic, partition] = offset + 1  # a partition's messages come in order
        self._batch.clear()

    def _count(self, taken: Taken, read: _Read) -> None:
        self.counts.messages += len(self._batch)
        self.counts.new += taken.new
        self.counts.known += taken.known
        self.counts.erased += taken.erased
        self.counts.ignored += read.ignored
        self.counts.quarantined += len(read.bad)

    def _read(self, now: datetime) -> _Read:
        read = _Read()
        for message in self._batch:
            headers, value = _headers(message), message.value()
            try:
                event = understood(event_in(headers, value), now=now, text_chars_max=self._text_chars_max)
            except Exception as error:  # a door: one message, whatever it holds, stops no stream
                wrong = error if isinstance(error, Wrong) else _fault(error)
                topic, partition, offset = _place(message)
                place = (topic, str(partition), str(offset))
                read.bad.append(Bad(place, wrong.reason, message_bytes(headers, value)))
                why = f"{wrong.field or 'the value'} {wrong.why}"
                read.told.append(f"{topic}[{partition}] at {offset}: {why}. Kept sealed ({wrong.reason}).")
                continue
            read.ignored += event is None
            read.events += [] if event is None else [event]
        return read

    def _commit(self) -> None:
        """How far each partition is kept. What the broker does not take now (while a group changes), it is told again."""
        if not self._kept:
            return
        offsets = [TopicPartition(topic, partition, end) for (topic, partition), end in self._kept.items()]
        try:
            done = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            self._hear(error.args[0])
            return
        for place in done or ():
            if place.error is None:
                self._kept.pop((place.topic, place.partition), None)
            else:
                self._hear(place.error)

    # -- waiting ---------------------------------------------------------------------------------------------------

    def _wait(self, error: Exception, stopped: Callable[[], bool]) -> None:
        """Sets the partitions back to what was not kept, and polls without reading on until it is time to try again."""
        seconds = WAIT_SECONDS[min(self._failures, len(WAIT_SECONDS) - 1)]
        self._failures += 1
        said = (
            str(error) if isinstance(error, StoreError) else f"the database failed ({type(error).__name__})."
        )
        self._tell(f"{said} Nothing is skipped; trying again in {seconds:g} s.")
        self._put_back(self._batch)
        self._batch.clear()
        until = time.monotonic() + seconds
        while not stopped() and (left := until - time.monotonic()) > 0:
            message = self._poll(min(left, POLL_SECONDS))
            if message is not None:  # of a partition that came meanwhile
                self._put_back([message])
        self._consumer.resume(self._consumer.assignment())

    def _put_back(self, messages: Iterable[Message]) -> None:
        firsts: dict[Place, int] = {}
        for message in messages:
            topic, partition, offset = _place(message)
            firsts[topic, partition] = min(offset, firsts.get((topic, partition), offset))
        self._consumer.pause(self._consumer.assignment())
        for (topic, partition), first in firsts.items():
            self._consumer.seek(TopicPartition(topic, partition, first))

    # -- the group -------------------------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, places: Sequence[TopicPartition]) -> None:
        if places:
            self._progress(f"reading {_shown(places)}")

    def _on_revoke(self, consumer: Consumer, places: Sequence[TopicPartition]) -> None:
        """Called while polling. What was gathered of these partitions is another consumer's to read; what of it was kept and
        not committed is known there."""
        gone = {(place.topic, place.partition) for place in places}
        self._batch = [message for message in self._batch if _place(message)[:2] not in gone]
        self._kept = {place: end for place, end in self._kept.items() if place not in gone}
        if places:
            self._progress(f"no longer reading {_shown(places)}")

    def _hear(self, error: KafkaError) -> None:
        """Called by the client, too. What only an operator can change ends the stream; all else, the client tries again."""
        if error.fatal() or error.code() in REFUSALS:
            self._refusal = error
            return
        at = time.monotonic()
        if at - self._told.get(error.code(), -TELL_AGAIN_SECONDS) >= TELL_AGAIN_SECONDS:
            self._told[error.code()] = at
            self._tell(f"Kafka: {error.str()} ({error.name()}). Trying on.")


def _fault(error: Exception) -> Wrong:
    return Wrong(
        "it", f"could not be read for a fault of ours ({type(error).__name__}, fault {log_fault(error)})"
    )


def _place(message: Message) -> tuple[str, int, int]:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None  # noqa: PT018 - a message that is no error
    return topic, partition, offset


def _headers(message: Message) -> Headers:
    return [(name, _bytes(value)) for name, value in message.headers() or ()]


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _shown(places: Sequence[TopicPartition]) -> str:
    return ", ".join(f"{place.topic}[{place.partition}]" for place in places)
