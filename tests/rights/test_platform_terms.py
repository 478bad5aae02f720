"""What a platform's terms or the place of publication refuse stays refused, however clearly the person agreed."""

from datetime import date, datetime

import polars as pl
import pyarrow.parquet as pq
import pytest

from rights.test_deciding_by_law import AS_OF, TURN_AT, YES, answer, event, events_of, turn, turns_of
from witting.intake.facts import Facts, PermittedUse
from witting.rights import terms
from witting.rights.bulk import decide_files
from witting.rights.explain import explain
from witting.rights.policy import load_packs

OWN, GENERAL = "fine_tune_own_model", "train_general_model"
GENERAL_YES = event("consent", "2026-06-01", purposes=[GENERAL, OWN, "personalise_ads"])


@pytest.fixture(scope="module")
def packs():
    return load_packs()


@pytest.mark.parametrize(
    ("surface", "purpose", "reason"),
    [
        ("whatsapp", OWN, "consent"),
        ("whatsapp", GENERAL, "platform_terms"),
        ("openai_log", GENERAL, "consent"),
        ("our_own_app", GENERAL, "consent"),  # no source states terms: taken for the operator's own product
        (None, GENERAL, "consent"),
        ("our_own_app", "personalise_ads", "platform_terms"),  # and bound as that is
        (None, "personalise_ads", "platform_terms"),
    ],
)
def test_terms_of_the_platform_bind_before_consent(packs, surface, purpose, reason):
    decided = answer(packs, [GENERAL_YES], turn(surface=surface), purpose=purpose)[0]
    assert decided["reason"] == reason
    assert (decided["decision"] == "permit") == (reason == "consent")
    assert (decided["entry"] is None) or reason == "consent"


def test_a_persons_own_no_is_said_first(packs):
    decided = answer(packs, [], turn(surface="whatsapp"), purpose=GENERAL)[0]
    assert decided["reason"] == "no_consent"


def test_terms_count_from_their_day_on(packs, monkeypatch):
    free = PermittedUse(date(2020, 1, 1), (GENERAL,), "", "invented", True)
    shut = PermittedUse(date(2026, 11, 24), (), "", "invented", True)
    monkeypatch.setattr(terms, "all_facts", lambda: {"x": Facts("", "", "", "", "", "", (free, shut))})
    on = {day: answer(packs, [GENERAL_YES], turn(surface="x"), purpose=GENERAL, as_of=day)[0]["reason"]
          for day in (AS_OF, datetime(2026, 11, 23, tzinfo=AS_OF.tzinfo))}  # fmt: skip
    assert list(on.values()) == ["platform_terms", "consent"]


@pytest.mark.parametrize(("barred", "reason"), [([OWN], "origin_refuses"), ([GENERAL], "consent"), ([], "consent"), (None, "consent")])  # fmt: skip
def test_what_the_place_of_publication_refuses_is_refused(packs, barred, reason):
    decided = answer(packs, [YES], turn(barred=barred, audience="assistant"))[0]
    assert decided["reason"] == reason


def test_the_bulk_door_reads_terms_too(packs, tmp_path):
    rows = pl.DataFrame(
        turns_of(
            turn(surface="whatsapp"), turn(row_id="t2", barred=[GENERAL]), turn(row_id="t3", surface="app")
        )
    )
    rows = rows.rename(
        {"row_id": "turn", "conversation_id": "conversation", "subject_id": "subject", "occurred_at": "time"}
    )
    rows.with_columns(
        surface=pl.when(pl.col("turn") == "t2").then(pl.lit("app")).otherwise("surface")
    ).write_parquet(tmp_path / "t.parquet")
    pq.write_table(events_of([GENERAL_YES]), tmp_path / "e.parquet")
    decide_files(
        tmp_path / "t.parquet",
        tmp_path / "e.parquet",
        purpose=GENERAL,
        as_of=AS_OF,
        out=tmp_path / "d.parquet",
    )
    said = pl.read_parquet(tmp_path / "d.parquet")["reason"].to_list()
    assert said == ["platform_terms", "origin_refuses", "consent"]


def test_the_explanation_names_the_terms_and_whether_they_were_read(packs):
    row = turn(surface="whatsapp", occurred_at=TURN_AT)
    said = explain(row, events_of([GENERAL_YES]), purpose=GENERAL, as_of=AS_OF, packs=packs)
    (asked,) = [one for one in said.asked if one.rule.endswith("platform_terms")]
    assert "2026-01-15" in asked.saw
    assert "not read by us" in asked.saw
