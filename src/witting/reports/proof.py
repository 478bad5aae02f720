"""What became of the rest, and what all of it stands on: retention, files, the ledger, what this report claims.

Covers: those sections. Not covered: checking a checkpoint (`witting verify`, `verify/witting_verify.py`).
"""

from __future__ import annotations

from witting.reports.facts import Facts, FileFacts, Results
from witting.reports.view import Column, Fact, Figure, Section, Table
from witting.reports.words import count, name, refusal

PARTLY = "some_members_refused"


def unused(results: Results, facts: Facts) -> Section:
    """What happens to words that no door opens to, and to files that could not be read."""
    retention = results.get("retention") or {}
    said = [
        f"Words that no door opens to are deleted {count(facts.retention_days, 'day')} after they came in; the row stays, "
        "without its words, so that the numbers still add up. "
        f"In this walk that were {count(retention.get('deleted_now', 0), 'message')}, "
        f"ever since {facts.ledger.deleted_turns:,}.",
        _quarantine(facts),
    ]
    refused = [seen for seen in facts.files if seen.verdict == "refused" or seen.reason == PARTLY]
    unread = sum(seen.files for seen in facts.files if seen.verdict == "refused")
    if facts.inbox_left:
        said.append(
            f"{count(facts.inbox_left, 'file')} still lie{'s' if facts.inbox_left == 1 else ''} in the inbox."
        )
    figures = (Figure("files", None, _files_table(facts.files)),) if facts.files else ()
    title = "Every file was read" if not refused else f"{count(unread, 'file')} could not be read"
    if unread == 0 and refused:
        title = "Every file was read, some only in part"
    if not facts.files:
        title = "No file was read"
    return Section("unused", "What was not used", title, tuple(said), figures)


def _quarantine(facts: Facts) -> str:
    """Damaged records: how many, and until when they are kept."""
    number = sum(seen.quarantined for seen in facts.files)
    if number == 0:
        return "No record was damaged."
    deleted = facts.ledger.deleted_records
    return (
        f"{count(number, 'damaged record')} of these files could not be understood: sealed and set aside, to be looked "
        f"at within {count(facts.retention_days, 'day')} and then deleted ({deleted:,} are gone already)."
    )


def _files_table(files: tuple[FileFacts, ...]) -> Table:
    return Table(
        caption="Files by what became of them (an archive is one file)",
        columns=(
            Column("result"), Column("in words"), Column("files", "number"), Column("records", "number"),
            Column("set aside", "number"),
        ),
        rows=tuple(
            (_result(seen), refusal(seen.reason) if seen.reason else "Everything in it was read.",
             f"{seen.files:,}", f"{seen.records:,}", f"{seen.quarantined:,}")
            for seen in files
        ),
        total=(
            "all", "", f"{sum(seen.files for seen in files):,}", f"{sum(seen.records for seen in files):,}",
            f"{sum(seen.quarantined for seen in files):,}",
        ),
    )  # fmt: skip


def _result(seen: FileFacts) -> str:
    if seen.verdict == "read":
        return "read in part" if seen.reason else "read"
    return f"not read: {seen.reason.replace('_', ' ')}"


def ledger(facts: Facts) -> Section:
    """Size, root, key, and how to check them."""
    log = facts.ledger
    said = (
        "Consents, refusals, withdrawals, decisions, trainings, audits and releases are entries of an append-only log. "
        "Nothing in it can be changed or taken out without changing its root, which is signed here. Keep a copy of "
        "the checkpoint outside, with somebody who is not you: then no other history can be told later.",
    )
    shown = (
        Fact("Size", f"{log.size:,} entries"),
        Fact("Root (SHA-256)", log.root, mono=True),
        Fact("Signed by", log.key, mono=True),
        Fact("Checkpoint", log.checkpoint, mono=True),
        Fact("Check it here", f"witting verify {log.checkpoint}", mono=True),
        Fact("Check it without us", f"python witting_verify.py {log.checkpoint}", mono=True),
        Fact("This walk", facts.run_id, mono=True),
        Fact("Written by", f"Witting {facts.version}"),
    )
    table = Table(
        caption="Entries by kind",
        columns=(Column("entries of kind"), Column("name", "mono"), Column("entries", "number")),
        rows=tuple(
            (name("events", kind), kind, f"{number:,}") for kind, number in sorted(log.entries.items())
        ),
        total=("all", "", f"{sum(log.entries.values()):,}"),
    )
    closing = (
        "witting_verify.py is one file in the folder verify/ of our source; it shares no code with us.",
    )
    return Section(
        "ledger", "Proof", f"It all stands on {count(log.size, 'ledger entry', 'ledger entries')}, signed",
        said, (Figure("entries", None, table),), shown, closing=closing,
    )  # fmt: skip


def claims() -> Section:
    """What this report is, and what it is not."""
    return Section(
        "claims",
        "What this claims",
        "This is evidence, not a certificate",
        said=(
            "This report is evidence for how words were used: whose, by which door, what was stopped, what was "
            "measured. It does not say that the processing is lawful; that is for the controller, its data protection "
            "officer and the authority to judge, and this is what they can judge by.",
            "Every number is computed from the ledger and from what each stage counted. None was typed in. No name, "
            "handle or message stands in it.",
        ),
    )
