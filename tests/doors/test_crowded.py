"""Others who crowd the door, and a database that is away: a withdrawal is taken, or told when to come back."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
import uvicorn
from fastapi.testclient import TestClient

from doors.conftest import BY_KEY, KEY, SECRET, client_of, event, make_workspace
from witting.doors.http import patience
from witting.doors.http import receiver as door
from witting.doors.http.authority import read_secrets
from witting.store import database
from witting.workspace import Workspace

SILENT = 150
WITHDRAWAL = event("w", "consent.withdrawn")


@contextmanager
def served(workspace: Workspace) -> Iterator[tuple[str, int]]:
    app = door.receiver(workspace, read_secrets({"WITTING_API_KEYS": KEY, "WITTING_WEBHOOK_SECRETS": SECRET}))
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    server = uvicorn.Server(uvicorn.Config(app, http=patience.Patient, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def test_silent_connections_keep_nobody_out_and_are_hung_up_on(
    plain: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "HEAD_SECONDS_MAX", 3.0)
    with served(plain) as address, ExitStack() as open_:
        silent = [open_.enter_context(socket.create_connection(address)) for _ in range(SILENT)]
        said = httpx2.post(
            f"http://127.0.0.1:{address[1]}/v1/events", json=WITHDRAWAL, headers=BY_KEY, timeout=60
        )
        assert said.status_code == 202
        for one in silent:
            one.settimeout(60)
            assert one.recv(1) == b""  # hung up on


def test_requests_with_a_claimed_signature_leave_places_for_those_with_a_key(
    plain: Workspace, plain_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "REQUESTS_MAX", 0)
    crowded = TestClient(door.receiver(plain, read_secrets({"WITTING_API_KEYS": KEY})))
    said = crowded.post("/v1/events", json=WITHDRAWAL, headers=BY_KEY)
    assert (said.status_code, said.headers["retry-after"]) == (503, "1")
    assert said.headers["content-type"] == "application/problem+json"
    assert plain_client.post("/v1/events", json=WITHDRAWAL, headers=BY_KEY).status_code == 202


def test_a_locked_database_says_when_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 200)
    workspace = make_workspace(tmp_path / "w")
    client = client_of(workspace)
    client.post("/v1/events", json=event("1"), headers=BY_KEY)
    holder = sqlite3.connect(workspace.root / "witting.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        said = client.post("/v1/events", json=WITHDRAWAL, headers=BY_KEY)
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert said.status_code == 503
    assert "retry-after" in said.headers


def test_health_says_no_where_the_database_cannot_be_opened(
    plain: Workspace, plain_client: TestClient
) -> None:
    plain.database.dispose()
    path: Path = plain.root / "witting.db"
    for file in plain.root.glob("witting.db*"):
        file.unlink()
    path.mkdir()
    assert plain_client.get("/healthz").status_code == 503
