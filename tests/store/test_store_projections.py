from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.errors import StoreError
from witting.ledger.entry import Entry
from witting.ledger.log import Ledger
from witting.schema import EVENT, EVENT_KINDS, PURPOSES
from witting.store import projections as projections_module
from witting.store.database import begin_write, open_database
from witting.store.projections import Projections
from witting.store.tables import events as events_table

NOW = datetime(2026, 11, 24, tzinfo=UTC)
CONSENT: dict[str, Any] = {
    "subject": "a" * 32,
    "purposes": ["fine_tune_own_model", "evaluate_model"],
    "occurred_at": "2026-03-02T10:00:00.000001+05:30",
    "verdict": "valid",
    "valid_from": "2026-03-02T04:30:00Z",
    "expires_at": "2027-03-02T04:30:00Z",
    "special": ["HEALTH"],
    "evidence_commitment": "not projected",
}


def ledger_of(database: sa.Engine, *, fold: Callable | None) -> Ledger:
    return Ledger(
        database, Ed25519PrivateKey.from_private_bytes(bytes(32)), origin="test.example/log", fold=fold
    )


@pytest.fixture
def projections(database: sa.Engine) -> Projections:
    return Projections(database)


@pytest.fixture
def ledger(database: sa.Engine, projections: Projections) -> Ledger:
    return ledger_of(database, fold=projections.fold)


def test_a_consent_is_projected_with_every_column(ledger: Ledger, projections: Projections) -> None:
    ledger.append("rights.consent", CONSENT, now=NOW)
    table = projections.events()
    assert table.schema == EVENT
    assert table.to_pylist() == [
        {
            "kind": "consent",
            "subject": "a" * 32,
            "purposes": ["fine_tune_own_model", "evaluate_model"],
            "occurred_at": datetime(2026, 3, 2, 4, 30, 0, 1, tzinfo=UTC),
            "verdict": "valid",
            "valid_from": datetime(2026, 3, 2, 4, 30, tzinfo=UTC),
            "expires_at": datetime(2027, 3, 2, 4, 30, tzinfo=UTC),
            "place": None,
            "age": None,
            "special": ["HEALTH"],
            "safeguards": None,
            "entry": 0,
        }
    ]


def test_ages_places_and_assessments_are_projected(ledger: Ledger, projections: Projections) -> None:
    at = {"occurred_at": "2026-01-01T00:00:00Z"}
    bodies = [
        ("rights.age", {"subject": "a", "age": 41, **at}),
        ("rights.age", {"subject": "b", "age": 12, **at}),
        ("rights.place", {"subject": "a", "place": "BR-SP", **at}),
        (
            "rights.assessment",
            {
                "safeguards": ["claimed", "dpia"],
                "proofs": {"dpia": "ab" * 32},
                "purposes": ["evaluate_model"],
                "expires_at": "2026-07-01T00:00:00Z",
                **at,
            },
        ),
    ]
    ledger.append_many(bodies, now=NOW)
    table = projections.events()
    assert table["age"].to_pylist() == [18, 12, None, None]
    assert table["place"].to_pylist() == [None, None, "BR-SP", None]
    assert table["safeguards"].to_pylist() == [None, None, None, ["dpia"]]  # a claim alone proves nothing
    assert table["expires_at"].to_pylist()[3] == datetime(2026, 7, 1, tzinfo=UTC)
    assert table["subject"].to_pylist() == ["a", "b", "a", None]
    assert table["purposes"].to_pylist() == [[], [], [], ["evaluate_model"]]


def test_a_persons_entries_and_all_people_of_some_kinds_are_found_in_order(
    ledger: Ledger, projections: Projections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections_module, "ROWS_PER_BATCH", 2)
    no = {"purposes": [], "occurred_at": "2026-03-02T10:00:00Z"}
    people = [f"{number:032x}" for number in (4, 1, 3, 2, 1)]
    ledger.append_many([("rights.refusal", no | {"subject": person}) for person in people], now=NOW)
    ledger.append("rights.place", no | {"subject": "f" * 32, "place": "FR"}, now=NOW)
    assert projections.entries_of(people[1]) == [1, 4]
    assert projections.entries_of("e" * 32) == []
    assert list(projections.people(["refusal", "consent"])) == sorted(set(people))
    assert list(projections.people(["consent"])) == []


def test_a_no_to_a_purpose_nobody_knows_is_a_no_to_everything(
    ledger: Ledger, projections: Projections
) -> None:
    at = {"occurred_at": "2026-01-01T00:00:00Z", "purposes": ["fine_tune_own_model", "telepathy"]}
    ledger.append_many(
        [("rights.objection", {"subject": "a", **at}), ("rights.consent", {"subject": "a", **at})], now=NOW
    )
    assert projections.events()["purposes"].to_pylist() == [[], ["fine_tune_own_model"]]


def test_an_empty_ledger_gives_an_empty_table(projections: Projections) -> None:
    assert projections.events().equals(EVENT.empty_table())


def test_entries_of_other_and_unknown_kinds_are_passed_over(ledger: Ledger, projections: Projections) -> None:
    ledger.append("intake.committed", {"turns": 5}, now=NOW)
    ledger.append("rights.telepathy", {"subject": 7, "occurred_at": None}, now=NOW)
    ledger.append("consent", CONSENT, now=NOW)
    ledger.append("rights.consent", CONSENT, now=NOW)
    assert projections.events()["entry"].to_pylist() == [3]
    assert projections.applied_index() == 3


