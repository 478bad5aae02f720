"""What a receipt says of a yes, a no and a taking back; that it is issued once; that it is JSON-LD in DPV's words."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from rdflib import RDF, XSD, Graph, Literal, URIRef

from conftest import Said
from reports.receipted import (
    ANA,
    BO,
    CY,
    FINE_TUNE,
    STATED,
    bodies,
    by_kind,
    everything,
    evidence,
    make,
    record_of,
    rules,
    said,
    tell,
)
from witting.ledger import verify_statement
from witting.ledger.merkle import leaf_hash
from witting.reports.receipts import MANDATORY
from witting.schema import PURPOSES
from witting.walk import receipts as receipts_module
from witting.walk.find import find_person
from witting.walk.receipts import SUFFIXES, Desk, abouts_of
from witting.workspace import Workspace

TERMS = json.loads((Path(__file__).parents[1] / "vectors" / "dpv_terms.json").read_text("utf-8"))["terms"]
PREFIXES = {
    "https://w3id.org/dpv#": "dpv:",
    "https://w3id.org/dpv/ai#": "ai:",
    "https://w3id.org/dpv/pd#": "pd:",
    "https://w3id.org/dpv/legal/eu/gdpr#": "eu-gdpr:",
}
DPV, LOC, PROFILE = (
    "https://w3id.org/dpv#",
    "https://w3id.org/dpv/loc#",
    "https://w3id.org/dpv/schema/dpv-27560#",
)
LONG = (
    "https://w3id.org/dpv", "http://purl.org/dc/terms/", "http://www.w3.org/", "https://schema.org/", "https://example.org",
)  # fmt: skip
Run = Callable[..., Said]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    root = make(tmp_path / "house")
    tell(root, *everything(root))
    return root


@pytest.fixture
def receipted(house: Path, witting_here: Run) -> Path:
    done = witting_here("rights", "receipt", ANA, "--workspace", house)
    assert done.code == 0, done.out + done.err
    return house


# -- what it says -----------------------------------------------------------------------------------------------------


def test_a_valid_yes_permits_what_it_names_and_what_that_includes(receipted: Path) -> None:
    body = by_kind(receipted)["consent"]
    assert body["witting:state"] == "given"
    assert rules(body) == (["evaluate_model", FINE_TUNE], [])
    [status] = record_of(body)["dpv:hasConsentStatus"]
    assert status["@type"] == ["dpv:ConsentGiven", "dpv:ExpressedConsent"]
    assert status["dpv:isIndicatedAtTime"] == "2026-11-23T18:00:00.000000Z"
    assert status["dpv:hasIndicationMethod"] == "click_button"
    assert record_of(body)["witting:capture"]["witting:verdict"] == "valid"


def test_a_no_has_a_receipt_as_good_as_a_yes(receipted: Path) -> None:
    body = by_kind(receipted)["refusal"]
    assert (body["@type"], body["witting:state"], body["witting:incomplete"]) == (
        "dpv:ConsentReceipt",
        "refused",
        [],
    )
    assert rules(body) == ([], [FINE_TUNE])
    assert [status["@type"] for status in record_of(body)["dpv:hasConsentStatus"]] == ["dpv:ConsentRefused"]
    assert record_of(body)["witting:effect"] == {
        "witting:stops": "at once",
        "witting:model": "retrain",
        "witting:modelWithin": "30 days",
    }


def test_a_withdrawal_says_what_it_ends(receipted: Path) -> None:
    body = by_kind(receipted)["withdrawal"]
    assert (body["witting:state"], rules(body)) == ("withdrawn", ([], [FINE_TUNE]))
    states = [status["@type"] for status in record_of(body)["dpv:hasConsentStatus"]]
    assert states == [["dpv:ConsentGiven", "dpv:ExpressedConsent"], "dpv:ConsentWithdrawn"]


@pytest.mark.parametrize("kind", ["objection", "signal"])
def test_an_objection_is_a_right_exercised_and_claims_no_profile_of_consents(
    receipted: Path, kind: str
) -> None:
    body = by_kind(receipted)[kind]
    assert (body["@type"], body["witting:state"]) == ("dpv:RightExerciseNotice", "objected")
    assert body["dct:conformsTo"] == ["urn:witting:profile:receipt-1"]
    assert "dpv:hasConsentStatus" not in record_of(body)
    permitted, prohibited = rules(body)
    assert permitted == []
    assert prohibited == (
        list(PURPOSES) if kind == "objection" else ["personalise_ads", "publish_dataset", "share_dataset"]
    )


def test_a_yes_that_was_found_too_weak_says_so_and_permits_nothing_more(
    house: Path, witting_here: Run
) -> None:
    for person, verdict, permitted in ((BO, "invalid", []), (CY, "weak", ["evaluate_model"])):
        assert witting_here("rights", "receipt", person, "--workspace", house).code == 0
        body = by_kind(house, person)["consent"]
        assert body["witting:state"] == "given_not_valid"
        assert record_of(body)["witting:capture"]["witting:verdict"] == verdict
        assert rules(body) == (permitted, [FINE_TUNE])
        states = record_of(body)["dpv:hasConsentStatus"]
        assert [status["@type"] for status in states][1:] == ["dpv:ConsentInvalidated"]
    assert "2.default_state" in record_of(by_kind(house, BO)["consent"])["witting:capture"]["witting:failed"]


def test_what_nobody_stated_is_listed_and_never_made_up(tmp_path: Path, witting_here: Run) -> None:
    root = make(tmp_path / "house", stated="")
    tell(root, said(ANA, "refusal", "21T00:00:00Z", purposes=["personalise_ads"]))
    done = witting_here("rights", "receipt", ANA, "--workspace", root, "--json")
    assert done.code == 1
    [one] = done.json["receipts"]
    assert set(one["incomplete"]) == set(MANDATORY) - {"purpose"}
    [body] = bodies(root).values()
    assert body["witting:incomplete"] == one["incomplete"]
    assert body["dct:conformsTo"] == ["urn:witting:profile:receipt-1"]
    assert "(not stated)" not in json.dumps(body)
    page = witting_here("rights", "receipt", ANA, "--workspace", root).out
    for name in one["incomplete"]:
        assert f"Missing {name}: " in page


def test_the_notice_that_was_shown_goes_before_what_the_settings_say_today(
    house: Path, witting_here: Run
) -> None:
    (house / "witting.toml").write_text(STATED.replace("Example Ltd", "Another Ltd"), "utf-8")
    assert witting_here("rights", "receipt", ANA, "--kind", "consent", "--workspace", house).code == 0
    assert record_of(by_kind(house)["consent"])["dpv:hasDataController"]["dpv:hasName"] == "Example Ltd"


def test_facts_of_a_notice_for_another_purpose_are_not_taken(house: Path, witting_here: Run) -> None:
    tell(house, said(ANA, "refusal", "26T00:00:00Z", purposes=["personalise_ads"]))
    done = witting_here("rights", "receipt", ANA, "--kind", "refusal", "--workspace", house, "--json")
    assert done.code == 1
    assert [bool(one["incomplete"]) for one in done.json["receipts"]] == [False, True]
    assert "retention_period" in done.json["receipts"][1]["incomplete"]


# -- JSON-LD ----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receipt is read without fetching anything."""

    def refuse(*address: Any, **more: Any) -> Any:
        raise AssertionError("reading a receipt opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def graph(body: dict[str, Any]) -> Graph:
    return Graph().parse(data=json.dumps(body), format="json-ld")


def names(value: Any) -> Iterator[str]:
    """Every name of a field, at any depth, outside the context."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names(inner)


def test_every_receipt_is_json_ld_whose_words_are_dpvs_own(receipted: Path) -> None:
    found = bodies(receipted)
    assert len(found) == 5
    for body in found.values():
        context = body["@context"]
        used = {str(term) for triple in graph(body) for term in triple if isinstance(term, URIRef)}
        assert all(iri.startswith(("urn:witting:", "urn:uuid:", *LONG)) for iri in used)
        dpvs = {
            f"{short}{iri.removeprefix(long)}"
            for long, short in PREFIXES.items()
            for iri in used
            if iri.startswith(long)
        }
        assert dpvs
        assert dpvs <= set(TERMS)
        assert {iri for iri in used if "/dpv/loc#" in iri} <= {f"{LOC}IE", f"{LOC}EU"}
        # a name without a prefix of the context would be dropped in silence by whoever reads JSON-LD
        outside = {
            name for name in names({k: v for k, v in body.items() if k != "@context"}) if name[0] != "@"
        }
        assert {name.partition(":")[0] for name in outside} <= set(context)


def test_what_stands_for_a_thing_is_an_iri_and_a_time_is_a_time(receipted: Path) -> None:
    for body in bodies(receipted).values():
        literals = [term for _, _, term in graph(body) if isinstance(term, Literal)]
        assert [str(text) for text in literals if str(text).partition(":")[0] in body["@context"]] == []
        moments = [
            text for text in literals if str(text).startswith("2026-") or str(text).startswith("2027-")
        ]
        assert moments
        assert {text.datatype for text in moments} == {XSD.dateTime}
        assert all(text.value is not None for text in moments)  # well-formed


# The fields that the DPV guide (sections 8 and 9) says MUST be present, by the kind of node they stand on.
MUST = {
    "ConsentReceipt": ("dct:conformsTo", "dpv:hasIdentifier", "dpv:hasRecordOfActivity", "dct:created"),
    "ConsentRecord": (
        "dct:conformsTo", "dct:identifier", "dpv:hasDataSubject", "dpv:hasNotice", "dct:language", "dpv:hasProcess",
        "dpv:hasDataController", "dpv:hasConsentControl", "dpv:hasJurisdiction", "dpv:hasRight", "dpv:hasConsentStatus",
    ),
    "Process": (
        "dpv:hasPurpose", "dpv:hasPersonalData", "dpv:hasStorageCondition", "dpv:hasLegalBasis", "dpv:hasRecipient",
    ),
    "StorageLocation": ("dpv:hasLocation",),
    "StorageDuration": ("dpv:hasDuration",),
    "DataController": ("dpv:hasIdentifier", "dpv:hasName", "schema:address", "schema:contactPoint"),
    "ConsentNotice": ("dct:identifier", "dct:language"),
    "WithdrawConsent": ("dpv:isExercisedAt",),
}  # fmt: skip
IN_EVENT = ("rdf:type", "dpv:isIndicatedBy", "dpv:isIndicatedAtTime", "dpv:hasDuration")


def lacking(read: Graph, node: Any, fields: tuple[str, ...]) -> list[str]:
    return [f for f in fields if not list(read.objects(node, read.namespace_manager.expand_curie(f)))]


def test_a_complete_receipt_has_every_field_that_the_profile_demands(receipted: Path) -> None:
    for kind in ("consent", "refusal", "withdrawal"):
        read = graph(by_kind(receipted)[kind])
        for name, fields in MUST.items():
            nodes = list(read.subjects(RDF.type, URIRef(f"{DPV}{name}")))
            assert nodes, name
            assert [lacking(read, node, fields) for node in nodes] == [[]] * len(nodes), name
        events = list(read.objects(None, URIRef(f"{DPV}hasConsentStatus")))
        assert events
        assert [lacking(read, event, IN_EVENT) for event in events] == [[]] * len(events)
        profiles = {
            str(each) for each in read.objects(None, read.namespace_manager.expand_curie("dct:conformsTo"))
        }
        assert {f"{PROFILE}receipt", f"{PROFILE}record"} <= profiles


def test_the_rules_of_a_receipt_are_found_by_who_asks_the_graph(receipted: Path) -> None:
    ask = "ASK { ?p odrl:%s [ odrl:action [ skos:closeMatch ai:ModelFineTuning ] ; odrl:assignee ?c ] }"
    for kind, permitted in (
        ("consent", True),
        ("refusal", False),
        ("withdrawal", False),
        ("objection", False),
    ):
        read = graph(by_kind(receipted)[kind])
        assert read.query(ask % "permission").askAnswer is permitted
        assert read.query(ask % "prohibition").askAnswer is not permitted


# -- issued once ------------------------------------------------------------------------------------------------------


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "receipts").iterdir()}


def test_asking_again_appends_nothing_and_gives_the_same_files(receipted: Path, witting_here: Run) -> None:
    size, before = Workspace.open(receipted).ledger.size(), files(receipted)
    again = witting_here("rights", "receipt", ANA, "--workspace", receipted, "--json")
    assert [one["new"] for one in again.json["receipts"]] == [False] * 5
    assert (Workspace.open(receipted).ledger.size(), files(receipted)) == (size, before)


def test_a_lost_or_damaged_file_is_made_again_from_the_ledger(receipted: Path, witting_here: Run) -> None:
    before = files(receipted)
    for number, path in enumerate(sorted((receipted / "receipts").iterdir())):
        if number % 3:
            path.unlink()
        elif path.suffix == ".json":
            path.write_text(path.read_text("utf-8").replace("odrl:prohibition", "odrl:permission"), "utf-8")
    assert witting_here("rights", "receipt", ANA, "--workspace", receipted).code == 0
    assert files(receipted) == before


def test_a_crash_between_sealing_and_writing_leaves_one_receipt(
    house: Path, witting_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*names: str, text: str) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Workspace, "write", lambda self, *names, text: full(*names, text=text))
        assert witting_here("rights", "receipt", ANA, "--workspace", house).code == 1
    sealed = list(Workspace.open(house).ledger.entries(kind="receipt.issued"))
    assert len(sealed) == 5
    assert witting_here("rights", "receipt", ANA, "--workspace", house).code == 0
    assert len(list(Workspace.open(house).ledger.entries(kind="receipt.issued"))) == 5
    assert len(files(house)) == 10


def issue_at(desk: Desk) -> list[tuple[bool, str]]:
    asked = abouts_of(desk, find_person(desk.workspace, ANA))
    return [(one.new, one.receipt.id) for one in desk.issue(asked)]


@pytest.mark.parametrize("known", [False, True], ids=["the first time", "where all are replaced"])
def test_asked_for_twice_at_once_each_entry_has_one_receipt(
    house: Path, witting_here: Run, known: bool
) -> None:
    """Both looked before either issued."""
    if known:
        (house / "witting.toml").write_text('controller = "Example Ltd"\n', "utf-8")
        assert witting_here("rights", "receipt", ANA, "--workspace", house).code == 1
        (house / "witting.toml").write_text(STATED, "utf-8")
    before = len(list(Workspace.open(house).ledger.entries(kind="receipt.issued")))
    first, second = (Desk(Workspace.open(house), datetime.now(UTC)) for _ in range(2))
    issued, again = issue_at(first), issue_at(second)
    assert [new for new, _ in issued] == [True] * 5
    assert again == [(False, id) for _, id in issued]
    assert issue_at(first) == again
    sealed = list(Workspace.open(house).ledger.entries(kind="receipt.issued"))
    assert len(sealed) == before + 5
    assert {str(path.name).partition(".")[0] for path in (house / "receipts").iterdir()} == {
        entry.body["receipt"] for entry in sealed
    }


def test_many_that_ask_at_once_are_given_the_same_receipts(house: Path) -> None:
    desks = [Desk(Workspace.open(house), datetime.now(UTC)) for _ in range(4)]
    with ThreadPoolExecutor(len(desks)) as pool:
        given = list(pool.map(issue_at, desks))
    assert len({tuple(id for _, id in each) for each in given}) == 1
    assert sorted(new for each in given for new, _ in each) == [False] * 15 + [True] * 5
    assert len(list(Workspace.open(house).ledger.entries(kind="receipt.issued"))) == 5


def test_once_more_is_stated_a_new_receipt_replaces_the_old_one(house: Path, witting_here: Run) -> None:
    (house / "witting.toml").write_text('controller = "Example Ltd"\n', "utf-8")
    first = witting_here("rights", "receipt", ANA, "--kind", "consent", "--workspace", house, "--json")
    assert (first.code, first.json["receipts"][0]["incomplete"]) == (1, ["party_address"])
    (house / "witting.toml").write_text(STATED, "utf-8")
    second = witting_here("rights", "receipt", ANA, "--kind", "consent", "--workspace", house, "--json")
    assert (second.code, second.json["receipts"][0]["new"]) == (0, True)
    assert by_kind(house)["consent"]["dct:replaces"] == f"urn:uuid:{first.json['receipts'][0]['receipt']}"
    third = witting_here("rights", "receipt", ANA, "--kind", "consent", "--workspace", house, "--json")
    assert third.json["receipts"][0]["new"] is False


def test_a_receipt_of_one_entry_stays_what_it_is_whatever_is_said_later(
    receipted: Path, witting_here: Run
) -> None:
    before = by_kind(receipted)["consent"]
    tell(receipted, said(ANA, "withdrawal", "27T00:00:00Z"))
    again = witting_here("rights", "receipt", ANA, "--kind", "consent", "--workspace", receipted, "--json")
    assert by_kind(receipted)["consent"] == before
    assert len(again.json["receipts"][0]["later"]) == 4


def test_everybodys_receipts_stand_under_one_checkpoint(house: Path, witting_here: Run) -> None:
    done = witting_here("rights", "receipt", "--all", "--workspace", house, "--json", "--quiet")
    assert (done.code, done.json) == (0, {"issued": 7, "again": 0, "incomplete": 0, "missing": {}})
    documents = [json.loads(p.read_text("utf-8")) for p in (house / "receipts").glob("*.json")]
    assert len({document["proof"].split("\n\n", 1)[1] for document in documents}) == 1
    again = witting_here("rights", "receipt", "--all", "--workspace", house, "--json", "--quiet")
    assert again.json == {"issued": 0, "again": 7, "incomplete": 0, "missing": {}}
    late = witting_here(
        "rights", "receipt", "--all", "--since", "1000000", "--workspace", house, "--json", "--quiet"
    )
    assert late.json["again"] == 0


def test_many_are_issued_in_batches_of_bounded_size(
    house: Path, witting_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts_module, "AT_ONCE_MAX", 3)
    done = witting_here("rights", "receipt", "--all", "--workspace", house, "--json", "--quiet")
    assert done.json["issued"] == 7
    documents = [json.loads(p.read_text("utf-8")) for p in (house / "receipts").glob("*.json")]
    assert len({document["proof"].split("\n\n", 1)[1] for document in documents}) == 3
    assert all(check.ok for document in documents for check in verify_statement(document))


def test_a_notice_whose_facts_were_not_kept_leaves_gaps_and_stops_nothing(
    house: Path, witting_here: Run
) -> None:
    kept = [p for p in (house / "objects" / "notices").iterdir() if p.read_text("utf-8").startswith("{")]
    assert len(kept) == 1
    kept[0].unlink()
    done = witting_here("rights", "receipt", ANA, "--kind", "consent", "--workspace", house, "--json")
    assert done.code == 1
    assert done.json["receipts"][0]["incomplete"] == [
        "pii_information",
        "storage_locations",
        "retention_period",
    ]
    words = ("rights", "notice", house.parent / "facts.toml", "--out", house.parent / "again", "--record")
    assert (
        witting_here(*words, "--workspace", house).code == 0
    )  # recorded once more, the facts are there again
    assert witting_here("rights", "receipt", ANA, "--kind", "consent", "--workspace", house).code == 0


# -- whose it is ------------------------------------------------------------------------------------------------------


def test_no_receipt_names_its_person_or_holds_their_evidence(receipted: Path) -> None:
    text = "".join(data.decode() for data in files(receipted).values())
    for secret in ("ana-souza", "billing_address", "consent-dialog-3", "5f0c2a7be1"):
        assert secret not in text


def test_evidence_is_opened_outside_the_workspace_only_and_fits_the_commitment(
    receipted: Path, tmp_path: Path, witting_here: Run
) -> None:
    inside = witting_here(
        "rights", "receipt", ANA, "--evidence", receipted / "reports", "--workspace", receipted
    )
    assert inside.code == 2
    out = tmp_path / "for-ana"
    done = witting_here("rights", "receipt", ANA, "--evidence", out, "--workspace", receipted, "--json")
    assert len(done.json["evidence"]) == 2  # of the consent and of the signal
    assert out.stat().st_mode & 0o777 == 0o700
    assert {Path(path).stat().st_mode & 0o777 for path in done.json["evidence"]} == {0o600}
    opened = [json.loads(Path(path).read_text("utf-8")) for path in done.json["evidence"]]
    for one in opened:
        digest = hashlib.sha256(bytes.fromhex(one["salt"]) + rfc8785.dumps(one["evidence"])).hexdigest()
        assert digest == one["commitment"]
    own = record_of(by_kind(receipted)["consent"])["witting:capture"]["witting:evidenceCommitment"]
    assert own in {one["commitment"] for one in opened}


def test_the_receipt_names_the_leaf_of_the_event_itself(receipted: Path) -> None:
    ledger = Workspace.open(receipted).ledger
    for index, body in bodies(receipted).items():
        named = record_of(body)["witting:ledgerEntry"]
        assert named["witting:leafHash"] == leaf_hash(ledger.entry(index).bytes).hex()


def test_an_erasure_takes_the_receipts_along_and_none_is_given_afterwards(
    receipted: Path, witting_here: Run
) -> None:
    assert witting_here("rights", "receipt", BO, "--workspace", receipted).code == 0
    others = set(files(receipted)) - {
        f"{b['dct:identifier']}{s}" for b in by_kind(receipted).values() for s in SUFFIXES
    }
    assert len(others) == 2
    done = witting_here("erase", ANA, "--yes", "--workspace", receipted, "--quiet")
    assert done.code == 0, done.err
    assert set(files(receipted)) == others
    again = witting_here("rights", "receipt", ANA, "--workspace", receipted)
    assert (again.code, "certificate" in again.err) == (1, True)
    everybody = witting_here("rights", "receipt", "--all", "--workspace", receipted, "--json", "--quiet")
    assert everybody.json["issued"] + everybody.json["again"] == 2  # Bo's and Cy's


def test_an_erasure_takes_the_receipts_of_what_was_claimed_before_along(
    house: Path, witting_here: Run, tmp_path: Path
) -> None:
    """A no under an address that nobody knew has a receipt; later it turns out whose address it was."""
    mail, people = "ptarmigan-9035@example.org", tmp_path / "people.jsonl"
    assert witting_here("rights", "object", f"email:{mail}", "--workspace", house).code == 0
    assert (
        witting_here("rights", "receipt", f"email:{mail}", "--workspace", house).out.count("receipts/") == 1
    )
    claimed = set(files(house))
    assert len(claimed) == 2
    people.write_text(json.dumps({"handle": ANA, "email": mail}) + "\n", "utf-8")
    assert witting_here("rights", "link", people, "--workspace", house).code == 0
    everybody = ("rights", "receipt", "--all", "--workspace", house, "--json", "--quiet")
    assert (
        witting_here(*everybody).json["issued"] == 8
    )  # Ana's five and the no that goes on as hers, Bo's, Cy's
    assert claimed < set(files(house))
    (house / "receipts" / f".{min(claimed)}.0a0b0c0d.new").write_text("cut short", "utf-8")
    done = witting_here("erase", ANA, "--yes", "--workspace", house, "--quiet")
    assert done.code == 0, done.err
    left = set(files(house))
    assert not claimed & left
    assert len(left) == 4
    again = witting_here(*everybody).json
    assert (again["issued"], again["again"]) == (0, 2)
    assert set(files(house)) == left


@pytest.mark.parametrize(
    "words",
    [(), (ANA, "--all"), ("--all", "--entry", "3"), ("--all", "--evidence", "x"), ("chatgpt:nobody",), (ANA, "--kind", "age"),
     (ANA, "--since", "3"), (ANA, "--entry", "99999")],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(house: Path, witting_here: Run, words: tuple[str, ...]) -> None:
    assert witting_here("rights", "receipt", *words, "--workspace", house).code == 2


def test_a_signal_that_refuses_nothing_has_no_receipt(house: Path, witting_here: Run) -> None:
    tell(house, said(BO, "signal", "26T00:00:00Z", signal={"kind": "gpc", "value": "0"}))
    done = witting_here("rights", "receipt", BO, "--kind", "signal", "--workspace", house)
    assert (done.code, "Nothing was said" in done.out) == (0, True)


def test_a_consent_with_an_evidence_of_its_own_words_still_reads(house: Path, witting_here: Run) -> None:
    """A notice that was never recorded here, in the evidence's own text: what is known of it is said, no more."""
    tell(house, said("chatgpt:di", "consent", "23T18:00:00Z", purposes=[FINE_TUNE], evidence=evidence()))
    done = witting_here("rights", "receipt", "chatgpt:di", "--workspace", house, "--json")
    assert done.json["receipts"][0]["incomplete"] == [
        "pii_information",
        "storage_locations",
        "retention_period",
    ]
