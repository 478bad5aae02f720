"""What an account on AT Protocol declares about the use of its data: two record types, both tri-state.

Covers: `community.lexicon.preference.ai` (training, inference, syntheticContent, embedding; scopes global, entity,
collection) and `org.user-intents.declaration` of Bluesky's proposal 0008 (syntheticContentGeneration, bulkDataset,
publicAccessArchive, protocolBridging). A record, several, or the answer of `listRecords`. Not covered: fetching them.

The lexicon lets a record for one entity or collection override the account's default both ways. Here it overrides
towards no alone: a yes for us does not lift a no for everybody. A record that is scoped to somebody else, or to another
collection, is not about us; where we do not say who we are, every scope might be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from witting.rights.purposes import WEIGHTS
from witting.rights.signals.statement import (
    HANDED_ON,
    NOTHING,
    SILENCE,
    TRAINING,
    UNREADABLE,
    Statement,
)

PREFERENCE = "community.lexicon.preference.ai"
INTENTS = "org.user-intents.declaration"
RECORDS_MAX = 1_000
REFUSED_BY: Mapping[str, Mapping[str, frozenset[str]]] = {
    PREFERENCE: {
        "training": TRAINING,
        "syntheticContent": WEIGHTS,
        "inference": frozenset({"evaluate_model"}),
        "embedding": NOTHING,  # we keep no vectors of a person's words
    },
    INTENTS: {
        "syntheticContentGeneration": TRAINING,
        "bulkDataset": HANDED_ON,
        "publicAccessArchive": NOTHING,
        "protocolBridging": NOTHING,
    },
}


def read_atproto(value: object, *, us: Iterable[str] = (), collections: Iterable[str] = ()) -> Statement:
    """Every no that is, or might be, about us. `us`: our DIDs and domains; `collections`: NSIDs the words are from."""
    records = _records(value)
    if records is None or len(records) > RECORDS_MAX:
        return UNREADABLE
    found = SILENCE
    for record in records:
        found = found.and_(_read(record, frozenset(us), frozenset(collections)))
    return found


def _records(value: object) -> list[Any] | None:  # Any: JSON, checked one by one
    """A record, a list of them, or `{"records": [{"value": record}]}`."""
    if isinstance(value, list):
        return value
    if not isinstance(value, Mapping):
        return None
    listed = value.get("records")
    if isinstance(listed, list):
        return [item.get("value") if isinstance(item, Mapping) else None for item in listed]
    return [value]


def _read(record: object, us: frozenset[str], collections: frozenset[str]) -> Statement:
    if not isinstance(record, Mapping) or record.get("$type") not in REFUSED_BY:
        return UNREADABLE
    kind = record["$type"]
    said = record.get("preferences") if kind == PREFERENCE else record
    if not isinstance(said, Mapping):
        return UNREADABLE
    if kind == PREFERENCE and not _about_us(record.get("scope"), us, collections):
        return SILENCE
    found = SILENCE
    for name, refused in REFUSED_BY[kind].items():
        found = found.and_(_one(said.get(name), refused))
    return found


def _about_us(scope: object, us: frozenset[str], collections: frozenset[str]) -> bool:
    kind = str(scope.get("$type", "")).rpartition("#")[2] if isinstance(scope, Mapping) else ""
    if kind == "entityScope" and isinstance(scope, Mapping):
        return not us or scope.get("entity") in us
    if kind == "collectionScope" and isinstance(scope, Mapping):
        return not collections or scope.get("collection") in collections
    return True


def _one(preference: object, refused: frozenset[str]) -> Statement:
    """Tri-state: `allow` true, false, or left out."""
    if preference is None:
        return SILENCE
    allow = preference.get("allow") if isinstance(preference, Mapping) else preference
    if allow is True or (allow is None and isinstance(preference, Mapping)):
        return SILENCE
    return Statement(refused, read=allow is False)
