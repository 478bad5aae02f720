"""Redaction: what identifies or exposes a person, and what a business must keep, is found, replaced or refused.

The verb is `redact`: `scan` finds, `redact_text` replaces, `judge` decides on one turn, `stage` does all three on
sealed turns, `conversation_stage` refuses the answers to what was refused, `redact_file` is the JSONL door.

Covers: patterns with checksums, secrets, known names of the conversation and introduced ones, addresses, dates, ages,
special categories told apart by whom they are about, children, confidential business, keyed visible replacements;
thirteen languages. Not covered: a trained tagger (names nobody introduced), natural surrogates, policies a kind,
quasi-identifiers. What each kind catches and misses: docs/redaction.md.

Ideas: Presidio (cascade of recognisers), gitleaks (keyword gates), NegEx (negation), TAB (direct against confidential
attributes); GDPR Art. 4(1), 4(5), 9, 10, Directive (EU) 2016/943.
"""

from __future__ import annotations

from witting.redaction.conversation import conversation_stage, refuse_answers
from witting.redaction.detect import TEXT_CHARS_MAX, scan
from witting.redaction.jsonl import RedactReport, redact_file
from witting.redaction.judge import REASONS, Judgement, judge
from witting.redaction.span import Labels, Span
from witting.redaction.stage import NAMES, REDACT_INPUT, stage
from witting.redaction.surrogate import redact_text, surrogate

__all__ = [
    "NAMES",
    "REASONS",
    "REDACT_INPUT",
    "TEXT_CHARS_MAX",
    "Judgement",
    "Labels",
    "RedactReport",
    "Span",
    "conversation_stage",
    "judge",
    "redact_file",
    "redact_text",
    "refuse_answers",
    "scan",
    "stage",
    "surrogate",
]
