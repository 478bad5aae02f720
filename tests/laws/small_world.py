"""A few people's conversations as every stage of the house reads them, drawn from a seed.

One world holds turns, feedback, rights events and names that belong together; `asked` gives each stage with its input.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from witting import config, curation, redaction
from witting.curation import elect, fingerprint_rows, languages
from witting.engine import Stage, apply
from witting.redaction import NAMES, REDACT_INPUT
from witting.rights import decide
from witting.rights.policy import load_packs
from witting.schema import EVENT, REDACTED, SIGNAL, empty
from witting.store.keys import KeyStore

PEOPLE = tuple(f"{number:032x}" for number in (11, 22, 33, 44))
PACKS = load_packs()
PURPOSE = "fine_tune_own_model"
START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=300)
KEY = b"law-test-key-0123456789abcdefghi"
SETTINGS = config.Curation(examples_per_subject_max=3)
TEXTS = (
    "What is the capital of Peru?",
    "Lima is the capital, since 1535.",
    "WHAT is the capital of  Peru?",
    "My name is Ana Souza, write to ana.souza@example.org",
    "Call +44 20 7946 0123 or ask Ana",
    "I have diabetes, what can I cook?",
    "I am 12 years old",
    "Our key is sk-proj-Zk3Qw9Lm2Xc7Vb5Nn8Tr4Yp6Hd1Gf0Js, why does the call fail?",
    "See you tomorrow at the station then",
    "Wo kann ich morgen frisches Brot kaufen?",
    "ok",
    "No, that is wrong.",
    "Thank you, that helps!",
)
KINDS = ("thumb", "regenerated", "correction", "preference")


@dataclass(frozen=True)
class World:
    turns: tuple[dict[str, Any], ...]
    facts: pa.Table  # what rights asks about
    sealed: pa.Table  # REDACT_INPUT
    redacted: pa.Table  # REDACTED
    signals: pa.Table
    events: pa.Table
    names: pa.Table


def draw(seed: int, keys: KeyStore, *, turns: int) -> World:
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(turns):
        rows.append(_turn(rng, number, rows))
    sealed = _sealed(rows, keys)
    names = pa.Table.from_pylist(
        [{"conversation_id": f"c{n}", "name": ["Ana Souza"]} for n in range(4)], schema=NAMES
    )
    redact = redaction.stage(keys.folder, names, settings=config.Redaction(), shards=4)
    return World(
        turns=tuple(rows),
        facts=pa.Table.from_pylist(
            [row | {"parties": _parties(row, rows)} for row in rows], schema=decide.TURN_FACTS
        ),
        sealed=sealed,
        redacted=apply(redact, redact.open(), sealed),
        signals=_signals(rng, rows),
        events=_events(rng),
        names=names,
    )


def asked(world: World, keys: KeyStore) -> list[tuple[Stage, pa.Table]]:
    """Every stage of the house, with what it reads."""
    prints = fingerprint_rows(world.redacted, world.signals, settings=SETTINGS, key=KEY)
    found = languages(world.redacted, settings=SETTINGS)
    clusters = elect(prints)
    rights = decide.stage(world.events, purpose=PURPOSE, as_of=AS_OF, packs=PACKS)
    redact = redaction.stage(keys.folder, world.names, settings=config.Redaction(), shards=4)
    return [
        (rights, world.facts),
        (redact, world.sealed),
        (redaction.conversation_stage(), world.redacted),
        (curation.language_stage(SETTINGS), world.redacted),
        (curation.implied_stage(key=KEY), world.redacted),
        (curation.fingerprint_stage(world.signals, settings=SETTINGS, key=KEY), world.redacted),
        (curation.duplicate_stage(), prints),
        (
            curation.examples_stage(
                world.signals,
                found,
                clusters,
                corrections=empty(REDACTED),
                guards=curation.Guards(),
                settings=SETTINGS,
                key=KEY,
            ),
            world.redacted,
        ),
    ]


def _turn(rng: random.Random, number: int, before: list[dict[str, Any]]) -> dict[str, Any]:
    conversation = f"c{rng.randrange(4)}"
    earlier = [row for row in before if row["conversation_id"] == conversation]
    parent = rng.choice(earlier) if earlier and rng.random() < 0.8 else None
    answers = parent is not None and parent["role"] == "user" and rng.random() < 0.8
    subject = parent["subject_id"] if parent is not None and rng.random() < 0.7 else rng.choice(PEOPLE)
    if answers and parent is not None:
        subject = parent["subject_id"]
    role = "assistant" if answers else rng.choice(["user", "user", "person"])
    return {
        "row_id": f"{number:032x}", "conversation_id": conversation,
        "parent_id": parent["row_id"] if parent is not None else None, "position": len(earlier),
        "subject_id": subject, "speaker_id": role if role == "assistant" else subject, "role": role,
        "occurred_at": rng.choice([None, START + timedelta(days=rng.randrange(250))]), "surface": "chatgpt",
        "audience": rng.choice(["assistant", "assistant", "direct", "closed_group", "unknown"]),
        "place": rng.choice([None, "FR", "BR"]), "on_active_path": rng.random() < 0.8, "text": rng.choice(TEXTS),
        "special": [], "shard": PEOPLE.index(subject) % 2,
    }  # fmt: skip


def _parties(row: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    return sorted({r["subject_id"] for r in rows if r["conversation_id"] == row["conversation_id"]})


def _sealed(rows: list[dict[str, Any]], keys: KeyStore) -> pa.Table:
    words = keys.seal([r["subject_id"] for r in rows], [r["row_id"] for r in rows], [r["text"] for r in rows])
    sealed = [row | {"text_sealed": text} for row, text in zip(rows, words, strict=True)]
    return pa.Table.from_pylist(sealed, schema=REDACT_INPUT)


def _signals(rng: random.Random, rows: list[dict[str, Any]]) -> pa.Table:
    made = []
    for row in rows:
        if row["role"] == "assistant" and rng.random() < 0.5:
            kind = rng.choice(KINDS)
            pair = {"chosen": row["row_id"], "rejected": rng.choice(rows)["row_id"]}
            value = {"thumb": rng.choice(["1", "-1"]), "preference": json.dumps(pair)}.get(kind)
            made.append(
                {"signal_id": f"g{len(made)}", "row_id": row["row_id"], "conversation_id": row["conversation_id"],
                 "subject_id": row["subject_id"], "kind": kind, "value": value, "source_kind": kind,
                 "shard": row["shard"]}
            )  # fmt: skip
    return pa.Table.from_pylist(made, schema=SIGNAL)


def _events(rng: random.Random) -> pa.Table:
    made: list[dict[str, Any]] = []
    for person in PEOPLE:
        for kind in rng.choices(["consent", "consent", "withdrawal", "place", "age", "objection"], k=4):
            row = {"kind": kind, "subject": person, "purposes": [PURPOSE], "entry": len(made)}
            row["occurred_at"] = START + timedelta(days=rng.randrange(299))
            row |= {"consent": {"verdict": "valid"}, "place": {"place": "FR"}, "age": {"age": 18}}.get(
                kind, {}
            )
            made.append(row)
    return pa.Table.from_pylist(made, schema=EVENT)


__all__ = ["KEY", "PEOPLE", "REDACTED", "World", "asked", "draw"]
