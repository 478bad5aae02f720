"""Live events over Kafka: kept before they are committed, each once, in any order; waiting and never skipping."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError
from sqlalchemy.exc import OperationalError

from doors.conftest import NOW, event, make_workspace, walk_on
from doors.kafka_cluster import FAST, SECONDS_MAX, STRUCTURED, Cluster, within
from doors.test_walk_hears_events import STREAM, outcome, said
from witting.doors.cli import main
from witting.doors.cli.consume import _own_group
from witting.doors.kafka import consumer as consuming
from witting.doors.kafka.consumer import Counts, Stream
from witting.doors.kafka.properties import connect
from witting.errors import BrokerRefused, StoreError
from witting.store.parts import read_part
from witting.store.spool import Spool
from witting.workspace import Workspace

CANARY = "ptarmigan-kettle-9035"
GROUP = "witting-tests"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    found = Cluster()
    yield found
    found.close()


@pytest.fixture
def topic(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    return cluster.topic(f"t{abs(hash(request.node.name))}")


def stream_of(cluster: Cluster, workspace: Workspace, tell: Callable[[str], None] = lambda _: None) -> Stream:
    fast = {name: str(value) for name, value in FAST.items()}
    return Stream(
        lambda hear: connect(fast, brokers=cluster.brokers, group=GROUP, on_error=hear),
        workspace.spool,
        text_chars_max=workspace.settings.intake.text_chars_max,
        now=lambda: NOW,
        tell=tell,
        progress=tell,
    )


def consume(stream: Stream, topic: str, messages: int) -> Counts:
    """Until so many were kept and committed."""
    until = time.monotonic() + SECONDS_MAX
    counts = stream.run(
        [topic], stopped=lambda: stream.counts.messages >= messages or time.monotonic() > until
    )
    assert counts.messages >= messages, counts
    return counts


def waiting(workspace: Workspace) -> list[str]:
    """The ids of the events that a walk would read now."""
    batch = workspace.spool.claim(until=NOW, events_max=10_000, bytes_max=1 << 24)
    return [] if batch is None else sorted(json.loads(data or b"null")["id"] for data in batch.events)


def test_however_it_is_dealt_ordered_and_repeated_it_is_as_one_file(
    cluster: Cluster, topic: str, workspace: Workspace, tmp_path: Path
) -> None:
    stream = random.Random(1).sample(
        [*STREAM, *STREAM, event("foreign", "com.example.opened")], 2 * len(STREAM) + 1
    )
    cluster.send(topic, stream)
    counts = consume(stream_of(cluster, workspace), topic, len(stream))
    whole = len(STREAM)
    assert counts == Counts(messages=2 * whole + 1, new=whole, known=whole, ignored=1)
    assert sum(cluster.committed(topic, GROUP)) == len(stream)
    row = walk_on(workspace, until="intake").rooms["intake"]["funnel"]
    file = make_workspace(tmp_path / "file")
    (file.root / "inbox" / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in STREAM))
    walk_on(file, until="intake")
    assert said(workspace) == said(file)
    assert [len(ids) for ids in outcome(workspace)] == [3, 1, 4]
    assert (row["read"], row["kept"]) == (8, 3)


def test_a_withdrawal_that_comes_before_its_turn_still_wins(
    cluster: Cluster, topic: str, plain: Workspace
) -> None:
    cluster.send(topic, [event("w", "consent.withdrawn", subject="app:ben", time="whenever")])
    consume(stream_of(cluster, plain), topic, 1)
    walk_on(plain, until="rights")
    consent = event(
        "late",
        "consent.granted",
        subject="app:ben",
        time="2026-11-01T08:00:00+00:00",
        purpose="fine_tune_own_model",
    )
    cluster.send(topic, [event("3", subject="app:ben", time="2026-11-01T09:00:00+00:00"), consent])
    consume(stream_of(cluster, plain), topic, 2)
    result = walk_on(plain, until="rights")
    assert result.rooms["rights"]["funnel"]["reasons"] == {"withdrawn": 1}


def test_bad_messages_stop_nothing_and_are_kept_sealed_and_told_by_place_alone(
    cluster: Cluster, topic: str, plain: Workspace
) -> None:
    structured = [("content-type", STRUCTURED)]
    cluster.send(topic, [event("1"), event("2")])
    cluster.produce(topic, CANARY.encode(), structured)
    cluster.produce(topic, json.dumps(event("x", role=CANARY)).encode(), structured, partition=1)
    cluster.produce(
        topic, json.dumps([event("y")]).encode(), [("content-type", "application/cloudevents-batch+json")]
    )
    cluster.produce(topic, None, partition=1)
    cluster.send(topic, [event("3"), event("4")])
    told: list[str] = []
    counts = consume(stream_of(cluster, plain, told.append), topic, 8)
    assert counts == Counts(messages=8, new=4, quarantined=4)
    places = sorted(line.split(": ")[0].removeprefix(topic) for line in told if "Kept sealed" in line)
    assert places == ["[0] at 1", "[0] at 2", "[1] at 1", "[1] at 2"]
    assert CANARY not in "".join(told)
    assert any("data.role must be one of" in line and "(unknown_role)" in line for line in told)
    assert waiting(plain) == ["1", "2", "3", "4"]
    row = walk_on(plain, until="intake").rooms["intake"]["funnel"]
    assert (row["read"], row["kept"], row["quarantined"]) == (8, 4, 4)
    current = plain.snapshots.current("intake/quarantine")
    assert current is not None
    kept = [row for part in current.parts for row in read_part(plain.objects, part).to_pylist()]
    opened = plain.keys.open_quarantined([r["quarantine_id"] for r in kept], [r["sealed"] for r in kept])
    assert sum(CANARY.encode() in message for message in opened) == 2
    files = [path for path in plain.root.rglob("*") if path.is_file()]
    assert [path.name for path in files if CANARY.encode() in path.read_bytes()] == []


def test_a_fault_of_ours_with_one_message_stops_no_stream(
    cluster: Cluster,
    topic: str,
    plain: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = consuming.understood

    def faulty(value: Any, **named: Any) -> Any:
        if value["id"] == "2":
            raise RuntimeError(CANARY)
        return real(value, **named)

    monkeypatch.setattr(consuming, "understood", faulty)
    told: list[str] = []
    cluster.send(topic, [event(str(n)) for n in range(4)])
    counts = consume(stream_of(cluster, plain, told.append), topic, 4)
    assert (counts.new, counts.quarantined) == (3, 1)
    assert CANARY not in "".join(told) + capsys.readouterr().err


@pytest.mark.parametrize("failing", ["take", "set_aside"])
def test_while_the_store_takes_nothing_it_waits_and_skips_nothing(
    cluster: Cluster, topic: str, plain: Workspace, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    monkeypatch.setattr(consuming, "WAIT_SECONDS", (0.1, 0.2))
    real, left, seen = getattr(Spool, failing), [3], []

    def full(self: Spool, *words: Any, **named: Any) -> Any:
        if left[0]:
            left[0] -= 1
            seen.append(cluster.committed(topic, GROUP))
            raise (
                StoreError("5,000,000 live events wait already.")
                if left[0]
                else OperationalError("", {}, Exception(CANARY))
            )
        return real(self, *words, **named)

    monkeypatch.setattr(Spool, failing, full)
    cluster.send(topic, [event(f"{n:02}") for n in range(20)])
    cluster.produce(topic, b"not JSON", [("content-type", STRUCTURED)])
    told: list[str] = []
    counts = consume(stream_of(cluster, plain, told.append), topic, 21)
    assert (counts.new + counts.known, counts.quarantined) == (20, 1)
    assert waiting(plain) == [f"{n:02}" for n in range(20)]
    # nothing is committed before it is kept: the bad message is the eleventh of its partition
    assert all(offsets[0] <= 10 if failing == "set_aside" else max(offsets) < 0 for offsets in seen)
    assert sum(cluster.committed(topic, GROUP)) == 21
    assert sum("Nothing is skipped" in line for line in told) == 3
    assert sum("Kept sealed" in line for line in told) == 1
    assert CANARY not in "".join(told)


def test_a_batch_has_its_limits(
    cluster: Cluster, topic: str, plain: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = Spool.take

    def counted(self: Spool, events: Sequence[Any], **named: Any) -> Any:
        sizes.append(len(events))
        return real(self, events, **named)

    monkeypatch.setattr(Spool, "take", counted)
    monkeypatch.setattr(consuming, "MESSAGES_MAX", 7)
    cluster.send(topic, [event(str(n)) for n in range(30)])
    consume(stream_of(cluster, plain), topic, 30)
    assert max(sizes) <= 7
    sizes.clear()
    monkeypatch.setattr(consuming, "BATCH_BYTES_MAX", 1)
    cluster.send(topic, [event(f"b{n}") for n in range(6)])
    consume(stream_of(cluster, plain), topic, 6)
    assert sizes == [1] * 6
    assert sum(cluster.committed(topic, GROUP)) == 36


def test_an_offset_that_cannot_be_committed_is_read_again_and_known(
    cluster: Cluster, topic: str, plain: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.send(topic, [event(str(n)) for n in range(10)])
    with monkeypatch.context() as without:
        without.setattr(Stream, "_commit", lambda self: self._kept.clear())
        assert consume(stream_of(cluster, plain), topic, 10).new == 10
    again = consume(stream_of(cluster, plain), topic, 10)
    assert (again.new, again.known) == (0, 10)


@pytest.mark.parametrize("waits", [False, True], ids=["taking", "waiting"])
def test_partitions_that_come_and_go_lose_and_repeat_nothing(
    cluster: Cluster, topic: str, plain: Workspace, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    """The second consumer comes while the first reads, or while it waits for the store; then the first one goes."""
    monkeypatch.setattr(consuming, "WAIT_SECONDS", (0.2,))
    monkeypatch.setattr(consuming, "MESSAGES_MAX", 20)
    blocked, stopped, done = threading.Event(), threading.Event(), threading.Event()
    real = Spool.take

    def take(self: Spool, events: Sequence[Any], **named: Any) -> Any:
        if blocked.is_set():
            raise StoreError("the store takes nothing now.")
        return real(self, events, **named)

    monkeypatch.setattr(Spool, "take", take)
    reads: list[list[str]] = [[], []]
    streams = [stream_of(cluster, plain, lines.append) for lines in reads]
    threads = [
        threading.Thread(target=stream.run, args=([topic],), kwargs={"stopped": end.is_set})
        for stream, end in zip(streams, (stopped, done), strict=True)
    ]
    sent = [event(f"{n:03}") for n in range(200)]
    cluster.send(topic, sent[:50])
    if waits:
        blocked.set()
    threads[0].start()
    for _ in within():
        if any("Nothing is skipped" in line for line in reads[0]) if waits else streams[0].counts.messages:
            break
    threads[1].start()
    cluster.send(topic, sent[50:150])
    for _ in within():
        if any(line.startswith("reading") for line in reads[1]):
            break
    blocked.clear()
    cluster.send(topic, sent[150:])
    for _ in within():
        if plain.spool.waiting(until=NOW) == len(sent):
            break
    stopped.set()
    threads[0].join(timeout=SECONDS_MAX)
    cluster.send(topic, [event(f"last-{n}") for n in range(10)])
    for _ in within():
        if plain.spool.waiting(until=NOW) == len(sent) + 10:
            break
    for _ in within():
        if not streams[1]._kept:
            break
    done.set()
    threads[1].join(timeout=SECONDS_MAX)
    assert len(waiting(plain)) == len(set(waiting(plain))) == len(sent) + 10
    assert sum(stream.counts.new for stream in streams) == len(sent) + 10
    assert all(stream.counts.messages for stream in streams)
    assert sum(cluster.committed(topic, GROUP)) == len(sent) + 10


@pytest.mark.parametrize("error", [KafkaError.TOPIC_AUTHORIZATION_FAILED])
def test_a_broker_that_refuses_is_said_plainly(
    cluster: Cluster, topic: str, plain: Workspace, error: int
) -> None:
    cluster.refuse(topic, error)
    with pytest.raises(BrokerRefused, match="TOPIC_AUTHORIZATION_FAILED"):
        consume(stream_of(cluster, plain), topic, 1)


def test_a_broker_that_is_away_is_waited_for(plain: Workspace) -> None:
    cluster = Cluster()
    topic, told = cluster.topic("away"), list[str]()
    cluster.send(topic, [event("1")])
    cluster.down()
    stream = stream_of(cluster, plain, told.append)
    thread = threading.Thread(target=consume, args=(stream, topic, 1))
    thread.start()
    for _ in within():
        if any("Trying on" in line for line in told):
            break
    cluster.up()
    thread.join(timeout=SECONDS_MAX)
    assert waiting(plain) == ["1"]
    cluster.close()


# The command


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from witting.doors.cli import main
from witting.doors.kafka.consumer import Stream
from witting.store.spool import Spool
place, name, after = {"Spool": Spool, "Stream": Stream}[sys.argv[1]], sys.argv[2], sys.argv[3] == "after"
real = getattr(place, name)
def killed(self, *words, **named):
    ready = name != "_commit" or bool(self._kept)
    result = real(self, *words, **named) if after else None
    if ready and (name != "_gather" or self._batch):
        os.kill(os.getpid(), signal.SIGKILL)
    return result
def killed_committing(self, *words, **named):
    def kill(_):
        os.kill(os.getpid(), signal.SIGKILL)
    sa.event.listen(self._database, "commit", kill)
    return real(self, *words, **named)
setattr(place, name, killed_committing if sys.argv[3] == "within" else killed)
sys.exit(main(sys.argv[4:]))
"""
STEPS = [
    ("Stream", "_gather", "after"),
    ("Spool", "_write", "within"),
    ("Spool", "set_aside", "before"),
    ("Stream", "_commit", "before"),
    ("Stream", "_commit", "after"),
]


