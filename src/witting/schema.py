"""Every table of the house, on one page: column, type, unit, meaning.

Covers: the Arrow schemas that pass between rooms, the closed lists their values come from.
Not covered: database tables (`store/tables.py`), file formats (`docs/formats/`).

Ids. `row_id`, `conversation_id`: 32 hex characters, keyed BLAKE2b of what the source says, under the
workspace's row key: the same export read twice gives the same ids, and nobody without the key can test a
guess. `subject_id`: 32 hex characters, random (`store/vault.py`). Times are UTC, microseconds.
Rows of one subject lie in the parts of one shard: shard = keyed hash of subject_id modulo `corpus.shards`.
"""

from __future__ import annotations

import pyarrow as pa

ROLES = ("user", "assistant", "system", "person")
AUDIENCES = ("assistant", "direct", "closed_group", "public", "unknown")
PRECISIONS = ("s", "min", "day")
PURPOSES = (
    "provide_service",
    "safety_review",
    "human_review",
    "evaluate_model",
    "fine_tune_own_model",
    "train_general_model",
    "share_dataset",
    "publish_dataset",
    "personalise_ads",
)
BASES = ("consent", "legitimate_interest", "none")
CONSENT_VERDICTS = ("valid", "weak", "invalid")
EVENT_KINDS = (
    "notice",
    "consent",
    "refusal",
    "objection",
    "withdrawal",
    "erasure_request",
    "age",
    "place",
    "assessment",
    "signal",
    "access_request",  # what is held about me? opens and shuts nothing
    "complaint",  # opens and shuts nothing
)
ACCESS_SCOPES = ("access", "categories", "specific")  # all that is held; only its kinds; the data itself
VERDICTS = ("keep", "refuse", "drop", "quarantine")
SIGNAL_KINDS = (
    "thumb",  # value: 1 or -1, on an assistant turn
    "rating",  # value: number as the source has it
    "preference",  # value: {"chosen": turn, "rejected": turn}, on the chosen turn
    "correction",  # text: the better answer
    "regenerated",  # on the answer that was replaced
    "edited_prompt",  # on the prompt that was replaced
    "reaction",  # value: the emoji
    "comment",  # text: what the person said about the turn
    "copied",  # the person copied it
    "accepted",  # the person took it over into their own work
    "stopped",  # the person stopped it while it was written
    "objected",  # implied: the answer is called wrong, or not what was meant
    "rephrased",  # implied: the person asks the same again in other words
    "thanked",  # implied: thanks or praise for the answer
    "continued",  # implied: the person goes on with what the answer gave
    "abandoned",  # implied: the conversation ends on it
)
EXAMPLE_KINDS = ("sft", "preference", "kto", "text")
SPLITS = ("train", "heldout")
REDACTION_KINDS = (
    "PERSON", "USERNAME", "AGE", "EMAIL", "PHONE", "ADDRESS", "LOCATION", "URL", "IP", "DEVICE_ID",
    "NATIONAL_ID", "CARD", "IBAN", "ACCOUNT", "ORG", "DATE", "SECRET", "CONFIDENTIAL", "HEALTH", "SEX_LIFE",
    "RELIGION", "POLITICS", "UNION", "ETHNICITY", "GENETIC", "BIOMETRIC", "CRIMINAL", "CHILD",
)  # fmt: skip
TIMESTAMP = pa.timestamp("us", tz="UTC")

