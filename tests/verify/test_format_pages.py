"""The examples that open the pages of the formats are real: both verifiers accept them."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

from witting.ledger import read_statement, verify_statement
from witting.ledger.entry import parse_entry

FORMATS = Path(__file__).parents[2] / "docs" / "formats"


def block(page: str, language: str) -> str:
    found = re.search(
        rf"^```{language}\n(.*?)^```$", (FORMATS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found, f"{page} has no block of {language}"
    return found[1]


def test_the_example_statement_verifies_under_the_example_key(verifier: ModuleType) -> None:
    text, key = block("certificate.md", "json"), block("checkpoint.md", "vkey")
    kept = block("checkpoint.md", "checkpoint")
    ours = verify_statement(read_statement(text.encode()), verifier_key=key, old_checkpoint=kept)
    theirs = verifier.verify_statement(text.encode(), expected=key, kept=kept)
    assert [(check.name, check.ok) for check in ours] == [(check.name, check.ok) for check in theirs]
    assert all(check.ok for check in ours)


def test_the_example_checkpoint_and_proof_verify_under_the_example_key(verifier: ModuleType) -> None:
    key = block("checkpoint.md", "vkey")
    note, proof = block("checkpoint.md", "checkpoint"), block("checkpoint.md", "tlog-proof")
    checks = verifier.verify_checkpoint(note, expected=key, beside=None, kept=None)
    checks += verifier.verify_proof(proof, expected=key, kept=None)
    assert all(check.ok for check in checks)


def test_the_example_entry_is_canonical() -> None:
    assert parse_entry(block("checkpoint.md", "json").strip().encode()).index == 2
