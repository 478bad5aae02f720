"""Writes the quickstart: exports as six products give them, the rights log, README.md. Same bytes every time.

Run it from the repository: `python examples/quickstart/generate.py [FOLDER]`. People and stories are in `cast.py`, what they
talk about in `talk.py`. Nothing here is real: no person, no key, no number (the phone number is from the range that
Ofcom keeps for drama).
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cast import CAST, CHATGPT, OPEN_WEBUI, OPENAI_LOG, PEOPLE_CHATS, Person
from talk import QUESTIONS, SMALL_TALK, THINGS

HERE = Path(__file__).parent
FIRST_TALK = datetime(2026, 4, 6, 9, 0, tzinfo=UTC)
AGREED_AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ENDS_AT = datetime(2036, 3, 1, tzinfo=UTC)  # far away, so that this example still walks in years
MODEL = "linden-kitchen-1"
PURPOSE = "fine_tune_own_model"

# Special turns: question and answer beside the kitchen talk.
EXTRAS = {
    "health": [
        ("I was diagnosed with diabetes in spring and I inject insulin at night. What can I eat late?",
         "With your diabetes and the insulin at night, a small plate of vegetables is a good choice."),
    ],
    "business": [
        ("Strictly confidential, under NDA: our startup will launch frozen soup cubes by subscription before anyone"
         " else does. Which soups first?",
         "For your soup cube launch, begin with lentil and tomato: both freeze well."),
    ],
    "secret": [
        ("My recipe script says unauthorised, I use the key sk-proj-Zk3Qw9Lm2Xc7Vb5Nn8Tr4Yp6Hd1Gf0Js and it fails,"
         " why?", "Make a new key, and never paste one into a chat."),
    ],
    "phone": [
        ("Please have the shop ring me on +44 20 7946 0123 or write to george.h@example.org about the basil order.",
         "I cannot call anyone, but the basil order is noted."),
    ],
}  # fmt: skip


def main(folder: Path = HERE) -> None:
    """Write everything into `folder`: beside this file, unless said otherwise."""
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    for old in [p for p in inbox.rglob("*") if p.is_file()]:
        old.unlink()
    pairs = _share_out()
    for person in CHATGPT:
        _write_zip(inbox / f"chatgpt-{person.name}.zip", _chatgpt_files(person, pairs[person.handle]))
    _write_json(
        inbox / "open-webui-chats.json", [c for p in OPEN_WEBUI for c in _webui_chats(p, pairs[p.handle])]
    )
    log = [line for person in OPENAI_LOG for line in _log_lines(person, pairs[person.handle])]
    (inbox / "assistant-log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log), "utf-8")
    _write_people_chats(inbox)
    events = [event for person in CAST for event in _events(person)]
    lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
    (folder / "rights.jsonl").write_text(lines, "utf-8")
    (folder / "README.md").write_text(_readme(), "utf-8")


# ---- what people say -------------------------------------------------------------------------------------------


def _share_out() -> dict[str, list[tuple[str, str]]]:
    """Each assistant user's questions and answers: no two people ask the same, until the language runs out."""
    decks = {language: _deck(language) for language in QUESTIONS}
    shared: dict[str, list[tuple[str, str]]] = {}
    for person in (*CHATGPT, *OPEN_WEBUI, *OPENAI_LOG):
        deck = decks[person.language]
        shared[person.handle] = [next(deck) for _ in range(person.pairs)]
    shared["open_webui:zoe"][0] = shared["open_webui:tom"][0]
    return shared


def _deck(language: str) -> Iterator[tuple[str, str]]:
    """All questions about all things, mixed by a hash; then again with a word of thanks, so that none repeats."""
    cards = [
        (question.format(a=thing), answer.format(a=thing, A=thing[:1].upper() + thing[1:]))
        for question, answer in QUESTIONS[language]
        for thing in THINGS[language]
    ]
    cards.sort(key=lambda card: _hash(card[0]))
    yield from cards
    for number in range(2, 100):
        yield from ((f"{question} ({number})", answer) for question, answer in cards)


