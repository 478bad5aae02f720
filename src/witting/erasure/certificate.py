"""What a certificate of erasure says, and what it does not.

Covers: the statement's body, computed from what was done. Not covered: sealing and checking it (`ledger.certificate`).
Wording: facts on honest certificates. "Exact" is claimed only for weights retrained without the person from the same
base by the recorded procedure; never that weights "contain nothing" of somebody, which nobody can prove.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from witting.erasure.locate import Located
from witting.erasure.purge import Rewritten

TREATMENTS = {
    "retrained": "The adapter of this shard was trained again from the base, without this person.",
    "removed": "Nobody else was left in this shard; its adapter was deleted.",
    "unchanged": "Trained again without this person, the adapter came out the same byte for byte: nothing of them was in it.",
    "not_trained": "No adapter was trained on this person.",
}
NOT_PROVEN = (
    "What the base model learned before it came here is out of scope.",
    "Words of other people that quote or describe this person are theirs; names known from the export were replaced.",
    "Copies that left this workspace, exports and released adapters among them, cannot be recalled by it.",
    "The ledger, sealed audits and bookkeeping keep a random id and dates; without the key and handle they lead to nobody.",
    "A keyed hash of the handle is kept, only to refuse a late batch of the same person.",
    "That weights hold nothing of somebody cannot be proven from weights; what is proven is the procedure.",
)


def treatment(before: str | None, after: str | None) -> str:
    """What became of the adapter of the person's shard, by its hash before and after: a key of TREATMENTS."""
    if after is None:
        return "removed"
    return "unchanged" if before == after else "retrained"


def certificate_body(
    *,
    located: Located,
    waiting_events: int,
    request_entry: int,
    rewritten: Sequence[Rewritten],
    corpus: Mapping[str, Any] | None,
    adapter: Mapping[str, Any],
    audit: str | None,
    release: Mapping[str, Any] | None,
    remaining: Mapping[str, int],
    controller: str,
) -> dict[str, Any]:
    """The body of an erasure statement: docs/formats/certificate.md. Holds the random id, hashes and counts only."""
    return {
        "subject": located.subject_id,
        "shard": located.shard,
        "request_entry": request_entry,
        "controller": controller,
        "key": "destroyed",
        "located_rows": dict(located.rows),
        "waiting_events": waiting_events,  # live events that no walk had read, deleted
        "rewritten": [asdict(part) for part in rewritten],
        "corpus": dict(corpus) if corpus is not None else None,
        "adapter": dict(adapter) | {"means": TREATMENTS[adapter["treatment"]]},
        "audit": audit,
        "release": dict(release) if release is not None else None,
        "remaining": dict(remaining),  # what could not be attributed: counted, with what will become of it
        "not_proven": list(NOT_PROVEN),
    }
