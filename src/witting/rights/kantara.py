"""Consent receipts of Kantara's Consent Receipt Specification 1.1, read as rights events.

Covers: a JSON object, an array, JSON Lines, and signed receipts (JWT) with the key they must be signed by; what of a receipt
is a consent here and what is not, each with its reason. Not covered: writing one (`reports/kantara.py`), fetching keys.

A Kantara receipt is what a controller says of a consent, not how it was asked for. Its purposes are free text: only those
that the operator maps to our closed list count, and only where the consent type is EXPLICIT. Everything else is left out and
counted by place, never quoted. The action is `import`, so the judge finds every such consent invalid and it opens nothing;
that it was given is kept, with what the receipt says of controller, recipients and language. A consent that should open
something must be asked for again. A file with one bad receipt gives nothing.

From: Kantara Initiative, Consent Receipt Specification 1.1.0 (20 February 2018), sections 4.2 to 4.8: field names and types by
its schema as drafted on 17 November 2017 and by quotes of the final text; the final text itself was not read.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from witting.errors import InputError, InvalidEvent, MissingExtra, UsageError
from witting.intake import SOURCES
from witting.rights.event import PLACE, RightsEvent, make_event
from witting.schema import PURPOSES

VERSION = "KI-CR-v1.1.0"
EXPLICIT = "EXPLICIT"
FILE_BYTES_MAX = 64 << 20
MAP_BYTES_MAX = 1 << 20
RECEIPTS_MAX = 100_000
PLACES_SAID_MAX = 20  # of what was left out
Text = Annotated[str, Field(min_length=1, max_length=10_000)]


class Part(BaseModel):
    """Fields the specification has; others are its users' own and are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Controller(Part):
    piiController: Text
    contact: Text
    address: dict[str, Any]
    email: Text
    phone: Text
    onBehalf: bool | None = None
    piiControllerUrl: str | None = None


class Purpose(Part):
    purpose: str | None = None
    consentType: Text
    purposeCategory: list[str]
    piiCategory: list[str]
    termination: Text
    thirdPartyDisclosure: bool
    thirdPartyName: str | None = None
    primaryPurpose: bool | None = None


class Service(Part):
    service: Text
    purposes: list[Purpose]


class Receipt(Part):
    version: Text
    jurisdiction: Text
    consentTimestamp: Annotated[int, Field(ge=0)]  # seconds since 1970
    collectionMethod: Text
    consentReceiptID: Text
    piiPrincipalId: Text
    piiControllers: Annotated[list[Controller], Field(min_length=1)]
    policyUrl: Text
    services: Annotated[list[Service], Field(min_length=1)]
    sensitive: bool
    spiCat: list[str]
    language: str | None = None
    publicKey: str | None = None


class Mapped(BaseModel):
    """The operator's file: whose the principals are, and which free texts are which purposes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: str
    purposes: dict[str, str]


@dataclass(frozen=True)
class Left:
    """Something that is no consent here: in which receipt (from 1), service and purpose (from 0), and why."""

    receipt: int
    service: int
    purpose: int
    reason: str


@dataclass
class Reading:
    """What a file gave. Reasons: `purpose_not_mapped`, `purpose_unnamed`, `not_explicit`."""

    events: list[RightsEvent] = field(default_factory=list, repr=False)
    receipts: int = 0
    left: list[Left] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        places = [vars(one) for one in self.left[:PLACES_SAID_MAX]]
        counts = dict(sorted(Counter(one.reason for one in self.left).items()))
        return {
            "receipts": self.receipts,
            "without_a_consent": self.receipts - len(self.events),
            "left_out": counts,
            "first_left_out": places,
        }


def read_mapping(path: Path) -> Mapped:
    """Raises UsageError (no file, a source or purpose that does not exist), InputError (not TOML, an unknown field)."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}.")
    if path.stat().st_size > MAP_BYTES_MAX:
        raise InputError(f"{path} is larger than {MAP_BYTES_MAX} bytes; a mapping of purposes is a page.")
    try:
        mapped = Mapped.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML in UTF-8: {error}.") from error
    except ValidationError as error:
        raise InputError(f"{path}: {_said(error)}; it holds source and a table of purposes.") from None
    if mapped.source not in {known.name for known in SOURCES}:
        names = ", ".join(sorted(known.name for known in SOURCES))
        raise UsageError(f"{path}, source: the handles are source:principal, and the sources are {names}.")
    if unknown := set(mapped.purposes.values()) - set(PURPOSES):
        raise UsageError(
            f"{path}, purposes: {len(unknown)} of the values are no purpose; purposes are {', '.join(PURPOSES)}."
        )
    return mapped


