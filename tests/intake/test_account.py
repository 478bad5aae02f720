"""Naming an account: laws on any stream of records."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from witting.errors import UsageError
from witting.intake.account import ACCOUNT_CHARS_MAX, UNKNOWN_ACCOUNT, checked_account, names_nobody
from witting.intake.owners import Entry, owned, told
from witting.intake.source import Feedback, FileVerdict, RightsRecord, Signal, Skipped, Turn

NAMES = st.sampled_from([UNKNOWN_ACCOUNT, "ana", "unknown-account2", "x:unknown-account"])


@st.composite
def turn(draw) -> Turn:
    role = draw(st.sampled_from(["user", "person", "assistant", "system"]))
    by = draw(st.none() | NAMES)
    return Turn(
        member="m", conversation=draw(st.sampled_from("cd")), turn=draw(st.sampled_from("123456")),
        parent=draw(st.none() | st.sampled_from("123456")),
        speaker=draw(NAMES) if role in ("user", "person") else role, role=role, time=None, time_precision=None,
        text=UNKNOWN_ACCOUNT, audience="assistant", source=draw(st.sampled_from(["chatgpt", "claude"])), bytes=(0, 1),
        owner=None if role in ("user", "person") else draw(st.none() | NAMES),
        signals=(Signal("thumb", 1, by=by),),
    )  # fmt: skip


OTHERS = st.sampled_from(
    [
        Skipped("m", "no_text", (0, 1)),
        Skipped("m", "broken_json", (0, 1), b"{"),
        Feedback("m", (0, 1), "chatgpt", "c", "1", "f", Signal("thumb", 1, by=UNKNOWN_ACCOUNT)),
        RightsRecord("m", (0, 1), {"kind": "withdrawal", "subject": "chatgpt:unknown-account"}),
        FileVerdict("m", "chatgpt", "read", "", "", 0, 0, 0, {}, 0, exporter=UNKNOWN_ACCOUNT),
    ]
)
STREAM = st.lists(turn() | turn() | OTHERS, max_size=25)


def given_to(record, account: str):
    """The same by eye: the name wherever the constant stood as a person."""
    if isinstance(record, Turn):
        swap = {UNKNOWN_ACCOUNT: account}
        signals = tuple(structs.replace(s, by=swap.get(s.by, s.by)) for s in record.signals)
        speaker, owner = swap.get(record.speaker, record.speaker), swap.get(record.owner, record.owner)
        return structs.replace(record, speaker=speaker, owner=owner, signals=signals)
    if isinstance(record, Feedback):
        return structs.replace(record, signal=structs.replace(record.signal, by=account))
    return replace(record, exporter=account) if isinstance(record, FileVerdict) else record


@given(STREAM)
def test_naming_changes_whose_a_turn_is_and_nothing_else(records) -> None:
    assert list(told(records, account="zoe")) == [given_to(record, "zoe") for record in records]
    plain = [r if not isinstance(r, FileVerdict) else replace(r, unnamed=0) for r in told(records)]
    assert plain == records


@given(STREAM, st.integers(1, 4))
def test_with_a_name_nobody_is_left_unnamed_and_strangers_are_two_people(records, waiting_max) -> None:
    for name in ("zoe", "yan"):
        entries = [e for e in owned(records, account=name, waiting_max=waiting_max) if isinstance(e, Entry)]
        without = [e for e in owned(records, waiting_max=waiting_max) if isinstance(e, Entry)]
        assert len(entries) == len(without)
        for entry, before in zip(entries, without, strict=True):
            assert not names_nobody(entry.handle)
            if names_nobody(before.handle):
                assert entry.handle == f"{entry.turn.source}:{name}"
            else:
                assert entry.handle == before.handle


@given(STREAM)
def test_what_a_dry_run_counts_is_what_sealing_finds(records) -> None:
    records = [*records, FileVerdict("m", "chatgpt", "read", "", "", 0, 0, 0, {}, 0)]
    found = list(owned(records, waiting_max=1_000))
    dry = [record.unnamed for record in told(records) if isinstance(record, FileVerdict)]
    sealed = [one[1].unnamed for one in found if isinstance(one, tuple) and isinstance(one[1], FileVerdict)]
    assert dry == sealed
    assert sum(dry) == sum(names_nobody(entry.handle) for entry in found if isinstance(entry, Entry))


@given(st.text(max_size=300))
def test_a_name_is_taken_as_it_is_or_refused(name: str) -> None:
    try:
        assert checked_account(name) == name
    except UsageError:
        return
    assert name.strip() == name
    assert 0 < len(name) <= ACCOUNT_CHARS_MAX
    assert not names_nobody(f"chatgpt:{name}")
    name.encode()


@pytest.mark.parametrize(
    "name", ["a\x00b", "a\tb", "\x7f", "a\u202eb", "\ud83d", "a\u2028b", UNKNOWN_ACCOUNT, "somebody-else"]
)
def test_a_name_with_a_character_nobody_sees_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        checked_account(name)


@pytest.mark.parametrize(
    ("handle", "nobody"),
    [
        ("chatgpt:unknown-account", True),
        ("unknown-account", True),
        (":unknown-account", True),
        ("chatgpt:x:unknown-account", False),
        ("unknown-account:ana", False),
        ("chatgpt:unknown-account ", False),
    ],
)
def test_which_handles_name_nobody(handle: str, nobody: bool) -> None:
    assert names_nobody(handle) is nobody
