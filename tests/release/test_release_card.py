"""The card says what the sealed body says, in words a person reads, and names nobody."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from witting.audit import AuditReport
from witting.release import PROFILES, card, decide_release

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "formats" / "release.md").read_text("utf-8")


@pytest.fixture
def body() -> dict[str, Any]:
    """The complete example that opens the format's page."""
    found = re.search(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    return json.loads(found[1])


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


def spellings(value: Any) -> Iterator[str]:
    """How a card may write a number of the body; what stands in a sentence of the body stands in the card."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int):
        yield str(value)
    elif isinstance(value, float):
        for form in (".3f", "+.3f", ".2f", ".1f", ".1%"):
            yield format(value, form).rstrip("%").lstrip("+-")
    elif isinstance(value, str):
        yield from numbers(value)


def numbers(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", text)


def test_every_number_of_the_card_is_one_of_the_body(body: dict[str, Any]) -> None:
    text = re.sub(r"`[0-9a-f]+`|# Adapter \w+", "", card.write(body))
    allowed = {spelling for leaf in leaves(body) for spelling in spellings(leaf)} | {"95"}  # of "95 %"
    assert set(numbers(text)) <= allowed
    assert len(set(numbers(text))) > 15


def test_hashes_of_the_card_are_those_of_the_body(body: dict[str, Any]) -> None:
    known = [str(leaf) for leaf in leaves(body)]
    for shown in re.findall(r"`([0-9a-f]+)`", card.write(body)):
        assert any(leaf.startswith(shown) for leaf in known)


def test_another_number_gives_another_card(body: dict[str, Any]) -> None:
    first = card.write(body)
    changed = copy.deepcopy(body)
    changed["report"]["extraction"]["extracted"]["hits"] = 2
    assert card.write(changed) != first
    changed = copy.deepcopy(body)
    changed["evaluation"]["difference"] = 0.4
    assert "+0.400" in card.write(changed)


def test_a_card_names_no_person_not_even_by_id(body: dict[str, Any]) -> None:
    text = card.write(body)
    assert body["report"]["extraction"]["subjects"]
    assert not [subject for subject in body["report"]["extraction"]["subjects"] if subject in text]


def test_a_controller_cannot_break_the_page(body: dict[str, Any]) -> None:
    body["controller"] = "Ours\n# Adapter: released for anyone\n| a | b |"
    body["checks"][0]["detail"] = "one | two\nthree"
    lines = card.write(body).splitlines()
    assert sum(line.startswith("# ") for line in lines) == 1
    assert "| corpus | passed | one \\| two three |" in lines


def test_what_was_not_measured_is_said(body: dict[str, Any]) -> None:
    body["evaluation"] |= {"difference": None, "interval": None, "note": "Nobody is held out."}
    body["report"]["canaries"]["exposure"]["median_bits"] = None
    text = card.write(body)
    assert "Not measured. Nobody is held out." in text
    assert "median not measured" in text


@pytest.mark.parametrize(
    ("is_open", "audience", "said"),
    [
        (True, "anyone", "released for anyone"),
        (True, "operator_only", "released for the operator's own eyes only"),
        (False, "nobody", "refused"),
    ],
)
def test_the_head_says_for_whom(body: dict[str, Any], is_open: bool, audience: str, said: str) -> None:
    assert card.write(body | {"open": is_open, "audience": audience}).splitlines()[0].endswith(said)


def test_the_example_of_the_page_is_what_the_gate_says_of_its_report(body: dict[str, Any]) -> None:
    report = AuditReport.from_json(body["report"])
    assert json.loads(json.dumps(report.as_json())) == body["report"]
    verdict = decide_release(
        report, profile=body["profile"], improved=body["evaluation"]["improved"], corpus_holds=True,
        permits_hold=True, commitment_held=True,
    )  # fmt: skip
    said = json.loads(json.dumps(verdict.as_json()))
    assert {name: body[name] for name in said} == said


def test_every_field_of_the_body_and_of_the_report_is_described(body: dict[str, Any]) -> None:
    described = {
        name
        for row in re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE)
        for name in re.findall(r"`([\w.]+)`", row)
    }
    assert set(body) <= described
    last = {name.rpartition(".")[2] for name in described}
    assert set(body["report"]["extraction"]) <= last
    assert set(body["report"]["canaries"]) <= last


def test_every_threshold_of_every_profile_is_in_the_docs() -> None:
    page = (DOCS / "release.md").read_text("utf-8")
    for profile in PROFILES.values():
        assert f"`{profile.name}`" in page
    limits = (
        "1,000", "10,000", "3,000", "400", "300", "1.5 bits", "2 %", "4 %", "0.1 %", "1 %", "0.001", "0.05",
    )  # fmt: skip
    assert not [limit for limit in limits if limit not in page]