@pytest.mark.parametrize(
    "change",
    [
        {"occurred_at": "yesterday"},
        {"occurred_at": 5},
        {"purposes": "all"},
        {"age": "old"},
        {"subject": 1},
        {"special": [1]},
    ],
)
def test_a_broken_rights_event_never_enters_the_ledger(
    ledger: Ledger, projections: Projections, change: dict[str, Any]
) -> None:
    ledger.append("rights.consent", CONSENT, now=NOW)
    with pytest.raises(StoreError, match=r"ledger entry 2, kind rights\.consent"):
        ledger.append_many([("rights.refusal", CONSENT), ("rights.consent", CONSENT | change)], now=NOW)
    assert ledger.size() == 1
    assert projections.events().num_rows == 1


def test_a_table_that_lags_behind_its_ledger_is_never_read(
    database: sa.Engine, ledger: Ledger, projections: Projections
) -> None:
    ledger.append("rights.consent", CONSENT, now=NOW)
    ledger_of(database, fold=None).append("rights.withdrawal", CONSENT, now=NOW)
    ledger.append("rights.refusal", CONSENT, now=NOW)
    with pytest.raises(StoreError, match="witting ledger rebuild"):
        projections.events()
    assert projections.catch_up(ledger) == 2
    assert projections.events()["kind"].to_pylist() == ["consent", "withdrawal", "refusal"]
    assert projections.catch_up(ledger) == 0


def test_a_rebuild_repairs_whatever_happened_to_the_table(
    database: sa.Engine, ledger: Ledger, projections: Projections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections_module, "ENTRIES_PER_ROUND", 7)
    ledger.append_many([("rights.consent", CONSENT)] * 50, now=NOW)
    live = projections.events()
    with begin_write(database) as connection:
        connection.execute(sa.update(events_table).values(verdict="invalid"))
        connection.execute(sa.delete(events_table).where(events_table.c.entry > 20))
    assert not projections.events().equals(live)
    projections.rebuild(ledger)
    assert projections.events().equals(live)


def test_appends_during_a_rebuild_are_folded_in_their_turn(
    ledger: Ledger, projections: Projections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections_module, "ENTRIES_PER_ROUND", 4)
    ledger.append_many([("rights.consent", CONSENT)] * 10, now=NOW)

    class Busy(Ledger):
        """A ledger to which somebody appends while a rebuild reads it."""

        interruptions = 3

        def entries(self, start: int = 0, *, kind: str | None = None) -> Iterator[Entry]:
            entries = list(super().entries(start, kind=kind))
            if self.interruptions:
                self.interruptions -= 1
                ledger.append("rights.withdrawal", CONSENT, now=NOW)
            yield from entries

    busy = Busy(ledger._database, ledger._signer, origin="test.example/log")
    projections.rebuild(busy)
    assert projections.events()["kind"].to_pylist() == ["consent"] * 10 + ["withdrawal"] * 3


def test_many_events_are_read_in_bounded_batches(
    ledger: Ledger, projections: Projections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections_module, "ROWS_PER_BATCH", 8)
    ledger.append_many([("rights.consent", CONSENT)] * 30, now=NOW)
    assert [batch.num_rows for batch in projections.event_batches()] == [8, 8, 8, 6]


# -- replay equals live -----------------------------------------------------------------------------------------------

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
BODIES = st.fixed_dictionaries(
    {"occurred_at": TIMES.map(datetime.isoformat)},
    optional={
        "subject": st.sampled_from(["a" * 32, "b" * 32]),
        "purposes": st.lists(st.sampled_from(PURPOSES), max_size=2),
        "verdict": st.sampled_from(["valid", "weak", "invalid"]),
        "valid_from": st.none() | TIMES.map(lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ")),
        "expires_at": st.none() | TIMES.map(lambda t: t.astimezone(UTC).isoformat()),
        "place": st.sampled_from(["DE", "US-CA"]),
        "age": st.integers(0, 120),
        "special": st.lists(st.sampled_from(["HEALTH", "UNION"]), max_size=2),
        "safeguards": st.lists(st.text(max_size=4), max_size=2),
    },
)
KINDS = st.sampled_from([*(f"rights.{kind}" for kind in EVENT_KINDS), "rights.unknown", "intake.committed"])
APPEND = st.tuples(st.just("append"), st.lists(st.tuples(KINDS, BODIES), min_size=1, max_size=4))
STEPS = st.lists(
    APPEND
    | st.tuples(st.just("append without fold"), st.lists(st.tuples(KINDS, BODIES), min_size=1, max_size=2))
    | st.tuples(st.sampled_from(["rebuild", "catch up", "fold again"]), st.none()),
    max_size=8,
)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("empty")
    open_database("sqlite:///witting.db", root=root).dispose()
    return root / "witting.db"


@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_drop_and_replay_equals_live_after_any_history(
    steps: list[tuple[str, Any]], empty_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("history")
    shutil.copy(empty_database, root / "witting.db")
    database = open_database("sqlite:///witting.db", root=root)
    projections = Projections(database)
    ledger = ledger_of(database, fold=projections.fold)
    for number, (step, entries) in enumerate(steps):
        _take(step, entries, database, ledger, projections, NOW + timedelta(seconds=number))
    projections.catch_up(ledger)
    live = projections.events()
    projections.rebuild(ledger)
    assert projections.events().equals(live)
    known = [entry.index for entry in ledger.entries() if entry.kind.removeprefix("rights.") in EVENT_KINDS]
    assert live["entry"].to_pylist() == known
    database.dispose()


def _take(
    step: str, entries: Any, database: sa.Engine, ledger: Ledger, projections: Projections, now: datetime
) -> None:
    match step:
        case "append":
            ledger.append_many(entries, now=now)
        case "append without fold":
            ledger_of(database, fold=None).append_many(entries, now=now)
        case "rebuild":
            projections.rebuild(ledger)
        case "catch up":
            projections.catch_up(ledger)
        case "fold again":
            with begin_write(database) as connection:
                projections.fold(connection, list(ledger.entries()))