def read_kantara(path: Path, *, mapped: Mapped, key: Path | None, now: datetime) -> Reading:
    """Every receipt of a file. With `key` (PEM) each must be signed by it; without, none may be signed.

    Raises UnreadableFile, InputError that names the receipt and the field and never what stands in it; MissingExtra."""
    reading = Reading()
    for number, values in enumerate(_receipts(path, key), start=1):
        if number > RECEIPTS_MAX:
            raise InputError(f"{path}: more than {RECEIPTS_MAX} receipts; cut the file into several.")
        where = f"{path}, receipt {number}"
        reading.receipts = number
        event = _event(_receipt(values, where), number, mapped, reading, where=where, now=now)
        if event is not None:
            reading.events.append(event)
    if not reading.receipts:
        raise InputError(f"{path} holds no receipt.")
    return reading


# -- the file ---------------------------------------------------------------------------------------------------------


def _receipts(path: Path, key: Path | None) -> Iterator[Any]:  # Any: JSON from outside
    if not path.is_file():
        raise UsageError(f"there is no file {path}.")
    if path.stat().st_size > FILE_BYTES_MAX:
        raise InputError(f"{path} is larger than {FILE_BYTES_MAX} bytes; cut it into several files.")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 at byte {error.start}.") from error
    signed = text.lstrip()[:1] not in ("{", "[")
    if signed and key is None:
        raise UsageError(
            f"{path} holds no JSON; where its receipts are signed (JWT), say --signed-by KEY.pem."
        )
    if key is not None:
        if not signed:
            raise InputError(
                f"{path} holds receipts without a signature; with --signed-by each must have one."
            )
        yield from _verified(path, text.split(), key)
        return
    whole = _json(text, str(path)) if _is_one(text) else None
    if isinstance(whole, list):
        yield from whole
    elif whole is not None:
        yield whole
    else:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield _json(line, f"{path}, line {number}")


def _is_one(text: str) -> bool:
    """One JSON value, and not JSON Lines."""
    try:
        _, end = json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return True  # read once more, for its error
    return not text.lstrip()[end:].strip()


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _Twice
    return dict(pairs)


def _json(text: str | bytes, where: str) -> Any:  # Any: JSON from outside
    try:
        return json.loads(text, object_pairs_hook=_once)
    except _Twice:
        raise InputError(f"{where}: a field stands twice in one object.") from None
    except (ValueError, RecursionError):
        raise InputError(f"{where}: not JSON.") from None


