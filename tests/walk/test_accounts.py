"""Exports that do not say whose they are: nobody can consent for them, until an operator names the account.

Through the command line and the walk. The laws of naming on any stream are in tests/intake/test_account.py.
"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from conftest import Said
from witting.doors.cli import main
from witting.rights.record import RightsEvent, record
from witting.store.parts import read_part
from witting.walk import alone
from witting.walk.admit import TURNS
from witting.workspace import Workspace

NOW = datetime(2026, 11, 24, tzinfo=UTC)
AGREED, SPOKEN = datetime(2026, 11, 23, 18, tzinfo=UTC), datetime(2026, 11, 23, 20, tzinfo=UTC)
NAMELESS = "chatgpt:unknown-account"
CANARY = "quill-harbour-5521"


def witting(*words: str | Path) -> Said:
    """The command line in this process: sixty starts of Python would take minutes."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(word) for word in words])
    return Said(code, out.getvalue(), err.getvalue())


def export(path: Path, *conversations: str, account: str | None = None) -> Path:
    """A ChatGPT export of two turns a conversation: one file, or a folder where the account says who it is."""
    data = json.dumps([_conversation(key) for key in conversations])
    if account is None:
        path.write_text(data, "utf-8")
        return path
    path.mkdir()
    (path / "conversations.json").write_text(data, "utf-8")
    (path / "user.json").write_text(json.dumps({"id": account}), "utf-8")
    return path


def _conversation(key: str) -> dict:
    nodes = {
        "u": _node("u", None, "user", f"what of {key}, {CANARY}"),
        "a": _node("a", "u", "assistant", f"this of {key}"),
    }
    return {"id": key, "conversation_id": key, "title": None, "current_node": "a", "mapping": nodes}


def _node(turn: str, parent: str | None, role: str, text: str) -> dict:
    message = {
        "author": {"role": role},
        "content": {"content_type": "text", "parts": [text]},
        "status": "finished_successfully",
        "create_time": SPOKEN.timestamp(),
    }
    return {"id": turn, "parent": parent, "message": message}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert witting("init", tmp_path / "w").code == 0
    return tmp_path / "w"


def intake(root: Path, *words: str | Path) -> Said:
    return witting("intake", *words, "--workspace", root, "--json")


def people(root: Path) -> dict[str, int]:
    """Turns by the handle of their person."""
    workspace = Workspace.open(root)
    current = workspace.snapshots.current(TURNS)
    rows = [pl.DataFrame(read_part(workspace.objects, part)) for part in current.parts] if current else []
    subjects = pl.concat(rows)["subject_id"] if rows else pl.Series([], dtype=pl.String)
    handles = workspace.vault.handles_of(list(subjects.unique()))
    counts = dict(subjects.value_counts().iter_rows())
    return {handles.get(subject, "?"): count for subject, count in counts.items()}


def funnel(root: Path) -> dict:
    done = witting("run", root, "--until", "intake", "--json")
    assert done.code == 0, done.err
    return done.json["stages"][0]


def test_a_dry_run_tells_how_many_turns_nobody_is_named_for(tmp_path: Path) -> None:
    path = export(tmp_path / "conversations.json", "c1", "c2")
    said = witting("intake", path, "--dry-run", "--json").json["files"][0]
    assert (said["turns"], said["unnamed"]) == (4, 4)
    page = witting("intake", path, "--dry-run").out
    assert "4 turns are of an account the export does not name" in page
    assert "--account" in page
    out = tmp_path / "turns.jsonl"
    named = witting("intake", path, "--dry-run", "--json", "--account", "ana-7", "--turns", out)
    assert named.json["files"][0]["unnamed"] == 0
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert {line["speaker"] for line in lines} == {"ana-7", "assistant"}


def test_the_preview_tells_it_too_and_writes_the_name(tmp_path: Path) -> None:
    path, out = export(tmp_path / "conversations.json", "c1"), tmp_path / "left.jsonl"
    assert "2 turns are of an account" in witting("intake", "preview", path).out
    assert witting("intake", "preview", path, "--json").json["unnamed"] == 2
    said = witting("intake", "preview", path, "--account", "ana", "--out", out, "--json").json
    assert (said["unnamed"], said["taken"]) == (0, 2)
    assert '"speaker": "ana"' in out.read_text("utf-8")


@pytest.mark.parametrize("name", ["", " ", " ana", "a" * 257, "a\nb", "unknown-account"])
def test_a_name_that_is_none_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    path = export(tmp_path / "conversations.json", "c1")
    for command in (["intake", path, "--dry-run"], ["intake", "preview", path]):
        assert witting(*command, "--account", name).code == 2


