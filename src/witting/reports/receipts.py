"""A receipt: what one person said, as it stands in the ledger, in words that other programs read.

Covers: the body of a receipt of a consent, refusal, withdrawal, objection or preference signal, as JSON-LD in DPV's profile
of ISO/IEC TS 27560; which of its mandatory fields nobody stated. Not covered: gathering what a receipt is made from and
sealing it (`walk/receipts.py`), Kantara's format (`kantara.py`).

A receipt is of one ledger entry and says nothing of later ones, so the same entry gives the same receipt for ever. What
nobody stated is listed under `witting:incomplete` and never made up; only a complete one claims DPV's profile. Verdict and
failed rules stand on it: a person may know that their yes was found too weak to use. It names the person by the
ledger's random id and holds no words, handle or raw evidence. An objection is no consent: its receipt is a notice that a
right was exercised and claims no profile of consents.

From: ISO/IEC TS 27560:2023 by the DPV guide, sections 8 and 9; ODRL 2.2 for what is permitted and prohibited.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from witting.config import Receipts
from witting.ledger.entry import Entry, format_time
from witting.ledger.merkle import leaf_hash
from witting.reports import dpv
from witting.rights.notice.facts import AT_ONCE, Facts
from witting.rights.notice.record import Shown
from witting.rights.purposes import included
from witting.schema import PURPOSES

KINDS = ("consent", "refusal", "withdrawal", "objection", "signal")  # rights events that are receipted
STATE = {"refusal": "refused", "withdrawal": "withdrawn", "objection": "objected", "signal": "objected"}
NAMESPACE = uuid.UUID("6d7f6a3e-5f1b-4f0e-9b63-0c9f2f7d4a51")
NOT_STATED = (
    "(not stated)",
    "(who answers for this processing)",
)  # what a config says before anybody fills it in
SUBJECT = "dpv:DataSubject"
WHERE = {
    "page": "on the page that asks",
    "settings": "in the settings",
    "message": "by a message to the contact",
}
# ISO/IEC TS 27560's mandatory fields that somebody must have stated; what the ledger itself gives is never missing.
MANDATORY = (
    "privacy_notice", "language", "purpose", "pii_information", "storage_locations", "retention_period", "jurisdiction",
    "recipient_third_parties", "withdrawal_method", "party_name", "party_address", "party_contact",
)  # fmt: skip
OF_AN_OBJECTION = ("jurisdiction", "party_name", "party_address", "party_contact")
NOT_PROVEN = (
    "That what the controller recorded is true: the proof shows who stated it, when, and that it was not changed since.",
    "What was said after this ledger entry. A later entry has a receipt of its own.",
    "That the consent is lawful: the verdict is the controller's own, by the rules it names.",
)


@dataclass(frozen=True)
class House:
    """Who issues receipts: as config and ledger say it."""

    log: str  # the ledger's name
    controller: str
    stated: Receipts
    consent_days_max: int


@dataclass(frozen=True)
class About:
    """What one receipt is made from, found by `walk/receipts.py`."""

    entry: Entry
    given: Entry | None  # of a withdrawal: the consent it ends
    place: str | None  # last told by the person before
    notice_sha256: str | None  # of the text that was shown
    shown: Shown | None  # of that text, where it was recorded
    evidence: Mapping[str, Any] | None  # Any: JSON, opened; of a withdrawal: that of the consent

    @property
    def kind(self) -> str:
        return self.entry.kind.removeprefix("rights.")


@dataclass(frozen=True)
class Receipt:
    id: str
    body: Mapping[str, Any]  # Any: JSON-LD
    incomplete: tuple[str, ...]
    state: str


def make_receipt(about: About, house: House, *, created: datetime, replaces: str | None = None) -> Receipt:
    """Pure: the same in gives the same bytes out. `replaces` is the id of an earlier receipt of the entry."""
    known = _known(about, house)
    identifier = receipt_id(house.log, about.entry, created)
    about_consent = about.kind in ("consent", "refusal", "withdrawal")
    fields = MANDATORY if about_consent else OF_AN_OBJECTION
    missing = tuple(name for name in fields if known[name] is None)
    profile = [f"{dpv.PROFILE}receipt"] if about_consent and not missing else []
    body = {
        "@context": dict(dpv.CONTEXT),
        "@id": f"urn:uuid:{identifier}",
        "@type": "dpv:ConsentReceipt" if about_consent else "dpv:RightExerciseNotice",
        "dct:identifier": identifier,
        "dpv:hasIdentifier": identifier,
        "dct:conformsTo": [dpv.OWN_PROFILE, *profile],
        "dct:created": format_time(created),
        "dct:publisher": known["controller"],
        "schema:recipient": SUBJECT,
        **({"dct:replaces": f"urn:uuid:{replaces}"} if replaces else {}),
        "witting:state": state_of(about),
        "witting:incomplete": list(missing),
        "witting:notProven": list(NOT_PROVEN),
        "dpv:hasRecordOfActivity": _record(about, house, known, complete=bool(profile)),
    }
    return Receipt(identifier, body, missing, state_of(about))


def receipt_id(log: str, entry: Entry, created: datetime) -> str:
    """Always the same for the same issue, so that a crash makes no second one. RFC 9562, version 5."""
    return str(uuid.uuid5(NAMESPACE, f"{log}/{entry.index}/receipt/{format_time(created)}"))


def record_id(log: str, entry: Entry) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{log}/{entry.index}"))


def state_of(about: About) -> str:
    """given, given_not_valid, refused, withdrawn, objected."""
    if about.kind == "consent":
        return "given" if about.entry.body.get("verdict") == "valid" else "given_not_valid"
    return STATE[about.kind]


def spoken_of(about: About) -> tuple[str, ...]:
    """The purposes the entry is about; a no without any is about all."""
    named = tuple(about.entry.body.get("purposes") or ())
    return named or (() if about.kind in ("consent", "signal") else PURPOSES)


def opened(about: About) -> tuple[str, ...]:
    """What this entry opens: a valid consent what it includes, a weak one the measuring of a model, a no nothing."""
    verdict = about.entry.body.get("verdict") if about.kind == "consent" else None
    wide = {inner for name in spoken_of(about) for inner in included(name)}
    allowed = wide if verdict == "valid" else wide & {"evaluate_model"} if verdict == "weak" else set()
    return tuple(name for name in PURPOSES if name in allowed)


# -- what is known ----------------------------------------------------------------------------------------------------


def _known(about: About, house: House) -> dict[str, Any]:  # Any: JSON-LD
    """Each mandatory field as it goes into the receipt, None where nobody stated it; further ones beside.

    What the person was shown (evidence, notice) goes before what the config says today."""
    facts, evidence, stated = _facts(about), about.evidence or {}, house.stated
    name = (facts and facts.controller.name) or evidence.get("controller") or house.controller
    name = None if name in NOT_STATED else name
    return {
        "controller": f"urn:uuid:{uuid.uuid5(NAMESPACE, house.log)}",
        "party_id": stated.controller_id or house.log,
        "party_name": name,
        "party_address": _address(stated),
        "party_contact": _contact(stated, facts),
        "privacy_notice": _notice(about, stated),
        "language": _language(about),
        "purpose": [dpv.purpose(each) for each in spoken_of(about)] or None,
        "pii_information": [_data(kind) for kind in facts.data.kinds] if facts else None,
        "storage_locations": [f"loc:{place}" for place in facts.data.stored_in] if facts else None,
        "retention_period": dpv.duration(facts.data.kept) if facts else None,
        "jurisdiction": jurisdiction_of(about),
        "recipient_third_parties": recipients_of(about),
        "withdrawal_method": _withdrawal(about, stated),
        "rights": _rights(about, facts),
    }


def _facts(about: About) -> Facts | None:
    """Of the notice that was shown, where it asked for a purpose that this entry is about."""
    facts = about.shown.facts if about.shown else None
    return facts if facts and facts.purpose in spoken_of(about) else None


def _address(stated: Receipts) -> dict[str, str] | None:
    if stated.controller_address is None or stated.controller_country is None:
        return None
    return {
        "@type": "schema:PostalAddress",
        "schema:streetAddress": stated.controller_address,
        "schema:addressCountry": stated.controller_country,
    }


def _contact(stated: Receipts, facts: Facts | None) -> dict[str, str] | None:
    said = {
        "schema:name": stated.controller_contact or (facts.controller.contact if facts else None),
        "schema:email": stated.controller_email,
        "schema:telephone": stated.controller_phone,
        "schema:url": stated.controller_url,
    }
    found = {name: value for name, value in said.items() if value is not None}
    return {"@type": "schema:ContactPoint", **found} if found else None


def _notice(about: About, stated: Receipts) -> dict[str, Any] | None:  # Any: JSON-LD
    """The exact text that was shown, by its hash; where that is not known, no address stands in for it."""
    if about.notice_sha256 is None:
        return None
    said = (about.evidence or {}).get("notice") or {}
    version = about.shown.version if about.shown else said.get("version")
    found = {
        "@id": f"urn:witting:notice:{about.notice_sha256}",
        "@type": "dpv:ConsentNotice",
        "witting:sha256": about.notice_sha256,
        "dct:identifier": None if version is None else str(version),
        "dct:language": _language(about),
        "schema:url": stated.privacy_notice_url,
    }
    return {name: value for name, value in found.items() if value is not None}


def _language(about: About) -> str | None:
    said = (about.evidence or {}).get("notice") or {}
    return about.shown.language if about.shown else said.get("lang")


def jurisdiction_of(about: About) -> str | None:
    """ISO 3166 of the person's place, as judged, as their evidence says, or as last told."""
    said = str((about.evidence or {}).get("jurisdiction") or "").upper()
    before = about.given.body.get("place") if about.given else None
    place = about.entry.body.get("place") or before or about.place or said
    return None if not place or place == "UNKNOWN" else f"loc:{place}"


