"""Receipts of fixed entries do not change by accident: whoever asks again would get a new one."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.golden import CONSENT, DOCS, FOLDER, HOUSE, NOW, entry, golden, text
from reports.receipted import rules
from witting.reports.receipts import KINDS, About, ends_at, make_receipt, state_of
from witting.rights.purposes import included
from witting.schema import CONSENT_VERDICTS, PURPOSES


@pytest.mark.parametrize("name", golden())
def test_a_receipt_comes_out_byte_for_byte(name: str) -> None:
    """Where it has to change: raise the number of the profile in reports/dpv.py, then python tests/reports/golden.py."""
    assert text(golden()[name]) == (FOLDER / f"{name}.json").read_text("utf-8")


def test_no_golden_receipt_is_left_over() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(golden())


def test_the_format_page_opens_with_one_of_them() -> None:
    page = (DOCS / "formats" / "receipt.md").read_text("utf-8")
    assert json.loads(page.split("```json\n")[1].split("```")[0]) == golden()["consent"]


@given(
    kind=st.sampled_from(KINDS),
    purposes=st.lists(st.sampled_from(PURPOSES), unique=True),
    verdict=st.sampled_from(CONSENT_VERDICTS),
)
def test_only_a_yes_permits_and_never_what_it_also_prohibits(
    kind: str, purposes: list[str], verdict: str
) -> None:
    said = CONSENT | {"purposes": purposes, "verdict": verdict}
    about = About(entry(3, kind, said), None, None, None, None, None)
    permitted, prohibited = rules(dict(make_receipt(about, HOUSE, created=NOW).body))
    assert not set(permitted) & set(prohibited)
    assert set(permitted) <= {inner for name in purposes for inner in included(name)}
    named = set(purposes) or (set(PURPOSES) if kind not in ("consent", "signal") else set())
    assert named <= {*permitted, *prohibited}
    if kind != "consent" or verdict == "invalid":
        assert permitted == []
        assert state_of(about) != "given"
    elif verdict == "weak":
        assert set(permitted) <= {"evaluate_model"}
    else:
        assert prohibited == []


@pytest.mark.parametrize(
    ("own", "ends"),
    [
        (None, "2027-11-23T18:00:00+00:00"),
        ("2026-12-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00"),
        ("2031-01-01T00:00:00+00:00", "2027-11-23T18:00:00+00:00"),
    ],
)
def test_a_consent_ends_as_the_house_decides_by(own: str | None, ends: str) -> None:
    given_then = entry(
        3, "consent", {**CONSENT, "expires_at": own} if own else {"occurred_at": CONSENT["occurred_at"]}
    )
    assert ends_at(given_then, HOUSE) == datetime.fromisoformat(ends)
