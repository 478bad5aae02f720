"""Special categories, children and confidential business: about a person, or only about a topic."""

from __future__ import annotations

import pytest

from witting.redaction import scan

ABOUT_ONESELF = [
    ("HEALTH", "i was just diagnosed with type 2 diabetes and idk what to eat"),
    ("HEALTH", "My depression got worse this winter, what can I do?"),
    ("HEALTH", "Ich habe seit drei Jahren Depressionen und nehme Tabletten"),
    ("HEALTH", "J'ai un cancer du sein, comment le dire à mes enfants ?"),
    ("HEALTH", "Tengo ansiedad y no duermo"),
    ("HEALTH", "fui diagnosticada com ansiedade e tomo remédio todo dia"),
    ("HEALTH", "Ho scoperto di essere incinta"),
    ("HEALTH", "ik ben zwanger en heb het nog niemand verteld"),
    ("HEALTH", "mam depresję od dwóch lat"),
    ("HEALTH", "Depresyondayım, ne yapmalıyım?"),
    ("HEALTH", "मुझे पिछले महीने डायबिटीज का पता चला"),
    ("HEALTH", "mujhe anxiety hai, neend nahi aati"),
    ("HEALTH", "저 요즘 우울증 약을 먹고 있어요"),
    ("HEALTH", "أعاني من الاكتئاب منذ سنة"),
    ("HEALTH", "pregnant!! just found out today"),
    ("HEALTH", "I'm not depressed anymore"),
    ("SEX_LIFE", "I think I'm gay but my parents don't know"),
    ("SEX_LIFE", "sou lésbica e minha família não sabe"),
    ("RELIGION", "As a Muslim I pray five times a day"),
    ("POLITICS", "I voted for the Green Party last year"),
    ("UNION", "Ich bin im Betriebsrat"),
    ("ETHNICITY", "I'm half Korean"),
    ("GENETIC", "my BRCA1 test came back positive"),
    ("BIOMETRIC", "here is a scan of my fingerprint"),
    ("CRIMINAL", "fui preso ano passado"),
]
ABOUT_SOMEBODY_ELSE = [
    ("HEALTH", "my sister has epilepsy"),
    ("HEALTH", "Meine Mutter hat Krebs"),
    ("HEALTH", "minha mãe tem câncer de mama"),
    ("HEALTH", "Mon mari est alcoolique"),
    ("HEALTH", "he told me he is HIV positive"),
    ("HEALTH", "Mi hijo es autista"),
    ("CRIMINAL", "my brother was arrested last night"),
]
ONLY_A_TOPIC = [
    "What are the symptoms of diabetes?",
    "Write an essay about depression in teenagers",
    "Explique a história da AIDS no Brasil",
    "How does chemotherapy work?",
    "The Catholic Church in medieval Europe",
    "What is a trade union?",
    "Tell me about Islam",
    "Was bedeutet Gewerkschaft?",
    "우울증 증상이 뭔가요",
    "डायबिटीज क्या है?",
    "depression kya hota hai",
    "ما هو السكري",
    "Kanser nedir?",
    "Co to jest depresja?",
    "Che cos'è la depressione?",
    "¿Qué es el cáncer?",
    "my dog has cancer",
]
FIGURATIVE = [
    "I'm sick of this weather",
    "I'm addicted to this song",
    "this game gave me a heart attack lol",
    "sou viciada nessa música",
    "malade de rire",
    "She is a cancer (zodiac sign), I'm a leo",
    "My body is a temple",
]
NEGATED = [
    "I don't have diabetes",
    "Ich habe keinen Krebs",
    "não tenho diabetes",
    "I'm not gay",
    "no tengo cáncer",
]
HARMLESS = [
    "커피 중독이야",
    "I love black coffee and indian food",
    "pretty good, thanks! my nerves are fine",
    "I need help with my SQL union query",
    "How do I disable notifications?",
    "My code has a bug, can you diagnose the error?",
    "straight away, with a white wine",
]


