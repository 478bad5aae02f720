"""Google's My Activity and AI Studio: words apart from the product's verbs, times exact or absent, JSON and HTML alike."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import InputError
from witting.intake.google import SOURCES, activity, ai_studio
from witting.intake.source import Export, Member, Skipped, Turn
from witting.intake.spoken_time import read_time

CELL = """<div class="outer-cell mdl-cell mdl-cell--12-col mdl-shadow--2dp"><div class="mdl-grid">
<div class="header-cell mdl-cell mdl-cell--12-col"><p class="mdl-typography--title">{product}<br></p></div>
<div class="content-cell mdl-cell mdl-cell--6-col mdl-typography--body-1">{title}<br>{time}<br>{answer}</div>
<div class="content-cell mdl-cell mdl-cell--6-col mdl-typography--body-1 mdl-typography--text-right"></div>
<div class="content-cell mdl-cell mdl-cell--12-col mdl-typography--caption"><b>Products:</b><br>&emsp;{product}<br></div></div></div>"""


def page(*cells: str) -> bytes:
    return (
        '<!DOCTYPE html><html><head><title>My Activity</title></head><body><div class="mdl-grid">'
        + "".join(cells)
        + "</div></body></html>"
    ).encode()


def cell(
    title: str = "Prompted name a tree",
    *,
    product: str = "Gemini Apps",
    time: str = "Aug 18, 2026, 10:05:00\u202fAM UTC",
    answer: str = "<p>Oak.</p>",
) -> str:
    return CELL.format(title=title, product=product, time=time, answer=answer)


def read(source, data: bytes) -> list[Turn | Skipped]:
    member = Member("x", len(data), lambda: io.BytesIO(data))
    assert source.claims(member, data[:65_536])
    return list(source.read(Export((member,), {}, "")))


def record(
    title: str,
    answer: str | None = "<p>Oak.</p>",
    header: str = "Gemini Apps",
    time: str = "2026-08-18T10:05:00Z",
) -> dict:
    items = {} if answer is None else {"safeHtmlItem": [{"html": answer}]}
    return {"header": header, "title": title, "time": time, "products": [header], **items}


def test_json_and_html_say_the_same() -> None:
    from_json = read(activity.GEMINI_SOURCE, json.dumps([record("Prompted name a tree")]).encode())
    from_html = read(activity.GEMINI_SOURCE, page(cell()))
    for turns in (from_json, from_html):
        assert [(t.role, t.text, t.parent, t.time) for t in turns] == [
            ("user", "name a tree", None, "2026-08-18T10:05:00+00:00"),
            ("assistant", "Oak.", "prompt", "2026-08-18T10:05:00+00:00"),
        ]
    assert from_json[0].conversation == from_html[0].conversation


def test_a_page_gives_each_record_its_bytes() -> None:
    data = page(
        cell(),
        cell("Prompted x < y &amp; z<br>second line", answer=""),
        cell("Used Gemini Apps"),
        cell("Pregunta: hola"),
    )
    entries = read(activity.GEMINI_SOURCE, data)
    assert [getattr(e, "text", None) or e.reason for e in entries] == [
        "name a tree",
        "Oak.",
        "x < y & z\nsecond line",
        "used_product",
        "unknown_verb",
    ]
    for entry in entries:
        assert data[entry.bytes[0] :].startswith(b'<div class="outer-cell')
    assert data[entries[2].bytes[0] : entries[2].bytes[1]].count(b"outer-cell") == 1


def test_other_products_scripts_and_styles_never_pass() -> None:
    data = json.dumps(
        [
            record("Prompted hi", "<p>ok</p><script>SECRET</script><style>SECRET</style>"),
            record("Prompted SECRET", header="Search"),
        ]
    ).encode()
    entries = read(activity.GEMINI_SOURCE, data)
    assert "SECRET" not in repr(entries)
    assert [entry.reason for entry in entries if isinstance(entry, Skipped)] == ["other_product"]


def test_searches_are_words_and_visits_are_not() -> None:
    data = json.dumps(
        [record("Searched for tall trees", None, "Search"), record("Visited Tall trees", None, "Search")]
    ).encode()
    turn, visit = read(activity.SEARCH_SOURCE, data)
    assert (turn.text, turn.source, turn.audience) == ("tall trees", "google_search", "assistant")
    assert visit.reason == "visited"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Aug 18, 2026, 10:05:00 AM UTC", "2026-08-18T10:05:00+00:00"),
        ("Aug 18, 2026, 12:05:00\u202fPM CET", "2026-08-18T12:05:00"),
        ("18 Aug 2026, 00:05:00 GMT+01:00", "2026-08-18T00:05:00+01:00"),
        ("18.08.2026, 22:05:00 MESZ", "2026-08-18T22:05:00"),
        ("18 août 2026, 22:05:00 UTC", "2026-08-18T22:05:00+00:00"),
        ("18 ago 2026, 22:05:00 CEST", "2026-08-18T22:05:00"),
        ("18 de ago. de 2026, 22:05:00 BRT", "2026-08-18T22:05:00"),
        ("18 Ağu 2026 22:05:00 TRT", "2026-08-18T22:05:00"),
        ("18 авг. 2026 г., 22:05:00 MSK", "2026-08-18T22:05:00"),
        ("18/08/2026, 22:05:00", None),  # nobody can say which is the month
        ("2026年8月18日 22:05:00 JST", None),
        ("Foo 18, 2026, 13:05:00 PM UTC", None),
        ("Feb 31, 2026, 10:05:00 AM UTC", None),
    ],
)
def test_times_are_exact_or_absent(line: str, said: str | None) -> None:
    found = read_time(line)
    assert (found.iso if found else None) == said


def test_ai_studio_keeps_what_was_said_and_counts_thoughts() -> None:
    chunks = [
        {"text": "hi", "role": "user"},
        {"text": "hm", "role": "model", "isThought": True},
        {"text": "yo", "role": "model", "finishReason": "STOP"},
        {"driveDocument": {"id": "x"}, "role": "user"},
    ]
    data = json.dumps(
        {
            "runSettings": {},
            "systemInstruction": {"parts": [{"text": "be kind"}]},
            "chunkedPrompt": {"chunks": chunks},
        }
    ).encode()
    entries = read(ai_studio.SOURCE, data)
    assert [(e.role, e.text, e.parent) for e in entries if isinstance(e, Turn)] == [
        ("user", "hi", None),
        ("assistant", "yo", "0"),
    ]
    assert [e.reason for e in entries if isinstance(e, Skipped)] == [
        "reasoning_block",
        "attachment",
        "system_message",
    ]
    assert json.loads(data[slice(*entries[0].bytes)]) == chunks[0]


@given(
    st.sampled_from(SOURCES),
    st.text(alphabet='<>/="divclasouter-cmpbr 0:,20 ', max_size=120)
    | st.sampled_from([cell(), cell(time=""), json.dumps([record("Prompted a")])]),
    st.integers(0, 700),
    st.binary(max_size=4),
)
def test_any_damage_gives_sound_records_or_our_own_error(source, text: str, at: int, junk: bytes) -> None:
    data = text.encode()
    data = data[: at % (len(data) + 1)] + junk + data[at % (len(data) + 1) :]
    member = Member("x", len(data), lambda: io.BytesIO(data))
    source.claims(member, data)
    try:
        records = list(source.read(Export((member,), {}, "")))
    except InputError:
        return
    assert all(0 <= e.bytes[0] <= e.bytes[1] <= len(data) for e in records)
