"""Why a turn may or may not be used: the closed list of reasons, the rule each belongs to, a sentence for each.

Covers: names and words. Not covered: finding the reason (`doors.py`). A reason never says who else was in the talk.
The sentences speak to the person, in the order in which a decision looks for them.
"""

from __future__ import annotations

# reason -> (rule of the pack, without its prefix; sentence)
_LIST: dict[str, tuple[str, str]] = {
    "consent": ("consent", "The person's consent to this purpose covers the time it was said, and today."),
    "legitimate_interest": (
        "legitimate_interest",
        "The person was told, the waiting time is over, they did not object, and every safeguard is proven.",
    ),
    "no_subject": ("consent", "It is not known whose words these are."),
    "account_unknown": (
        "consent",
        "The export does not say whose account this is, so nobody can agree for it until the account is named.",
    ),
    "no_time": (
        "as_of",
        "The export does not say when this was said, so no consent can be shown for that time.",
    ),
    "after_as_of": ("as_of", "This was said after the day the decision is for."),
    "minor": (
        "minor",
        "The person is known to be, or to have been at the time, below the age from which we ask.",
    ),
    "no_consent": ("consent", "The person never agreed to this purpose."),
    "refused": ("consent", "The person said no."),
    "objected": ("objection", "The person objected."),
    "signalled": ("objection", "A preference signal of the person says no to this."),
    "withdrawn": ("withdrawal", "The person withdrew their consent, and that reaches back."),
    "erasure_requested": ("withdrawal", "The person asked to be erased."),
    "expired": ("consent", "The consent has run out."),
    "consent_weak": (
        "consent",
        "The consent was asked for too poorly to train on; it could only feed evaluation.",
    ),
    "consent_invalid": ("consent", "What was recorded as consent does not meet the law's conditions."),
    "before_consent": ("consent", "This was said before the person agreed."),
    "before_notice": ("legitimate_interest", "This was said before the person was told."),
    "lead_time": ("legitimate_interest", "The waiting time since the person was told is not over."),
    "age_unknown": ("legitimate_interest", "Without consent, only people known to be adults count."),
    "safeguard_missing": (
        "legitimate_interest",
        "A safeguard the law asks for is not proven by the latest assessment.",
    ),
    "audience_closed": ("all_party", "Talk that these people could see is not used at all there."),
    "third_party": ("all_party", "Somebody else in this talk has not agreed, or no longer does."),
    "platform_terms": (
        "platform_terms",
        "The terms of the platform it was written on do not let it be used for this.",
    ),
    "origin_refuses": (
        "origin_signals",
        "The place it was published says it may not be used for this.",
    ),
    "parties_unknown": ("all_party", "It is not known who else took part in this talk."),
}
NAMES = tuple(_LIST)
REASONS: dict[str, str] = {name: sentence for name, (_, sentence) in _LIST.items()}
RULE_OF: dict[str, str] = {name: rule for name, (rule, _) in _LIST.items()}
CODE: dict[str, int] = {name: code for code, name in enumerate(NAMES)}
PERMITS = ("consent", "legitimate_interest")