def test_an_export_that_names_its_account_keeps_it(root: Path, tmp_path: Path) -> None:
    path = export(tmp_path / "export", "c1", account="real-id")
    said = intake(root, path, "--account", "ana").json
    assert sum(file["unnamed"] for file in said["files"]) == 0
    assert people(root) == {"chatgpt:real-id": 2}


def test_two_strangers_in_the_inbox_are_two_people(root: Path) -> None:
    for number, name in enumerate(("ana", "ben"), 1):
        export(root / "inbox" / f"{name}-conversations.json", f"c{number}")
    export(root / "inbox" / "other.json", "c3", "c4")
    with (root / "witting.toml").open("a", encoding="utf-8") as config:
        config.write('[intake.accounts]\n"ana-*" = "p1"\n"ben-conversations.json" = "p2"\n"inbox/x" = "p3"\n')
    done = witting("run", root, "--until", "intake")
    assert done.code == 0, done.err
    assert people(root) == {"chatgpt:p1": 2, "chatgpt:p2": 2, NAMELESS: 4}
    assert 'nothing there is called "inbox/x"' in done.out
    assert "4 turns read now are of an account their export does not name" in done.out
    assert (
        witting("run", root, "--until", "intake", "--json").json["rooms"]["intake"]["accounts_unmatched"]
        == []
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('"a*" = "p1"\n"ana.json" = "p2"\n', "entries 1 and 2"),
        ('"ana.json" = "unknown-account"\n', "entry 1"),
        ('"ana.json" = "a\\nb"\n', "entry 1"),
    ],
)
def test_a_table_that_is_wrong_stops_the_walk_before_anything_is_read(
    root: Path, table: str, said: str
) -> None:
    path = export(root / "inbox" / "ana.json", "c1")
    with (root / "witting.toml").open("a", encoding="utf-8") as config:
        config.write(f"[intake.accounts]\n{table}")
    done = witting("run", root, "--until", "intake", "--json")
    assert (done.code, done.json["error"]["kind"]) == (2, "ConfigError")
    assert said in done.json["error"]["message"]
    assert path.exists()
    assert people(root) == {}


def test_a_file_of_the_inbox_named_on_the_command_line_has_the_same_account(root: Path) -> None:
    path = export(root / "inbox" / "chat[1].json", "c1")
    with (root / "witting.toml").open("a", encoding="utf-8") as config:
        config.write('[intake.accounts]\n"chat[1].json" = "p1"\n')
    assert intake(root, path).code == 0
    assert people(root) == {"chatgpt:p1": 2}


def test_read_again_under_a_name_it_is_refused_until_the_other_account_is_erased(
    root: Path, tmp_path: Path
) -> None:
    path = export(tmp_path / "conversations.json", "c1", "c2")
    assert intake(root, path).json["files"][0]["unnamed"] == 4
    named = intake(root, path, "--account", "ana")
    assert (named.code, named.json["error"]["kind"]) == (2, "UsageError")
    assert "witting erase SOURCE:unknown-account" in named.json["error"]["message"]
    assert CANARY not in named.err
    assert people(root) == {NAMELESS: 4}
    assert intake(root, path).json["files"] == []  # without a name it is known, as ever
    erased = witting("erase", NAMELESS, "--yes", "--workspace", root, "--json")
    assert erased.code == 0, erased.err
    assert intake(root, path, "--account", "ana").json["files"][0]["turns"] == 4
    assert people(root) == {"chatgpt:ana": 4}
    row = funnel(root)
    assert (row["read"], row["kept"], row["reasons"]) == (8, 4, {"erased": 4})
    assert intake(root, path, "--account", "ana").json["files"] == []
    assert intake(root, path, "--account", "ben").code == 2
    assert people(root) == {"chatgpt:ana": 4}


def test_a_longer_export_is_not_split_between_two_accounts(root: Path, tmp_path: Path) -> None:
    intake(root, export(tmp_path / "january.json", "c1"))
    march = export(tmp_path / "march.json", "c1", "c2")
    refused = intake(root, march, "--account", "ana")
    assert refused.code == 2
    assert "2 of its turns were read before as somebody else's" in refused.json["error"]["message"]
    assert people(root) == {NAMELESS: 2}


@pytest.mark.parametrize("shards", [1, 16])
def test_a_turn_that_was_read_as_somebody_elses_is_kept_once(root: Path, tmp_path: Path, shards: int) -> None:
    with (root / "witting.toml").open("a", encoding="utf-8") as config:
        config.write(f"[corpus]\nshards = {shards}\n")
    intake(root, export(tmp_path / "nameless.json", "c1", "c2", "c3"))
    for name in ("p1", "p2", "p3"):  # whatever shard each of them has
        intake(root, export(tmp_path / name, "c1", "c2", "c3", account=name))
    assert people(root) == {NAMELESS: 6}
    assert funnel(root)["reasons"]["already_known"] == 18


