"""A real server killed while it is posted to, and a real drain killed at every commit: nothing is lost or repeated."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from conftest import witting
from doors.conftest import BY_KEY, KEY, client_of, event, make_workspace, walk_on
from doors.test_walk_hears_events import NOW, STREAM, outcome, post
from witting.workspace import Workspace

ROUNDS = 3
DRAIN = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
import sqlalchemy as sa
from witting.walk import alone
import witting.walk.admit
from witting.workspace import Workspace
admitting = sys.modules["witting.walk.admit"]
workspace, left = Workspace.open(Path(sys.argv[1])), int(sys.argv[2])
def commit(connection):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
with alone(workspace, tell=lambda *_: None, now=datetime.fromisoformat(sys.argv[3])) as step:
    workspace.ledger, workspace.snapshots
    sa.event.listen(workspace.database, "commit", commit)
    admitting.admit(step)
print("drained", flush=True)
"""


@contextmanager
def serving(root: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`witting serve` as an operator runs it, and its address."""
    command = [
        sys.executable,
        "-m",
        "witting",
        "serve",
        "--workspace",
        str(root),
        "--port",
        "0",
        "--json",
        *options,
    ]
    environment = {**os.environ, "WITTING_API_KEYS": KEY}
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line, server.communicate()[1]
        yield server, json.loads(line)["address"]
    finally:
        server.kill()
        server.communicate()


def send(address: str, batch: list[dict]) -> dict[str, int] | None:
    """The counts it was answered with; None where no answer came."""
    try:
        said = httpx2.post(f"{address}/v1/events", json=batch, headers=BY_KEY, timeout=30)
    except httpx2.TransportError:
        return None
    assert said.status_code in (200, 202), said.text
    return said.json()


def test_a_server_killed_while_it_is_posted_to_has_what_it_answered_and_nothing_twice(tmp_path: Path) -> None:
    """Takes some seconds: a real server is started and killed three times."""
    workspace = make_workspace(tmp_path / "w")
    batches = [[event(f"{n}-{m}", turn_id=f"{n}-{m}") for m in range(5)] for n in range(2_000)]
    answered: set[int] = set()
    new = position = 0
    for _ in range(ROUNDS):
        with serving(workspace.root) as (server, address):
            timer = threading.Timer(0.4, server.send_signal, [signal.SIGKILL])
            while position < len(batches):
                counts = send(address, batches[position])
                if counts is None:
                    break
                answered.add(position)
                new, position = new + counts["new"], position + 1
                if timer.ident is None:  # from its first answer on: a busy machine is slow to give one
                    timer.start()
            timer.join()
            assert server.wait(timeout=30) == -signal.SIGKILL
        waiting = workspace.spool.waiting(until=_now())
        # whole batches: those answered, and perhaps the one that was cut off
        assert waiting in (5 * len(answered), 5 * (len(answered) + 1))
    sent = batches[: position + 1]
    with serving(workspace.root) as (server, address):
        again = [send(address, batch) for batch in sent]
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
    known = sum(counts["known"] for counts in again if counts)
    assert answered
    assert 5 * len(sent) == workspace.spool.waiting(until=_now())
    assert known >= 5 * len(answered) >= new
    result = walk_on(workspace, until="intake", now=_now())
    assert result.rooms["intake"]["funnel"]["read"] == 5 * len(sent)
    assert len(outcome(workspace)[0]) == 5 * len(sent)


def test_a_drain_killed_at_every_commit_ends_like_one_that_was_not(tmp_path: Path) -> None:
    """Takes some seconds: a process for each commit of a drain, killed just before it."""
    whole = make_workspace(tmp_path / "whole")
    post(client_of(whole), STREAM)
    fresh = shutil.copytree(whole.root, tmp_path / "fresh")
    wanted = walk_on(whole, until="intake").rooms["intake"]["funnel"]
    kills = 0
    while True:
        root = shutil.copytree(fresh, tmp_path / f"killed-{kills}")
        command = [sys.executable, "-c", DRAIN, str(root), str(kills), NOW.isoformat()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        workspace = Workspace.open(root)
        again = walk_on(workspace, until="intake").rooms["intake"]
        assert again["funnel"] == wanted
        assert outcome(workspace) == outcome(whole)
        assert workspace.spool.waiting(until=NOW) == 0
        assert post(client_of(workspace), STREAM)["known"] == len(STREAM)
        assert sorted(e.kind for e in workspace.ledger.entries()) == sorted(
            e.kind for e in whole.ledger.entries()
        )
        workspace.ledger.verify()
        if (
            "drained" in done.stdout
        ):  # how the interpreter ends after that is not asked: a library's thread may abort it
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        kills += 1
    assert kills >= 8  # claim, people, ledger, snapshots, artifact, settle: each had its kill


def test_ctrl_c_ends_the_server_in_peace(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "w")
    with serving(workspace.root) as (server, address):
        assert httpx2.get(f"{address}/healthz").json() == {"status": "ok"}
        assert send(address, [event("1")]) == {"new": 1, "known": 0, "erased": 0, "ignored": 0}
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0
    assert workspace.spool.waiting(until=_now()) == 1


def test_an_address_that_is_taken_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace(tmp_path / "w")
    monkeypatch.setenv("WITTING_API_KEYS", KEY)
    with serving(workspace.root) as (_, address):
        port = address.rpartition(":")[2]
        done = witting("serve", "--workspace", workspace.root, "--port", port, timeout=60)
    assert done.code == 2
    assert "Name another with --port" in done.err


def _now() -> datetime:
    return datetime.now(UTC)
