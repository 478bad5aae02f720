"""Languages: found offline, one a person and conversation, undetermined when unsure."""

from __future__ import annotations

import socket

import pytest

from witting.config import Curation
from witting.curation import LANGUAGE, languages


def found(chat) -> dict[str, str]:
    return {
        row["row_id"]: row["language"] for row in languages(chat.tables()[0], settings=Curation()).to_pylist()
    }


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Could you tell me how the trains run tomorrow morning?", "en"),
        ("Você pode me dizer como os trens funcionam amanhã?", "pt"),
        ("¿Puedes decirme cómo funcionan los trenes mañana?", "es"),
        ("Kannst du mir sagen, wie die Züge morgen fahren?", "de"),
        ("क्या आप बता सकते हैं कि कल ट्रेनें कैसे चलेंगी?", "hi"),
        ("내일 기차가 어떻게 운행되는지 알려 줄 수 있어요?", "ko"),
        ("明日の電車の時間を教えてください", "ja"),
        ("हँ", "und"),
        ("ok", "und"),
        ("haha", "und"),
        ("12345 !!! 🎉", "und"),
        ("<PERSON_1> <EMAIL_2>", "und"),
        ("", "und"),
        (None, "und"),
    ],
)
def test_a_turn_says_its_language_or_that_it_is_not_sure(new_chat, text, language):
    assert found(new_chat().say("p", text=text)) == {"p": language}


def test_short_turns_take_the_language_of_what_the_person_said_around_them(new_chat):
    chat = new_chat().say("p1", text="Kannst du mir sagen, wie die Züge morgen fahren?").say("p2", text="ok")
    assert found(chat) == {"p1": "de", "p2": "de"}


def test_each_person_of_a_conversation_has_their_own_language(new_chat):
    chat = new_chat().say("p1", text="Kannst du mir sagen, wie die Züge morgen fahren?")
    chat.say("b1", subject_id="ben", text="I would rather take the bus tomorrow, it is cheaper.")
    assert found(chat) == {"p1": "de", "b1": "en"}


def test_refused_turns_are_not_looked_at(new_chat):
    assert found(new_chat().say("p1", verdict="refuse", text=None)) == {}


def test_nothing_is_downloaded(new_chat, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    table = languages(new_chat().say("p1").tables()[0], settings=Curation())
    assert table.schema.equals(LANGUAGE)
