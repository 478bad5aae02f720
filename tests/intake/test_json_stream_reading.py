"""The splitter and the locating parser against the standard library."""

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.errors import HostileArchive, UnreadableFile
from witting.intake import Turn, admit, json_stream, wrapped
from witting.intake.source import Member

TEXT = st.text(alphabet=st.sampled_from('ab"\\[]{},:\n é😀\u2028')) | st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
PARSING = settings(max_examples=60, deadline=None)
LAYOUT = st.sampled_from([None, 1, "\t"])


def member(data: bytes, path: str = "conversations.json") -> Member:
    return Member(path, len(data), lambda: io.BytesIO(data))


def dump(value: object, indent: int | str | None, ascii_only: bool) -> bytes:
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "BLOCK_BYTES", 7)


@PARSING
@given(st.lists(JSON, max_size=6), LAYOUT, st.booleans(), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_an_array_is_split_into_exactly_its_elements(values, indent, ascii_only, mark):
    data = mark + dump(values, indent, ascii_only)
    pieces = list(json_stream.split(member(data)))
    assert [json.loads(piece.data) for piece in pieces] == values
    assert all(piece.fault is None and data[piece.start : piece.end] == piece.data for piece in pieces)


@PARSING
@given(
    st.lists(st.dictionaries(TEXT, JSON, max_size=3) | st.lists(JSON, max_size=3), min_size=1, max_size=4),
    LAYOUT,
)
def test_values_one_after_the_other_are_split_too(values, indent):
    values = [{"first": 1}, *values]
    data = b"\n".join(dump(value, indent, True) for value in values)
    pieces = list(json_stream.split(member(data)))
    assert [json.loads(piece.data) for piece in pieces] == values


REST = st.dictionaries(TEXT, JSON, max_size=2)


@PARSING
@given(st.lists(JSON, max_size=5), REST, REST, st.sampled_from([b"", b"\xef\xbb\xbf"]), LAYOUT)
def test_an_array_in_a_wrapper_is_split_wherever_it_stands_and_the_rest_is_told(
    values, before, after, mark, indent
):
    around = [
        {f"{side}{key}": value for key, value in rest.items()} for side, rest in (("b", before), ("a", after))
    ]
    data = mark + dump({**around[0], "conversations": values, **around[1]}, indent, True)
    pieces = list(wrapped.records(member(data), "conversations"))
    assert [json.loads(piece.data) for piece in pieces if piece.fault is None] == values
    assert all(data[piece.start : piece.end] == piece.data for piece in pieces)
    beside = [any(value not in (None, "", [], {}) for value in rest.values()) for rest in around]
    told = [piece.fault for piece in pieces]
    assert told == ["unknown_shape"] * beside[0] + [None] * len(values) + ["unknown_shape"] * beside[1]


@PARSING
@given(st.binary(max_size=60) | st.text('{}[]:," a\\', max_size=40).map(str.encode), st.integers(0, 60))
def test_damage_around_a_list_ends_nothing(noise, at):
    whole = b'{"projects": [1], "conversations": [{"a": 1}, 2], "more": {"b": "]"}}'
    data = whole[:at] + noise + whole[at:]
    pieces = list(wrapped.records(member(data), "conversations"))
    assert all(0 <= piece.start <= piece.end <= len(data) for piece in pieces)
    assert [piece.start for piece in pieces] == sorted(piece.start for piece in pieces)


@PARSING
@given(st.lists(JSON, max_size=5), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_lines_are_split_as_str_split_would(values, end):
    data = end.join(json.dumps(value) for value in values).encode()
    pieces = list(json_stream.split_lines(member(data)))
    assert [json.loads(piece.data) for piece in pieces] == values
    assert all(data[piece.start : piece.end] == piece.data for piece in pieces)


@PARSING
@given(st.lists(st.dictionaries(TEXT, JSON, max_size=2), min_size=1, max_size=4), st.data())
def test_a_file_cut_anywhere_gives_its_whole_elements_and_one_truncated(values, data):
    whole = dump(values, None, True)
    cut = data.draw(st.integers(1, len(whole) - 1))
    pieces = list(json_stream.split(member(whole[:cut])))
    good = [json.loads(piece.data) for piece in pieces if piece.fault is None]
    assert good == values[: len(good)]
    assert [piece.fault for piece in pieces[len(good) :]] in ([], ["truncated"])


@PARSING
@given(st.binary(max_size=60) | st.text(alphabet='[]{},":\\ a1', max_size=40).map(str.encode))
def test_any_bytes_split_without_error_and_every_piece_points_into_them(junk):
    for data in (junk, b"[" + junk, b"{" + junk):
        for piece in json_stream.split(member(data)):
            assert 0 <= piece.start <= piece.end <= len(data)


def test_what_stands_between_elements_is_told_not_lost():
    pieces = list(json_stream.split(member(b'[{"a":1},,{"b":2},] garbage [')))
    assert [(piece.data, piece.fault) for piece in pieces] == [
        (b'{"a":1}', None),
        (b"", "broken_json"),
        (b'{"b":2}', None),
        (b"", "broken_json"),
        (b"garbage [", "trailing_bytes"),
    ]


def test_a_record_over_the_limit_is_passed_over_and_the_next_is_read(monkeypatch):
    monkeypatch.setattr(json_stream, "RECORD_BYTES_MAX", 50)
    monkeypatch.setattr(json_stream, "FAULTY_BYTES_MAX", 10)
    data = b'["' + b"x" * 500 + b'", "next"]'
    large, good = json_stream.split(member(data))
    assert (large.fault, large.start, large.end, len(large.data)) == ("record_too_large", 1, 503, 10)
    assert good.data == b'"next"'


@PARSING
@given(JSON, LAYOUT, st.booleans())
def test_a_record_reads_as_json_loads_reads_it(value, indent, ascii_only):
    assert json_stream.parse(json_stream.Piece(0, 0, dump(value, indent, ascii_only))) == value


@PARSING
@given(
    st.dictionaries(TEXT, JSON, max_size=4), st.dictionaries(TEXT, JSON, max_size=3), LAYOUT, st.booleans()
)
def test_entries_on_the_path_point_at_their_own_bytes(items, rest, indent, ascii_only):
    whole = {**{f"x{key}": value for key, value in rest.items()}, "chat": {"é": 1, "messages": items}}
    data = dump(whole, indent, ascii_only)
    record = json_stream.read_record(json_stream.Piece(100, 0, data), ("none",), ("chat", "messages"))
    assert record.items is not None
    assert {item.key: item.value for item in record.items} == items
    assert all(json.loads(data[item.start - 100 : item.end - 100]) == item.value for item in record.items)
    assert record.value == {**whole, "chat": {"é": 1, "messages": None}}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": tru}', "broken_json"),
        (b'{"a": 1} 2', "broken_json"),
        (b'{"a" 1}', "broken_json"),
        (b'{"a": "\xff"}', "not_utf8"),
        (b"[" * 100_000, "nested_too_deep"),
        (b"9" * 5000, "broken_json"),
        (b"", "broken_json"),
    ],
)
def test_a_record_that_is_not_json_says_why(data, reason):
    with pytest.raises(json_stream.BadRecord) as caught:
        json_stream.read_record(json_stream.Piece(0, 0, data), ("a",))
    assert caught.value.reason == reason


