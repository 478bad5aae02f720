"""What to do next, computed from what this walk found: who waits, who could be asked, what was too small or unread.

Covers: one step for each finding that somebody can act on, the most pressing first. Not covered: doing it. Asking
people again is suggested only where they never answered or were asked badly, never where they said no.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from witting.release.gate import PROFILES
from witting.reports.facts import Facts, Results
from witting.reports.view import NextStep, Section
from witting.reports.words import count, listed, name, sentence

PUBLIC = "routine"  # the mildest profile that releases to anyone
ASKED_BADLY = ("consent_weak", "consent_invalid")


def next_steps(results: Results, facts: Facts) -> Section:
    steps = (
        *_people(results),
        *_rules(results, facts),
        *_files(results, facts),
        *_model(results, facts),
        *_standing(facts),
    )
    title = f"{count(len(steps), 'thing')} to do next"
    return Section("next", "What to do next", title, steps=steps)


def _people(results: Results) -> Iterator[NextStep]:
    rights = results.get("rights")
    if rights is None:
        return
    turns, people = rights["funnel"]["reasons"], rights.get("people") or {}
    if turns.get("erasure_requested"):
        who = count(people.get("erasure_requested", 0), "person", "people")
        yield NextStep(f"Erase {who} who asked for it", "Their words are stopped already, but not gone.",
                       "witting erase HANDLE")  # fmt: skip
    if turns.get("no_consent"):
        who = count(people.get("no_consent", 0), "person", "people")
        yield NextStep(
            f"Ask {who} who never answered",
            f"{count(turns['no_consent'], 'message')} wait for an answer. Refusing must be as easy as agreeing.",
        )
    badly = sum(turns.get(word, 0) for word in ASKED_BADLY)
    if badly:
        who = count(sum(people.get(word, 0) for word in ASKED_BADLY), "person", "people")
        yield NextStep(
            f"Mend the form that {who} agreed on",
            f"{count(badly, 'message')} stopped because the asking was unfair or unclear. What a form fails, and the "
            "remedy, says:",
            "witting rights judge EVIDENCE.json",
        )
    if turns.get("third_party"):
        yield NextStep(
            "Ask everybody in shared talks",
            f"{count(turns['third_party'], 'message')} stopped because somebody else in the talk has not agreed.",
        )
    if turns.get("expired"):
        who = count(people.get("expired", 0), "person", "people")
        yield NextStep(
            f"Let {who} renew", f"Their consent ran out; {count(turns['expired'], 'message')} stopped."
        )
    if turns.get("no_time"):
        yield NextStep(
            "Export again with dates",
            f"{count(turns['no_time'], 'message')} have no date, so no consent can be shown for their time.",
        )
    unknown = sum(rights["places"].get("unknown", {}).values())
    if unknown:
        yield NextStep(
            "Record where people live",
            f"For {count(unknown, 'message')} no place is known, and the strictest rules were used.",
        )


def _rules(results: Results, facts: Facts) -> Iterator[NextStep]:
    places: Mapping[str, object] = (results.get("rights") or {}).get("places") or {}
    used = sorted({facts.pack_of[place] for place in places if place in facts.pack_of})
    open_packs = [
        facts.packs[name] for name in used if name in facts.packs and not facts.packs[name].reviewed
    ]
    rules = sum(pack.rules_unreviewed for pack in open_packs)
    if open_packs:
        yield NextStep(
            f"Have a lawyer read {count(len(open_packs), 'set')} of rules",
            f"Used here and not yet reviewed as a whole: {listed([pack.title for pack in open_packs])}. "
            f"In {count(rules, 'rule')} of them the cited text was not checked against its source.",
        )


def _files(results: Results, facts: Facts) -> Iterator[NextStep]:
    unread = sum(seen.files for seen in facts.files if seen.verdict == "refused")
    if unread:
        yield NextStep(
            f"Export {count(unread, 'file')} again",
            "What could not be read, and why, stands in the table of files above.",
        )
    damaged = sum(seen.quarantined for seen in facts.files) - facts.ledger.deleted_records
    if damaged > 0:
        yield NextStep(
            f"Look at {count(damaged, 'damaged record')}",
            f"They are kept sealed for {count(facts.retention_days, 'day')} and then deleted.",
        )


def _model(results: Results, facts: Facts) -> Iterator[NextStep]:
    evaluation = (results.get("training") or {}).get("evaluation")
    if evaluation is not None and evaluation["improved"] is None:
        yield NextStep(
            "Hold more people back",
            f"{sentence(evaluation['note'])} See curation.heldout_percent in witting.toml.",
        )
    if evaluation is not None and evaluation["improved"] is False:
        yield NextStep("Train longer, or on more people", "No gain was shown on people held back.")
    audited = results.get("audit")
    if audited is not None and audited["report"]["underpowered"]:
        yield _larger_audit(audited["report"], facts.profile)
    if "release" not in results:
        yield NextStep("Walk on to the gate", "This walk stopped before it.", "witting run")


def _larger_audit(report: Mapping[str, dict], profile: str) -> NextStep:
    """What the profile asks, or the one that releases to anyone where it asks nothing; beside it what there was."""
    rules = PROFILES[profile] if PROFILES[profile].power_needed else PROFILES[PUBLIC]
    exposure, people = report["canaries"]["exposure"], report["extraction"]["people"]
    wanted = (
        (rules.people_min, people, "people to try it on"),
        (rules.planted_min, exposure["planted"], "planted secrets"),
        (rules.unplanted_min, exposure["unplanted"], "secrets left out, to compare with"),
    )
    lacking = [f"{least:,} {what} (now {had:,})" for least, had, what in wanted if least and had < least]
    why = "; ".join(sentence(said).rstrip(".") for said in report["underpowered"]) + "."
    if lacking:
        why = f"To release to {name('audiences', rules.audience)}, the profile {rules.name} asks for {listed(lacking)}."
    return NextStep("Audit at a size that can show something", why)


def _standing(facts: Facts) -> Iterator[NextStep]:
    if facts.controller.startswith("("):
        yield NextStep("Say who answers for this", "witting.toml names no controller yet.")
    yield NextStep(
        "Give the checkpoint to somebody outside",
        "Whoever keeps it can later tell whether the ledger was rewritten.",
        facts.ledger.checkpoint,
    )
