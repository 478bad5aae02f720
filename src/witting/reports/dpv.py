"""Our words in the Data Privacy Vocabulary: the JSON-LD context of a receipt, and the term for each of our closed lists.

Covers: prefixes, which properties hold IRIs or times, purposes, kinds of data, rights, actions of the evidence. Not
covered: putting a receipt together (`receipts.py`). The context stands in every receipt, so that nothing is fetched to
read one. No purpose of DPV names training (w3c/dpv issue 295), and a broader one would say more than the person did: the
training purposes have our own IRI and DPV's processing beside it.

From: DPV 2.3 and its guide to ISO/IEC TS 27560:2023 (W3C DPVCG Final Report, 15 February 2026); ODRL 2.2. Terms and
property names were checked in the repository w3c/dpv, commit f01a55c of 28 February 2026; ISO's own text was not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROFILE = "https://w3id.org/dpv/schema/dpv-27560#"
OWN_PROFILE = "urn:witting:profile:receipt-1"
PREFIXES = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "ai": "https://w3id.org/dpv/ai#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "dct": "http://purl.org/dc/terms/",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "schema": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "purpose": "urn:witting:purpose:",
    "action": "urn:witting:action:",
    "witting": "urn:witting:term:",
}
HOLD_IRIS = (
    "dct:conformsTo", "dct:publisher", "dct:replaces", "dpv:hasConsentControl", "dpv:hasDataController", "dpv:hasJurisdiction",
    "dpv:hasLegalBasis", "dpv:hasLocation", "dpv:hasPersonalData", "dpv:hasProcessing", "dpv:hasPurpose", "dpv:hasRecipient",
    "dpv:isIndicatedBy", "odrl:action", "odrl:assignee", "odrl:assigner", "odrl:includedIn", "odrl:leftOperand",
    "odrl:operator", "odrl:target", "schema:recipient", "schema:url", "skos:broader", "skos:closeMatch",
)  # fmt: skip
HOLD_TIMES = ("dct:created", "dpv:isIndicatedAtTime", "odrl:rightOperand", "witting:recordedAt")
CONTEXT: Mapping[str, Any] = {  # Any: JSON-LD
    **PREFIXES,
    **{name: {"@type": "@id"} for name in HOLD_IRIS},
    **{name: {"@type": "xsd:dateTime"} for name in HOLD_TIMES},
}


@dataclass(frozen=True)
class Meaning:
    """A purpose: in a sentence, DPV's broader purposes where one is true, the processing it is."""

    words: str
    broader: tuple[str, ...] = ()
    processing: tuple[str, ...] = ("dpv:Use",)


PURPOSE: Mapping[str, Meaning] = {
    "provide_service": Meaning(
        "Providing the service that was asked for", ("dpv:RequestedServiceProvision",)
    ),
    "safety_review": Meaning(
        "Looking for misuse and danger", ("dpv:MisusePreventionAndDetection",), ("dpv:Assess",)
    ),
    "human_review": Meaning("Reading by people who check quality", (), ("dpv:Consult",)),
    "evaluate_model": Meaning("Measuring a model on the person's words", (), ("dpv:Assess",)),
    "fine_tune_own_model": Meaning(
        "Fine-tuning our own model on the person's words", (), ("ai:ModelFineTuning",)
    ),
    "train_general_model": Meaning(
        "Training a general model on the person's words", (), ("ai:ModelTraining",)
    ),
    "share_dataset": Meaning("Giving the person's words to named recipients as data", (), ("dpv:Share",)),
    "publish_dataset": Meaning("Publishing the person's words as data", (), ("dpv:MakeAvailable",)),
    "personalise_ads": Meaning(
        "Choosing advertising by the person's words", ("dpv:PersonalisedAdvertising",)
    ),
}
DATA: Mapping[str, tuple[str, str]] = {  # kinds of data in the facts of a notice
    "messages": ("pd:Communication", "What the person wrote to the assistant"),
    "answers": ("pd:Communication", "The assistant's answers to the person"),
    "ratings": ("pd:Opinion", "The person's ratings of answers"),
    "corrections": ("pd:Communication", "The person's corrections of answers"),
}
RIGHTS: Mapping[str, tuple[str, str]] = {  # rights in the facts of a notice; the terms are of the GDPR
    "access": ("eu-gdpr:A15", "Right of access"),
    "correct": ("eu-gdpr:A16", "Right to rectification"),
    "delete": ("eu-gdpr:A17", "Right to erasure"),
    "restrict": ("eu-gdpr:A18", "Right to restriction"),
    "portability": ("eu-gdpr:A20", "Right to data portability"),
    "object": ("eu-gdpr:A21", "Right to object"),
}
WITHDRAW = ("eu-gdpr:A7-3", "Right to withdraw consent")
COMPLAIN = ("eu-gdpr:A77", "Right to complain to an authority")
EXPRESSED = ("click_button", "toggle_on", "typed_phrase", "signed", "spoken")
IMPLIED = ("scroll", "continue_use", "dismiss", "prefilled", "silence")
ACTIONS = (*EXPRESSED, *IMPLIED, "import")


def consent_type(action: str | None) -> str:
    """DPV's kind of consent for the action of an evidence record; the plain term where the action is not known."""
    if action in EXPRESSED:
        return "dpv:ExpressedConsent"
    return "dpv:ImpliedConsent" if action in IMPLIED else "dpv:Consent"


def purpose(name: str) -> dict[str, Any]:  # Any: JSON-LD
    meaning = PURPOSE[name]
    node = {
        "@id": f"purpose:{name}",
        "@type": "dpv:Purpose",
        "dct:identifier": name,
        "dct:description": meaning.words,
    }
    return node | ({"skos:broader": list(meaning.broader)} if meaning.broader else {})


def action(name: str) -> dict[str, Any]:  # Any: JSON-LD
    """What a rule permits or prohibits: an action of our own, because ODRL has none for training (w3c/odrl issue 147)."""
    close = list(PURPOSE[name].processing)
    return {
        "@id": f"action:{name}",
        "@type": "odrl:Action",
        "odrl:includedIn": "odrl:use",
        "skos:closeMatch": close,
    }


def duration(period: str) -> str:
    """ "12 months" as ISO 8601."""
    count, unit = period.split(" ")
    return f"P{count}{unit[0].upper()}"