# One message, as intake leaves it: everything but the words, and the words sealed under their subject's key.
TURN = pa.schema(
    [
        ("row_id", pa.string()),
        ("conversation_id", pa.string()),
        ("parent_id", pa.string()),  # row_id of the turn it answers; null at a root
        ("position", pa.int32()),  # order within the conversation, from 0; siblings share nothing
        ("subject_id", pa.string()),  # whose data it is: the speaker; for assistant and system turns the
        #                               person they answer; the conversation's owner where nobody spoke yet
        ("speaker_id", pa.string()),  # subject_id of the person speaking; "assistant" or "system" otherwise
        ("role", pa.string()),  # ROLES
        ("occurred_at", TIMESTAMP),  # null where the export has none
        ("time_precision", pa.string()),  # PRECISIONS, null with occurred_at
        ("surface", pa.string()),  # source name: whatsapp, messenger, instagram, chatgpt, ...
        ("audience", pa.string()),  # AUDIENCES
        ("edited", pa.bool_()),
        ("deleted", pa.bool_()),  # unsent or taken down: no text is kept
        ("on_active_path", pa.bool_()),  # false for the branch of a tree that the person left
        ("barred", pa.list_(pa.string())),  # PURPOSES that where it was published refuses; rights denies them
        ("artifact", pa.string()),  # SHA-256 of the file or archive it came from
        ("byte_start", pa.int64()),  # offsets in the file or archive member
        ("byte_end", pa.int64()),
        ("text_chars", pa.int32()),  # length of the words in code points
        ("text_sealed", pa.binary()),  # 12-byte nonce + AES-GCM; associated data = row_id; null = no text
        ("admitted_at", TIMESTAMP),  # when the vault took it: retention counts from here
        ("shard", pa.int16()),
    ]
)

# Who speaks in a conversation: rights asks each of them where the law wants every party's agreement.
PARTIES = pa.schema(
    [
        ("conversation_id", pa.string()),
        ("parties", pa.list_(pa.string())),  # subject_ids of every person who speaks in it, sorted
    ]
)

# Feedback on a turn.
SIGNAL = pa.schema(
    [
        ("signal_id", pa.string()),
        ("row_id", pa.string()),  # the turn it is about
        ("conversation_id", pa.string()),
        ("subject_id", pa.string()),  # who gave it
        ("kind", pa.string()),  # SIGNAL_KINDS
        ("value", pa.string()),  # JSON; turns inside it are row_ids; never a person's words
        ("source_kind", pa.string()),  # the source's own name for it
        ("rule", pa.string()),  # how it was read, with version: recorded/1, or a rule over words
        ("confidence", pa.float32()),  # 0 to 1, that it means what kind says
        ("evidence_row", pa.string()),  # the turn whose words said it; null where a product recorded it
        ("evidence_start", pa.int32()),  # code points in that turn's words as they were read
        ("evidence_end", pa.int32()),
        ("occurred_at", TIMESTAMP),
        ("text_sealed", pa.binary()),  # a comment or correction, sealed; associated data = signal_id
        ("shard", pa.int16()),
    ]
)

# A bad record, kept sealed until `retention_days` so that nothing is lost.
QUARANTINE = pa.schema(
    [
        ("quarantine_id", pa.string()),
        ("artifact", pa.string()),
        ("reason", pa.string()),
        ("byte_start", pa.int64()),
        ("byte_end", pa.int64()),
        ("admitted_at", TIMESTAMP),
        ("sealed", pa.binary()),  # under the quarantine key of the key store; associated data = quarantine_id
    ]
)

# A rights event, as projected from the ledger. The bulk door reads the same columns from Parquet;
# only kind, subject, purposes, occurred_at are required there.
EVENT = pa.schema(
    [
        ("kind", pa.string()),  # EVENT_KINDS
        ("subject", pa.string()),  # subject_id; null on an assessment, which is about everybody
        ("purposes", pa.list_(pa.string())),  # PURPOSES
        ("occurred_at", TIMESTAMP),
        ("verdict", pa.string()),  # CONSENT_VERDICTS, on consents
        ("valid_from", TIMESTAMP),  # consents: opens turns from here on; null = occurred_at
        ("expires_at", TIMESTAMP),  # consents: null = default term; assessments: of the first proof
        ("place", pa.string()),  # ISO 3166-1 or -2, on place events
        ("age", pa.int16()),  # years, capped at 18 (18 = adult), on age events
        ("special", pa.list_(pa.string())),  # consents: Art. 9 kinds (REDACTION_KINDS) explicitly agreed to;
        #                                      signals: any entry refuses them all
        ("safeguards", pa.list_(pa.string())),  # assessments: safeguards proven
        ("entry", pa.int64()),  # ledger index; null outside a workspace
    ]
)