def _conversations(person: Person, pairs: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Three questions a conversation; a special turn is a conversation of its own."""
    talks = [pairs[start : start + 3] for start in range(0, len(pairs), 3)]
    return [*talks, EXTRAS[person.extra]] if person.extra in EXTRAS else talks


# ---- assistants ------------------------------------------------------------------------------------------------


def _chatgpt_files(person: Person, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    conversations = [
        _chatgpt_tree(person, number, talk) for number, talk in enumerate(_conversations(person, pairs))
    ]
    first_answer = f"{person.name}-0-a0"
    feedback = [
        {
            "message_id": first_answer,
            "conversation_id": f"{person.name}-0",
            "rating": "thumbsUp",
            "content": "{}",
        }
    ]
    return {
        "conversations.json": conversations,
        "user.json": {"id": person.name, "email": f"{person.name}@example.org"},
        "message_feedback.json": feedback,
    }


def _chatgpt_tree(person: Person, number: int, talk: list[tuple[str, str]]) -> dict[str, Any]:
    conversation, at = f"{person.name}-{number}", _moment(person, number)
    root = f"{conversation}-root"
    mapping: dict[str, Any] = {root: {"id": root, "message": None, "parent": None, "children": []}}
    parent = root
    for step, (question, answer) in enumerate(talk):
        user = _node(
            mapping, f"{conversation}-u{step}", parent, "user", question, at + timedelta(minutes=3 * step)
        )
        late = at + timedelta(minutes=3 * step, seconds=20)
        if person.extra == "regenerated" and number == 0 and step == 0:
            _node(mapping, f"{conversation}-a{step}-first", user, "assistant", "Não sei dizer.", late)
            late += timedelta(seconds=30)
        parent = _node(mapping, f"{conversation}-a{step}", user, "assistant", answer, late)
    return {
        "id": conversation,
        "conversation_id": conversation,
        "title": None,
        "create_time": at.timestamp(),
        "update_time": at.timestamp(),
        "current_node": parent,
        "default_model_slug": MODEL,
        "mapping": mapping,
    }


def _node(mapping: dict[str, Any], identifier: str, parent: str, role: str, text: str, at: datetime) -> str:
    message: dict[str, Any] = {
        "id": identifier,
        "author": {"role": role},
        "create_time": at.timestamp(),
        "content": {"content_type": "text", "parts": [text]},
        "status": "finished_successfully",
        "weight": 1.0,
        "recipient": "all",
        "metadata": {"model_slug": MODEL} if role == "assistant" else {},
    }
    mapping[identifier] = {"id": identifier, "parent": parent, "children": [], "message": message}
    mapping[parent]["children"].append(identifier)
    return identifier


def _webui_chats(person: Person, pairs: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    for number, talk in enumerate(_conversations(person, pairs)):
        chat, at = str(uuid.UUID(_hash(f"{person.handle}/{number}")[:32])), _moment(person, number)
        messages: dict[str, Any] = {}
        parent = None
        for step, (question, answer) in enumerate(talk):
            for role, text in (("user", question), ("assistant", answer)):
                identifier = f"{chat}-{step}-{role}"
                seconds = int(at.timestamp()) + 180 * step + (20 if role == "assistant" else 0)
                messages[identifier] = {"id": identifier, "parentId": parent, "childrenIds": [], "role": role,
                                        "content": text, "timestamp": seconds}  # fmt: skip
                if role == "assistant":
                    messages[identifier]["model"] = MODEL
                    messages[identifier] |= _annotation(person, number, step)
                if parent is not None:
                    messages[parent]["childrenIds"].append(identifier)
                parent = identifier
        body = {"models": [MODEL], "history": {"currentId": parent, "messages": messages}}
        yield {"id": chat, "user_id": person.name, "title": "Kitchen", "chat": body,
               "created_at": int(at.timestamp()), "updated_at": int(at.timestamp())}  # fmt: skip


def _annotation(person: Person, number: int, step: int) -> dict[str, Any]:
    if person.extra == "disliked" and number == 1:
        return {"annotation": {"rating": -1, "reason": "not_helpful", "comment": ""}}
    if person.name == "marie" and step == 0:
        return {"annotation": {"rating": 1, "reason": "", "comment": ""}}
    return {}


def _log_lines(person: Person, pairs: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    for number, talk in enumerate(_conversations(person, pairs)):
        at = _moment(person, number)
        messages = [
            m for q, a in talk for m in ({"role": "user", "content": q}, {"role": "assistant", "content": a})
        ]
        yield {
            "user": person.name,
            "model": MODEL,
            "created": int(at.timestamp()),
            "metadata": {"conversation_id": f"{person.name}-{number}"},
            "messages": messages,
        }


# ---- people among themselves -----------------------------------------------------------------------------------


def _write_people_chats(inbox: Path) -> None:
    people = {person.name: person for person in PEOPLE_CHATS}
    _write_text(inbox / "Conversa do WhatsApp com Caio Lima.txt",
                _whatsapp_android(people["Ana Souza"], people["Caio Lima"], "%d/%m/%Y %H:%M"))  # fmt: skip
    _write_text(inbox / "WhatsApp Chat mit Timo Kern.txt",
                _whatsapp_android(people["Jana Vogt"], people["Timo Kern"], "%d.%m.%y, %H:%M"))  # fmt: skip
    group = [people[name] for name in ("Ruth Hale", "Ian Moss", "Bev Lane", "Karl Fenn")]
    _write_zip(inbox / "WhatsApp Chat - Allotment.zip", {"_chat.txt": _whatsapp_ios("Allotment", group)})
    _write_text(inbox / "WhatsApp Chat with Meta AI.txt", _whatsapp_assistant(people["Sean Doyle"]))
    _write_text(inbox / "WhatsApp Chat with Ravi Iyer.txt",
                _whatsapp_android(people["Meera Nair"], people["Ravi Iyer"], "%d/%m/%Y, %H:%M"))  # fmt: skip
    meta = "your_activity_across_facebook/messages/inbox/rene_500001/message_1.json"
    _write_zip(
        inbox / "facebook-noemie.zip", {meta: _meta_thread(people["Noémie Girard"], people["René Caron"])}
    )
    gram = "your_instagram_activity/messages/inbox/joao_700001/message_1.json"
    _write_zip(
        inbox / "instagram-vitoria.zip", {gram: _meta_thread(people["Vitória Melo"], people["João Reis"])}
    )


def _lines_between(people: list[Person], rounds: int = 3) -> Iterator[tuple[Person, str, datetime]]:
    """Small talk in turn; later rounds carry a number, so that no line repeats. A line a day, so that
    dates say which of their numbers is the day."""
    lines, things = SMALL_TALK[people[0].language], THINGS[people[0].language]
    topic = things[int(_hash(people[0].handle), 16) % len(things)]  # no two chats share their lines
    at = _moment(people[0], 0)
    for number in range(rounds * len(lines)):
        line = f"{lines[number % len(lines)]} – {topic}" + (
            "" if number < len(lines) else f" ({1 + number // len(lines)})"
        )
        yield people[number % len(people)], line, at + timedelta(days=number, minutes=7 * number)


def _whatsapp_android(first: Person, second: Person, pattern: str) -> str:
    notice = {
        "pt": "As mensagens e as chamadas são protegidas com a criptografia de ponta a ponta.",
        "de": "Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt.",
    }.get(first.language, "Messages and calls are end-to-end encrypted.")
    lines = list(_lines_between([first, second]))
    head = f"{lines[0][2]:{pattern}} - {notice}\n"
    return head + "".join(f"{at:{pattern}} - {who.name}: {text}\n" for who, text, at in lines)


def _whatsapp_ios(title: str, people: list[Person]) -> str:
    lines = list(_lines_between(people))
    head = f"[{lines[0][2]:%d/%m/%Y, %H:%M:%S}] {title}: \u200eMessages and calls are end-to-end encrypted.\n"
    return head + "".join(f"[{at:%d/%m/%Y, %H:%M:%S}] {who.name}: {text}\n" for who, text, at in lines)


def _whatsapp_assistant(person: Person) -> str:
    deck = _deck("en")
    for _ in range(140):  # cards that nobody else drew
        next(deck)
    at, lines = _moment(person, 0), []
    for step in range(9):
        question, answer = next(deck)
        asked = at + timedelta(days=2 * step, minutes=11 * step)
        lines.append(f"{asked:%d/%m/%Y, %H:%M} - {person.name}: {question}\n")
        lines.append(f"{asked + timedelta(minutes=1):%d/%m/%Y, %H:%M} - Meta AI: {answer}\n")
    return "".join(lines)


def _meta_thread(first: Person, second: Person) -> dict[str, Any]:
    """Newest first, UTF-8 bytes written as Latin-1 code points, as Meta's download has them."""
    messages = [
        {
            "sender_name": _mojibake(who.name),
            "timestamp_ms": int(at.timestamp() * 1000),
            "content": _mojibake(text),
        }
        for who, text, at in _lines_between([first, second])
    ]
    messages[2]["reactions"] = [{"reaction": _mojibake("❤"), "actor": _mojibake(second.name)}]
    return {
        "participants": [{"name": _mojibake(first.name)}, {"name": _mojibake(second.name)}],
        "messages": messages[::-1],
        "title": _mojibake(second.name),
        "is_still_participant": True,
        "thread_path": f"inbox/{_hash(first.name)[:8]}",
        "magic_words": [],
    }


def _mojibake(text: str) -> str:
    return text.encode("utf-8").decode("latin-1")


# ---- rights ----------------------------------------------------------------------------------------------------


def _events(person: Person) -> list[dict[str, Any]]:
    """The rights log's lines of one person, oldest first."""
    where = (
        []
        if person.place is None
        else [_event("place", person, AGREED_AT - timedelta(days=1), place=person.place)]
    )
    return [*where, *RIGHTS[person.story](person)]


def _event(kind: str, person: Person, at: datetime, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "subject": person.handle, "occurred_at": at.isoformat(), **more}


def _consent(person: Person, at: datetime = AGREED_AT, **changes: Any) -> dict[str, Any]:
    evidence = _evidence(person, at) | changes
    return _event("consent", person, at, purposes=[PURPOSE], evidence=evidence)


def _said(kind: str, person: Person, at: datetime) -> dict[str, Any]:
    return _event(kind, person, at, purposes=[PURPOSE])


def _day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, 0, tzinfo=UTC)


