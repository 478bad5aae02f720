"""Why a turn is in no example: the closed list, with the sentence shown to people and the order of asking."""

from __future__ import annotations

REASONS = {
    "over_cap": "Other examples of the same person already fill this person's share.",
    "too_short": "There are too few words in it to learn from, placeholders apart.",
    "duplicate": "Somebody said the same words before; only the first time is kept.",
    "disliked": "The person marked this answer as bad.",
    "corrected": "The person corrected this answer.",
    "objected": "The person said that this answer was wrong, or not what they had meant.",
    "stopped": "The person stopped this answer while it was written.",
    "left_branch": "The person left this branch of the conversation, and it is in no comparison of two answers.",
    "no_prompt": "It answers a turn that may not be used, so there is nothing to learn it from.",
    "no_answer": "None of the answers to it could be learned from.",
}
