"""A workspace that receives: on SQLite always, on PostgreSQL where its server is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from store.conftest import database_url, postgresql_url  # noqa: F401 - fixtures
from witting.doors.http.authority import read_secrets
from witting.doors.http.receiver import receiver
from witting.walk import WalkResult, walk
from witting.workspace import STARTING_CONFIG, Workspace

KEY = "a-key-for-tests-0123456789"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of the published example of Standard Webhooks
BY_KEY = {"Authorization": f"Bearer {KEY}"}
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def event(
    id: str, type: str = "chat.turn", *, subject: str = "app:ana", time: str | None = None, **data: Any
) -> dict:
    """A CloudEvent; a turn of a person unless said otherwise."""
    words = {"conversation_id": "c", "turn_id": id, "role": "user", "text": "a tree", "audience": "assistant"}
    return {
        "specversion": "1.0",
        "id": id,
        "source": "/chat",
        "type": type,
        "subject": subject,
        "time": time or "2026-11-01T10:00:00+00:00",
        "data": (words if type == "chat.turn" else {}) | data,
    }


def make_workspace(root: Path, database: str = "sqlite:///witting.db") -> Workspace:
    root.mkdir()
    (root / "witting.toml").write_text(f"database = {json.dumps(database)}\n{STARTING_CONFIG}", "utf-8")
    return Workspace.create(root)


@pytest.fixture
def workspace(tmp_path: Path, database_url: str) -> Workspace:  # noqa: F811
    return make_workspace(tmp_path / "w", database_url)


@pytest.fixture
def plain(tmp_path: Path) -> Workspace:
    """On SQLite, where the database makes no difference."""
    return make_workspace(tmp_path / "plain")


def client_of(workspace: Workspace, now: Callable[[], datetime] = lambda: NOW) -> TestClient:
    secrets = read_secrets({"WITTING_API_KEYS": KEY, "WITTING_WEBHOOK_SECRETS": SECRET})
    return TestClient(receiver(workspace, secrets, now=now))


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    return client_of(workspace)


@pytest.fixture
def plain_client(plain: Workspace) -> TestClient:
    return client_of(plain)


def walk_on(workspace: Workspace, *, until: str = "rights", now: datetime = NOW) -> WalkResult:
    fresh = Workspace.open(workspace.root)  # as another process would
    return walk(fresh, until=until, tell=lambda what, done, total: None, now=now)
