"""Check digits and plausibility of identifiers, each a pure function from the compact form to yes or no.

Covers: the public algorithms of ISO 7812 (Luhn), ISO 13616 (IBAN), ISO 7064, Verhoeff 1969 and of about fifty
national numbers. Input is upper-case letters and digits without separators, of the right length.
Not covered: whether a number was ever issued.
"""

from __future__ import annotations

from collections.abc import Sequence

IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SD": 18,
    "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22,
    "VG": 24, "XK": 20,
}  # fmt: skip

_VERHOEFF_D = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip
_VERHOEFF_P = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7), (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)  # fmt: skip
_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_ODD_CF: dict[str, int] = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14,
         16, 10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip
_OMOCODIA = str.maketrans("LMNPQRSTUV", "0123456789")


def _digits(value: str) -> list[int]:
    return [ord(c) - 48 for c in value]


def _weighted(value: str, weights: Sequence[int]) -> int:
    return sum((ord(c) - 48) * w for c, w in zip(value, weights, strict=False))


def _day(day: int, month: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)


def _varied(value: str) -> bool:
    return len(set(value)) > 1


def luhn(value: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    total = 0
    for place, digit in enumerate(reversed(_digits(value))):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0 and _varied(value)


def verhoeff(value: str) -> bool:
    state = 0
    for place, digit in enumerate(reversed(_digits(value))):
        state = _VERHOEFF_D[state][_VERHOEFF_P[place % 8][digit]]
    return state == 0


def iso7064_mod11_10(value: str) -> bool:
    product = 10
    for digit in _digits(value[:-1]):
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(value[-1])


def mod97(value: str) -> int:
    """Letters count 10 to 35 (ISO 7064, ISO 13616)."""
    return int("".join(str(int(c, 36)) for c in value)) % 97


def iban(value: str) -> bool:
    return IBAN_LENGTHS.get(value[:2]) == len(value) and mod97(value[4:] + value[:4]) == 1


def card(value: str) -> bool:
    """An issuer's first digits and length, and Luhn."""
    size, first = len(value), int(value[:4])
    issued = (
        (value[0] == "4" and size in (13, 16, 19))
        or (size == 16 and (5100 <= first <= 5599 or 2221 <= first <= 2720))
        or (size == 15 and value[:2] in ("34", "37"))
        or (size == 14 and (3000 <= first <= 3059 or value[:2] in ("36", "38", "39")))
        or (16 <= size <= 19 and (first in (6011, 6304, 6759) or value[:2] in ("62", "64", "65", "50", "56", "57", "58", "60", "67")))
        or (size == 16 and (3528 <= first <= 3589 or 2200 <= first <= 2204 or value[:3] == "979"))
    )  # fmt: skip
    return issued and luhn(value)


def fr_nir(value: str) -> bool:
    body = value[:13].replace("2A", "19").replace("2B", "18")
    if not (body.isdigit() and value[13:].isdigit() and value[0] in "1234578"):
        return False
    month = int(body[3:5])
    return (1 <= month <= 12 or 20 <= month <= 42 or month >= 50) and 97 - int(body) % 97 == int(value[13:])


def de_steuerid(value: str) -> bool:
    """Eleven digits; among the first ten exactly one digit comes twice or thrice (AO §139b, BZSt)."""
    counts = sorted((value[:10].count(d) for d in set(value[:10])), reverse=True)
    return value[0] != "0" and counts[0] in (2, 3) and counts[1:2] == [1] and iso7064_mod11_10(value)


def es_dni(value: str) -> bool:
    return _DNI[int(value[:8]) % 23] == value[8]


def es_nie(value: str) -> bool:
    return _DNI[int(str("XYZ".index(value[0])) + value[1:8]) % 23] == value[8]


def it_codice_fiscale(value: str) -> bool:
    total = sum(
        _ODD_CF[c] if place % 2 == 0 else int(c, 36) - (10 if c.isalpha() else 0)
        for place, c in enumerate(value[:15])
    )
    day = value[9:11].translate(_OMOCODIA)
    plausible = day.isdigit() and (1 <= int(day) <= 31 or 41 <= int(day) <= 71) and value[8] in "ABCDEHLMPRST"
    return plausible and chr(65 + total % 26) == value[15]


def nl_bsn(value: str) -> bool:
    return _varied(value) and (_weighted(value[:8], range(9, 1, -1)) - int(value[8])) % 11 == 0


def pl_pesel(value: str) -> bool:
    month = int(value[2:4]) % 20
    total = _weighted(value[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3))
    return _day(int(value[4:6]), month) and (10 - total % 10) % 10 == int(value[10])


def pl_nip(value: str) -> bool:
    return _varied(value) and _weighted(value[:9], (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(value[9])


def pl_regon(value: str) -> bool:
    return _varied(value) and _weighted(value[:8], (8, 9, 2, 3, 4, 5, 6, 7)) % 11 % 10 == int(value[8])


def pl_dowod(value: str) -> bool:
    total = sum((int(c, 36)) * w for c, w in zip(value, (7, 3, 1, 0, 7, 3, 1, 7, 3), strict=True))
    return total % 10 == int(value[3])


def pt_nif(value: str) -> bool:
    rest = 11 - _weighted(value[:8], range(9, 1, -1)) % 11
    return value[0] in "1235689" and (0 if rest > 9 else rest) == int(value[8])


def be_national_number(value: str) -> bool:
    if not (int(value[2:4]) <= 12 and int(value[4:6]) <= 31):
        return False
    check = int(value[9:])
    return check in (97 - int(value[:9]) % 97, 97 - int("2" + value[:9]) % 97)


def uk_nino(value: str) -> bool:
    return (
        value[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
        and not set(value[:2]) & set("DFIQUV")
        and value[1] != "O"
    )


def uk_nhs(value: str) -> bool:
    rest = 11 - _weighted(value[:9], range(10, 1, -1)) % 11
    return _varied(value) and rest != 10 and rest % 11 == int(value[9])


def us_ssn(value: str) -> bool:
    return value[:3] not in ("000", "666") and value[3:5] != "00" and value[5:] != "0000" and _varied(value)


def br_cpf(value: str) -> bool:
    def check(size: int) -> int:
        return _weighted(value[:size], range(size + 1, 1, -1)) * 10 % 11 % 10

    return _varied(value) and check(9) == int(value[9]) and check(10) == int(value[10])


def br_cnpj(value: str) -> bool:
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)

    def check(size: int) -> int:
        rest = _weighted(value[:size], weights[13 - size :]) % 11
        return 0 if rest < 2 else 11 - rest

    return _varied(value) and check(12) == int(value[12]) and check(13) == int(value[13])


def kr_rrn_shape(value: str) -> bool:
    """Numbers given since October 2020 have no check digit, so a dashed one is judged by its date alone."""
    return _day(int(value[4:6]), int(value[2:4])) and value[6] in "12345678"


def kr_rrn(value: str) -> bool:
    total = _weighted(value[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return kr_rrn_shape(value) and (11 - total % 11) % 10 == int(value[12])


def in_aadhaar(value: str) -> bool:
    return value[0] in "23456789" and _varied(value) and verhoeff(value)


def in_pan(value: str) -> bool:
    return value[3] in "ABCFGHJLPT"


def tr_tckn(value: str) -> bool:
    d = _digits(value)
    tenth = (sum(d[0:9:2]) * 7 - sum(d[1:8:2])) % 10
    return d[0] != 0 and tenth == d[9] and sum(d[:10]) % 10 == d[10]


def sg_nric(value: str) -> bool:
    total = _weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(value[0], 0)
    table = {
        "S": "JZIHGFEDCBA",
        "T": "JZIHGFEDCBA",
        "F": "XWUTRQPNMLK",
        "G": "XWUTRQPNMLK",
        "M": "KLJNPQRTUWX",
    }
    rest = total % 11
    return table[value[0]][10 - rest if value[0] == "M" else rest] == value[8]


def ca_sin(value: str) -> bool:
    return value[0] not in "08" and luhn(value)


def au_tfn(value: str) -> bool:
    return _varied(value) and _weighted(value, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def au_medicare(value: str) -> bool:
    return value[0] in "23456" and _weighted(value[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(value[8])


def se_personnummer(value: str) -> bool:
    value = value[-10:]
    day = int(value[4:6])
    return _day(day - 60 if day > 60 else day, int(value[2:4])) and luhn(value)


def dk_cpr(value: str) -> bool:
    """Numbers given since 2007 may fail modulo 11, so only the date is asked."""
    return _day(int(value[:2]), int(value[2:4]))


def no_fodselsnummer(value: str) -> bool:
    first = (11 - _weighted(value, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11) % 11
    second = (11 - _weighted(value, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    day = int(value[:2])
    dated = _day(day - 40 if day > 40 else day, int(value[2:4]))
    return dated and first == int(value[9]) and second == int(value[10])


def fi_hetu(value: str) -> bool:
    """Compact form without the century sign: DDMMYYNNNC."""
    return (
        _day(int(value[:2]), int(value[2:4]))
        and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(value[:9]) % 31] == value[9]
    )


def cz_rodne_cislo(value: str) -> bool:
    month = int(value[2:4]) % 50
    dated = _day(int(value[4:6]), month - 20 if month > 20 else month)
    return dated and (int(value) % 11 == 0 or (int(value[:9]) % 11 == 10 and value[9] == "0"))


def ro_cnp(value: str) -> bool:
    rest = _weighted(value[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return (
        value[0] in "123456789"
        and _day(int(value[5:7]), int(value[3:5]))
        and (1 if rest == 10 else rest) == int(value[12])
    )


def bg_egn(value: str) -> bool:
    month = int(value[2:4])
    dated = _day(int(value[4:6]), month - 40 if month > 40 else month - 20 if month > 20 else month)
    return dated and _weighted(value[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(value[9])


def baltic(value: str) -> bool:
    """Estonian isikukood and Lithuanian asmens kodas."""
    rest = _weighted(value[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if rest == 10:
        rest = _weighted(value[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return value[0] in "12345678" and _day(int(value[5:7]), int(value[3:5])) and rest == int(value[10])


def lv_personas_kods(value: str) -> bool:
    if value[:2] == "32":
        return True  # numbers given since 2017 carry no date and no check digit
    total = _weighted(value[:10], (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    return _day(int(value[:2]), int(value[2:4])) and (1101 - total) % 11 % 10 == int(value[10])


def hu_taj(value: str) -> bool:
    return _varied(value) and _weighted(value[:8], (3, 7, 3, 7, 3, 7, 3, 7)) % 10 == int(value[8])


def gr_amka(value: str) -> bool:
    return _day(int(value[:2]), int(value[2:4])) and luhn(value)


def rs_jmbg(value: str) -> bool:
    rest = 11 - _weighted(value[:12], (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return _day(int(value[:2]), int(value[2:4])) and (0 if rest > 9 else rest) == int(value[12])


def ua_rnokpp(value: str) -> bool:
    total = sum(d * w for d, w in zip(_digits(value[:9]), (-1, 5, 7, 9, 4, 6, 10, 5, 7), strict=True))
    return _varied(value) and total % 11 % 10 == int(value[9])


def ru_snils(value: str) -> bool:
    rest = _weighted(value[:9], range(9, 0, -1)) % 101
    return _varied(value) and (0 if rest == 100 else rest) == int(value[9:])


def ru_inn(value: str) -> bool:
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    if len(value) == 10:
        return _varied(value) and _weighted(value[:9], weights[2:]) % 11 % 10 == int(value[9])
    first = _weighted(value[:10], weights[1:]) % 11 % 10
    return first == int(value[10]) and _weighted(value[:11], weights) % 11 % 10 == int(value[11])


def za_id(value: str) -> bool:
    return _day(int(value[4:6]), int(value[2:4])) and value[10] in "012" and luhn(value)


def cn_rin(value: str) -> bool:
    total = _weighted(value[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    dated = value[6:8] in ("19", "20") and _day(int(value[12:14]), int(value[10:12]))
    return dated and "10X98765432"[total % 11] == value[17]


def mx_curp(value: str) -> bool:
    alphabet = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(alphabet.index(c) * (18 - place) for place, c in enumerate(value[:17]))
    return _day(int(value[8:10]), int(value[6:8])) and (10 - total % 10) % 10 == int(value[17])


def cl_rut(value: str) -> bool:
    body = value[:-1]
    total = sum(d * (2 + place % 6) for place, d in enumerate(reversed(_digits(body))))
    return _varied(body) and "0K987654321"[total % 11] == value[-1]


def ar_cuit(value: str) -> bool:
    rest = (11 - _weighted(value[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    return value[:2] in ("20", "23", "24", "27", "30", "33", "34") and rest == int(value[10])


def jp_my_number(value: str) -> bool:
    total = _weighted(value[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2))
    return _varied(value) and (0 if total % 11 <= 1 else 11 - total % 11) == int(value[11])


def th_national_id(value: str) -> bool:
    return value[0] != "0" and (11 - _weighted(value[:12], range(13, 1, -1)) % 11) % 10 == int(value[12])


def my_nric(value: str) -> bool:
    return _day(int(value[4:6]), int(value[2:4]))


def id_nik(value: str) -> bool:
    day = int(value[6:8])
    return 11 <= int(value[:2]) <= 96 and _day(day - 40 if day > 40 else day, int(value[8:10]))


def ch_ahv(value: str) -> bool:
    """EAN-13 with the country code of Switzerland."""
    return value.startswith("756") and (10 - _weighted(value[:12], (1, 3) * 6) % 10) % 10 == int(value[12])


def at_svnr(value: str) -> bool:
    dated = _day(int(value[4:6]), min(int(value[6:8]), 12))
    return (
        dated and value[0] != "0" and _weighted(value, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == int(value[3])
    )


def ie_pps(value: str) -> bool:
    extra = value[8:9]
    total = _weighted(value[:7], range(8, 1, -1)) + (9 * (ord(extra) - 64) if extra and extra != "W" else 0)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == value[7]


def hk_hkid(value: str) -> bool:
    padded = value.rjust(9)
    total = sum((36 if c == " " else int(c, 36)) * (9 - place) for place, c in enumerate(padded[:8]))
    check = 10 if padded[8] == "A" else int(padded[8], 36)
    return (total + check) % 11 == 0