def recipients_of(about: About) -> list[str] | None:
    """The names of others who receive the words; empty where it was said that there are none."""
    if (facts := _facts(about)) is not None:
        return list(facts.data.recipients)
    return (about.evidence or {}).get("recipients")


def _withdrawal(about: About, stated: Receipts) -> list[Any] | None:  # Any: JSON-LD
    facts = _facts(about)
    channels = [WHERE[where] for where in facts.withdrawal.where] if facts else []
    channels += [] if facts else (about.evidence or {}).get("withdraw_channels") or []
    address = [] if stated.withdrawal_url is None else [{"@id": stated.withdrawal_url}]
    return [*address, *channels] or None


def _data(kind: str) -> dict[str, str]:
    broader, words = dpv.DATA[kind]
    return {
        "@type": "dpv:PersonalData",
        "skos:broader": broader,
        "dct:identifier": kind,
        "dct:description": words,
    }


def _rights(about: About, facts: Facts | None) -> list[dict[str, Any]]:  # Any: JSON-LD
    """Those the notice named; under the GDPR with its articles."""
    named = [dpv.RIGHTS[name] for name in facts.law.rights] if facts else []
    if about.kind in ("consent", "withdrawal"):
        named = [dpv.WITHDRAW, *named]
    if facts and about.shown:
        named.append((dpv.COMPLAIN[0], f"{dpv.COMPLAIN[1]}: {_authority(facts, about.shown)}"))
    gdpr = facts is not None and facts.law.profile == "gdpr"
    return [
        {"@type": ["dpv:DataSubjectRight", *([term] if gdpr else [])], "dct:title": title}
        for term, title in named
    ]


