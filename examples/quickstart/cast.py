"""The sixty invented people of the quickstart: who they are, what they said about their words, and what follows.

`generate.py` writes their exports, the rights log and README.md from this page, and the walk's test checks every
`expect` against what the walk really did. Nobody here exists.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """One person. `expect` is the rights decision of their turns (permit, or the reason of the refusal)."""

    source: str
    name: str  # name or id in the export: the handle is source:name
    place: str | None  # ISO 3166; None = nobody knows
    language: str
    story: str  # what they said about their words: a key of generate.RIGHTS
    expect: str
    tells: str  # the line the README gives them
    pairs: int = 9  # questions asked of the assistant
    extra: str = ""  # a special turn: a key of generate.EXTRAS

    @property
    def handle(self) -> str:
        return f"{self.source}:{self.name}"


def _chatgpt(
    name: str, place: str | None, language: str, story: str, expect: str, tells: str, extra: str = ""
) -> Person:
    return Person("chatgpt", name, place, language, story, expect, tells, extra=extra)


def _webui(
    name: str, place: str | None, language: str, story: str, expect: str, tells: str, extra: str = ""
) -> Person:
    return Person("open_webui", name, place, language, story, expect, tells, extra=extra)


def _log(name: str, place: str | None, language: str, story: str, expect: str, tells: str) -> Person:
    return Person("openai_log", name, place, language, story, expect, tells)


AGREED = "agreed, well informed: all their kept talk teaches the adapter."
SILENT = "was never asked or never answered: nothing of theirs is used."

CHATGPT = (
    _chatgpt("user-lena01", "DE", "de", "agreed", "permit", AGREED),
    _chatgpt("user-jonas02", "DE", "de", "buried", "consent_invalid",
             "a box, ticked beforehand, four levels deep in a menu: not a consent, so nothing is used."),
    _chatgpt("user-claire03", "FR", "fr", "withdrew", "withdrawn",
             "agreed in March, withdrew in September, after we had collected: nothing is used any more."),
    _chatgpt("user-amelia04", "GB", "en", "agreed", "permit",
             "agreed; speaks of her own illness once: that question and its answer are refused, the kitchen talk stays.",
             "health"),
    _chatgpt("user-oliver05", "GB", "en", "agreed", "permit",
             "agreed; tells a business idea under NDA once: that question and its answer are refused.", "business"),
    _chatgpt("user-sofia06", "BR", "pt", "agreed", "permit",
             "agreed; asked for one answer again and kept the second: a preference pair.", "regenerated"),
    _chatgpt("user-minjun07", "KR", "ko", "minor", "minor", "said yes, but is fifteen: nothing is used."),
    _chatgpt("user-grace08", "US-CA", "en", "agreed", "permit",
             "agreed; pasted an API key once: the key is removed, the question stays.", "secret"),
    _chatgpt("user-ethan09", "US-CA", "en", "objected", "objected", "objected in June: nothing is used."),
    _chatgpt("user-priya10", "IN", "hi", "agreed", "permit", AGREED),
    _chatgpt("user-emre11", "TR", "en", "wrong_language", "consent_invalid",
             "the notice was in English, the product in Turkish: not informed, so nothing is used."),
    _chatgpt("user-noor12", None, "en", "agreed", "consent_invalid",
             "agreed, but nobody wrote down where they live: a consent must say under which law it was given."),
)  # fmt: skip

OPEN_WEBUI = (
    _webui("hannah", "DE", "de", "agreed", "permit", AGREED),
    _webui("felix", "DE", "de", "silent", "no_consent", SILENT),
    _webui("marie", "FR", "fr", "agreed", "permit", "agreed, and gave thumbs: those signals come along."),
    _webui("paul", "FR", "fr", "refused", "refused", "said no: nothing is used."),
    _webui("george", "GB", "en", "agreed", "permit",
           "agreed; gave his phone number and e-mail once: they are replaced, the question stays.", "phone"),
    _webui("isla", "GB", "en", "weak", "consent_weak",
           "agreed on a page that made no hard to find: too weak for weights, so nothing is learned."),
    _webui("beatriz", "BR", "pt", "agreed", "permit", AGREED),
    _webui("rafael", "BR", "pt", "expired", "expired", "agreed until May only: the consent has run out."),
    _webui("jiwoo", "KR", "ko", "agreed", "permit", AGREED),
    _webui("seojun", "KR", "ko", "agreed", "permit", AGREED),
    _webui("ava", "US-CA", "en", "agreed", "permit", AGREED),
    _webui("liam", "US-CA", "en", "agreed_later", "before_consent",
           "agreed in November, for what comes after: what he wrote before is not used."),
    _webui("arjun", "IN", "hi", "agreed", "permit", AGREED),
    _webui("diya", "IN", "hi", "agreed", "permit", AGREED),
    _webui("deniz", "TR", "en", "agreed", "permit", "agreed; no pack for her country yet, so the strictest rules apply."),
    _webui("tom", "GB", "en", "agreed", "permit", "agreed; thumbed some answers down: those are not imitated.", "disliked"),
    _webui("camille", "FR", "fr", "agreed", "permit", AGREED),
    _webui("zoe", "GB", "en", "agreed", "permit", "agreed; asked what Tom had asked, word for word: kept once.", "copied"),
)  # fmt: skip

OPENAI_LOG = (
    _log("acct-1001", "GB", "en", "agreed", "permit", AGREED),
    _log("acct-1002", "GB", "en", "agreed", "permit", AGREED),
    _log("acct-1003", "GB", "en", "silent", "no_consent", SILENT),
    _log("acct-1004", "US-CA", "en", "agreed", "permit", AGREED),
    _log("acct-1005", "US-CA", "en", "agreed", "permit", AGREED),
    _log("acct-1006", "US-CA", "en", "refused", "refused", "said no: nothing is used."),
    _log("acct-1007", "US-CA", "en", "agreed", "permit", AGREED),
    _log("acct-1008", "TR", "en", "agreed", "permit", AGREED),
    _log("acct-1009", "DE", "de", "agreed", "permit", AGREED),
    _log(
        "acct-1010",
        "DE",
        "de",
        "came_back",
        "permit",
        "agreed, withdrew in September, and agreed again in October: what was allowed then and is allowed now is used.",
    ),
    _log("acct-1011", "FR", "fr", "agreed", "permit", AGREED),
    _log("acct-1012", "BR", "pt", "agreed", "permit", AGREED),
    _log("acct-1013", "BR", "pt", "silent", "no_consent", SILENT),
    _log("acct-1014", "KR", "ko", "agreed", "permit", AGREED),
    _log("acct-1015", "IN", "hi", "agreed", "permit", AGREED),
)

PEOPLE_CHATS = (
    Person("whatsapp", "Ana Souza", "BR", "pt", "agreed", "permit",
           "agreed; chats with Caio, who never answered: in Brazil her own words may be used, his may not."),
    Person("whatsapp", "Caio Lima", "BR", "pt", "silent", "no_consent", SILENT),
    Person("whatsapp", "Jana Vogt", "DE", "de", "agreed", "third_party",
           "agreed, but Timo, with whom she chats, did not: in the EU both must agree, so nothing is used."),
    Person("whatsapp", "Timo Kern", "DE", "de", "silent", "no_consent", SILENT),
    Person("whatsapp", "Ruth Hale", "GB", "en", "agreed", "third_party",
           "the one of four in a group who agreed: a closed group needs all four, so nothing is used."),
    Person("whatsapp", "Ian Moss", "GB", "en", "silent", "no_consent", SILENT),
    Person("whatsapp", "Bev Lane", "GB", "en", "silent", "no_consent", SILENT),
    Person("whatsapp", "Karl Fenn", "GB", "en", "silent", "no_consent", SILENT),
    Person("whatsapp", "Sean Doyle", "US-CA", "en", "agreed", "permit",
           "agreed; talks with the assistant inside WhatsApp: that is a talk with an assistant."),
    Person("whatsapp", "Meera Nair", "IN", "hi", "agreed", "permit", "agreed, and so did Ravi: her own words are used."),
    Person("whatsapp", "Ravi Iyer", "IN", "hi", "agreed", "permit", "agreed, and so did Meera: his own words are used."),
    Person("messenger", "Noémie Girard", "FR", "fr", "agreed", "permit",
           "agreed, and so did René: in the EU both must, and both did."),
    Person("messenger", "René Caron", "FR", "fr", "agreed", "permit", "agreed, and so did Noémie."),
    Person("instagram", "Vitória Melo", "BR", "pt", "agreed", "permit", "agreed: her own words are used."),
    Person("instagram", "João Reis", "BR", "pt", "agreed", "permit", "agreed: his own words are used."),
)  # fmt: skip

CAST = (*CHATGPT, *OPEN_WEBUI, *OPENAI_LOG, *PEOPLE_CHATS)
