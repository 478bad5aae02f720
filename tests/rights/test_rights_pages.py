"""The pages of this room say what the code does."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from witting.rights.event import FIELDS, parse_event
from witting.rights.evidence import load_profile
from witting.rights.reasons import REASONS
from witting.schema import EVENT_KINDS

DOCS = Path(__file__).parents[2] / "docs"
EVENTS = (DOCS / "formats" / "rights-events.md").read_text("utf-8")
LINES = EVENTS.split("```jsonl\n")[1].split("```")[0].splitlines()


@pytest.mark.parametrize("line", LINES, ids=range(1, len(LINES) + 1))
def test_each_line_of_the_example_log_is_an_event(line):
    assert (
        parse_event(line.encode(), where="page", now=datetime(2026, 11, 24, tzinfo=UTC)).kind in EVENT_KINDS
    )


def test_every_field_and_kind_of_an_event_is_described():
    assert [name for name in (*FIELDS, *EVENT_KINDS) if f"`{name}`" not in EVENTS] == []


def test_every_reason_is_listed_with_its_sentence():
    page = (DOCS / "rights.md").read_text("utf-8")
    assert [name for name, said in REASONS.items() if f"`{name}`" not in page or said not in page] == []


def test_every_pack_is_listed(packs):
    page = (DOCS / "packs.md").read_text("utf-8")
    assert [name for name in packs.files if f"| `{name}` |" not in page] == []


def test_every_rule_of_evidence_is_listed_with_its_remedy():
    page = (DOCS / "formats" / "evidence.md").read_text("utf-8")
    rules = [rule.failure for rule in load_profile("gdpr").rules]
    assert [rule.rule for rule in rules if f"`{rule.rule}`" not in page or rule.remedy not in page] == []