def command(cluster: Cluster, workspace: Workspace, topic: str) -> list[str]:
    file = workspace.root.parent / "kafka.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in FAST.items()), "utf-8")
    file.chmod(0o600)
    words = ["consume", topic, "--bootstrap-server", cluster.brokers, "--properties", str(file), "--json"]
    return [*words, "--workspace", str(workspace.root)]


def test_killed_at_any_step_it_loses_and_repeats_nothing(
    cluster: Cluster, topic: str, plain: Workspace
) -> None:
    """Takes some seconds: a process for each step, killed there."""
    sent: list[dict[str, Any]] = []
    for number, (place, name, when) in enumerate(STEPS):
        fresh = [event(f"{number}-{n}") for n in range(4)]
        again = sent[-2:]  # two of those before come again
        cluster.send(topic, [*fresh, *again, *fresh[: 2 - len(again)]])
        cluster.produce(topic, f"{number}".encode(), [("content-type", STRUCTURED)])
        sent += fresh
        script = [sys.executable, "-c", KILLED, place, name, when, *command(cluster, plain, topic)]
        done = subprocess.run(script, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
    process = subprocess.Popen(
        [sys.executable, "-m", "witting", *command(cluster, plain, topic)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    group = next(_group_of(process))
    whole = len({one["id"] for one in sent}) + len(STEPS)
    for _ in within():
        if plain.spool.waiting(until=datetime.now(UTC)) == whole:
            break
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    counts = json.loads(out)
    assert counts.pop("messages") == sum(counts.values())
    assert sum(cluster.committed(topic, group)) == 7 * len(STEPS)
    batch = plain.spool.claim(until=datetime.now(UTC), events_max=10_000, bytes_max=1 << 24)
    assert batch is not None
    assert sorted(json.loads(data or b"")["id"] for data in batch.events) == sorted(
        {one["id"] for one in sent}
    )
    assert len(batch.bad) == len(STEPS)


def _group_of(process: subprocess.Popen[str]) -> Iterator[str]:
    """What the command says on its first line."""
    assert process.stderr is not None
    yield process.stderr.readline().partition("as group ")[2].partition(". ")[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_peace(cluster: Cluster, topic: str, plain: Workspace, number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "witting", *command(cluster, plain, topic)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert next(_group_of(process)).startswith("witting-")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, json.loads(out)["messages"]) == (0, 0), err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["consume", "--bootstrap-server", "127.0.0.1:1"], "topics"),
        (["consume", "^every.*", "--bootstrap-server", "127.0.0.1:1"], "topics"),
        (["consume", "chats"], "bootstrap-server"),
    ],
)
def test_a_wrong_call_is_refused_at_once(
    plain: Workspace, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--workspace", str(plain.root)]) == 2
    printed = capsys.readouterr()
    assert said in printed.err + printed.out


def test_two_workspaces_have_two_groups(tmp_path: Path) -> None:
    first, second = make_workspace(tmp_path / "a"), make_workspace(tmp_path / "b")
    assert _own_group(first) != _own_group(second)
    assert _own_group(first) == _own_group(Workspace.open(first.root))
