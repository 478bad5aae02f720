"""What became of the rest, and what all of it stands on: retention, files, the ledger, what this report claims.

Covers: those sections. Not covered: checking a checkpoint (`witting verify`, `verify/witting_verify.py`).
"""

from __future__ import annotations

from witting.reports.facts import Facts, FileFacts, Results
from witting.reports.view import Column, Fact, Figure, Section, Table
from witting.reports.words import count, name, refusal

WHOLE = ("", "some_set_aside")


def unused(results: Results, facts: Facts) -> Section:
    """What happens to words that may not be used, and to files that could not be read."""
    read = sum(seen.files for seen in facts.files if seen.verdict == "read")
    unread = sum(seen.files for seen in facts.files if seen.verdict == "refused")
    title = f"{count(read, 'file was', 'files were')} read, {unread:,} could not be"
    if not facts.files:
        title = "No file was read"
    said = [_deleted(results, facts), _quarantine(facts)]
    if facts.inbox_left:
        lie = count(facts.inbox_left, "file still lies", "files still lie")
        said.append(
            f"{lie} in the inbox. What is read to its end is deleted from it, with the pictures and profiles inside it, "
            "unless intake.consume_inbox is off; what is not read, or not to its end, stays."
        )
    figures = (Figure("files", None, _files_table(facts.files)),) if facts.files else ()
    return Section("unused", "What was not used", title, tuple(said), figures)


def _deleted(results: Results, facts: Facts) -> str:
    """What the retention time has taken so far."""
    now, ever = (results.get("retention") or {}).get("deleted_now", 0), facts.ledger.deleted_turns
    rule = (
        f"Words that may not be used are deleted {count(facts.retention_days, 'day')} after they came in; the row stays, "
        "without its words, so that the numbers still add up."
    )
    if ever == 0:
        return f"{rule} None is that old yet."
    return f"{rule} So far this took the words of {count(ever, 'message')}, {now:,} of them in this walk."


def _quarantine(facts: Facts) -> str:
    """Damaged records: how many, and until when they are kept."""
    number = sum(seen.quarantined for seen in facts.files)
    if number == 0:
        return "No record was damaged."
    deleted = facts.ledger.deleted_records
    return (
        f"{count(number, 'damaged record')} of these files could not be understood: sealed and set aside, to be looked "
        f"at within {count(facts.retention_days, 'day')} and then deleted (already gone: {deleted:,})."
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
        return "read" if seen.reason in WHOLE else "read in part"
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
