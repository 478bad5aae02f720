"""Kantara consent receipts in and out: little is proven by one, a no cannot be written as one, and bad ones give nothing."""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from conftest import Said
from reports.receipted import ANA, BO, everything, make, tell
from witting.errors import InputError, UsageError, WittingError
from witting.rights import kantara
from witting.rights.kantara import Mapped, read_kantara, read_mapping
from witting.workspace import Workspace

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
TEXT = "To teach our writing model from what you type"
RECEIPT: dict[str, Any] = {  # every field of the specification but publicKey; invented
    "version": "KI-CR-v1.1.0",
    "jurisdiction": "IE",
    "consentTimestamp": 1_760_000_000,
    "collectionMethod": "A dialog in the web application",
    "consentReceiptID": "0b1f9d3e-5a55-4e33-9b0b-1f6f5a0c1d2e",
    "language": "en",
    "piiPrincipalId": "user-4f2a",
    "piiControllers": [
        {
            "piiController": "Example Ltd",
            "onBehalf": False,
            "contact": "The privacy office",
            "address": {"streetAddress": "1 Example Quay", "addressCountry": "IE"},
            "email": "privacy@example.org",
            "phone": "tel:+35310000000",
            "piiControllerUrl": "https://example.org",
        }
    ],
    "policyUrl": "https://example.org/privacy",
    "services": [
        {
            "service": "Example Assistant",
            "purposes": [
                {
                    "purpose": TEXT,
                    "purposeCategory": ["Improve performance"],
                    "consentType": "EXPLICIT",
                    "piiCategory": ["Communications"],
                    "primaryPurpose": False,
                    "termination": "One year",
                    "thirdPartyDisclosure": False,
                }
            ],
        }
    ],
    "sensitive": False,
    "spiCat": [],
}
MAP = f'source = "chatgpt"\n[purposes]\n"{TEXT}" = "fine_tune_own_model"\n'
MAPPED = Mapped(source="chatgpt", purposes={TEXT: "fine_tune_own_model"})
Run = Callable[..., Said]


def changed(path: str, value: Any) -> dict[str, Any]:
    """The receipt with one field set, or taken out where the value is ...; path as a.0.b."""
    other = copy.deepcopy(RECEIPT)
    inner: Any = other
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in way:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return other


def purposes(*more: dict[str, Any]) -> dict[str, Any]:
    first = RECEIPT["services"][0]["purposes"][0]
    return changed("services.0.purposes", [first, *(first | each for each in more)])


@pytest.fixture
def house(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "house")
    (tmp_path / "map.toml").write_text(MAP, "utf-8")
    return tmp_path / "house"


@pytest.fixture
def record(house: Path, witting_here: Run) -> Run:
    def run(text: str, *more: str | Path) -> Said:
        path = house.parent / "receipts.json"
        path.write_text(text, "utf-8")
        words = ("rights", "record", path, "--format", "kantara", "--purposes", house.parent / "map.toml")
        return witting_here(*words, "--workspace", house, "--json", *more)

    return run


def read(tmp_path: Path, *receipts: Any, key: Path | None = None) -> Any:
    path = tmp_path / "receipts.json"
    path.write_text(json.dumps(list(receipts)), "utf-8")
    return read_kantara(path, mapped=MAPPED, key=key, now=NOW)


# -- in ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(RECEIPT),
        json.dumps(RECEIPT, indent=2),
        json.dumps([RECEIPT]),
        f"\ufeff{json.dumps(RECEIPT)}\n\n",
    ],
    ids=["object", "indented", "array", "lines with a byte order mark"],
)
def test_a_receipt_is_recorded_as_given_and_opens_nothing(house: Path, record: Run, text: str) -> None:
    done = record(text)
    assert done.code == 0, done.err
    assert (done.json["recorded"], done.json["verdicts"], done.json["left_out"]) == (1, {"invalid": 1}, {})
    [entry] = Workspace.open(house).ledger.entries(kind="rights.consent")
    assert entry.body["purposes"] == ["fine_tune_own_model"]
    assert entry.body["occurred_at"].startswith("2025-10-09T08:53:20")
    assert "1.action" in entry.body["failed"]
    assert "place" not in entry.body  # a receipt names a law, and not how the person's place is known
    again = record(text)
    assert (again.json["recorded"], again.json["repeated"]) == (0, 1)


def test_the_evidence_claims_no_more_than_a_receipt_shows(tmp_path: Path) -> None:
    [event] = read(tmp_path, RECEIPT).events
    assert event.subject == "chatgpt:user-4f2a"
    assert event.evidence == {
        "action": "import",
        "purposes": ["fine_tune_own_model"],
        "notice": {"lang": "en"},
        "jurisdiction": "IE",
        "controller": "Example Ltd",
        "recipients": [],
        "explicit_for_special": {},
        "status": "ConsentGiven",
    }


