"""The copy of what is held about a person: all of theirs, word for word, and nothing of anybody else's."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import QUICKSTART, Said
from training.tiny_llama import make_base_folder
from walk.small_workspace import MOMENT, PURPOSE, handle, make, walk_to
from witting import corpus
from witting.store.parts import read_part
from witting.store.spool import Event
from witting.walk.decide import DECISIONS, parts_of
from witting.walk.requests import Asked, Claimed, take
from witting.workspace import Workspace

ALEX = handle("acct-1001")  # agreed
TOLD = handle("acct-1011")  # used by legitimate interest
MIRA, BEN = "whatsapp:Mira Solano", "whatsapp:Benedikt Quorn"
OWN_WORDS = "My own secret word is zebrafinch \U0001f426."
HIS_WORDS = "Between us: the password is quixotic-marmalade"
CAPTURED = "kettle-form-7"  # in the evidence of Mira's objection
FILES = ("events.jsonl", "models.json", "signals.jsonl", "turns.jsonl")
Ask = Callable[..., Said]


def chat_turn(number: int, speaker: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "conversation": "two-friends",
        "turn": f"t{number}",
        "parent": f"t{number - 1}" if number else None,
        "speaker": speaker,
        "role": "person",
        "time": f"2026-07-01T10:0{number}:00+00:00",
        "time_precision": "s",
        "text": text,
        "audience": "direct",
        "edited": False,
        "deleted": False,
        "on_active_path": True,
        "source": "whatsapp",
        "bytes": [number * 10, number * 10 + 9],
        "signals": [],
    } | more


def said(kind: str, subject: str, **more: Any) -> dict[str, Any]:
    at = (MOMENT - timedelta(days=5)).isoformat()
    return {"kind": kind, "subject": subject, "occurred_at": at} | more


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small workspace with a chat of two friends beside it, walked to adapters on a random base."""
    folder = tmp_path_factory.mktemp("access")
    more = [
        said("access_request", ALEX, scope="access"),
        said("objection", MIRA, evidence={"model_family": CAPTURED}),
        said("place", BEN, place="DE"),
    ]
    made = make(folder / "workspace", base=make_base_folder(folder / "base"), more=more)
    loved = {"kind": "reaction", "value": "\u2764", "text": None, "rule": "recorded/1", "confidence": 1.0}
    talk = [
        chat_turn(0, "Mira Solano", OWN_WORDS),
        chat_turn(1, "Benedikt Quorn", HIS_WORDS, signals=[loved | {"time": None, "by": "Mira Solano"}]),
        chat_turn(2, "Mira Solano", "So be it."),
        chat_turn(3, "unknown-account", "Whose words are these?"),
    ]
    lines = "".join(json.dumps(turn) + "\n" for turn in talk)
    (made / "inbox" / "friends.jsonl").write_text(lines, "utf-8")
    walk_to(made, "training")
    return made


@pytest.fixture
def ask(root: Path, tmp_path: Path, witting_here: Callable[..., Said]) -> Ask:
    def run(who: str, out: Path | None = None, *, workspace: Path = root) -> Said:
        folder = tmp_path / "copy" if out is None else out
        return witting_here(
            "rights", "access", who, "--out", folder, "--workspace", workspace, "--json", "--quiet"
        )

    return run


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().decode("utf-8").splitlines()]


def index_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "index.json").read_bytes())


