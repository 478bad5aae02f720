"""The stream as a whole: who reads what, one verdict a file, counts that add up, the same every time."""

import hashlib
import json
import re
import tomllib
import zipfile
from datetime import date
from pathlib import Path

import pytest

from witting.errors import UsageError
from witting.intake import REFUSALS, SOURCES, Facts, FileVerdict, PermittedUse, Skipped, Turn, admit
from witting.schema import AUDIENCES, PRECISIONS, ROLES, SIGNAL_KINDS

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "interactions-dev"
CHAT = "14/03/2024, 21:10 - Ann: hello\n14/03/2024, 21:11 - Bo: hi\n"
THREAD = {"participants": [{"name": "Ann"}, {"name": "Bo"}], "messages": [{"sender_name": "Ann", "timestamp_ms": 1, "content": "hi"}]}  # fmt: skip


def run(
    *paths: Path, source: str | None = None, text_chars_max: int = 100_000
) -> list[Turn | Skipped | FileVerdict]:
    return list(admit(paths, source=source, text_chars_max=text_chars_max))


def reasons(entries: list[Turn | Skipped | FileVerdict]) -> dict[str, str]:
    return {Path(entry.path).name: entry.reason for entry in entries if isinstance(entry, FileVerdict)}


@pytest.fixture(scope="module")
def everything() -> list[Turn | Skipped | FileVerdict]:
    folders = (
        "whatsapp",
        "msgvault",
        "chat-miner",
        "chatistics",
        "chatgpt",
        "openwebui",
        "librechat",
        "coherence",
    )
    return run(*(path for path in sorted(DATA.iterdir()) if path.name.startswith(folders)))


def test_records_are_turns_plus_skipped_in_every_file(everything):
    turns = skipped = signals = quarantined = 0
    for entry in everything:
        if isinstance(entry, Turn):
            turns, signals = turns + 1, signals + len(entry.signals)
        elif isinstance(entry, Skipped):
            skipped, quarantined = skipped + 1, quarantined + (entry.record is not None)
        else:
            assert (entry.turns, entry.signals, entry.quarantined) == (turns, signals, quarantined)
            assert entry.records == turns + skipped == turns + sum(entry.skipped.values())
            assert (entry.verdict == "refused") is bool(entry.reason)
            turns = skipped = signals = quarantined = 0
    assert (turns, skipped) == (0, 0)  # nothing after the last verdict


def test_every_file_ends_with_exactly_one_verdict(everything):
    paths = [entry.path for entry in everything if isinstance(entry, FileVerdict)]
    assert len(paths) == len(set(paths))
    files = {
        str(p)
        for d in DATA.iterdir()
        if d.name.startswith(("whatsapp", "msgvault"))
        for p in d.rglob("*")
        if p.is_file()
    }
    assert {path for path in files if not path.endswith(".zip")} <= set(paths)


def test_values_come_from_the_closed_lists(everything):
    for turn in everything:
        if isinstance(turn, Turn):
            assert turn.role in ROLES
            assert turn.audience in AUDIENCES
            assert turn.time_precision in (None, *PRECISIONS)
            assert (turn.time is None) is (turn.time_precision is None)
            assert {signal.kind for signal in turn.signals} <= set(SIGNAL_KINDS)
            assert turn.bytes[0] <= turn.bytes[1]
        elif isinstance(turn, FileVerdict):
            assert turn.reason in ("", *REFUSALS)


def test_reading_twice_gives_the_same_stream(everything):
    folders = (
        "whatsapp",
        "msgvault",
        "chat-miner",
        "chatistics",
        "chatgpt",
        "openwebui",
        "librechat",
        "coherence",
    )
    assert everything == run(*(path for path in sorted(DATA.iterdir()) if path.name.startswith(folders)))


def test_a_folder_of_unrelated_exports_reads_each(tmp_path):
    (tmp_path / "WhatsApp Chat with Bo.txt").write_text(CHAT)
    (tmp_path / "log.jsonl").write_text(
        json.dumps(
            {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}
        )
        + "\n"
    )
    inbox = tmp_path / "your_facebook_activity/messages/inbox/bo_1"
    inbox.mkdir(parents=True)
    (inbox / "message_1.json").write_text(json.dumps(THREAD))
    (tmp_path / "notes.txt").write_text("buy milk")
    entries = run(tmp_path)
    assert {turn.source for turn in entries if isinstance(turn, Turn)} == {
        "whatsapp",
        "openai_log",
        "messenger",
    }
    assert reasons(entries)["notes.txt"] == "unknown_format"


def test_a_broken_file_does_not_take_its_neighbours_with_it(tmp_path):
    whole = json.dumps(THREAD)
    for number, text in enumerate([whole, whole[:-9], whole], start=1):
        (tmp_path / f"message_{number}.json").write_text(text)
    entries = run(tmp_path)
    assert reasons(entries) == {"message_1.json": "", "message_2.json": "broken_json", "message_3.json": ""}
    assert sum(isinstance(entry, Turn) for entry in entries) == 2


