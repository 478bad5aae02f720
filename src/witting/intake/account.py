"""Whose an export is where it does not say so: the speaker nobody can consent for, and the account an operator names.

Covered: the one name of such a speaker, how a handle is known to be one, checking a name, giving it to the turns that have
none. Not covered: whose data an answer is (`owners.py`), refusing (rights). Every stranger's nameless export of one source
has the same handle, so a yes for it would be a yes for strangers: no door ever opens to it.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from witting.errors import UsageError
from witting.intake.signals import SOMEBODY_ELSE
from witting.intake.source import Feedback, FileVerdict, Record, Signal, Turn

UNKNOWN_ACCOUNT = "unknown-account"  # the speaker, where an export does not say whose it is
ACCOUNT_CHARS_MAX = 256


def names_nobody(handle: str) -> bool:
    """Whether a handle (source:speaker) is that of an account its export does not name."""
    source, colon, speaker = handle.partition(":")
    return (speaker if colon else source) == UNKNOWN_ACCOUNT


def checked_account(name: str) -> str:
    """The name as a speaker. Raises UsageError."""
    if not name.strip() or name != name.strip() or len(name) > ACCOUNT_CHARS_MAX:
        raise UsageError(
            f"an account has a name of 1 to {ACCOUNT_CHARS_MAX} characters, without spaces around it."
        )
    if not name.isprintable():
        raise UsageError("the name of an account holds a character that cannot be printed. Leave it out.")
    if name in (UNKNOWN_ACCOUNT, SOMEBODY_ELSE):
        raise UsageError(
            f"{name} is what somebody without a name is called; give the account a name of its own."
        )
    return name


def with_account(record: Record | FileVerdict, account: str | None) -> Record | FileVerdict:
    """The record with `account` wherever its export names nobody. Rights events stay as they are: they speak of the handle
    they name."""
    if account is None:
        return record
    if isinstance(record, Turn):
        return _turn(record, account)
    if isinstance(record, Feedback):
        return structs.replace(record, signal=_signal(record.signal, account))
    if isinstance(record, FileVerdict) and record.exporter == UNKNOWN_ACCOUNT:
        return replace(record, exporter=account)
    return record


def _turn(turn: Turn, account: str) -> Turn:
    if UNKNOWN_ACCOUNT not in (turn.speaker, turn.owner, *(signal.by for signal in turn.signals)):
        return turn
    return structs.replace(
        turn,
        speaker=account if turn.speaker == UNKNOWN_ACCOUNT else turn.speaker,
        owner=account if turn.owner == UNKNOWN_ACCOUNT else turn.owner,
        signals=tuple(_signal(signal, account) for signal in turn.signals),
    )


def _signal(signal: Signal, account: str) -> Signal:
    return structs.replace(signal, by=account) if signal.by == UNKNOWN_ACCOUNT else signal
