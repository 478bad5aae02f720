"""Data Rights Protocol 1.0: requests in, each once; statuses out, computed from the ledger; nobody's no is lost."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from doors.agents import BUSINESS, PATH, VERIFY, Agent, Asking, before_the_door_of
from doors.conftest import BY_KEY, NOW, event, walk_on
from doors.test_serve_killed import serving
from witting.doors.cli import main
from witting.doors.http import receiver
from witting.doors.http.drp import agents as directory
from witting.doors.http.drp import door
from witting.doors.http.drp.message import EXERCISES, Refused, opened
from witting.errors import ConfigError, StoreError
from witting.walk.requests import take
from witting.workspace import Workspace

MAIL = "ptarmigan-9035@example.org"
ANA = "app:ana"
NUMBER = "+5511912345678"
HERS: dict[str, Any] = {"email": MAIL, "email_verified": True}


@pytest.fixture
def agent(workspace: Workspace, tmp_path: Path) -> Asking:
    (asking,) = before_the_door_of(workspace, tmp_path, Agent())
    return asking


def entries(workspace: Workspace, kind: str = "rights.") -> list[Any]:
    return [entry for entry in workspace.ledger.entries(kind=kind) if entry.kind != "rights.place"]


def link(workspace: Workspace, tmp_path: Path, handle: str = ANA, email: str = MAIL) -> int:
    people = tmp_path / "people.jsonl"
    people.write_text(json.dumps({"handle": handle, "email": email}) + "\n", "utf-8")
    return main(["rights", "link", str(people), "--workspace", str(workspace.root), "--json"])


def link_all(workspace: Workspace, tmp_path: Path, *people: dict[str, str]) -> int:
    listed = tmp_path / "people.jsonl"
    listed.write_text("".join(json.dumps(one) + "\n" for one in people), "utf-8")
    return main(["rights", "link", str(listed), "--workspace", str(workspace.root), "--json"])


def answer(workspace: Workspace, entry: int, outcome: str, *more: str) -> int:
    words = ["rights", "answer", str(entry), "--outcome", outcome, *more]
    return main([*words, "--workspace", str(workspace.root)])


def standing(workspace: Workspace, capsys: pytest.CaptureFixture[str], who: str) -> dict[str, str]:
    capsys.readouterr()
    assert main(["rights", "standing", who, "--workspace", str(workspace.root), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["standing"]
    return {row["purpose"]: row["reason"] for row in rows if not row["open"]}


# What becomes of a request


@pytest.mark.parametrize("exercise", [name for name, (kind, _, _) in EXERCISES.items() if kind])
def test_a_request_is_in_the_ledger_before_it_is_answered_and_holds_nobodys_claims(
    workspace: Workspace, agent: Asking, tmp_path: Path, exercise: str
) -> None:
    link(workspace, tmp_path)
    said = agent.post(exercise, "r-7", **HERS)
    assert said.status_code == 200, said.text
    told = said.json()
    assert (told["status"], told["agent_request_id"], "reason" in told) == ("in_progress", "r-7", False)
    assert told["received_at"] == NOW.isoformat()
    days = 10  # of a place nobody knows, by the floor
    assert told["expected_by"] == (NOW + timedelta(days=days)).isoformat()
    (entry,) = entries(workspace)
    kind, purposes, scope = EXERCISES[exercise]
    assert entry.kind == f"rights.{kind}"
    assert (entry.body["purposes"], entry.body.get("scope")) == (list(purposes), scope)
    assert entry.body["subject"] == workspace.vault.find(ANA)
    assert (entry.body["request"], entry.body["agent"]) == (told["request_id"], agent.agent.id)
    assert b"ptarmigan" not in entry.bytes + said.content
    assert agent.get(told["request_id"]).json() == told


def test_the_claims_lie_sealed_as_the_agent_signed_them(workspace: Workspace, agent: Asking) -> None:
    agent.post("sale:opt-out", **HERS)
    (entry,) = entries(workspace)
    kept = workspace.vault.evidence(entry.body["subject"], entry.body["evidence_commitment"])
    assert kept is not None
    signed = base64.b64decode(json.loads(kept)["evidence"]["data_rights_request"])
    agent.agent.key.public_key().verify(signed[:64], signed[64:])
    assert json.loads(signed[64:])["email"] == MAIL
    plain = [
        path
        for path in workspace.root.rglob("*")
        if path.is_file() and b"ptarmigan-9035" in path.read_bytes()
    ]
    assert plain == []


def test_the_same_request_again_is_the_same_and_another_under_its_name_is_refused(
    workspace: Workspace, agent: Asking
) -> None:
    first = agent.post("deletion", **HERS).json()
    assert agent.post("deletion", at=NOW - timedelta(minutes=3), **HERS).json() == first  # signed anew
    assert len(entries(workspace)) == 1
    other = agent.post("access", **HERS)
    assert (other.status_code, other.json()["code"]) == (409, "409")
    assert agent.post("deletion", email="other@example.org").status_code == 409
    assert agent.post("access", "r-2", **HERS).json()["request_id"] != first["request_id"]
    unnamed = [agent.post("deletion", None, **HERS).json()["request_id"] for _ in range(2)]
    assert len({*unnamed, first["request_id"]}) == 2
    assert len(entries(workspace)) == 3


def test_the_same_request_from_many_at_once_is_one(workspace: Workspace, agent: Asking) -> None:
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: agent.post("sale:opt-out", **HERS), range(8)))
    assert {one.status_code for one in said} == {200}
    assert len({one.json()["request_id"] for one in said}) == 1
    assert len(entries(workspace)) == 1


def test_an_opt_in_is_never_a_consent(workspace: Workspace, agent: Asking) -> None:
    for exercise in ("sale:opt-in", "train:opt-in"):
        told = agent.post(exercise, exercise, **HERS).json()
        assert (told["status"], told["reason"]) == ("denied", "other")
        assert "consent" in told["processing_details"]
        assert told.pop("agent_request_id") == exercise  # nothing of it was kept to be told again
        assert agent.get(told["request_id"]).json() == told
    assert entries(workspace) == []


def test_a_no_of_somebody_unknown_is_held_and_goes_on_as_theirs_once_it_is_known_who_they_are(
    workspace: Workspace, agent: Asking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = agent.post("train:opt-out", **HERS).json()
    assert (told["status"], told["reason"]) == ("in_progress", "need_user_verification")
    assert told["user_verification_url"] == VERIFY
    (held,) = entries(workspace)
    assert workspace.vault.find(ANA) is None
    assert link(workspace, tmp_path) == 0
    objected = [entry for entry in entries(workspace, "rights.objection") if entry.index != held.index]
    assert [entry.body["subject"] for entry in objected] == [workspace.vault.find(ANA)]
    assert objected[0].body["occurred_at"] == held.body["occurred_at"]
    assert standing(workspace, capsys, ANA)["fine_tune_own_model"] == "objected"
    later = agent.get(told["request_id"]).json()
    assert (later["status"], "reason" in later) == ("in_progress", False)
    evidence = objected[0].body["evidence_commitment"]
    assert workspace.vault.evidence(objected[0].body["subject"], evidence) is not None
    assert not workspace.keys.has(held.body["subject"])
    assert link(workspace, tmp_path) == 0  # again is fine, and adds nothing
    assert len(entries(workspace, "rights.objection")) == 2
    due = main(["rights", "due", "--all", "--workspace", str(workspace.root), "--json"])
    rows = {row["entry"]: row for row in json.loads(capsys.readouterr().out.splitlines()[-1])["requests"]}
    assert due == 0 or rows  # deadlines by the real clock may have passed
    assert rows[held.index]["outcome"] == "moved"
    assert rows[objected[0].index]["outcome"] is None


def test_a_walk_fulfils_the_no_of_somebody_known_and_not_that_of_somebody_unknown(
    workspace: Workspace, agent: Asking, tmp_path: Path
) -> None:
    agent.client.post("/v1/events", json=event("1"), headers=BY_KEY)
    link(workspace, tmp_path)
    known = agent.post("sale:opt-out", "known", **HERS).json()["request_id"]
    stranger = agent.post("sale:opt-out", "stranger", email="nobody@example.org").json()["request_id"]
    walk_on(workspace, until="corpus", now=NOW + timedelta(hours=1))
    assert agent.get(known).json()["status"] == "fulfilled"
    assert agent.get(stranger).json()["status"] == "in_progress"
    entry = max(entry.index for entry in entries(workspace, "rights.objection"))
    words = ["rights", "answer", str(entry), "--outcome", "denied", "--reason", "no_match"]
    assert main([*words, "--workspace", str(workspace.root)]) == 0
    told = agent.get(stranger).json()
    assert (told["status"], told["reason"]) == ("denied", "no_match")


def test_an_opt_out_needs_no_verified_person_and_a_deletion_does(
    workspace: Workspace, agent: Asking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link(workspace, tmp_path)
    opt_out = agent.post("sale:opt-out", "1", email=MAIL).json()
    deletion = agent.post("deletion", "2", email=MAIL).json()
    assert "reason" not in opt_out
    assert deletion["reason"] == "need_user_verification"
    shut = standing(workspace, capsys, ANA)  # whoever it was: the doors are shut
    assert set(shut.values()) == {"erasure_requested"}
    assert agent.post("deletion", "3", email=MAIL, email_verified="true").json()["reason"]  # not a true
    assert "reason" not in agent.post("deletion", "4", **HERS).json()


def test_claims_that_lead_to_two_people_are_the_no_of_both(
    workspace: Workspace, agent: Asking, tmp_path: Path
) -> None:
    people = tmp_path / "people.jsonl"
    bob = {"handle": "app:bob", "phone_number": "+55 11 91234-5678"}
    people.write_text(json.dumps({"handle": ANA, "email": MAIL}) + "\n" + json.dumps(bob) + "\n", "utf-8")
    assert main(["rights", "link", str(people), "--workspace", str(workspace.root)]) == 0
    both = HERS | {"phone_number": "+5511912345678", "phone_number_verified": True}
    agent.post("sale:opt-out", "1", **both)
    said = {entry.body["subject"] for entry in entries(workspace)}
    assert said == {workspace.vault.find(ANA), workspace.vault.find("app:bob")}
    assert agent.post("access", "2", **both).json()["reason"] == "need_user_verification"


def test_a_no_with_two_unknown_claims_is_the_no_of_whoever_either_of_them_turns_out_to_be(
    workspace: Workspace, agent: Asking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = agent.post("train:opt-out", **HERS, phone_number=NUMBER, phone_number_verified=True).json()
    assert link_all(workspace, tmp_path, {"handle": ANA, "phone_number": NUMBER}) == 0
    assert standing(workspace, capsys, ANA)["fine_tune_own_model"] == "objected"
    assert "reason" not in agent.get(told["request_id"]).json()
    assert workspace.vault.find(f"email:{MAIL}") != workspace.vault.find(ANA)  # nobody linked that one
    assert link_all(workspace, tmp_path, {"handle": "app:bob", "email": MAIL}) == 0
    assert standing(workspace, capsys, "app:bob")["fine_tune_own_model"] == "objected"
    assert agent.get(told["request_id"]).json()["status"] == "in_progress"


def test_a_request_held_under_a_second_claim_is_answered_with_its_persons(
    workspace: Workspace, agent: Asking, tmp_path: Path
) -> None:
    id = agent.post("access", **HERS, phone_number=NUMBER).json()["request_id"]
    assert link(workspace, tmp_path) == 0
    (hers,) = [e for e in entries(workspace, "rights.access_request") if "continues" in e.body]
    assert answer(workspace, hers.index, "fulfilled") == 0
    assert agent.get(id).json()["status"] == "fulfilled"


def test_a_request_that_arrives_while_its_person_is_linked_is_theirs(
    workspace: Workspace,
    agent: Asking,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent.post("sale:opt-out", "before", **HERS)  # somebody is held under the address
    append = workspace.ledger.append_many

    def first_link(*given: Any, **named: Any) -> list[int]:
        monkeypatch.undo()
        assert link(workspace, tmp_path) == 0
        return append(*given, **named)

    monkeypatch.setattr(
        type(workspace.ledger), "append_many", lambda _, *given, **named: first_link(*given, **named)
    )
    told = agent.post("train:opt-out", "meanwhile", **HERS).json()
    assert (told["status"], "reason" in told) == ("in_progress", False)
    assert standing(workspace, capsys, ANA)["fine_tune_own_model"] == "objected"
    late = max(entries(workspace, "rights.objection"), key=lambda entry: entry.index)
    assert late.body["subject"] == workspace.vault.find(ANA)
    assert workspace.vault.evidence(late.body["subject"], late.body["evidence_commitment"]) is not None


def test_what_is_said_under_a_claim_while_it_is_linked_goes_on_with_the_rest(
    workspace: Workspace,
    agent: Asking,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent.post("sale:opt-out", "before", **HERS)
    found = type(workspace.projections).entries_of

    def then_asked(self: Any, subject: str) -> list[int]:
        there = found(self, subject)
        monkeypatch.undo()
        assert agent.post("train:opt-out", "meanwhile", **HERS).status_code == 200
        return there

    monkeypatch.setattr(type(workspace.projections), "entries_of", then_asked)
    assert link(workspace, tmp_path) == 0
    assert standing(workspace, capsys, ANA)["fine_tune_own_model"] == "objected"


def test_what_was_taken_back_or_answered_stays_so_when_it_goes_on_as_its_persons(
    workspace: Workspace, agent: Asking, tmp_path: Path
) -> None:
    asked = {
        outcome: agent.post("access", outcome, **HERS).json()["request_id"]
        for outcome in ("fulfilled", "no_match")
    }
    deletion = agent.post("deletion", "revoked", **HERS).json()["request_id"]
    assert agent.delete(deletion).json()["status"] == "revoked"
    first, second = entries(workspace, "rights.access_request")
    assert answer(workspace, first.index, "fulfilled") == 0
    assert answer(workspace, second.index, "denied", "--reason", "no_match") == 0
    assert link(workspace, tmp_path) == 0
    assert agent.get(deletion).json()["status"] == "revoked"
    assert agent.get(asked["fulfilled"]).json()["status"] == "fulfilled"
    assert agent.get(asked["no_match"]).json()["status"] == "in_progress"  # now it is known whose it was


def test_only_where_every_claim_was_an_erased_persons_nothing_is_left_to_do(
    workspace: Workspace, agent: Asking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link(workspace, tmp_path)
    agent.post("deletion", "name", name="Ana Souza")
    for who in (ANA, "name:ana souza"):
        workspace.vault.mark_erased(workspace.vault.find(who) or "")
    told = agent.post("train:opt-out", "both", **HERS, phone_number=NUMBER).json()
    assert told["status"] == "in_progress"
    assert link_all(workspace, tmp_path, {"handle": "app:bob", "phone_number": NUMBER}) == 0
    assert standing(workspace, capsys, "app:bob")["fine_tune_own_model"] == "objected"
    other = agent.post("train:opt-out", "another", name="Ana Souza").json()  # a name is nobody's alone
    assert other["status"] == "in_progress"
    assert agent.post("train:opt-out", "alone", **HERS).json()["status"] == "fulfilled"


def test_taking_back_a_request_about_two_people_takes_back_what_is_open(
    workspace: Workspace, agent: Asking, tmp_path: Path
) -> None:
    link_all(
        workspace, tmp_path, {"handle": ANA, "email": MAIL}, {"handle": "app:bob", "phone_number": NUMBER}
    )
    id = agent.post("access", **HERS, phone_number=NUMBER).json()["request_id"]
    assert answer(workspace, max(entry.index for entry in entries(workspace)), "fulfilled") == 0
    assert agent.delete(id).json()["status"] == agent.get(id).json()["status"] == "revoked"
    assert [entry.body["outcome"] for entry in entries(workspace, "rights.answered")] == [
        "fulfilled",
        "revoked",
    ]


def test_an_agent_takes_a_request_back_and_no_door_opens(
    workspace: Workspace, agent: Asking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link(workspace, tmp_path)
    id = agent.post("deletion", **HERS).json()["request_id"]
    shut = standing(workspace, capsys, ANA)
    assert agent.delete(id, reason=f"not {MAIL}").json()["status"] == "revoked"
    assert agent.delete(id).json()["status"] == agent.get(id).json()["status"] == "revoked"
    assert standing(workspace, capsys, ANA) == shut
    (answered,) = entries(workspace, "rights.answered")
    assert answered.body["outcome"] == "revoked"
    assert b"ptarmigan" not in answered.bytes
    denied = agent.post("train:opt-in", "2", **HERS).json()["request_id"]
    assert agent.delete(denied).status_code == 409


def test_a_certificate_fulfils_a_deletion_and_says_what_was_done(
    workspace: Workspace, agent: Asking, tmp_path: Path
) -> None:
    agent.client.post("/v1/events", json=event("1"), headers=BY_KEY)
    link(workspace, tmp_path)
    deletion = agent.post("deletion", "1", **HERS).json()["request_id"]
    access = agent.post("access", "2", **HERS).json()["request_id"]
    assert main(["erase", ANA, "--yes", "--workspace", str(workspace.root), "--json"]) == 0
    told = agent.get(deletion).json()
    assert told["status"] == "fulfilled"
    (effect,) = told["effects"]
    assert effect["action"] == "not_trained"
    assert set(effect) == {"dataset", "model", "action", "due"}
    late = agent.get(access).json()  # nothing is left to hand out
    assert (late["status"], late["reason"]) == ("denied", "no_match")
    for exercise, status, reason in (
        ("sale:opt-out", "fulfilled", None), ("deletion", "fulfilled", None), ("access", "denied", "no_match"),
    ):  # fmt: skip
        later = agent.post(exercise, f"later {exercise}".replace(" ", "-"), **HERS).json()
        assert (later["status"], later.get("reason")) == (status, reason)


def test_the_operators_own_reasons_are_told_in_the_protocols_words(
    workspace: Workspace, agent: Asking, tmp_path: Path
) -> None:
    link(workspace, tmp_path)
    id = agent.post("access", **HERS).json()["request_id"]
    (entry,) = entries(workspace)
    words = ["rights", "answer", str(entry.index), "--outcome", "denied", "--reason", "rights_of_others"]
    assert main([*words, "--workspace", str(workspace.root)]) == 0
    told = agent.get(id).json()
    assert (told["status"], told["reason"]) == ("denied", "claim_not_covered")


# Who may ask


def test_an_agent_sees_its_own_requests_only(workspace: Workspace, tmp_path: Path) -> None:
    one, two = before_the_door_of(workspace, tmp_path, Agent("ONE"), Agent("TWO"))
    id = one.post("deletion", **HERS).json()["request_id"]
    for said in (two.get(id), two.delete(id), one.get("00000000-0000-0000-0000-000000000000")):
        assert (said.status_code, said.json()["code"]) == (403, "403")
    assert two.post("deletion", **HERS).json()["request_id"] != id
    stolen = Asking(two.client, two.agent, one.token)
    assert stolen.post("deletion", "r-9", **HERS).status_code == 403  # one's token, two's key
    assert one.client.get("/v1/agent/ONE", headers=one.bearer).json() == {}
    assert one.client.get("/v1/agent/TWO", headers=one.bearer).status_code == 403


def test_a_token_ends_with_the_agents_key(workspace: Workspace, tmp_path: Path) -> None:
    (before,) = before_the_door_of(workspace, tmp_path, Agent())
    (after,) = before_the_door_of(workspace, tmp_path, Agent())
    assert Asking(after.client, before.agent, before.token).get("x").status_code == 401
    for token in ("", "x", "PERMISSION_SLIP.AAAA.AAAA", "é.é.é", f"{after.token}x", after.token[:-2]):
        told = after.client.get(f"{PATH}/x", headers={"Authorization": f"Bearer {token}".encode()})
        assert (told.status_code, told.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert after.client.get(f"{PATH}/x").status_code == 401


@pytest.mark.parametrize(
    ("changed", "code", "fatal"),
    [
        ({"agent-id": "SOMEBODY_ELSE"}, 403, False),
        ({"business-id": "ANOTHER_KITCHEN"}, 403, False),
        ({"business-id": None}, 403, False),
        ({"issued-at": (NOW + timedelta(seconds=1)).isoformat()}, 400, False),
        ({"issued-at": "yesterday"}, 400, False),
        ({"expires-at": NOW.isoformat()}, 400, True),
        ({"expires-at": 1e400}, 400, False),
        (
            {"expires-at": (NOW + timedelta(days=1)).isoformat()},
            400,
            False,
        ),  # a second more than a day of life
        ({"expires-at": "2999-01-01T00:00:00Z"}, 400, False),
        ({"drp.version": "0.9.3"}, 400, False),
        ({"exercise": "sale:opt_out"}, 400, True),
        ({"exercise": ["deletion"]}, 400, True),
        ({"agent-request-id": "two words"}, 400, False),
        ({"email": "", "phone_number": "911", "name": "  "}, 400, True),
    ],
)
def test_a_message_that_does_not_hold_is_refused_by_field_and_keeps_nothing(
    workspace: Workspace, agent: Asking, changed: dict[str, Any], code: int, fatal: bool
) -> None:
    values = agent.agent.envelope(exercise="deletion", email=MAIL) | changed
    signed = agent.agent.sign_bytes(json.dumps(values).replace("Infinity", "1e400").encode())
    said = agent.client.post(PATH, content=signed, headers=agent.bearer)
    assert (said.status_code, said.json()["code"]) == (code, str(code))
    assert said.json().get("fatal", False) == fatal
    assert "ptarmigan" not in said.text
    assert entries(workspace) == []


def test_a_key_setup_that_does_not_hold_is_a_bare_403(workspace: Workspace, agent: Asking) -> None:
    good, other = agent.agent, Agent(agent.agent.id)
    for id, body in (
        (good.id, other.sign(other.envelope())),
        ("NOBODY", good.sign(good.envelope())),
        (good.id, good.sign(good.envelope(minutes=-1))),
        (good.id, b"%%%"),
    ):
        said = agent.client.post(f"/v1/agent/{id}", content=body)
        assert (said.status_code, said.content) == (403, b"")


def test_a_request_that_somebody_got_hold_of_sets_up_no_token_and_takes_nothing_back(
    workspace: Workspace, agent: Asking
) -> None:
    captured = agent.agent.sign(
        agent.agent.envelope(exercise="deletion", **HERS, **{"agent-request-id": "r-9"})
    )
    id = agent.client.post(PATH, content=captured, headers=agent.bearer).json()["request_id"]
    said = agent.client.post(f"/v1/agent/{agent.agent.id}", content=captured)
    assert (said.status_code, said.content) == (403, b"")
    back = agent.client.request("DELETE", f"{PATH}/{id}", content=captured, headers=agent.bearer)
    assert (back.status_code, agent.get(id).json()["status"]) == (403, "in_progress")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"agent-id": "SOMEBODY_ELSE"}, 403), ({"business-id": "ANOTHER_KITCHEN"}, 403),
        ({"issued-at": (NOW + timedelta(seconds=1)).isoformat()}, 400), ({"expires-at": NOW.isoformat()}, 400),
        ({"drp.version": "0.9.3"}, 400),
    ],
)  # fmt: skip
def test_what_takes_a_request_back_is_checked_as_far_as_it_says_something(
    workspace: Workspace, agent: Asking, changed: dict[str, Any], code: int
) -> None:
    id = agent.post("deletion", **HERS).json()["request_id"]
    for envelope in (agent.agent.envelope(), {}):
        body = agent.agent.sign(envelope | {"reason": "no more"} | changed)
        assert (
            agent.client.request("DELETE", f"{PATH}/{id}", content=body, headers=agent.bearer).status_code
            == code
        )
    assert agent.get(id).json()["status"] == "in_progress"
    whole = agent.agent.sign(agent.agent.envelope(reason="no more"))
    assert (
        agent.client.request("DELETE", f"{PATH}/{id}", content=whole, headers=agent.bearer).status_code == 200
    )


def test_the_agents_own_id_of_a_request_lies_sealed_and_goes_with_its_person(
    plain: Workspace, tmp_path: Path
) -> None:
    (agent,) = before_the_door_of(plain, tmp_path, Agent())
    id = agent.post("access", MAIL, **HERS).json()["request_id"]
    assert agent.get(id).json()["agent_request_id"] == MAIL
    assert b"ptarmigan" not in (plain.root / "witting.db").read_bytes()
    who = plain.vault.find(f"email:{MAIL}") or ""
    plain.vault.mark_erased(who)
    plain.keys.destroy(who)
    assert "agent_request_id" not in agent.get(id).json()


def test_a_request_keeps_its_place_until_it_is_answered(
    plain: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "REQUESTS_MAX", 1)
    (agent,) = before_the_door_of(plain, tmp_path, Agent())
    beside: list[Any] = []

    def asked_meanwhile(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(door, "take", take)
        beside.append(agent.post("access", "r-2", **HERS))
        return take(*given, **named)

    monkeypatch.setattr(door, "take", asked_meanwhile)
    assert agent.post("access", "r-1", **HERS).status_code == 200
    assert [(one.status_code, one.json()["code"]) for one in beside] == [(503, "503")]


def test_while_the_store_takes_nothing_the_agent_is_told_so_in_the_protocols_words(
    workspace: Workspace, agent: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise StoreError("the database is away.")

    with monkeypatch.context() as patched:
        patched.setattr("witting.ledger.Ledger.append_many", away)
        said = agent.post("sale:opt-out", **HERS)
    assert (said.status_code, said.json()["code"]) == (503, "503")
    assert agent.post("sale:opt-out", **HERS).status_code == 200
    assert len(entries(workspace)) == 1


def test_what_a_real_server_answered_outlives_it(plain: Workspace, tmp_path: Path) -> None:
    config = plain.root / "witting.toml"
    config.write_text(config.read_text("utf-8") + f'[requests]\nbusiness_id = "{BUSINESS}"\n', "utf-8")
    them, listed = Agent(), tmp_path / "agents.json"
    listed.write_text(json.dumps([them.entry()]), "utf-8")
    body = them.sign(
        them.envelope(at=datetime.now(UTC), exercise="sale:opt-out", **HERS, **{"agent-request-id": "r"})
    )
    setup = them.sign(them.envelope(at=datetime.now(UTC)))
    with serving(plain.root, "--drp-agents", str(listed)) as (server, address):
        token = httpx2.post(f"{address}/v1/agent/{them.id}", content=setup).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        told = httpx2.post(f"{address}{PATH}", content=body, headers=bearer).json()
        server.kill()
    assert told["status"] == "in_progress"
    assert len(entries(Workspace.open(plain.root))) == 1
    with serving(plain.root, "--drp-agents", str(listed)) as (_, address):  # the token is still good
        assert httpx2.post(f"{address}{PATH}", content=body, headers=bearer).json() == told
        assert httpx2.get(f"{address}{PATH}/{told['request_id']}", headers=bearer).json() == told
    assert len(entries(Workspace.open(plain.root))) == 1


# The message


RFC8032 = (  # section 7.1, TEST 3
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    "af82",
)


def test_a_signature_of_rfc_8032_is_known_and_a_changed_one_is_not() -> None:
    key, signature, message = (bytes.fromhex(part) for part in RFC8032)
    them = directory.Agent("RFC", Ed25519PublicKey.from_public_bytes(key))
    with pytest.raises(Refused, match="not UTF-8"):  # the signature is right; the message is no text
        opened(base64.b64encode(signature + message), them)
    with pytest.raises(Refused, match="signature"):
        opened(base64.b64encode(signature + b"\xaf\x83"), them)


SIGNER = Agent()
VERIFIER = directory.Agent(SIGNER.id, SIGNER.key.public_key())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=5))
def test_what_was_signed_is_what_is_opened(values: dict[str, Any]) -> None:
    assert opened(SIGNER.sign(values), VERIFIER) == values


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_nothing_that_nobody_signed_is_opened(body: bytes) -> None:
    for one in (body, base64.b64encode(body)):
        with pytest.raises(Refused):
            opened(one, VERIFIER)


@given(st.data())
def test_no_bit_of_a_message_can_be_changed(data: st.DataObject) -> None:
    signed = bytearray(base64.b64decode(SIGNER.sign({"exercise": "deletion", "email": MAIL})))
    bit = data.draw(st.integers(0, len(signed) * 8 - 1))
    signed[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(Refused):
        opened(base64.b64encode(bytes(signed)), VERIFIER)


@given(st.binary(min_size=1, max_size=100))
def test_a_message_signed_that_is_no_object_is_refused_and_never_a_fault(message: bytes) -> None:
    try:
        value = json.loads(message)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        assert opened(SIGNER.sign_bytes(message), VERIFIER) == value
    else:
        with pytest.raises(Refused) as refused:
            opened(SIGNER.sign_bytes(message), VERIFIER)
        assert refused.value.status == 400


# The directory of agents


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ("[", "not JSON"), ("[]", "list of 1"), ("{}", "list of 1"), ("[1]", "agent 1: must be an object"),
        ('[{"id": "a b", "verify_key": ""}]', "agent 1, field id"),
        ('[{"id": "A", "verify_key": "AAAA"}]', "agent 1, field verify_key"),
    ],
)  # fmt: skip
def test_a_directory_that_cannot_be_read_names_the_agent_and_the_field(
    tmp_path: Path, listed: str, says: str
) -> None:
    path = tmp_path / "agents.json"
    path.write_text(listed, "utf-8")
    with pytest.raises(ConfigError, match=says):
        directory.read_agents(path)


def test_an_agent_that_stands_twice_is_refused_and_a_key_in_hexadecimal_is_read(tmp_path: Path) -> None:
    path, one = tmp_path / "agents.json", Agent("ONE")
    hexed = one.entry() | {"verify_key": one.key.public_key().public_bytes_raw().hex()}
    path.write_text(json.dumps([hexed]), "utf-8")
    assert directory.read_agents(path)["ONE"].key_bytes == one.key.public_key().public_bytes_raw()
    path.write_text(json.dumps([hexed, one.entry()]), "utf-8")
    with pytest.raises(ConfigError, match="agent 2, field id: stands twice"):
        directory.read_agents(path)


# Linking


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 1: not JSON"), ("[]", "line 1: must be an object"), ('{"handle": "a:b", "mail": "x"}', "nothing else"),
        ('{"handle": "ana", "email": "a@b.org"}', "field handle"), ('{"handle": "email:a@b.org", "email": "a@b.org"}', "field handle"),
        ('{"handle": "a:b", "email": "ana"}', "field email"), ('{"handle": "a:b", "phone_number": "0123"}', "field phone_number"),
        ('{"handle": "a:b"}', "names neither"),
    ],
)  # fmt: skip
def test_a_line_that_links_nobody_is_named_and_links_nobody(
    plain: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, says: str
) -> None:
    people = tmp_path / "people.jsonl"
    people.write_text(line + "\n", "utf-8")
    assert main(["rights", "link", str(people), "--workspace", str(plain.root)]) == 1
    assert says in capsys.readouterr().err


def test_a_claim_that_leads_to_another_person_links_nothing_of_the_file(
    plain: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert link(plain, tmp_path) == 0
    people = tmp_path / "people.jsonl"
    lines = [{"handle": "app:cleo", "email": "cleo@example.org"}, {"handle": "app:bob", "email": MAIL}]
    people.write_text("".join(json.dumps(one) + "\n" for one in lines), "utf-8")
    assert main(["rights", "link", str(people), "--workspace", str(plain.root)]) == 2
    said = capsys.readouterr().err
    assert "line 2" in said
    assert "ptarmigan" not in said
    assert plain.vault.find("email:cleo@example.org") is None


def test_a_claim_that_a_file_gives_to_two_people_links_nothing_of_it(
    plain: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = [{"handle": ANA, "email": MAIL}, {"handle": "app:bob", "email": MAIL.upper()}]
    assert link_all(plain, tmp_path, *two) == 2
    assert "line 2: a claim of this person is another person's by line 1" in capsys.readouterr().err
    assert plain.vault.find(f"email:{MAIL}") is None
    assert link_all(plain, tmp_path, two[0], two[0]) == 0


def test_no_walk_honours_a_no_by_command_of_somebody_nobody_knows(
    plain: Workspace, plain_client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain_client.post("/v1/events", json=event("1"), headers=BY_KEY)
    for who in (f"email:{MAIL}", "whatsapp:Ana Ptarmigan"):
        assert main(["rights", "object", who, "--workspace", str(plain.root)]) == 0
    walk_on(plain, until="corpus", now=datetime.now(UTC) + timedelta(minutes=1))
    capsys.readouterr()
    main(["rights", "due", "--all", "--handles", "--workspace", str(plain.root), "--json"])
    rows = json.loads(capsys.readouterr().out)["requests"]
    assert {row["handle"]: row["outcome"] for row in rows} == {
        f"email:{MAIL}": None,
        "whatsapp:Ana Ptarmigan": "fulfilled",
    }


def test_an_objection_by_command_for_an_address_is_held_like_an_agents(
    plain: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for claim in (f"email:{MAIL.upper()} ", "phone:+55 11 91234-5678", "name:Ana  SOUZA"):
        assert main(["rights", "object", claim, "--workspace", str(plain.root)]) == 0
    assert plain.vault.find("phone:+5511912345678") is not None
    assert plain.vault.find("name:ana souza") is not None
    assert link(plain, tmp_path) == 0
    assert standing(plain, capsys, ANA)["fine_tune_own_model"] == "objected"
    assert main(["rights", "object", "phone:12", "--workspace", str(plain.root)]) == 2


def test_requests_are_taken_only_where_the_business_has_its_name(
    plain: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WITTING_API_KEYS", "a-key-for-tests-0123456789")
    listed = tmp_path / "agents.json"
    listed.write_text(json.dumps([Agent().entry()]), "utf-8")
    assert main(["serve", "--port", "0", "--drp-agents", str(listed), "--workspace", str(plain.root)]) == 2
    assert "requests.business_id" in capsys.readouterr().err
    assert BUSINESS not in capsys.readouterr().err
