"""Files that an export carries beside its chats are told apart from files nobody can read."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from conftest import QUICKSTART
from witting.intake import FileVerdict, admit


def verdicts(path: Path) -> dict[str, str]:
    records = admit([path], text_chars_max=1_000)
    return {Path(r.path).name: r.reason for r in records if isinstance(r, FileVerdict)}


def test_the_profile_in_a_chat_export_is_beside_the_chats_and_a_stranger_is_not(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    path.write_bytes((QUICKSTART / "inbox" / "chatgpt-user-lena01.zip").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("stranger.json", json.dumps({"what": "is this"}))
    said = verdicts(path)
    assert said["user.json"] == "beside_the_chats"
    assert said["stranger.json"] == "unknown_format"
    assert said["conversations.json"] == ""


def test_a_profile_without_chats_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "user.json").write_text('{"id": "user-1"}', "utf-8")
    assert verdicts(tmp_path / "user.json") == {"user.json": "unknown_format"}
