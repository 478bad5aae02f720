"""What would fall in another world, through the command line, and that asking changes nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from conftest import Said
from training.tiny_llama import make_base_folder
from walk.small_workspace import MOMENT, TOLD, handle, make, walk_to
from witting.workspace import Workspace

INDIA = handle("acct-1015")
TURNS_EACH = 18  # of each person of the assistant's log, answers among them
PERMITTED = 13 * TURNS_EACH  # eleven who agreed, two by legitimate interest
Ask = Callable[..., Said]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small workspace, walked to adapters on a random base."""
    folder = tmp_path_factory.mktemp("whatif")
    made = make(folder / "workspace", base=make_base_folder(folder / "base"))
    walk_to(made, "training")
    return made


@pytest.fixture
def ask(root: Path, witting_here: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setattr("witting.doors.cli.whatif.now", lambda: MOMENT)

    def run(*words: str | Path, workspace: Path = root) -> Said:
        return witting_here("rights", "whatif", *words, "--workspace", workspace, "--json", "--quiet")

    return run


def bytes_of(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def numbers(said: dict[str, Any]) -> tuple[int, int]:
    return said["turns"]["now"], said["turns"]["falls"]


def pack(folder: Path, jurisdiction: str, *changes: tuple[str, str], rule: str = "") -> Path:
    """Our pack with lines replaced and a rule added, as an operator's own."""
    from importlib.resources import files

    text = (files("witting.rights") / "packs" / f"{jurisdiction}.toml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / f"my-{jurisdiction}.toml"
    path.write_text(text + rule, "utf-8")
    return path


def test_without_legitimate_interest_those_who_were_only_told_fall(ask: Ask) -> None:
    said = ask("--without", "legitimate_interest").json
    assert numbers(said) == (PERMITTED, 2 * TURNS_EACH)
    assert said["people"] == {"now": 13, "falls": 2, "stays": 11, "touched": 2}
    assert said["bases"] == {
        "consent": {"now": 11 * TURNS_EACH, "falls": 0},
        "legitimate_interest": {"now": 2 * TURNS_EACH, "falls": 2 * TURNS_EACH},
    }
    assert said["reasons"] == {"no_consent": {"br.consent": TURNS_EACH, "eu.consent": TURNS_EACH}}


def test_in_one_place_only_its_people_fall_also_where_its_law_is_shared(ask: Ask) -> None:
    for place in ("EU", "FR", "fr"):
        said = ask("--without", "legitimate_interest", "--in", place).json
        assert said["reasons"] == {"no_consent": {"eu.consent": TURNS_EACH}}, place
    assert numbers(ask("--without", "legitimate_interest", "--in", "DE").json) == (PERMITTED, 0)
    assert numbers(ask("--without", "legitimate_interest", "--in", "US").json) == (PERMITTED, 0)


def test_examples_corpora_adapters_and_the_cost_of_training_again_add_up(ask: Ask, root: Path) -> None:
    said = ask("--without", "legitimate_interest").json
    workspace = Workspace.open(root)
    shards = workspace.settings.corpus.shards
    people = [workspace.vault.find(handle(account)) for account in TOLD]
    theirs = sorted({workspace.keys.shard(person, shards) for person in people if person is not None})
    changed = {one["shard"]: one["then"] for one in said["adapters"] if one["then"] != "kept"}
    assert sorted(changed) == theirs
    assert sorted(said["retraining"]["shards"] + said["retraining"]["removed"]) == theirs
    run = json.loads((root / "adapters" / "run.json").read_text("utf-8"))
    again = [shard for shard in run["shards"] if shard["shard"] in said["retraining"]["shards"]]
    assert said["retraining"]["steps"] == sum(shard["steps"] for shard in again)
    assert (said["retraining"]["seconds"] > 0) == bool(again)
    (version,) = said["corpora"]
    assert version["falls"]
    assert version["examples"] == said["examples"]
    assert 0 < said["examples"]["falls"] < said["examples"]["now"]
    assert 0 < said["words"]["falls"] < said["words"]["now"]
    assert 0 < said["tokens_estimate"]["falls"] < said["tokens_estimate"]["now"]
    assert said["release"] is None  # this walk stopped before the gate


def test_a_day_ahead_tells_the_change_from_what_time_does_alone(ask: Ask) -> None:
    said = ask("--without", "legitimate_interest", "--in", "EU", "--from", "2027-05-01").json
    assert numbers(said) == (PERMITTED, TURNS_EACH)
    assert (said["turns"]["falls_anyway"], said["decided_then"]) == (0, "2027-05-01T00:00:00+00:00")
    # The consents of 1 June 2026 have run out by then; who was only told has not.
    said = ask("--without", "legitimate_interest", "--in", "EU", "--from", "2027-07-01").json
    assert numbers(said) == (PERMITTED, 12 * TURNS_EACH)
    assert said["turns"]["falls_anyway"] == 11 * TURNS_EACH
    assert numbers(ask("--from", "2027-07-01").json) == (PERMITTED, 11 * TURNS_EACH)


def test_where_everything_falls_nothing_is_left_to_train(ask: Ask) -> None:
    said = ask("--require", "valid", "--from", "2027-07-05").json
    for counted in ("turns", "people", "examples", "words", "tokens_estimate"):
        assert said[counted]["now"] > 0
        assert said[counted]["stays"] == 0, counted
    assert said["retraining"] == {"shards": [], "removed": [0, 1, 2, 3], "steps": 0, "seconds": 0}


def test_a_dated_rule_of_ones_own_pack_counts_from_its_day(ask: Ask, tmp_path: Path) -> None:
    rule = """
[[rule]]
id = "in.closed"
citation = "Invented"
plain = "From this day on talk with the assistant is not used."
in_force_from = 2027-05-13
status = "in_force"
reviewed = false
sets = { audiences = { assistant = "never" } }
"""
    mine = pack(tmp_path, "in", rule=rule)
    before = ask("--pack", mine, "--from", "2027-05-12").json
    assert (numbers(before), before["packs"]) == ((PERMITTED, 0), ["in"])
    on = ask("--pack", mine, "--from", "2027-05-13").json
    assert numbers(on) == (PERMITTED, TURNS_EACH)
    assert on["reasons"] == {"audience_closed": {"in.all_party": TURNS_EACH}}
    assert on["laws"]["in"] == {"now": TURNS_EACH, "falls": TURNS_EACH}


def test_a_stricter_pack_fells_and_a_looser_one_opens(ask: Ask, tmp_path: Path) -> None:
    stricter = pack(tmp_path, "eu", ("lead_days = 45", "lead_days = 3650"))
    assert ask("--pack", stricter).json["reasons"] == {"lead_time": {"eu.legitimate_interest": TURNS_EACH}}
    said = ask("--pack", pack(tmp_path, "eu", ("lead_days = 45", "lead_days = 1"))).json
    assert (said["turns"]["falls"], said["turns"]["opens"]) == (0, 0)


def test_where_only_valid_consents_open_each_is_judged_by_the_law_of_the_day(
    tmp_path: Path, ask: Ask
) -> None:
    """India's consents are judged by the floor until 13 May 2027, then by the DPDP Act, which wants to know the place."""
    made = make(tmp_path / "workspace")
    log = made / "rights.jsonl"
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    (yes,) = [one for one in events if one["kind"] == "consent" and one["subject"] == INDIA]
    yes["evidence"] |= {"jurisdiction": "unknown"}
    log.write_text("".join(json.dumps(one) + "\n" for one in events), "utf-8")
    walk_to(made, "corpus")
    before = ask("--require", "valid", "--in", "IN", "--from", "2027-05-12", workspace=made).json
    assert numbers(before) == (PERMITTED, 0)
    on = ask("--require", "valid", "--in", "IN", "--from", "2027-05-13", workspace=made).json
    assert numbers(on) == (PERMITTED, TURNS_EACH)
    assert on["reasons"] == {"consent_invalid": {"in.consent": TURNS_EACH}}
    assert (on["tokens_estimate"], on["adapters"]) == (None, [])
    everywhere = ask("--require", "valid", workspace=made).json
    assert everywhere["turns"]["falls"] == 2 * TURNS_EACH  # of legitimate interest


def test_nothing_is_changed(root: Path, ask: Ask, tmp_path: Path) -> None:
    kept = shutil.copytree(root, tmp_path / "workspace")
    before = bytes_of(kept)
    for words in (
        ("--without", "legitimate_interest", "--in", "EU", "--from", "2027-05-01"),
        ("--require", "valid"),
        ("--pack", pack(tmp_path, "eu", ("lead_days = 45", "lead_days = 50"))),
    ):
        done = ask(*words, workspace=kept)
        assert done.code == 0, done.err
    assert bytes_of(kept) == before


def test_the_page_and_the_chart_say_the_same(
    root: Path, ask: Ask, witting_here: Callable[..., Said], tmp_path: Path
) -> None:
    out = tmp_path / "falls.svg"
    said = ask("--without", "legitimate_interest", "--out", out).json
    page = witting_here(
        "rights", "whatif", "--without", "legitimate_interest", "--workspace", root, "--quiet"
    )
    assert page.code == 0, page.err
    assert "What if: without legitimate interest." in page.out
    assert f"{2 * TURNS_EACH} of" in out.read_text("utf-8")
    assert "no_consent" in page.out
    assert "Nothing was changed." in page.out
    assert "acct-" not in page.out + json.dumps(said)
    drawn = ElementTree.fromstring(out.read_text("utf-8"))
    words = [node.text for node in drawn.iter() if node.tag.endswith("text")]
    assert {"Turns", "People", "Examples", "Words", "Adapters"} <= set(words)
    assert f"{said['examples']['falls']:,} of {said['examples']['now']:,} fall" in words
    bars = [node.get("width") for node in drawn.iter() if node.get("class") == "bar"]
    stays = [said[name]["stays"] / said[name]["now"] for name in ("turns", "people", "examples", "words")]
    assert bars[:4] == [f"{share * 100:.2f}%" for share in stays]  # each kind on its own scale


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--in", "EU"),
        ("--without", "consent"),
        ("--without", "legitimate_interest", "--in", "Europe"),
        ("--from", "soon"),
        ("--require", "valid", "--out", "nowhere/falls.svg"),
    ],
)  # fmt: skip
def test_a_question_that_asks_nothing_is_refused(ask: Ask, words: tuple[str, ...]) -> None:
    done = ask(*words)
    assert done.code == 2


def test_a_broken_pack_is_refused_by_file_and_field(ask: Ask, tmp_path: Path) -> None:
    done = ask("--pack", pack(tmp_path, "eu", ("lead_days = 45", "lead_days = -1")))
    assert done.code != 0
    assert "my-eu.toml" in done.err
    assert "lead_days" in done.err


def test_a_workspace_without_a_walk_has_nothing_that_falls(tmp_path: Path, ask: Ask) -> None:
    Workspace.create(tmp_path / "empty")
    said = ask("--require", "valid", workspace=tmp_path / "empty").json
    assert numbers(said) == (0, 0)
    assert (said["corpora"], said["adapters"]) == ([], [])


def test_an_example_that_a_withdrawal_forbids_already_neither_falls_nor_stays(
    ask: Ask, root: Path, tmp_path: Path, witting_here: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("witting.doors.cli.rights.now", lambda: MOMENT)
    mine = tmp_path / "workspace"
    shutil.copytree(root, mine)
    before = ask("--without", "legitimate_interest", workspace=mine).json
    assert before["examples"]["forbidden_already"] == 0
    assert witting_here("rights", "withdraw", INDIA, "--workspace", mine).code == 0
    after = ask("--without", "legitimate_interest", workspace=mine).json
    for counted in ("examples", "words"):
        was, now = before[counted], after[counted]
        assert (now["now"], now["falls"]) == (was["now"], was["falls"])
        assert now["forbidden_already"] > 0
        assert now["stays"] == was["stays"] - now["forbidden_already"]