@pytest.mark.parametrize(("kind", "text"), ABOUT_ONESELF)
def test_what_people_tell_of_themselves_is_linked_to_them(kind: str, text: str) -> None:
    spans, labels = scan(text)
    assert kind in labels.art9
    assert labels.about == "self"
    assert all(text[s.start : s.end].strip() for s in spans)


@pytest.mark.parametrize(("kind", "text"), ABOUT_SOMEBODY_ELSE)
def test_what_is_told_of_others_is_linked_to_them(kind: str, text: str) -> None:
    _, labels = scan(text)
    assert kind in labels.art9
    assert labels.about == "other"


@pytest.mark.parametrize(
    ("about", "text"),
    [("topic", t) for t in ONLY_A_TOPIC]
    + [("figurative", t) for t in FIGURATIVE]
    + [("negated", t) for t in NEGATED],
)
def test_topics_figures_of_speech_and_denials_are_linked_to_nobody(about: str, text: str) -> None:
    spans, labels = scan(text)
    assert labels.art9 == ()
    assert labels.about == about
    assert spans == []


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_talk_names_no_category(text: str) -> None:
    assert scan(text)[1].art9 == ()


@pytest.mark.parametrize(
    "text",
    [
        "I'm 14 and love math", "im 13", "I am fifteen years old", "as a 12-year-old", "I'm in 7th grade", "tengo 13 años", "J'ai 12 ans",
        "ich bin 12 und spiele Fußball", "Ich bin vierzehn.", "tenho 15 anos", "ho 16 anni", "ik ben 11 jaar", "mam 14 lat", "15 yaşındayım",
        "मैं 13 साल का हूँ", "main 14 saal ka hu", "저는 14살이에요", "저는 중학생이에요", "عمري 13",
    ],
)  # fmt: skip
def test_a_self_stated_age_under_18_marks_a_child(text: str) -> None:
    assert scan(text)[1].minor


@pytest.mark.parametrize(
    "text",
    [
        "I'm 34 and love math", "I'm 10 minutes late", "I'm 5'7 tall", "I'm 15% done", "my daughter is 14", "when I was 14 we moved",
        "tengo 15 años de experiencia", "ich bin 12 Kilometer gelaufen", "recipes for a 10 year old cake tin", "I am 2 of 3 done",
        "j'ai 15 ans d'expérience", "tenho 40 anos", "I'm 16.5 kg lighter", "저는 25살이에요",
    ],
)  # fmt: skip
def test_other_numbers_and_other_ages_mark_no_child(text: str) -> None:
    assert not scan(text)[1].minor


@pytest.mark.parametrize(
    "text",
    [
        "This is under NDA, so keep it to yourself", "Our startup idea is an app for dog walkers", "don't tell anyone, but we are being acquired",
        "our unreleased revenue for Q3 is 4.2M", "Our company will post revenue of 12M in Q3", "das ist streng vertraulich",
        "unsere Geschäftsidee ist ein Lieferdienst", "c'est confidentiel, notre boîte va racheter un concurrent", "es confidencial: mi empresa va a despedir a 40",
        "minha ideia de negócio é vender bolos", "não conta pra ninguém", "è strettamente riservato", "strikt vertrouwelijk", "to ściśle poufne",
        "iş fikrim şu: bir uygulama", "이건 대외비입니다", "यह गोपनीय है", "kisi ko mat batana, startup idea hai", "هذا سري للغاية",
        "see http://wiki.corp/plans", "build.acme.internal is down", "// Proprietary and confidential. Unauthorized copying is prohibited",
    ],
)  # fmt: skip
def test_what_a_business_keeps_to_itself_is_marked(text: str) -> None:
    assert scan(text)[1].confidential


@pytest.mark.parametrize(
    "text",
    [
        "What is an NDA?", "Explain the difference between a trade secret and a patent", "Is this chat confidential?", "how do I launch a rocket in the game",
        "tell everyone the party is at eight", "give me ten business ideas", "the company makes soup", "Was ist eine Geheimhaltungserklärung?",
        "internal error in my kitchen timer",
    ],
)  # fmt: skip
def test_talk_about_confidentiality_in_general_is_not_marked(text: str) -> None:
    assert not scan(text)[1].confidential
