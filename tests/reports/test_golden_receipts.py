"""Receipts of fixed entries do not change by accident: whoever asks again would get a new one."""

from __future__ import annotations

import json

import pytest

from reports.golden import DOCS, FOLDER, golden, text


@pytest.mark.parametrize("name", golden())
def test_a_receipt_comes_out_byte_for_byte(name: str) -> None:
    """Where it has to change: raise the number of the profile in reports/dpv.py, then python tests/reports/golden.py."""
    assert text(golden()[name]) == (FOLDER / f"{name}.json").read_text("utf-8")


def test_no_golden_receipt_is_left_over() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(golden())


def test_the_format_page_opens_with_one_of_them() -> None:
    page = (DOCS / "formats" / "receipt.md").read_text("utf-8")
    assert json.loads(page.split("```json\n")[1].split("```")[0]) == golden()["consent"]
