"""Ways to reach a person or a machine: e-mail, handles, URLs, addresses of hosts and devices, phones, coordinates.

Covers: e-mail also as "ana at mail dot com"; @handles and named accounts; http(s), ftp, www and bare domains of
common endings; IPv4, IPv6, MAC; phones by loose candidates, then grouping, context words and `phonenumbers`
(Google's libphonenumber) over the regions in REGIONS. Not covered: national numbers of other regions written
without prefix, grouping or context; bare two-letter domains without a path.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

import phonenumbers

from witting.redaction.lexicon import read_words
from witting.redaction.normalise import View
from witting.redaction.span import Span

REGIONS = (
    "US",
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "BR",
    "PT",
    "NL",
    "PL",
    "TR",
    "IN",
    "KR",
    "MX",
    "AU",
    "CA",
    "JP",
)
CONTEXT_CHARS = 40
EMAIL_LOCAL_MAX = 64  # RFC 5321 §4.5.3.1.1

_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^{|}~\-]+$")
_DOMAIN = re.compile(r"(?:[\w\-]{1,63}\.){1,8}[^\W\d_]{2,24}(?!\w)")
_HANDLE = re.compile(r"@(?=[\w.]*[^\W_])[\w.]{1,38}[\w]")
_NOT_HANDLES = read_words("not_handles")
_SPELLED = re.compile(
    r"(?<![\w.])[\w.+\-]{1,64}(?:\s(?:dot|ponto|punto|point|punkt)\s[\w\-]{1,30}){0,2}\s?(?:\(at\)|\[at\]|\{at\}|\sat\s|\sarroba\s|\sarobase\s|\schiocciola\s)\s?"
    r"[\w\-]{2,40}(?:\s?(?:\(dot\)|\[dot\]|\{dot\}|\sdot\s|\sponto\s|\spunto\s|\spoint\s|\spunkt\s|\.)\s?[a-z]{2,10}){1,3}(?!\w)"
)
_SPELLED_GATE = re.compile(r"[\(\[\{ ]at[\)\]\} ]|arroba|arobase|chiocciola")
_SPELLED_DOT = re.compile(
    r"[\(\[\{ ](?:dot|ponto|punto|point|punkt)[\)\]\} ]|[\(\[\{]at[\)\]\}]|(?:gmail|yahoo|hotmail|outlook|icloud|proton\w*|gmx|web)\."
)

_URL = re.compile(
    r"(?<![a-z0-9])(?:(?:https?|ftp|sftp|ssh)://|www\.)[^\s<>\"'\]\[{}|\\^`\ue000-\ue0ff]{3,2000}", re.I
)
_BARE = re.compile(
    r"(?<![\w@.\-/])(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.){1,6}"
    r"(?:(?:com|org|net|info|app|dev|shop|online|site|xyz|cloud|store|blog|tech|edu|gov|biz|club)(?:\.[a-z]{2})?(?:/[^\s<>\"')\]\ue000-\ue0ff]*)?"
    r"|(?:io|ai|co|me|de|fr|es|it|nl|pl|pt|br|tr|in|kr|uk|us|eu|ch|at|be|ru|tv|ly|gg|gl|to|jp|cn)/[^\s<>\"')\]\ue000-\ue0ff]+)(?![\w\-@])"
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{2,5}|/\d{1,2})?(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-f:]*\d)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:%\w+)?(?![\w:])", re.I)
_MAC = re.compile(r"(?<![\w:\-])(?:[0-9a-f]{2}([:\-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?![\w:\-])", re.I)
_COORDINATES = re.compile(
    r"(?<![\w.])-?\d{1,2}\.\d{3,9}°?\s?[ns]?\s*[,;/]\s*-?\d{1,3}\.\d{3,9}°?\s?[eow]?(?![\w.])"
)
_ACCOUNT_NAME = re.compile(
    r"(?<!\w)(?:user ?name|user ?id|login|insta(?:gram)?|snap(?:chat)?|discord|telegram|tiktok|twitter|skype|reddit|steam|psn|gamertag|kakao(?: ?talk)?(?: ?id)?"
    r"|line id|benutzername|nutzername|nombre de usuario|usuario|nome de usuario|nome utente|nom d'utilisateur|pseudo|gebruikersnaam|nazwa uzytkownika|kullanici adi|아이디|यूज़रनेम)"
    r"\s*(?:is|ist|est|es|e|:|=|-|->|은|는| )\s*@?(?=[\w.\-#]*[\d_.#])((?:[a-z0-9_][\w.\-]{2,30})(?:#\d{4})?)(?<![.\-])(?!\w)"
)

_PHONE = re.compile(
    r"(?<![0-9A-Za-z_.@#/$€£+\-])(?<![0-9][ \-./,])(?:\+|00)?[ ]?\(?\d(?:[ \-./()]{0,2}\d){5,17}(?!(?!x\d|ext)[0-9A-Za-z_]|[.,:/\-]\d|%|-\w(?![^\W\d_]{2}))"
)
_PHONE_WORD_AFTER = re.compile(
    r"[ \-/(,:]{1,3}(?:office|fax|mobile|cell|home|work|handy|whatsapp|tel|desk|movil|celular|cellulare)(?!\w)"
)
_PHONE_WORDS = re.compile(
    r"(?<![^\W\d_])(?:phone\w*|call|answering at|reach (?:me|him|her|us|them) (?:at|on)|text me|tel|tele\w*|mobile|cell\w*|whats ?app|wa|number is|ring|fax|contact|handy\w*|nummer|anruf\w*|ruf|mobil\w*|telef\w*"
    r"|llam\w*|movil|celular|cel|numero|ligar?|liga|chama|zap|appel\w*|portable|joindre|chiam\w*|cellulare|bel|bellen|gsm|zadzwon\w*|komork\w*|numer\w*|ara|cep|numara\w*|desk|line|dial|sms"
    r"|फोन|फ़ोन|मोबाइल|नंबर|फोन|전화\w*|연락처|번호|핸드폰|폰|هاتف|جوال|رقم|телефон\w*|тел|номер\w*|電話|手机|电话)"
)
_NOT_PHONE = re.compile(
    r"(?:order|invoice|ticket|tracking|isbn|issn|part|serial|version|build|ref\w*|code|case|bestell\w*|rechnung\w*|pedido|factura|commande|facture|ordine|fattura|zamowien\w*|faktur\w*|siparis|sequence|identifier|seri\w+|lot|sku|art\w*|"
    r"id|nr ref|sygn\w*|zip|plz|cep|postal|pin ?code|score|population|\$|€|£|₹|₩|r\$|rs|eur|usd|krw|inr|pln|zl|tl|won)[ .:#\-]{0,3}(?:number|no|nr|n°|numer|numero|nummer)?[ .:#\-]{0,3}$"
)
_NANP = re.compile(
    r"(?:\+?1[ .\-]?)?(?:\(\d{3}\) ?|\d{3}[.\-])\d{3}[ .\-]\d{4}|(?:\+?1[ .\-])?\d{3} \d{3}[ \-]\d{4}"
)
_DATE_LIKE = re.compile(
    r"(?:19|20)\d\d[.\-/ ]\d{1,2}[.\-/ ]\d{1,2}|\d{1,2}[.\-/ ]\d{1,2}[.\-/ ](?:19|20)\d\d|(?:19|20)\d\d ?- ?(?:19|20)\d\d"
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:[ .]\d{3}){1,5}")
_EXTENSION = re.compile(r"\s?(?:ext\.?|x|durchwahl|int\.|ramal)\s?\d{1,5}(?!\w)", re.I)


def find_at_signs(view: View) -> Iterator[Span]:
    """E-mails and handles, in a text that holds an @. Looks back at most 64 characters from each @."""
    text = view.folded
    at = text.find("@")
    while at >= 0:
        local = _LOCAL.search(text, max(0, at - EMAIL_LOCAL_MAX), at)
        domain = _DOMAIN.match(text, at + 1)
        if local and domain and (start := _trim_local(text, local.start(), at)) < at:
            yield Span(start, domain.end(), "EMAIL", 0.99, "email")
        elif at == 0 or not (text[at - 1].isalnum() or text[at - 1] in "/_.`"):
            handle = _HANDLE.match(text, at)
            if handle and handle.group()[1:].lower() not in _NOT_HANDLES:
                yield Span(at, handle.end(), "USERNAME", 0.85, "handle")
        at = text.find("@", at + 1)


def _trim_local(text: str, start: int, at: int) -> int:
    while start < at and text[start] in ".!#$%&'*+/=?^{|}~-":
        start += 1
    return start


def find_spelled(view: View) -> Iterator[Span]:
    """E-mails written in words."""
    if _SPELLED_GATE.search(view.plain) and _SPELLED_DOT.search(view.plain):
        for match in _SPELLED.finditer(view.plain):
            if _SPELLED_DOT.search(match.group()):
                yield Span(match.start(), match.end(), "EMAIL", 0.85, "email.spelled")


def find_urls(view: View) -> Iterator[Span]:
    """URLs and bare domains, without the punctuation of the sentence around them."""
    for match in _URL.finditer(view.folded):
        end = match.end()
        while end > match.start() and view.folded[end - 1] in ".,;:!?)*_~":
            if view.folded[end - 1] == ")" and "(" in match.group():
                break
            end -= 1
        yield Span(match.start(), end, "URL", 0.95, "url")
    for match in _BARE.finditer(view.plain):
        yield Span(match.start(), match.end(), "URL", 0.82, "url.bare")


def find_accounts(view: View) -> Iterator[Span]:
    """Account names given as such: "my insta is ana_92"."""
    for match in _ACCOUNT_NAME.finditer(view.plain):
        yield Span(match.start(1), match.end(1), "USERNAME", 0.85, "username.named")


def find_hosts(view: View) -> Iterator[Span]:
    """IP and MAC addresses and coordinates, in a text that holds digits."""
    for match in _IPV4.finditer(view.folded):
        if all(int(octet) < 256 for octet in re.split(r"[:/]", match.group())[0].split(".")):
            before = view.plain[max(0, match.start() - 9) : match.start()]
            if not before.rstrip().endswith(("version", "v", "release")):
                yield Span(match.start(), match.end(), "IP", 0.95, "ip.v4")
    for match in _IPV6.finditer(view.folded):
        if _is_ipv6(match.group().partition("%")[0]):
            yield Span(match.start(), match.end(), "IP", 0.95, "ip.v6")
    for match in _MAC.finditer(view.folded):
        yield Span(match.start(), match.end(), "DEVICE_ID", 0.95, "mac")
    for match in _COORDINATES.finditer(view.plain):
        yield Span(match.start(), match.end(), "LOCATION", 0.9, "coordinates")


def _is_ipv6(value: str) -> bool:
    try:
        ipaddress.IPv6Address(value)
    except ValueError:
        return False
    return True


def find_phones(view: View) -> Iterator[Span]:
    """Phone numbers. About ten thousand candidates a second; other text costs one scan."""
    for match in _PHONE.finditer(view.folded):
        start, end = match.start(), match.end()
        written = match.group()
        if written.count("(") > written.count(")") and "(" in written[1:]:
            cut = written.rindex("(")
            written, end = written[:cut].rstrip(" -./"), start + len(written[:cut].rstrip(" -./"))
        if written.startswith(" "):
            written, start = written[1:], start + 1
        score = _phone_score(view, written, start, end)
        if score:
            extension = _EXTENSION.match(view.folded, end)
            yield Span(start, extension.end() if extension else end, "PHONE", score, "phone")


def _phone_score(view: View, written: str, start: int, end: int) -> float:
    digits = sum(c.isdigit() for c in written)
    if not 6 <= digits <= 15 or _DATE_LIKE.match(written) or written.count("/") > 1:
        return 0.0
    before = view.plain[max(0, start - CONTEXT_CHARS) : start]
    named = _PHONE_WORDS.search(before) is not None or _PHONE_WORD_AFTER.match(view.plain, end) is not None
    if digits == 6 and not named:
        return 0.0
    if not named and _NOT_PHONE.search(before):
        return 0.0
    international = written.startswith(("+", "00"))
    if international and digits >= 8:
        possible = _possible(written if written[0] == "+" else "+" + written[2:])
        return 0.95 if possible else 0.7 if named else 0.0
    if _NANP.fullmatch(written):
        return 0.9
    if named:
        return 0.85
    if _THOUSANDS.fullmatch(written) or digits < 9:
        return 0.0
    if written[0] in "0(" or not written.isdigit() or digits == 10:
        return 0.75 if any(_valid(written, region) for region in REGIONS) else 0.0
    return (
        0.7
        if digits == 11 and written[0] in "01" and any(_valid(written, region) for region in REGIONS)
        else 0.0
    )


def _possible(written: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(written, None))
    except phonenumbers.NumberParseException:
        return False


def _valid(written: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number_for_region(phonenumbers.parse(written, region), region)
    except phonenumbers.NumberParseException:
        return False
