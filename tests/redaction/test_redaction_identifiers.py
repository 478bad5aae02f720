"""Identifiers: every checksum kind is found when valid and not when its check digit is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.redaction import scan
from witting.redaction.patterns import checks


def kinds(text: str) -> list[str]:
    return [span.kind for span in scan(text)[0]]


def luhn_digit(body: str) -> str:
    return next(d for d in "0123456789" if checks.luhn(body + d))


def a_date(rng: random.Random) -> str:
    return f"{rng.randint(40, 99):02}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"


def digits(rng: random.Random, size: int) -> str:
    return "".join(str(rng.randint(0, 9)) for _ in range(size))


def complete(
    rng: random.Random, make: Callable[[], str], check: Callable[[str], bool], last: str = "0123456789"
) -> str:
    """A body from `make` and the first end that its published check accepts."""
    for _ in range(2_000):
        body = make()
        ends = [end for end in last if check(body + end)]
        if ends:
            return body + ends[0]
    raise AssertionError("no valid number found")


def made(check: Callable[[str], bool], shape: str) -> Callable[[random.Random], str]:
    """`shape`: # any digit, ~ a birth date yymmdd, ^ ddmmyy, other characters stand; the last place is searched."""

    def make(rng: random.Random) -> str:
        def body() -> str:
            date = a_date(rng)
            text = shape[:-1].replace("~", date).replace("^", date[4:] + date[2:4] + date[:2])
            return "".join(digits(rng, 1) if c == "#" else c for c in text)

        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if shape[-1] == "@" else "0123456789"
        return complete(rng, body, check, letters)

    return make


MAKERS = {
    "CARD": ("card", lambda rng: "4" + (body := digits(rng, 14)) + luhn_digit("4" + body)),
    "NATIONAL_ID.FR_NIR": ("numéro de sécu", lambda rng: _nir(rng)),
    "NATIONAL_ID.BR_CPF": ("cpf", made(checks.br_cpf, "###########")),
    "NATIONAL_ID.BR_CNPJ": ("cnpj", made(checks.br_cnpj, "########0001##")),
    "NATIONAL_ID.TR_TCKN": ("tc kimlik", made(checks.tr_tckn, "1##########")),
    "NATIONAL_ID.BE_NRN": ("rijksregisternummer", made(checks.be_national_number, "~#####")),
    "NATIONAL_ID.NO_FNR": ("fødselsnummer", made(checks.no_fodselsnummer, "^#####")),
    "NATIONAL_ID.PL_PESEL": ("pesel", made(checks.pl_pesel, "~#####")),
    "NATIONAL_ID.PL_NIP": ("nip", made(checks.pl_nip, "1#########")),
    "NATIONAL_ID.DE_STEUERID": ("steuer-id", made(checks.de_steuerid, "###########")),
    "NATIONAL_ID.ES_DNI": ("dni", made(checks.es_dni, "########@")),
    "NATIONAL_ID.ES_NIE": ("nie", made(checks.es_nie, "X#######@")),
    "NATIONAL_ID.IT_CF": ("codice fiscale", made(checks.it_codice_fiscale, "RSSMRA8#A0#H501@")),
    "NATIONAL_ID.NL_BSN": ("bsn", made(checks.nl_bsn, "1########")),
    "NATIONAL_ID.PT_NIF": ("contribuinte", made(checks.pt_nif, "2########")),
    "NATIONAL_ID.UK_NHS": ("nhs", made(checks.uk_nhs, "4#########")),
    "NATIONAL_ID.IN_AADHAAR": ("aadhaar", made(checks.in_aadhaar, "2###########")),
    "NATIONAL_ID.SG_NRIC": ("nric", made(checks.sg_nric, "S#######@")),
    "NATIONAL_ID.CA_SIN": ("social insurance", made(checks.ca_sin, "1########")),
    "NATIONAL_ID.AU_TFN": ("tfn", made(checks.au_tfn, "1########")),
    "NATIONAL_ID.SE_PNR": ("personnummer", made(checks.se_personnummer, "~####")),
    "NATIONAL_ID.CZ_RC": ("rodné číslo", made(checks.cz_rodne_cislo, "~####")),
    "NATIONAL_ID.RO_CNP": ("cnp", made(checks.ro_cnp, "1~######")),
    "NATIONAL_ID.BG_EGN": ("егн", made(checks.bg_egn, "~####")),
    "NATIONAL_ID.EE_ISIKUKOOD": ("isikukood", made(checks.baltic, "3~####")),
    "NATIONAL_ID.HR_OIB": ("oib", made(checks.iso7064_mod11_10, "###########")),
    "NATIONAL_ID.ZA_ID": ("identity number", made(checks.za_id, "~####08#")),
    "NATIONAL_ID.CN_RIN": ("身份证", made(checks.cn_rin, "11010519900307####")),
    "NATIONAL_ID.MX_CURP": ("curp", made(checks.mx_curp, "GOAP~HDFRRA0#")),
    "NATIONAL_ID.CL_RUT": ("rut", made(checks.cl_rut, "1#######0")),
    "NATIONAL_ID.AR_CUIT": ("cuit", made(checks.ar_cuit, "20#########")),
    "NATIONAL_ID.TH_ID": ("thai id", made(checks.th_national_id, "1############")),
    "NATIONAL_ID.CH_AHV": ("ahv", made(checks.ch_ahv, "756##########")),
    "NATIONAL_ID.RU_SNILS": ("снилс", made(checks.ru_snils, "1##########")),
}  # fmt: skip


