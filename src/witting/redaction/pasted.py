"""What somebody else wrote, pasted into a message: a mail with its head, a forwarded message, a chat of several people.

Covers: the marks that programs leave around such text (head lines of a mail in 20 languages, "wrote:" before quoted lines,
separators of forwarding and replying, lines of an exported chat by two people or more). Not covered: pasted text without any
mark, which nobody can tell from the person's own: letters, articles, screenshots typed off.
Its writer was not asked, whoever pasted it: GDPR Art. 6(1), Art. 14; ePrivacy Directive Art. 5(1). Heads: RFC 5322 3.6, as mail
programs translate them.
"""

from __future__ import annotations

import re

HEAD_LINES_MAX = 8  # a mail's head is not spread further
HEAD_KINDS_MIN = 3  # who it is from, and two more
CHAT_LINES_MIN = 2
NAMES_MIN = 2
_HEADS = {
    "from": "from|von|de|da|van|od|kimden|gönderen|от|від|от кого|发件人|寄件者|寄件人|差出人|보낸 사람|보낸사람|من|प्रेषक|från|fra|lähettäjä|από|từ|dari|feladó",
    "sent": "sent|date|gesendet|datum|envoyé|envoyé le|date|enviado|enviado el|enviada em|fecha|data|inviato|verzonden|wysłano|gönderme tarihi|tarih|отправлено|дата|发送时间|日期|時間|送信日時|日付|보낸 날짜|날짜|تاريخ|skickat|sendt|dato|lähetetty|ημερομηνία|ngày|tanggal|dátum",
    "to": "to|an|à|a|para|aan|do|kime|alıcı|кому|收件人|宛先|받는 사람|받는사람|إلى|प्रति|till|til|vastaanottaja|προς|đến|kepada|címzett",
    "subject": "subject|betreff|objet|asunto|assunto|oggetto|onderwerp|temat|konu|тема|主题|主旨|主題|件名|제목|الموضوع|विषय|ämne|emne|aihe|θέμα|chủ đề|perihal|tárgy",
    "copy": "cc|bcc|kopie|копия|抄送|참조",
}
_HEAD = re.compile(
    r"[ \t>*|]*(?:"
    + "|".join(f"(?P<{kind}>{words})" for kind, words in _HEADS.items())
    + r")\*?[ \t]*[:：][ \t*]*\S",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    r"^[ \t>]*(?:-{2,}[ \t]*(?:forwarded message|original message|weitergeleitete nachricht|ursprüngliche nachricht|message transféré|"
    r"message d'origine|mensaje reenviado|mensaje original|mensagem encaminhada|mensagem original|messaggio inoltrato|messaggio originale|"
    r"doorgestuurd bericht|oorspronkelijk bericht|wiadomość przekazana|wiadomość oryginalna|iletilen mesaj|özgün mesaj|"
    r"пересылаемое сообщение|исходное сообщение|转发的邮件|原始邮件|転送メッセージ|元のメッセージ|전달된 메시지|원본 메시지|"
    r"vidarebefordrat meddelande)[ \t]*-{2,}|begin forwarded message:|anfang der weitergeleiteten nachricht:|"
    r"début du message transféré)",
    re.IGNORECASE | re.MULTILINE,
)
_WROTE = re.compile(
    r"(?:wrote|schrieb|a écrit|escribió|escreveu|ha scritto|schreef|napisał(?:\(a\)|a)?|yazdı|пиш[её]т|написал(?:\(а\)|а)?|写道|のメール|작성)"
    r"[^:：\n]{0,60}[:：][ \t]*\n\s*>",
    re.IGNORECASE,
)
WROTE_LINE_CHARS_MAX = 200  # of "On ... wrote:", with its date
_CHAT = re.compile(
    r"^[\u200e\ufeff]?(?:\[[^\]\n]{0,25}\d{1,2}[:.]\d{2}[^\]\n]{0,12}\]|\d{1,4}[./\-]\d{1,2}[./\-]\d{1,4}[,.]? \d{1,2}[:.]\d{2}"
    r"(?:[:.]\d{2})?(?: ?[ap]\.? ?m\.?)?)(?: ?[-–] ?| )(?P<name>[^\n:]{1,60}): \S",
    re.IGNORECASE | re.MULTILINE,
)
LOG_LEVELS = frozenset({"critical", "debug", "error", "fatal", "info", "notice", "trace", "warn", "warning"})


def is_pasted(text: str) -> bool:
    """Whether the text holds the marks of what somebody else wrote. One pass; line ends of any system."""
    if "\n" not in text and "\r" not in text:
        return False
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return bool(_SEPARATOR.search(plain)) or _has_mail_head(plain) or _has_reply(plain) or _has_chat(plain)


def _has_mail_head(text: str) -> bool:
    """Who it is from, when it was sent (or an address), and one more head line, near together."""
    seen: list[tuple[int, str, bool]] = []
    for number, line in enumerate(text.split("\n")):
        head = _HEAD.match(line)
        if head is None or head.lastgroup is None or head[head.lastgroup][0].islower():
            continue  # programs begin their head lines with a capital, where there are any
        seen = [one for one in seen if number - one[0] < HEAD_LINES_MAX]
        seen.append((number, head.lastgroup, "@" in line))
        kinds = {kind for _, kind, _ in seen}
        sent = "sent" in kinds or any(address for _, _, address in seen)
        if "from" in kinds and sent and len(kinds) >= HEAD_KINDS_MIN:
            return True
    return False


def _has_reply(text: str) -> bool:
    """Quoted lines under "On 2 March Bo wrote:"."""
    for match in _WROTE.finditer(text):
        line = text[max(0, match.start() - WROTE_LINE_CHARS_MAX) : match.start()].rpartition("\n")[2]
        if any(char.isdigit() for char in line) or any(char.isdigit() for char in match[0]):
            return True
    return False


def _has_chat(text: str) -> bool:
    names = [match["name"].strip().casefold() for match in _CHAT.finditer(text)]
    spoken = [name for name in names if name not in LOG_LEVELS]
    return len(spoken) >= CHAT_LINES_MIN and len(set(spoken)) >= NAMES_MIN
