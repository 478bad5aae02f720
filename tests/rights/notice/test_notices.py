"""`witting rights notice`: facts in, texts out. The facts are the example of the page, so that the page stays true."""

from __future__ import annotations

import copy
import html
import re
import tomllib
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import REPOSITORY
from witting.errors import InputError
from witting.rights.evidence import load_profile
from witting.rights.notice.facts import LANGUAGES, Facts, facts_of
from witting.rights.notice.kit import Notice, make_kit
from witting.rights.notice.texts import load_texts, period
from witting.rights.notice.write import keys_of, sentences
from witting.rights.page.facts import NEGATION_LAST
from witting.rights.page.words import load_words, normal

PAGE = REPOSITORY / "docs" / "notices.md"
TOML = PAGE.read_text("utf-8").split("```toml\n")[1].split("```")[0]
EXAMPLE: dict[str, Any] = tomllib.loads(TOML)
UNMEASURED = {"hi", "ja", "ko"}
REQUIRED = sorted(load_profile("global_floor").limits.notice_elements)
# Element to what of the example's facts its sentence must hold, whatever the language.
HELD = {"controller": "Example Ltd", "purpose": "Sparrow", "training_named": "Sparrow", "retention": "12",
        "authority": "Data Protection Commission"}  # fmt: skip
CHANGES: dict[str, Any] = {
    "version": "4", "purpose": "train_general_model", "controller.name": "Other AG", "controller.contact": "hello@example.net",
    "model.name": "Heron", "model.task": "search", "data.kinds": ["answers", "corrections"], "data.scope": "all_party",
    "data.redacted": False, "data.human_review": False, "data.recipients": ["Annotators GmbH"], "data.kept": "2 years",
    "data.stored_in": ["JP", "US"], "withdrawal.where": ["message"], "withdrawal.stop_within": "3 days",
    "withdrawal.model": "filter", "withdrawal.model_within": "4 months", "choice.lasts": "5 months", "choice.age_min": 16,
    "law.basis": "LGPD Art. 7", "law.rights": ["object", "restrict"], "law.authority": "ANPD",
}  # fmt: skip


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    values = copy.deepcopy(EXAMPLE)
    for path, value in changes.items():
        *parents, name = path.split(".")
        part = values
        for parent in parents:
            part = part[parent]
        part.pop(name) if value is None else part.update({name: value})
    return values


def facts(**changes: Any) -> Facts:
    return facts_of(changed(changes), where="facts.toml")


def notices_of(known: Facts) -> dict[str, Notice]:
    return {notice.texts.language: notice for notice in make_kit(known).notices}


EXAMPLES = notices_of(facts())


