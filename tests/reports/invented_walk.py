"""An invented walk: what every room gave back, and the facts beside it. Nobody and nothing in it is real."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from witting.reports import Facts, FileFacts, LedgerFacts, PackFacts

SUBJECT = "5ab1ec70" * 4  # a random id that must stay out of the report
ROOMS = ("intake", "rights", "retention", "redaction", "curation", "corpus", "training", "audit", "release")
VOID = {"meta", "br", "hr", "link", "input", "img"}


def stage(name: str, unit: str, *, kept: int, **left: Any) -> dict[str, Any]:
    """A funnel row that adds up. `left`: refused, dropped, quarantined by reason."""
    reasons = {word: number for group in left.values() for word, number in group.items()}
    sums = {group: sum(words.values()) for group, words in left.items()}
    return {
        "stage": name, "unit": unit, "read": kept + sum(sums.values()), "kept": kept,
        **{group: sums.get(group, 0) for group in ("refused", "dropped", "quarantined")}, "reasons": reasons,
    }  # fmt: skip


def held_up(answers: int, chars: float | None, flattering: float | None) -> dict[str, Any]:
    return {"answers": answers, "chars_mean": chars, "flattering_share": flattering}


def share(hits: int, trials: int, low: float, high: float) -> dict[str, Any]:
    return {"hits": hits, "trials": trials, "low": low, "high": high}


def invented() -> dict[str, Any]:
    rights = {
        "no_consent": 90,
        "refused": 40,
        "third_party": 30,
        "consent_invalid": 20,
        "erasure_requested": 11,
    }
    return {
        "intake": {
            "funnel": stage("intake", "records", kept=1002, dropped={"system_line": 30, "media_omitted": 5},
                            quarantined={"broken_json": 3}),
            "sources": {"chatgpt": 702, "whatsapp": 300},
            "files_read_now": 7,
        },
        "rights": {
            "funnel": stage("rights", "turns", kept=811, refused=rights),
            "places": {
                "FR": {"permit": 500, "no_consent": 60, "third_party": 30},
                "US-CA": {"permit": 311, "no_consent": 30, "refused": 40},
                "unknown": {"consent_invalid": 20, "erasure_requested": 11},
            },
            "surfaces": {
                "chatgpt": {"permit": 600, "no_consent": 90, "erasure_requested": 11, "refused": 1},
                "whatsapp": {"permit": 211, "refused": 39, "third_party": 30, "consent_invalid": 20},
            },
            "bases": {"consent": 811},
            "people": {"all": 44, "permit": 30, "no_consent": 6, "refused": 3, "third_party": 2,
                       "consent_invalid": 2, "erasure_requested": 1},
        },
        "retention": {"deleted_now": 4, "deleted_quarantined_now": 1, "retention_days_limit": "2026-10-01"},
        "redaction": {
            "funnel": stage("redaction", "turns", kept=800, refused={"special_category": 8, "confidential": 3}),
            "kinds": {"PERSON": 77, "NATIONAL_ID.FR_NIR": 2, "PHONE": 9},
        },
        "curation": {
            "funnel": stage("curation", "turns", kept=641, dropped={"duplicate": 100, "too_short": 59}),
            "labels": {
                "kto": {
                    "labels": 40, "people": 21, "largest_share": 0.05,
                    "before": {"wanted": held_up(60, 212.4, 0.1), "unwanted": held_up(20, 180.0, 0.05)},
                    "after": {"wanted": held_up(28, 201.0, 0.08), "unwanted": held_up(12, 210.5, 0.0)},
                },
                "corrected": {
                    "labels": 0, "people": 0, "largest_share": None,
                    "before": {"wanted": held_up(3, 90.0, 0.0), "unwanted": held_up(0, None, None)},
                    "after": {"wanted": held_up(0, None, None), "unwanted": held_up(0, None, None)},
                },
            },
        },
        "corpus": {
            "corpus": "c0" * 16,
            "counts": {
                "people": 28, "examples": 330, "canaries": 40, "words_estimate": 9_100,
                "by_kind": {"sft": 320, "preference": 10}, "by_split": {"train": 270, "heldout": 60},
                "by_language": {"fr": 200, "en": 129, "und": 1}, "by_surface": {"chatgpt": 330},
                "by_place": {"FR": 330},
            },
            "canaries_planted": 40,
        },
        "training": {
            "run": "7a" * 16,
            "evaluation": {
                "people": 6, "examples": 60, "tokens": 900, "base_loss_nats": 3.5, "adapted_loss_nats": 3.1,
                "difference": -0.4, "interval": [-0.6, -0.2], "improved": True, "pairs": 4, "pair_people": 2,
                "base_preference_accuracy": 0.5, "adapted_preference_accuracy": 0.75, "per_person": 6,
                "note": "95 % percentile bootstrap over 6 people, 2000 resamples.",
            },
            "training": {
                "id": "7a" * 16,
                "base": {"name": "a-small-model", "sha256": "ba" * 32},
                "recipe": {"steps": 9, "batch_sequences": 4, "sequence_tokens": 64, "rank": 8, "alpha": 16,
                           "learning_rate": 0.001, "target_modules": ["q_proj"], "dpo_beta": 0.1,
                           "merge_scale": 1.0, "threads": 2, "seed": 7},
                "shards": [
                    {"shard": 0, "rows": 200, "pairs": 0, "steps": 5, "tokens": 600},
                    {"shard": 1, "rows": 70, "pairs": 10, "steps": 4, "tokens": 300},
                ],
                "merged": {"shards": [0, 1], "sha256": "ad" * 32},
            },
        },
        "audit": {
            "audit": "40-7a7a7a7a7a7a",
            "planned_entry": 31,
            "report": {
                "canaries": {
                    "exposure": {"planted": 20, "unplanted": 90, "median_bits": 1.1, "highest_bits": 4.0,
                                 "measurable_bits": 6.5, "p_value": 0.4},
                    "membership": [
                        {"false_positive_rate": 0.01, "found": share(0, 20, 0.0, 0.168), "underpowered": True},
                        {"false_positive_rate": 0.001, "found": share(0, 20, 0.0, 0.168), "underpowered": True},
                    ],
                    "control_p_value": 0.001, "control_found": True,
                },
                "extraction": {"people": 24, "extracted": share(1, 24, 0.001, 0.211), "upper_bound": 0.183,
                               "control": share(0, 6, 0.0, 0.459), "p_value": 0.8, "by_base": 2,
                               "subjects": [SUBJECT], "canaries": 24, "canaries_extracted": 0},
                "commitment": "cc" * 32, "seed": 7,
                "underpowered": ["20 canaries were planted; a bound that means something needs more."],
            },
        },
        "release": {
            "release": "41-7a7a7a7a7a7a", "open": True, "profile": "trial", "audience": "operator_only",
            "checks": [
                {"name": "rights", "ok": True, "detail": "everyone in it still permits"},
                {"name": "exposure", "ok": True, "detail": "median 1.10 bits of 6.5 measurable, p = 0.400"},
            ],
            "underpowered": ["20 canaries were planted; a bound that means something needs more."],
        },
    }  # fmt: skip


def invented_facts(**changed: Any) -> Facts:
    values: dict[str, Any] = {
        "controller": "Linden Kitchens (invented)",
        "purpose": "fine_tune_own_model",
        "profile": "trial",
        "retention_days": 30,
        "run_id": "e1" * 16,
        "as_of": datetime(2026, 11, 24, 21, 42, tzinfo=UTC),
        "version": "0.1.0",
        "ledger": LedgerFacts(
            size=42,
            root="4b" * 32,
            key="witting.ledger/abc+01234567+AAAA",
            checkpoint="checkpoints/42.txt",
            entries={"rights.consent": 40, "release.decided": 1, "a.kind.of.tomorrow": 1},
            deleted_turns=9,
            deleted_records=1,
        ),
        "files": (FileFacts("read", "", 6, 1037, 3), FileFacts("refused", "encrypted", 1, 0, 0)),
        "inbox_left": 1,
        "packs": {
            "eu": PackFacts("European Union", 1, "e0" * 32, 10, 7, False),
            "us-ca": PackFacts("California", 1, "ca" * 32, 8, 0, True),
            "global_floor": PackFacts("Global floor", 1, "9f" * 32, 8, 5, False),
        },
        "pack_of": {"FR": "eu", "US-CA": "us-ca", "unknown": "global_floor"},
        "losses": {
            0: [{"step": n, "loss_nats": 4.0 - n / 4, "tokens": 90, "seconds": 1.0} for n in range(1, 6)],
            1: [{"step": n, "loss_nats": 4.0 - n, "tokens": 90, "seconds": 1.0} for n in range(1, 5)],
        },
    }
    return Facts(**{**values, **changed})


@dataclass
class Page(HTMLParser):
    """A page read back: its tags in order with their attributes, its words, and tags that do not close in order."""

    html: str
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    trail: list[tuple[str, ...]] = field(default_factory=list)  # of each tag: what it stands in
    words: list[str] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self.feed(self.html)
        self.close()
        self.unclosed += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self.trail.append(tuple(self._open))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self.trail.append(tuple(self._open))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.unclosed.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all_of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]
