"""Text that somebody else wrote is not used because somebody pasted it; what looks a little like it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.redaction import judge
from witting.redaction.pasted import is_pasted

PASTED = {
    "english mail": "Can you answer this?\n\nFrom: Bo Lind <bo@example.org>\nSent: Monday, 2 March 2026 10:12\nTo: Ana\nSubject: Rent\n\nHi Ana, the rent is late again.",
    "german mail": "Fass das zusammen:\nVon: Bo Lind\nGesendet: Montag, 2. März 2026\nAn: Ana\nBetreff: Miete\n\nHallo Ana, ...",
    "french mail": "De : Bo Lind\nEnvoyé : lundi 2 mars 2026\nÀ : Ana\nObjet : Loyer\n\nBonjour Ana",
    "spanish mail": "De: Bo Lind\nFecha: 2 de marzo\nPara: Ana\nAsunto: Alquiler\n\nHola",
    "russian mail": "От: Бо Линд\nДата: 2 марта\nКому: Ана\nТема: Аренда\n\nПривет",
    "chinese mail": "发件人：李明\n发送时间：2026年3月2日\n收件人：王芳\n主题：房租\n\n你好",
    "japanese mail": "差出人: 佐藤\n送信日時: 2026年3月2日\n宛先: 田中\n件名: 家賃\n\nお世話になっております",
    "korean mail": "보낸 사람: 김민수\n날짜: 2026년 3월 2일\n받는 사람: 이수진\n제목: 월세\n",
    "turkish mail": "Kimden: Bo Lind\nTarih: 2 Mart\nKime: Ana\nKonu: Kira\n\nMerhaba",
    "bold heads": "*From:* Bo Lind\n*Date:* 2 March\n*Subject:* Rent\n\nHi",
    "forwarded": "what does he want?\n---------- Forwarded message ---------\nhi, call me",
    "original": "antworte höflich\n-----Ursprüngliche Nachricht-----\nBitte zahlen Sie.",
    "apple mail": "Please reply:\nBegin forwarded message:\n\nCome on Friday.",
    "reply": "draft an answer\n\nOn Mon, 2 Mar 2026 at 10:12, Bo Lind <bo@example.org> wrote:\n> The rent is late again.\n> Bo",
    "german reply": "Am 02.03.2026 um 10:12 schrieb Bo Lind:\n> Die Miete fehlt.",
    "whatsapp": "who is right?\n[02.03.26, 10:12:01] Bo Lind: you owe me\n[02.03.26, 10:13:44] Ana: I do not",
    "android chat": "3/2/26, 10:12 AM - Bo: you owe me\n3/2/26, 10:13 AM - Ana: no\n",
}
OWN = {
    "a question": "How do I reply to a forwarded message?",
    "one head line": "Subject: rent\nPlease write me a mail about the rent being late.",
    "a draft": "Write a mail\nTo: the landlord\nSubject: the rent\nIt should be short.",
    "a recipe": "From: the oven\nserve hot\nTo: the table",
    "far apart": "From: here\n" + "\n" * 12 + "To: there\n" + "\n" * 12 + "Date: never\n",
    "a quote": "He said:\n> be kind\nand I liked it.",
    "a list of times": "09:00 breakfast: eggs\n10:00 breakfast: toast\nWhat should I eat?",
    "a diary of one": "10:12 Ana: walked\n11:00 Ana: slept\n",
    "a letter to write": "Make this nicer:\nTo: my boss\nFrom: me\nSubject: holidays",
    "a day": "My day:\n9:00 Breakfast: oats\n13:00 Lunch: soup\nIs that healthy?",
    "a log": "why?\n2026-03-02 12:00:01 ERROR: no such file\n2026-03-02 12:00:02 INFO: retry",
    "yaml": "date: 2024-01-01\nfrom: x\nto: y",
    "code": "from: str\nto: str\nreturn x",
    "one line": "From: Bo Sent: today To: me Subject: rent",
}


@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED)
def test_what_somebody_else_wrote_is_refused_whoever_pasted_it(text: str) -> None:
    said = judge(text, key=lambda: b"k" * 32, scope="c")
    assert (said.verdict, said.reason, said.text) == ("refuse", "third_party_text", None)


@pytest.mark.parametrize("text", OWN.values(), ids=OWN)
def test_a_persons_own_words_stay(text: str) -> None:
    assert not is_pasted(text)


@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED)
@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_the_line_ends_of_any_system_are_line_ends(text: str, ends: str) -> None:
    assert is_pasted(text.replace("\n", ends))


@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(sorted(PASTED)))
def test_whatever_stands_around_it_it_is_still_somebody_elses(before: str, after: str, name: str) -> None:
    assert is_pasted(f"{before}\n{PASTED[name]}\n{after}")
