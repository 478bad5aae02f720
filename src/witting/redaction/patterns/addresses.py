"""Where somebody lives or works, as street and number, and postcodes.

Covers: street words with a number in en de nl fr es pt it pl tr ru uk ro cs sk sv da no hu id, Korean and Japanese
address order, post boxes, postcodes beside a word that names them or in a form that is one by itself (UK, NL, CA, BR).
Not covered: place names alone, addresses without a street word, landmarks ("behind the temple").
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from witting.redaction.normalise import View
from witting.redaction.span import Span

_NUMBER = r"\d{1,5}[a-z]?(?:[/\-]\d{1,4}[a-z]?)?"
_NAME = r"[^\W\d_][\w'.\-]*"
_FLAT = r"(?:,? (?:apt|apartment|suite|ste|unit|flat|floor|fl|#|app|apto|piso|int|scala|wohnung|bus|m\.|daire|kat)\.? ?#?[\w\-]{1,6})?"
_EN = rf"{_NUMBER},? (?:(?:north|south|east|west|[nsew]\.?) )?(?:{_NAME} ){{1,4}}(?:street|st|avenue|ave|road|rd|lane|ln|drive|boulevard|blvd|court|place|pl|square|sq|terrace|crescent|close|highway|hwy|parkway|pkwy|mews|gardens|walk|row|trail|nagar|marg)\b\.?{_FLAT}"
_COMPOUND = rf"(?:(?!(?:der|die|das|dem|den|des|in|im|an|am|auf|bei|i|pa|vid|de|het|aan|op|und|en|och|og|adres\w*|z|na|v|u) ){_NAME} )?[^\W\d_]*(?:straße|strase|strasse|str\.|stras\.|weg|allee|gasse|damm|ufer|straat|laan|plein|gracht|kade|gatan|gata|gate|vagen|vej|gade|veien|ulice|ulica|tanav|katu|kuja|iela|gatve|utca|utja)(?: {_NAME})? {_NUMBER}{_FLAT}"
_FR = rf"\d{{1,4}}(?: ?(?:bis|ter))?,? (?:rue|avenue|av\.|boulevard|bd|place|chemin|impasse|allee|quai|route|cours|passage|square)(?: (?:de la|de l'|des|du|de|d'|la|le|les))?(?: ?{_NAME}){{1,4}}"
_SOUTH = rf"(?<!\w)(?:calle|c/|avenida|avda?\.?|plaza|paseo|carrera|camino|rua|r\.|travessa|praca|alameda|estrada|rodovia|via|viale|piazza|corso|vicolo|largo|strada|str\.|bulevardul|ulica|ul\.|aleja|al\.|aleje|osiedle|os\.|plac|bulevar|jalan|jl\.|улица|ул\.|вулиця|вул\.|проспект|пр\.|бульвар|булевар) ?(?:{_NAME}[ ,]+){{1,5}}(?:(?:n|no|nr|num|numero|nº|n°|дом|д|буд|lote)\.? ?[º°]? ?)?{_NUMBER}{_FLAT}"
_TR = rf"(?:{_NAME} ){{1,3}}(?:caddesi|cad\.|cd\.|sokagi|sokak|sok\.|sk\.|bulvari|blv\.|mahallesi|mah\.)(?: ?no ?:?)? ?{_NUMBER}"
_KO = r"(?:[가-힣]{2,8}(?:시|도|특별시|광역시) )?(?:[가-힣]{1,6}(?:시|군|구) ){1,2}[가-힣\d]{1,10}(?:로|길|동|읍|면)(?: ?\d{1,4}(?:-\d{1,4})?(?:번길 ?\d{1,4})?(?:번지)?)"
_JA = r"[一-龯]{2,3}[都道府県][一-龯ぁ-んァ-ヶ]{1,16}(?:\d{1,4}(?:丁目|番地?|号|-)?){1,4}"
_BOX = r"(?<!\w)(?:p\.?o\.? box|postfach|apartado(?: de correos)?|caixa postal|casella postale|boite postale|postbus|skrytka pocztowa) \d{1,6}"
_STREETS = re.compile("|".join(rf"(?<![\w])(?:{p})(?!\w)" for p in (_FR, _EN, _COMPOUND, _SOUTH, _TR)))
_EAST = re.compile(f"{_KO}|{_JA}")
_BOXES = re.compile(_BOX)
# A postcode after the street, with its town if that has a capital letter.
_TOWN = re.compile(
    r"(?:,|\.| \|| -|\n)? ?(?:[A-Z]{1,2}-)?(?:\d{4,6}|\d{2,3} \d{2,3}|\d{2}-\d{3}|\d{4} [A-Z]{2})(?![\w\-])(?:,? [^\W\d_a-z][^\W\d_]+)?"
)
_STREET_GATE = re.compile(
    r"street|\bst\b|ave|road|\brd\b|lane|\bln\b|drive|boulevard|bl?vd|court|place|\bpl\b|square|terrace|crescent|close|highway|hwy|parkway|mews|gardens|walk|row|trail|nagar|marg"
    r"|stras|str\.|straße|weg|allee|gasse|damm|ufer|straat|laan|plein|gracht|kade|gata|gate|katu|kuja|vagen|vej|gade|veien|ulic|tanav|iela|utca|utja"
    r"|rue|\bbd\b|chemin|impasse|quai|route|cours|passage|calle|c/|avd|plaza|paseo|carrera|camino|rua|\br\.|travessa|praca|alameda|estrada|rodovia|\bvia|piazza|corso|vicolo|largo|strada|bulev|ul\.|alej|\bal\.|osiedle|\bos\.|plac|jalan|jl\.|улиц|ул\.|вул|просп|пр\.|бульв|булев"
    r"|cad|\bcd\.|soka|sok\.|\bsk\.|bulvar|mah|box|postfach|apartado|caixa|casella|boite|postbus|skrytka"
)

_POSTCODE_NAMED = re.compile(
    r"(?<!\w)(?:zips?(?: ?codes?)?|post ?codes?|postal codes?|pin ?codes?|plz|postleitzahl|code postal|codigo postal|cep|c\.?a\.?p\.?|postcode|kod pocztowy|posta kodu|cod postal|psc|irsz|iranyitoszam"
    r"|postnummer|postinumero|postiindeks|pasta indekss|posti?indeks\w*|kode pos|ma buu chinh|ταχυδρομικος κωδικας|поштански број|পিন|পোস্টকোড|ডাক কোড|ପିନ୍|பின்|அஞ்சல் குறியீடு|పిన్|الرمز البريدي|پوسٹل کوڈ|מיקוד|รหัสไปรษณีย์|индекс|індекс|пощенски код|postanski broj|postcode|poskode|पिन(?: ?कोड)?|우편번호(?:는)?|郵便番号|邮编)"
    r"[ :.#は]{0,3}((?=[a-z]{0,3}-?\d)[a-z]{0,3}-?\d(?:[\d]|[ \-](?=\d)|[a-z](?=\d)){2,9}[a-z]{0,2})(?![0-9A-Za-z_]|-\d)"
)
_POSTCODE_ALONE = re.compile(
    r"(?<![\w\-])(?:(?:GIR 0AA|[A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d(?:\d|[A-Z])?|\d[A-HJKPS-UW]) \d[ABD-HJLNP-UW-Z]{2})"  # UK
    r"|[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] \d[ABCEGHJ-NPRSTV-Z]\d"  # Canada
    r"|[1-9]\d{3} (?!SA|SD|SS|AM|PM|KM|KG|EU|US|UK|TV|PC|CM|MM|MB|GB|TB|HZ|AD|BC|CE)[A-Z]{2}(?= |,|\.|$|\n)"  # Netherlands
    r"|(?:A[LKSZRAEP]|C[AOT]|D[EC]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]),? \d{5}(?:-\d{4})?"  # US state
    r"|\d{5}-\d{3}(?=[ ,.;]|$)|\d{2}-\d{3}(?= [A-ZŁŚŻŹĆ][a-zł])"  # Brazil; Poland before a town
    r"|〒 ?\d{3}-\d{4}|\d{5}(?:-\d{4})?(?=,? [A-Z][a-z]+(?: [A-Z][a-z]+)?$))(?!\w)",
    re.M,
)


def find(view: View) -> Iterator[Span]:
    """Street addresses and postcodes that are one by themselves, in a text that holds a digit."""
    if _STREET_GATE.search(view.plain):
        for match in _STREETS.finditer(view.plain):
            town = _TOWN.match(view.folded, match.end())
            yield Span(match.start(), town.end() if town else match.end(), "ADDRESS", 0.85, "address.street")
        for match in _BOXES.finditer(view.plain):
            yield Span(match.start(), match.end(), "ADDRESS", 0.85, "address.box")
    if not view.folded.isascii():
        for match in _EAST.finditer(view.folded):
            yield Span(match.start(), match.end(), "ADDRESS", 0.85, "address.east")
    for match in _POSTCODE_ALONE.finditer(view.folded):
        yield Span(match.start(), match.end(), "ADDRESS", 0.8, "postcode")


def find_named(view: View) -> Iterator[Span]:
    """Postcodes beside the word that names them."""
    for match in _POSTCODE_NAMED.finditer(view.plain):
        yield Span(match.start(1), match.end(1), "ADDRESS", 0.82, "postcode.named")