def _authority(facts: Facts, shown: Shown) -> str:
    said = facts.law.authority
    return (
        said if isinstance(said, str) else next(text for name, text in said.items() if name == shown.language)
    )


# -- the record -------------------------------------------------------------------------------------------------------


def _record(about: About, house: House, known: Mapping[str, Any], *, complete: bool) -> dict[str, Any]:
    entry, identifier = about.entry, record_id(house.log, about.entry)
    about_consent = about.kind in ("consent", "refusal", "withdrawal")
    record = {
        "@id": f"urn:uuid:{identifier}",
        "@type": "dpv:ConsentRecord" if about_consent else "dpv:RightExerciseRecord",
        "dct:identifier": identifier,
        "dpv:hasIdentifier": identifier,
        "dct:conformsTo": f"{dpv.PROFILE}record" if complete else None,
        "dpv:hasDataSubject": {
            "@id": f"urn:witting:subject:{entry.body['subject']}",
            "@type": SUBJECT,
            "dct:identifier": entry.body["subject"],
        },
        "dpv:hasDataController": _controller(known),
        "dpv:hasJurisdiction": known["jurisdiction"],
        "dpv:hasNotice": known["privacy_notice"],
        "dct:language": known["language"],
        "dpv:hasProcess": _process(about, house, known) if about_consent else None,
        "dpv:hasPurpose": None if about_consent else known["purpose"],
        "dpv:hasRight": known["rights"] or None,
        "dpv:hasConsentControl": _control(known),
        "dpv:hasConsentStatus": _statuses(about, house, known) if about_consent else None,
        "witting:exercised": None if about_consent else _exercised(about),
        "witting:policy": _policy(about, house, known),
        "witting:ledgerEntry": _place_in_ledger(about, house),
        "witting:capture": _capture(about),
        "witting:effect": _effect(about),
    }
    return {name: value for name, value in record.items() if value is not None}


