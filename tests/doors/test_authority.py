"""Who may send: API keys, and signatures held against the published example of Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from conftest import witting
from doors.conftest import BY_KEY, KEY, NOW, SECRET, client_of, event
from witting.doors.http.authority import TOLERANCE_SECONDS, Secrets, read_secrets, signed
from witting.doors.http.problem import Problem
from witting.doors.http.receiver import receiver
from witting.errors import ConfigError
from witting.workspace import Workspace

OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()
# The example of the Standard Webhooks libraries' own tests.
PUBLISHED = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
PUBLISHED_BODY = b'{"test": 2432232314}'
PUBLISHED_AT = datetime.fromtimestamp(1614265330, UTC)


def sign(
    body: bytes, *, secret: str = SECRET, at: float = NOW.timestamp(), id: str = "msg_1"
) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{id}.{int(at)}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(mac).decode()}"
    stamped = {"webhook-id": id, "webhook-timestamp": str(int(at)), "webhook-signature": signature}
    return {"Content-Type": "application/cloudevents+json", **stamped}


BODY = json.dumps(event("1")).encode()


def test_the_published_signature_is_right_and_every_change_of_it_wrong() -> None:
    secrets = read_secrets({"WITTING_WEBHOOK_SECRETS": SECRET})
    signed(PUBLISHED, now=PUBLISHED_AT).check(PUBLISHED_BODY, secrets)
    with pytest.raises(Problem):
        signed(PUBLISHED, now=PUBLISHED_AT).check(PUBLISHED_BODY + b" ", secrets)
    with pytest.raises(Problem):
        signed({**PUBLISHED, "webhook-id": "msg_other"}, now=PUBLISHED_AT).check(PUBLISHED_BODY, secrets)
    with pytest.raises(Problem):
        signed(PUBLISHED, now=PUBLISHED_AT).check(
            PUBLISHED_BODY, read_secrets({"WITTING_WEBHOOK_SECRETS": OTHER})
        )


@pytest.mark.parametrize(("seconds", "status"), [(-300, 202), (300, 202), (-301, 401), (301, 401)])
def test_a_signature_is_good_for_five_minutes_either_way(
    plain_client: TestClient, seconds: int, status: int
) -> None:
    assert TOLERANCE_SECONDS == 300
    headers = sign(BODY, at=NOW.timestamp() + seconds)
    assert plain_client.post("/v1/events", content=BODY, headers=headers).status_code == status


def test_a_signed_request_sent_again_adds_nothing(plain_client: TestClient) -> None:
    answers = [plain_client.post("/v1/events", content=BODY, headers=sign(BODY)) for _ in range(2)]
    assert [answer.json()["new"] for answer in answers] == [1, 0]


def test_secrets_change_over_one_at_a_time(plain: Workspace) -> None:
    both = read_secrets({"WITTING_WEBHOOK_SECRETS": f"{OTHER} {SECRET}"})
    client = TestClient(receiver(plain, both, now=lambda: NOW))
    for secret in (SECRET, OTHER):
        assert client.post("/v1/events", content=BODY, headers=sign(BODY, secret=secret)).status_code in (
            200,
            202,
        )
    two = sign(BODY, secret=OTHER)
    two["webhook-signature"] = f"v1a,AAAA v1,!!! v1,AAAA {two['webhook-signature']}"
    assert client_of(plain).post("/v1/events", content=BODY, headers=two).status_code == 401
    assert client.post("/v1/events", content=BODY, headers=two).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer " + "x" * 26},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {KEY}x"},
        {**sign(BODY), "Authorization": "Bearer wrong"},
        {**sign(BODY), "webhook-id": ""},
        {**sign(BODY), "webhook-id": "x" * 257},
        {**sign(BODY), "webhook-timestamp": "now"},
        {**sign(BODY), "webhook-timestamp": "9" * 40},
        {**sign(BODY), "webhook-signature": "v1,"},
        {**sign(BODY), "webhook-signature": sign(BODY)["webhook-signature"].replace("v1,", "v2,")},
        sign(BODY, secret=OTHER),
        sign(BODY + b" "),
    ],
)
def test_whoever_is_not_known_is_refused_and_nothing_is_kept(
    plain: Workspace, plain_client: TestClient, headers: dict[str, str]
) -> None:
    said = plain_client.post(
        "/v1/events", content=BODY, headers={"Content-Type": "application/json", **headers}
    )
    assert (said.status_code, said.headers["www-authenticate"]) == (401, "Bearer")
    assert said.headers["content-type"] == "application/problem+json"
    assert plain.spool.waiting(until=NOW) == 0


def test_a_signature_carries_no_event_in_headers(plain: Workspace, plain_client: TestClient) -> None:
    body = json.dumps(event("1")["data"]).encode()
    attributes = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/c",
        "ce-type": "chat.turn",
        "ce-subject": "app:a",
    }
    headers = {**sign(body), "Content-Type": "application/json", **attributes}
    assert plain_client.post("/v1/events", content=body, headers=headers).status_code == 403
    assert plain.spool.waiting(until=NOW) == 0
    by_key = {**BY_KEY, "Content-Type": "application/json", **attributes}
    assert plain_client.post("/v1/events", content=body, headers=by_key).status_code == 202


def test_every_one_of_several_keys_opens(plain: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text(f"{'b' * 24}\n{'c' * 24}\n")
    path.chmod(0o600)
    secrets = read_secrets({"WITTING_API_KEYS": KEY}, api_key_file=path)
    client = TestClient(receiver(plain, secrets, now=lambda: NOW))
    for key in (KEY, "b" * 24, "c" * 24):
        said = client.post("/v1/events", json=event("1"), headers={"Authorization": f"Bearer {key}"})
        assert said.status_code in (200, 202)
    assert KEY not in repr(secrets)
    assert SECRET not in repr(read_secrets({"WITTING_WEBHOOK_SECRETS": SECRET}))


def test_without_a_secret_nothing_is_served(plain: Workspace) -> None:
    with pytest.raises(ConfigError, match="WITTING_API_KEYS"):
        read_secrets({})
    with pytest.raises(ConfigError):
        Secrets((), ())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WITTING_")}
    assert "WITTING_API_KEYS" not in environment
    done = witting("serve", "--workspace", plain.root, "--port", "0", "--json", timeout=60)
    assert done.code == 2
    assert done.json["error"]["kind"] == "ConfigError"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.txt"
    path.write_text(KEY)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secrets({}, api_key_file=path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WITTING_API_KEYS", "short"),
        ("WITTING_API_KEYS", "é" * 24),
        ("WITTING_API_KEYS", "k" * 513),
        ("WITTING_API_KEYS", " ".join(f"{n:024}" for n in range(21))),
        ("WITTING_WEBHOOK_SECRETS", "whsec_notbase64!"),
        ("WITTING_WEBHOOK_SECRETS", "whsec_" + base64.b64encode(bytes(23)).decode()),
        ("WITTING_WEBHOOK_SECRETS", "whsec_" + base64.b64encode(bytes(65)).decode()),
    ],
)
def test_a_weak_or_damaged_secret_is_refused_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_secrets({name: value})
    assert value not in str(refused.value)
