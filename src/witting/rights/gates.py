"""The checks behind the evidence rules: one small function a rule, from record to yes or no.

Covers: what passes. Not covered: what a failure means, costs and cites (`packs/evidence/*.toml`), and the verdict
(`evidence.py`). Every check answers False where evidence is missing. Two rules differ by class, not by question:
a settings page with its switch on is fatal, a settings page alone costs points.

Where the law leaves a word open, the reading is the narrow one and stands in `docs/formats/evidence.md`:
`uploads` is no scope for turns, a preference signal we cannot read is a no, an incentive we cannot read is not fine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from witting.rights.capture import (
    AgeAssurance,
    Evidence,
    Incentive,
    Notice,
    ParentalConsent,
    PreferenceSignal,
)
from witting.rights.signals import read_signal
from witting.schema import PURPOSES

AFFIRMATIVE_ACTIONS = frozenset({"click_button", "toggle_on", "typed_phrase", "signed", "spoken"})
NEUTRAL_DEFAULTS = frozenset({"off", "none"})
ASKING_SURFACES = frozenset({"just_in_time", "onboarding_screen", "banner", "email_link", "form"})
BURIED_SURFACES = frozenset({"settings_menu", "terms_page"})
TURN_SCOPES = frozenset({"own_turns", "all_party"})
# https://w3id.org/dpv: the narrower terms of ConsentStatusValidForProcessing, by local name in lower case
VALID_STATUSES = frozenset(
    {"consentgiven", "renewedconsentgiven", "consentstatusvalidforprocessing", "given", "renewed"}
)
PASSED = frozenset({"pass", "passed", "adult", "verified", "confirmed", "ok", "yes", "true", "met"})
PASSED_OVER = re.compile(r"(?:over|above|at_least)?[_ -]?(\d{1,3})\+?")
PLACE = re.compile(r"[A-Za-z]{2}(-[A-Za-z0-9]{1,3})?")
SHA256 = re.compile(r"[0-9a-fA-F]{64}")
TELEPHONE = re.compile(r"\+?[\d\s().-]{7,}")


@dataclass(frozen=True)
class Limits:
    """The numbers of a profile; units in `packs/evidence/rules.toml`."""

    policy_age: int
    parental_opens: bool
    grade_max: float
    words_max: int
    words_per_second_max: float
    depth_max: int
    ratio_min: float
    ratio_max: float
    prompts_after_refusal_max: int
    withdraw_tested_days_max: int
    term_days: int
    asked_alone: frozenset[str]
    notice_elements: frozenset[str]


@dataclass(frozen=True)
class Asked:
    """A record and all that a check may look at beside it."""

    evidence: Evidence
    limits: Limits
    now: datetime
    given_at: datetime | None  # when the yes was given, where the caller knows it
    place_may_be_unknown: bool
    notices: Callable[[str], bool] | None
    signed: bool | None  # does the signature verify? None where nobody could check it

    @property
    def at(self) -> datetime:
        return self.given_at or self.now

    @property
    def notice(self) -> Notice:
        return self.evidence.notice or Notice()


Check = Callable[[Asked], bool]


def _purposes(asked: Asked) -> bool:
    named = asked.evidence.purposes or []
    alone = not asked.limits.asked_alone.intersection(named) or len(named) == 1
    return bool(named) and alone and set(named) <= set(PURPOSES)


def _no_more_steps(steps: int | None, steps_accept: int | None) -> bool:
    return steps is not None and steps_accept is not None and steps <= steps_accept


def _withdraw_tested(asked: Asked) -> bool:
    tested = asked.evidence.withdraw_tested_at
    oldest = asked.at - timedelta(days=asked.limits.withdraw_tested_days_max)
    return tested is not None and oldest <= tested <= asked.now


def _notice_resolves(asked: Asked) -> bool:
    """The hash of the text shown: of `notice.text` where the record carries it, else known to the notice store."""
    claimed = (asked.notice.sha256 or "").lower()
    if not SHA256.fullmatch(claimed):
        return False
    if asked.notice.text is not None:
        return hashlib.sha256(asked.notice.text.encode()).hexdigest() == claimed
    return asked.notices is not None and asked.notices(claimed)


def _shown_before(asked: Asked) -> bool:
    shown = asked.notice.shown_at
    answered = asked.given_at or asked.evidence.valid_from or asked.now
    return shown is not None and shown <= answered and shown <= asked.now


def _same_language(asked: Asked) -> bool:
    shown, spoken = asked.notice.lang, asked.evidence.ui.lang if asked.evidence.ui else None
    return bool(shown and spoken) and _language(shown or "") == _language(spoken or "")


def _language(tag: str) -> tuple[str, str]:
    """Language and script of a BCP 47 tag: en-GB reads as en-US, zh-Hans does not read as zh-Hant."""
    parts = re.split(r"[-_]", tag.strip().lower())
    return parts[0], next((part for part in parts[1:] if len(part) == 4 and part.isalpha()), "")


def _readable(asked: Asked) -> bool:
    layer = asked.notice.readability
    if layer is None or layer.grade is None or layer.words is None:
        return False
    return layer.grade <= asked.limits.grade_max and 0 < layer.words <= asked.limits.words_max


def _not_buried_and_on(asked: Asked) -> bool:
    return not (
        asked.evidence.surface in BURIED_SURFACES and asked.evidence.default_state not in NEUTRAL_DEFAULTS
    )


def _prominent(asked: Asked) -> bool:
    seen = asked.evidence.prominence
    if seen is None:
        return False
    low, high = asked.limits.ratio_min, asked.limits.ratio_max
    return all(
        ratio is not None and low <= ratio <= high for ratio in (seen.contrast, seen.size, seen.colour)
    )


def _not_vague(asked: Asked) -> bool:
    unknown = set(asked.evidence.purposes or []) - set(PURPOSES)
    return not unknown and not any(
        "vague" in finding.lower() for finding in asked.evidence.wording_lint or []
    )


def _time_to_read(asked: Asked) -> bool:
    layer, dwell_ms = asked.notice.readability, asked.evidence.dwell_ms
    if layer is None or layer.words is None or dwell_ms is None:
        return False
    return dwell_ms >= 1000 * layer.words / asked.limits.words_per_second_max


def _of_age(asked: Asked) -> bool:
    age = asked.evidence.age_assurance
    if age is None or not _named(age.method):
        return False
    return _assured(age, asked.limits.policy_age) or (asked.limits.parental_opens and _parent_agreed(asked))


def _assured(age: AgeAssurance, policy_age: int) -> bool:
    """Was the age checked for at least the policy age, and reached? A number as result is an age in years."""
    if age.min_age is None or age.min_age < policy_age:
        return False
    if isinstance(age.result, bool):
        return age.result
    if isinstance(age.result, int):
        return age.result >= policy_age
    result = (age.result or "").strip().lower()
    over = PASSED_OVER.fullmatch(result)
    return int(over[1]) >= policy_age if over else result in PASSED


def _parent_where_needed(asked: Asked) -> bool:
    age = asked.evidence.age_assurance
    return age is None or _assured(age, asked.limits.policy_age) or _parent_agreed(asked)


def _parent_agreed(asked: Asked) -> bool:
    parent = asked.evidence.parental_consent
    if not isinstance(parent, ParentalConsent):
        return False
    return (
        _named(parent.method) and _named(parent.verifier) and parent.ts is not None and parent.ts <= asked.now
    )


def _named(value: str | None) -> bool:
    return value is not None and value.strip().lower() not in {"", "none", "unknown"}


def _stated(value: str | int | None) -> bool:
    return value is not None and str(value).strip() != ""


def _place_known(asked: Asked) -> bool:
    place = asked.evidence.jurisdiction or ""
    return bool(PLACE.fullmatch(place)) or (asked.place_may_be_unknown and place.lower() == "unknown")


def _begun(asked: Asked) -> bool:
    begins = asked.evidence.valid_from
    return begins is not None and (asked.given_at is not None or begins <= asked.now)


def _not_over(asked: Asked) -> bool:
    """Recorded events are asked at their own time; that they run out later is the business of `timeline.py`."""
    begins, ends = asked.evidence.valid_from, asked.evidence.expires_at
    if ends is None:
        ends = begins + timedelta(days=asked.limits.term_days) if begins else None
    return ends is None or (asked.at < ends and (begins is None or begins < ends))


def _no_signal_against(asked: Asked) -> bool:
    signals = asked.evidence.signals
    special = any((asked.evidence.explicit_for_special or {}).values())
    return signals is not None and all(
        not _contrary(signal, special=special) or _overridden(signal, asked.now) for signal in signals
    )


def _contrary(signal: PreferenceSignal, *, special: bool) -> bool:
    """Does the signal say no to anything, training or not, or to the special categories that were asked for?"""
    said = read_signal(signal.kind, signal.value)
    return bool(said.refuses) or (special and said.special)


def _overridden(signal: PreferenceSignal, now: datetime) -> bool:
    return (
        signal.at is not None and signal.overridden_at is not None and signal.at < signal.overridden_at <= now
    )


def _status_valid(asked: Asked) -> bool:
    local = re.split(r"[#:/]", (asked.evidence.status or "").strip())[-1]
    return re.sub(r"[\s_-]", "", local).lower() in VALID_STATUSES


def _pseudonymous(asked: Asked) -> bool:
    reference = (asked.evidence.subject_ref or "").strip()
    return reference != "" and "@" not in reference and not TELEPHONE.fullmatch(reference)


def _captured(asked: Asked) -> bool:
    by = asked.evidence.captured_by
    return by is not None and _stated(by.app) and _stated(by.build) and _stated(by.ui_test_id)


def _signed(asked: Asked) -> bool:
    mark = asked.evidence.evidence_sig
    return asked.signed is True and mark is not None and mark.log_index is not None


def _fair_incentive(asked: Asked) -> bool:
    incentive = asked.evidence.incentive
    if isinstance(incentive, Incentive):
        return incentive.disclosed is True and incentive.coercive is not True
    return incentive in ("none", 0)


def _window_after_notice(asked: Asked) -> bool:
    window, shown = asked.evidence.data_window, asked.notice.shown_at
    if window is None or window.start is None or shown is None or window.start < shown:
        return False
    return window.end is None or window.start < window.end


def _at_most(value: int | None, limit: int) -> bool:
    return value is not None and value <= limit


CHECKS: Mapping[str, Check] = {
    "1.action": lambda a: a.evidence.action in AFFIRMATIVE_ACTIONS,
    "2.default_state": lambda a: a.evidence.default_state in NEUTRAL_DEFAULTS,
    "3.purposes": _purposes,
    "4.bundled_with": lambda a: a.evidence.bundled_with == [],
    "5.conditional_service": lambda a: a.evidence.conditional_service is False,
    "6.refuse_present_same_layer": lambda a: a.evidence.refuse_present_same_layer is True,
    "7.steps_refuse": lambda a: _no_more_steps(a.evidence.steps_refuse, a.evidence.steps_accept),
    "8.steps_withdraw": lambda a: _no_more_steps(a.evidence.steps_withdraw, a.evidence.steps_accept),
    "8.withdraw_channels": lambda a: any(_stated(channel) for channel in a.evidence.withdraw_channels or []),
    "9.withdraw_tested_at": _withdraw_tested,
    "10.notice_version": lambda a: _stated(a.notice.version),
    "10.notice_sha256": _notice_resolves,
    "10.notice_shown_at": _shown_before,
    "11.notice_lang": _same_language,
    "12.notice_elements": lambda a: a.limits.notice_elements <= set(a.notice.elements or []),
    "13.readability": _readable,
    "14.surface_default": _not_buried_and_on,
    "14.surface": lambda a: a.evidence.surface in ASKING_SURFACES,
    "15.depth": lambda a: _at_most(a.evidence.depth, a.limits.depth_max),
    "16.prominence": _prominent,
    "17.vague_purpose": _not_vague,
    "17.wording_lint": lambda a: a.evidence.wording_lint == [],
    "18.prompt_count_after_refusal": lambda a: _at_most(
        a.evidence.prompt_count_after_refusal, a.limits.prompts_after_refusal_max
    ),
    "19.dwell_ms": _time_to_read,
    "20.age_assurance": _of_age,
    "21.parental_consent": _parent_where_needed,
    "22.imbalance": lambda a: a.evidence.imbalance == "none",
    "23.explicit_for_special": lambda a: a.evidence.explicit_for_special is not None,
    "24.subject_scope": lambda a: a.evidence.subject_scope in TURN_SCOPES,
    "25.jurisdiction": _place_known,
    "25.jurisdiction_evidence": lambda a: _stated(a.evidence.jurisdiction_evidence),
    "26.controller": lambda a: _stated(a.evidence.controller),
    "26.recipients": lambda a: a.evidence.recipients is not None and all(map(_stated, a.evidence.recipients)),
    "26.model_family": lambda a: _stated(a.evidence.model_family),
    "27.valid_from": _begun,
    "27.expires_at": _not_over,
    "28.signals": _no_signal_against,
    "29.status": _status_valid,
    "30.subject_ref": _pseudonymous,
    "31.captured_by": _captured,
    "32.evidence_sig": _signed,
    "33.incentive": _fair_incentive,
    "34.data_window": _window_after_notice,
}