def _controller(known: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "@id": known["controller"],
        "@type": "dpv:DataController",
        "dpv:hasIdentifier": known["party_id"],
        "dpv:hasName": known["party_name"],
        "schema:address": known["party_address"],
        "schema:contactPoint": known["party_contact"],
    }
    return {name: value for name, value in found.items() if value is not None}


def _process(about: About, house: House, known: Mapping[str, Any]) -> dict[str, Any]:
    """One process for all the purposes: they were asked together, and DPV reads each as applying."""
    storage = []
    if known["storage_locations"] is not None:
        storage.append({"@type": "dpv:StorageLocation", "dpv:hasLocation": known["storage_locations"]})
    if known["retention_period"] is not None:
        storage.append({"@type": "dpv:StorageDuration", "dpv:hasDuration": known["retention_period"]})
    processing = {each for name in spoken_of(about) for each in dpv.PURPOSE[name].processing}
    process = {
        "@type": "dpv:Process",
        "dpv:hasPurpose": known["purpose"],
        "dpv:hasProcessing": sorted(processing) or None,
        "dpv:hasService": _service(house.stated),
        "dpv:hasLegalBasis": _basis(about),
        "dpv:hasPersonalData": known["pii_information"],
        "dpv:hasStorageCondition": storage or None,
        "dpv:hasRecipient": _recipients(known),
    }
    return {name: value for name, value in process.items() if value is not None}


def _service(stated: Receipts) -> dict[str, str] | None:
    return None if stated.service is None else {"@type": "dpv:Service", "dct:title": stated.service}


def _basis(about: About) -> list[str]:
    facts = _facts(about)
    return ["dpv:Consent", *(["eu-gdpr:A6-1-a"] if facts and facts.law.profile == "gdpr" else [])]


def _recipients(known: Mapping[str, Any]) -> list[Any] | None:  # Any: JSON-LD
    """The controller itself, and the others by name. Alone, it says that there are no others."""
    if known["recipient_third_parties"] is None:
        return None
    others = [{"@type": "dpv:ThirdParty", "dpv:hasName": name} for name in known["recipient_third_parties"]]
    return [known["controller"], *others]


def _control(known: Mapping[str, Any]) -> dict[str, Any] | None:
    if known["withdrawal_method"] is None:
        return None
    return {"@type": "dpv:WithdrawConsent", "dpv:isExercisedAt": known["withdrawal_method"]}