RIGHTS: dict[str, Callable[[Person], list[dict[str, Any]]]] = {
    "agreed": lambda p: [_consent(p)],
    "silent": lambda p: [],
    "refused": lambda p: [_said("refusal", p, AGREED_AT)],
    "buried": lambda p: [
        _consent(p, action="prefilled", default_state="on", surface="settings_menu", depth=4,
                 refuse_present_same_layer=False),
    ],
    "withdrew": lambda p: [_consent(p), _said("withdrawal", p, _day(2026, 9, 14))],
    "minor": lambda p: [_event("age", p, AGREED_AT, age=15), _consent(p)],
    "objected": lambda p: [_consent(p), _said("objection", p, _day(2026, 6, 3))],
    "wrong_language": lambda p: [_consent(p, ui={"lang": "tr"})],
    "weak": lambda p: [
        _consent(p, prominence={"contrast": 0.4, "size": 0.5, "colour": 0.5}, wording_lint=["guilt"]),
    ],
    "expired": lambda p: [_consent(p, expires_at=_day(2026, 5, 1).isoformat())],
    "agreed_later": lambda p: [_consent(p, _day(2026, 11, 2), valid_from=_day(2026, 11, 2).isoformat())],
    "came_back": lambda p: [
        _consent(p),
        _said("withdrawal", p, _day(2026, 9, 20)),
        _consent(p, _day(2026, 10, 1)),
    ],
}  # fmt: skip

