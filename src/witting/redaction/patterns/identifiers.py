"""Numbers that states and banks give to people.

Covers: cards, IBANs, about fifty national numbers (`checks.py`) and, where no check exists, numbers named as such
("passport no. ..."). A number whose check is weak (one digit in ten or eleven passes) is believed only in its
official grouping or beside a word that names it. Not covered: whether a number was ever issued; numbers without a
check and without a word beside them.
Shapes: one loose scan finds runs of digit groups; every contiguous sub-run is looked up by its compact length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from witting.redaction.lexicon import read_words
from witting.redaction.normalise import View
from witting.redaction.patterns import checks
from witting.redaction.span import Span

CONTEXT_CHARS = 48  # how far before a number a word may name it
GROUPS_MAX = 12  # of one run; IBANs are found on their own
CERTAIN, LIKELY = 0.99, 0.9


@dataclass(frozen=True)
class Identifier:
    """`shape` matches the compact form; `grouped` the official way to write it; `words` name it.

    `alone`: strong enough to be believed without grouping or words.
    """

    kind: str
    shape: str
    check: Callable[[str], bool]
    words: str
    grouped: str = ""
    alone: bool = False


def _national(name: str) -> str:
    return f"NATIONAL_ID.{name}"


# Order decides among kinds that are equally well founded.
IDENTIFIERS = (
    Identifier("CARD", r"\d{13,19}", checks.card, "card|carte|karte|tarjeta|cartao|carta|kart|visa|mastercard|amex|카드|कार्ड", r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ -])\d{6}\2\d{4,5}", alone=True),
    Identifier(_national("US_SSN"), r"\d{9}", checks.us_ssn, "ssn|social security|itin|tax ?payer", r"\d{3}-\d{2}-\d{4}"),
    Identifier(_national("FR_NIR"), r"\d{5}(?:\d\d|2[AB])\d{8}", checks.fr_nir, "nir|secu|securite sociale|insee", alone=True),
    Identifier(_national("BR_CPF"), r"\d{11}", checks.br_cpf, "cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}", alone=True),
    Identifier(_national("BR_CNPJ"), r"\d{14}", checks.br_cnpj, "cnpj", r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}", alone=True),
    Identifier(_national("TR_TCKN"), r"\d{11}", checks.tr_tckn, "tckn|tc ?kimlik|kimlik|t\\.c\\.", alone=True),
    Identifier(_national("BE_NRN"), r"\d{11}", checks.be_national_number, "rijksregister|registre national|insz|niss|numero national", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", alone=True),
    Identifier(_national("NO_FNR"), r"\d{11}", checks.no_fodselsnummer, "fodselsnummer|personnummer|fnr", r"\d{6} \d{5}", alone=True),
    Identifier(_national("PL_PESEL"), r"\d{11}", checks.pl_pesel, "pesel", alone=True),
    Identifier(_national("EE_ISIKUKOOD"), r"\d{11}", checks.baltic, "isikukood|asmens koda|ak\\b"),
    Identifier(_national("DE_STEUERID"), r"\d{11}", checks.de_steuerid, "steuer|idnr|identifikationsnummer|tin", r"\d{2} \d{3} \d{3} \d{3}", alone=True),
    Identifier(_national("HR_OIB"), r"\d{11}", checks.iso7064_mod11_10, "oib"),
    Identifier(_national("RU_SNILS"), r"\d{11}", checks.ru_snils, "снилс|snils", r"\d{3}-\d{3}-\d{3}[ -]\d{2}"),
    Identifier(_national("AR_CUIT"), r"\d{11}", checks.ar_cuit, "cuit|cuil", r"\d{2}-\d{8}-\d"),
    Identifier(_national("GR_AMKA"), r"\d{11}", checks.gr_amka, "amka|αμκα"),
    Identifier(_national("LV_PK"), r"\d{11}", checks.lv_personas_kods, "personas kod", r"\d{6}-\d{5}"),
    Identifier(_national("ES_DNI"), r"\d{8}[A-Z]", checks.es_dni, "dni|nif", alone=True),
    Identifier(_national("ES_NIE"), r"[XYZ]\d{7}[A-Z]", checks.es_nie, "nie|dni", alone=True),
    Identifier(_national("IT_CF"), r"[A-Z]{6}[\dLMNPQRSTUV]{2}[A-Z][\dLMNPQRSTUV]{2}[A-Z][\dLMNPQRSTUV]{3}[A-Z]", checks.it_codice_fiscale, "codice fiscale", alone=True),
    Identifier(_national("MX_CURP"), r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d", checks.mx_curp, "curp", alone=True),
    Identifier(_national("CN_RIN"), r"\d{17}[\dX]", checks.cn_rin, "身份证", alone=True),
    Identifier(_national("UK_NINO"), r"[A-Z]{2}\d{6}[A-D]", checks.uk_nino, "nino|national insurance", alone=True),
    Identifier(_national("SG_NRIC"), r"[STFGM]\d{7}[A-Z]", checks.sg_nric, "nric|fin", alone=True),
    Identifier(_national("IE_PPS"), r"\d{7}[A-W][A-IW]?", checks.ie_pps, "pps"),
    Identifier(_national("IN_PAN"), r"[A-Z]{5}\d{4}[A-Z]", checks.in_pan, "pan|पैन", alone=True),
    Identifier(_national("IN_AADHAAR"), r"\d{12}", checks.in_aadhaar, "aadhaar|aadhar|adhaar|uidai|uid|आधार|ஆதார்|ఆధార్|আধার|আধাৰ|ଆଧାର", r"\d{4}[ -]\d{4}[ -]\d{4}"),
    Identifier(_national("JP_MYNUMBER"), r"\d{12}", checks.jp_my_number, "my number|マイナンバー|個人番号"),
    Identifier(_national("RU_INN"), r"\d{10}(?:\d\d)?", checks.ru_inn, "инн|inn\\b"),
    Identifier(_national("UA_RNOKPP"), r"\d{10}", checks.ua_rnokpp, "рнокпп|rnokpp|ипн|іпн"),
    Identifier(_national("MY_NRIC"), r"\d{12}", checks.my_nric, "mykad|kad pengenalan|nric|no kp", r"\d{6}-\d{2}-\d{4}"),
    Identifier(_national("KR_RRN"), r"\d{13}", checks.kr_rrn_shape, "주민(?:등록)?번호|rrn", r"\d{6}-\d{7}"),
    Identifier(_national("ZA_ID"), r"\d{13}", checks.za_id, "identity|id[- ]?(?:number|nommer|no)|isazisi|yesazisi|sa id", alone=True),
    Identifier(_national("RO_CNP"), r"\d{13}", checks.ro_cnp, "cnp", alone=True),
    Identifier(_national("RS_JMBG"), r"\d{13}", checks.rs_jmbg, "jmbg|јмбг", alone=True),
    Identifier(_national("CH_AHV"), r"\d{13}", checks.ch_ahv, "ahv|avs", r"\d{3}\.\d{4}\.\d{4}\.\d{2}", alone=True),
    Identifier(_national("TH_ID"), r"\d{13}", checks.th_national_id, "บัตรประชาชน|thai id", r"\d-\d{4}-\d{5}-\d{2}-\d"),
    Identifier(_national("ID_NIK"), r"\d{16}", checks.id_nik, "nik|ktp"),
    Identifier(_national("SE_PNR"), r"(?:19|20)?\d{10}", checks.se_personnummer, "personnummer|personnr", r"(?:19|20)?\d{6}[-+]\d{4}"),
    Identifier(_national("FI_HETU"), r"\d{9}[\dA-Y]", checks.fi_hetu, "hetu|henkilotunnus", r"\d{6}[-+A]\d{3}[\dA-Y]"),
    Identifier(_national("CZ_RC"), r"\d{10}", checks.cz_rodne_cislo, "rodne cislo|rodne cisl|r\\.c\\.", r"\d{6}/\d{4}"),
    Identifier(_national("BG_EGN"), r"\d{10}", checks.bg_egn, "егн|egn"),
    Identifier(_national("DK_CPR"), r"\d{10}", checks.dk_cpr, "cpr", r"\d{6}-\d{4}"),
    Identifier(_national("AT_SVNR"), r"\d{10}", checks.at_svnr, "svnr|sozialversicherung|sv[- ]nummer", r"\d{4} \d{6}"),
    Identifier(_national("UK_NHS"), r"\d{10}", checks.uk_nhs, "nhs", r"\d{3} \d{3} \d{4}"),
    Identifier(_national("PL_NIP"), r"\d{10}", checks.pl_nip, "nip\\b", r"\d{3}-\d{3}-\d{2}-\d{2}|\d{3}-\d{2}-\d{2}-\d{3}"),
    Identifier(_national("AU_MEDICARE"), r"\d{10}", checks.au_medicare, "medicare", r"\d{4} \d{5} \d"),
    Identifier(_national("PL_DOWOD"), r"[A-Z]{3}\d{6}", checks.pl_dowod, "dow[oó]d|seria i numer", alone=True),
    Identifier(_national("PL_REGON"), r"\d{9}", checks.pl_regon, "regon"),
    Identifier(_national("NL_BSN"), r"\d{9}", checks.nl_bsn, "bsn|burgerservicenummer|sofi"),
    Identifier(_national("PT_NIF"), r"\d{9}", checks.pt_nif, "nif\\b|contribuinte"),
    Identifier(_national("CA_SIN"), r"\d{9}", checks.ca_sin, "sin\\b|social insurance|nas\\b", r"\d{3}-\d{3}-\d{3}"),
    Identifier(_national("AU_TFN"), r"\d{8,9}", checks.au_tfn, "tfn|tax file"),
    Identifier(_national("HU_TAJ"), r"\d{9}", checks.hu_taj, "taj"),
    Identifier(_national("CL_RUT"), r"\d{7,8}[\dK]", checks.cl_rut, "rut\\b|run\\b", r"\d{1,2}\.\d{3}\.\d{3}-[\dK]"),
    Identifier(_national("HK_HKID"), r"[A-Z]{1,2}\d{6}[\dA]", checks.hk_hkid, "hkid|身份證", r"[A-Z]{1,2}\d{6}\([\dA]\)"),
    Identifier("DEVICE_ID", r"\d{15}", checks.luhn, "imei"),
)  # fmt: skip

_COMPILED = tuple(
    (
        identifier,
        re.compile(identifier.shape),
        re.compile(identifier.grouped) if identifier.grouped else None,
        re.compile(rf"(?<![^\W\d_])(?:{identifier.words})"),
    )
    for identifier in IDENTIFIERS
)
_BY_LENGTH = {
    size: tuple(entry for entry in _COMPILED if entry[1].fullmatch("1" * size) or "[" in entry[1].pattern)
    for size in range(8, 20)
}

# Groups of digits with at most five letters before and two after, joined by single separators.
_RUN = re.compile(
    r"(?<![0-9A-Za-z_@])(?:[A-Za-z]{0,6}\d[\dA-Za-z]*)(?:[ .\-/+]\(?\d[\dA-Za-z]*\)?|\([\dA]\)|[ \-][A-Za-z](?![0-9A-Za-z_])|[ \-][A-Za-z]{1,2}\d[\dA-Za-z]*)*(?![0-9A-Za-z_])"
)
_GROUP = re.compile(r"[\dA-Za-z]+")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ -]?\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_UNGROUPED_BANK = re.compile(
    r"(?<![\w-])(?:\d{2}(?:[ -]\d{4}){6}|\d{26})(?![0-9A-Za-z_])"
)  # an IBAN written without its country
TRIGGERS = read_words("id_triggers")
TRIGGER_STEMS = ("여권", "차량", "계좌", "우편번호", "郵便番号", "邮编", "paszport", "รหัส", "เลข", "posti")
_NAMED = re.compile(
    r"(?<!\w)(passport|pasaporte|passeport|reisepass|pass-?nr|passaporte|passaporto|paspoort|paszport\w*|pasaport|여권|पासपोर्ट"
    r"|driver'?s? licen[cs]e|driving licen[cs]e|licence de conduire|permis de conduire|fuhrerschein|prawo jazdy|patente|carnet de conducir|cnh"
    r"|national id|identity card|id card|id number|id no|carte d'identite|personalausweis|ausweis|cedula|carta d'identita|identiteitskaart|rg"
    r"|insurance (?:number|no|id)|medical record|mrn|member id|patient id|policy (?:number|no)|numero de securite sociale|versichertennummer"
    r"|tax id|vat id|ust-?idnr|voter id|dowodu osobistego|dowod osobisty|nin|nhif|nida|kitambulisho|cccd|cmnd|can cuoc cong dan|abha(?: संख्या)?|полис омс|الرقم القومي|شناختی کارڈ|תעודת זהות|เลขบัตรประชาชน|licen[cs]e plate|number plate|kennzeichen|matricula|placa|plaque|targa|kenteken|plaka|nr rej|numer rejestracyjny(?: pojazdu)?|차량 ?번호)"
    r"[ .:#|]{0,3}(?:card|number|no|nr|num|numero|nummer|n°|nº|is|ist|es|est|e|:|=|#|\.|번호|नंबर| )*[ .:#=|]*"
    r"(?=[a-z0-9\-/ ]*\d)([a-z0-9](?:[a-z0-9]|[\-/](?=[a-z0-9])|[ ](?=\d)){4,19})(?![\w-])"
)  # fmt: skip
_VIN = re.compile(
    r"(?<!\w)vin(?: \w+)?[ .:#|]{0,4}((?=[a-z \-]*\d)(?:[a-hj-npr-z0-9][ \-]?){16}[a-hj-npr-z0-9])(?![0-9A-Za-z_])"
)  # ISO 3779: seventeen characters without I, O, Q
_ACCOUNT = re.compile(
    r"(?<!\w)(?:account|acct|acc|a/c|konto|kontonummer|compte|cuenta|conta|conto|rekening|rekeningnummer|hesap|routing|sort code|agencia|ifsc|계좌|खाता)"
    r"[ .:#]{0,3}(?:number|no|nr|num|numero|nummer|n°|nº|is|:|=|#|번호|नंबर|संख्या| )*[ .:#=]*((?=[a-z]{0,4}\d)[a-z]{0,4}\d(?:[\d]|[ -](?=\d)){5,17})(?!\w)"
)  # fmt: skip


def find(view: View) -> Iterator[Span]:
    """Identifiers in a text that holds digits. Linear: each run is cut into at most 78 sub-runs."""
    yield from _ibans(view)
    for run in _RUN.finditer(view.folded):
        if run.end() - run.start() >= 8:
            yield from _in_run(view, run.start(), run.end())


def find_named(view: View) -> Iterator[Span]:
    """Numbers known by the words beside them; a text that holds one of TRIGGERS and a digit."""
    for match in _NAMED.finditer(view.plain):
        yield Span(match.start(2), match.end(2), _named_kind(match.group(1)), 0.85, "id.named")
    for match in _VIN.finditer(view.plain):
        yield Span(match.start(1), match.end(1), "DEVICE_ID.VIN", 0.9, "vin")
    for match in _ACCOUNT.finditer(view.plain):
        yield Span(match.start(1), match.end(1), "ACCOUNT", 0.85, "account.named")


_NAMED_KINDS = (
    (("pass", "pasa", "paszport", "paspoort", "reise", "여권", "पास"), "NATIONAL_ID.PASSPORT"),
    (("driv", "licence de", "permis", "fuhrer", "prawo", "patente", "carnet", "cnh"), "NATIONAL_ID.DRIVER"),
    (("licen", "number plate", "kennz", "matric", "placa", "plaque", "targa", "kentek", "plaka", "nr rej", "numer rej", "차량"), "NATIONAL_ID.PLATE"),
)  # fmt: skip


def _named_kind(name: str) -> str:
    return next((kind for starts, kind in _NAMED_KINDS if name.startswith(starts)), "NATIONAL_ID")


def _ibans(view: View) -> Iterator[Span]:
    for match in _IBAN.finditer(view.folded):
        size = checks.IBAN_LENGTHS.get(match.group()[:2].upper())
        end = _after_characters(view.folded, match.start(), match.end(), size) if size else None
        if end is None:
            continue
        if checks.iban(_compact(view.folded[match.start() : end])):
            yield Span(match.start(), end, "IBAN", CERTAIN, "iban")
    for match in _UNGROUPED_BANK.finditer(view.folded):
        value = _compact(match.group())
        if checks.iban("PL" + value):
            yield Span(match.start(), match.end(), "IBAN", CERTAIN, "iban.domestic")


def _after_characters(text: str, start: int, end: int, size: int) -> int | None:
    """The place after `size` letters and digits from `start`, if a word ends there."""
    seen = 0
    for at in range(start, end):
        seen += text[at].isalnum()
        if seen == size:
            return at + 1 if at + 1 == len(text) or not text[at + 1].isalnum() else None
    return None


def _compact(text: str) -> str:
    return "".join(c for c in text if c.isalnum()).upper()


def _in_run(view: View, start: int, end: int) -> Iterator[Span]:
    groups = [(start + m.start(), start + m.end()) for m in _GROUP.finditer(view.folded[start:end])]
    first = 0
    while first < len(groups):
        for last in range(min(len(groups), first + GROUPS_MAX), first, -1):
            span = _identify(view, groups, first, last)
            if span is not None:
                yield span
                first = last - 1
                break
        first += 1


def _identify(view: View, groups: Sequence[tuple[int, int]], first: int, last: int) -> Span | None:
    start, end = groups[first][0], groups[last - 1][1]
    if view.folded[end : end + 1] == ")" and "(" in view.folded[start:end]:
        end += 1  # Hong Kong writes its check digit in parentheses
    written = view.folded[start:end]
    compact = _compact(written)
    whole = last - first == len(groups)
    best: Span | None = None
    for identifier, shape, grouped, words in _BY_LENGTH.get(len(compact), ()):
        if not shape.fullmatch(compact) or not identifier.check(compact):
            continue
        if words.search(view.plain, max(0, start - CONTEXT_CHARS), start) is not None:
            return Span(start, end, identifier.kind, CERTAIN, "id.named_and_checked")
        official = grouped is not None and grouped.fullmatch(written.upper()) is not None
        official = official and (whole or not _goes_on(groups, first, last))
        if best is None and (official or (identifier.alone and (whole or written.isalnum()))):
            best = Span(start, end, identifier.kind, CERTAIN if official else LIKELY, "id.checked")
    return best


def _goes_on(groups: Sequence[tuple[int, int]], first: int, last: int) -> bool:
    """Whether the run has more groups of the same size on either side: then this is a piece of a longer number."""
    sizes = [end - start for start, end in groups]
    before = first > 0 and sizes[first - 1] == sizes[first]
    after = last < len(groups) and last - first < 4 and sizes[last] == sizes[last - 1]
    return before or after
