"""Who else speaks in a conversation, found in a file of turns of any length.

Covers: conversations of more than one person, with whom each is with. Not covered: asking those people (`doors.py`). Talk
with an assistant alone has no other parties. Everybody no event speaks of is one and the same here: any of them shuts the
talk for the others, and none has a door of their own.

In memory are, of what is not with an assistant, the conversations and who is in each, every one once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from witting.rights.doors import ALONE
from witting.rights.intervals import UNKNOWN, Ints
from witting.rights.numbering import Numbering, encoded, number, word_places

PAIRS_MAX = 4_000_000  # kept before those that were seen again are dropped
COLUMNS = ("conversation", "subject", "audience")


@dataclass(frozen=True)
class Talks:
    """Conversations in which more than one person speaks, and who."""

    conversations: Numbering
    offsets: Ints
    members: Ints  # person numbers, ascending; -1 for somebody no event speaks of

    def of(self, conversations: pl.Series) -> Ints:
        found = self.conversations.of(conversations)
        return np.where(found == UNKNOWN, ALONE, found)


@dataclass(frozen=True)
class Speakers:
    """Somebody speaks in a conversation: `words[conversation[i]]` and `person[i]`."""

    words: pl.Series
    conversation: Ints
    person: Ints


def talks_among(turns: Iterable[pa.RecordBatch], people: Numbering) -> Talks:
    """From the columns COLUMNS as dictionaries."""
    parts: list[Speakers] = []
    limit = PAIRS_MAX
    for batch in turns:
        parts.append(_speakers(batch, people))
        if sum(part.person.size for part in parts) > limit:
            parts = [_together(parts)[1]]
            limit = max(PAIRS_MAX, 2 * parts[0].person.size)
    conversations, speakers = _together(parts)
    counts = np.bincount(speakers.conversation, minlength=conversations.size)
    shared = counts > 1
    return Talks(
        conversations=conversations.only(shared),
        offsets=np.concatenate([[0], np.cumsum(counts[shared])]).astype(np.int64),
        members=speakers.person[shared[speakers.conversation]],
    )


def _speakers(batch: pa.RecordBatch, people: Numbering) -> Speakers:
    conversation, subject, audience = (encoded(batch[name]) for name in COLUMNS)
    with_assistant = np.append(
        np.array(audience.dictionary.cast(pa.string()).to_pylist()) == "assistant", False
    )
    talk, speaker = (word_places(column).astype(np.int64) for column in (conversation, subject))
    known = (talk < len(conversation.dictionary)) & (speaker < len(subject.dictionary))
    known &= ~with_assistant[word_places(audience)]
    size = max(len(subject.dictionary), 1)
    pairs = _distinct(talk[known] * size + speaker[known])
    spoken, conversation_of = np.unique(pairs // size, return_inverse=True)
    speaking, person_of = np.unique(pairs % size, return_inverse=True)
    return Speakers(
        words=_words(conversation, spoken),
        conversation=conversation_of,
        person=people.of(_words(subject, speaking))[person_of],
    )


def _words(column: pa.DictionaryArray, codes: Ints) -> pl.Series:
    return pl.Series(column.dictionary.cast(pa.string()), dtype=pl.String)[pl.Series(codes)]


def _together(parts: list[Speakers]) -> tuple[Numbering, Speakers]:
    """Each conversation once, and each of its people once, by conversation and then by person."""
    words = pl.concat([part.words for part in parts]) if parts else pl.Series([], dtype=pl.String)
    conversations, numbers = number(words)
    ends = np.cumsum([len(part.words) for part in parts])
    spoken = [
        numbers[end - len(part.words) : end][part.conversation] for part, end in zip(parts, ends, strict=True)
    ]
    person = np.concatenate([np.empty(0, np.int64), *(part.person for part in parts)])
    size = int(person.max(initial=0)) + 2  # -1 is one of them
    pairs = _distinct(np.concatenate([np.empty(0, np.int64), *spoken]) * size + person + 1)
    return conversations, Speakers(conversations.words, pairs // size, pairs % size - 1)


def _distinct(numbers: Ints) -> Ints:
    """Ascending."""
    ascending = np.sort(numbers)
    return ascending[np.append(np.ones(min(ascending.size, 1), np.bool_), ascending[1:] != ascending[:-1])]
