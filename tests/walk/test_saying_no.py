"""A no at the command line reaches whoever is meant, and a slip is refused before anything is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Said
from walk.small_workspace import make, walk_to
from witting.workspace import Workspace

Run = Callable[..., Said]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make(tmp_path_factory.mktemp("noes") / "workspace")
    event = {
        "specversion": "1.0", "id": "1", "source": "/chat", "type": "chat.turn", "time": "2026-11-01T10:00:00Z",
        "subject": "myapp:user-gia",
        "data": {"conversation_id": "c", "turn_id": "t", "role": "user", "text": "hello there", "audience": "assistant"},
    }  # fmt: skip
    (folder / "inbox" / "events.jsonl").write_text(json.dumps(event) + "\n", "utf-8")
    walk_to(folder, "rights")
    return folder


def entries(root: Path) -> int:
    return int(Workspace.open(root).ledger.size())


def test_a_purpose_nobody_knows_is_refused_and_nothing_is_written(root: Path, witting_here: Run) -> None:
    before = entries(root)
    for verb in ("object", "withdraw"):
        said = witting_here(
            "rights", verb, "email:q@example.org", "--purpose", "improve_service", "--workspace", root
        )
        assert said.code == 2
        assert "fine_tune_own_model" in said.err
    assert entries(root) == before


def test_who_came_by_live_events_can_say_no_and_so_can_others_of_that_product(
    root: Path, witting_here: Run
) -> None:
    known = witting_here("rights", "withdraw", "myapp:user-gia", "--workspace", root, "--json")
    assert (known.code, known.json["known"]) == (0, True)
    stranger = witting_here("rights", "object", "myapp:user-new", "--workspace", root, "--json")
    assert (stranger.code, stranger.json["known"]) == (0, False)
    slip = witting_here("rights", "object", "myap:user-gia", "--workspace", root)
    assert slip.code == 2
    assert "gia" not in slip.err


def test_an_address_in_a_log_is_the_same_handle_however_it_is_typed(
    root: Path, witting_here: Run, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    said = [
        {"kind": "objection", "subject": subject, "occurred_at": "2026-11-02T10:00:00Z"}
        for subject in ("email:Yan@Example.org", "phone:+55 11 91234-5679")
    ]
    log.write_text("".join(json.dumps(one) + "\n" for one in said), "utf-8")
    assert witting_here("rights", "record", log, "--workspace", root).code == 0
    for handle in ("email:yan@example.org", "phone:+5511912345679"):
        rows = witting_here("rights", "standing", handle, "--workspace", root, "--json").json["standing"]
        assert {row["reason"] for row in rows} == {"objected"}


def test_a_persons_turns_are_listed_before_there_is_a_corpus(root: Path, witting_here: Run) -> None:
    said = witting_here("rights", "explain", "openai_log:acct-1003", "--workspace", root, "--json").json
    assert {name: len(ids) for name, ids in said["turns"].items()} == {"no_consent": 18}
    turn = said["turns"]["no_consent"][0]
    assert (
        witting_here("rights", "explain", turn, "--workspace", root, "--json").json["reason"] == "no_consent"
    )
    unknown = witting_here("rights", "explain", "whatsapp:Ana Souza", "--workspace", root)
    assert unknown.code == 2
    assert "Ana" not in unknown.err
