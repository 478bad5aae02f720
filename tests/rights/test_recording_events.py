"""What people said goes into the ledger once, judged, and without anything that names them."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import InvalidEvent, UnreadableFile
from witting.ledger import Ledger
from witting.rights.decide import TURN_FACTS, decide
from witting.rights.event import parse_event
from witting.rights.record import commit_evidence, read_events, record
from witting.store.database import open_database
from witting.store.keys import KeyStore
from witting.store.projections import Projections
from witting.store.vault import Vault

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ANA, BOB = "whatsapp:Ana Souza", "whatsapp:Bob"
P = "fine_tune_own_model"


class House:
    """The real stores in a folder, and the verbs on them."""

    def __init__(self, root: Path, packs):
        keys = KeyStore.create(root / "keys")
        self.root, self.packs, self.keys = root, packs, keys
        database = open_database("sqlite:///witting.db", root=root)
        self.vault, self.projections = Vault(database, keys), Projections(database)
        self.ledger = Ledger(database, keys.signer(), origin="test/1", fold=self.projections.fold)

    def log(self, *events: dict) -> Path:
        path = self.root / "rights.jsonl"
        path.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
        return path

    def record(self, *events: dict, now: datetime = NOW) -> dict:
        read = read_events(self.log(*events), now=now)
        return record(read, vault=self.vault, ledger=self.ledger, packs=self.packs, now=now).as_json()

    def bodies(self) -> list[dict]:
        return [dict(entry.body) for entry in self.ledger.entries()]


@pytest.fixture
def house(tmp_path, packs) -> House:
    return House(tmp_path, packs)


def consent(evidence: dict, subject: str = ANA, **more) -> dict:
    return {
        "kind": "consent", "subject": subject, "purposes": [P], "occurred_at": "2026-11-23T18:00:00Z",
        "evidence": evidence,
    } | more  # fmt: skip


def said(kind: str, subject: str | None = ANA, at: str = "2026-11-23T19:00:00+01:00", **more) -> dict:
    return {"kind": kind, "occurred_at": at} | ({"subject": subject} if subject else {}) | more


def test_a_consent_is_judged_and_what_it_says_can_be_decided_on(house, good):
    report = house.record(consent(good))
    assert report["verdicts"] == {"valid": 1}
    event = house.projections.events().to_pylist()[0]
    assert (event["verdict"], event["purposes"], event["place"]) == ("valid", [P], "IE")
    subject = house.vault.find(ANA)
    row = {"row_id": "t", "subject_id": subject, "occurred_at": NOW, "role": "user", "audience": "assistant"}
    turns = pl.DataFrame([row], schema=pl.DataFrame(TURN_FACTS.empty_table()).schema).to_arrow()
    decided = decide(turns, house.projections.events(), purpose=P, as_of=NOW, packs=house.packs).to_pylist()[
        0
    ]
    assert (decided["decision"], decided["rule"], decided["entry"]) == ("permit", "eu.consent", 0)


def test_the_ledger_holds_no_handle_no_words_and_no_guessable_hash_of_the_evidence(house, good):
    house.record(consent(good))
    plain = json.dumps(house.bodies())
    assert "Ana" not in plain
    assert "Sparrow" not in plain
    assert good["subject_ref"] not in plain
    assert hashlib.sha256(json.dumps(good).encode()).hexdigest() not in plain
    assert (house.root / "witting.db").read_bytes().find(b"Ana Souza") == -1


def test_the_commitment_can_be_opened_from_the_vault(house, good):
    house.record(consent(good))
    body = house.bodies()[0]
    kept = json.loads(house.vault.evidence(body["subject"], body["evidence_commitment"]))
    assert kept["evidence"] == good
    commitment, _ = commit_evidence(kept["evidence"], salt=bytes.fromhex(kept["salt"]))
    assert commitment == body["evidence_commitment"]
    assert commit_evidence(good, salt=b"\0" * 16)[0] != commitment


def test_recording_the_same_log_again_changes_nothing(house, good):
    log = [
        said("place", place="IE", at="2026-01-01T00:00:00Z"),
        consent(good),
        said("age", age=44),
        said("notice", purposes=[P], notice_sha256="a" * 64),
        said("assessment", None, purposes=[P], safeguards=["lia", "dpia"]),
        said("withdrawal"),
    ]
    assert house.record(*log)["recorded"] == 6
    size = house.ledger.size()
    again = house.record(*log)
    assert (again["recorded"], again["repeated"], house.ledger.size()) == (0, 6, size)


def test_the_same_line_twice_in_one_log_counts_once(house, good):
    assert house.record(consent(good), consent(good))["repeated"] == 1


def test_one_difference_makes_another_event(house, good):
    house.record(consent(good), said("withdrawal"))
    report = house.record(
        consent(good | {"depth": 2}),
        consent(good, BOB),
        said("withdrawal", purposes=[P]),
        said("withdrawal", at="2026-11-23T20:00:00+01:00"),
        said("refusal"),
    )
    assert (report["recorded"], report["repeated"]) == (5, 0)


def test_a_consent_without_evidence_is_recorded_as_invalid_with_what_failed(house):
    house.record({"kind": "consent", "subject": ANA, "purposes": [P], "occurred_at": "2026-11-23T18:00:00Z"})
    body = house.bodies()[0]
    assert body["verdict"] == "invalid"
    assert "1.action" in body["failed"]
    assert body["profile"] == "global_floor"


def test_evidence_for_one_purpose_is_none_for_another(house, good):
    assert house.record(consent(good, purposes=[P, "share_dataset"]))["verdicts"] == {"invalid": 1}
    assert "3.purposes" in house.bodies()[0]["failed"]


@pytest.mark.parametrize(
    ("place", "jurisdiction", "profile"),
    [
        ("US-CA", "US-CA", "ccpa"),
        (None, "IE", "gdpr"),
        (None, "unknown", "global_floor"),
        ("US-CA", "unknown", "ccpa"),
    ],
)
def test_a_consent_is_judged_by_the_law_of_the_place(house, good, place, jurisdiction, profile):
    before = [said("place", place=place, at="2026-01-01T00:00:00Z")] if place else []
    house.record(*before, consent(good | {"jurisdiction": jurisdiction}))
    assert house.bodies()[-1]["profile"] == profile


def test_where_two_laws_apply_the_worse_verdict_stands(house, good):
    lives = said("place", place="US-CA", at="2026-01-01T00:00:00Z")
    child = {"age_assurance": {"method": "declared", "result": 15, "min_age": 15}}
    house.record(lives, consent(good), consent(good | child))
    assert [body["verdict"] for body in house.bodies()[1:]] == ["valid", "invalid"]
    assert {body["profile"] for body in house.bodies()[1:]} == {"ccpa"}


def test_a_place_of_later_does_not_count_for_an_earlier_consent(house, good):
    house.record(
        said("place", place="US-CA", at="2026-11-24T00:00:00Z"), consent(good | {"jurisdiction": "unknown"})
    )
    assert house.bodies()[-1]["profile"] == "global_floor"


def test_nothing_opens_from_before_the_notice_was_shown(house, good):
    early = good | {"valid_from": "2026-01-01T00:00:00Z"}
    house.record(consent(early))
    event = house.projections.events().to_pylist()[0]
    assert event["valid_from"] == datetime(2026, 11, 23, 18, tzinfo=UTC)
    assert event["expires_at"] == datetime(2027, 11, 23, 18, tzinfo=UTC)


def test_only_categories_agreed_to_in_words_are_kept_by_their_house_names(house, good):
    asked = {"health": True, "Trade_Union": True, "religion": False, "astrology": True}
    house.record(consent(good | {"explicit_for_special": asked}))
    assert house.bodies()[0]["special"] == ["HEALTH", "UNION"]


def test_ages_are_kept_up_to_eighteen_only(house):
    house.record(said("age", age=67), said("age", BOB, age=15))
    assert [body["age"] for body in house.bodies()] == [18, 15]


def test_the_no_of_somebody_never_seen_is_kept_for_when_their_words_come(house):
    house.record(said("objection"))
    assert house.bodies()[0]["subject"] == house.vault.find(ANA)


def test_an_erased_person_stays_erased(house, good):
    house.record(consent(good), said("age", BOB, age=30))
    erased = house.vault.find(ANA)
    house.keys.destroy(erased)
    house.vault.mark_erased(erased)
    report = house.record(
        consent(good), said("age", age=30), said("withdrawal"), said("erasure_request"), said("refusal", BOB)
    )
    assert report["recorded"] == 1
    assert (report["refused_erased"], report["already_granted"]) == (2, 2)


def test_a_bad_line_anywhere_records_nothing(house, good):
    with pytest.raises(InvalidEvent, match=r"line 2, field purposes"):
        house.record(consent(good), said("refusal", purposes=["improve_service"]), said("withdrawal"))
    assert house.ledger.size() == 0
    assert house.vault.find(ANA) is None


BAD = [
    ("not JSON", b'{"kind": ', "not JSON"),
    ("an array", b'[{"kind": "age"}]', "one object a line"),
    ("Latin-1", '{"subject": "é"}'.encode("latin-1"), "UTF-8"),
    ("an unknown kind", said("consnet"), "field kind"),
    ("an unknown field", said("refusal", purpose=P), "did you mean purposes"),
    ("no subject", said("refusal", None), "field subject"),
    ("an empty subject", said("refusal", " "), "field subject"),
    ("half a character", said("refusal", "x:\ud800"), "field subject"),
    ("no time", {"kind": "refusal", "subject": ANA}, "field occurred_at"),
    ("a time without offset", said("refusal", at="2026-11-23T19:00:00"), "no offset"),
    ("a time in the future", said("withdrawal", at="2026-11-24T12:00:01Z"), "lies in the future"),
    ("a purpose that is none", said("refusal", purposes=["improve_service"]), "field purposes"),
    ("a purpose instead of a list", said("refusal", purposes=P), "field purposes"),
    ("a place that is none", said("place", place="Atlantis"), "field place"),
    ("a place event without place", said("place"), "field place"),
    ("an age in words", said("age", age="twelve"), "field age"),
    ("an age of true", said("age", age=True), "field age"),
    ("an age on a place", said("place", place="FR", age=3), "field age"),
    ("a signal of a kind that might be a slip", said("signal", signal={"kind": "gpx", "value": "1"}), "field signal"),
    ("an address that is none", said("objection", "email:not an address"), "field subject"),
    ("an assessment of somebody", said("assessment", purposes=[P], safeguards=[]), "field subject"),
    ("an assessment of nothing", said("assessment", None, safeguards=["lia"]), "field purposes"),
    ("a safeguard in prose", said("assessment", None, purposes=[P], safeguards=["We did it!"]), "field safeguards"),
    ("evidence with a typo", consent({"acton": "x"}), "acton is not known; did you mean action"),
    ("evidence that is text", consent("yes"), "field evidence"),
    ("a number no JSON reader trusts", consent({"signals": [{"value": 2**60}]}), "canonical"),
    ("a field twice", b'{"kind": "refusal", "kind": "age"}', "twice"),
    ("a verdict of one's own", said("refusal", verdict="valid"), "verdict is not known|field verdict"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "named"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_line_that_cannot_be_recorded_is_named_with_its_field(tmp_path, line, named):
    path = tmp_path / "rights.jsonl"
    good_line = json.dumps(said("refusal")).encode()
    path.write_bytes(good_line + b"\n\n" + (line if isinstance(line, bytes) else json.dumps(line).encode()))
    with pytest.raises(InvalidEvent, match=named) as caught:
        next(read_events(path, now=NOW))
    assert "line 3" in str(caught.value)
    assert "Ana" not in str(caught.value)


def test_a_line_without_end_is_refused_before_it_is_read_whole(tmp_path):
    path = tmp_path / "rights.jsonl"
    path.write_bytes(b" " * (1 << 20) + b"x")
    with pytest.raises(InvalidEvent, match="line 1: longer than"):
        next(read_events(path, now=NOW))


def test_a_log_that_is_not_there_and_an_empty_one(tmp_path):
    with pytest.raises(UnreadableFile, match="absent"):
        next(read_events(tmp_path / "absent.jsonl", now=NOW))
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert list(read_events(tmp_path / "empty.jsonl", now=NOW)) == []


def test_a_log_saved_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "rights.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(said("refusal")).encode())
    assert [event.kind for event in read_events(path, now=NOW)] == ["refusal"]


def test_an_event_does_not_show_its_person_when_printed(tmp_path):
    event = parse_event(json.dumps(said("refusal")).encode(), where="here", now=NOW)
    assert "Ana" not in repr(event)


def read_or_refuse(line: bytes) -> str:
    """Empty when the line is an event, else what the refusal says."""
    try:
        parse_event(line, where="line 1", now=NOW)
    except InvalidEvent as error:
        return str(error)
    return ""


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_an_event_or_a_named_refusal(line):
    assert read_or_refuse(line).startswith("line 1")


FIELD_VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=6)
    | st.lists(st.text(max_size=4), max_size=2)
)
EVENT_LIKE = st.dictionaries(
    st.sampled_from(["kind", "subject", "occurred_at", "purposes", "evidence", "place", "age", "safeguards"]),
    FIELD_VALUES
    | st.sampled_from(["consent", "age", "place", "withdrawal", "assessment", "2026-11-23T18:00:00Z"]),
)


@given(EVENT_LIKE)
def test_any_object_is_an_event_or_a_named_refusal(values):
    complete = {"kind", "subject", "occurred_at"} <= set(values)
    refusal = read_or_refuse(json.dumps(values).encode())
    assert refusal.startswith("line 1, ") or (refusal == "" and (complete or values["kind"] == "assessment"))


def test_a_preference_signal_is_recorded_once_as_the_noes_it_was_read_to_say(house):
    sent = {
        "kind": "signal", "subject": ANA, "occurred_at": "2026-11-20T10:00:00Z",
        "signal": {"kind": "Sec-GPC", "value": "1"},
    }  # fmt: skip
    assert house.record(sent)["kinds"] == {"signal": 1}
    assert house.record(sent)["repeated"] == 1
    body = house.bodies()[0]
    assert body["signal"] == "sec-gpc"
    assert body["purposes"] == ["personalise_ads", "publish_dataset", "share_dataset"]
    kept = json.loads(house.vault.evidence(body["subject"], body["evidence_commitment"]))
    assert kept["evidence"]["signals"][0]["value"] == "1"  # as it was sent, sealed
    assert house.projections.events()["purposes"].to_pylist() == [body["purposes"]]