def test_gzip_bytes_are_opened_members_after_one_another_too():
    packed = gzip.compress(b'[{"a":1},') + gzip.compress(b'{"b":2}]') + b"\0" * 9
    assert [piece.data for piece in json_stream.split(member(packed))] == [b'{"a":1}', b'{"b":2}']


def test_gzip_bytes_cut_short_or_damaged_are_refused_by_name():
    packed = gzip.compress(b'[{"a":1}]' * 50, mtime=0)
    for damaged in (packed[:-3], packed[:12] + b"\xff\xff\xff" + packed[15:]):
        with pytest.raises(UnreadableFile, match=r"conversations\.json"):
            list(json_stream.split(member(damaged)))


def test_gzip_bytes_that_grow_beyond_reason_are_refused(monkeypatch):
    monkeypatch.setattr(json_stream, "BLOCK_BYTES", 1 << 20)
    packed = gzip.compress(b"[" + b" " * (32 << 20) + b"]")
    with pytest.raises(HostileArchive, match="200 times"):
        list(json_stream.split(member(packed)))


def test_the_shape_is_that_of_the_first_record_and_only_of_keys():
    head = b'[{"mapping": {"a1": {"message": {"text": "\\"messages\\": [{"}}}, "id": 3}, {"other": 1}]'
    assert json_stream.shape(head) == {
        "mapping",
        "mapping.a1",
        "mapping.a1.message",
        "mapping.a1.message.text",
        "id",
    }
    assert json_stream.shape(gzip.compress(b'{"chosen": "x"}')) == {"chosen"}
    assert json_stream.shape(b"plain words") == frozenset()


@PARSING
@given(st.binary(max_size=80))
def test_any_head_has_a_shape(junk):
    for head in (junk, b"[" + junk, b"{" + junk, b"\x1f\x8b" + junk):
        json_stream.shape(head)
        list(json_stream.line_shapes(head))


JSONISH = ["NaN", "[1e999]", '"\\ud800"', "12345678901234567890123456789", '{"a":1,"a":2}', "[1,]", "{} x", "", "\u00a0[]",
           "[" * 5000, "[" * 5000 + "]" * 5000, "-0", "1E400", '"\x00"', "true", '{"a":{"b":[null]}}']  # fmt: skip


@PARSING
@given(
    st.sampled_from(JSONISH)
    | st.text(max_size=30)
    | st.recursive(
        st.none() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(json.dumps)
)
def test_the_fast_way_to_read_a_record_gives_what_the_standard_way_gives(text):
    piece = json_stream.Piece(0, 0, text.encode("utf-8", "surrogatepass"))

    def outcome(read):
        try:
            return repr(read(piece))
        except json_stream.BadRecord as bad:
            return bad.reason

    assert outcome(json_stream.parse) == outcome(lambda piece: json_stream.read_record(piece).value)


def test_an_object_written_over_several_lines_is_one_record(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    line = {"user": "u", "messages": [{"role": "user", "content": "name a tree"}]}
    path.write_text(json.dumps(line, indent=2), "utf-8")
    turn, verdict = admit([path], text_chars_max=100)
    assert isinstance(turn, Turn)
    assert (turn.text, turn.bytes, verdict.records) == ("name a tree", (0, path.stat().st_size), 1)