def _nir(rng: random.Random) -> str:
    body = f"2{rng.randint(40, 99)}{rng.randint(1, 12):02}{rng.randint(10, 95)}{digits(rng, 6)}"
    return body + f"{97 - int(body) % 97:02}"


@pytest.mark.parametrize("kind", sorted(MAKERS))
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_valid_number_beside_its_name_is_found_and_one_with_a_wrong_check_is_not(
    kind: str, seed: int
) -> None:
    word, make = MAKERS[kind]
    number = make(random.Random(seed))
    sentence = f"{word}: {number} ok"
    spans = [s for s in scan(sentence)[0] if s.kind == kind]
    assert [sentence[s.start : s.end] for s in spans] == [number]
    wrong = _other_end(number, kind)
    assert kind not in kinds(f"{word}: {wrong} ok")


def _other_end(number: str, kind: str) -> str:
    """The same number with another last character that its check refuses."""
    check = {
        "CARD": checks.card,
        "NATIONAL_ID.FR_NIR": checks.fr_nir,
    }.get(kind) or next(
        getattr(checks, name) for name in dir(checks) if kind.partition(".")[2].lower() in _names(name)
    )
    alphabet = (
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        if number[-1].isalpha() and kind != "NATIONAL_ID.CL_RUT"
        else "0123456789"
    )
    for end in alphabet:
        try:
            if end != number[-1] and not check(number[:-1] + end):
                return number[:-1] + end
        except ValueError:
            continue
    raise AssertionError("every end is valid")


_CHECK_NAMES = {
    "be_national_number": "be_nrn", "no_fodselsnummer": "no_fnr", "it_codice_fiscale": "it_cf", "se_personnummer": "se_pnr",
    "cz_rodne_cislo": "cz_rc", "baltic": "ee_isikukood", "iso7064_mod11_10": "hr_oib", "th_national_id": "th_id",
}  # fmt: skip


def _names(check: str) -> str:
    return _CHECK_NAMES.get(check, check)