def leaves(values: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, value in values.items():
        path = f"{before}{name}"
        yield path
        if isinstance(value, dict):
            yield from leaves(value, f"{path}.")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("element", REQUIRED)
def test_the_first_layer_says_every_required_element_in_words_the_judge_knows(
    element: str, language: str
) -> None:
    written = EXAMPLES[language].written
    sentence = written.short_elements[element]
    assert sentence in written.short
    assert HELD.get(element, "") in sentence
    groups = {"purpose": "own_model", "training_named": "own_model"}
    assert load_words().found(groups.get(element, f"element.{element}"), sentence, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("element", ["rights", "authority", "transfers", *REQUIRED])
def test_the_full_notice_says_every_element(element: str, language: str) -> None:
    written = EXAMPLES[language].written
    assert written.full_elements[element] in written.full
    assert HELD.get(element, "") in written.full_elements[element]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("purpose", "group", "other"),
    [
        ("fine_tune_own_model", "own_model", "general_model"),
        ("train_general_model", "general_model", "own_model"),
    ],
)
def test_the_purpose_is_read_as_what_it_is_and_as_nothing_else(
    purpose: str, group: str, other: str, language: str
) -> None:
    written = notices_of(facts(purpose=purpose))[language].written
    lexicon, said = load_words(), written.short_elements["purpose"]
    assert lexicon.found(group, said, language)
    assert not lexicon.found(other, written.short, language)
    before = (
        said
        if language in NEGATION_LAST
        else normal(said)[: normal(said).find(lexicon.found(group, said, language)[0])]
    )
    assert not lexicon.found("negator", before, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_labels_mean_what_they_do_and_none_says_no_twice(language: str) -> None:
    lexicon, label = load_words(), load_texts(language).label
    means = {name: lexicon.meaning(label[name], language=language) for name in label}
    wanted = {
        "yes": "accept",
        "no": "refuse",
        "later": "later",
        "withdraw": "withdraw",
        "full": "notice",
        "again": "other",
    }
    assert means == wanted
    assert not any(lexicon.double_negative(said, language) for said in label.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("fact", CHANGES)
def test_every_fact_changes_the_text_and_only_its_own_sentences(fact: str, language: str) -> None:
    texts = load_texts(language)
    before, after = sentences(facts(), texts), sentences(facts(**{fact: CHANGES[fact]}), texts)
    moved = {part for part in before if before[part] != after[part]}
    if fact == "version":
        assert notices_of(facts(version="4"))[language].written.full.endswith("4")
        return
    own = {"controller.name": {"controller", "recipients"}, "controller.contact": {"contact"}, "data.kinds": {"data"},
           "withdrawal.where": {"withdrawal"}, "withdrawal.stop_within": {"stop"}, "withdrawal.model_within": {"model"},
           "withdrawal.model": {"model"}, "model.name": {"purpose"}, "law.basis": {"basis"}}  # fmt: skip
    assert moved
    assert moved <= own.get(fact, {fact.rsplit(".", 1)[1] if "." in fact else fact, "age"})


def test_nothing_stands_in_the_text_but_our_sentences_and_the_facts() -> None:
    """Every sentence is that of a fact: taken out one by one, only headings, labels and the number are left."""
    for notice in EXAMPLES.values():
        texts, left = notice.texts, f"{notice.written.short}\n{notice.written.full}"
        for said in sorted(sentences(facts(), texts).values(), key=len, reverse=True):
            assert said in left
            left = left.replace(said, "")
        fixed = {*texts.head.values(), *texts.label.values(), notice.written.version}
        assert {line.strip() for line in left.splitlines() if line.strip()} <= fixed


def test_the_sentence_that_weights_cannot_be_fully_taken_back_stands_in_every_text() -> None:
    for model, within in (("retrain", "30 days"), ("filter", "30 days"), ("stays", None)):
        known = facts(**{"withdrawal.model": model, "withdrawal.model_within": within})
        for notice in make_kit(known).notices:
            assert notice.texts.say["permanence"] in notice.written.short
            assert notice.texts.say["permanence"] in notice.written.full


@pytest.mark.parametrize("fact", [path for path in leaves(EXAMPLE) if path != "withdrawal.model_within"])
def test_a_missing_fact_is_an_error_that_names_it(fact: str) -> None:
    with pytest.raises(InputError, match=rf"the fact {re.escape(fact)} is missing"):
        facts(**{fact: None})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.kep": "1 year"}, "data.kep is not known; did you mean kept"),
        ({"data.kept": "long"}, "data.kept: should be a time"),
        ({"data.kept": "0 days"}, "data.kept: should be a time"),
        ({"data.kinds": []}, "data.kinds"),
        ({"data.kinds": ["messages", "messages"]}, "data.kinds: names something twice"),
        ({"data.kinds": ["faces"]}, "data.kinds"),
        ({"purpose": "improve_service"}, "purpose"),
        ({"controller.name": " "}, "controller.name: should be one line"),
        ({"controller.name": "a\u202eb"}, "controller.name: should be one line"),
        ({"controller.name": "a\nb"}, "controller.name: should be one line"),
        ({"choice.service_unchanged": False}, "choice.service_unchanged: must be true"),
        ({"data.only_after_yes": False}, "data.only_after_yes: must be true"),
        ({"withdrawal.model": "stays"}, "model_within"),
        ({"withdrawal.model_within": None}, "model_within"),
        ({"law.authority": {"de": "BfDI"}}, "law.authority has no words in .*en"),
        ({"law.authority": {"xx": "BfDI"}}, "law.authority"),
        ({"choice.age_min": 12}, "choice.age_min"),
        ({"languages": ["sv"]}, "languages"),
    ],
)
def test_a_wrong_fact_is_an_error_that_names_it(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        facts(**changes)


def test_words_of_a_language_are_used_in_it() -> None:
    known = facts(
        **{"languages": ["de", "en"], "law.authority": {"de": "die Aufsicht", "en": "the regulator"}}
    )
    assert "die Aufsicht" in notices_of(known)["de"].written.full
    assert "the regulator" in notices_of(known)["en"].written.full


def test_the_same_facts_give_the_same_bytes_and_another_fact_another_version() -> None:
    one, other = make_kit(facts()), make_kit(facts())
    assert [n.hashes for n in one.notices] == [n.hashes for n in other.notices]
    assert one.sha256 == other.sha256 != make_kit(facts(version="4")).sha256


def test_every_variant_of_the_example_stays_short_and_plain_in_every_language() -> None:
    options = {
        "purpose": ["fine_tune_own_model", "train_general_model"], "data.scope": ["own_turns", "all_party"],
        "data.human_review": [True, False], "data.recipients": [[], ["Annotators GmbH", "Host SA"]],
        "withdrawal.model": ["retrain", "filter"], "withdrawal.stop_within": ["0 days", "3 days"],
    }  # fmt: skip
    for chosen in product(*options.values()):
        assert make_kit(facts(**dict(zip(options, chosen, strict=True)))).problems == {}


def test_readability_is_said_to_be_unknown_where_no_measure_exists() -> None:
    for language, notice in EXAMPLES.items():
        assert (notice.grade is None) == (notice.measure is None) == (language in UNMEASURED)


def test_the_table_of_the_page_is_that_of_its_example() -> None:
    rows = re.findall(r"^\| \w+ \| (\d+) \| (\w+) \| ([\w-]+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    found = [
        (str(n.words), "unknown" if n.grade is None else f"{n.grade:g}", n.measure or "none")
        for n in EXAMPLES.values()
    ]
    assert rows == found


def test_a_notice_that_is_too_long_or_vague_by_a_name_is_a_problem() -> None:
    many = [f"Company of many words number {n} of London" for n in range(12)]
    found = make_kit(facts(**{"languages": ["en"], "data.recipients": many})).problems
    assert "150 are the most" in found["en"][0]
    found = make_kit(facts(**{"languages": ["en"], "model.name": "improve our services"})).problems
    assert "vague" in found["en"][0]


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 miesiąc"), (2, "2 miesiące"), (5, "5 miesięcy"), (12, "12 miesięcy"), (13, "13 miesięcy"),
                        (22, "22 miesiące"), (112, "112 miesięcy")],
)  # fmt: skip
def test_polish_counts_in_its_three_ways(count: int, said: str) -> None:
    assert period(load_texts("pl"), f"{count} months") == said


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40))
def test_any_name_stands_in_the_text_as_it_is_and_in_the_page_as_text(name: str) -> None:
    known = facts(**{"controller.name": name, "languages": ["en"]})
    (notice,) = make_kit(known).notices
    assert f"{name} decides this" in notice.written.short
    assert notice.html.count("<script>") == 1
    assert notice.html.count("<button") == 6


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_holds_everything_and_shows_that_nobody_reviewed_it(language: str) -> None:
    notice = EXAMPLES[language]
    assert not notice.texts.reviewed
    assert notice.texts.state["unreviewed"] in html.unescape(notice.html)
    assert f'<html lang="{language}">' in notice.html
    assert not re.search(
        r"""(?:src|href|action)\s*=|https?://|url\(|@import|fetch\(|innerHTML""", notice.html
    )


def test_every_sentence_has_one_key_and_every_part_a_sentence() -> None:
    assert set(keys_of(facts()).values()) <= set(load_texts("en").say)