# May this turn be used, for this purpose, now?
DECISION = pa.schema(
    [
        ("row_id", pa.string()),
        ("subject_id", pa.string()),
        ("purpose", pa.string()),
        ("decision", pa.string()),  # permit | deny
        ("basis", pa.string()),  # BASES
        ("rule", pa.string()),  # id of the rule that decided, in its pack: eu.consent, floor.minor, ...
        ("entry", pa.int64()),  # ledger entry that opened or shut the door; null where none did
        ("reason", pa.string()),  # closed list in rights/decide.py: no_consent, withdrawn, minor, ...
        ("place", pa.string()),  # the place whose pack decided; null = unknown, global_floor
        ("special", pa.list_(pa.string())),  # Art. 9 kinds this consent explicitly covers
        ("shard", pa.int16()),
    ]
)

# What any later stage says of a row. Stages judge; `materialise` acts.
VERDICT = pa.schema(
    [
        ("row_id", pa.string()),
        ("stage", pa.string()),
        ("version", pa.int16()),
        ("verdict", pa.string()),  # VERDICTS
        ("reason", pa.string()),  # empty on keep
        ("detail", pa.string()),  # JSON counts or ids; never a person's words
    ]
)

# A permitted turn with its words redacted. What redaction refuses stays in the table without text.
REDACTED = pa.schema(
    [
        ("row_id", pa.string()),
        ("conversation_id", pa.string()),
        ("parent_id", pa.string()),
        ("position", pa.int32()),
        ("subject_id", pa.string()),
        ("speaker_id", pa.string()),
        ("role", pa.string()),
        ("occurred_at", TIMESTAMP),
        ("surface", pa.string()),
        ("audience", pa.string()),
        ("place", pa.string()),
        ("on_active_path", pa.bool_()),
        ("text", pa.string()),  # redacted; null where refused
        ("kinds", pa.list_(pa.string())),  # one entry a replaced span, e.g. PERSON, NATIONAL_ID.FR_NIR
        ("verdict", pa.string()),  # keep | refuse
        ("reason", pa.string()),  # special_category, secret_only, child, confidential, ...
        ("shard", pa.int16()),
    ]
)

MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string()), ("learn", pa.bool_())])

# A row of a corpus: what a model may learn from. Every example belongs to exactly one subject.
EXAMPLE = pa.schema(
    [
        ("example_id", pa.string()),  # keyed hash of kind and turn row_ids
        ("kind", pa.string()),  # EXAMPLE_KINDS
        ("subject_id", pa.string()),
        ("conversation_id", pa.string()),
        ("messages", pa.list_(MESSAGE)),  # learn marks what the loss sees; preference: the prompt
        ("chosen", pa.string()),  # preference only
        ("rejected", pa.string()),
        ("label", pa.bool_()),  # kto only: was the learned answer wanted
        ("turns", pa.list_(pa.string())),  # row_ids it was made from, in order
        ("signals", pa.list_(pa.string())),  # signal_ids it was made from
        ("rule", pa.string()),  # the rule that made it, with version: answered/1, regenerated_pair/1, ...
        ("language", pa.string()),  # ISO 639-1 or und
        ("surface", pa.string()),
        ("place", pa.string()),
        ("split", pa.string()),  # SPLITS: by person
        ("canary", pa.bool_()),  # planted by the audit; never exported
        ("shard", pa.int16()),
    ]
)


def empty(schema: pa.Schema) -> pa.Table:
    """A table of that schema with no rows."""
    return schema.empty_table()


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` with exactly the schema's columns, in its order and types; raises KeyError or ArrowInvalid."""
    return table.select(schema.names).cast(schema)
