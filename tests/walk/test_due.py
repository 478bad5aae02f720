"""What is late, what is due soon, and what closes a request: through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import Said
from training.tiny_llama import make_base_folder
from walk.small_workspace import MOMENT, handle, make, walk_to
from witting.workspace import Workspace

ANA, LENA, RAVI = handle("acct-1012"), handle("acct-1009"), handle("acct-1015")  # Brazil, Germany, India


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock that the commands read."""

    def set_clock(moment: datetime) -> None:
        for module in ("due", "rights", "erase"):
            monkeypatch.setattr(f"witting.doors.cli.{module}.now", lambda: moment)

    return set_clock


def event(kind: str, subject: str, *, days: int, **more: Any) -> dict[str, Any]:
    """Said so many days before MOMENT."""
    return {
        "kind": kind,
        "subject": subject,
        "occurred_at": (MOMENT - timedelta(days=days)).isoformat(),
    } | more


def record(run: Callable[..., Said], root: Path, *events: dict[str, Any]) -> None:
    log = root.parent / "said.jsonl"
    log.write_text("".join(json.dumps(one) + "\n" for one in events), "utf-8")
    done = run("rights", "record", log, "--workspace", root)
    assert done.code == 0, done.err


@pytest.fixture
def asked(tmp_path: Path, witting_here: Callable[..., Said], at: Callable[[datetime], None]) -> Path:
    """Three places, three requests: one late, one due soon, one later."""
    root = tmp_path / "workspace"
    Workspace.create(root)
    at(MOMENT)
    homes = [
        event("place", who, days=300, place=place) for who, place in ((ANA, "BR"), (LENA, "DE"), (RAVI, "IN"))
    ]
    record(
        witting_here, root, *homes,
        event("erasure_request", ANA, days=16), event("withdrawal", LENA, days=5), event("objection", RAVI, days=4),
    )  # fmt: skip
    return root


def test_late_and_soon_are_listed_without_a_name_and_late_exits_with_1(
    asked: Path, witting_here: Callable[..., Said]
) -> None:
    done = witting_here("rights", "due", "--workspace", asked, "--json")
    assert done.code == 1
    assert done.json["counts"] == {"late": 1, "soon": 1, "later": 1, "answered": 0, "answered_late": 0}
    rows = [(r["state"], r["kind"], r["law"], r["clock"], r["days_left"]) for r in done.json["requests"]]
    assert rows == [
        ("late", "erasure_request", "br", "15 days", -1),
        ("soon", "objection", "in", "10 days", 6),
    ]
    page = witting_here("rights", "due", "--workspace", asked)
    assert "LATE" in page.out
    assert "acct-" not in page.out + done.out
    assert "witting erase HANDLE" in page.out


def test_handles_are_named_where_they_are_asked_for_and_the_window_is_the_operators(
    asked: Path, witting_here: Callable[..., Said]
) -> None:
    done = witting_here("rights", "due", "--workspace", asked, "--handles", "--within", "30", "--json")
    assert [row["handle"] for row in done.json["requests"]] == [ANA, RAVI, LENA]
    every = witting_here("rights", "due", "--workspace", asked, "--all", "--json").json["requests"]
    assert [row["state"] for row in every] == ["late", "soon", "later"]
    assert witting_here("rights", "due", "--workspace", asked, "--within", "-1").code == 2


def test_nothing_asked_is_nothing_late(tmp_path: Path, witting_here: Callable[..., Said]) -> None:
    Workspace.create(tmp_path / "workspace")
    done = witting_here("rights", "due", "--workspace", tmp_path / "workspace")
    assert (done.code, done.out) == (
        0,
        "0 late, 0 due within 7 days, 0 due later, 0 answered (0 of them late).\n",
    )


def test_a_walk_that_heard_it_answers_a_withdrawal_and_only_a_certificate_answers_an_erasure_request(
    tmp_path: Path, witting_here: Callable[..., Said], at: Callable[[datetime], None]
) -> None:
    more = [event("withdrawal", LENA, days=20), event("erasure_request", ANA, days=3)]
    root = make(tmp_path / "workspace", more=more)
    at(MOMENT)
    walk_to(root, "rights")
    rows = witting_here("rights", "due", "--workspace", root, "--all", "--json").json["requests"]
    assert {row["kind"]: row["answered_by"] for row in rows} == {"withdrawal": None, "erasure_request": None}
    walk_to(root, "corpus")
    rows = witting_here("rights", "due", "--workspace", root, "--all", "--json").json["requests"]
    said = {row["kind"]: row for row in rows}
    assert said["withdrawal"]["answered_by"].startswith("walk ")
    assert said["withdrawal"]["state"].startswith("answered")
    assert said["erasure_request"]["answered_by"] is None

    size, heard = Workspace.open(root).ledger.size(), str(said["withdrawal"]["entry"])
    for words in (("denied", "--reason", "no_match"), ("revoked",)):
        told = witting_here("rights", "answer", heard, "--outcome", *words, "--workspace", root)
        assert (told.code, "that stands" in told.err) == (2, True)
    assert Workspace.open(root).ledger.size() == size

    record(witting_here, root, event("objection", RAVI, days=1))  # no walk has heard this one
    erased = witting_here("erase", ANA, "--workspace", root, "--yes", "--json")
    assert erased.code == 0, erased.err
    done = witting_here("rights", "due", "--workspace", root, "--all", "--json")
    said = {row["kind"]: row for row in done.json["requests"] if row["kind"] != "erasure_request"}
    assert said["objection"]["answered_by"] is None
    certified = [row for row in done.json["requests"] if row["kind"] == "erasure_request"]
    assert len(certified) == 2  # as the person asked, and as the operator carried it out
    assert {row["answered_by"] for row in certified} == {f"certificate {erased.json['id']}"}
    assert {row["state"] for row in certified} == {"answered"}
    assert done.code == 0


def test_once_a_model_was_trained_a_corpus_alone_answers_no_withdrawal(
    tmp_path: Path, witting_here: Callable[..., Said], at: Callable[[datetime], None]
) -> None:
    root = make(tmp_path / "workspace", base=make_base_folder(tmp_path / "base"))
    at(MOMENT)
    walk_to(root, "training")
    record(witting_here, root, event("withdrawal", LENA, days=1))

    def answered_by() -> str | None:
        (row,) = witting_here("rights", "due", "--workspace", root, "--all", "--json").json["requests"]
        return row["answered_by"]

    assert answered_by() is None  # that walk had not heard it
    walk_to(root, "corpus")
    assert answered_by() is None
    walk_to(root, "training")
    assert str(answered_by()).startswith("walk ")
