"""The cases that packs carry are run, and each dated rule does on its day what it says: change something, or nothing."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from witting.doors.cli import main
from witting.errors import PolicyError
from witting.rights.cases import differences, runnable, wrong_cases
from witting.rights.pack import Case, PackFile, Rule, midnight
from witting.rights.policy import Packs, load_packs, parse_pack

OURS = load_packs()
OURS_FOLDER = Path(__file__).parents[2] / "src" / "witting" / "rights" / "packs"
DATED = [
    pytest.param(read, rule, id=rule.id)
    for read in OURS.files.values()
    for rule in read.rule
    if rule.sets
    or rule.status != "in_force"
    or rule.in_force_from > min(r.in_force_from for r in read.rule if r.in_force_from)
]
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize("jurisdiction", sorted(OURS.files))
def test_every_case_of_a_pack_is_answered_as_it_says(jurisdiction):
    assert wrong_cases(OURS, jurisdiction) == []


@pytest.mark.parametrize("jurisdiction", sorted(OURS.files))
def test_every_rule_has_a_citation_a_sentence_and_a_case_that_is_run(jurisdiction):
    read = OURS.files[jurisdiction]
    run = {rule.id for rule, _ in runnable(read)}
    assert [rule.id for rule in read.rule if not (rule.citation and rule.plain and rule.id in run)] == []


@pytest.mark.parametrize(("read", "rule"), DATED)
def test_a_dated_rule_changes_its_pack_on_its_day_and_one_that_sets_nothing_never(read: PackFile, rule: Rule):
    if rule.in_force_from is None:
        assert rule.status == "pending"
        return
    day = midnight(rule.in_force_from)
    before, on = (OURS.named(read.jurisdiction, at).parameters for at in (day - MOMENT, day))
    same_day = [one for one in read.rule if one.in_force_from == rule.in_force_from]
    assert (before != on) == any(one.sets and one.status == "in_force" for one in same_day)
    changes = bool(rule.sets) and rule.status == "in_force"
    assert (day in OURS.turning_points()) >= changes
    if changes:
        cases = [case for rule_, case in runnable(read) if rule_.in_force_from == rule.in_force_from]
        days = {moment for case in cases for moment in (case.said, case.asked) if moment is not None}
        assert rule.in_force_from in days  # the day itself is a case
        assert rule.in_force_from - timedelta(days=1) in days  # and so is the day before


def test_the_dated_rules_that_change_parameters_are_these():
    changing = {param.id for param in DATED if param.values[1].sets}
    assert changing == {"in.dpdp", "ch.special", "br.anpd_plan", "uk.complaints"}


def test_a_wrong_case_is_told_with_what_was_answered():
    read = OURS.files["br"]
    said = {
        "says": "A day of grace.",
        "said": "2026-03-02",
        "asked": "2026-11-24",
        "answer": "consent",
        "special": ["HEALTH"],
    }
    told = list(differences(Case.model_validate(said | {"profile": "dpdp"}), OURS, read))
    assert told == [
        "Judged by gdpr, not by dpdp.",
        "Answered no_consent by br.consent, not consent by br.consent.",
        "Opened [], not ['HEALTH'].",
    ]


def test_a_case_of_one_sentence_is_kept_and_not_run(tmp_path):
    text = (OURS_FOLDER / "kr.toml").read_text("utf-8")
    head, *rules = text.split("[[rule]]")
    prose = [rule.split("[[rule.case]]")[0] + 'case = "A sentence."\n' for rule in rules]
    read = parse_pack("kr.toml", "[[rule]]".join([head, *prose]).encode())
    assert {case.says for rule in read.rule for case in rule.case} == {"A sentence."}
    assert runnable(read) == []
    assert wrong_cases(Packs({"kr": read}, {"kr": ""}), "kr") == []


def test_a_half_written_case_is_refused():
    text = (OURS_FOLDER / "kr.toml").read_text("utf-8").replace("asked = 2026-11-24\n", "", 1)
    with pytest.raises(PolicyError, match="one of them is missing"):
        parse_pack("kr.toml", text.encode())


def test_the_command_lists_every_rule_and_runs_the_cases_of_ones_own_pack(tmp_path, capsys):
    assert main(["rights", "packs", "--json"]) == 0
    listed = {pack["pack"]: pack for pack in json.loads(capsys.readouterr().out)["packs"]}
    assert set(listed) == set(OURS.files)
    india = {rule["rule"]: rule for rule in listed["in"]["rules"]}
    assert (india["in.dpdp"]["status"], india["in.dpdp"]["in_force_from"]) == ("in_force", "2027-05-13")
    assert {type(rule["reviewed"]) for pack in listed.values() for rule in pack["rules"]} == {bool}
    pending = {
        rule["rule"] for pack in listed.values() for rule in pack["rules"] if rule["status"] == "pending"
    }
    assert pending == {"eu.omnibus_88c", "jp.appi_bill", "sg.ai_notice"}

    mine = tmp_path / "kr.toml"
    mine.write_text(
        (OURS_FOLDER / "kr.toml").read_text("utf-8").replace('answer = "minor"', 'answer = "consent"')
    )
    assert main(["rights", "packs", str(mine), "--cases"]) == 1
    said = capsys.readouterr().out
    assert (
        "kr.minor: Age 16, valid consent: deny. Answered minor by kr.minor, not consent by kr.consent."
        in said
    )
    assert main(["rights", "packs", str(tmp_path / "absent.toml")]) == 2