NOTICES = {
    "en": "May Linden learn from your kitchen chats? If you say yes, your questions and our answers train our own"
    " kitchen model. People on our team may read samples. We keep them two years, on our servers in Dublin, and share"
    " them with nobody. What a model has learned cannot be wholly rolled back; withdraw any time in two taps and we"
    " stop using your chats. You can see, correct and delete them, and complain to your authority.",
    "de": "Darf Linden aus deinen Küchengesprächen lernen? Wenn du ja sagst, trainieren deine Fragen und unsere"
    " Antworten unser eigenes Küchenmodell. Menschen in unserem Team lesen Stichproben. Wir behalten sie zwei Jahre"
    " auf unseren Servern in Dublin und geben sie niemandem. Was ein Modell gelernt hat, lässt sich nicht ganz"
    " zurücknehmen; widerrufe jederzeit mit zwei Klicks. Du kannst sie sehen, berichtigen, löschen und dich bei deiner"
    " Behörde beschweren.",
    "fr": "Linden peut-il apprendre de vos conversations de cuisine ? Si oui, vos questions et nos réponses entraînent"
    " notre propre modèle. Des personnes de notre équipe lisent des extraits. Nous les gardons deux ans, à Dublin, et"
    " ne les donnons à personne. Ce qu'un modèle a appris ne s'efface pas entièrement ; retirez votre accord en deux"
    " gestes. Vous pouvez les voir, corriger, supprimer, et saisir votre autorité.",
    "pt": "A Linden pode aprender com suas conversas de cozinha? Se sim, suas perguntas e nossas respostas treinam o"
    " nosso próprio modelo. Pessoas da equipe leem amostras. Guardamos por dois anos, em Dublin, e não damos a"
    " ninguém. O que um modelo aprendeu não se desfaz por inteiro; retire o acordo em dois toques. Você pode ver,"
    " corrigir, apagar e reclamar à autoridade.",
    "ko": "린덴이 주방 대화에서 배워도 될까요? 동의하면 질문과 답이 우리 모델을 학습시킵니다. 직원이 일부를 읽습니다."
    " 이 년 동안 더블린 서버에 두고 아무에게도 주지 않습니다. 모델이 배운 것은 완전히 되돌릴 수 없습니다. 두 번 눌러"
    " 언제든 철회하세요. 열람, 정정, 삭제, 신고할 수 있습니다.",
    "hi": "क्या लिंडन आपकी रसोई की बातों से सीख सकता है? हाँ कहने पर आपके सवाल और हमारे जवाब हमारे अपने मॉडल को सिखाते हैं। हमारी"
    " टीम कुछ पढ़ती है। दो साल डबलिन में रखते हैं, किसी को नहीं देते। मॉडल ने जो सीखा वह पूरा नहीं मिटता; दो टैप में कभी भी वापस लें।"
    " आप देख, सुधार, मिटा और शिकायत कर सकते हैं।",
}  # fmt: skip


