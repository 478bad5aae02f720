"""A signed message: base64 of an Ed25519 signature and the JSON it is over, and what the JSON claims.

Covered: opening one with an agent's key, the claims every message has and when they hold (section 3.07), the exercise of a right
(2.01) and who asks (3.04). Not covered: whether the person is one we know. Errors name a field and never its value.
From: Data Rights Protocol 1.0; libsodium's combined mode, `crypto_sign`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature

from witting.doors.cloud_events import NotJson, parsed
from witting.doors.http.drp.agents import Agent
from witting.rights.claims import EMAIL, NAME, PHONE, claim_handle
from witting.rights.signals.statement import TRAINING
from witting.schema import ACCESS_SCOPES
from witting.walk.requests import Claimed

VERSION = "1.0"
SIGNATURE_BYTES = 64
AGENT_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")  # one printable word
TIME_CHARS_MAX = 64
LIFE_MAX = timedelta(
    days=1
)  # of a message, from issued-at to expires-at; the specification's example is 10 minutes
SALE = ("personalise_ads", "publish_dataset", "share_dataset")
# exercise -> kind of rights event, purposes, scope; None: what only a consent gives
EXERCISES: Mapping[str, tuple[str | None, tuple[str, ...], str | None]] = {
    "sale:opt-out": ("objection", SALE, None),
    "sale:opt-in": (None, (), None),
    "deletion": ("erasure_request", (), None),
    "access": ("access_request", (), ACCESS_SCOPES[0]),
    "access:categories": ("access_request", (), ACCESS_SCOPES[1]),
    "access:specific": ("access_request", (), ACCESS_SCOPES[2]),
    "train:opt-out": ("objection", tuple(sorted(TRAINING | {"evaluate_model"})), None),  # ours
    "train:opt-in": (None, (), None),  # ours
}
# What the message calls them, whether they were verified, and what we call them.
PERSON = (("email", "email_verified", EMAIL), ("phone_number", "phone_number_verified", PHONE))


@dataclass
class Refused(Exception):
    """What is told instead of an answer: section 3.06. `fatal` where sending it again is of no use."""

    status: int
    message: str
    fatal: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Exercise:
    """A request to exercise a right, read."""

    name: str
    agent_request_id: str | None = field(repr=False)
    claims: tuple[Claimed, ...] = field(repr=False)


def opened(body: bytes, agent: Agent) -> dict[str, Any]:  # Any: JSON, checked next
    """The JSON object in a message, its signature checked. Raises Refused."""
    try:
        signed = base64.b64decode(bytes(body).strip(), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "The body is not base64.") from None
    if len(signed) <= SIGNATURE_BYTES:
        raise Refused(400, "The body is shorter than a signature and a message.")
    signature, message = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
    try:
        agent.key.verify(signature, message)
    except InvalidSignature:
        raise Refused(403, "The signature is not of this message by this agent's key.") from None
    try:
        value = parsed(message)
    except NotJson as error:
        raise Refused(400, f"The message {error.why}.") from None
    if not isinstance(value, dict):
        raise Refused(400, "The message must be a JSON object.")
    return value


def check_envelope(values: Mapping[str, Any], *, agent: Agent, business_id: str, now: datetime) -> None:
    """In the order of section 3.07. Raises Refused."""
    if values.get("agent-id") != agent.id:
        raise Refused(403, "agent-id is not the agent whose key and token these are.")
    if values.get("business-id") != business_id:
        raise Refused(403, "business-id is not this business.")
    if now < _time(values, "issued-at"):
        raise Refused(400, "issued-at lies in the future; check the clock.")
    if now >= _time(values, "expires-at"):
        raise Refused(400, "expires-at has passed; sign it again.", fatal=True)
    if _time(values, "expires-at") - _time(values, "issued-at") > LIFE_MAX:
        raise Refused(400, "expires-at lies more than a day after issued-at; sign it for a shorter time.")
    if values.get("drp.version") != VERSION:
        raise Refused(400, f"drp.version must be {VERSION}.")


def check_no_exercise(values: Mapping[str, Any], why: str) -> None:
    """A request that somebody else got hold of is good for nothing but being taken, once. Raises Refused."""
    if "exercise" in values:
        raise Refused(403, f"A message with an exercise asks for that, and {why}.")


def check_given(values: Mapping[str, Any], *, agent: Agent, business_id: str, now: datetime) -> None:
    """Of a message that needs no envelope (section 2.04): each claim of one holds if it is there. Raises Refused."""
    if values.get("agent-id", agent.id) != agent.id:
        raise Refused(403, "agent-id is not the agent whose key and token these are.")
    if values.get("business-id", business_id) != business_id:
        raise Refused(403, "business-id is not this business.")
    if "issued-at" in values and now < _time(values, "issued-at"):
        raise Refused(400, "issued-at lies in the future; check the clock.")
    if "expires-at" in values and now >= _time(values, "expires-at"):
        raise Refused(400, "expires-at has passed; sign it again.", fatal=True)
    if values.get("drp.version", VERSION) != VERSION:
        raise Refused(400, f"drp.version must be {VERSION}.")


def _time(values: Mapping[str, Any], name: str) -> datetime:
    value = values.get(name)
    if isinstance(value, str) and len(value) <= TIME_CHARS_MAX:
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise Refused(400, f"{name} must be a time in ISO 8601.")


def read_exercise(values: Mapping[str, Any]) -> Exercise:
    """What is asked, and for whom. Raises Refused."""
    name, given = values.get("exercise"), values.get("agent-request-id")
    if not isinstance(name, str) or name not in EXERCISES:
        raise Refused(
            400, f"Unsupported rights actions submitted. Supported are {', '.join(EXERCISES)}.", fatal=True
        )
    if given is not None and (not isinstance(given, str) or not AGENT_REQUEST_ID.fullmatch(given)):
        raise Refused(400, "agent-request-id must be 1 to 128 printable characters without spaces.")
    claims = _claims(values)
    if not claims:
        raise Refused(400, "Nobody is named: send email, phone_number (E.164) or name.", fatal=True)
    return Exercise(name, given, claims)


def _claims(values: Mapping[str, Any]) -> tuple[Claimed, ...]:
    """By what leads to one person; by a name only where there is nothing else, because a name is nobody's alone."""
    found = [
        Claimed(handle, values.get(verified) is True)
        for said, verified, kind in PERSON
        if (handle := claim_handle(kind, values.get(said))) is not None
    ]
    if not found and (handle := claim_handle(NAME, values.get("name"))) is not None:
        return (Claimed(handle, False),)
    return tuple(found)
