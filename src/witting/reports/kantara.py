"""A receipt in Kantara's Consent Receipt Specification 1.1, for systems that read nothing else.

Covers: writing one of a valid consent, and saying why one cannot be written. Not covered: reading (`rights/kantara.py`). The
format cannot say no (KantaraInitiative/consent-receipt-v-next, issue 14), nor that a yes was found too weak, nor that
something is missing: so a refusal, a withdrawal, a consent that is not valid and one with a gap are refused, because each
would read as an agreement. Their receipt in DPV says it all.

It is not signed: its id is that of the sealed receipt in DPV, by which it is checked. From: sections 4.3 to 4.6 and 4.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from witting.reports import dpv
from witting.reports.receipts import WHERE, About, House, Receipt, ends_at, jurisdiction_of, recipients_of
from witting.rights.kantara import EXPLICIT, VERSION

NO_WAY_TO_SAY_NO = (
    "Kantara 1.1 cannot record a refusal, withdrawal or objection (consent-receipt-v-next issue 14); "
    "hand out the receipt in DPV"
)
NOT_VALID = "Kantara 1.1 cannot say that a consent was found not valid, so it would read as one; hand out the receipt in DPV"


@dataclass(frozen=True)
class Written:
    """One of the two: the receipt, or why there is none."""

    receipt: Mapping[str, Any] | None  # Any: JSON
    problems: tuple[str, ...]


def write_kantara(about: About, house: House, receipt: Receipt) -> Written:
    if about.kind != "consent":
        return Written(None, (NO_WAY_TO_SAY_NO,))
    action = (about.evidence or {}).get("action")
    if about.entry.body.get("verdict") != "valid" or action not in dpv.EXPRESSED:
        return Written(None, (NOT_VALID,))
    facts = about.shown.facts if about.shown else None
    stated, body = house.stated, about.entry.body
    controller = receipt.body["dpv:hasRecordOfActivity"]["dpv:hasDataController"]
    needed = {
        "state controller in witting.toml": controller.get("dpv:hasName"),
        "state receipts.controller_contact": stated.controller_contact
        or (facts and facts.controller.contact),
        "state receipts.controller_address": stated.controller_address,
        "state receipts.controller_country": stated.controller_country,
        "state receipts.controller_email": stated.controller_email,
        "state receipts.controller_phone, from + and the country's number on": _telephone(
            stated.controller_phone
        ),
        "state receipts.privacy_notice_url": stated.privacy_notice_url,
        "state receipts.service": stated.service,
        "record the notice that was shown: its facts say which data": facts,
        "record the person's place": jurisdiction_of(about),
        "record the notice that was shown, or recipients in the evidence": recipients_of(about) is not None
        or None,
    }
    problems = tuple(way for way, value in needed.items() if not value)
    if problems or facts is None:
        return Written(None, problems)
    special = list(body.get("special") or ())
    found = {
        "version": VERSION,
        "jurisdiction": str(jurisdiction_of(about)).removeprefix("loc:"),
        "consentTimestamp": int(datetime.fromisoformat(body["occurred_at"]).timestamp()),
        "collectionMethod": action,
        "consentReceiptID": receipt.id,
        "language": about.shown.language if about.shown else None,
        "piiPrincipalId": body["subject"],
        "piiControllers": [
            _controller(about, house, str(controller["dpv:hasName"]), str(facts.controller.contact))
        ],
        "policyUrl": stated.privacy_notice_url,
        "services": [{"service": stated.service, "purposes": _purposes(about, house)}],
        "sensitive": bool(special),
        "spiCat": special,
    }
    return Written({name: value for name, value in found.items() if value is not None}, ())


def _controller(about: About, house: House, name: str, contact: str) -> dict[str, Any]:
    stated = house.stated
    found = {
        "piiController": name,
        "onBehalf": False,
        "contact": stated.controller_contact or contact,
        "address": {
            "streetAddress": stated.controller_address,
            "addressCountry": stated.controller_country,
        },
        "email": stated.controller_email,
        "phone": _telephone(stated.controller_phone),
        "piiControllerUrl": stated.controller_url,
    }
    return {key: value for key, value in found.items() if value is not None}


def _telephone(number: str | None) -> str | None:
    """RFC 3966, a global number; None where it is not one."""
    if number is None or not number.startswith("+"):
        return None
    return f"tel:+{''.join(char for char in number if char.isdigit())}"


def _purposes(about: About, house: House) -> list[dict[str, Any]]:
    facts = about.shown.facts if about.shown else None
    data = [dpv.DATA[kind][1] for kind in facts.data.kinds] if facts else []
    names = recipients_of(about) or []
    shared = {"thirdPartyName": "; ".join(names)} if names else {}
    return [
        {
            "purpose": dpv.PURPOSE[name].words,
            "purposeCategory": [name],
            "consentType": EXPLICIT,
            "piiCategory": data,
            "primaryPurpose": False,
            "termination": _termination(about, house),
            "thirdPartyDisclosure": bool(names),
            **shared,
        }
        for name in about.entry.body["purposes"]
    ]


def _termination(about: About, house: House) -> str:
    until = f"Ends on {ends_at(about.entry, house).date().isoformat()}"
    facts = about.shown.facts if about.shown else None
    ways = [WHERE[where] for where in facts.withdrawal.where] if facts else []
    ways = [house.stated.withdrawal_url or "", *ways]
    return f"{until}, or when the person withdraws it: {', '.join(way for way in ways if way)}."