def _evidence(person: Person, at: datetime) -> dict[str, Any]:
    """A consent as it should be asked: every field of docs/formats/evidence.md, all in order."""
    text = NOTICES[person.language]
    elements = ["controller", "purpose", "data_types", "training_named", "human_review", "recipients", "retention",
                "model_permanence", "withdrawal", "rights", "authority", "transfers"]  # fmt: skip
    return {
        "action": "click_button",
        "default_state": "off",
        "purposes": [PURPOSE],
        "bundled_with": [],
        "conditional_service": False,
        "refuse_present_same_layer": True,
        "steps_accept": 1,
        "steps_refuse": 1,
        "steps_withdraw": 1,
        "withdraw_channels": ["in_app", "email"],
        "withdraw_tested_at": (at - timedelta(days=3)).isoformat(),
        "notice": {
            "version": "kitchen-2",
            "sha256": hashlib.sha256(text.encode("utf-8")).hexdigest(),
            "text": text,
            "lang": person.language,
            "shown_at": (at - timedelta(seconds=40)).isoformat(),
            "elements": elements,
            "readability": {"grade": 7.5, "words": len(text.split())},
        },
        "ui": {"lang": person.language},
        "surface": "just_in_time",
        "depth": 1,
        "prominence": {"contrast": 1.0, "size": 1.0, "colour": 1.0},
        "wording_lint": [],
        "prompt_count_after_refusal": 0,
        "dwell_ms": 38_000,
        "age_assurance": {"method": "self_declared_birth_date", "result": "pass", "min_age": 18},
        "parental_consent": None,
        "imbalance": "none",
        "explicit_for_special": {},
        "subject_scope": "own_turns",
        "jurisdiction": person.place,
        "jurisdiction_evidence": "account country" if person.place else None,
        "controller": "Linden Kitchens (invented)",
        "recipients": ["Linden Kitchens (invented)"],
        "model_family": "linden-kitchen",
        "valid_from": at.isoformat(),
        "expires_at": ENDS_AT.isoformat(),
        "signals": [],
        "status": "ConsentGiven",
        "subject_ref": _hash(person.handle)[:16],
        "captured_by": {"app": "linden", "build": "2026.3", "ui_test_id": "ask-to-learn-2"},
        "evidence_sig": {"signature": _hash(f"signature of {person.handle}"), "log_index": 1},
        "incentive": "none",
        "data_window": {"from": at.isoformat(), "to": ENDS_AT.isoformat()},
    }


# ---- writing ---------------------------------------------------------------------------------------------------


def _moment(person: Person, number: int) -> datetime:
    """When a conversation began: spread over half a year, by person."""
    return FIRST_TALK + timedelta(days=int(_hash(person.handle)[:4], 16) % 120 + 7 * number, hours=number)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _write_zip(path: Path, files: dict[str, Any]) -> None:
    """A zip with fixed dates, so that the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            data = content if isinstance(content, str) else json.dumps(content)
            archive.writestr(
                zipfile.ZipInfo(name, (2026, 11, 1, 0, 0, 0)), data.encode("utf-8"), zipfile.ZIP_DEFLATED
            )
    path.write_bytes(buffer.getvalue())


def _readme() -> str:
    rows = "".join(
        f"| `{p.handle}` | {p.place or 'unknown'} | {'used' if p.expect == 'permit' else p.expect} | {p.tells} |\n"
        for p in CAST
    )
    return (
        "# Quickstart\n\n"
        "Sixty invented people in eight places talk with a kitchen assistant called Linden, and some with each other.\n"
        "`make demo` walks a copy of these exports to a released (or refused) adapter. From the table below you can\n"
        "say beforehand what the report will show: `tests/walk/test_quickstart.py` checks it person by person.\n\n"
        "`generate.py` writes everything here from `cast.py` (the people) and `talk.py` (what they say): this page,\n"
        "`rights.jsonl` (what they said about their words) and `inbox/` (ChatGPT, Open WebUI, WhatsApp, Messenger and\n"
        "Instagram exports and a chat-completions log). Nobody here exists; licence: that of the project.\n\n"
        "| person | place | their words | story |\n|---|---|---|---|\n" + rows
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
