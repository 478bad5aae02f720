"""`witting consume`: live events come out of Kafka topics and wait, sealed, for the next walk."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from witting.doors.cli.screen import DEFAULT, Common, now, show
from witting.errors import MissingExtra, UsageError
from witting.workspace import Workspace

TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")  # Kafka's own rule
TOPICS_MAX = 100


def consume(
    *topics: str,
    bootstrap_server: Annotated[str, Parameter(name="--bootstrap-server")],
    group: str | None = None,
    properties: Path | None = None,
    common: Common = DEFAULT,
) -> int:
    """Receive live events (CloudEvents) from Kafka topics until stopped. Prints what came.

    Parameters
    ----------
    topics
        The topics to read.
    bootstrap_server
        Brokers to begin with, HOST:PORT with commas between.
    group
        The consumer group; without it, one of this workspace's own. Processes of one group share the partitions.
    properties
        Properties of the Kafka client (SASL, TLS), name=value a line, in a file only you can read. WITTING_KAFKA_SASL_PASSWORD and
        the like give some, too.
    """
    if importlib.util.find_spec("confluent_kafka") is None:
        raise MissingExtra('receiving events from Kafka needs `pip install "witting[kafka]"`.')
    from witting.doors.kafka.consumer import Stream
    from witting.doors.kafka.properties import connect, read_properties

    if not 0 < len(topics) <= TOPICS_MAX or not all(TOPIC.fullmatch(topic) for topic in topics):
        raise UsageError(
            f"name 1 to {TOPICS_MAX} topics, each of letters, digits, dots, dashes and underscores."
        )
    given = read_properties(os.environ, properties)
    workspace = Workspace.open(common.workspace)
    group = group or _own_group(workspace)
    tell = partial(print, file=sys.stderr, flush=True)
    progress = (lambda _: None) if common.quiet else tell
    stream = Stream(
        lambda hear: connect(given, brokers=bootstrap_server, group=group, on_error=hear),
        workspace.spool,
        text_chars_max=workspace.settings.intake.text_chars_max,
        now=now,
        tell=tell,
        progress=progress,
    )
    with _until_signalled() as stop:
        progress(f"Reading {', '.join(topics)} as group {group}. Ctrl-C ends it.")
        counts = stream.run(topics, stopped=stop.is_set).as_json()
    show(common, counts, lambda: ", ".join(f"{number:,} {name}" for name, number in counts.items()))
    return 0


def _own_group(workspace: Workspace) -> str:
    """One a workspace, so that two workspaces on a topic do not each get a part of it."""
    public = workspace.keys.signer().public_key().public_bytes_raw()
    return f"witting-{hashlib.sha256(public).hexdigest()[:16]}"


@contextmanager
def _until_signalled() -> Iterator[threading.Event]:
    """Set by SIGTERM or Ctrl-C: the batch at hand is finished, then the group is left."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
