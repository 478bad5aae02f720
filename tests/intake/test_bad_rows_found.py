"""A row that was set aside can be found: line, column, count; a mapping that fits no table says which column it misses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from witting.doors.cli import main

MAP = """\
source = "desk"
audience = "assistant"
[columns]
conversation = "ticket"
speaker = "who"
role = "author"
text = "body"
time = "sent"
[roles]
customer = "user"
"""
TABLE = """\
ticket,who,author,body,sent
1,ana,customer,"two
lines",2026-03-01T10:00:00Z
1,ana,robot,hello,2026-03-01T10:01:00Z
1,ana,customer,hello,CANARY-13-01
1,ana,customer,hello,2026-03-01T10:02:00Z,more
1,ana,customer,no time at all,
"""


@pytest.fixture
def desk(tmp_path: Path) -> tuple[Path, Path]:
    table, mapping = tmp_path / "chats.csv", tmp_path / "map.toml"
    table.write_text(TABLE, "utf-8")
    mapping.write_text(MAP, "utf-8")
    return table, mapping


def run(*words: str | Path) -> int:
    return main(["intake", *map(str, words), "--dry-run", "--quiet"])


def files(capsys: pytest.CaptureFixture, *words: str | Path) -> list[dict[str, Any]]:
    capsys.readouterr()
    run(*words, "--json")
    return json.loads(capsys.readouterr().out)["files"]


def test_each_bad_row_is_counted_with_its_line_and_column(
    desk: tuple[Path, Path], capsys: pytest.CaptureFixture
) -> None:
    (verdict,) = files(capsys, desk[0], "--map", desk[1])
    assert verdict["bad"] == [
        "unknown_role at line 4, column author",
        "unknown_time at line 5, column sent",
        "broken_row at line 6",
    ]
    assert (verdict["turns"], verdict["quarantined"]) == (2, 3)
    assert run(desk[0], "--map", desk[1]) == 0
    said = capsys.readouterr().out
    assert ("unknown_time at line 5, column sent" in said, "CANARY" in said) == (True, False)


def test_what_has_no_lines_is_found_by_its_bytes(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"user":"u","messages":[{"role":"user","content":"hello"}]}\n{"broken\n', "utf-8")
    (verdict,) = files(capsys, log)
    assert verdict["bad"] == ["broken_json at bytes 60-68"]


def test_a_mapping_that_fits_no_table_says_which_column_it_misses(
    desk: tuple[Path, Path], capsys: pytest.CaptureFixture
) -> None:
    table, mapping = desk
    mapping.write_text(MAP.replace('"body"', '"bdy"'), "utf-8")
    assert run(table, "--map", mapping) == 1
    assert (
        "map.toml wants the column bdy; chats.csv has author, body, sent, ticket, who."
        in capsys.readouterr().out
    )
    mapping.write_text(MAP.replace("text =", "txt ="), "utf-8")
    assert run(table, "--map", mapping) == 2
    said = capsys.readouterr().err
    assert ("columns.txt" in said, "correction" in said, "[key]" in said) == (True, True, False)


def test_a_parquet_file_cut_off_is_said_to_be_damaged(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:-50])
    (verdict,) = files(capsys, path)
    assert verdict["reason"] == "unreadable"


def test_the_profile_of_a_download_is_no_unknown_file(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    thread = tmp_path / "your_facebook_activity" / "messages" / "inbox" / "bo_1" / "message_1.json"
    profile = tmp_path / "personal_information" / "profile_information" / "profile_information.json"
    for path in (thread, profile):
        path.parent.mkdir(parents=True)
    said = {"sender_name": "Ann Demo", "timestamp_ms": 1710000000000, "content": "the garden"}
    thread.write_text(
        json.dumps({"participants": [{"name": "Ann Demo"}, {"name": "Bo"}], "messages": [said], "title": "Bo",
                    "thread_path": "inbox/bo_1"})
    )  # fmt: skip
    profile.write_text(json.dumps({"profile_v2": {"name": {"full_name": "Ann Demo"}}}), "utf-8")
    verdicts = {Path(verdict["path"]).name: verdict["reason"] for verdict in files(capsys, tmp_path)}
    assert verdicts == {"message_1.json": "", "profile_information.json": "beside_the_chats"}