PUBLISHED = [  # examples printed by the issuers or standards
    ("4111111111111111", "CARD"),
    ("GB29 NWBK 6016 1331 9268 19", "IBAN"),
    ("DE89 3704 0044 0532 0130 00", "IBAN"),
    ("FR14 2004 1010 0505 0001 3M02 606", "IBAN"),
    ("529.982.247-25", "NATIONAL_ID.BR_CPF"),
    ("11.222.333/0001-81", "NATIONAL_ID.BR_CNPJ"),
    ("12345678Z", "NATIONAL_ID.ES_DNI"),
    ("X1234567L", "NATIONAL_ID.ES_NIE"),
    ("RSSMRA85T10A562S", "NATIONAL_ID.IT_CF"),
    ("10000000146", "NATIONAL_ID.TR_TCKN"),
    ("44051401359", "NATIONAL_ID.PL_PESEL"),
    ("86095742719", "NATIONAL_ID.DE_STEUERID"),
    ("85.07.30-033.28", "NATIONAL_ID.BE_NRN"),
    ("943 476 5919", "NATIONAL_ID.UK_NHS"),
    ("AB123456C", "NATIONAL_ID.UK_NINO"),
    ("S1234567D", "NATIONAL_ID.SG_NRIC"),
    ("756.9217.0769.85", "NATIONAL_ID.CH_AHV"),
    ("11010519491231002X", "NATIONAL_ID.CN_RIN"),
    ("8001015009087", "NATIONAL_ID.ZA_ID"),
    ("12.345.678-5", "NATIONAL_ID.CL_RUT"),
    ("20-12345678-6", "NATIONAL_ID.AR_CUIT"),
    ("940315-1234567", "NATIONAL_ID.KR_RRN"),
    ("A123456(3)", "NATIONAL_ID.HK_HKID"),
    ("219-09-9999", "NATIONAL_ID.US_SSN"),
]


@pytest.mark.parametrize(("number", "kind"), PUBLISHED)
def test_published_examples_are_found_without_any_word_beside_them(number: str, kind: str) -> None:
    text = f"here you go, {number}, thanks"
    (span,) = scan(text)[0]
    assert (span.kind, text[span.start : span.end]) == (kind, number)


@pytest.mark.parametrize(
    "text",
    [
        "The book ISBN is 978-3-16-148410-0",
        "Part number: 555-123-4567-A",
        "Release v2026.2.9 fixed the issue",
        "The event starts at 12:30:45 UTC",
        "Trace id 550e8400-e29b-41d4-a716-446655440000",
        "Sequence 1234 5678 90 is not a card",
        "Ticket ABC-123-XYZ is now closed",
        "It sold 1 234 567 copies for 1.234.567,00",
        "pi is 3.14159265358979",
        "Order 12345ABC ships tomorrow",
        "Inventory code 1234567890123456",
        "Date 2026-99-99 is not valid",
        "192.168.1 and 256.1.1.1 are no addresses",
        "git checkout 4f3c2b1a9d8e7f6",
        "score 21-19, 21-17, 2024-2025 season",
        "x = foo[12] + bar(34) * 567",
    ],
)
def test_numbers_that_identify_nobody_are_left_alone(text: str) -> None:
    assert scan(text)[0] == []


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("passport number X1234567", "NATIONAL_ID.PASSPORT", "X1234567"),
        ("numer paszportu: JD6088097", "NATIONAL_ID.PASSPORT", "JD6088097"),
        ("my account number is 12345678", "ACCOUNT", "12345678"),
        ("Konto Nr. 1234567890", "ACCOUNT", "1234567890"),
        ("Kennzeichen: B-AB 1234", "NATIONAL_ID.PLATE", "B-AB 1234"),
        ("imei 490154203237518", "DEVICE_ID", "490154203237518"),
        ("mac 00:1B:44:11:3A:B7", "DEVICE_ID", "00:1B:44:11:3A:B7"),
    ],
)
def test_numbers_without_a_check_are_found_beside_the_word_that_names_them(
    text: str, kind: str, value: str
) -> None:
    assert [(s.kind, text[s.start : s.end]) for s in scan(text)[0]] == [(kind, value)]


@pytest.mark.parametrize("text", ["41111111111111112222", "a4111111111111111b", "4111 1111 1111 1112"])
def test_a_piece_of_a_longer_number_is_no_card(text: str) -> None:
    assert "CARD" not in kinds(text)
