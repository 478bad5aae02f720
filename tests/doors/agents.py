"""An agent of the Data Rights Protocol, as far as a business sees of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.testclient import TestClient

from doors.conftest import KEY, NOW
from witting.doors.http.authority import read_secrets
from witting.doors.http.drp.agents import read_agents
from witting.doors.http.drp.door import SECRET, DataRights
from witting.doors.http.receiver import receiver
from witting.workspace import Workspace

BUSINESS = "LINDEN_KITCHENS"
VERIFY = "https://linden.example/verify"
PATH = "/v1/data-rights-request"


@dataclass
class Agent:
    id: str = "PERMISSION_SLIP"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def entry(self) -> dict[str, str]:
        """As the directory lists it."""
        key = base64.b64encode(self.key.public_key().public_bytes_raw()).decode()
        return {"id": self.id, "name": "An agent", "verify_key": key, "web_url": "https://agent.example"}

    def envelope(self, *, at: datetime = NOW, minutes: int = 10, **more: Any) -> dict[str, Any]:
        return {
            "agent-id": self.id,
            "business-id": BUSINESS,
            "issued-at": (at - timedelta(seconds=1)).isoformat(),
            "expires-at": (at + timedelta(minutes=minutes)).isoformat(),
            "drp.version": "1.0",
        } | more

    def sign(self, values: Any) -> bytes:
        return self.sign_bytes(json.dumps(values).encode())

    def sign_bytes(self, message: bytes) -> bytes:
        return base64.b64encode(self.key.sign(message) + message)


@dataclass
class Asking:
    """An agent with a token, before one business's door."""

    client: TestClient
    agent: Agent
    token: str = ""

    @property
    def bearer(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "text/plain"}

    def set_up(self) -> Asking:
        said = self.client.post(f"/v1/agent/{self.agent.id}", content=self.agent.sign(self.agent.envelope()))
        assert said.status_code == 200, said.text
        self.token = said.json()["token"]
        return self

    def post(self, exercise: str, id: str | None = "r-1", *, at: datetime = NOW, **person: Any) -> Any:
        told = {} if id is None else {"agent-request-id": id}
        values = self.agent.envelope(at=at, exercise=exercise, regime="ccpa", **told, **person)
        return self.client.post(PATH, content=self.agent.sign(values), headers=self.bearer)

    def get(self, request_id: str) -> Any:
        return self.client.get(f"{PATH}/{request_id}", headers=self.bearer)

    def delete(self, request_id: str, reason: str = "I changed my mind") -> Any:
        body = self.agent.sign({"reason": reason})
        return self.client.request("DELETE", f"{PATH}/{request_id}", content=body, headers=self.bearer)


def before_the_door_of(
    workspace: Workspace,
    folder: Path,
    *agents: Agent,
    at: list[datetime] | None = None,
    url: str | None = VERIFY,
) -> list[Asking]:
    """Each agent with a token. `at` holds the clock."""
    clock = [NOW] if at is None else at
    listed = folder / "agents.json"
    listed.write_text(json.dumps([agent.entry() for agent in agents]), "utf-8")
    rights = DataRights(read_agents(listed), BUSINESS, url, workspace.keys.secret(SECRET))
    secrets = read_secrets({"WITTING_API_KEYS": KEY})
    app = receiver(workspace, secrets, data_rights=rights, now=lambda: clock[0])
    client = TestClient(app, raise_server_exceptions=False)
    return [Asking(client, agent).set_up() for agent in agents]
