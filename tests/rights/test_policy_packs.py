"""Places, dates and packs: which law is asked, and what a broken pack says."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from witting.errors import PolicyError
from witting.rights.policy import OWN_TURNS, RULES_REQUIRED, load_packs
from witting.rights.rulebook import compile_packs

NOV_2026 = datetime(2026, 11, 24, tzinfo=UTC)
FOLDER = Path(__file__).parents[2] / "src" / "witting" / "rights" / "packs"

MINE = """
jurisdiction = "mine"
title = "My own rules"
prefix = "mine"
version = 1
reviewed = true
places = ["NZ"]
[parameters]
profile = "gdpr"
special = "never"
[parameters.audiences]
assistant = "own_turns"
direct = "all_party"
closed_group = "never"
public = "own_turns"
unknown = "all_party"
""" + "".join(
    f"""
[[rule]]
id = "mine.{name}"
citation = "House rule"
plain = "A sentence."
in_force_from = 2020-01-01
status = "in_force"
reviewed = true
"""
    for name in RULES_REQUIRED
)


@pytest.mark.parametrize(
    ("place", "jurisdiction"),
    [
        ("DE", "eu"), ("DE-BY", "eu"), ("fr", "eu"), ("NO", "eu"), ("EU", "eu"), ("RE", "eu"), ("GB", "uk"),
        ("GB-SCT", "uk"), ("US-CA", "us-ca"), ("US-TX", "us-states"), ("US-OH", "us"), ("US", "us"), ("BR-SP", "br"), ("KR", "kr"), ("IN-KA", "in"),
        ("CH", "ch"), ("JP", "jp"), ("CA", "ca"), ("CA-ON", "ca"), ("CA-QC", "ca-qc"), ("TR", "tr"), ("SG", "sg"), ("AU", "au"),
        ("CN", "cn"), ("US-CT", "us-ct"), ("US-IL", "us-il"), ("US-WA", "us-wa"), ("US-UT", "us-ut"), ("US-VA", "us-states"),
        ("US-NV", "us-states"), ("NZ", "global_floor"), ("ZZ", "global_floor"), ("", "global_floor"), (None, "global_floor"),
        ("not a place", "global_floor"),
    ],
)  # fmt: skip
def test_a_place_has_its_pack_and_an_unknown_one_the_floor(packs, place, jurisdiction):
    assert packs.for_place(place, NOV_2026).jurisdiction == jurisdiction


def test_a_digest_is_of_the_very_bytes_of_the_file(packs):
    for name, digest in packs.sha256s().items():
        assert digest == hashlib.sha256((FOLDER / f"{name}.toml").read_bytes()).hexdigest()


def test_private_talk_needs_everybody_wherever_the_law_is_strict(packs):
    loose = {
        name for name in packs.files if packs.named(name, NOV_2026).parameters.audiences.direct == OWN_TURNS
    }
    assert loose == {"br", "in"}
    for name in packs.files:
        audiences = packs.named(name, NOV_2026).parameters.audiences
        assert (audiences.unknown, audiences.closed_group, audiences.assistant) == (
            "all_party",
            "all_party",
            "own_turns",
        )


def test_nobody_below_eighteen_by_default_and_the_ages_of_article_8_are_kept(packs):
    eu = packs.for_place("DE", NOV_2026)
    assert eu.age_min("DE") == 18
    ages = eu.parameters.age.consent
    assert (ages["DE"], ages["BE"], ages["AT"], ages["FR"], len(ages)) == (16, 13, 14, 15, 30)


def test_legitimate_interest_is_open_in_the_eu_the_uk_and_brazil_only(packs):
    allowed = {n for n in packs.files if packs.named(n, NOV_2026).parameters.legitimate_interest.allowed}
    assert allowed == {"eu", "uk", "br"}
    for name in allowed:
        interest = packs.named(name, NOV_2026).parameters.legitimate_interest
        assert interest.lead_days == 45
        assert not {"direct", "closed_group", "unknown"} & set(interest.audiences)


def test_a_pending_rule_changes_nothing_on_its_day(tmp_path):
    later = (
        MINE
        + """
