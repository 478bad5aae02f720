"""A sender asks with OPTIONS whether its events are expected: yes only for origins that were named."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from doors.conftest import KEY, NOW, client_of, event
from witting.doors.http.authority import read_secrets
from witting.doors.http.handshake import ORIGINS_MAX, read_origins
from witting.doors.http.receiver import receiver
from witting.errors import ConfigError
from witting.workspace import Workspace

GRANTED = ("webhook-allowed-origin", "webhook-allowed-rate")


def asking(workspace: Workspace, *origins: str) -> TestClient:
    secrets = read_secrets({"WITTING_API_KEYS": KEY})
    return TestClient(receiver(workspace, secrets, origins=read_origins({}, origins), now=lambda: NOW))


@pytest.mark.parametrize("named", ["events.example.com", "EVENTS.example.com", "*"])
@pytest.mark.parametrize("rate", [None, "120"])
def test_an_origin_that_was_named_is_told_yes(plain: Workspace, named: str, rate: str | None) -> None:
    asked = {"WebHook-Request-Origin": "Events.example.com"}
    said = asking(plain, "other.example", named).options(
        "/v1/events", headers=asked | ({} if rate is None else {"WebHook-Request-Rate": rate})
    )
    assert (said.status_code, said.content, said.headers["allow"]) == (204, b"", "POST")
    assert [said.headers[name] for name in GRANTED] == ["Events.example.com", "*"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"WebHook-Request-Origin": "other.example.com"}, 403),
        ({"WebHook-Request-Origin": "example.com"}, 403),
        ({"WebHook-Request-Origin": "a.events.example.com"}, 403),
        ({"WebHook-Request-Origin": "*"}, 400),
        ({"WebHook-Request-Origin": "https://events.example.com"}, 400),
        ({"WebHook-Request-Origin": "a" * 300}, 400),
        ({}, 400),
        ({"Origin": "https://events.example.com", "Access-Control-Request-Method": "POST"}, 400),
        ({"WebHook-Request-Origin": "events.example.com", "WebHook-Request-Rate": "0"}, 400),
        ({"WebHook-Request-Origin": "events.example.com", "WebHook-Request-Rate": "fast"}, 400),
    ],
)
def test_every_other_one_gets_no_header_that_could_be_read_as_yes(
    plain: Workspace, asked: dict[str, str], status: int
) -> None:
    callback = {"WebHook-Request-Callback": "https://127.0.0.1:1/confirm?key=1"}
    said = asking(plain, "events.example.com").options("/v1/events", headers=asked | callback)
    assert (said.status_code, said.headers["content-type"]) == (status, "application/problem+json")
    assert [name for name in (*GRANTED, "access-control-allow-origin") if name in said.headers] == []
    assert "example" not in said.text


def test_without_a_name_there_is_no_handshake(plain_client: TestClient) -> None:
    said = plain_client.options("/v1/events", headers={"WebHook-Request-Origin": "events.example.com"})
    assert (said.status_code, said.headers["allow"]) == (405, "POST")
    assert [name for name in GRANTED if name in said.headers] == []


def test_a_yes_lets_nobody_in(plain: Workspace) -> None:
    client = asking(plain, "*")
    origin = {"WebHook-Request-Origin": "events.example.com"}
    assert client.post("/v1/events", json=event("1"), headers=origin).status_code == 401
    key = {"Authorization": f"Bearer {KEY}"}
    assert client_of(plain).post("/v1/events", json=event("1"), headers=origin | key).status_code == 202


def test_origins_come_from_the_environment_and_from_options() -> None:
    named = read_origins({"WITTING_ALLOWED_ORIGINS": "a.example  B.example"}, ["c.example"])
    assert named == {"a.example", "b.example", "c.example"}
    assert read_origins({}) == frozenset()


@pytest.mark.parametrize(
    "name", ["https://a.example", "a..example", "-a", "a.example/", "*.example", "a:80", "é"]
)
def test_what_is_no_dns_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="DNS name"):
        read_origins({}, [name])
    with pytest.raises(ConfigError):
        read_origins({}, [f"n{n}.example" for n in range(ORIGINS_MAX + 1)])
