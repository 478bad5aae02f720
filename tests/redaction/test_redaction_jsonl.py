"""The JSONL door: good lines answered in order, bad ones set aside by reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from witting.errors import UnreadableFile
from witting.redaction import redact_file


def test_every_line_is_answered_or_set_aside_by_its_reason(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [
        b'\xef\xbb\xbf{"id": "1", "text": "mail ana@example.org \xf0\x9f\x98\x80 I have diabetes"}',
        b"",
        b"{broken",
        b"[1]",
        b'{"id": 2}',
        b'{"text": "x"}',
        b'{"id": true, "text": "x"}',
        b'{"id": 3, "text": "\xff"}',
        b'{"id": 4, "text": "\\ud800"}',
        json.dumps({"id": 5, "text": "a" * 300_000}).encode(),
        b'{"id": 6, "text": "hello"}',
        b'{"id": 7, "text": "' + b"x" * (5 << 20) + b'"}',
        b'{"id": 8, "text": ""}',
    ]
    source.write_bytes(b"\n".join(lines))
    report = redact_file(source, out)
    assert (report.read, report.written) == (12, 3)
    assert report.quarantined == {
        "broken_json": 1, "broken_unicode": 1, "line_too_long": 1, "no_id": 2, "no_text": 1, "not_an_object": 1,
        "not_utf8": 1, "text_too_long": 1,
    }  # fmt: skip
    assert report.read == report.written + sum(report.quarantined.values())
    first, *rest = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [row["id"] for row in (first, *rest)] == ["1", 6, 8]
    assert first["spans"][0] == {"start": 5, "end": 20, "kind": "EMAIL", "score": 0.99}
    assert first["labels"] == {
        "art9": ["HEALTH"],
        "about": "self",
        "minor": False,
        "secret": False,
        "confidential": False,
    }
    assert rest[0] == {
        "id": 6,
        "spans": [],
        "labels": {"art9": [], "about": "none", "minor": False, "secret": False, "confidential": False},
    }


def test_the_list_of_bad_lines_points_at_them_and_holds_none_of_their_words(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'{"id":1,"text":"a"}\n{"id":2,"text":"my secret words\n')
    redact_file(source, out)
    aside = (tmp_path / "out.jsonl.quarantine.jsonl").read_text()
    assert json.loads(aside) == {"line": 2, "reason": "broken_json", "bytes": [20, 52]}
    source.write_bytes(b'{"id":1,"text":"a"}\n')
    redact_file(source, out)
    assert not (tmp_path / "out.jsonl.quarantine.jsonl").exists()


def test_a_missing_file_and_the_file_itself_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"none\.jsonl"):
        redact_file(tmp_path / "none.jsonl", tmp_path / "out.jsonl")
    source = tmp_path / "in.jsonl"
    source.write_text('{"id":1,"text":"a"}\n')
    with pytest.raises(UnreadableFile, match="elsewhere"):
        redact_file(source, source)
    assert source.read_text() == '{"id":1,"text":"a"}\n'


def test_an_empty_file_gives_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"")
    report = redact_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert (report.read, report.written, report.quarantined) == (0, 0, {})
    assert (tmp_path / "out.jsonl").read_bytes() == b""