def _statuses(about: About, house: House, known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was said, in order; and where the controller found it no valid consent, that."""
    match about.kind:
        case "refusal":
            return [_status("dpv:ConsentRefused", about.entry, _until_a_yes())]
        case "withdrawal":
            earlier = [] if about.given is None else _given(about, about.given, house, known)
            return [*earlier, _status("dpv:ConsentWithdrawn", about.entry, _until_a_yes())]
        case _:
            return _given(about, about.entry, house, known)


def _given(about: About, entry: Entry, house: House, known: Mapping[str, Any]) -> list[dict[str, Any]]:
    action = (about.evidence or {}).get("action")
    given = _status("dpv:ConsentGiven", entry, _lasts(entry, house))
    given["@type"] = [given["@type"], dpv.consent_type(action)]
    if action in dpv.ACTIONS:
        given["dpv:hasIndicationMethod"] = action
    if entry.body.get("verdict") == "valid":
        return [given]
    return [
        given,
        {
            "@type": "dpv:ConsentInvalidated",
            "dpv:isIndicatedBy": known["controller"],
            "dpv:isIndicatedAtTime": format_time(entry.at),
            "dpv:hasDuration": _until_a_yes(),
            "dct:description": f"judged {entry.body.get('verdict', 'invalid')} by how it was asked",
        },
    ]


def _status(state: str, entry: Entry, lasts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": state,
        "dpv:isIndicatedBy": SUBJECT,
        "dpv:isIndicatedAtTime": _said_at(entry),
        "dpv:hasDuration": dict(lasts),
    }


def _said_at(entry: Entry) -> str:
    return format_time(datetime.fromisoformat(entry.body["occurred_at"]))


def ends_at(entry: Entry, house: House) -> datetime:
    """When a consent ends if nobody ends it before: its own end, and never later than `consent_days_max` after it was given."""
    own, given = entry.body.get("expires_at"), datetime.fromisoformat(entry.body["occurred_at"])
    latest = given + timedelta(days=house.consent_days_max)
    return latest if own is None else min(latest, datetime.fromisoformat(own))


def _lasts(entry: Entry, house: House) -> dict[str, Any]:
    value = {"@type": "xsd:dateTime", "@value": format_time(ends_at(entry, house))}
    return {"@type": "dpv:UntilTimeDuration", "rdf:value": value}


def _until_a_yes() -> dict[str, Any]:
    return {"@type": "dpv:UntilEventDuration", "rdf:value": "a later valid consent of the person"}


def _exercised(about: About) -> dict[str, Any]:
    found = {
        "dpv:isIndicatedBy": SUBJECT,
        "dpv:isIndicatedAtTime": _said_at(about.entry),
        "dpv:hasDuration": _until_a_yes(),
        "dpv:hasIndicationMethod": about.entry.body.get("signal") or "an objection",
    }
    return {"@type": "dpv:RightExerciseActivity", **found}


def _policy(about: About, house: House, known: Mapping[str, Any]) -> dict[str, Any]:
    """What the entry permits and prohibits, a rule a purpose. Whatever is not named was not asked, and is not permitted."""
    subject = f"urn:witting:subject:{about.entry.body['subject']}"
    permitted, closed = opened(about), [name for name in spoken_of(about) if name not in opened(about)]

    def rule(name: str) -> dict[str, Any]:
        return {
            "odrl:action": dpv.action(name),
            "odrl:target": f"{subject}:words",
            "odrl:assigner": subject,
            "odrl:assignee": known["controller"],
        }

    span = _span(about.entry, house) if permitted else {}
    policy = {
        "@id": f"urn:uuid:{uuid.uuid5(NAMESPACE, f'{house.log}/{about.entry.index}/policy')}",
        "@type": "odrl:Set",
        "odrl:permission": [rule(name) | span for name in permitted],
        "odrl:prohibition": [rule(name) for name in closed],
    }
    return {name: value for name, value in policy.items() if value}


def _span(entry: Entry, house: House) -> dict[str, Any]:
    """From when until when, as the house decides by: words from outside it are not permitted, nor any use after it."""
    starts = datetime.fromisoformat(entry.body.get("valid_from") or entry.body["occurred_at"])
    bounds = (("odrl:gteq", starts), ("odrl:lt", ends_at(entry, house)))
    return {
        "odrl:constraint": [
            {
                "odrl:leftOperand": "odrl:dateTime",
                "odrl:operator": operator,
                "odrl:rightOperand": format_time(moment),
            }
            for operator, moment in bounds
        ]
    }


def _place_in_ledger(about: About, house: House) -> dict[str, Any]:
    """Where the event itself stands: its inclusion proof lies beside the receipt, as a `.tlog-proof`."""
    entry = about.entry
    return {
        "witting:log": house.log,
        "witting:index": entry.index,
        "witting:kind": entry.kind,
        "witting:recordedAt": format_time(entry.at),
        "witting:leafHash": leaf_hash(entry.bytes).hex(),
    }


def _capture(about: About) -> dict[str, Any] | None:
    """ISO/IEC TS 27560 has no field for how well a consent was asked for; it allows more fields, and these are ours."""
    body = about.entry.body
    found = {
        "witting:verdict": body.get("verdict"),
        "witting:score": body.get("score"),
        "witting:judgedBy": body.get("pack"),
        "witting:failed": body.get("failed"),
        "witting:evidenceCommitment": body.get("evidence_commitment"),
        "witting:special": body.get("special"),
    }
    return {name: value for name, value in found.items() if value is not None} or None


def _effect(about: About) -> dict[str, Any] | None:
    """What the notice promised of a no: when words stop being used, and what becomes of the model."""
    facts = _facts(about)
    if facts is None or about.kind == "consent":
        return None
    promised = facts.withdrawal
    stop = "at once" if promised.stop_within == AT_ONCE else f"within {promised.stop_within}"
    found = {
        "witting:stops": stop,
        "witting:model": promised.model,
        "witting:modelWithin": promised.model_within,
    }
    return {name: value for name, value in found.items() if value is not None}