def bytes_of(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def log_of(account: str) -> list[tuple[str, str]]:
    log = (QUICKSTART / "inbox" / "assistant-log.jsonl").read_text("utf-8").splitlines()
    talks = [talk for talk in map(json.loads, log) if talk["user"] == account]
    names = {"user": "you", "assistant": "assistant"}
    return [(names[one["role"]], one["content"]) for talk in talks for one in talk["messages"]]


def test_every_turn_of_the_person_is_in_it_word_for_word_and_the_answers_are_marked(
    ask: Ask, tmp_path: Path
) -> None:
    done = ask(ALEX)
    assert done.code == 0, done.err
    turns = lines_of(tmp_path / "copy" / "turns.jsonl")
    assert sorted((turn["said_by"], turn["text"]) for turn in turns) == sorted(log_of("acct-1001"))
    assert done.json["turns"] == len(turns) == len({turn["turn"] for turn in turns})


def test_what_is_said_of_a_turn_is_what_was_decided_and_what_was_made_of_it(
    ask: Ask, root: Path, tmp_path: Path
) -> None:
    said = ask(ALEX).json
    workspace = Workspace.open(root)
    decided = {
        row["row_id"]: row
        for part in parts_of(workspace, DECISIONS)
        for row in read_part(workspace.objects, part).to_pylist()
    }
    manifest = corpus.load(workspace.objects, workspace.snapshots, "latest")
    uses = corpus.examples_of(manifest, workspace.objects, said["subject"])
    wanted = {(turn, use.example_id) for use in uses for turn in use.turns}
    turns = lines_of(tmp_path / "copy" / "turns.jsonl")
    assert wanted
    assert {(turn["turn"], one["example"]) for turn in turns for one in turn["examples"]} == wanted
    assert all(one["corpora"] == [manifest.id] for turn in turns for one in turn["examples"])
    for turn in turns:
        row = decided[turn["turn"]]
        assert {name: turn["decision"][name] for name in ("decision", "reason", "rule", "entry")} == {
            name: row[name] for name in ("decision", "reason", "rule", "entry")
        }
        assert [one["stage"] for one in turn["verdicts"]] == ["curation"]
        assert (turn["verdicts"][0]["verdict"] == "keep") == bool(turn["examples"])
        assert turn["redaction"]["verdict"] == "keep"


def test_nothing_that_another_person_wrote_and_no_handle_of_theirs_is_in_it(ask: Ask, tmp_path: Path) -> None:
    assert ask(MIRA).code == 0
    held = everything(tmp_path / "copy")
    turns = lines_of(tmp_path / "copy" / "turns.jsonl")
    assert [turn["text"] for turn in turns] == [OWN_WORDS, "So be it."]
    assert MIRA.encode() in held
    assert CAPTURED.encode() in held
    for others in (HIS_WORDS, "quixotic", "Benedikt", "Quorn", "Whose words are these", "acct-10"):
        assert others.encode() not in held
    assert ask(ALEX, tmp_path / "other").code == 0
    held = everything(tmp_path / "other").replace(b"acct-1001", b"")
    for others in ("acct-1", "zebrafinch", "Solano", "quixotic"):
        assert others.encode() not in held


def test_a_workspace_of_fifteen_gives_fifteen_copies_that_share_no_turn(ask: Ask, tmp_path: Path) -> None:
    seen: set[str] = set()
    for number in range(1001, 1016):
        folder = tmp_path / str(number)
        assert ask(handle(f"acct-{number}"), folder).code == 0
        own = {turn["turn"] for turn in lines_of(folder / "turns.jsonl")}
        assert own
        assert not own & seen
        seen |= own


def test_what_they_said_is_opened_with_its_entry_and_its_evidence(
    ask: Ask, root: Path, tmp_path: Path
) -> None:
    assert ask(MIRA).code == 0
    (event,) = lines_of(tmp_path / "copy" / "events.jsonl")
    entry = Workspace.open(root).ledger.entry(event["entry"])
    assert (event["kind"], event["said"]) == ("objection", dict(entry.body))
    assert event["opening"]["evidence"] == {"model_family": CAPTURED}
    assert ask(ALEX, tmp_path / "other").code == 0
    events = {one["kind"]: one for one in lines_of(tmp_path / "other" / "events.jsonl")}
    assert events["consent"]["said"]["verdict"] == "valid"
    assert events["consent"]["said"]["failed"] == []
    assert events["consent"]["opening"]["evidence"]["notice"]


def test_feedback_is_of_who_gave_it(ask: Ask, tmp_path: Path) -> None:
    assert ask(MIRA).code == 0
    (reaction,) = lines_of(tmp_path / "copy" / "signals.jsonl")
    assert (reaction["kind"], reaction["value"], reaction["found_by"]) == ("reaction", "\u2764", "recorded")
    assert ask(BEN, tmp_path / "other").code == 0
    assert lines_of(tmp_path / "other" / "signals.jsonl") == []


def test_the_models_that_learned_from_them_are_named(ask: Ask, root: Path, tmp_path: Path) -> None:
    said = ask(ALEX).json
    (run,) = json.loads((tmp_path / "copy" / "models.json").read_text("utf-8"))["runs"]
    trained = json.loads((root / "adapters" / "run.json").read_text("utf-8"))
    workspace = Workspace.open(root)
    shard = workspace.keys.shard(said["subject"], 4)
    adapter = next(one["adapter_sha256"] for one in trained["shards"] if one["shard"] == shard)
    assert adapter is not None
    assert (run["adapter_sha256"], run["shard"], run["still_here"]) == (adapter, shard, True)
    manifest = corpus.load(workspace.objects, workspace.snapshots, run["corpus"])
    taught = [
        use
        for use in corpus.examples_of(manifest, workspace.objects, said["subject"])
        if use.kind in ("sft", "text", "preference")
    ]
    assert run["examples_of_yours"] == len(taught) > 0
    assert ask(MIRA, tmp_path / "other").json["runs"] == 0


def test_the_index_says_what_is_there_by_whom_and_on_what_ground(
    ask: Ask, root: Path, tmp_path: Path
) -> None:
    assert ask(TOLD).code == 0
    index = index_of(tmp_path / "copy")
    assert [file["name"] for file in sorted(index["files"], key=lambda one: one["name"])] == list(FILES)
    for file in index["files"]:
        data = (tmp_path / "copy" / file["name"]).read_bytes()
        assert (file["sha256"], file["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
        if file["name"].endswith(".jsonl"):
            assert file["records"] == data.count(b"\n")
    assert index["controller"]["name"] == "Linden Kitchens (invented)"
    assert index["law"] == {"place": "FR", "pack": "eu"}
    assert index["decisions"] == [
        {"purpose": PURPOSE, "decision": "permit", "basis": "legitimate_interest", "turns": 18}
    ]
    assert index["rows_held"]["intake/turns"] == 18
    assert index["not_attributed"]["turns_of_accounts_not_named"] == 1
    assert index["retention"]["words_no_door_opens_to_days"] == 30


def test_copies_that_left_are_named_to_those_who_are_in_them(
    ask: Ask, root: Path, tmp_path: Path, witting_here: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("witting.doors.cli.corpus.now", lambda: MOMENT)
    workspace = tmp_path / "workspace"
    shutil.copytree(root, workspace)
    exported = witting_here("corpus", "export", tmp_path / "left", "--workspace", workspace, "--quiet")
    assert exported.code == 0, exported.err
    assert ask(ALEX, workspace=workspace).code == 0
    (export,) = index_of(tmp_path / "copy")["recipients"]["exports"]
    assert export["yours_in_it"] is True
    assert ask(MIRA, tmp_path / "other", workspace=workspace).code == 0
    assert index_of(tmp_path / "other")["recipients"]["exports"] == []


def test_nobody_else_can_read_it_and_it_changes_nothing(ask: Ask, root: Path, tmp_path: Path) -> None:
    before = bytes_of(root)
    (tmp_path / "copy").mkdir(mode=0o755)  # an empty folder that is there already
    assert ask(ALEX).code == 0
    folder = tmp_path / "copy"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "index.json"])
    assert bytes_of(root) == before


def test_what_is_printed_holds_counts_and_names_the_request_and_no_words(
    root: Path, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    done = witting_here("rights", "access", ALEX, "--out", tmp_path / "copy", "--workspace", root)
    (asked,) = Workspace.open(root).ledger.entries(kind="rights.access_request")
    assert f"witting rights answer {asked.index} --outcome fulfilled" in done.out
    for words in ("acct-1001", *(text for _, text in log_of("acct-1001"))):
        assert words not in done.out + done.err


def test_live_events_that_wait_are_counted_and_not_opened(ask: Ask, root: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(root, workspace)
    Workspace.open(workspace).spool.take(
        [Event("/chat", "1", ALEX, False, b'{"text": "wombat"}')], now=MOMENT
    )
    assert ask(ALEX, workspace=workspace).json["waiting_events"] == 1
    assert index_of(tmp_path / "copy")["waiting"]["live_events"] == 1
    assert b"wombat" not in everything(tmp_path / "copy")


def test_a_no_of_somebody_no_account_is_known_of_is_counted_however_it_came(
    ask: Ask, root: Path, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(root, workspace)
    witting_here("rights", "object", "email:stranger@example.org", "--workspace", workspace)
    assert ask(ALEX, workspace=workspace).code == 0
    assert index_of(tmp_path / "copy")["not_attributed"]["requests_of_people_not_known"] == 1
    assert b"stranger" not in everything(tmp_path / "copy")


def test_a_request_that_names_several_people_is_opened_to_none_of_them(
    ask: Ask, root: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(root, tmp_path / "workspace")
    for name, claims in {"two": (ALEX, MIRA), "one": (ALEX,)}.items():
        asked = Asked(
            request_id=name,
            agent_id="agent",
            exercise="access",
            content_mac=name,
            kind="access_request",
            purposes=(),
            scope="access",
            claims=tuple(Claimed(claim, verified=True) for claim in claims),
            evidence={"message": f"signed for {' and '.join(claims)}"},
        )
        take(Workspace.open(root), asked, now=MOMENT)
    done = ask(ALEX, workspace=root)
    assert done.code == 0, done.err
    events = {
        one["said"].get("request"): one
        for one in lines_of(tmp_path / "copy" / "events.jsonl")
        if one["kind"] == "access_request"
    }
    assert (events["two"]["opening"], events["two"]["withheld"]) == (None, "names_several_people")
    assert events["one"]["opening"]["evidence"] == {"message": f"signed for {ALEX}"}
    assert b"Solano" not in everything(tmp_path / "copy")
    assert len(done.json["requests_open"]) == 3


def test_of_somebody_erased_nothing_is_there(
    ask: Ask, root: Path, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(root, workspace)
    erased = witting_here("erase", MIRA, "--yes", "--workspace", workspace, "--quiet")
    assert erased.code == 0, erased.err
    done = ask(MIRA, workspace=workspace)
    assert done.code == 1
    assert done.json["error"]["kind"] == "SubjectErased"
    assert "Mira" not in done.out + done.err
    assert not (tmp_path / "copy").exists()


def test_a_handle_nobody_has_is_bad_usage_and_is_not_repeated(ask: Ask, tmp_path: Path) -> None:
    for unknown in ("chatgpt:hedgehog", "email:hedgehog@example.org", "hedgehog"):
        done = ask(unknown)
        assert done.code == 2
        assert "hedgehog" not in done.out + done.err
        assert not (tmp_path / "copy").exists()


def test_an_address_that_leads_to_the_person_asks_for_them(ask: Ask, root: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(root, workspace)
    vault = Workspace.open(workspace).vault
    subject = vault.find(MIRA)
    assert subject is not None
    vault.alias(subject, ["email:mira@example.org"])
    assert ask("email:Mira@Example.ORG", workspace=workspace).json["turns"] == 2
    assert index_of(tmp_path / "copy")["further_handles"] == 1
    assert b"example.org" not in everything(tmp_path / "copy")


def test_words_of_accounts_without_a_name_are_handed_to_nobody(ask: Ask, tmp_path: Path) -> None:
    done = ask("whatsapp:unknown-account")
    assert done.code == 2
    assert "intake.accounts" in done.err
    assert not (tmp_path / "copy").exists()


def test_a_folder_inside_the_workspace_or_with_something_in_it_is_refused(
    ask: Ask, root: Path, tmp_path: Path
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("kept", "utf-8")
    link = tmp_path / "link"
    link.symlink_to(root / "reports", target_is_directory=True)
    before = bytes_of(root)
    for out in (root, root / "copy", link / "copy", full, full / "mine.txt"):
        done = ask(ALEX, out)
        assert done.code == 2, out
    assert (full / "mine.txt").read_text("utf-8") == "kept"
    assert bytes_of(root) == before


def test_cut_short_it_leaves_nothing_and_what_a_kill_left_is_taken_away(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(person: Any) -> Any:
        raise KeyboardInterrupt

    left = tmp_path / ".copy.unfinished"
    left.mkdir()
    (left / "turns.jsonl").write_text("of a process that was killed", "utf-8")
    with monkeypatch.context() as patch:
        patch.setattr("witting.walk.access._signals", stop)
        assert ask(ALEX).code == 1
    assert list(tmp_path.iterdir()) == []
    assert ask(ALEX).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_it_waits_for_no_other_process_that_changes_the_workspace(
    ask: Ask, root: Path, tmp_path: Path
) -> None:
    with Workspace.open(root).held():
        done = ask(ALEX)
    assert done.code == 2
    assert not (tmp_path / "copy").exists()
