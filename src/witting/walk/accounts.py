"""Whose the exports are that do not say it: what `intake.accounts` names, and what was read under another name before.

Covered: from patterns to files, whether a file that was read is read again under a name, refusing to split a conversation
between two accounts. Not covered: giving the name to turns (`intake/account.py`), refusing nameless ones (rights).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl
import pyarrow as pa

from witting.errors import ConfigError, UsageError
from witting.intake.account import UNKNOWN_ACCOUNT, checked_account
from witting.store.keys import KeyStore
from witting.store.records import Artifact
from witting.walk.known import Known
from witting.workspace import Workspace


@dataclass(frozen=True)
class Accounts:
    """The account of each file or folder that has one; and which patterns, counted from 1, name nothing that lies there."""

    of: Mapping[Path, str] = field(default_factory=dict, repr=False)
    unmatched: tuple[int, ...] = ()


def configured_accounts(workspace: Workspace, paths: Sequence[Path]) -> Accounts:
    """Who `intake.accounts` says the exports at `paths` are of: a pattern is the name of a file or folder as it lies in the
    inbox, `*`, `?` and `[...]` as in a shell. Raises ConfigError for a faulty name, and for a file that two accounts name.
    """
    patterns = workspace.settings.intake.accounts
    for number, name in enumerate(patterns.values(), 1):
        try:
            checked_account(name)
        except UsageError as error:
            raise ConfigError(f"intake.accounts, entry {number}: {error}") from None
    there = [path for path in paths if path.exists()]
    of, used = {}, set()
    for path in there:
        found = [number for number, pattern in enumerate(patterns, 1) if _matches(pattern, path.name)]
        names = {list(patterns.values())[number - 1] for number in found}
        if len(names) > 1:
            which = " and ".join(str(number) for number in found)
            raise ConfigError(
                f"intake.accounts, entries {which}: they name two accounts for one file, {path.name}; "
                "nothing was read. Make one of them narrower."
            )
        used |= set(found)
        of |= dict.fromkeys([path] if names else [], *names)
    unmatched = [number for number in range(1, len(patterns) + 1) if number not in used] if there else []
    return Accounts(of, tuple(unmatched))


def accounts_of(workspace: Workspace, paths: Sequence[Path], *, account: str | None) -> Mapping[Path, str]:
    """For paths named one by one: the account named with them, else what `intake.accounts` says of those in the inbox."""
    if account is not None:
        return dict.fromkeys(paths, account)
    there = {path.resolve() for path in workspace.sources()}
    return configured_accounts(workspace, [path for path in paths if path.resolve() in there]).of


def _matches(pattern: str, name: str) -> bool:
    """A name is itself before it is a pattern: `chat[1].json` is a file, too."""
    return pattern == name or fnmatchcase(name, pattern)


def account_mac(keys: KeyStore, account: str) -> str:
    """What is remembered of the account a file was read under."""
    return keys.handle_mac(f"account\0{account}")


def is_read(before: Artifact | None, keys: KeyStore, account: str | None) -> bool:
    """Whether a file needs no reading: it was read before, and not under another account than the one named now."""
    if before is None or before.verdict != "read":
        return False
    return account is None or before.account_mac == account_mac(keys, account)


def refuse_anothers(turns: pa.Table, known: Known, path: Path) -> None:
    """Raises UsageError where some of these turns, read under a named account, are here as somebody else's: the first
    reading of a turn stands, and half a conversation each is nobody's."""
    held = known.held(turns)
    if held.is_empty():
        return
    asked = pl.DataFrame(turns.select(["row_id", "subject_id"]))
    others = asked.join(held, on="row_id", suffix="_before").filter(
        pl.col("subject_id") != pl.col("subject_id_before")
    )
    if others.height:
        raise UsageError(
            f"{path}: {others.height:,} of its turns were read before as somebody else's, and the first reading stands. "
            "Nothing more was read. To give them to this account, erase whom they were read as "
            f"(`witting erase SOURCE:{UNKNOWN_ACCOUNT}`, or SOURCE: and the name given then) and read the file again; "
            "or leave the account out."
        )