def test_a_verdict_follows_the_records_of_its_own_file_also_beside_files_that_gave_none(tmp_path):
    (tmp_path / "a.csv").write_text("prompt,completion\n")
    (tmp_path / "b.csv").write_text("prompt,completion\nname a tree,Oak\n")
    *turns, first, second = run(tmp_path)
    assert all(isinstance(entry, Turn) for entry in turns)
    assert [(Path(v.path).name, v.turns) for v in (first, second)] == [("b.csv", 2), ("a.csv", 0)]


def test_the_hash_is_that_of_the_file_or_of_the_whole_archive(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(CHAT)
    (verdict,) = [entry for entry in run(path) if isinstance(entry, FileVerdict)]
    assert verdict.sha256 == hashlib.sha256(CHAT.encode()).hexdigest()
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("_chat.txt", CHAT)
    (verdict,) = [entry for entry in run(tmp_path / "b.zip") if isinstance(entry, FileVerdict)]
    assert verdict.sha256 == hashlib.sha256((tmp_path / "b.zip").read_bytes()).hexdigest()


def test_a_text_over_the_limit_is_quarantined_and_one_at_the_limit_is_not(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(CHAT.replace("hello", "x" * 41) + f"14/03/2024, 21:12 - Bo: {'y' * 40}\n")
    entries = run(path, text_chars_max=40)
    (skipped,) = [entry for entry in entries if isinstance(entry, Skipped)]
    assert (skipped.reason, skipped.record) == ("text_too_long", b"x" * 41)
    assert sum(isinstance(entry, Turn) for entry in entries) == 2


def test_half_a_surrogate_pair_is_quarantined(tmp_path):
    broken = {**THREAD, "messages": [{"sender_name": "Ann", "timestamp_ms": 1, "content": "\ud83d"}]}
    path = tmp_path / "message_1.json"
    path.write_text(json.dumps(broken))
    (skipped, verdict) = run(path)
    assert isinstance(skipped, Skipped)
    assert isinstance(verdict, FileVerdict)
    assert (skipped.reason, verdict.quarantined) == ("broken_unicode", 1)


def test_a_forced_source_reads_what_it_would_not_have_claimed(tmp_path):
    path = tmp_path / "odd.txt"
    path.write_text("\n".join("preface" for _ in range(60)) + "\n" + CHAT)
    assert reasons(run(path)) == {"odd.txt": "unknown_format"}
    assert sum(isinstance(entry, Turn) for entry in run(path, source="whatsapp")) == 2
    with pytest.raises(UsageError, match="whatsap is no source"):
        run(path, source="whatsap")


def test_a_path_that_does_not_exist_is_a_usage_error_before_anything_is_read(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        next(admit([tmp_path / "nothing"], text_chars_max=10))


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.json", b"{this is not json", "broken_json"),
        ("a.json", b"[object Object]", "broken_json"),
        ("a.txt", "14/03/2024, 21:10 - Ann: hi\n".encode("utf-16"), "not_utf8"),
        ("a.jpg", b"not really a picture", "media_not_read"),
        ("a.bin", b"\x89PNG\r\n\x1a\n", "media_not_read"),
        ("page.html", b"<!DOCTYPE html><p>hello", "unknown_format"),
        ("a.rar", b"Rar!\x1a\x07\x00", "archive_not_supported"),
        ("a.txt", b"hello", "unknown_format"),
        ("a", bytes(range(256)) * 300, "unknown_format"),
    ],
)
def test_an_unclaimed_file_says_why(tmp_path, name, data, reason):
    (tmp_path / name).write_bytes(data)
    assert reasons(run(tmp_path / name)) == {name: reason}


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text(CHAT)
    opened = Path.open

    def refuse(self: Path, *args: object, **rest: object) -> object:
        if self == path and rest.get("buffering") == 0:
            raise PermissionError
        return opened(self, *args, **rest)  # type: ignore[call-overload]  # passes on whatever it was given

    monkeypatch.setattr(Path, "open", refuse)
    assert reasons(run(tmp_path)) == {"a.txt": "not_readable"}


def test_every_source_states_what_its_platform_permits_and_since_when():
    names = [source.name for source in SOURCES]
    assert len(names) == len(set(names))
    for source in SOURCES:
        for term in source.facts.terms:
            assert term.citation
            assert "personalise_ads" not in term.purposes


def test_the_terms_in_force_on_a_day_are_the_latest_that_had_begun():
    old, new = (
        PermittedUse(day, (purpose,), "", "c", False)
        for day, purpose in ((date(2020, 1, 1), "evaluate_model"), (date(2026, 1, 15), "safety_review"))
    )
    facts = Facts("", "", "", "", "", "", (old, new))
    assert facts.permitted(date(2026, 1, 14)) == old
    assert facts.permitted(date(2026, 1, 15)) == new
    assert facts.permitted(date(2019, 1, 1)) == old  # before the first that is known: that one


def test_every_reason_a_file_can_be_refused_for_has_a_row_in_the_docs():
    page = (ROOT / "docs" / "intake.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `([a-z0-9_]+)` \|", page, re.MULTILINE))
    assert set(REFUSALS) <= rows


def test_the_word_tables_are_well_formed():
    for name in ("whatsapp/words.toml", "meta/words.toml"):
        table = tomllib.loads((ROOT / "src/witting/intake" / name).read_text("utf-8"))
        for language in table["language"].values():
            assert all(
                isinstance(phrase, str) and phrase
                for key, found in language.items()
                if key != "order"
                for phrase in found
            )
