"""Figures against published vectors, words against labels as they are met."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.rights.page.measure import contrast, grade, language_of, prominence, sentences_in, words_in
from witting.rights.page.screen import Control
from witting.rights.page.words import load_words, normal

WORDS = load_words()
CHANNEL = st.integers(0, 255)
COLOUR = st.tuples(CHANNEL, CHANNEL, CHANNEL)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ((0, 0, 0), (255, 255, 255), 21.0),
        ((255, 255, 255), (255, 255, 255), 1.0),
        ((0x76, 0x76, 0x76), (255, 255, 255), 4.54),  # the lightest grey that passes WCAG AA on white
        ((0x77, 0x77, 0x77), (255, 255, 255), 4.48),  # and the darkest that does not
        ((255, 0, 0), (255, 255, 255), 4.0),
        ((0, 0, 255), (255, 255, 255), 8.59),
    ],
)
def test_contrast_is_that_of_wcag(one: Any, other: Any, ratio: float) -> None:
    assert round(contrast(one, other), 2) == pytest.approx(ratio, abs=0.01)


@given(COLOUR, COLOUR)
def test_contrast_lies_between_1_and_21_whichever_comes_first(one: Any, other: Any) -> None:
    assert 1 <= contrast(one, other) <= 21.0001
    assert contrast(one, other) == contrast(other, one)


def control(**changes: Any) -> Control:
    plain: dict[str, Any] = {
        "i": 0, "tag": "button", "role": "button", "name": "Yes", "type": "", "href": "", "target": "", "checked": None,
        "required": False, "group": "", "disabled": False, "x": 0.0, "y": 0.0, "width": 120.0, "height": 44.0, "kind": "page",
        "ink": [255, 255, 255], "fill": [26, 79, 163], "around": [255, 255, 255], "font": 16.0, "weight": 400,
        "text_width": 80.0, "moving": False,
    }  # fmt: skip
    return Control(**{**plain, **changes})


@pytest.mark.parametrize(
    ("refuse", "low"),
    [
        ({}, set()),
        (
            {"text_width": 20.0, "width": 60.0},
            set(),
        ),  # a shorter word makes a narrower button, and hides nothing
        ({"width": 120.0, "text_width": 80.0, "ink": [126, 166, 224]}, {"contrast"}),
        ({"font": 9.0, "height": 14.0}, {"size"}),
        ({"fill": [255, 255, 255], "ink": [26, 79, 163]}, {"colour"}),
    ],
)
def test_a_no_that_is_less_than_the_yes_is_less_in_the_figure_that_says_so(
    refuse: dict[str, Any], low: set[str]
) -> None:
    ratios = prominence(control(**refuse), control())
    assert {name for name, ratio in ratios.items() if ratio is not None and ratio < 0.8} == low


def test_a_colour_over_a_picture_is_unknown_and_not_equal() -> None:
    assert prominence(control(fill=None, ink=None), control())["contrast"] is None


def test_a_short_text_is_easier_than_a_learned_one_in_english_and_in_german() -> None:
    plain = "We train our model on what you type. You can say no. Then nothing changes for you."
    learned = (
        "Notwithstanding the aforementioned considerations, personal information transmitted electronically will be "
        "processed in accordance with applicable jurisdictional requirements and organisational policies."
    )
    easy, hard = grade(plain, "en"), grade(learned, "en")
    assert easy is not None
    assert hard is not None
    assert easy < 5 < 15 < hard
    assert grade("Wir lernen aus deinen Texten. Du kannst nein sagen.", "de") == 1.0
    assert (
        grade(
            "Unbeschadet vorstehender Ausführungen verarbeiten verantwortliche Unternehmen personenbezogene Informationen.",
            "de",
        )
        == 13.0
    )


@pytest.mark.parametrize("language", ["ja", "zh", "ko", "hi", None])
def test_where_no_measure_holds_the_grade_is_unknown(language: str | None) -> None:
    assert grade("これは文章です。読みやすいです。", language) is None


def test_words_and_sentences_of_hindi_end_where_they_end() -> None:
    text = "मना करने पर आपके लिए कुछ नहीं बदलेगा। आप सहमति वापस ले सकते हैं।"
    assert (words_in(text), len(sentences_in(text))) == (14, 2)
    assert load_words().found("unchanged", text, "hi") == ["कुछ नहीं बदलेगा"]


def test_words_and_sentences_are_counted_without_spaces_too() -> None:
    assert words_in("One two-three, four.") == 3
    assert words_in("同意します") == 2
    assert sentences_in("One. Two! Three? 四つ。五つ。") == ["One", "Two", "Three", "四つ", "五つ"]


LABELS = {
    "en": {"accept": ["Accept all", "I agree", "Yes, use my messages", "Allow"], "refuse": ["Reject all", "No thanks", "Don't allow", "Continue without accepting"], "withdraw": ["Withdraw my consent"], "settings": ["Manage options", "Privacy settings"], "later": ["Not now", "Ask me later"], "proceed": ["Got it", "Continue"], "save": ["Save my choices", "Accept selected"]},
    "de": {"accept": ["Alle akzeptieren", "Ich stimme zu", "Ja, gern"], "refuse": ["Alle ablehnen", "Nein, danke", "Ohne Einwilligung fortfahren"], "withdraw": ["Einwilligung widerrufen"], "settings": ["Einstellungen verwalten"], "later": ["Später"], "proceed": ["Verstanden"], "save": ["Auswahl speichern"]},
    "fr": {"accept": ["Tout accepter", "J'autorise"], "refuse": ["Tout refuser", "Non merci", "Continuer sans accepter"], "withdraw": ["Retirer mon consentement"], "settings": ["Paramétrer"], "later": ["Plus tard"], "proceed": ["Compris"], "save": ["Enregistrer"]},
    "es": {"accept": ["Aceptar todo", "Sí, de acuerdo"], "refuse": ["Rechazar todo", "No, gracias", "Continuar sin aceptar"], "withdraw": ["Retirar mi consentimiento"], "settings": ["Configurar"], "later": ["Más tarde"], "proceed": ["Entendido"], "save": ["Guardar"]},
    "it": {"accept": ["Accetta tutto", "Acconsento"], "refuse": ["Rifiuta tutto", "No, grazie", "Continua senza accettare"], "withdraw": ["Revoca il consenso"], "settings": ["Gestisci preferenze"], "later": ["Più tardi"], "proceed": ["Ho capito"], "save": ["Salva"]},
    "pt": {"accept": ["Aceitar tudo", "Concordo"], "refuse": ["Recusar tudo", "Não, obrigado"], "withdraw": ["Retirar consentimento"], "settings": ["Gerenciar opções"], "later": ["Mais tarde"], "proceed": ["Entendi"], "save": ["Salvar"]},
    "nl": {"accept": ["Alles accepteren", "Akkoord"], "refuse": ["Alles weigeren", "Nee, bedankt"], "withdraw": ["Toestemming intrekken"], "settings": ["Instellingen beheren"], "later": ["Later"], "proceed": ["Begrepen"], "save": ["Opslaan"]},
    "pl": {"accept": ["Akceptuj wszystko", "Zgadzam się"], "refuse": ["Odrzuć wszystko", "Nie, dziękuję", "Nie zgadzam się"], "withdraw": ["Wycofaj zgodę"], "settings": ["Ustawienia"], "later": ["Później"], "proceed": ["Rozumiem"], "save": ["Zapisz"]},
    "sv": {"accept": ["Acceptera alla", "Jag samtycker"], "refuse": ["Avvisa alla", "Nej tack"], "withdraw": ["Återkalla samtycke"], "settings": ["Inställningar"], "later": ["Senare"], "proceed": ["Jag förstår"], "save": ["Spara"]},
    "tr": {"accept": ["Tümünü kabul et", "Evet, izin ver"], "refuse": ["Tümünü reddet", "Hayır, teşekkürler"], "withdraw": ["Rızamı geri çek"], "settings": ["Ayarları yönet"], "later": ["Daha sonra"], "proceed": ["Anladım"], "save": ["Kaydet"]},
    "hi": {"accept": ["सभी स्वीकार करें", "हाँ, सहमत हूँ"], "refuse": ["सभी अस्वीकार करें", "नहीं, धन्यवाद"], "withdraw": ["सहमति वापस लें"], "settings": ["सेटिंग्स"], "later": ["बाद में"], "proceed": ["आगे बढ़ें"], "save": ["सहेजें"]},
    "ja": {"accept": ["すべて同意する", "はい、許可します"], "refuse": ["すべて拒否", "いいえ、同意しません"], "withdraw": ["同意を撤回する"], "settings": ["設定を管理"], "later": ["後で"], "proceed": ["続ける"], "save": ["保存"]},
    "ko": {"accept": ["모두 동의", "예, 허용합니다"], "refuse": ["모두 거부", "동의하지 않음"], "withdraw": ["동의 철회"], "settings": ["설정 관리"], "later": ["나중에"], "proceed": ["계속하기"], "save": ["저장하기"]},
    "zh": {"accept": ["全部接受", "我同意"], "refuse": ["全部拒绝", "不同意"], "withdraw": ["撤回同意"], "settings": ["管理设置"], "later": ["以后再说"], "proceed": ["继续"], "save": ["保存"]},
}  # fmt: skip


@pytest.mark.parametrize("language", LABELS)
def test_a_label_means_what_people_take_it_for(language: str) -> None:
    wrong = {
        label: (WORDS.meaning(label, language=language), meaning)
        for meaning, labels in LABELS[language].items()
        for label in labels
        if WORDS.meaning(label, language=language) != meaning
    }
    assert wrong == {}


def test_every_language_has_labels_here_and_they_are_twelve_or_more() -> None:
    assert sorted(LABELS) == list(WORDS.languages)
    assert len(LABELS) >= 12


@pytest.mark.parametrize(
    ("label", "language", "meaning"),
    [
        ("Don't opt out", "en", "accept"),
        ("I do not want to disable training", "en", "accept"),
        ("No, do not use them", "en", "refuse"),
        ("No, no los usen", "es", "refuse"),
        ("Nie, nie używajcie", "pl", "refuse"),
        ("Ne pas refuser", "fr", "accept"),
        ("Ich möchte nicht widersprechen", "de", "accept"),
        ("いいえ、使用しないでください", "ja", "refuse"),
    ],
)
def test_two_negations_are_a_yes_and_a_no_before_the_comma_is_none_of_them(
    label: str, language: str, meaning: str
) -> None:
    assert WORDS.meaning(label, language=language) == meaning
    assert WORDS.double_negative(label, language) == (meaning == "accept")


@pytest.mark.parametrize(
    ("label", "link", "meaning"),
    [
        ("Privacy policy", True, "notice"),
        ("I agree to the privacy policy", False, "accept"),
        ("Notice how fast it is", False, "other"),  # not "no"
        ("×", False, "close"),
        ("", False, "other"),
        ("Accept " * 40, False, "other"),  # prose is no label
        ("ACCEPT ALL", False, "accept"),
        ("ａｃｃｅｐｔ", False, "accept"),
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(label: str, link: bool, meaning: str) -> None:
    assert WORDS.meaning(label, language="en", link=link) == meaning


def test_a_label_is_read_in_other_languages_too() -> None:
    assert WORDS.meaning("Tout refuser", language="de") == "refuse"
    assert WORDS.meaning("Alle ablehnen", language=None) == "refuse"


@given(st.text(max_size=80), st.sampled_from([*WORDS.languages, None, "xx"]))
def test_any_label_has_a_meaning_and_case_changes_nothing(label: str, language: str | None) -> None:
    meaning = WORDS.meaning(label, language=language)
    assert meaning == WORDS.meaning(normal(label), language=language)


@given(st.text(alphabet=string.ascii_letters + " .!?\n", max_size=300))
def test_any_text_can_be_graded_or_not(text: str) -> None:
    said = grade(text, "en")
    assert said is None or said >= 0


def test_the_language_of_a_few_words_is_unknown() -> None:
    assert language_of("ok") is None
    assert language_of("Wir möchten mit deinen Nachrichten unser eigenes Modell trainieren.") == "de"