def test_what_was_asked_together_is_said_to_have_been(tmp_path: Path) -> None:
    shared = {"purpose": "Other things", "thirdPartyDisclosure": True, "thirdPartyName": "Somebody Ltd"}
    [event] = read(tmp_path, purposes(shared)).events
    assert event.evidence["bundled_with"] == ["other purposes of the same receipt"]
    assert event.evidence["recipients"] == []  # of the purpose that counts


def test_purposes_that_nobody_mapped_or_that_were_not_agreed_to_are_left_out_and_counted(
    house: Path, record: Run
) -> None:
    odd = purposes({"purpose": "To improve our services"}, {"purpose": None}, {"consentType": "IMPLICIT"})
    done = record(json.dumps([odd, changed("services.0.purposes.0.purpose", "Research")]))
    assert done.code == 1
    assert done.json["recorded"] == 1
    assert done.json["left_out"] == {"not_explicit": 1, "purpose_not_mapped": 2, "purpose_unnamed": 1}
    assert (done.json["receipts"], done.json["without_a_consent"]) == (2, 1)
    assert done.json["first_left_out"][-1] == {
        "receipt": 2,
        "service": 0,
        "purpose": 0,
        "reason": "purpose_not_mapped",
    }
    assert "improve" not in done.out + done.err  # places, never the text


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        *[(name, ..., name) for name in RECEIPT if name not in ("language", "version")],
        *[(f"piiControllers.0.{name}", ..., name) for name in ("piiController", "contact", "address", "email", "phone")],
        *[(f"services.0.{name}", ..., name) for name in ("service", "purposes")],
        *[
            (f"services.0.purposes.0.{name}", ..., name)
            for name in ("consentType", "purposeCategory", "piiCategory", "termination", "thirdPartyDisclosure")
        ],
        ("version", "KI-CR-v1.0.0", "version"),
        ("version", ..., "version"),
        ("consentTimestamp", "2026-01-01", "consentTimestamp"),
        ("consentTimestamp", 1.5, "consentTimestamp"),
        ("consentTimestamp", -1, "consentTimestamp"),
        ("consentTimestamp", 1_760_000_000_000, "consentTimestamp"),
        ("consentTimestamp", 10**30, "consentTimestamp"),
        ("piiPrincipalId", "", "piiPrincipalId"),
        ("piiPrincipalId", "x" * 600, "subject"),
        ("piiControllers", [], "piiControllers"),
        ("sensitive", True, "spiCat"),
        ("services.0.purposes.0.thirdPartyDisclosure", True, "thirdPartyName"),
        ("services.0.purposes.0.thirdPartyDisclosure", "no", "thirdPartyDisclosure"),
    ],
)  # fmt: skip
def test_a_receipt_that_breaks_the_specification_stops_the_file_and_names_the_field(
    tmp_path: Path, path: str, value: Any, field: str
) -> None:
    with pytest.raises(InputError, match=rf"receipt 2.*{field}") as caught:
        read(tmp_path, RECEIPT, changed(path, value))
    assert "user-4f2a" not in str(caught.value)


def test_one_bad_receipt_records_nothing(house: Path, record: Run) -> None:
    done = record("\n".join([json.dumps(RECEIPT), json.dumps(changed("sensitive", ...))]))
    assert (done.code, Workspace.open(house).ledger.size()) == (1, 0)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a": 1, "a": 2}', "[1]", "{} {}", '{"version": NaN}', "[" * 9_000]
)
def test_what_is_no_receipt_is_refused_and_no_crash(record: Run, text: str) -> None:
    done = record(text)
    assert done.code in (1, 2)
    assert "should not" not in done.err


def test_a_file_has_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kantara, "RECEIPTS_MAX", 2)
    assert len(read(tmp_path, RECEIPT, RECEIPT).events) == 2
    with pytest.raises(InputError, match="more than 2 receipts"):
        read(tmp_path, RECEIPT, RECEIPT, RECEIPT)
    monkeypatch.setattr(kantara, "FILE_BYTES_MAX", 100)
    with pytest.raises(InputError, match="larger than 100 bytes"):
        read(tmp_path, RECEIPT)


@given(text=st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_no_text_makes_the_reader_crash(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(text, "utf-8", errors="surrogatepass")
    with pytest.raises(WittingError):
        read_kantara(path, mapped=MAPPED, key=None, now=NOW)


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("purposes = 3", InputError, "source"),
        ('source = "chatgpt"\n[purposes]\nx = 1', InputError, "purposes.x"),
        ('source = "chatgpt"\nspurce = "x"\n[purposes]', InputError, "spurce"),
        ('source = "nowhere"\n[purposes]', UsageError, "the sources are"),
        ('source = "chatgpt"\n[purposes]\nx = "improve_service"', UsageError, "no purpose"),
        ("= =", InputError, "not TOML"),
    ],
)
def test_a_mapping_that_means_nothing_is_refused(
    tmp_path: Path, text: str, kind: type[Exception], said: str
) -> None:
    (tmp_path / "map.toml").write_text(text, "utf-8")
    with pytest.raises(kind, match=said):
        read_mapping(tmp_path / "map.toml")