def _verified(path: Path, tokens: list[str], key: Path) -> Iterator[Any]:  # Any: JSON from outside
    """The payload of each signed receipt; the algorithm is the key's, whatever the receipt names."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from jwt import PyJWS
        from jwt.exceptions import PyJWTError
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "signed receipts need the extra `receipts`: pip install 'witting[receipts]'."
        ) from error
    if not key.is_file():
        raise UsageError(f"there is no file {key}.")
    try:
        public = load_pem_public_key(key.read_bytes())
    except (ValueError, TypeError) as error:
        raise UsageError(f"{key} holds no public key in PEM.") from error
    if isinstance(public, rsa.RSAPublicKey):
        allowed = ["RS256", "PS256"]
    elif isinstance(public, ec.EllipticCurvePublicKey):
        allowed = ["ES256"]
    elif isinstance(public, ed25519.Ed25519PublicKey):
        allowed = ["EdDSA"]
    else:
        raise UsageError(f"{key}: a key is RSA, EC P-256 or Ed25519.")
    for number, token in enumerate(tokens, start=1):
        try:
            payload = PyJWS().decode(token, public, algorithms=allowed)
        except (PyJWTError, ValueError):
            raise InputError(
                f"{path}, receipt {number}: its signature is not by that key, or it was changed."
            ) from None
        yield _json(payload, f"{path}, receipt {number}")


def _receipt(values: Any, where: str) -> Receipt:  # Any: JSON from outside
    if isinstance(values, dict) and values.get("version") != VERSION:
        raise InputError(f"{where}, field version: must be {VERSION}.")
    try:
        read = Receipt.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{where}: {_said(error)}.") from None
    for service in read.services:
        if any(p.thirdPartyDisclosure and not (p.thirdPartyName or "").strip() for p in service.purposes):
            raise InputError(
                f"{where}, field thirdPartyName: must be said where thirdPartyDisclosure is true (section 4.5.11)."
            )
    if read.sensitive and not any(word.strip() for word in read.spiCat):
        raise InputError(f"{where}, field spiCat: must be said where sensitive is true (section 4.5.13).")
    return read


def _said(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False)[:8]
    return "; ".join(f"field {'.'.join(map(str, one['loc'])) or '(whole)'}: {one['msg']}" for one in found)


# -- what of it is a consent here -------------------------------------------------------------------------------------


def _event(
    read: Receipt, number: int, mapped: Mapped, reading: Reading, *, where: str, now: datetime
) -> RightsEvent | None:
    found: list[tuple[str, Purpose]] = []
    for at, service in enumerate(read.services):
        for place, one in enumerate(service.purposes):
            reason = _reason(one, mapped)
            if reason is None:
                found.append((mapped.purposes[str(one.purpose)], one))
            else:
                reading.left.append(Left(number, at, place, reason))
    if not found:
        return None
    purposes = sorted({name for name, _ in found})
    values = {
        "kind": "consent",
        "subject": f"{mapped.source}:{read.piiPrincipalId}",
        "occurred_at": _moment(read.consentTimestamp, where),
        "purposes": purposes,
        "evidence": _evidence(read, purposes, [one for _, one in found]),
    }
    try:
        return make_event(values, where=where, now=now)
    except InvalidEvent as error:
        raise InputError(
            f"{error} (consentTimestamp is in whole seconds, piiPrincipalId is the person.)"
        ) from None


def _reason(one: Purpose, mapped: Mapped) -> str | None:
    if not one.purpose:
        return "purpose_unnamed"
    if one.purpose not in mapped.purposes:
        return "purpose_not_mapped"
    return None if one.consentType == EXPLICIT else "not_explicit"


def _moment(seconds: int, where: str) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        raise InputError(
            f"{where}, field consentTimestamp: lies beyond every calendar; it is seconds since 1970, not milliseconds."
        ) from None


def _evidence(read: Receipt, purposes: list[str], found: list[Purpose]) -> Mapping[str, Any]:  # Any: JSON
    """As much as such a receipt shows, and no more. `jurisdiction_evidence` stays out: the receipt names a law, and not how
    the person's place is known."""
    asked = sum(len(service.purposes) for service in read.services)
    recipients = sorted({str(one.thirdPartyName) for one in found if one.thirdPartyDisclosure})
    place = read.jurisdiction.upper()
    said = {
        "action": "import",
        "purposes": purposes,
        "bundled_with": ["other purposes of the same receipt"] if asked > 1 else None,
        "notice": {"lang": read.language} if read.language else None,
        "jurisdiction": place if PLACE.fullmatch(place) else None,
        "controller": read.piiControllers[0].piiController[:2_000],
        "recipients": [name[:2_000] for name in recipients],
        "explicit_for_special": None if read.sensitive else {},
        "status": "ConsentGiven",
    }
    return {name: value for name, value in said.items() if value is not None}