def consent(handle: str) -> dict:
    page = Path(__file__).parents[2] / "docs" / "formats" / "evidence.md"
    evidence = json.loads(page.read_text("utf-8").split("```json\n")[1].split("```")[0])
    return {
        "kind": "consent",
        "subject": handle,
        "purposes": ["fine_tune_own_model"],
        "occurred_at": AGREED.isoformat(),
        "evidence": evidence,
    }


def log(path: Path, *events: dict) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
    return path


def test_nobody_can_consent_for_it_and_everybody_can_say_no(root: Path, tmp_path: Path) -> None:
    yes = log(tmp_path / "yes.jsonl", consent("chatgpt:ana"), consent(NAMELESS))
    done = witting("rights", "record", yes, "--workspace", root, "--json")
    assert (done.code, done.json["error"]["kind"]) == (1, "InvalidEvent")
    assert "line 2, field subject" in done.json["error"]["message"]
    assert "--account" in done.json["error"]["message"]
    kinds = ("withdrawal", "objection", "refusal", "erasure_request")
    said = [{"kind": kind, "subject": NAMELESS, "occurred_at": "2026-01-10T00:00:00Z"} for kind in kinds]
    done = witting("rights", "record", log(tmp_path / "no.jsonl", *said), "--workspace", root, "--json")
    assert done.json["recorded"] == 4
    for verb in ("object", "withdraw"):
        assert witting("rights", verb, NAMELESS, "--workspace", root).code == 0


def test_turns_of_nobody_named_are_refused_by_their_own_reason_whatever_was_recorded(
    root: Path, tmp_path: Path
) -> None:
    intake(root, export(tmp_path / "nameless.json", "c1"))
    intake(root, export(tmp_path / "ana.json", "c2"), "--account", "ana")
    workspace = Workspace.open(root)
    events = [
        RightsEvent(
            kind="consent",
            subject=handle,
            occurred_at=AGREED,
            purposes=("fine_tune_own_model",),
            evidence=consent(handle)["evidence"],
        )
        for handle in (NAMELESS, "chatgpt:ana")  # the first as an earlier version recorded it
    ]
    packs = workspace.packs
    report = record(events, vault=workspace.vault, ledger=workspace.ledger, packs=packs, now=NOW)
    assert report.verdicts == {"valid": 2}
    done = witting("run", root, "--until", "rights", "--json", "--as-of", NOW.isoformat())
    assert done.code == 0, done.err
    row = done.json["stages"][1]
    assert (row["kept"], row["reasons"]) == (2, {"account_unknown": 2})
    standing = witting("rights", "standing", NAMELESS, "--workspace", root, "--json").json["standing"]
    assert {row["reason"] for row in standing} == {"account_unknown"}
    assert not any(row["open"] for row in standing)


def test_rights_explain_says_how_a_nameless_turn_could_be_used(root: Path, tmp_path: Path) -> None:
    intake(root, export(tmp_path / "nameless.json", "c1"))
    workspace = Workspace.open(root)
    with alone(workspace, tell=lambda *_: None, now=NOW) as step:
        row = next(iter(step.tables(step.parts(TURNS))))["row_id"][0].as_py()
    said = witting("rights", "explain", row, "--workspace", root).out
    assert "account_unknown" in said
    assert "--account" in said


def test_a_live_consent_for_nobody_is_counted_and_a_live_withdrawal_is_taken(root: Path) -> None:
    def event(id: str, type: str, **data: object) -> dict:
        at = "2026-01-10T00:00:00Z"
        said = {"specversion": "1.0", "id": id, "source": "/chat", "type": type, "time": at, "data": data}
        return said | {"subject": "chatgpt:unknown-account"}

    purposes = ["fine_tune_own_model"]
    yes, no = (
        event("1", "consent.granted", purposes=purposes),
        event("2", "consent.withdrawn", purposes=purposes),
    )
    log(root / "inbox" / "events.jsonl", yes, no)
    done = witting("run", root, "--until", "intake", "--json")
    assert done.code == 0, done.err
    assert done.json["stages"][0]["reasons"] == {"nobodys_consent": 1, "rights_event": 1}
    kinds = [entry.kind for entry in Workspace.open(root).ledger.entries(kind="rights.")]
    assert kinds == ["rights.withdrawal"]
