"""Requests for access, complaints, and what was answered: through the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import Said
from walk.small_workspace import MOMENT, PURPOSE, handle, make
from walk.test_due import event, record
from witting.rights.answer import REASONS
from witting.workspace import Workspace

ANA, LENA, RAVI, OLE = (handle(f"acct-{number}") for number in (1012, 1009, 1015, 1010))
KINDS = ("access_request", "complaint", "erasure_request", "objection")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock that the commands read."""

    def set_clock(moment: datetime) -> None:
        for module in ("due", "rights", "answer"):
            monkeypatch.setattr(f"witting.doors.cli.{module}.now", lambda: moment)

    return set_clock


@pytest.fixture
def asked(
    tmp_path: Path,
    witting_here: Callable[..., Said],
    at: Callable[[datetime], None],
) -> Path:
    """Four people of the United Kingdom, each with one request of ten days ago."""
    root = tmp_path / "workspace"
    Workspace.create(root)
    at(MOMENT)
    people = (ANA, LENA, RAVI, OLE)
    record(
        witting_here, root, *(event("place", who, days=300, place="GB") for who in people),
        *(event(kind, who, days=10) for who, kind in zip(people, KINDS, strict=True)),
    )  # fmt: skip
    return root


def rows(run: Callable[..., Said], root: Path) -> dict[str, dict[str, Any]]:
    done = run("rights", "due", "--workspace", root, "--all", "--json")
    return {row["kind"]: row for row in done.json["requests"]}


def answer(run: Callable[..., Said], root: Path, kind: str, outcome: str, *more: str) -> Said:
    entry = str(rows(run, root)[kind]["entry"])
    return run("rights", "answer", entry, "--outcome", outcome, *more, "--workspace", root, "--json")


def test_an_access_request_and_a_complaint_wait_until_they_are_answered(
    asked: Path, witting_here: Callable[..., Said]
) -> None:
    waiting = rows(witting_here, asked)
    assert {kind: waiting[kind]["answered_by"] for kind in KINDS} == dict.fromkeys(KINDS)
    assert waiting["complaint"]["clock"] == "30 days to acknowledge"
    assert "rights answer ENTRY" in witting_here("rights", "due", "--within", "30", "--workspace", asked).out
    told = answer(witting_here, asked, "access_request", "fulfilled")
    assert (told.code, told.json["new"]) == (0, True)
    closed = rows(witting_here, asked)["access_request"]
    assert (closed["state"], closed["outcome"], closed["reason"]) == ("answered", "fulfilled", None)
    assert closed["answered_by"] == f"fulfilled, entry {told.json['entry']}"


def test_an_acknowledgement_meets_the_clock_that_asks_for_it_and_no_other(
    asked: Path, witting_here: Callable[..., Said]
) -> None:
    assert answer(witting_here, asked, "complaint", "acknowledged").code == 0
    assert rows(witting_here, asked)["complaint"]["outcome"] == "acknowledged"
    record(
        witting_here, asked, event("place", LENA, days=11, place="BR")
    )  # there it is an answer that is due
    assert rows(witting_here, asked)["complaint"]["outcome"] is None
    assert answer(witting_here, asked, "complaint", "denied", "--reason", "claim_not_covered").code == 0
    assert rows(witting_here, asked)["complaint"]["reason"] == "claim_not_covered"


@pytest.mark.parametrize(
    ("kind", "outcome", "more", "says"),
    [
        ("access_request", "acknowledged", (), "cannot be acknowledged"),
        ("access_request", "denied", (), "has a reason"),
        ("access_request", "fulfilled", ("--reason", "other"), "has a reason"),
        ("erasure_request", "fulfilled", (), "witting erase"),
        ("objection", "fulfilled", (), "witting run"),
        *(("objection", "denied", ("--reason", why), "needs no grounds") for why in REASONS[3:]),
    ],
)
def test_an_answer_that_a_request_cannot_have_is_refused_and_records_nothing(
    asked: Path, witting_here: Callable[..., Said], kind: str, outcome: str, more: tuple[str, ...], says: str
) -> None:
    told = answer(witting_here, asked, kind, outcome, *more)
    assert told.code == 2
    assert says in told.err
    assert rows(witting_here, asked)[kind]["outcome"] is None


def test_what_is_no_request_is_answered_by_nobody(asked: Path, witting_here: Callable[..., Said]) -> None:
    for entry in ("0", "9999"):  # a place; nothing
        told = witting_here("rights", "answer", entry, "--outcome", "fulfilled", "--workspace", asked)
        assert told.code == 2
        assert "rights due --all" in told.err


def test_the_same_answer_again_is_known_and_a_fulfilled_request_has_no_other(
    asked: Path, witting_here: Callable[..., Said]
) -> None:
    denied = answer(witting_here, asked, "access_request", "denied", "--reason", "no_match").json
    assert answer(witting_here, asked, "access_request", "denied", "--reason", "no_match").json == denied | {
        "new": False
    }
    assert answer(witting_here, asked, "access_request", "fulfilled").json["new"]  # found after all
    assert answer(witting_here, asked, "access_request", "revoked").code == 2
    assert rows(witting_here, asked)["access_request"]["outcome"] == "fulfilled"


def test_neither_a_request_nor_its_answer_opens_or_shuts_a_door(
    tmp_path: Path,
    witting_here: Callable[..., Said],
    at: Callable[[datetime], None],
) -> None:
    root = make(tmp_path / "workspace", more=[])
    at(MOMENT)
    log = root / "rights.jsonl"
    assert witting_here("rights", "record", log, "--workspace", root).code == 0

    def standing(who: str) -> Any:
        return witting_here("rights", "standing", who, "--workspace", root, "--json").json["standing"]

    before = standing(ANA)
    assert any(row["purpose"] == PURPOSE and row["open"] for row in before)
    record(
        witting_here, root, event("access_request", ANA, days=1, scope="specific"), event("complaint", ANA, days=1)
    )  # fmt: skip
    assert standing(ANA) == before
    record(witting_here, root, event("objection", LENA, days=1))
    shut = standing(LENA)
    assert answer(witting_here, root, "objection", "revoked").code == 0
    assert standing(LENA) == shut
    assert not any(row["open"] for row in shut)


def test_the_ledger_holds_no_more_of_a_request_than_who_what_and_when(
    asked: Path, witting_here: Callable[..., Said]
) -> None:
    record(witting_here, asked, event("access_request", ANA, days=2, scope="categories"))
    answer(witting_here, asked, "complaint", "acknowledged")
    ledger = Workspace.open(asked).ledger
    bodies = [set(entry.body) for entry in ledger.entries(kind="rights.access_request")]
    assert bodies == [{"occurred_at", "purposes", "subject", "scope"}] * 2
    assert [set(e.body) for e in ledger.entries(kind="rights.complaint")] == [
        {"occurred_at", "purposes", "subject"}
    ]
    assert [set(e.body) for e in ledger.entries(kind="rights.answered")] == [
        {"request", "outcome", "subject"}
    ]


def test_an_event_for_another_kind_has_no_scope(asked: Path, witting_here: Callable[..., Said]) -> None:
    log = asked.parent / "wrong.jsonl"
    at_ = (MOMENT - timedelta(days=1)).isoformat()
    log.write_text(
        f'{{"kind": "complaint", "subject": "app:x", "occurred_at": "{at_}", "scope": "access"}}\n'
    )
    told = witting_here("rights", "record", log, "--workspace", asked)
    assert told.code != 0
    assert "field scope" in told.err
