"""Laws that hold for every text: bounds, disjointness, idempotence, offsets."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.errors import UsageError
from witting.redaction import TEXT_CHARS_MAX, redact_text, scan, surrogate
from witting.redaction.normalise import PLACEHOLDER, placeholders, view

KEY = b"k" * 32
PIECES = (
    "my name is Ana Souza", "Ich heiße Jürgen", "call me at +55 11 91234-5678", "010-1234-5678이고", "ana@example.org",
    "529.982.247-25", "DE44 5001 0517 5407 3249 31", "4111 1111 1111 1111", "https://example.com/x?q=1", "192.168.0.1",
    "I have diabetes", "meine Mutter hat Krebs", "no tengo cáncer", "under NDA", "my password is hunter2!", "@ana_92",
    "12 de março de 2025", "Hauptstraße 12, 10115 Berlin", "I'm 14", "<PERSON_12>", "<SECRET>", "<", "_1>", "मुझे डायबिटीज है",
    "저는 우울증 약을 먹어요", "\u200b", "e\u0301", "ﬁ", "а", "Dr. ", "Souza", "\n", ", ", ". ", " ", "12", "-", "sk-proj-abcdEFGH1234567890abcd",
)  # fmt: skip
chat = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=10).map("".join)
texts = (chat | st.text(max_size=80)).filter(lambda t: not any("\ud800" <= c <= "\udfff" for c in t))


def redacted(text: str, names: tuple[str, ...] = ()) -> str:
    spans, _ = scan(text, known_names=names)
    return redact_text(text, spans=spans, key=KEY, scope="c")


@settings(max_examples=250, deadline=None)
@given(texts)
def test_spans_lie_within_the_text_and_never_overlap(text: str) -> None:
    spans, _ = scan(text, known_names=("Ana Souza",))
    at = 0
    for span in spans:
        assert at <= span.start < span.end <= len(text)
        assert 0 < span.score <= 1
        at = span.end


@settings(max_examples=250, deadline=None)
@given(texts)
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redacted(text, ("Ana Souza",))
    assert redacted(once, ("Ana Souza",)) == once


@settings(max_examples=150, deadline=None)
@given(texts)
def test_nothing_is_found_inside_a_placeholder(text: str) -> None:
    taken = [range(start, end) for start, end, _ in placeholders(text)]
    for span in scan(text)[0]:
        assert not any(at in piece for at in range(span.start, span.end) for piece in taken)


@settings(max_examples=250, deadline=None)
@given(texts)
def test_every_character_of_a_view_maps_to_the_text_that_made_it(text: str) -> None:
    seen = view(text)
    assert len(seen.folded) == len(seen.plain)
    before = 0
    for at in range(len(seen.folded)):
        start, end = seen.original(at, at + 1)
        assert before <= start < end <= len(text)
        before = start
    if text.isascii():
        assert seen.folded == text


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("mail: ana\u200b@exam\u200bple.org!", "ana\u200b@exam\u200bple.org"),
        ("ｔｅｌ： ＋５５ １１ ９１２３４－５６７８", "＋５５ １１ ９１２３４－５６７８"),
        ("फोन +९१ ९८७६५ ४३२१०", "+९१ ९८७६५ ४३२१०"),
        (
            "iban DE44\u00a05001\u00a00517\u00a05407\u00a03249\u00a031.",
            "DE44\u00a05001\u00a00517\u00a05407\u00a03249\u00a031",
        ),
        ("write to аnа@example.org", "аnа@example.org"),  # two Cyrillic letters
    ],
)
def test_disguised_writing_is_read_and_given_back_in_the_original_offsets(written: str, found: str) -> None:
    spans, _ = scan(written)
    assert [written[s.start : s.end] for s in spans] == [found]


def test_decomposed_letters_belong_to_the_span_that_ends_with_them() -> None:
    written = unicodedata.normalize("NFD", "meu nome é José")
    (span,) = scan(written)[0]
    assert span.end == len(written)


def test_a_placeholder_that_stands_for_a_person_links_what_is_said_of_them() -> None:
    spans, labels = scan("<PERSON_7> has epilepsy")
    assert labels.art9 == ("HEALTH",)
    assert labels.about == "other"
    assert [s.whose for s in spans] == ["other"]


def test_too_long_a_text_is_refused_by_name_of_the_limit() -> None:
    with pytest.raises(UsageError, match=str(TEXT_CHARS_MAX)):
        scan("a" * (TEXT_CHARS_MAX + 1))


def test_a_surrogate_is_the_same_however_the_name_is_written_and_another_elsewhere() -> None:
    one = surrogate("PERSON", "Ana Souza", key=KEY, scope="c1")
    assert PLACEHOLDER.fullmatch(one)
    assert surrogate("PERSON", "ANA  SOUZÁ", key=KEY, scope="c1") == one
    others = {surrogate("PERSON", "Ana Souza", key=KEY, scope=f"c{n}") for n in range(2, 22)}
    assert len(others) > 10
    assert len({surrogate("PERSON", "Ana Souza", key=bytes([n]) * 32, scope="c1") for n in range(20)}) > 10


def test_finer_kinds_are_replaced_by_their_family_and_secrets_without_a_number() -> None:
    assert surrogate("NATIONAL_ID.BR_CPF", "529.982.247-25", key=KEY, scope="c").startswith("<NATIONAL_ID_")
    assert surrogate("SECRET", "hunter2", key=KEY, scope="c") == "<SECRET>"


def test_a_short_surrogate_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16"):
        surrogate("PERSON", "Ana", key=b"short", scope="c")


def test_long_hostile_texts_cost_about_as_much_as_their_length() -> None:
    """Runs that tempt a backtracking expression: each must finish well within the test's second."""
    for piece in (
        "1-",
        "a.",
        "@",
        "a@",
        "://",
        "(1",
        "1 ",
        "-----BEGIN ",
        "my ",
        "password is ",
        "A1",
        "x:",
        "1/",
        "Dr. ",
        "\u0301",
    ):
        scan(piece * (20_000 // len(piece)))
