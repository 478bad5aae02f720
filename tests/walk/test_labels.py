"""Feedback through the walk: a sealed better answer is redacted, becomes a label, and goes with its person's permission."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conftest import AS_OF, copy_quickstart
from witting.rights.record import RightsEvent, record
from witting.store.parts import read_part
from witting.walk import alone, walk
from witting.walk.erase import plan
from witting.workspace import Workspace

MOMENT = datetime.fromisoformat(AS_OF)
NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)
HANDLE = "open_webui:hannah"  # their consent stands in the quickstart
BETTER = "The library opens at nine; write to gregor.sample@example.org for the hall."
OBJECTS = "No, that is wrong. It must be the other hall."


def quiet(what: str, done: int, total: int) -> None:
    """Nobody looks on."""


def walk_to_corpus(workspace: Workspace) -> dict[str, Any]:
    return walk(workspace, until="corpus", tell=quiet, now=NOW, as_of=MOMENT).rooms


def rows(workspace: Workspace, snapshot: str) -> pl.DataFrame:
    current = workspace.snapshots.current(snapshot)
    parts = () if current is None else current.parts
    return pl.concat([pl.DataFrame(read_part(workspace.objects, part)) for part in parts] or [pl.DataFrame()])


def write_events(root: Path) -> None:
    """A talk of Hannah's: the first answer corrected by her, the second objected to in words and corrected by somebody else; after
    the third she went on in words without a date, which nothing permits."""
    at = MOMENT - timedelta(days=20)
    said = [
        ("user", "When does the village library open on Mondays?"),
        ("assistant", "The library opens at noon on every weekday."),
        ("user", "And which hall has the piano in it, please?"),
        ("assistant", "The piano stands in the small hall upstairs."),
        ("user", OBJECTS),
        ("assistant", "The piano stands in the large hall downstairs."),
    ]

    def event(number: int, what: str, changes: dict[str, Any] | None = None, **data: Any) -> str:
        moment = (at + timedelta(minutes=number)).isoformat()
        told = {"id": f"e{number}", "source": "/chat", "type": what, "subject": HANDLE, "time": moment}
        named = {key: value for key, value in {**told, **(changes or {})}.items() if value is not None}
        return json.dumps({"specversion": "1.0", **named, "data": {"conversation_id": "live-1", **data}})

    lines = [
        event(
            number, "chat.turn", turn_id=f"t{number}", parent_id=f"t{number - 1}" if number else None,
            role=role, text=text, audience="assistant",
        )
        for number, (role, text) in enumerate(said)
    ]  # fmt: skip
    lines.append(event(9, "chat.feedback", turn_id="t1", kind="correction", text=BETTER))
    other = {"subject": "open_webui:marie"}
    lines.append(event(10, "chat.feedback", other, turn_id="t3", kind="correction", text="Ask the janitor."))
    last = {"turn_id": "t6", "parent_id": "t5", "role": "user", "text": "I see. And when is it open?"}
    lines.append(event(11, "chat.turn", {"time": None}, audience="assistant", **last))
    (root / "inbox" / "events.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, Any]]:
    root = copy_quickstart(tmp_path_factory.mktemp("labelled") / "workspace")
    write_events(root)
    workspace = Workspace.open(root)
    return workspace, walk_to_corpus(workspace)


def of_rule(workspace: Workspace, rule: str) -> pl.DataFrame:
    return rows(workspace, "curation/examples").filter(pl.col("rule") == rule)


def test_a_better_answer_is_redacted_and_learned(labelled: tuple[Workspace, dict[str, Any]]) -> None:
    workspace, rooms = labelled
    assert rooms["redaction"]["corrections"] == {"read": 1, "kept": 1, "reasons": {}}
    (better,) = of_rule(workspace, "corrected/1").to_dicts()
    learned = better["messages"][-1]["content"]
    assert learned.startswith("The library opens at nine;")
    assert "example.org" not in learned
    (pair,) = of_rule(workspace, "corrected_pair/1").to_dicts()
    assert (pair["chosen"], pair["rejected"]) == (learned, "The library opens at noon on every weekday.")


def test_an_objection_is_a_row_of_its_own_with_its_evidence(
    labelled: tuple[Workspace, dict[str, Any]],
) -> None:
    workspace, rooms = labelled
    (label,) = of_rule(workspace, "objected_kto/1").filter(pl.col("turns").list.len() == 5).to_dicts()
    signals = rows(workspace, "curation/signals").filter(pl.col("signal_id").is_in(label["signals"]))
    (signal,) = signals.to_dicts()
    assert (signal["kind"], signal["rule"], signal["evidence_row"]) == (
        "objected",
        "objected/1",
        label["turns"][-1],
    )
    assert OBJECTS[signal["evidence_start"] : signal["evidence_end"]].strip()
    assert rooms["curation"]["implied"]["objected"] >= 1
    assert rooms["curation"]["labels"]["kto"]["labels"] >= 1


def test_a_conversation_does_not_end_where_nobody_may_read_on(
    labelled: tuple[Workspace, dict[str, Any]],
) -> None:
    workspace, _ = labelled
    turns = rows(workspace, "intake/turns").join(
        rows(workspace, "redaction/turns").select("row_id"), on="row_id", how="anti"
    )
    answers = rows(workspace, "redaction/turns").filter(
        pl.col("text").str.contains("large hall downstairs").fill_null(False)
    )
    assert turns.join(answers, left_on="parent_id", right_on="row_id").height == 1
    ended = rows(workspace, "curation/signals").filter(pl.col("kind") == "abandoned")
    assert ended.join(answers, on="row_id").is_empty()


def test_an_erasure_plans_for_their_corrections_and_signals(
    labelled: tuple[Workspace, dict[str, Any]],
) -> None:
    workspace, _ = labelled
    subject = workspace.vault.find(HANDLE)
    assert subject is not None
    with alone(workspace, tell=quiet, now=NOW) as step:
        touched = plan(step, subject)["rows"]
    assert touched["redaction/corrections"] == 1
    assert touched["curation/signals"] >= 1


def test_with_the_withdrawal_go_the_labels(tmp_path: Path) -> None:
    root = copy_quickstart(tmp_path / "workspace")
    write_events(root)
    workspace = Workspace.open(root)
    event = RightsEvent(
        kind="withdrawal", subject=HANDLE, purposes=(), occurred_at=MOMENT - timedelta(days=1)
    )
    record([event], vault=workspace.vault, ledger=workspace.ledger, packs=workspace.packs, now=NOW)
    rooms = walk_to_corpus(workspace)
    assert rooms["redaction"]["corrections"] == {"read": 0, "kept": 0, "reasons": {}}
    assert of_rule(workspace, "corrected/1").is_empty()


def test_whom_an_age_event_calls_a_child_makes_no_label(tmp_path: Path) -> None:
    """Under 18 and over their country's age of consent: they may agree to the use, and still label nothing."""
    root = copy_quickstart(tmp_path / "workspace")
    write_events(root)
    workspace = Workspace.open(root)
    event = RightsEvent(
        kind="age", subject=HANDLE, purposes=(), occurred_at=MOMENT - timedelta(days=200), age=17
    )
    record([event], vault=workspace.vault, ledger=workspace.ledger, packs=workspace.packs, now=NOW)
    walk_to_corpus(workspace)
    subject = workspace.vault.find(HANDLE)
    own = rows(workspace, "curation/examples").filter(pl.col("subject_id") == subject)
    labels = own.filter(
        pl.col("kind").is_in(["kto", "preference"]) | pl.col("rule").str.starts_with("corrected")
    )
    assert labels.is_empty()
