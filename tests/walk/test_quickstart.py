"""The quickstart, person by person: what its README foretells is what the walk did."""

from __future__ import annotations

import itertools
import json
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from witting import corpus
from witting.schema import DECISION, EXAMPLE, REDACTED, empty
from witting.store.parts import read_part
from witting.walk.curate import VERDICTS
from witting.walk.decide import DECISIONS
from witting.walk.redact import REDACTED_TURNS
from witting.workspace import Workspace

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart"
sys.path.insert(0, str(QUICKSTART))
CAST = runpy.run_path(str(QUICKSTART / "cast.py"))["CAST"]
sys.path.remove(str(QUICKSTART))
pytestmark = pytest.mark.slow


def rows(workspace: Workspace, snapshot: str, schema: Any) -> pl.DataFrame:
    current = workspace.snapshots.current(snapshot)
    assert current is not None
    return pl.concat(
        [pl.DataFrame(empty(schema)), *(pl.DataFrame(read_part(workspace.objects, p)) for p in current.parts)]
    )


@pytest.fixture(scope="module")
def workspace(walked: Path) -> Workspace:
    return Workspace.open(walked)


@pytest.fixture(scope="module")
def examples(workspace: Workspace) -> pl.DataFrame:
    manifest = corpus.load(workspace.objects, workspace.snapshots, "latest")
    return pl.concat(
        [pl.DataFrame(empty(EXAMPLE)), *map(pl.DataFrame, corpus.read(workspace.objects, manifest))]
    )


def of(person: Any, workspace: Workspace) -> str:
    subject = workspace.vault.find(person.handle)
    assert subject is not None, f"{person.source} gave nothing of the person numbered {CAST.index(person)}"
    return subject


@pytest.mark.parametrize("number", range(len(CAST)))
def test_each_person_fares_as_their_story_says(
    number: int, workspace: Workspace, examples: pl.DataFrame
) -> None:
    person = CAST[number]
    subject = of(person, workspace)
    decisions = rows(workspace, DECISIONS, DECISION).filter(pl.col("subject_id") == subject)
    outcome = {
        "permit" if d == "permit" else r for d, r in decisions.select("decision", "reason").iter_rows()
    }
    assert outcome == {person.expect}
    used = examples.filter(pl.col("subject_id") == subject).height
    assert (used > 0) == (person.expect == "permit")


@pytest.mark.parametrize(
    ("handle", "reason"),
    [("chatgpt:user-amelia04", "special_category"), ("chatgpt:user-oliver05", "confidential")],
)
def test_a_health_talk_and_a_business_idea_are_refused_with_their_answers(
    handle: str, reason: str, workspace: Workspace
) -> None:
    subject = workspace.vault.find(handle)
    refused = rows(workspace, REDACTED_TURNS, REDACTED).filter(
        (pl.col("subject_id") == subject) & (pl.col("verdict") == "refuse")
    )
    assert dict(refused.select("role", "reason").iter_rows())["user"] == reason
    assert sorted(refused["role"].to_list()) == ["assistant", "user"]  # its answer would repeat it
    assert refused["text"].is_null().all()


@pytest.mark.parametrize(
    ("handle", "secret", "kind"),
    [
        ("chatgpt:user-grace08", "sk-proj-Zk3Qw9Lm2Xc7Vb5Nn8Tr4Yp6Hd1Gf0Js", "SECRET"),
        ("open_webui:george", "7946 0123", "PHONE"),
        ("open_webui:george", "george.h@example.org", "EMAIL"),
    ],
)
def test_a_key_a_number_and_an_address_are_replaced_and_the_question_stays(
    handle: str, secret: str, kind: str, workspace: Workspace
) -> None:
    subject = workspace.vault.find(handle)
    own = rows(workspace, REDACTED_TURNS, REDACTED).filter(pl.col("subject_id") == subject)
    texts = " ".join(own["text"].drop_nulls().to_list())
    assert secret not in texts
    assert f"<{kind}" in texts
    assert (own["verdict"] == "keep").all()


def test_what_was_asked_word_for_word_by_two_people_is_kept_once(workspace: Workspace) -> None:
    verdicts = [read_part(workspace.objects, p) for p in workspace.snapshots.current(VERDICTS).parts]
    reasons = Counter(reason for table in verdicts for reason in table["reason"].to_pylist())
    assert reasons["duplicate"] >= 1


def test_a_second_answer_that_was_kept_makes_a_preference_pair(
    workspace: Workspace, examples: pl.DataFrame
) -> None:
    subject = workspace.vault.find("chatgpt:user-sofia06")
    pairs = examples.filter((pl.col("subject_id") == subject) & (pl.col("kind") == "preference"))
    assert pairs.height == 1
    assert pairs["chosen"][0] != pairs["rejected"][0]


def test_answers_that_were_thumbed_down_are_not_imitated(
    workspace: Workspace, examples: pl.DataFrame
) -> None:
    subject = workspace.vault.find("open_webui:tom")
    own = examples.filter((pl.col("subject_id") == subject) & (pl.col("kind") == "sft"))
    assert 0 < own.height < 9


def test_the_funnel_adds_up_at_every_stage(walked: Path) -> None:
    stages = json.loads((walked / "reports" / "funnel.json").read_text("utf-8"))["stages"]
    assert [s["stage"] for s in stages] == ["intake", "rights", "redaction", "curation"]
    for stage in stages:
        assert stage["read"] == stage["kept"] + stage["refused"] + stage["dropped"] + stage["quarantined"]
        assert sum(stage["reasons"].values()) == stage["read"] - stage["kept"]
    for before, after in itertools.pairwise(stages):
        assert after["read"] == before["kept"]


def test_held_out_people_gain_from_the_adapter(walked: Path) -> None:
    run = json.loads((walked.parent / "run.json").read_text("utf-8"))
    evaluation = run["rooms"]["training"]["evaluation"]
    assert evaluation["people"] >= 3
    assert evaluation["adapted_loss_nats"] < evaluation["base_loss_nats"]
    assert evaluation["improved"] is True


def test_the_trial_gate_says_underpowered_and_opens_for_the_operator_only(walked: Path) -> None:
    gate = json.loads((walked.parent / "run.json").read_text("utf-8"))["rooms"]["release"]
    assert gate["underpowered"]
    assert gate["audience"] == ("operator_only" if gate["open"] else "nobody")
    # Canaries and people held out are drawn under each workspace's key: chance alone shuts it once in some hundred.
    assert {check["name"] for check in gate["checks"] if not check["ok"]} <= {"exposure", "extraction"}


def test_the_inbox_and_the_rights_log_are_consumed(walked: Path) -> None:
    assert not list((walked / "inbox").iterdir())
    assert not (walked / "rights.jsonl").exists()


def test_the_quickstart_is_what_its_generator_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(QUICKSTART / "generate.py"), str(tmp_path)], check=True, timeout=60)
    assert generated(tmp_path) == generated(QUICKSTART)


def generated(folder: Path) -> dict[str, bytes]:
    paths = [*(folder / "inbox").iterdir(), folder / "rights.jsonl", folder / "README.md"]
    return {path.name: path.read_bytes() for path in paths}


def test_there_are_sixty_people_in_eight_places_and_six_languages() -> None:
    assert len(CAST) == 60
    assert len({p.place for p in CAST if p.place is not None}) == 8
    assert len({p.language for p in CAST}) == 6
    assert {p.source for p in CAST} == {
        "chatgpt",
        "open_webui",
        "openai_log",
        "whatsapp",
        "messenger",
        "instagram",
    }
