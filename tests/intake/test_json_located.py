"""The quick ways of reading JSON against the sure ones: hopping from record to record, and locating entries."""

import io
import json
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.intake import json_located, json_scan, json_stream
from witting.intake.assistants import chatgpt_node, claude
from witting.intake.json_stream import BadRecord, Piece, read_record, split
from witting.intake.source import Member

TEXT = st.text(alphabet=st.sampled_from('ab"\\[]{},:\n é😀')) | st.sampled_from(
    ['}, {"id"', '"}, {"id": 1', "{"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.just("id"), inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.lists(st.fixed_dictionaries({"id": JSON, "rest": JSON}) | JSON, min_size=2, max_size=12)
LAYOUT = st.sampled_from([None, 1, "\t"])
PROFILE = settings(max_examples=100, deadline=None)
PATHS = (("none",), ("m",), ("o", "m"))


def member(data: bytes) -> Member:
    return Member("conversations.json", len(data), lambda: io.BytesIO(data))


def slowly(data: bytes, monkeypatch: pytest.MonkeyPatch) -> object:
    with monkeypatch.context() as patch:
        patch.setattr(json_located, "_Quick", lambda *_: (_ for _ in ()).throw(ValueError))
        return outcome(data)


def outcome(data: bytes) -> object:
    try:
        return read_record(Piece(7, 7 + len(data), data), *PATHS)
    except BadRecord as bad:
        return bad.reason


@PROFILE
@given(RECORDS, LAYOUT, st.booleans(), st.integers(20, 200))
def test_hopping_finds_the_elements_wherever_blocks_end(records, indent, ascii_only, block_bytes):
    data = json.dumps(records, indent=indent, ensure_ascii=ascii_only).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "BLOCK_BYTES", block_bytes)
        patch.setattr(json_scan, "SCAN_BYTES_MIN", 5)
        pieces = list(split(member(data)))
    assert [json.loads(piece.data) for piece in pieces] == records
    assert all(data[piece.start : piece.end] == piece.data for piece in pieces)


@PROFILE
@given(st.lists(st.dictionaries(st.just("id"), TEXT, min_size=1), min_size=3, max_size=9), st.data())
def test_hopping_over_damage_gives_what_scanning_gives(records, draw):
    data = bytearray(json.dumps(records).encode())
    for _ in range(draw.draw(st.integers(1, 3))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.sampled_from(b'"{}[],\\x'))
    whole = bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "BLOCK_BYTES", 40)
        patch.setattr(json_scan, "SCAN_BYTES_MIN", 5)
        hopped = list(split(member(whole)))
        patch.setattr(json_scan.Hopper, "_learnt", lambda *_: False)
        scanned = list(split(member(whole)))
    assert hopped == scanned


def test_most_of_a_file_is_hopped_over(monkeypatch):
    """Where records and what lies in them begin alike, too: that is how one export looks."""
    rng = random.Random(1)
    records = [
        {"id": n, "m": [{"id": k, "t": "x" * 90} for k in range(rng.randrange(1, 9))]} for n in range(4_000)
    ]
    data, scanned = json.dumps(records).encode(), []
    feed = json_scan.Scanner.feed
    monkeypatch.setattr(json_stream, "BLOCK_BYTES", 1 << 17)
    monkeypatch.setattr(
        json_scan.Scanner,
        "feed",
        lambda self, block, level: scanned.append(len(block)) or feed(self, block, level),
    )
    assert len(list(split(member(data)))) == 4_000
    assert sum(scanned) < len(data) / 3


@PROFILE
@given(
    st.dictionaries(TEXT, JSON, max_size=4) | st.lists(JSON, max_size=4) | JSON, JSON, LAYOUT, st.booleans()
)
def test_quick_and_slow_agree_on_json(m, other, indent, ascii_only):
    with pytest.MonkeyPatch.context() as patch:
        for value in ({"a": other, "m": m, "z": 1}, {"o": {"m": m, "k": other}}, [other, m]):
            data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
            assert outcome(data) == slowly(data, patch)


@PROFILE
@given(st.data(), st.sampled_from([{"o": {"m": {"a": "é", "b": [1.5]}}}, {"m": [{"x": 1}, "\\"], "y": None}]))
def test_quick_and_slow_agree_on_damage(draw, value):
    data = bytearray(json.dumps(value, ensure_ascii=False).encode())
    for _ in range(draw.draw(st.integers(1, 3))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    with pytest.MonkeyPatch.context() as patch:
        assert outcome(bytes(data)) == slowly(bytes(data), patch)


@pytest.mark.parametrize(
    "data",
    [
        b'{"m": {"a": {"x": 1}, "b": 2, "a": {"x": 1}}}',
        b'{"m": {"a": 1, "a": 12}}',
        b'{"m": {"a": 12, "a": 1}}',
        b'{"m": 1, "m": {"a": 1}}',
        b'{"m": {"\\u0061": 1, "\\"": 2}}',
        b'{"m": {"a": NaN, "b": "\\ud800"}}',
        b'{"a": "\xff", "m": {}}',
        b'{"m": {"a": "\xff"}}',
        b' {"m" :[ ] } ',
        b'{"m": [1e400, 99999999999999999999999]}',
    ],
)
def test_what_the_quick_way_is_not_sure_of_is_read_slowly(data, monkeypatch):
    assert repr(outcome(data)) == repr(slowly(data, monkeypatch))


@PROFILE
@given(JSON, JSON, JSON)
def test_a_form_takes_any_json_and_reads_it_the_same_from_bytes_and_from_values(one, two, three):
    asked = ("message", "parent", "author", "content", "metadata", "uuid", "text", "attachments")
    values = [one, dict.fromkeys(asked, two), {key: {"role": three, "type": two} for key in asked}]
    values += [{"content": [one, {"type": "text", "text": two}]}]
    data = json.dumps(values).encode()
    for form in (chatgpt_node.FORM, claude.FORM):
        try:
            read = form.values(data)
        except msgspec.MsgspecError:
            continue  # numbers beyond what msgspec reads: the slow way converts them
        assert read == [form.of(value) for value in values]
