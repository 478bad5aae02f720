"""What a walk could not read is said, file by file, stays where it is, and is never told as read."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from conftest import QUICKSTART
from witting.doors.cli import main

PHOTO = b"\x89PNG\r\n\x1a\n" + bytes(64)
CHAT = json.dumps(
    [
        {
            "conversation_id": f"talk-{at}",
            "mapping": {
                "u": {
                    "id": "u",
                    "parent": None,
                    "children": [],
                    "message": {
                        "id": f"u{at}",
                        "author": {"role": "user"},
                        "content": {"content_type": "text", "parts": ["Tell me about trees please"]},
                        "create_time": 1700000000 + at,
                    },
                }
            },
            "current_node": "u",
        }
        for at in range(3)
    ]
)


def run(*words: str | Path) -> int:
    return main([str(word) for word in words])


@pytest.fixture
def workspace(tmp_path: Path, capsys: pytest.CaptureFixture) -> Path:
    root = tmp_path / "w"
    assert run("init", root) == 0
    capsys.readouterr()
    return root


def test_a_download_cut_off_is_no_success_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    half, most = tmp_path / "half.json", tmp_path / "most.json"
    half.write_text(CHAT[: len(CHAT) // 5], "utf-8")
    most.write_text(CHAT[:-30], "utf-8")
    assert run("intake", half, "--source", "chatgpt", "--dry-run", "--json") == 1
    (verdict,) = json.loads(capsys.readouterr().out)["files"]
    assert (verdict["verdict"], verdict["reason"], verdict["turns"]) == ("refused", "only_bad_records", 0)
    assert verdict["records"] == sum(verdict["skipped"].values()) == verdict["quarantined"]
    assert run("intake", most, "--dry-run", "--json") == 0
    (verdict,) = json.loads(capsys.readouterr().out)["files"]
    assert (verdict["verdict"], verdict["reason"], verdict["turns"]) == ("read", "cut_off", 2)


def test_files_not_read_are_named_with_their_fate_and_never_deleted(
    workspace: Path, capsys: pytest.CaptureFixture
) -> None:
    inbox = workspace / "inbox"
    (inbox / "photo.png").write_bytes(PHOTO)
    (inbox / "notes.md").write_text("# notes\n", "utf-8")
    (inbox / "half.json").write_text(CHAT[:-30], "utf-8")
    with zipfile.ZipFile(inbox / "whole.zip", "w") as archive:
        archive.writestr("conversations.json", CHAT.replace("talk-", "other-"))
        archive.writestr("dalle/picture.png", PHOTO)
    with zipfile.ZipFile(inbox / "nested.zip", "w") as archive:
        archive.writestr("conversations.json", CHAT.replace("talk-", "third-"))
        archive.write(QUICKSTART / "inbox" / "chatgpt-user-lena01.zip", "inner.zip")
    (inbox / "folder").mkdir()
    (inbox / "folder" / "conversations.json").write_text(CHAT.replace("talk-", "fourth-"), "utf-8")
    with zipfile.ZipFile(inbox / "folder" / "partly.zip", "w") as archive:
        archive.writestr("conversations.json", CHAT.replace("talk-", "fifth-"))
        archive.write(QUICKSTART / "inbox" / "chatgpt-user-lena01.zip", "inner.zip")
    assert run("run", workspace, "--until", "intake", "--quiet") == 0
    said = capsys.readouterr().out
    for line in (
        "inbox/photo.png: stays where it is",
        "inbox/notes.md: stays where it is",
        "inbox/half.json: stays where it is",
        "inbox/nested.zip/inner.zip: stays where it is",
        "inbox/whole.zip/dalle/picture.png: deleted with the export it lay in",
        "inbox/folder/partly.zip/inner.zip: stays where it is",
        "Download the export again",
    ):
        assert line in said
    kept = {"photo.png", "notes.md", "half.json", "nested.zip", "folder"}
    assert {path.name for path in inbox.iterdir()} == kept
    assert [path.name for path in (inbox / "folder").iterdir()] == ["partly.zip"]
    assert run("run", workspace, "--until", "intake", "--json", "--quiet") == 0
    again = {line["path"]: line for line in json.loads(capsys.readouterr().out)["not_read"]}
    whole = {f"inbox/{name}" for name in kept - {"folder"}}
    assert set(again) == whole | {"inbox/folder/partly.zip/inner.zip"}
    assert all(line["kept"] for line in again.values())
    assert {path.name for path in inbox.iterdir()} == kept


def test_set_aside_records_can_be_looked_at_by_place_and_the_report_says_some_were(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(
        '{"user":"u","messages":[{"role":"user","content":"CANARY one"}]}\n'
        '{"user":"u","messages":[{"role":"user","content":"CANARY two\n',
        "utf-8",
    )
    assert run("intake", log, "--workspace", workspace, "--quiet") == 0
    capsys.readouterr()
    assert run("intake", "quarantined", "--workspace", workspace) == 0
    said = capsys.readouterr().out
    assert ("broken_json" in said, "bytes 65-" in said, "CANARY" in said) == (True, True, False)
    assert run("intake", "quarantined", log, "--workspace", workspace, "--json") == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert file["path"] == str(log)
    assert [(reason["reason"], reason["records"]) for reason in file["reasons"]] == [("broken_json", 1)]
    assert run("intake", "quarantined", QUICKSTART / "witting.toml", "--workspace", workspace) == 0
    assert "No record is set aside" in capsys.readouterr().out
    assert run("run", workspace, "--quiet") == 1  # nobody's words to learn from
    page = (workspace / "reports" / "report.html").read_text("utf-8")
    assert "Everything in it was read" not in page
    assert "records that could not be understood were set aside" in page