# -- signed -----------------------------------------------------------------------------------------------------------

SIGNERS: dict[str, Callable[[], Any]] = {
    "RS256": lambda: rsa.generate_private_key(65_537, 2_048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def public(signer: Any, path: Path) -> Path:
    path.write_bytes(signer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_a_signed_receipt_is_read_with_its_key_and_not_with_another_or_none(
    house: Path, record: Run, tmp_path: Path, algorithm: str
) -> None:
    signer, other = SIGNERS[algorithm](), SIGNERS[algorithm]()
    token = jwt.encode(RECEIPT, signer, algorithm=algorithm)
    key, foreign = public(signer, tmp_path / "key.pem"), public(other, tmp_path / "other.pem")
    assert record(token).code == 2
    assert record(token, "--signed-by", foreign).code == 1
    head, payload, signature = token.split(".")
    assert record(f"{head}.{payload}x.{signature}", "--signed-by", key).code == 1
    assert Workspace.open(house).ledger.size() == 0
    done = record(f"{token}\n{token}\n", "--signed-by", key)
    assert (done.code, done.json["recorded"], done.json["repeated"]) == (0, 1, 1)


def test_what_a_receipt_says_of_its_algorithm_is_not_believed(record: Run, tmp_path: Path) -> None:
    signer = SIGNERS["RS256"]()
    key = public(signer, tmp_path / "key.pem")
    unsigned = jwt.encode(RECEIPT, None, algorithm="none")
    with_a_secret = jwt.encode(RECEIPT, secrets.token_hex(32), algorithm="HS256")
    for token in (unsigned, with_a_secret):
        assert record(token, "--signed-by", key).code == 1
    assert (
        record(json.dumps(RECEIPT), "--signed-by", key).code == 1
    )  # unsigned, where signed ones are asked for


def test_the_options_belong_together(house: Path, witting_here: Run, tmp_path: Path) -> None:
    path = tmp_path / "receipts.json"
    path.write_text(json.dumps(RECEIPT), "utf-8")
    for words in (("--format", "kantara"), ("--purposes", path), ("--signed-by", path)):
        assert witting_here("rights", "record", path, *words, "--workspace", house).code == 2


# -- out --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    root = make(tmp_path / "spoken")
    tell(root, *everything(root))
    return root


def test_a_valid_consent_is_written_and_read_back(spoken: Path, witting_here: Run) -> None:
    words = (
        "rights",
        "receipt",
        ANA,
        "--kind",
        "consent",
        "--format",
        "kantara",
        "--workspace",
        spoken,
        "--json",
    )
    done = witting_here(*words)
    assert done.code == 0, done.out
    [one] = done.json["kantara"]
    path = spoken / one["path"]
    written = json.loads(path.read_text("utf-8"))
    assert written["consentReceiptID"] == done.json["receipts"][0]["receipt"]
    assert written["piiControllers"][0]["phone"] == "tel:+35310000000"
    assert "ana-souza" not in path.read_text("utf-8")
    words_of_it = {purpose["purpose"] for service in written["services"] for purpose in service["purposes"]}
    mapped = Mapped(source="chatgpt", purposes=dict.fromkeys(words_of_it, "fine_tune_own_model"))
    [event] = read_kantara(path, mapped=mapped, key=None, now=NOW).events
    assert event.purposes == ("fine_tune_own_model",)
    assert event.occurred_at == datetime(2026, 11, 23, 18, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["refusal", "withdrawal", "objection", "signal"])
def test_a_no_is_not_written_as_what_would_read_as_a_yes(spoken: Path, witting_here: Run, kind: str) -> None:
    done = witting_here(
        "rights", "receipt", ANA, "--kind", kind, "--format", "kantara", "--workspace", spoken, "--json"
    )
    assert done.code == 1
    [one] = done.json["kantara"]
    assert one["path"] is None
    assert "cannot record a refusal" in one["problems"][0]
    assert done.json["receipts"][0]["incomplete"] == []  # its receipt in DPV is there


def test_a_consent_that_is_not_valid_is_not_written(spoken: Path, witting_here: Run) -> None:
    done = witting_here("rights", "receipt", BO, "--format", "kantara", "--workspace", spoken)
    assert done.code == 1
    assert "NOT WRITTEN" in done.out
    assert not list((spoken / "receipts").glob("*.kantara.json"))


def test_what_the_format_demands_and_nobody_stated_is_named(spoken: Path, witting_here: Run) -> None:
    (spoken / "witting.toml").write_text('[receipts]\ncontroller_phone = "010000"\n', "utf-8")
    done = witting_here(
        "rights", "receipt", ANA, "--kind", "consent", "--format", "kantara", "--workspace", spoken, "--json"
    )
    said = " ".join(done.json["kantara"][0]["problems"])
    for name in ("address", "country", "email", "phone", "privacy_notice_url", "service"):
        assert f"receipts.{name}" in said.replace("controller_", "")