[[rule]]
id = "mine.hope"
citation = "Bill"
plain = "A sentence."
in_force_from = 2026-01-01
status = "pending"
reviewed = true
[rule.sets.audiences]
closed_group = "own_turns"
"""
    )
    read = {}
    for status in ("pending", "annulled", "in_force"):
        path = tmp_path / f"{status}.toml"
        path.write_text(later.replace('"pending"', f'"{status}"'))
        read[status] = load_packs([path]).for_place("NZ", NOV_2026).parameters.audiences.closed_group
    assert read == {"pending": "never", "annulled": "never", "in_force": "own_turns"}


def test_an_operators_pack_adds_a_place_or_replaces_ours(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    assert load_packs([path]).for_place("NZ", NOV_2026).title == "My own rules"
    ours = (FOLDER / "kr.toml").read_text().replace("minimum = 18", "minimum = 14")
    path.write_text(ours)
    assert load_packs([path]).for_place("KR", NOV_2026).age_min("KR") == 14


def test_a_province_keeps_its_own_age_where_the_minimum_is_lowered(tmp_path):
    for name in ("ca", "ca-qc"):
        ours = (FOLDER / f"{name}.toml").read_text().replace("minimum = 18", "minimum = 13")
        (tmp_path / f"{name}.toml").write_text(ours)
    lowered = load_packs([tmp_path / "ca.toml", tmp_path / "ca-qc.toml"])
    ages = {place: lowered.for_place(place, NOV_2026).age_min(place) for place in ("CA", "CA-ON", "CA-QC")}
    assert ages == {"CA": 13, "CA-ON": 13, "CA-QC": 14}
    book = compile_packs(lowered, purpose="fine_tune_own_model", safeguards=None)
    assert {place: book.age_min[-1, book.cell(place)] for place in ages} == ages


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("version = 1", "version = 1\nversoin = 2", "versoin"),
        ('direct = "all_party"', 'direct = "anybody"', "parameters: audiences.direct"),
        ('direct = "all_party"\n', "", "parameters: audiences.direct"),
        ('profile = "gdpr"', 'profile = "hipaa"', "parameters: profile"),
        ('id = "mine.minor"', 'id = "mine.miner"', "mine.minor is missing"),
        ('id = "mine.minor"', 'id = "eu.minor"', "eu.minor does not begin"),
        ('id = "mine.minor"', 'id = "mine.consent"', "same id"),
        ('places = ["NZ"]', 'places = ["DE"]', "DE is claimed"),
        ('places = ["NZ"]', 'places = ["Swiss"]', "places"),
        ("in_force_from = 2020-01-01", 'in_force_from = "soon"', "in_force_from"),
        ('status = "in_force"', 'status = "hoped"', "status"),
        ("in_force_from = 2020-01-01", "", "only a pending rule may leave out its day"),
        (
            "reviewed = true\n\n",
            'reviewed = true\ncase = [{says = "x", answer = "consent"}]\n\n',
            "is missing",
        ),
        ("reviewed = true\n\n", 'reviewed = true\ncase = [{says = "x", anser = "consent"}]\n\n', "anser"),
        (
            'special = "never"',
            'special = "never"\nspecial_never = {SHOES = ["share_dataset"]}',
            "special_never.SHOES",
        ),
        ('special = "never"', 'special = "never"\nlegitimate_interest = {allowed = true}', "safeguard"),
        (
            'special = "never"',
            'special = "never"\nlegitimate_interest = {allowed = true, safeguards = ["lia"]}',
            "mine.legitimate_interest is missing",
        ),
        ("[parameters]", "[parameters", "not TOML"),
    ],
)
def test_a_broken_pack_is_refused_with_file_and_field(tmp_path, old, new, named):
    path = tmp_path / "mine.toml"
    path.write_text(MINE.replace(old, new))
    with pytest.raises(PolicyError) as caught:
        load_packs([path])
    assert named in str(caught.value)
    assert "places" in named or "DE" in named or "mine.toml" in str(caught.value)


def test_a_pack_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PolicyError, match=r"absent\.toml"):
        load_packs([tmp_path / "absent.toml"])
