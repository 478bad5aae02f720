"""Tables of any columns, by a mapping; our own turns, written and read back."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import witting
from witting.errors import HostileArchive, InputError, UsageError
from witting.intake import Evidence, FileVerdict, Signal, Skipped, Turn, admit
from witting.intake.detect import with_mappings
from witting.intake.implied import RULE_OF
from witting.intake.source import Export, Member
from witting.intake.tables import parquet as parquet_reading
from witting.intake.tables import rows as table_rows
from witting.intake.tables import turns as own
from witting.intake.tables.rows import rows
from witting.reports.preview_page import turn_line
from witting.schema import AUDIENCES, ROLES, SIGNAL_KINDS

MAPPING = """
source = "support_chat"
audience = "assistant"
time_zone = "Europe/Berlin"
permitted = ["evaluate_model"]
[columns]
conversation = "ticket"
speaker = "customer"
role = "author"
text = "body"
time = "sent"
thumb = "helpful"
[roles]
customer = "user"
bot = "assistant"
"""
ROWS = [
    {"ticket": 7, "customer": "k1", "author": "customer", "body": "hi, \"you\"\nthere", "sent": "2026-03-01 10:00:00", "helpful": None},
    {"ticket": 7, "customer": "k1", "author": "bot", "body": "hello", "sent": "2026-03-01 10:00:05", "helpful": 1},
    {"ticket": 8, "customer": "k2", "author": "robot", "body": "?", "sent": "x", "helpful": None},
    {"ticket": 8, "customer": "k2", "author": "bot", "body": " ", "sent": None, "helpful": None},
]  # fmt: skip


def member(data: bytes, path: str = "x") -> Member:
    return Member(path, len(data), lambda: io.BytesIO(data))


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "map.toml"
    path.write_text(MAPPING)
    return path


def write(path: Path) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif path.suffix == ".csv":
        quoted = [
            ["" if cell is None else f'"{str(cell).replace(chr(34), chr(34) * 2)}"' for cell in row.values()]
            for row in ROWS
        ]
        path.write_text(
            "\ufeff" + ";".join(ROWS[0]) + "\r\n" + "".join(";".join(cells) + "\r\n" for cells in quoted)
        )
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path  # fmt: skip


def read(path: Path, mapping: Path) -> tuple[list[Turn], list[Skipped], FileVerdict]:
    found = list(admit([path], text_chars_max=10_000, sources=with_mappings([mapping])))
    *_, verdict = found
    assert isinstance(verdict, FileVerdict)
    assert verdict.records == verdict.turns + sum(verdict.skipped.values())
    return [t for t in found if isinstance(t, Turn)], [s for s in found if isinstance(s, Skipped)], verdict


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_mapping_reads_any_columns_from_every_format(tmp_path: Path, mapping: Path, suffix: str) -> None:
    turns, skipped, verdict = read(write(tmp_path / f"x{suffix}"), mapping)
    assert verdict.source == "support_chat"
    assert [(t.conversation, t.turn, t.parent, t.speaker, t.role, t.text, t.time) for t in turns] == [
        ("7", "1", None, "k1", "user", 'hi, "you"\nthere', "2026-03-01T10:00:00+01:00"),
        ("7", "2", "1", "assistant", "assistant", "hello", "2026-03-01T10:00:05+01:00"),
    ]
    assert [(s.kind, s.value) for s in turns[1].signals] == [("thumb", 1), *([("rating", 1.0)] * 0)]
    assert "evaluate_model" not in turns[0].barred
    assert "train_general_model" in turns[0].barred
    assert [(entry.reason, entry.record is not None) for entry in skipped] == [
        ("unknown_role", True),
        ("no_text", False),
    ]


def test_a_row_of_csv_points_at_its_bytes(tmp_path: Path, mapping: Path) -> None:
    path = write(tmp_path / "x.csv")
    turns, _, _ = read(path, mapping)
    data = path.read_bytes()
    assert data[slice(*turns[0].bytes)].decode().startswith('"7";"k1";"customer";"hi, ""you""')
    assert data[slice(*turns[1].bytes)].endswith(b'"1"')


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('source = "support_chat"', 'source = "whatsapp"'), "source: whatsapp is a source already"),
        (('text = "body"', ""), "columns: no column for text"),
        (("Europe/Berlin", "Mars/Base"), "time_zone: no such time zone"),
        (("evaluate_model", "sell_it"), "permitted: sell_it is no purpose"),
        (("[roles]", "[rolls]"), "rolls: Extra inputs"),
        (("[columns]", "[columns"), "no TOML"),
    ],
)
def test_a_faulty_mapping_names_the_file_and_the_field(
    mapping: Path, change: tuple[str, str], said: str
) -> None:
    mapping.write_text(MAPPING.replace(*change))
    with pytest.raises(UsageError) as caught:
        with_mappings([mapping])
    assert str(caught.value).startswith(f"{mapping}")
    assert said in str(caught.value)


def test_a_parquet_inside_a_zip_is_read(tmp_path: Path, mapping: Path) -> None:
    write(tmp_path / "x.parquet")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "x.parquet", "x.parquet")
    turns, _, _ = read(tmp_path / "x.zip", mapping)
    assert [turn.bytes for turn in turns] == [(0, 1), (1, 2)]


@pytest.mark.parametrize(
    "data", [b"a,b\n1,2\n1\n3,4\n", b'a,b\n1,2\n"x"y,2\n3,4\n', b"a,b\n1,2\n\xff,2\n3,4\n"]
)
def test_a_bad_row_of_csv_is_kept_and_the_next_is_read(data: bytes) -> None:
    found = list(rows(member(data)))
    assert [(row.value.get("a"), row.fault is None) for row in found] == [
        ("1", True),
        (None, False),
        ("3", True),
    ]
    assert b"".join(data[row.start : row.end] + b"\n" for row in found) == data.partition(b"\n")[2]


FLAGS = {
    True: [True, 1, 1.0, "true", "TRUE", "1", "1.0", "yes", "Y", "t"],
    False: [False, None, "", " ", 0, 0.0, "false", "False", "0", "0.0", "no", "n", "f"],
}


@pytest.mark.parametrize("column", ["deleted", "edited"])
@pytest.mark.parametrize(("flag", "cell"), [(flag, cell) for flag, cells in FLAGS.items() for cell in cells])
def test_a_flag_is_read_in_every_writing(
    tmp_path: Path, mapping: Path, column: str, flag: bool, cell
) -> None:
    mapping.write_text(MAPPING.replace("[roles]", f'{column} = "flag"\n[roles]'))
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({**ROWS[0], "flag": cell}))
    turns, _, _ = read(path, mapping)
    assert [getattr(turn, column) for turn in turns] == [flag]


@pytest.mark.parametrize("column", ["deleted", "edited"])
@pytest.mark.parametrize("cell", ["2024-03-15T10:00:00Z", 1_700_000_000, "maybe", 2, [True], {}])
def test_what_is_no_flag_is_never_taken_for_no(tmp_path: Path, mapping: Path, column: str, cell) -> None:
    mapping.write_text(MAPPING.replace("[roles]", f'{column} = "flag"\n[roles]'))
    path = tmp_path / "x.jsonl"
    path.write_text(
        "".join(
            json.dumps({**row, "flag": flag}) + "\n" for row, flag in zip(ROWS[:2], (cell, ""), strict=True)
        )
    )
    turns, skipped, _ = read(path, mapping)
    assert [turn.text for turn in turns] == ["hello"]
    assert [(s.reason, s.record is not None, s.where) for s in skipped] == [
        ("unknown_shape", True, skipped[0].where)
    ]
    assert skipped[0].where.endswith("column flag")


def test_gzip_lines_are_opened_and_damaged_parquet_refused(tmp_path: Path, mapping: Path) -> None:
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(write(tmp_path / "x.jsonl").read_bytes()))
    assert read(tmp_path / "x.jsonl.gz", mapping)[2].turns == 2
    with pytest.raises(InputError):
        list(rows(member(b"PAR1" + b"x" * 50)))


WORDS = st.text(max_size=8).filter(lambda text: text.isprintable())
NAMES = st.text("abc0", min_size=1, max_size=3)
RECORDED = st.builds(
    Signal, st.sampled_from([kind for kind in SIGNAL_KINDS if kind not in RULE_OF]), value=st.none() | st.integers(-1, 1),
    text=st.none() | WORDS.filter(bool), source_kind=st.none() | NAMES, by=st.none() | NAMES,
)  # fmt: skip
IMPLIED = st.builds(
    lambda kind, by, evidence: Signal(kind, by=by, rule=RULE_OF[kind], confidence=0.5, evidence=evidence),
    st.sampled_from(sorted(RULE_OF)), NAMES, st.builds(Evidence, NAMES, st.just(0), st.integers(0, 9)),
)  # fmt: skip
TURNS = st.builds(
    Turn, member=st.just("x"), conversation=NAMES, turn=NAMES, parent=st.none() | NAMES, speaker=NAMES,
    role=st.sampled_from(ROLES), time=st.sampled_from(["2026-03-01T10:00:00", "2026-03-01T10:00:00+00:00"]),
    time_precision=st.sampled_from(["s", "min"]), text=st.none() | WORDS.filter(bool), audience=st.sampled_from(AUDIENCES),
    source=st.sampled_from(["whatsapp", "chatgpt"]), bytes=st.just((0, 1)), edited=st.booleans(),
    on_active_path=st.booleans(), barred=st.just(("share_dataset",)), signals=st.lists(RECORDED | IMPLIED, max_size=3).map(tuple),
)  # fmt: skip


@given(st.lists(TURNS, min_size=1, max_size=4, unique_by=lambda t: (t.source, t.conversation, t.turn)))
def test_our_own_turns_read_back_as_they_were_without_what_words_imply(turns: list[Turn]) -> None:
    data = "".join(json.dumps(turn_line(turn)) + "\n" for turn in turns).encode()
    found = list(own.read(Export((member(data),), {}, "")))
    lines = [turn_line(turn) | {"bytes": None} for turn in turns]
    for line in lines:
        line["signals"] = [signal for signal in line["signals"] if signal["rule"] == "recorded/1"]
    assert [turn_line(turn) | {"bytes": None} for turn in found] == lines


@given(st.binary(max_size=200) | st.text('abc,;"\n\r\t{}[]:1 ', max_size=80).map(str.encode))
def test_any_bytes_give_rows_that_lie_in_order_or_our_own_error(data: bytes) -> None:
    try:
        found = list(rows(member(data)))
    except InputError:
        return
    places = [place for row in found for place in (row.start, row.end)]
    assert places == sorted(places)
    assert all(row.fault is None or row.value == {} for row in found)


def test_a_turn_of_our_own_without_words_has_none() -> None:
    row = b"conversation,turn,speaker,role,audience,source,text\r\nc,1,ann,user,direct,whatsapp,\r\n"
    (turn,) = own.read(Export((member(row, "turns.csv"),), {}, ""))
    assert isinstance(turn, Turn)
    assert turn.text is None


def test_the_command_takes_a_mapping_and_reads_a_preview_back(tmp_path: Path, mapping: Path) -> None:
    table = write(tmp_path / "x.csv")
    said = witting("intake", table, "--map", mapping, "--dry-run", "--turns", tmp_path / "t.jsonl", "--json")
    assert [f["turns"] for f in said.json["files"]] == [2], said.err
    again = witting(
        "intake", tmp_path / "t.jsonl", "--dry-run", "--turns", tmp_path / "u.jsonl", "--json"
    ).json
    assert [(f["source"], f["turns"], f["quarantined"]) for f in again["files"]] == [("turns", 2, 0)]


# CSV

STRAY = b'3,"stray\n'


@pytest.mark.parametrize("after", [b"", b'9,"a ""quoted"" cell"\n', b'9,"two\nlines"\n'])
@pytest.mark.parametrize("record_bytes_max", [200, 1 << 20])
def test_a_stray_quote_costs_its_own_line_and_no_other(
    monkeypatch: pytest.MonkeyPatch, after: bytes, record_bytes_max: int
) -> None:
    monkeypatch.setattr(table_rows, "CSV_RECORD_BYTES_MAX", record_bytes_max)
    good = b"".join(b"%d,row\n" % number for number in range(500))
    data = b"a,b\n" + good + STRAY + good + after
    found = list(rows(member(data)))
    (bad,) = (row for row in found if row.fault)
    assert (bad.fault, bad.record, bad.line) == ("broken_row", STRAY, 502)
    assert data[bad.start : bad.end] == STRAY.strip()
    assert len(found) == 1_001 + bool(after)
    assert [row.start for row in found] == sorted(row.start for row in found)


def test_many_stray_quotes_are_each_read_twice_at_most() -> None:
    data = b"a,b\n" + (STRAY + b"1,row\n" * 50) * 200
    found = list(rows(member(data)))
    assert sum(row.fault is None for row in found) >= 10_000 - 50
    assert sum(row.fault is not None for row in found) >= 100


# Parquet


def parquet(table: pa.Table, **how) -> Member:
    out = io.BytesIO()
    pq.write_table(table, out, **how)
    return member(out.getvalue())


def repeated(text: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array([text]))


@given(st.lists(st.text(max_size=30) | st.none(), max_size=20), st.lists(st.lists(st.fixed_dictionaries({"a": st.text(max_size=9), "b": st.none() | st.integers(0, 9)}), max_size=3), max_size=20), st.integers(1, 60), st.booleans())  # fmt: skip
def test_parquet_gives_every_row_however_few_are_made_at_once(
    texts: list, nested: list, batch_bytes: int, dictionary: bool
) -> None:
    count = min(len(texts), len(nested))
    kind = pa.list_(pa.struct([("a", pa.string()), ("b", pa.int64())]))
    columns = {"t": pa.array(texts[:count], pa.string()), "n": pa.array(nested[:count], kind)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_reading, "BATCH_BYTES", batch_bytes)
        patch.setattr(parquet_reading, "BATCH_ROWS", 7)
        one = parquet(pa.table(columns), use_dictionary=dictionary, row_group_size=9)
        found = [(row.start, row.fault, row.value) for row in rows(one)]
    assert found == [(n, None, {"t": texts[n], "n": nested[n]}) for n in range(count)]


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"t": repeated("x" * 1_500_000, 1_000)}),
        pa.table({"t": repeated("x" * 1_500_000, 1_000).cast(pa.string())}),
        pa.table({"t": pa.array([[{"a": "x" * 1_500_000}]] * 100)}),
    ],
    ids=["dictionary", "plain", "nested"],
)
def test_a_small_parquet_that_unfolds_out_of_proportion_is_refused(table: pa.Table) -> None:
    one = parquet(table, compression="zstd")
    assert one.size_bytes < 5_000
    with pytest.raises(HostileArchive):
        list(rows(one))


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_strings_are_read_in_every_encoding(encoding: str) -> None:
    table = pa.table({"t": ["ab", "abc", None, "abc"] * 500, "n": [[{"x": "a"}], []] * 1_000})
    one = parquet(table, use_dictionary=False, column_encoding={"t": encoding, "n.list.element.x": encoding})
    assert [row.value for row in rows(one)] == table.to_pylist()


def test_what_each_value_goes_on_from_is_never_unfolded_at_once() -> None:
    table = pa.table({"t": pa.array([f"{'x' * 500_000}{number}" for number in range(200)])})
    one = parquet(table, use_dictionary=False, column_encoding={"t": "DELTA_BYTE_ARRAY"}, compression="zstd")
    assert one.size_bytes < 5_000
    with pytest.raises(HostileArchive):
        list(rows(one))


def test_pages_that_unpack_out_of_proportion_are_refused() -> None:
    with pytest.raises(HostileArchive):
        list(rows(parquet(pa.table({"t": ["x" * 1_500_000] * 20}), compression="zstd", use_dictionary=False)))


def test_a_repeated_prompt_and_empty_columns_are_no_danger() -> None:
    prompts = repeated("You are kind. " * 1_000, 500)
    answers = pa.array([f"{number:040}" for number in range(500)])
    one = parquet(pa.table({"system": prompts, "a": answers, "none": pa.nulls(500, pa.string())}))
    assert sum(row.fault is None for row in rows(one)) == 500


def test_a_row_too_large_is_one_bad_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_reading, "BATCH_BYTES", 1_000)
    monkeypatch.setattr(parquet_reading, "RECORD_BYTES_MAX", 1_000)
    table = pa.table({"t": ["a", "b" * 2_000, "c"]})
    assert [(row.fault, row.value.get("t")) for row in rows(parquet(table))] == [
        (None, "a"),
        ("record_too_large", None),
        (None, "c"),
    ]


def test_times_of_any_unit_and_those_that_no_calendar_has_end_no_reading() -> None:
    at = [1_700_000_000_123_456_789, 10**15]
    table = pa.table({
        "ns": pa.array([at[0]] * 2, pa.timestamp("ns", "UTC")),
        "inside": pa.array([[{"at": at[0]}]] * 2, pa.list_(pa.struct([("at", pa.timestamp("ns"))]))),
        "s": pa.array([1_700_000_000, at[1]], pa.timestamp("ms")),
    })  # fmt: skip
    first, second = rows(parquet(table))
    assert (first.fault, second.fault, second.start) == (None, "broken_record", 1)
    assert first.value["ns"].isoformat() == "2023-11-14T22:13:20.123456+00:00"
    assert first.value["inside"][0]["at"].microsecond == 123456
